//! A desk for tests: a real hub process with departments, staff and customers made over REST.

use std::collections::BTreeMap;

use server::store::StoreUrl;
use shared::{
    api::{AcceptInvitation, Invite, Invited, OpenChat, OpenedChat, SessionTokens, Setup},
    client::{
        error::ClientError,
        http::Http,
        outbox::Outbox,
        session::{Token, TokenSource},
        socket::SocketOptions,
        tls::TlsOptions,
        url::HubUrl,
    },
    command::{DepartmentRef, NewDepartment},
    id::{ChatId, CommandId, DepartmentId, UserId},
    model::{Department, Role, User},
    text::SafeText,
};

use crate::hub::{HubProcess, HubSetup};

/// The password of everyone in these tests.
pub const PASSWORD: &str = "correct horse battery staple";

/// A hub with a desk that has an owner.
pub struct Site {
    /// The process.
    pub hub: HubProcess,
    /// The owner.
    pub owner: Person,
    /// The departments by name.
    pub departments: BTreeMap<String, DepartmentId>,
}

/// A member of staff with a login.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub user: User,
    /// Access token.
    pub token: String,
    /// Refresh token.
    pub refresh: String,
}

/// A customer with a chat.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The number.
    pub id: UserId,
    /// The chat.
    pub chat: ChatId,
    /// The secret of the chat.
    pub token: String,
}

impl Site {
    /// Starts a hub, makes its owner "olga" and the departments named besides Customer Care.
    ///
    /// # Panics
    /// When anything is refused.
    pub async fn start(departments: &[&str]) -> Self {
        Self::start_with(HubSetup::default(), departments).await
    }

    /// The same with a hub set up as said.
    ///
    /// # Panics
    /// When anything is refused.
    pub async fn start_with(setup: HubSetup, departments: &[&str]) -> Self {
        let hub = HubProcess::start_with(setup);
        let code = std::fs::read_to_string(hub.data().join("setup-code")).expect("a setup code");
        let open = http(&hub.url(), None);
        let setup = Setup {
            code: code.trim().into(),
            username: SafeText::line("olga"),
            name: SafeText::line("Olga"),
            password: PASSWORD.into(),
        };
        let owner: SessionTokens = open.post("/api/setup", &setup).await.expect("setup");
        let mut site = Self {
            hub,
            owner: owner.into(),
            departments: BTreeMap::from([("Customer Care".to_owned(), DepartmentId(1))]),
        };
        for name in departments {
            let new = NewDepartment {
                name: SafeText::line(name),
                description: SafeText::default(),
                active: true,
                default: false,
                capacity: None,
                retention_days: None,
                form: Vec::new(),
            };
            let made: Department = site
                .http(&site.owner)
                .post("/api/departments", &new)
                .await
                .expect("a department");
            site.departments.insert((*name).to_owned(), made.id);
        }
        site
    }

    /// Invites someone who accepts.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn staff(&self, username: &str, role: Role, departments: &[&str]) -> Person {
        let invite = Invite {
            role,
            departments: departments
                .iter()
                .map(|name| DepartmentRef::Id(self.departments[*name]))
                .collect(),
            username: Some(SafeText::line(username)),
        };
        let invited: Invited = self
            .http(&self.owner)
            .post("/api/invitations", &invite)
            .await
            .expect("an invitation");
        let accept = AcceptInvitation {
            code: invited.code,
            username: None,
            name: Some(SafeText::line(&capitalised(username))),
            password: PASSWORD.into(),
            totp: None,
        };
        let tokens: SessionTokens = self
            .anyone()
            .post("/api/invitations/accept", &accept)
            .await
            .expect("accepted");
        tokens.into()
    }

    /// Opens a chat as someone without an account.
    ///
    /// # Errors
    /// What the hub says.
    pub async fn guest(
        &self,
        name: &str,
        department: &str,
        text: &str,
    ) -> Result<Guest, ClientError> {
        let open = OpenChat {
            name: Some(SafeText::line(name)),
            email: None,
            phone: None,
            department: Some(DepartmentRef::Name(SafeText::line(department))),
            text: Some(SafeText::block(text)),
            fields: BTreeMap::new(),
            previous: None,
            language: None,
            human: false,
            cid: CommandId::random(),
        };
        let opened: OpenedChat = self.anyone().post("/api/chats", &open).await?;
        Ok(Guest {
            id: opened.chat.customer,
            chat: opened.chat.id,
            token: opened.token.unwrap_or_default(),
        })
    }

    /// A connection without a token.
    #[must_use]
    pub fn anyone(&self) -> Http {
        http(&self.hub.url(), None)
    }

    /// A connection as a member of staff.
    #[must_use]
    pub fn http(&self, person: &Person) -> Http {
        http(&self.hub.url(), Some(&person.token))
    }

    /// How to connect a socket with `token` to `url`, which may be that of a proxy.
    ///
    /// # Panics
    /// When the URL makes no sense.
    #[must_use]
    pub fn socket(url: &str, token: &str) -> SocketOptions {
        SocketOptions {
            url: HubUrl::parse(url).expect("a URL"),
            tls: TlsOptions::default(),
            token: TokenSource::Fixed(Token::new(token.to_owned())),
            client: "frontdesk-tests/0.1.0".into(),
            cursor: None,
            outbox: Outbox::in_memory(),
            watches: false,
        }
    }

    /// Where the store of the hub is, to be read when the hub is down.
    #[must_use]
    pub fn store(&self) -> StoreUrl {
        StoreUrl::in_directory(&self.hub.data())
    }
}

impl From<SessionTokens> for Person {
    fn from(tokens: SessionTokens) -> Self {
        Self {
            user: tokens.user,
            token: tokens.access_token.into_exposed(),
            refresh: tokens.refresh_token.into_exposed(),
        }
    }
}

/// A connection to `url`, with a bearer token or without.
///
/// # Panics
/// When the URL makes no sense.
#[must_use]
pub fn http(url: &str, token: Option<&str>) -> Http {
    let url = HubUrl::parse(url).expect("a URL");
    let token = token.map(|token| TokenSource::Fixed(Token::new(token.to_owned())));
    Http::new(&url, token, &TlsOptions::default()).expect("a connection")
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
