//! What lets others and scripts in: invitations and tokens.

use shared::{
    api::{AcceptInvitation, Invite, Invited, NewToken, Page, SessionTokens, TokenInfo},
    command::{Command, DepartmentRef},
    id::{DepartmentId, InvitationId},
    model::Invitation,
};
use warp::http::StatusCode;

use crate::{
    desk::{Rejection, permission::Action},
    http::{
        call::{Call, no_body, whole},
        errors::Failure,
        query::DRY_RUN,
        route::{
            Access::{Bearer, Open},
            Answer, Route,
        },
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/invitations",
        "list_invitations",
        Bearer(Action::ListInvitations),
        |call| Box::pin(list(call)),
        "Lists the invitations that nobody has accepted yet.",
    )
    .gives::<Page<Invitation>>(200),
    Route::post(
        "/api/invitations",
        "invite",
        Bearer(Action::Invite),
        |call| Box::pin(invite(call)),
        "Invites a member of staff; the code is shown here only.",
    )
    .query(&[DRY_RUN])
    .takes::<Invite>()
    .gives::<Invited>(201),
    Route::delete(
        "/api/invitations/{id}",
        "revoke_invitation",
        Bearer(Action::RevokeInvitation),
        |call| Box::pin(revoke(call)),
        "Takes an invitation back.",
    )
    .query(&[DRY_RUN]),
    Route::post(
        "/api/invitations/accept",
        "accept_invitation",
        Open,
        |call| Box::pin(accept(call)),
        "Sets a password with the code of an invitation, or with one that was made for a new \
         password, and signs in.",
    )
    .query(&[DRY_RUN])
    .takes::<AcceptInvitation>()
    .gives::<SessionTokens>(201),
    Route::get(
        "/api/tokens",
        "list_tokens",
        Bearer(Action::ManageTokens),
        |call| Box::pin(tokens(call)),
        "Lists one's own tokens for scripts.",
    )
    .gives::<Page<TokenInfo>>(200),
    Route::post(
        "/api/tokens",
        "create_token",
        Bearer(Action::ManageTokens),
        |call| Box::pin(create_token(call)),
        "Makes a token for scripts; it is shown here only.",
    )
    .query(&[DRY_RUN])
    .takes::<NewToken>()
    .gives::<TokenInfo>(201),
    Route::delete(
        "/api/tokens/{token}",
        "delete_token",
        Bearer(Action::ManageTokens),
        |call| Box::pin(delete_token(call)),
        "Ends a token for scripts.",
    )
    .query(&[DRY_RUN]),
];

async fn list(call: Call) -> Answer {
    let invitations = call.app.accounts.invitations(call.session()?).await?;
    call.answer(&whole(invitations))
}

async fn invite(call: Call) -> Answer {
    let invite: Invite = call.json()?;
    call.count()?;
    if call.is_dry_run() {
        let departments = departments(&call, &invite.departments).await?;
        let command = Command::Invite {
            role: invite.role,
            departments,
            username: invite.username,
        };
        return call.plan(command).await;
    }
    let cid = call.cid(None)?;
    let invited = call
        .app
        .accounts
        .invite(call.session()?, cid, invite)
        .await?;
    call.answer(&invited)
}

async fn revoke(call: Call) -> Answer {
    let id: InvitationId = call.id()?;
    call.count()?;
    if call.is_dry_run() {
        return call.plan(Command::RevokeInvitation { id }).await;
    }
    call.app
        .accounts
        .revoke_invitation(call.session()?, id)
        .await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}

async fn accept(call: Call) -> Answer {
    let accept: AcceptInvitation = call.json()?;
    if call.is_dry_run() {
        let ip = call.origin.counted_ip();
        let effect = call.app.accounts.check_acceptance(accept, ip).await?;
        return call.would(effect);
    }
    let tokens = call
        .app
        .accounts
        .accept(accept, call.origin.counted_ip())
        .await?;
    call.answer(&tokens)
}

async fn tokens(call: Call) -> Answer {
    let tokens = call.app.accounts.tokens(call.session()?).await?;
    call.answer(&whole(tokens))
}

async fn create_token(call: Call) -> Answer {
    let new: NewToken = call.json()?;
    if call.is_dry_run() {
        let accounts = &call.app.accounts;
        let (name, ends_at) = accounts.check_new_token(call.session()?, &new).await?;
        return call.would(format!(
            "makes the token \"{name}\", which ends at {ends_at}"
        ));
    }
    let token = call.app.accounts.create_token(call.session()?, new).await?;
    call.answer(&token)
}

async fn delete_token(call: Call) -> Answer {
    let id: String = call.id()?;
    if call.is_dry_run() {
        call.app.accounts.check_token(call.session()?, &id).await?;
        return call.would(format!("deletes the token {id}"));
    }
    call.app.accounts.delete_token(call.session()?, &id).await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}

/// The numbers of departments that were given by number or name.
pub(super) async fn departments(
    call: &Call,
    wanted: &[DepartmentRef],
) -> Result<std::collections::BTreeSet<DepartmentId>, Failure> {
    let wanted = wanted.to_vec();
    let found: Result<_, Rejection> = call
        .ask(move |desk| {
            wanted
                .iter()
                .map(|wanted| match desk.department(wanted) {
                    Some(department) => Ok(department.id),
                    None => Err(Rejection::NoDepartment {
                        name: match wanted {
                            DepartmentRef::Id(id) => id.to_string(),
                            DepartmentRef::Name(name) => name.to_string(),
                        },
                    }),
                })
                .collect()
        })
        .await?;
    Ok(found?)
}
