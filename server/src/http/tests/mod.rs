//! The routes through real sockets, with the real hub, desk, store and accounts behind them.

mod access;
mod assistant;
mod attachments;
mod bounds;
mod canned;
mod care;
mod chats;
mod closed;
mod code;
mod customers;
mod knowledge;
mod search;
mod settings;
mod staff;
mod tail;

use std::{fs, path::Path, sync::Arc};

use serde_json::{Value, json};
use shared::id::CommandId;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    App, Parts,
    fixture::{Running, patient, read_to_close, start},
    service,
};
use crate::{
    accounts::{AccountSettings, Accounts, phc::Cost},
    assistant::Assistant,
    care::Care,
    config::{Config, Flags},
    hub::{Hub, files::Files, presence::Presence},
    store::{Store, StoreUrl},
};

/// A password that the policy lets pass.
pub(super) const PASSWORD: &str = "violet harbour turnip 42";

/// A hub that listens, with an owner whose token is at hand.
pub(super) struct TestDesk {
    running: Running,
    pub(super) app: Arc<App>,
    pub(super) owner: String,
    pub(super) data: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body as text.
    #[track_caller]
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The JSON of an answer with this status.
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Value {
        assert_eq!(
            self.status,
            status,
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The code of an answer that is an error with this status.
    #[track_caller]
    pub(super) fn refused(self, status: u16, code: &str) -> String {
        let json = self.expect(status);
        assert_eq!(json["error"]["code"], code, "{json}");
        json["error"]["message"].as_str().unwrap().to_owned()
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| {
            line.split_once(": ")
                .filter(|(n, _)| *n == name)
                .map(|(_, v)| v)
        })
    }
}

impl TestDesk {
    /// A desk in memory with its first owner.
    pub(super) async fn start() -> Self {
        Self::on(Store::memory(), tempfile::tempdir().unwrap()).await
    }

    /// A desk in a file.
    pub(super) async fn in_file() -> Self {
        let data = tempfile::tempdir().unwrap();
        let url = StoreUrl::in_directory(&data.path().join("store"));
        Self::on(Store::open(&url).unwrap(), data).await
    }

    /// A desk in memory with the sample knowledge base, whose assistant runs.
    pub(super) async fn with_knowledge() -> Self {
        let data = tempfile::tempdir().unwrap();
        let kb = data.path().join("kb");
        fs::create_dir(&kb).unwrap();
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/kb");
        for file in fs::read_dir(sample).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), kb.join(file.file_name())).unwrap();
        }
        let desk = Self::on(Store::memory(), data).await;
        let running = desk.app.assistant.clone().run(desk.app.stop.clone());
        drop(tokio::spawn(running));
        desk.app.assistant.ready().await;
        desk
    }

    pub(super) async fn on(store: Store, data: TempDir) -> Self {
        let flags = Flags {
            data: Some(data.path().into()),
            ..Flags::default()
        };
        let config = Config::load(&flags).unwrap();
        let hub = Hub::start(store).await.unwrap();
        let settings = AccountSettings {
            registration: true,
            staff_cost: Cost::FLOOR,
            customer_cost: Cost::FLOOR,
            ..AccountSettings::new(data.path())
        };
        let accounts = Accounts::start(hub.clone(), settings).await.unwrap();
        let bytes_max = config.limits.attachment_bytes();
        let files = Files::start(hub.clone(), bytes_max).await.unwrap();
        let care = Care::start(hub.clone(), accounts.clone(), files.clone(), data.path()).await;
        let parts = Parts {
            care: care.unwrap(),
            assistant: Assistant::new(hub.clone(), &config.assistant, data.path()).unwrap(),
            hub,
            accounts,
            files,
            presence: Arc::new(Presence::default()),
        };
        let app = Arc::new(App::new(
            parts,
            &config,
            TaskTracker::new(),
            CancellationToken::new(),
        ));
        let running = start(service(Arc::clone(&app)), None, patient()).await;
        let mut desk = Self {
            running,
            app,
            owner: String::new(),
            data,
        };
        let code = fs::read_to_string(desk.data.path().join("setup-code")).unwrap();
        let body = json!({"code": code.trim(), "username": "olga", "name": "Olga",
            "password": PASSWORD});
        let tokens = desk.post("/api/setup", "", body).await.expect(201);
        desk.owner = tokens["access_token"].as_str().unwrap().to_owned();
        desk
    }

    /// Sends a request as it is and reads the answer.
    pub(super) async fn raw(&self, request: &str) -> Reply {
        let mut stream = TcpStream::connect(self.running.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        parse(&read_to_close(&mut stream).await)
    }

    /// A connection on which one request was sent.
    pub(super) async fn open(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.running.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Reply {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        if !token.is_empty() {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        self.raw(&format!("{request}\r\n{body}")).await
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Reply {
        self.send("GET", path, token, &[], None).await
    }

    pub(super) async fn post(&self, path: &str, token: &str, body: Value) -> Reply {
        self.send("POST", path, token, &[], Some(body)).await
    }

    pub(super) async fn put(&self, path: &str, token: &str, body: Value) -> Reply {
        self.send("PUT", path, token, &[], Some(body)).await
    }

    /// A member of staff who is signed in: the number and the token.
    pub(super) async fn staff(
        &self,
        username: &str,
        role: &str,
        departments: &[&str],
    ) -> (u64, String) {
        let body = json!({"username": username, "name": username, "role": role,
            "departments": departments});
        let created = self.post("/api/users", &self.owner, body).await.expect(201);
        let code = &created["invitation"]["code"];
        let body = json!({"code": code, "password": PASSWORD});
        let tokens = self
            .post("/api/invitations/accept", "", body)
            .await
            .expect(201);
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        (created["id"].as_u64().unwrap(), token)
    }

    /// A chat by somebody without an account: its number and its token.
    pub(super) async fn chat(&self, department: Option<&str>) -> (u64, String) {
        let body = json!({"name": "Kim", "department": department, "text": "my printer burns",
            "cid": CommandId::random()});
        let opened = self.post("/api/chats", "", body).await.expect(201);
        let token = opened["token"].as_str().unwrap().to_owned();
        (opened["chat"]["id"].as_u64().unwrap(), token)
    }

    /// The last position of the log.
    pub(super) async fn pos(&self) -> u64 {
        self.app.hub.ask_at(|_, head| head.0).await.unwrap()
    }
}

/// Reads an answer.
fn parse(answer: &[u8]) -> Reply {
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(answer)));
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head["HTTP/1.1 ".len()..][..3].parse().unwrap();
    let rest = &answer[end + 4..];
    let body = match head.contains("transfer-encoding: chunked") {
        true => unchunked(rest),
        false => rest.to_vec(),
    };
    Reply { status, head, body }
}

/// The body of chunks as far as they came.
pub(super) fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..at]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 || rest.len() < at + 4 + size {
            break;
        }
        body.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = &rest[at + 4 + size..];
    }
    body
}
