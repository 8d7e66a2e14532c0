//! The care of data: who did what, and what is forgotten.

use shared::{
    api::{AuditVerdict, ChatAnswer, EraseCustomer, Erased},
    client::http::Method,
    error::exit,
    record::Record,
    time::Timestamp,
};

use crate::{
    args::care::{AuditVerb, CustomerVerb, Reason},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::Names,
    run::follow::{Fed, Feed},
};

/// `audit ..`.
pub(super) async fn audit(app: &Invocation, verb: AuditVerb) -> Result<(), Failure> {
    match verb {
        AuditVerb::List {
            actor,
            kind,
            since,
            watch,
        } => list(app, actor.as_deref(), kind.as_deref(), since, watch).await,
        AuditVerb::Verify { head } => verify(app, head.as_deref()).await,
    }
}

async fn list(
    app: &Invocation,
    actor: Option<&str>,
    kind: Option<&str>,
    since: Option<Timestamp>,
    watch: bool,
) -> Result<(), Failure> {
    let actor = match actor {
        Some(meant) => Some(lookup::user(app, meant).await?.id),
        None => None,
    };
    let target = Target::new("/api/audit")
        .with_some("actor", actor)
        .with_some("kind", kind)
        .with_some("since", since);
    let names = Names::default();
    if !watch {
        return app.print_list::<Record>(target, &names).await;
    }
    // Followed before the list is read, so that nothing falls in between.
    let mut feed = Feed::open(app, Some("now".to_owned()), true).await?;
    let mut last = None;
    for record in app.every::<Record>(target).await? {
        last = Some(record.pos);
        app.print.streamed(&record, &names)?;
    }
    while let Some(fed) = feed.next().await? {
        let Fed::Line(_, delivered) = fed else {
            continue;
        };
        let record = delivered.record;
        let wanted = record.is_privileged()
            && last.is_none_or(|last| record.pos > last)
            && actor.is_none_or(|actor| record.actor.id == Some(actor))
            && kind.is_none_or(|kind| record.event.kind() == kind);
        if wanted {
            app.print.streamed(&record, &names)?;
        }
    }
    Ok(())
}

async fn verify(app: &Invocation, head: Option<&str>) -> Result<(), Failure> {
    let target = Target::new("/api/audit/verify").with_some("head", head);
    let verdict: AuditVerdict = app.get(target).await?;
    app.print.item(&verdict, &Names::default())?;
    for problem in &verdict.problems {
        app.print.note(&format!("problem: {problem}"));
    }
    if verdict.problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Reported {
            exit_code: exit::FAILURE,
        })
    }
}

/// `customer ..`.
pub(super) async fn customer(app: &Invocation, verb: CustomerVerb) -> Result<(), Failure> {
    match verb {
        CustomerVerb::Erase {
            customer,
            chat,
            reason,
        } => erase(app, customer, chat, reason).await,
    }
}

async fn erase(
    app: &Invocation,
    customer: Option<u64>,
    chat: Option<u64>,
    reason: Reason,
) -> Result<(), Failure> {
    let id = match (customer, chat) {
        (Some(customer), _) => customer,
        (None, Some(chat)) => {
            let answer: ChatAnswer = app.get(Target::new("/api/chats").child(chat)).await?;
            answer.chat.customer.0
        }
        (None, None) => return Err(Failure::usage("no customer was given", "give a number")),
    };
    let question = format!("Forget customer {id} and everything said in their chats, for good?");
    let name = id.to_string();
    confirm::ask(app, &question, Some(&name)).await?;
    let target = Target::new("/api/customers").child(id).child("erase");
    let body = EraseCustomer {
        reason: Some(reason.into()),
        cid: None,
    };
    let erased: Option<Erased> = app.change(Method::Post, target, Some(&body)).await?;
    let Some(erased) = erased else { return Ok(()) };
    if !erased.clean {
        app.print
            .note("the file of the hub is large; it forgets at the hub's next start");
    }
    app.print.item(&erased, &Names::default())
}
