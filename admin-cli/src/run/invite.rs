//! Invitations to become a member of staff.

use shared::{
    api::{AcceptInvitation, Invite, Invited, Page},
    client::http::Method,
    command::DepartmentRef,
    model::Invitation,
    text::SafeText,
};

use crate::{
    args::access::{Accept, InviteVerb},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::Names,
    run::{
        each, listed,
        login::{Newcomer, wants_second_factor},
        unless_missing,
    },
    secret_input::{self, Password},
};

/// `invite ..`.
pub(super) async fn run(app: &Invocation, verb: InviteVerb) -> Result<(), Failure> {
    match verb {
        InviteVerb::Create {
            role,
            department,
            username,
        } => {
            let departments = lookup::departments(app, &department).await?;
            let departments = departments.iter().map(|each| DepartmentRef::Id(each.id));
            let body = Invite {
                role,
                departments: departments.collect(),
                username: username.as_deref().map(SafeText::line),
            };
            let invited = app.change(Method::Post, "/api/invitations", Some(&body));
            let Some(invited) = invited.await? else {
                return Ok(());
            };
            app.print.item::<Invited>(&invited, &Names::default())?;
            app.print.note(
                "this code is shown once; whoever has it runs: frontdesk-admin invite accept",
            );
            Ok(())
        }
        InviteVerb::List => {
            let page: Page<Invitation> = app.get("/api/invitations").await?;
            let names = lookup::names(app).await;
            app.print.list(&page.items, page.next.as_deref(), &names)
        }
        InviteVerb::Revoke { ids } => revoke(app, &ids).await,
        InviteVerb::Accept(args) => accept(app, args).await,
    }
}

async fn accept(app: &Invocation, args: Accept) -> Result<(), Failure> {
    secret_input::one_stdin(&args.code, &args.password)?;
    let name = args.name.as_deref().or(args.username.as_deref());
    secret_input::apart(&args.password, args.totp_file.as_deref())?;
    let mut body = AcceptInvitation {
        name: name.map(SafeText::line),
        username: args.username.as_deref().map(SafeText::line),
        code: secret_input::code(app, &args.code, "invitation code")
            .await?
            .into(),
        password: secret_input::password(app, &args.password, Password::New)
            .await?
            .into(),
        totp: secret_input::second_factor(args.totp_file.as_deref())?,
    };
    let newcomer = Newcomer::find(app)?;
    let http = newcomer.http()?;
    if app.global.dry_run {
        let plan = http
            .post("/api/invitations/accept?dry_run=1", &body)
            .await?;
        return app.print_plan(plan);
    }
    let path = "/api/invitations/accept";
    let mut answer = http.post(path, &body).await;
    if wants_second_factor(&answer) && body.totp.is_none() {
        body.totp = Some(secret_input::ask_second_factor(app).await?);
        answer = http.post(path, &body).await;
    }
    newcomer.begin(app, answer?)
}

async fn revoke(app: &Invocation, ids: &[u64]) -> Result<(), Failure> {
    let question = format!("Take back invitation {}?", listed(ids));
    confirm::ask(app, &question, None).await?;
    let (_, outcome) = each(app, ids, async |id| {
        let target = Target::new("/api/invitations").child(id);
        let revoked = app.change::<(), ()>(Method::Delete, target, None).await;
        if unless_missing(app, revoked)?.flatten().is_some() {
            app.print.note(&format!("took back invitation {id}"));
        }
        Ok(Some(()))
    })
    .await;
    outcome
}
