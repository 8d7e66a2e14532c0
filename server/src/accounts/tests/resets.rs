//! Codes for a new password: who may make one, what they are good for, and what they end.

use shared::{
    api::{AcceptInvitation, SessionTokens},
    command::{Command, UserChange},
    id::{CommandId, UserId},
    model::Role,
    text::SafeText,
};

use super::fixture::{HOUR, House, MS, OTHER_PASSWORD, PASSWORD, advance, owned_house, told};
use crate::accounts::{
    AccountError, Session,
    secret::{Token, TokenKind},
};

const DEAD: &str = "the invitation is not valid; ask for a new one";

async fn set(
    house: &House,
    code: &str,
    username: Option<&str>,
) -> Result<SessionTokens, AccountError> {
    let accept = AcceptInvitation {
        code: code.into(),
        username: username.map(SafeText::line),
        name: Some(SafeText::line("Somebody Else")),
        password: OTHER_PASSWORD.into(),
        totp: None,
    };
    house.accounts.accept(accept, None).await
}

async fn give(house: &House, by: &Session, id: UserId, role: Role) {
    let change = UserChange {
        role: Some(role),
        ..UserChange::default()
    };
    let command = Command::UpdateUser {
        id,
        change,
        rev: None,
    };
    let done = house
        .hub
        .submit(by.who.clone(), CommandId::random(), command);
    done.await.unwrap();
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_old_one() {
    let (house, owner) = owned_house().await;
    let ana = house.hire(&owner, Role::Agent, "ana").await;
    let session = house.session(&ana).await;
    let code = house
        .accounts
        .reset_password(&owner, ana.user.id)
        .await
        .unwrap();
    assert_eq!(code.username.as_str(), "ana");
    assert_eq!(code.expires_at, house.hub.now().after(24 * HOUR));
    assert!(session.ended.is_cancelled(), "an open socket ends at once");
    assert!(!house.is_open(&ana.access_token).await);
    assert!(house.login("ana", PASSWORD).await.is_ok(), "not lost yet");
    let meanwhile = house.login("ana", PASSWORD).await.unwrap();

    let tokens = set(&house, &code.code, None).await.unwrap();
    assert_eq!(
        tokens.user.name, ana.user.name,
        "nothing but the password is changed"
    );
    assert!(house.is_open(&tokens.access_token).await);
    assert!(!house.is_open(&meanwhile.access_token).await);
    let old = told(house.login("ana", PASSWORD).await);
    assert_eq!(
        old,
        told(house.login("nobody", PASSWORD).await),
        "and as any"
    );
    assert!(house.login("ana", OTHER_PASSWORD).await.is_ok());
    let again = told(set(&house, &code.code, None).await);
    assert_eq!(again, (DEAD.to_owned(), "unauthenticated"));
}

/// Two at once leave one code that is good, and say so in the log.
#[tokio::test]
async fn two_resets_at_once_leave_one_code() {
    let (house, owner) = owned_house().await;
    let ana = house.hire(&owner, Role::Agent, "ana").await.user.id;
    let (a, b) = tokio::join!(
        house.accounts.reset_password(&owner, ana),
        house.accounts.reset_password(&owner, ana)
    );
    let codes: Vec<_> = [a, b].into_iter().flatten().collect();
    assert!(!codes.is_empty());
    let mut good = 0;
    for made in codes {
        good += usize::from(set(&house, &made.code, None).await.is_ok());
    }
    assert_eq!(good, 1);
}

/// S8: also for codes of a new password.
#[tokio::test]
async fn every_code_that_is_good_for_nothing_reads_the_same() {
    let (house, owner) = owned_house().await;
    let ana = house.hire(&owner, Role::Agent, "ana").await.user.id;
    let bea = house.hire(&owner, Role::Admin, "bea").await;
    let accounts = &house.accounts;
    let older = accounts.reset_password(&owner, ana).await.unwrap().code;
    let of_another = accounts.reset_password(&owner, ana).await.unwrap().code;
    let unknown = Token::generate(TokenKind::Invitation).unwrap();
    let unknown = unknown.expose().to_owned();
    for (code, username) in [
        (older, None),
        (of_another, Some("bea")),
        (unknown.into(), Some("ana")),
        ("".into(), None),
    ] {
        let answer = told(set(&house, &code, username).await);
        assert_eq!(answer, (DEAD.to_owned(), "unauthenticated"), "{username:?}");
    }
    // Whoever made the code may not change them any more, or they are disabled.
    let admin = house.session(&bea).await;
    let code = accounts.reset_password(&admin, ana).await.unwrap().code;
    give(&house, &owner, ana, Role::Owner).await;
    assert_eq!(told(set(&house, &code, None).await).0, DEAD);
    give(&house, &owner, ana, Role::Agent).await;
    house.disable(&owner, ana).await;
    assert_eq!(told(set(&house, &code, None).await).0, DEAD);
    let disabled = told(accounts.reset_password(&owner, ana).await);
    assert_eq!(disabled.1, "conflict");
}

#[tokio::test]
async fn a_code_for_a_password_lives_a_day() {
    let (house, owner) = owned_house().await;
    let ana = house.hire(&owner, Role::Agent, "ana").await.user.id;
    let code = house.accounts.reset_password(&owner, ana).await.unwrap();
    advance(24 * HOUR - MS).await;
    let weak = AcceptInvitation {
        code: code.code.clone(),
        username: None,
        name: None,
        password: "password".into(),
        totp: None,
    };
    let weak = told(house.accounts.accept(weak, None).await);
    assert_eq!(weak.1, "invalid", "and the code is still good");
    let effect = AcceptInvitation {
        code: code.code.clone(),
        username: None,
        name: None,
        password: OTHER_PASSWORD.into(),
        totp: None,
    };
    let effect = house.accounts.check_acceptance(effect, None).await.unwrap();
    assert_eq!(effect, "sets the password of ana and signs them in");
    advance(MS).await;
    assert_eq!(told(set(&house, &code.code, None).await).0, DEAD);
}

#[tokio::test]
async fn nobody_resets_whom_they_may_not_change() {
    let (house, owner) = owned_house().await;
    let admin = house.hire(&owner, Role::Admin, "bea").await;
    let bea = house.session(&admin).await;
    let lead = house.hire(&owner, Role::Supervisor, "sven").await;
    let sven = house.session(&lead).await;
    let ana = house.hire(&owner, Role::Agent, "ana").await.user.id;
    let accounts = &house.accounts;
    let code = async |by: &Session, id| told(accounts.reset_password(by, id).await).1;
    assert_eq!(code(&bea, owner.user).await, "forbidden", "outranked");
    assert_eq!(code(&sven, ana).await, "forbidden");
    assert_eq!(code(&bea, bea.user).await, "forbidden", "oneself");
    assert_eq!(code(&owner, UserId(999)).await, "not_found");
    assert!(accounts.reset_password(&bea, ana).await.is_ok());
    assert!(accounts.reset_password(&owner, bea.user).await.is_ok());
}
