//! The second factor: setting it up, what a code is worth, recovery, reset, and a lost key.

use std::fs;

use shared::{
    api::{AcceptInvitation, Login, PasswordChange, Secret, SessionTokens, TotpConfirm, TotpProof},
    error::ErrorCode,
    event::Event,
    model::Role,
};
use totp_rs::{Builder, Secret as Seed, Totp};

use super::fixture::{
    House, MINUTE, MS, OTHER_PASSWORD, PASSWORD, advance, owned_house, settings, told,
};
use crate::accounts::{AccountError, Accounts, Session};

/// An app on a phone.
struct App {
    totp: Totp,
    codes: Vec<Secret>,
}

impl App {
    fn of(secret: &str) -> Self {
        let seed = Seed::try_from_base32(secret).unwrap();
        Self {
            totp: Builder::new().with_secret(seed).build().unwrap(),
            codes: Vec::new(),
        }
    }

    /// What it shows `steps` from now.
    fn code(&self, house: &House, steps: i64) -> String {
        let now_s = house.hub.now().as_ms() / 1_000 + 30 * steps;
        self.totp
            .generate(u64::try_from(now_s).unwrap())
            .to_string()
    }
}

fn proof(password: Option<&str>, totp: Option<&str>) -> TotpProof {
    TotpProof {
        password: password.map(Secret::from),
        totp: totp.map(Secret::from),
    }
}

/// Sets up a second factor, and lets its first code go by.
async fn enable(house: &House, session: &Session) -> App {
    let accounts = &house.accounts;
    let begun = accounts
        .begin_totp(session, proof(Some(PASSWORD), None))
        .await;
    let begun = begun.unwrap();
    assert!(
        begun.uri.contains(begun.secret.expose()),
        "{}",
        begun.uri.expose()
    );
    let mut app = App::of(&begun.secret);
    let code = app.code(house, 0).as_str().into();
    let made = accounts.confirm_totp(session, TotpConfirm { code }).await;
    app.codes = made.unwrap().codes;
    advance(MINUTE).await;
    app
}

async fn login(
    accounts: &Accounts,
    username: &str,
    password: &str,
    totp: Option<&str>,
) -> Result<SessionTokens, AccountError> {
    let login = Login {
        username: username.to_owned(),
        password: password.into(),
        totp: totp.map(Secret::from),
    };
    accounts.login(login, None).await
}

async fn olga(house: &House, totp: Option<&str>) -> Result<SessionTokens, AccountError> {
    login(&house.accounts, "olga", PASSWORD, totp).await
}

/// S9: a code is asked for after the right password only, and nothing else lets in.
#[tokio::test]
async fn a_code_is_asked_for_after_the_right_password_only() {
    let (house, owner) = owned_house().await;
    let app = enable(&house, &owner).await;
    let missing = told(olga(&house, None).await);
    assert_eq!(missing.1, "forbidden", "{}", missing.0);
    let code = app.code(&house, 0);
    for (username, password) in [("olga", OTHER_PASSWORD), ("nobody", PASSWORD)] {
        for totp in [None, Some(code.as_str()), Some("000000")] {
            let refused = told(login(&house.accounts, username, password, totp).await);
            assert_eq!(refused.0, "username or password is wrong");
        }
    }
    let tokens = olga(&house, Some(&code)).await.unwrap();
    let session = house.session(&tokens).await;
    let status = house.accounts.totp_status(&session).await.unwrap();
    assert!(status.enabled_at.is_some());
    assert_eq!(status.recovery_codes, 10);
}

/// S9: each step once, also an older one, also for two who race, also over a restart.
#[tokio::test]
async fn a_code_works_once() {
    let (house, owner) = owned_house().await;
    let app = enable(&house, &owner).await;
    let code = app.code(&house, 0);
    let (a, b) = tokio::join!(olga(&house, Some(&code)), olga(&house, Some(&code)));
    assert_eq!([&a, &b].iter().filter(|one| one.is_ok()).count(), 1);
    let lost = told(a.and(b));
    assert_eq!(lost.1, "unauthenticated", "{}", lost.0);

    let again = Accounts::start(house.hub.clone(), settings(house.dir.path()));
    let again = again.await.unwrap();
    for used in [code, app.code(&house, -1)] {
        let replayed = login(&again, "olga", PASSWORD, Some(&used)).await;
        assert!(
            matches!(replayed, Err(AccountError::TotpWrong)),
            "{replayed:?}"
        );
    }
    // The clock of a phone may be half a minute ahead, and then nothing behind it works.
    let ahead = login(&again, "olga", PASSWORD, Some(&app.code(&house, 1))).await;
    assert!(ahead.is_ok(), "{ahead:?}");
    advance(30_000 * MS).await;
    let same = login(&again, "olga", PASSWORD, Some(&app.code(&house, 0))).await;
    assert!(same.is_err(), "its step was used ahead of time");
}

/// S9: one step of skew either way, and no more.
#[tokio::test]
async fn a_code_lives_a_minute_and_a_half() {
    let (house, owner) = owned_house().await;
    let app = enable(&house, &owner).await;
    for steps in [-2, 2] {
        let refused = olga(&house, Some(&app.code(&house, steps))).await;
        assert!(matches!(refused, Err(AccountError::TotpWrong)), "{steps}");
    }
    assert!(olga(&house, Some(&app.code(&house, -1))).await.is_ok());
    assert!(olga(&house, Some(&app.code(&house, 1))).await.is_ok());
}

/// S9: the sixth try in ten minutes is refused, the right code too, and the wait ends.
#[tokio::test]
async fn the_sixth_try_is_not_looked_at() {
    let (house, owner) = owned_house().await;
    let app = enable(&house, &owner).await;
    let wrong = (0..1_000_000)
        .map(|n| format!("{n:06}"))
        .find(|code| (-1..=1).all(|steps| *code != app.code(&house, steps)));
    let wrong = wrong.unwrap();
    for _ in 0..5 {
        let refused = olga(&house, Some(&wrong)).await;
        assert!(
            matches!(refused, Err(AccountError::TotpWrong)),
            "{refused:?}"
        );
        advance(20_000 * MS).await;
    }
    let right = olga(&house, Some(&app.code(&house, 0))).await.unwrap_err();
    assert!(matches!(right, AccountError::TotpWait { .. }), "{right}");
    assert_eq!(right.code(), ErrorCode::Unauthenticated);
    assert!(right.retry_after_ms().unwrap() <= 600_000);
    assert!(
        house.accounts.me(&owner).await.is_ok(),
        "the victim works on"
    );
    advance(9 * MINUTE).await;
    assert!(olga(&house, Some(&app.code(&house, 0))).await.is_ok());
}

/// S9: a code of somebody else is no code.
#[tokio::test]
async fn a_code_of_another_user_opens_nothing() {
    let (house, owner) = owned_house().await;
    let hired = house.hire(&owner, Role::Agent, "ana").await;
    let ana = house.session(&hired).await;
    let (hers, mine) = (enable(&house, &ana).await, enable(&house, &owner).await);
    let crossed = olga(&house, Some(&hers.code(&house, 0))).await;
    assert!(matches!(crossed, Err(AccountError::TotpWrong)));
    let crossed = olga(&house, Some(&hers.codes[0])).await;
    assert!(matches!(crossed, Err(AccountError::TotpWrong)));
    assert!(olga(&house, Some(&mine.code(&house, 0))).await.is_ok());
}

/// S9: ten recovery codes, each once, and new ones end the old.
#[tokio::test]
async fn a_recovery_code_works_once_and_new_ones_end_it() {
    let (house, owner) = owned_house().await;
    let app = enable(&house, &owner).await;
    let code = &app.codes[3];
    let (a, b) = tokio::join!(olga(&house, Some(code)), olga(&house, Some(code)));
    assert_eq!([&a, &b].iter().filter(|one| one.is_ok()).count(), 1);
    let used = Event::RecoveryCodeUsed {
        user: owner.user,
        left: 9,
    };
    assert_eq!(house.last_record().await, (Some(owner.user), used));
    let shouted = app.codes[4].to_uppercase();
    assert!(olga(&house, Some(&shouted)).await.is_ok());

    let accounts = &house.accounts;
    let nothing = accounts
        .renew_recovery_codes(&owner, proof(None, None))
        .await;
    assert_eq!(nothing.unwrap_err().code(), ErrorCode::Invalid);
    let wrong = proof(Some(OTHER_PASSWORD), None);
    let wrong = accounts.renew_recovery_codes(&owner, wrong).await;
    assert_eq!(wrong.unwrap_err().code(), ErrorCode::Forbidden);
    let now = app.code(&house, 0);
    let made = accounts
        .renew_recovery_codes(&owner, proof(None, Some(&now)))
        .await;
    let made = made.unwrap().codes;
    let created = Event::RecoveryCodesCreated { user: owner.user };
    assert_eq!(house.last_record().await.1, created);
    assert!(olga(&house, Some(&app.codes[5])).await.is_err());
    assert!(olga(&house, Some(&made[0])).await.is_ok());
}

/// S13: a change of the second factor ends the other sessions, and the log says who changed it.
#[tokio::test]
async fn a_change_ends_the_other_sessions() {
    let (house, owner) = owned_house().await;
    let other = house.session(&olga(&house, None).await.unwrap()).await;
    let app = enable(&house, &owner).await;
    assert!(other.ended.is_cancelled() && !owner.ended.is_cancelled());
    let enabled = Event::TotpEnabled { user: owner.user };
    assert_eq!(house.last_record().await, (Some(owner.user), enabled));
    let accounts = &house.accounts;
    let second = accounts
        .begin_totp(&owner, proof(Some(PASSWORD), None))
        .await;
    assert_eq!(second.unwrap_err().code(), ErrorCode::Conflict);

    let tokens = olga(&house, Some(&app.code(&house, 0))).await.unwrap();
    let other = house.session(&tokens).await;
    for half in [
        proof(Some(PASSWORD), None),
        proof(None, Some(&app.code(&house, 1))),
    ] {
        assert!(accounts.disable_totp(&owner, half).await.is_err());
    }
    assert!(!other.ended.is_cancelled());
    let whole = proof(Some(PASSWORD), Some(&app.code(&house, 1)));
    accounts.disable_totp(&owner, whole).await.unwrap();
    assert!(other.ended.is_cancelled() && !owner.ended.is_cancelled());
    let disabled = Event::TotpDisabled { user: owner.user };
    assert_eq!(house.last_record().await.1, disabled);
    assert!(olga(&house, None).await.is_ok());
}

/// S6: ten characters are enough beside a second factor, and too few without.
#[tokio::test]
async fn a_second_factor_allows_for_a_shorter_password() {
    const SHORT: &str = "k7Rv2mQxwZ";
    let (house, owner) = owned_house().await;
    let change = || PasswordChange {
        old: PASSWORD.into(),
        new: SHORT.into(),
    };
    let accounts = &house.accounts;
    let refused = accounts.change_password(&owner, change()).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Invalid);
    let app = enable(&house, &owner).await;
    accounts.change_password(&owner, change()).await.unwrap();
    let changed = Event::PasswordChanged { user: owner.user };
    assert_eq!(house.last_record().await, (Some(owner.user), changed));
    let whole = proof(Some(SHORT), Some(&app.code(&house, 0)));
    let alone = accounts.disable_totp(&owner, whole).await.unwrap_err();
    assert!(alone.to_string().contains("use at least 15"), "{alone}");
}

/// S13: only those above reset it; the sessions end, and a code for a password opens no way round.
#[tokio::test]
async fn a_reset_is_for_those_above_and_a_password_code_is_no_way_round() {
    let (house, owner) = owned_house().await;
    let hired = house.hire(&owner, Role::Agent, "ana").await;
    let admin = house.hire(&owner, Role::Admin, "bea").await;
    let (ana, bea) = (house.session(&hired).await, house.session(&admin).await);
    let accounts = &house.accounts;
    let none = accounts.reset_totp(&owner, ana.user).await;
    assert_eq!(none.unwrap_err().code(), ErrorCode::Conflict, "none yet");
    let app = enable(&house, &ana).await;
    enable(&house, &owner).await;

    let code = accounts.reset_password(&bea, ana.user).await.unwrap().code;
    let accept = |totp: Option<String>| AcceptInvitation {
        code: code.clone(),
        username: None,
        name: None,
        password: OTHER_PASSWORD.into(),
        totp: totp.map(Secret::new),
    };
    let without = accounts.accept(accept(None), None).await;
    assert!(
        matches!(without, Err(AccountError::TotpMissing)),
        "{without:?}"
    );
    let now = app.code(&house, 0);
    assert!(accounts.accept(accept(Some(now)), None).await.is_ok());

    for (by, id) in [(&ana, bea.user), (&bea, owner.user), (&owner, owner.user)] {
        let refused = accounts.reset_totp(by, id).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden, "{refused}");
    }
    let tokens = login(accounts, "ana", OTHER_PASSWORD, Some(&app.codes[0])).await;
    let live = house.session(&tokens.unwrap()).await;
    accounts.reset_totp(&bea, ana.user).await.unwrap();
    assert!(live.ended.is_cancelled());
    let reset = Event::TotpReset { user: ana.user };
    assert_eq!(house.last_record().await, (Some(bea.user), reset));
    assert!(login(accounts, "ana", OTHER_PASSWORD, None).await.is_ok());
}

/// S9: a factor takes the password to begin and its newest secret to confirm, within ten minutes.
#[tokio::test]
async fn a_second_factor_is_begun_with_the_password_and_confirmed_in_time() {
    let (house, owner) = owned_house().await;
    let accounts = &house.accounts;
    let none = TotpConfirm {
        code: "123456".into(),
    };
    let none = accounts.confirm_totp(&owner, none).await;
    assert_eq!(
        none.unwrap_err().code(),
        ErrorCode::Conflict,
        "none was begun"
    );
    let wrong = accounts
        .begin_totp(&owner, proof(Some(OTHER_PASSWORD), None))
        .await;
    assert_eq!(wrong.unwrap_err().code(), ErrorCode::Forbidden);
    let begun = accounts
        .begin_totp(&owner, proof(Some(PASSWORD), None))
        .await;
    let first = App::of(&begun.unwrap().secret);
    let begun = accounts
        .begin_totp(&owner, proof(Some(PASSWORD), None))
        .await;
    let second = App::of(&begun.unwrap().secret);
    let confirm = async |app: &App| {
        let code = app.code(&house, 0).as_str().into();
        accounts.confirm_totp(&owner, TotpConfirm { code }).await
    };
    assert!(olga(&house, None).await.is_ok(), "not in force yet");
    assert!(confirm(&first).await.is_err(), "the newest is meant");
    advance(10 * MINUTE).await;
    assert!(confirm(&second).await.is_err(), "too late");
}

/// S9, invariant 26: neither seed nor recovery code is in the store or the log in the clear, and
/// without the key a stored seed opens nothing while recovery codes do.
#[tokio::test]
async fn a_lost_key_leaves_recovery_codes_and_a_reset() {
    let (house, owner) = owned_house().await;
    let hired = house.hire(&owner, Role::Agent, "ana").await;
    let ana = house.session(&hired).await;
    let app = enable(&house, &owner).await;
    let seed: String = {
        let bytes = app.totp.secret().as_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let store = house.hub.store();
    for ns in ["totp", "totp_begun"] {
        let rows = store.kv_scan(ns, bytes::Bytes::new(), None, 100, house.hub.now());
        for row in rows.await.unwrap() {
            let text = String::from_utf8(row.value.to_vec()).unwrap();
            let plain = app.codes[0].replace('-', "");
            assert!(!text.contains(&seed) && !text.contains(&plain), "{text}");
        }
    }
    let path = house.dir.path().join("totp-key");
    fs::remove_file(&path).unwrap();
    let again = Accounts::start(house.hub.clone(), settings(house.dir.path()));
    let again = again.await.unwrap();
    let lost = login(&again, "olga", PASSWORD, Some(&app.code(&house, 0))).await;
    assert!(matches!(lost, Err(AccountError::TotpKeyLost)), "{lost:?}");
    let begun = again.begin_totp(&ana, proof(Some(PASSWORD), None)).await;
    assert!(
        begun.is_err(),
        "no other key is made while seeds need this one"
    );
    assert!(!path.exists());
    assert!(
        login(&again, "olga", PASSWORD, Some(&app.codes[0]))
            .await
            .is_ok()
    );
    let whole = proof(Some(PASSWORD), Some(&app.codes[1]));
    again.disable_totp(&owner, whole).await.unwrap();
    let begun = again.begin_totp(&ana, proof(Some(PASSWORD), None)).await;
    assert!(begun.is_ok(), "a new desk of second factors begins");
}

/// S9: a second factor is for who has the password; the log says what becomes of tokens.
#[tokio::test]
async fn a_token_for_scripts_manages_no_second_factor() {
    let (house, owner) = owned_house().await;
    let new = shared::api::NewToken {
        name: shared::text::SafeText::line("nightly"),
        days: None,
    };
    let made = house.accounts.create_token(&owner, new).await.unwrap();
    assert!(matches!(
        house.last_record().await.1,
        Event::TokenCreated { .. }
    ));
    let script = house
        .accounts
        .authenticate(&made.token.unwrap())
        .await
        .unwrap();
    let begun = house
        .accounts
        .begin_totp(&script, proof(Some(PASSWORD), None))
        .await;
    assert_eq!(begun.unwrap_err().code(), ErrorCode::Forbidden);
    house.accounts.delete_token(&owner, &made.id).await.unwrap();
    assert!(matches!(
        house.last_record().await.1,
        Event::TokenDeleted { .. }
    ));
}
