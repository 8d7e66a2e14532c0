//! The sample desk: departments, people, passwords, contexts. Made once; a later run finds what
//! is there and only renews logins that have ended.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    api::{AcceptInvitation, Invite, Invited, Login, Page, SessionTokens, Setup, WhoAmI},
    client::{
        credentials::{Credentials, CredentialsFile},
        error::ClientError,
        http::Http,
        private,
        profile::{Config, Context, Environment, Places, ProfileError},
        session::{Session, TokenSource},
        tls::TlsOptions,
        url::{HubUrl, UrlError},
    },
    command::{DepartmentRef, NewCanned, NewDepartment},
    model::{Canned, CannedScope, Department, Role, User},
    text::SafeText,
};

use super::assistant;
use crate::assistant::Assistant;

/// A department of the sample desk besides Customer Care, which every desk has.
const DEPARTMENTS: [(&str, &str); 3] = [
    ("Technical Support", "Something does not work"),
    ("Sales", "Before you buy"),
    ("Billing", "Invoices and payments"),
];

/// Who works at the sample desk: context, name, role, departments. The first is the owner.
const PEOPLE: [(&str, &str, Role, &[&str]); 5] = [
    ("demo-admin", "Olga", Role::Owner, &["Customer Care"]),
    (
        "demo-supervisor",
        "Sven",
        Role::Supervisor,
        &["Customer Care", "Billing"],
    ),
    (
        "demo-agent1",
        "Ana",
        Role::Agent,
        &["Customer Care", "Billing"],
    ),
    ("demo-agent2", "Ben", Role::Agent, &["Technical Support"]),
    ("demo-agent3", "Chloe", Role::Agent, &["Sales"]),
];

/// The canned replies of the sample desk: department, code, text; for the whole desk where no
/// department is named.
const CANNED: [(Option<&str>, &str, &str); 6] = [
    (
        None,
        "hello",
        "Hello {{customer.first_name|default:\"there\"}}, this is {{agent.first_name}} from \
         {{department.name}}. How can I help?",
    ),
    (
        None,
        "bye",
        "Thank you for writing, {{customer.first_name|default:\"and have a good day\"}}! If \
         anything comes up, just mention chat {{chat.id}}.",
    ),
    (
        Some("Customer Care"),
        "moment",
        "Give me a moment, I am looking into it.",
    ),
    (
        Some("Technical Support"),
        "restart",
        "Please switch the device off, wait ten seconds, and switch it on again. Does it still \
         happen?",
    ),
    (
        Some("Sales"),
        "quote",
        "I will send a quote to {{customer.email|default:\"you, if you tell me your e-mail \
         address\"}}.",
    ),
    (
        Some("Billing"),
        "refund",
        "Your refund is on its way; it reaches your account within five working days.",
    ),
];

/// The context of customers: a hub and no login.
const CUSTOMERS: &str = "demo";

/// Why the sample desk could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    #[error("{0}")]
    Client(#[from] ClientError),
    #[error("{0}")]
    Profile(#[from] ProfileError),
    #[error("{0}")]
    Private(#[from] private::PrivateError),
    #[error("{0}")]
    Url(#[from] UrlError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0} makes no sense; delete the demo's folder to begin anew")]
    Passwords(PathBuf),
}

/// The passwords of the demo's people, by username.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Passwords(BTreeMap<String, String>);

/// Makes what is missing. Gives the hub's URL.
pub(super) async fn prepare(
    data: &Path,
    address: SocketAddr,
    assistant: &Assistant,
) -> Result<HubUrl, DemoError> {
    let data = data.canonicalize()?;
    let url = HubUrl::parse(&format!("http://{address}"))?;
    let passwords = passwords(&data)?;
    let open = Http::new(&url, None, &TlsOptions::default())?;
    register_contexts(&data, &url)?;

    let owner = sign_in_owner(&data, &open, &passwords).await?;
    let departments = make_departments(&owner).await?;
    make_canned(&owner, &departments).await?;
    assistant::put_first(&owner, assistant).await?;
    let users: Page<User> = owner.get("/api/users?limit=200").await?;
    for (context, name, role, works_in) in PEOPLE.iter().skip(1) {
        let login = login_file(&data, context);
        let password = passwords.of(context);
        if users.items.iter().any(|user| *user.username == **context) {
            keep_signed_in(&open, &login, context, password).await?;
            continue;
        }
        let invite = Invite {
            role: *role,
            departments: works_in
                .iter()
                .filter_map(|name| departments.get(*name).cloned())
                .collect(),
            username: Some(SafeText::line(context)),
        };
        let invited: Invited = owner.post("/api/invitations", &invite).await?;
        let accept = AcceptInvitation {
            code: invited.code,
            username: None,
            name: Some(SafeText::line(name)),
            password: password.into(),
            totp: None,
        };
        let tokens: SessionTokens = open.post("/api/invitations/accept", &accept).await?;
        login.store(&Credentials::from(tokens))?;
    }
    Ok(url)
}

/// What to type next, one line for each program.
pub(super) fn commands(data: &Path) -> String {
    let passwords = data.join("passwords.toml");
    format!(
        "\nA sample desk is ready. In other terminals:\n\
         \n  agent console   cargo run --release -p agent-tui -- --context demo-agent1\
         \n  customer chat   cargo run --release -p customer-cli -- --context {CUSTOMERS}\
         \n  admin tool      cargo run --release -p admin-cli -- --context demo-admin queue list\n\
         \nThe desk, its logins and passwords are in {} (passwords: {}).\
         \nCtrl+C ends it; the next run finds everything as it was.",
        data.display(),
        passwords.display(),
    )
}

impl Passwords {
    fn of(&self, username: &str) -> &str {
        self.0.get(username).map_or("", String::as_str)
    }
}

/// Reads the passwords, making those that are missing before they are used.
fn passwords(data: &Path) -> Result<Passwords, DemoError> {
    let path = data.join("passwords.toml");
    let mut passwords = match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|_| DemoError::Passwords(path.clone()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Passwords::default(),
        Err(error) => return Err(error.into()),
    };
    for (username, ..) in PEOPLE {
        if !passwords.0.contains_key(username) {
            let mut bytes = [0; 12];
            getrandom::fill(&mut bytes).map_err(io::Error::other)?;
            let password = shared::id::hex(&bytes);
            passwords.0.insert(username.to_owned(), password);
        }
    }
    let text = toml::to_string(&passwords).map_err(io::Error::other)?;
    private::write(&path, text.as_bytes())?;
    Ok(passwords)
}

/// Puts the contexts of the demo into the user's config, their logins in the demo's folder.
fn register_contexts(data: &Path, url: &HubUrl) -> Result<(), DemoError> {
    let places = Places::find(&Environment::of_process())?;
    Config::update(&places, |config| {
        let customers = Context::new(url.clone());
        config.contexts.insert(CUSTOMERS.to_owned(), customers);
        for (name, ..) in PEOPLE {
            let context = Context {
                credentials: Some(data.join("credentials.toml")),
                ..Context::new(url.clone())
            };
            config.contexts.insert(name.to_owned(), context);
        }
    })?;
    Ok(())
}

fn login_file(data: &Path, context: &str) -> CredentialsFile {
    CredentialsFile::new(data.join("credentials.toml"), context.to_owned())
}

/// Signs the owner in: by the setup code on the first run, by what was kept on a later one.
async fn sign_in_owner(data: &Path, open: &Http, passwords: &Passwords) -> Result<Http, DemoError> {
    let (context, name, ..) = PEOPLE[0];
    let login = login_file(data, context);
    match std::fs::read_to_string(data.join("setup-code")) {
        Ok(code) => {
            let setup = Setup {
                code: code.trim().into(),
                username: SafeText::line(context),
                name: SafeText::line(name),
                password: passwords.of(context).into(),
            };
            let tokens: SessionTokens = open.post("/api/setup", &setup).await?;
            login.store(&Credentials::from(tokens))?;
        }
        Err(_) => keep_signed_in(open, &login, context, passwords.of(context)).await?,
    }
    authorised(open, &login)
}

fn authorised(open: &Http, login: &CredentialsFile) -> Result<Http, DemoError> {
    let session = Session::new(login.clone(), open.clone());
    let token = TokenSource::Session(session);
    Ok(Http::new(open.url(), Some(token), &TlsOptions::default())?)
}

/// Keeps a login that still works and begins a new one otherwise.
async fn keep_signed_in(
    open: &Http,
    login: &CredentialsFile,
    username: &str,
    password: &str,
) -> Result<(), DemoError> {
    if login.load()?.is_some() {
        let kept = authorised(open, login)?;
        if get::<WhoAmI>(&kept, "/api/auth/me").await.is_some() {
            return Ok(());
        }
    }
    let request = Login {
        username: username.to_owned(),
        password: password.into(),
        totp: None,
    };
    let tokens: SessionTokens = open.post("/api/auth/login", &request).await?;
    login.store(&Credentials::from(tokens))?;
    Ok(())
}

async fn get<T: DeserializeOwned>(http: &Http, path: &str) -> Option<T> {
    http.get(path).await.ok()
}

/// Makes the departments that are missing. Gives all of them by name.
async fn make_departments(owner: &Http) -> Result<BTreeMap<String, DepartmentRef>, DemoError> {
    let there: Page<Department> = owner.get("/api/departments?limit=200").await?;
    let mut by_name = there
        .items
        .into_iter()
        .map(|department| {
            (
                department.name.to_string(),
                DepartmentRef::Id(department.id),
            )
        })
        .collect::<BTreeMap<_, _>>();
    for (name, description) in DEPARTMENTS {
        if by_name.contains_key(name) {
            continue;
        }
        let new = NewDepartment {
            name: SafeText::line(name),
            description: SafeText::line(description),
            active: true,
            default: false,
            capacity: None,
            retention_days: None,
            form: Vec::new(),
        };
        let made: Department = owner.post("/api/departments", &new).await?;
        by_name.insert(name.to_owned(), DepartmentRef::Id(made.id));
    }
    Ok(by_name)
}

/// Makes the canned replies, on a desk that has none.
async fn make_canned(
    owner: &Http,
    departments: &BTreeMap<String, DepartmentRef>,
) -> Result<(), DemoError> {
    let there: Page<Canned> = owner.get("/api/canned?limit=1").await?;
    if !there.items.is_empty() {
        return Ok(());
    }
    for (department, code, text) in CANNED {
        let scope = match department.map(|name| departments.get(name)) {
            None => CannedScope::Global,
            Some(Some(DepartmentRef::Id(department))) => CannedScope::Department {
                department: *department,
            },
            // A department that somebody has renamed or deleted.
            Some(_) => continue,
        };
        let new = NewCanned {
            code: SafeText::line(code),
            scope,
            text: SafeText::block(text),
            variants: BTreeMap::new(),
        };
        let _: Canned = owner.post("/api/canned", &new).await?;
    }
    Ok(())
}
