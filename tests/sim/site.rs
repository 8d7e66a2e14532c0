//! The desk that every day begins with, made once: its people, and their tokens.

use std::{path::Path, sync::OnceLock, time::Duration};

use server::{
    Accept, Connection,
    accounts::{AccountSettings, Accounts, Session, SessionKind},
    config::{Config, Flags},
    desk::Who,
    hub::Hub,
    store::Disk,
};
use shared::{
    api::NewToken,
    command::{Command, NewDepartment, NewUser, OpenChat},
    id::{ChatId, CommandId, DepartmentId, UserId},
    machine,
    model::Role,
    text::SafeText,
};
use tokio_util::sync::CancellationToken;

use crate::wire::Wires;

/// When every simulation begins, in seconds since 1970.
pub(crate) const BEGIN_S: u64 = 1_800_000_000;
/// Most customers and most agents of a day.
pub(crate) const CUSTOMERS_MAX: usize = 6;
pub(crate) const AGENTS_MAX: usize = 4;

/// The desk before the first day.
pub(crate) struct Template {
    /// What the hub has on its disk.
    pub(crate) disk: Disk,
    /// Everybody: the owner, the agents, the customers.
    pub(crate) owner: Person,
    pub(crate) agents: Vec<Person>,
    pub(crate) customers: Vec<Person>,
}

/// Somebody with a token.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) id: UserId,
    pub(crate) role: Role,
    pub(crate) token: String,
    /// A customer's first chat.
    pub(crate) chat: Option<ChatId>,
}

/// The desk before the first day, made when it is first asked for.
pub(crate) fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let _machine = machine::simulate(0, || Duration::from_secs(BEGIN_S));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(make())
    })
}

/// The settings of a hub in a simulation.
pub(crate) fn config() -> Config {
    Config::load(&Flags {
        data: Some("/nowhere".into()),
        ..Flags::default()
    })
    .expect("the defaults are settings")
}

async fn make() -> Template {
    let disk = Disk::default();
    let hub = Hub::start_in_runtime(disk.store().expect("a store"))
        .await
        .expect("a hub");
    let line = SafeText::line;
    let setup = Command::Setup {
        username: line("olga"),
        name: line("Olga"),
    };
    do_as(&hub, Who::Anonymous, setup).await;
    let owner = Who::User(UserId(1));
    let billing = NewDepartment {
        name: line("Billing"),
        description: SafeText::default(),
        active: true,
        default: false,
        capacity: None,
        form: Vec::new(),
        retention_days: None,
    };
    do_as(&hub, owner.clone(), Command::CreateDepartment(billing)).await;
    let accounts = Accounts::start(hub.clone(), AccountSettings::new(Path::new("/nowhere")))
        .await
        .expect("accounts");
    let mut agents = Vec::new();
    for index in 0..AGENTS_MAX {
        let name = format!("agent-{index}");
        // The first is in both departments, the last in the second only.
        let departments = match index {
            0 => vec![1, 2],
            3 => vec![2],
            _ => vec![1],
        };
        let user = NewUser {
            username: line(&name),
            name: line(&name),
            role: Role::Agent,
            departments: departments.into_iter().map(DepartmentId).collect(),
            capacity: Some(2),
        };
        do_as(&hub, owner.clone(), Command::CreateUser(user)).await;
        agents.push(staff(&accounts, &name, UserId(2 + index as u64), Role::Agent).await);
    }
    let mut customers = Vec::new();
    for index in 0..CUSTOMERS_MAX {
        let name = format!("customer-{index}");
        let open = OpenChat {
            name: Some(line(&name)),
            text: Some(line("hello")),
            ..OpenChat::default()
        };
        let chat = do_as(&hub, Who::Anonymous, Command::OpenChat(open)).await;
        let chat = chat.expect("an opened chat has a number");
        let customer = hub.ask(move |desk| desk.chat(chat).map(|chat| chat.customer));
        let id = customer.await.ok().flatten().expect("the chat is there");
        customers.push(Person {
            token: accounts
                .chat_token(id, &line(&name))
                .await
                .expect("a token"),
            name,
            id,
            role: Role::Customer,
            chat: Some(chat),
        });
    }
    let owner = staff(&accounts, "owner", UserId(1), Role::Owner).await;
    hub.stop().await;
    Template {
        disk,
        owner,
        agents,
        customers,
    }
}

async fn do_as(hub: &Hub, who: Who, command: Command) -> Option<ChatId> {
    let done = hub.submit(who, CommandId::random(), command).await;
    done.expect("the desk does it").chat
}

/// A member of staff with a token, as if they had signed in and made it.
async fn staff(accounts: &Accounts, name: &str, id: UserId, role: Role) -> Person {
    let login = Session {
        id: String::new(),
        who: Who::User(id),
        user: id,
        kind: SessionKind::Login,
        role,
        expires_at: shared::time::Timestamp::default(),
        ends_at: shared::time::Timestamp::default(),
        ended: CancellationToken::new(),
    };
    let new = NewToken {
        name: SafeText::line(name),
        days: None,
    };
    let made = accounts.create_token(&login, new).await.expect("a token");
    Person {
        name: name.to_owned(),
        id,
        role,
        token: made.token.expect("it is shown once").expose().to_owned(),
        chat: None,
    }
}

/// The hub's door in the simulated network.
pub(crate) struct Door {
    pub(crate) listener: turmoil::net::TcpListener,
    pub(crate) wires: Wires,
}

impl Accept for Door {
    async fn accept(&self) -> std::io::Result<(Connection, std::net::SocketAddr)> {
        let (stream, addr) = self.listener.accept().await?;
        Ok((Connection::Other(Box::new(self.wires.add(stream))), addr))
    }
}
