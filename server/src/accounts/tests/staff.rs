//! Invitations and the users whom an admin makes.

use bytes::Bytes;
use shared::{
    api::{AcceptInvitation, CreateUser, Invite},
    command::{Command, DepartmentRef, UserChange},
    error::ErrorCode,
    id::CommandId,
    model::Role,
    text::SafeText,
};

use super::fixture::{HOUR, House, MS, PASSWORD, advance, owned_house, told};
use crate::accounts::{
    AccountError, Session,
    rows::CodeRow,
    secret::{Token, TokenKind},
};

async fn create(
    house: &House,
    by: &Session,
    cid: CommandId,
) -> Result<shared::api::CreatedUser, AccountError> {
    let create = CreateUser {
        username: SafeText::line("nina"),
        name: SafeText::line("Nina Nut"),
        role: Role::Agent,
        departments: vec![DepartmentRef::Name(SafeText::line("customer care"))],
        capacity: Some(3),
    };
    house.accounts.create_user(by, cid, create).await
}

#[tokio::test]
async fn an_invitation_makes_one_member_of_staff() {
    let (house, owner) = owned_house().await;
    let invited = house.invite(&owner, Role::Supervisor, None).await.unwrap();
    let listed = house.accounts.invitations(&owner).await.unwrap();
    assert_eq!(listed[0].id, invited.id);
    assert_eq!(invited.expires_at, house.hub.now().after(72 * HOUR));
    let tokens = house.accept(&invited.code, Some("sven")).await.unwrap();
    assert_eq!(tokens.user.role, Role::Supervisor);
    assert_eq!(house.session(&tokens).await.role, Role::Supervisor);
    assert!(house.login("sven", PASSWORD).await.is_ok());
    let codes = house.accounts.rows.scan::<CodeRow>(Bytes::new());
    assert!(
        codes.await.unwrap().is_empty(),
        "the code is gone with its use"
    );
    assert!(house.accounts.invitations(&owner).await.unwrap().is_empty());
}

/// S3, S8: revoked, used, expired and unknown codes: one answer.
#[tokio::test]
async fn every_dead_code_reads_the_same() {
    let (house, owner) = owned_house().await;
    let used = house.invite(&owner, Role::Agent, None).await.unwrap();
    house.accept(&used.code, Some("ana")).await.unwrap();
    let revoked = house.invite(&owner, Role::Agent, None).await.unwrap();
    let revoke = house.accounts.revoke_invitation(&owner, revoked.id);
    revoke.await.unwrap();
    let expired = house.invite(&owner, Role::Agent, None).await.unwrap();
    advance(72 * HOUR).await;
    let unknown = Token::generate(TokenKind::Invitation).unwrap();
    for code in [
        &used.code,
        &revoked.code,
        &expired.code,
        unknown.expose(),
        "",
    ] {
        let answer = told(house.accept(code, Some("bert")).await);
        let sentence = "the invitation is not valid; ask for a new one".to_owned();
        assert_eq!(answer, (sentence, "unauthenticated"), "{code}");
    }
}

#[tokio::test]
async fn a_code_is_good_to_its_last_millisecond() {
    let (house, owner) = owned_house().await;
    let invited = house.invite(&owner, Role::Agent, None).await.unwrap();
    advance(72 * HOUR - MS).await;
    assert!(house.accept(&invited.code, Some("ana")).await.is_ok());
}

/// S3: a code is good for one.
#[tokio::test]
async fn one_of_two_acceptances_at_once_comes_in() {
    let (house, owner) = owned_house().await;
    let invited = house.invite(&owner, Role::Agent, None).await.unwrap();
    let (a, b) = tokio::join!(
        house.accept(&invited.code, Some("ana")),
        house.accept(&invited.code, Some("bert"))
    );
    assert_eq!([&a, &b].iter().filter(|one| one.is_ok()).count(), 1);
    let lost = a.err().or(b.err()).unwrap();
    assert!(matches!(lost, AccountError::Invitation), "{lost}");
    assert_eq!(house.hub.ask(|desk| desk.users().count()).await, Ok(2));
}

#[tokio::test]
async fn what_is_wrong_with_the_names_does_not_use_the_code_up() {
    let (house, owner) = owned_house().await;
    house.register("maria").await.unwrap();
    let invited = house.invite(&owner, Role::Agent, None).await.unwrap();
    for (username, code) in [
        (Some("olga"), ErrorCode::Conflict),
        (Some("MARIA"), ErrorCode::Conflict),
        (Some("a b"), ErrorCode::Invalid),
        (None, ErrorCode::Invalid),
    ] {
        let error = house.accept(&invited.code, username).await.unwrap_err();
        assert_eq!(error.code(), code, "{username:?}: {error}");
    }
    let weak = AcceptInvitation {
        code: invited.code.clone(),
        username: Some(SafeText::line("ana")),
        name: None,
        password: "password12345678".into(),
        totp: None,
    };
    assert!(house.accounts.accept(weak, None).await.is_err());
    assert!(house.accept(&invited.code, Some("ana")).await.is_ok());
}

#[tokio::test]
async fn an_invitation_for_a_name_is_for_that_name() {
    let (house, owner) = owned_house().await;
    let invited = house
        .invite(&owner, Role::Agent, Some("ana"))
        .await
        .unwrap();
    let other = house.accept(&invited.code, Some("bert")).await;
    assert!(matches!(other, Err(AccountError::Invitation)));
    let tokens = house.accept(&invited.code, None).await.unwrap();
    assert_eq!(tokens.user.username.as_str(), "ana");
}

/// S3: the role is at most that of the inviter.
#[tokio::test]
async fn nobody_gives_a_role_above_their_own() {
    let (house, owner) = owned_house().await;
    let admin = house.hire(&owner, Role::Admin, "adam").await;
    let admin = house.session(&admin).await;
    let above = house.invite(&admin, Role::Owner, None).await;
    assert_eq!(above.unwrap_err().code(), ErrorCode::Forbidden);
    assert!(house.invite(&admin, Role::Admin, None).await.is_ok());
    let customer = house.invite(&owner, Role::Customer, None).await;
    assert!(customer.is_err());

    for role in [Role::Supervisor, Role::Agent, Role::Auditor] {
        let tokens = house.hire(&owner, role, &format!("{role:?}")).await;
        let session = house.session(&tokens).await;
        let refused = house.invite(&session, Role::Agent, None).await;
        assert_eq!(refused.unwrap_err().code(), ErrorCode::Forbidden);
        let refused = create(&house, &session, CommandId::random()).await;
        assert_eq!(refused.unwrap_err().code(), ErrorCode::Forbidden);
    }
    let maria = house.register("maria").await.unwrap();
    let maria = house.session(&maria).await;
    let refused = house.invite(&maria, Role::Agent, None).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Forbidden);
    let listed = house.accounts.invitations(&maria).await;
    assert_eq!(listed.unwrap_err().code(), ErrorCode::Forbidden);
    let staff = house.hub.ask(|desk| desk.users().count()).await.unwrap();
    assert_eq!(staff, 5);
}

#[tokio::test]
async fn the_same_cid_gives_the_same_invitation_and_a_new_code() {
    let (house, owner) = owned_house().await;
    let cid = CommandId::random();
    let invite = || Invite {
        role: Role::Agent,
        departments: Vec::new(),
        username: None,
    };
    let first = house.accounts.invite(&owner, cid.clone(), invite()).await;
    let second = house.accounts.invite(&owner, cid.clone(), invite()).await;
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.id, second.id);
    assert!(house.accept(&first.code, Some("ana")).await.is_err());
    assert!(house.accept(&second.code, Some("ana")).await.is_ok());
    let third = house.accounts.invite(&owner, cid, invite()).await;
    assert_eq!(third.unwrap_err().code(), ErrorCode::Conflict);
}

#[tokio::test]
async fn a_user_whom_an_admin_makes_sets_the_first_password() {
    let (house, owner) = owned_house().await;
    let cid = CommandId::random();
    let lost = create(&house, &owner, cid.clone()).await.unwrap();
    let made = create(&house, &owner, cid).await.unwrap();
    assert_eq!(made.user, lost.user);
    assert_eq!(made.user.departments.len(), 1);
    assert!(house.login("nina", PASSWORD).await.is_err());
    assert!(house.accept(&lost.invitation.code, None).await.is_err());
    let tokens = house.accept(&made.invitation.code, None).await.unwrap();
    assert_eq!(tokens.user.id, made.user.id);
    assert_eq!(tokens.user.name.as_str(), "Nina Nut");
    assert!(house.accept(&made.invitation.code, None).await.is_err());
    assert!(house.login("nina", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn an_older_invitation_cannot_take_a_user_over() {
    let (house, owner) = owned_house().await;
    let older = house
        .invite(&owner, Role::Agent, Some("nina"))
        .await
        .unwrap();
    let made = create(&house, &owner, CommandId::random()).await.unwrap();
    house.accept(&made.invitation.code, None).await.unwrap();
    let stolen = house.accept(&older.code, None).await;
    assert!(matches!(stolen, Err(AccountError::Invitation)));
}

#[tokio::test]
async fn the_code_of_one_who_rose_since_is_worth_what_its_maker_may() {
    let (house, owner) = owned_house().await;
    let admin = house.hire(&owner, Role::Admin, "adam").await;
    let adam = house.session(&admin).await;
    let made = create(&house, &adam, CommandId::random()).await.unwrap();
    let rise = async |role| {
        let change = UserChange {
            role: Some(role),
            ..UserChange::default()
        };
        let (id, rev) = (made.user.id, None);
        let rise = Command::UpdateUser { id, change, rev };
        let done = house
            .hub
            .submit(owner.who.clone(), CommandId::random(), rise);
        done.await.unwrap();
    };
    // An admin knows the code, and may not become an owner by it.
    rise(Role::Owner).await;
    let stolen = house.accept(&made.invitation.code, None).await;
    assert!(
        matches!(stolen, Err(AccountError::Invitation)),
        "{stolen:?}"
    );
    // What the admin could have made is theirs to give, and an owner invites anew.
    rise(Role::Supervisor).await;
    let checked = AcceptInvitation {
        code: made.invitation.code.clone(),
        username: None,
        name: None,
        password: PASSWORD.into(),
        totp: None,
    };
    let checked = house.accounts.check_acceptance(checked, None).await;
    assert!(checked.is_ok(), "{checked:?}");
    rise(Role::Owner).await;
    let anew = house
        .invite(&owner, Role::Agent, Some("nina"))
        .await
        .unwrap();
    let tokens = house.accept(&anew.code, None).await.unwrap();
    assert_eq!(tokens.user.role, Role::Owner);
}

#[tokio::test]
async fn a_disabled_user_cannot_set_a_first_password() {
    let (house, owner) = owned_house().await;
    let made = create(&house, &owner, CommandId::random()).await.unwrap();
    house.disable(&owner, made.user.id).await;
    let refused = house.accept(&made.invitation.code, None).await;
    assert!(matches!(refused, Err(AccountError::Invitation)));
}
