//! Setup, signing in, the throttle, registration.

use std::{fs, os::unix::fs::PermissionsExt};

use shared::{api::Login, error::ErrorCode, model::Role, text::SafeText};

use super::fixture::{
    MINUTE, MS, OTHER_PASSWORD, PASSWORD, advance, house, house_with, owned_house, register,
    settings, setup, told,
};
use crate::{
    accounts::{
        AccountError, Accounts,
        phc::{Cost, Phc},
        rate::Rate,
        rows::{PasswordRow, user_key},
        secret::{Token, TokenKind},
        throttle::LoginRates,
    },
    desk::{Desk, Who},
};

/// S2: private, for this machine, good once.
#[tokio::test]
async fn the_setup_code_is_private_and_good_once() {
    let house = house().await;
    let path = house.accounts.setup_code_file().unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let code = house.setup_code();

    let remote = house.accounts.setup(setup(&code), false).await;
    assert!(matches!(remote, Err(AccountError::SetupRemote)));
    let wrong = Token::generate(TokenKind::Setup).unwrap();
    for wrong in [wrong.expose(), "", "1234", &code[1..]] {
        let refused = house.accounts.setup(setup(wrong), true).await;
        assert!(matches!(refused, Err(AccountError::SetupCode)), "{wrong:?}");
    }
    assert!(house.hub.ask(Desk::is_empty).await.unwrap());

    let tokens = house.set_up().await.unwrap();
    assert_eq!(tokens.user.role, Role::Owner);
    assert!(!path.exists());
    assert_eq!(house.accounts.setup_code_file(), None);
    let again = house.accounts.setup(setup(&code), true).await;
    assert!(matches!(again, Err(AccountError::SetupDone)));
    let session = house.session(&tokens).await;
    assert_eq!(session.who, Who::User(tokens.user.id));
    assert!(house.login("olga", PASSWORD).await.is_ok());
}

/// S2: an expired code opens nothing.
#[tokio::test]
async fn an_expired_setup_code_gives_way_to_a_new_one() {
    let house = house().await;
    let first = house.setup_code();
    advance(15 * MINUTE - MS).await;
    house.accounts.tidy();
    assert_eq!(house.setup_code(), first);
    advance(MS).await;
    let late = house.accounts.setup(setup(&first), true).await;
    assert!(matches!(late, Err(AccountError::SetupCode)));
    let second = house.setup_code();
    assert_ne!(second, first);
    advance(15 * MINUTE).await;
    house.accounts.tidy();
    assert_ne!(house.setup_code(), second);
    assert!(house.accounts.setup(setup(&second), true).await.is_err());
    assert!(house.set_up().await.is_ok());
}

#[tokio::test]
async fn a_setup_code_is_good_to_its_last_millisecond() {
    let house = house().await;
    advance(15 * MINUTE - MS).await;
    assert!(house.set_up().await.is_ok());
}

#[tokio::test]
async fn each_start_on_an_empty_desk_makes_a_fresh_code() {
    let house = house().await;
    let first = house.setup_code();
    let again = Accounts::start(house.hub.clone(), settings(house.dir.path()));
    let again = again.await.unwrap();
    assert_ne!(house.setup_code(), first);
    assert!(again.setup(setup(&first), true).await.is_err());
    assert!(again.setup(setup(&house.setup_code()), true).await.is_ok());

    // A crash between the use of a code and the end of its file.
    let stale = house.dir.path().join("setup-code");
    fs::write(&stale, "stale").unwrap();
    let third = Accounts::start(house.hub.clone(), settings(house.dir.path()));
    assert_eq!(third.await.unwrap().setup_code_file(), None);
    assert!(!stale.exists());
}

/// S2: of two claims at once one wins.
#[tokio::test]
async fn two_claims_at_once_make_one_owner() {
    let house = house().await;
    let code = house.setup_code();
    let mut other = setup(&code);
    other.username = SafeText::line("eve");
    let (a, b) = tokio::join!(
        house.accounts.setup(setup(&code), true),
        house.accounts.setup(other, true)
    );
    assert_eq!([&a, &b].iter().filter(|one| one.is_ok()).count(), 1);
    let lost = a.err().or(b.err()).unwrap();
    assert!(matches!(lost, AccountError::SetupDone), "{lost}");
    let users = house.hub.ask(|desk| desk.users().count()).await.unwrap();
    assert_eq!(users, 1);
    let logins = [
        house.login("olga", PASSWORD).await,
        house.login("eve", PASSWORD).await,
    ];
    assert_eq!(logins.iter().filter(|one| one.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_refused_password_leaves_the_setup_code_good() {
    let house = house().await;
    let mut weak = setup(&house.setup_code());
    weak.password = "olga oak frontdesk".into();
    let refused = house.accounts.setup(weak, true).await;
    assert!(matches!(refused, Err(AccountError::Policy(_))));
    assert!(house.set_up().await.is_ok());
}

/// S8: one answer and one hash, whatever is wrong.
#[tokio::test]
async fn every_failed_login_reads_the_same_and_costs_one_hash() {
    let (house, owner) = owned_house().await;
    let disabled = house.hire(&owner, Role::Agent, "dora").await;
    house.disable(&owner, disabled.user.id).await;
    house
        .accounts
        .create_user(
            &owner,
            shared::id::CommandId::random(),
            shared::api::CreateUser {
                username: SafeText::line("nina"),
                name: SafeText::line("Nina"),
                role: Role::Agent,
                departments: Vec::new(),
                capacity: None,
            },
        )
        .await
        .unwrap();
    house.register("maria").await.unwrap();
    for (username, password) in [
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("olga", OTHER_PASSWORD),
        ("olga", ""),
        ("dora", PASSWORD),
        ("nina", PASSWORD),
        ("maria", OTHER_PASSWORD),
    ] {
        let before = house.accounts.password_checks();
        let answer = told(house.login(username, password).await);
        let expected = (
            "username or password is wrong".to_owned(),
            "unauthenticated",
        );
        assert_eq!(answer, expected, "{username}");
        assert_eq!(house.accounts.password_checks() - before, 1, "{username}");
    }
    assert!(house.login("maria", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn usernames_have_no_case_and_one_normal_form() {
    let (house, owner) = owned_house().await;
    house.hire(&owner, Role::Agent, "Zoë").await;
    assert!(house.login("OLGA", PASSWORD).await.is_ok());
    assert!(house.login("zoe\u{308}", PASSWORD).await.is_ok());
    assert!(house.login(" ZOË ", PASSWORD).await.is_ok());
    house.register("Maria").await.unwrap();
    assert!(house.login("mARIA", PASSWORD).await.is_ok());
}

/// S7: guesses wait, and never for ever.
#[tokio::test]
async fn the_sixth_guess_waits_and_the_right_password_ends_the_wait() {
    let (house, _) = owned_house().await;
    for _ in 0..5 {
        assert!(house.login("olga", OTHER_PASSWORD).await.is_err());
    }
    let checks = house.accounts.password_checks();
    let error = house.login("olga", PASSWORD).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RateLimited);
    assert_eq!(error.retry_after_ms(), Some(1_000));
    assert_eq!(
        house.accounts.password_checks(),
        checks,
        "nothing is hashed"
    );
    advance(1_000 * MS).await;
    assert!(house.login("olga", PASSWORD).await.is_ok());
    assert!(house.login("olga", PASSWORD).await.is_ok());
}

/// S7: by address too.
#[tokio::test]
async fn an_address_is_throttled_whatever_the_names() {
    let house = house_with(|settings| {
        settings.login_rates = LoginRates {
            per_ip: Rate::per_minute(3, 3),
            global: None,
        };
        settings.arrival_rate = Rate::per_minute(2, 2);
    })
    .await;
    let ip = Some("192.0.2.7".parse().unwrap());
    for n in 0..3 {
        let answer = house.login_from(&format!("user{n}"), PASSWORD, ip).await;
        assert!(matches!(answer, Err(AccountError::Credentials)));
    }
    let fourth = house.login_from("user4", PASSWORD, ip).await;
    assert!(matches!(fourth, Err(AccountError::Throttled { .. })));
    assert!(matches!(
        house.login("user5", PASSWORD).await,
        Err(AccountError::Credentials)
    ));
    for n in 0..2 {
        let name = format!("customer{n}");
        assert!(house.accounts.register(register(&name), ip).await.is_ok());
    }
    let third = house.accounts.register(register("customer3"), ip).await;
    assert!(matches!(third, Err(AccountError::Throttled { .. })));
}

/// S6: a password of 1 MiB is not hashed.
#[tokio::test]
async fn a_huge_password_is_refused_unhashed() {
    let (house, _) = owned_house().await;
    let login = Login {
        username: "olga".to_owned(),
        password: "x".repeat(1 << 20).into(),
        totp: None,
    };
    let error = house.accounts.login(login, None).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    assert_eq!(house.accounts.password_checks(), 0);
}

/// S4: a hash that is weaker than configured is made anew.
#[tokio::test]
async fn a_login_strengthens_a_weak_hash() {
    let (house, owner) = owned_house().await;
    let stronger = Cost {
        iterations: 3,
        ..Cost::FLOOR
    };
    let mut settings = settings(house.dir.path());
    settings.staff_cost = stronger;
    let dearer = Accounts::start(house.hub.clone(), settings).await.unwrap();
    let cost = async || {
        let key = user_key(owner.user);
        let kept = dearer.rows.read::<PasswordRow>(&key).await.unwrap();
        Phc::parse(&kept.unwrap().row.phc).unwrap().cost()
    };
    assert_eq!(cost().await, Cost::FLOOR);
    let login = |password: &str| Login {
        username: "olga".to_owned(),
        password: password.into(),
        totp: None,
    };
    assert!(dearer.login(login(OTHER_PASSWORD), None).await.is_err());
    assert_eq!(cost().await, Cost::FLOOR);
    assert!(dearer.login(login(PASSWORD), None).await.is_ok());
    assert_eq!(cost().await, stronger);
    assert!(dearer.login(login(PASSWORD), None).await.is_ok());
}

/// S3: registration is for customers, where it is on at all.
#[tokio::test]
async fn where_registration_is_off_nobody_registers() {
    let house = house_with(|settings| settings.registration = false).await;
    house.set_up().await.unwrap();
    let error = house.register("maria").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Forbidden);
}

/// S3: nobody registers as staff.
#[tokio::test]
async fn whoever_registers_is_a_customer() {
    let (house, _) = owned_house().await;
    let tokens = house.register("maria").await.unwrap();
    assert_eq!(tokens.user.role, Role::Customer);
    let session = house.session(&tokens).await;
    let who = Who::Customer {
        id: tokens.user.id,
        name: SafeText::line("Maria Meadow"),
    };
    assert_eq!((session.who.clone(), session.role), (who, Role::Customer));
    let me = house.accounts.me(&session).await.unwrap();
    assert_eq!(me.user, tokens.user);
    assert_eq!(me.token, "session");

    for taken in ["MARIA", "olga", "Olga"] {
        let answer = house.register(taken).await;
        assert!(matches!(answer, Err(AccountError::Taken(_))), "{taken}");
    }
    let bad = |change: fn(&mut shared::api::Register)| {
        let mut bad = register("someone");
        change(&mut bad);
        house.accounts.register(bad, None)
    };
    for refused in [
        bad(|r| r.username = SafeText::line("some one")).await,
        bad(|r| r.name = SafeText::line("Support")).await,
        bad(|r| r.email = Some(SafeText::line("nowhere"))).await,
        bad(|r| r.password = "short".into()).await,
    ] {
        assert_eq!(refused.unwrap_err().code(), ErrorCode::Invalid);
    }
}

#[tokio::test]
async fn one_of_two_registrations_at_once_gets_the_name() {
    let (house, _) = owned_house().await;
    let (a, b) = tokio::join!(house.register("maria"), house.register("Maria"));
    assert_eq!([&a, &b].iter().filter(|one| one.is_ok()).count(), 1);
    let lost = a.err().or(b.err()).unwrap();
    assert!(matches!(lost, AccountError::Taken(_)), "{lost}");
    assert!(house.login("maria", PASSWORD).await.is_ok());
}

/// S7: of 100 guesses in an hour at most 30 are looked at, and whoever has a session keeps it.
#[tokio::test]
async fn an_hour_of_guesses_is_30_and_its_victim_works_on() {
    let (house, owner) = owned_house().await;
    let before = house.accounts.password_checks();
    for _ in 0..100 {
        let guess = house.login("olga", OTHER_PASSWORD).await;
        assert!(matches!(
            guess,
            Err(AccountError::Credentials | AccountError::Throttled { .. })
        ));
        advance(36_000 * MS).await;
        assert!(!owner.ended.is_cancelled());
    }
    let looked_at = house.accounts.password_checks() - before;
    assert!((6..=30).contains(&looked_at), "{looked_at}");
    assert!(house.accounts.sessions(&owner).await.is_ok());
    let tokens = house.accounts.me(&owner).await;
    assert!(tokens.is_ok(), "the session is well");
}
