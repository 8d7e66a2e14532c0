//! Lifetimes, renewal, lists and revocation.

use shared::{
    api::{NewToken, PasswordChange, Refresh, SessionTokens},
    command::{Command, UserChange},
    error::ErrorCode,
    event::Event,
    id::{CommandId, UserId},
    model::Role,
    text::SafeText,
};

use super::fixture::{
    DAY, HOUR, House, MINUTE, MS, OTHER_PASSWORD, PASSWORD, advance, house_with, owned_house,
    settings, told,
};
use crate::{
    accounts::{
        AccountError, Accounts, SessionKind,
        rows::{SessionRow, session_key},
        secret::{Token, TokenKind},
    },
    desk::Who,
};

async fn refresh(house: &House, tokens: &SessionTokens) -> Result<SessionTokens, AccountError> {
    let refresh_token = tokens.refresh_token.clone();
    house.accounts.refresh(Refresh { refresh_token }).await
}

fn new_token(days: Option<u32>) -> NewToken {
    NewToken {
        name: SafeText::line("nightly report"),
        days,
    }
}

/// S12: an access token lives 30 minutes, to the millisecond.
#[tokio::test]
async fn an_access_token_ends_after_30_minutes() {
    let (house, _) = owned_house().await;
    let tokens = house.login("olga", PASSWORD).await.unwrap();
    advance(30 * MINUTE - MS).await;
    assert!(house.is_open(&tokens.access_token).await);
    advance(MS).await;
    assert!(!house.is_open(&tokens.access_token).await);
    let renewed = refresh(&house, &tokens).await.unwrap();
    assert!(house.is_open(&renewed.access_token).await);
    assert_eq!(renewed.expires_at, house.hub.now().after(30 * MINUTE));
}

/// S12: the absolute end of staff.
#[tokio::test]
async fn a_session_of_staff_ends_after_12_hours_whatever_is_renewed() {
    let (house, _) = owned_house().await;
    let mut tokens = house.login("olga", PASSWORD).await.unwrap();
    let end = house.hub.now().after(12 * HOUR);
    for _ in 0..23 {
        advance(30 * MINUTE).await;
        tokens = refresh(&house, &tokens).await.unwrap();
    }
    advance(10 * MINUTE).await;
    tokens = refresh(&house, &tokens).await.unwrap();
    assert_eq!(
        tokens.expires_at, end,
        "an access token ends with its session"
    );
    let session = house.session(&tokens).await;
    assert_eq!((session.expires_at, session.ends_at), (end, end));
    advance(20 * MINUTE - MS).await;
    assert!(house.is_open(&tokens.access_token).await);
    advance(MS).await;
    assert!(!house.is_open(&tokens.access_token).await);
    assert!(refresh(&house, &tokens).await.is_err());
    house.accounts.tidy();
    assert_eq!(house.accounts.shared.live.len(), 0);
}

/// S12: the absolute end of a registered customer.
#[tokio::test]
async fn a_registered_customer_stays_for_7_days() {
    let (house, _) = owned_house().await;
    let tokens = house.register("maria").await.unwrap();
    advance(7 * DAY - MS).await;
    let renewed = refresh(&house, &tokens).await.unwrap();
    assert!(house.is_open(&renewed.access_token).await);
    advance(MS).await;
    assert!(!house.is_open(&renewed.access_token).await);
}

/// S10: a token of another kind, made up or renamed opens nothing.
#[tokio::test]
async fn only_tokens_that_were_given_out_open_anything() {
    let (house, _) = owned_house().await;
    let tokens = house.login("olga", PASSWORD).await.unwrap();
    let renamed = tokens.access_token.replace("fda_", "fdp_");
    let unknown = Token::generate(TokenKind::Access).unwrap();
    for text in ["", "x", &renamed, unknown.expose(), &tokens.refresh_token] {
        let answer = told(house.accounts.authenticate(text).await);
        let sentence = "the token is unknown, expired or revoked; sign in again".to_owned();
        assert_eq!(answer, (sentence, "unauthenticated"), "{text}");
    }
    let access = tokens.access_token.clone();
    let refreshed = house.accounts.refresh(Refresh {
        refresh_token: access,
    });
    assert!(matches!(refreshed.await, Err(AccountError::Token)));
}

/// S11: an old refresh token ends its whole family.
#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_whole_session() {
    let (house, _) = owned_house().await;
    let first = house.login("olga", PASSWORD).await.unwrap();
    let other = house.login("olga", PASSWORD).await.unwrap();
    let second = refresh(&house, &first).await.unwrap();
    assert!(
        house.is_open(&first.access_token).await,
        "until its own end"
    );
    let third = refresh(&house, &second).await.unwrap();
    let session = house.session(&third).await;

    assert!(matches!(
        refresh(&house, &first).await,
        Err(AccountError::Token)
    ));
    assert!(session.ended.is_cancelled());
    for dead in [&first, &second, &third] {
        assert!(!house.is_open(&dead.access_token).await);
        assert!(refresh(&house, dead).await.is_err());
    }
    assert!(
        house.is_open(&other.access_token).await,
        "another login lives"
    );
}

/// S11: also when both come at once.
#[tokio::test]
async fn two_renewals_with_one_token_at_once_end_the_session() {
    let (house, _) = owned_house().await;
    let tokens = house.login("olga", PASSWORD).await.unwrap();
    let session = house.session(&tokens).await;
    let (a, b) = tokio::join!(refresh(&house, &tokens), refresh(&house, &tokens));
    assert_eq!([&a, &b].iter().filter(|one| one.is_ok()).count(), 1);
    let won = a.ok().or(b.ok()).unwrap();
    assert!(!house.is_open(&won.access_token).await);
    assert!(session.ended.is_cancelled());
}

#[tokio::test]
async fn a_session_cannot_be_renewed_without_end() {
    let (house, _) = owned_house().await;
    let mut tokens = house.login("olga", PASSWORD).await.unwrap();
    for _ in 0..20 {
        tokens = refresh(&house, &tokens).await.unwrap();
    }
    let error = refresh(&house, &tokens).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RateLimited);
    advance(MINUTE).await;
    assert!(refresh(&house, &tokens).await.is_ok(), "it was not used up");
}

/// S12: ten sessions, oldest out.
#[tokio::test]
async fn the_11th_session_ends_the_oldest() {
    let (house, owner) = owned_house().await;
    let mut all = Vec::new();
    for _ in 0..10 {
        advance(1_000 * MS).await;
        let tokens = house.login("olga", PASSWORD).await.unwrap();
        all.push(house.session(&tokens).await);
    }
    assert!(owner.ended.is_cancelled(), "the setup's own was the oldest");
    assert!(all.iter().all(|session| !session.ended.is_cancelled()));
    let newest = all.last().unwrap();
    let listed = house.accounts.sessions(newest).await.unwrap();
    assert_eq!(listed.len(), 10);
    assert_eq!(listed[0].id, newest.id);
    let current: Vec<_> = listed.iter().filter(|info| info.current).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0].id, newest.id);
}

/// S13: logout and revocation are live.
#[tokio::test]
async fn logout_and_ending_another_session_work_at_once() {
    let (house, owner) = owned_house().await;
    let tokens = house.login("olga", PASSWORD).await.unwrap();
    let other = house.session(&tokens).await;
    let socket = house.session(&tokens).await.ended;
    house.accounts.end_session(&owner, &other.id).await.unwrap();
    assert!(socket.is_cancelled() && other.ended.is_cancelled());
    assert!(!house.is_open(&tokens.access_token).await);
    assert!(refresh(&house, &tokens).await.is_err());
    let again = house.accounts.end_session(&owner, &other.id).await;
    assert_eq!(again.unwrap_err().code(), ErrorCode::NotFound);

    let hired = house.hire(&owner, Role::Agent, "ana").await;
    let ana = house.session(&hired).await;
    let foreign = house.accounts.end_session(&ana, &owner.id).await;
    assert_eq!(foreign.unwrap_err().code(), ErrorCode::NotFound);

    house.accounts.logout(&owner).await.unwrap();
    assert!(owner.ended.is_cancelled());
    assert!(!ana.ended.is_cancelled());
}

/// S13: disabling ends every token.
#[tokio::test]
async fn a_disabled_user_is_out_with_every_token() {
    let (house, owner) = owned_house().await;
    let hired = house.hire(&owner, Role::Agent, "ana").await;
    let ana = house.session(&hired).await;
    let api = house.accounts.create_token(&ana, new_token(None)).await;
    let api = api.unwrap().token.unwrap();
    assert!(house.is_open(&api).await);
    house.disable(&owner, ana.user).await;
    assert!(
        !house.is_open(&hired.access_token).await,
        "the desk is asked"
    );
    assert!(!house.is_open(&api).await);
    assert!(refresh(&house, &hired).await.is_err());
    assert!(!ana.ended.is_cancelled());
    house.accounts.end_all(ana.user).await;
    assert!(ana.ended.is_cancelled());
    assert!(!owner.ended.is_cancelled());
    let key = session_key(ana.user, &ana.id);
    let row = house.accounts.rows.read::<SessionRow>(&key).await.unwrap();
    assert!(row.is_none());
}

/// S6, S13: a change needs the old password and ends what the old one opened.
#[tokio::test]
async fn a_new_password_ends_all_but_the_session_that_set_it() {
    let (house, owner) = owned_house().await;
    let tokens = house.login("olga", PASSWORD).await.unwrap();
    let other = house.session(&tokens).await;
    let api = house.accounts.create_token(&owner, new_token(None)).await;
    let api = api.unwrap().token.unwrap();
    let change = |old: &str, new: &str| PasswordChange {
        old: old.into(),
        new: new.into(),
    };

    let wrong = change(OTHER_PASSWORD, OTHER_PASSWORD);
    let wrong = house.accounts.change_password(&owner, wrong).await;
    assert_eq!(wrong.unwrap_err().code(), ErrorCode::Forbidden);
    let weak = change(PASSWORD, "customer care desk");
    let weak = house.accounts.change_password(&owner, weak).await;
    assert_eq!(weak.unwrap_err().code(), ErrorCode::Invalid);
    let script = house.accounts.authenticate(&api).await.unwrap();
    let by_script = change(PASSWORD, OTHER_PASSWORD);
    let by_script = house.accounts.change_password(&script, by_script).await;
    assert_eq!(by_script.unwrap_err().code(), ErrorCode::Forbidden);
    assert!(!other.ended.is_cancelled());

    let right = change(PASSWORD, OTHER_PASSWORD);
    house.accounts.change_password(&owner, right).await.unwrap();
    assert!(!owner.ended.is_cancelled());
    assert!(other.ended.is_cancelled() && script.ended.is_cancelled());
    assert!(!house.is_open(&tokens.access_token).await);
    assert!(!house.is_open(&api).await);
    assert!(house.login("olga", PASSWORD).await.is_err());
    assert!(house.login("olga", OTHER_PASSWORD).await.is_ok());
}

/// S13: a hub that was killed between the end of a user and the end of their sessions ends them at
/// its next start, so that they do not come back with the user.
#[tokio::test]
async fn a_start_ends_the_sessions_of_the_disabled() {
    let (house, owner) = owned_house().await;
    let hired = house.hire(&owner, Role::Agent, "ana").await;
    let ana = house.session(&hired).await;
    house.disable(&owner, ana.user).await;
    let again = Accounts::start(house.hub.clone(), settings(house.dir.path()));
    let again = again.await.unwrap();
    let change = UserChange {
        active: Some(true),
        ..UserChange::default()
    };
    let enable = Command::UpdateUser {
        id: ana.user,
        change,
        rev: None,
    };
    let who = owner.who.clone();
    let enabled = house.hub.submit(who, CommandId::random(), enable).await;
    enabled.unwrap();
    let revived = again.authenticate(&hired.access_token).await;
    assert!(matches!(revived, Err(AccountError::Token)), "{revived:?}");
}

/// S13: who may change a user may list and end their sessions, and the log says who did.
#[tokio::test]
async fn sessions_of_others_are_listed_and_ended_by_those_above() {
    let (house, owner) = owned_house().await;
    let hired = house.hire(&owner, Role::Admin, "ana").await;
    let ana = house.session(&hired).await;
    let accounts = &house.accounts;
    assert_eq!(
        accounts.sessions_of(&owner, ana.user).await.unwrap().len(),
        1
    );
    let above = accounts.revoke_sessions(&ana, owner.user).await;
    assert_eq!(above.unwrap_err().code(), ErrorCode::Forbidden);
    assert!(!owner.ended.is_cancelled());
    accounts.revoke_sessions(&owner, ana.user).await.unwrap();
    assert!(ana.ended.is_cancelled());
    assert!(!house.is_open(&hired.access_token).await);
    let revoked = Event::SessionsRevoked { user: ana.user };
    assert_eq!(house.last_record().await, (Some(owner.user), revoked));
}

#[tokio::test]
async fn the_old_password_cannot_be_guessed_with_a_stolen_session() {
    let (house, owner) = owned_house().await;
    let guess = || PasswordChange {
        old: OTHER_PASSWORD.into(),
        new: OTHER_PASSWORD.into(),
    };
    for _ in 0..5 {
        assert!(
            house
                .accounts
                .change_password(&owner, guess())
                .await
                .is_err()
        );
    }
    let error = house.accounts.change_password(&owner, guess()).await;
    assert_eq!(error.unwrap_err().code(), ErrorCode::RateLimited);
    assert!(
        house.login("olga", PASSWORD).await.is_ok(),
        "the door is open"
    );
}

#[tokio::test]
async fn a_token_for_scripts_acts_as_its_user_until_its_end() {
    let (house, owner) = owned_house().await;
    let made = house
        .accounts
        .create_token(&owner, new_token(Some(365)))
        .await;
    let made = made.unwrap();
    let secret = made.token.clone().unwrap();
    let script = house.accounts.authenticate(&secret).await.unwrap();
    assert_eq!(script.kind, SessionKind::Api);
    assert_eq!(
        (script.who.clone(), script.role),
        (owner.who.clone(), Role::Owner)
    );
    assert_eq!(script.ends_at, house.hub.now().after(365 * DAY));
    assert_eq!(house.accounts.me(&script).await.unwrap().token, "api");

    let listed = house.accounts.tokens(&script).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, made.id);
    assert!(listed[0].token.is_none());
    let sessions = house.accounts.sessions(&script).await.unwrap();
    assert_eq!(sessions.len(), 1, "a token is no login");
    for (token, days) in [(&script, Some(1)), (&owner, Some(0)), (&owner, Some(366))] {
        let refused = house.accounts.create_token(token, new_token(days)).await;
        assert!(refused.is_err(), "{days:?}");
    }

    advance(365 * DAY - MS).await;
    assert!(house.is_open(&secret).await);
    advance(MS).await;
    assert!(!house.is_open(&secret).await);
}

#[tokio::test]
async fn a_deleted_token_is_dead_at_once() {
    let (house, owner) = owned_house().await;
    let made = house.accounts.create_token(&owner, new_token(None)).await;
    let made = made.unwrap();
    let secret = made.token.unwrap();
    let script = house.accounts.authenticate(&secret).await.unwrap();
    let login = house.accounts.delete_token(&owner, &owner.id).await;
    assert_eq!(login.unwrap_err().code(), ErrorCode::NotFound, "no login");
    house.accounts.delete_token(&owner, &made.id).await.unwrap();
    assert!(script.ended.is_cancelled());
    assert!(!house.is_open(&secret).await);
    assert!(house.accounts.delete_token(&owner, &made.id).await.is_err());
}

#[tokio::test]
async fn tokens_have_a_number_and_are_for_staff() {
    let house = house_with(|settings| settings.tokens_max = 2).await;
    let tokens = house.set_up().await.unwrap();
    let owner = house.session(&tokens).await;
    for _ in 0..2 {
        let made = house.accounts.create_token(&owner, new_token(None)).await;
        assert!(made.is_ok());
    }
    let third = house.accounts.create_token(&owner, new_token(None)).await;
    assert_eq!(third.unwrap_err().code(), ErrorCode::Conflict);

    let maria = house.register("maria").await.unwrap();
    let maria = house.session(&maria).await;
    let refused = house.accounts.create_token(&maria, new_token(None)).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Forbidden);
}

/// S12: the rolling end of a customer without an account.
#[tokio::test]
async fn the_secret_of_a_chat_lives_7_days_from_its_last_use() {
    let (house, _) = owned_house().await;
    let (customer, name) = house.anonymous().await;
    let secret = house.accounts.chat_token(customer, &name).await.unwrap();
    let session = house.accounts.authenticate(&secret).await.unwrap();
    assert_eq!(session.kind, SessionKind::Chat);
    assert_eq!(session.who, Who::Customer { id: customer, name });
    assert_eq!(session.ends_at, house.hub.now().after(7 * DAY));
    let me = house.accounts.me(&session).await.unwrap();
    assert_eq!((me.user.role, me.token.as_str()), (Role::Customer, "chat"));

    advance(7 * DAY - MS).await;
    let session = house.accounts.authenticate(&secret).await.unwrap();
    assert_eq!(session.ends_at, house.hub.now().after(7 * DAY));
    advance(7 * DAY - MS).await;
    assert!(house.is_open(&secret).await);
    advance(7 * DAY).await;
    assert!(!house.is_open(&secret).await);
}

#[tokio::test]
async fn a_second_secret_of_a_chat_ends_the_first() {
    let (house, _) = owned_house().await;
    let (customer, name) = house.anonymous().await;
    let first = house.accounts.chat_token(customer, &name).await.unwrap();
    let socket = house.accounts.authenticate(&first).await.unwrap().ended;
    let second = house.accounts.chat_token(customer, &name).await.unwrap();
    assert!(socket.is_cancelled());
    assert!(!house.is_open(&first).await);
    assert!(house.is_open(&second).await);
    let unknown = house.accounts.chat_token(UserId(99), &name).await.unwrap();
    assert!(
        house.is_open(&unknown).await,
        "whose it is, the desk judges"
    );
}

#[tokio::test]
async fn use_is_noted_once_a_minute() {
    let (house, owner) = owned_house().await;
    let tokens = house.login("olga", PASSWORD).await.unwrap();
    let id = house.session(&tokens).await.id;
    let read = async || {
        let key = session_key(owner.user, &id);
        let kept = house.accounts.rows.read::<SessionRow>(&key).await.unwrap();
        let kept = kept.unwrap();
        (kept.version, kept.row.seen_at)
    };
    let first = read().await;
    advance(MINUTE - MS).await;
    house.session(&tokens).await;
    assert_eq!(read().await, first);
    advance(MS).await;
    house.session(&tokens).await;
    let second = read().await;
    assert_eq!(second.1, first.1.after(MINUTE));
    house.session(&tokens).await;
    assert_eq!(read().await, second);
}
