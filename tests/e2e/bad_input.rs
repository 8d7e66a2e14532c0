//! Bad and forged requests over HTTP: each gets a clear refusal, none does anything, and the hub
//! lives on. Who may come in at all is in `access`.

use std::net::SocketAddr;

use serde_json::{Value, json};
use shared::id::CommandId;
use tests::process::Exit;
use tests::site::{Guest, Site};

use crate::raw::{Answer, call, send};

/// What is wrong with a hub, in sentences, so that one run shows all of it.
pub(crate) struct Faults {
    address: SocketAddr,
    /// The sentences.
    pub(crate) found: Vec<String>,
}

impl Faults {
    /// None yet.
    pub(crate) fn of(site: &Site) -> Self {
        Self {
            address: site.hub.address(),
            found: Vec::new(),
        }
    }

    /// Holds an answer against a status and words of its message; and the hub must live.
    pub(crate) async fn check(
        &mut self,
        what: &str,
        answer: &Answer,
        statuses: &[u16],
        words: &[&str],
    ) {
        let message = answer.message();
        let told = words.iter().all(|word| message.contains(word));
        let form = answer.status < 400 || !(answer.code().is_empty() || message.is_empty());
        if !statuses.contains(&answer.status) || !told || !form {
            let body = answer.body.chars().take(300).collect::<String>();
            self.found.push(format!(
                "{what}: expected {statuses:?} with {words:?}, got {} {body}",
                answer.status
            ));
        }
        let live = call(self.address, None, "GET", "/livez", b"").await;
        assert_eq!(live.status, 200, "the hub is gone after {what}");
    }

    /// No fault was found, and the process that was started is the one that ends, well.
    #[track_caller]
    pub(crate) fn none(self, site: &Site) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
        assert_eq!(site.hub.terminate(), Exit::Code(0));
    }
}

fn cid() -> CommandId {
    CommandId::random()
}

async fn guest(site: &Site, department: &str) -> Guest {
    site.guest("Cora", department, "private words")
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_named_and_changes_nothing() {
    let site = Site::start(&[]).await;
    let mut faults = Faults::of(&site);
    let (hub, owner) = (site.hub.address(), site.owner.token.as_str());
    let guest = guest(&site, "Customer Care").await;
    let messages = format!("/api/chats/{}/messages", guest.chat);
    let before = call(hub, Some(owner), "GET", "/api/events", b"").await.body;

    let open = |key: &str, value: Value| {
        let mut body = json!({"name": "Cora", "text": "hello", "cid": cid()});
        body[key] = value;
        body.to_string().into_bytes()
    };
    let deep = format!(r#"{{"name":{}1{}}}"#, "[".repeat(17), "]".repeat(17)).into_bytes();
    let bodies: Vec<(&str, Vec<u8>, u16, &[&str])> = vec![
        ("half a body", b"{\"name\":".to_vec(), 400, &[]),
        ("no JSON", b"name=Cora".to_vec(), 400, &[]),
        ("a list", b"[]".to_vec(), 400, &[]),
        ("null", b"null".to_vec(), 400, &[]),
        ("two values", b"{}{}".to_vec(), 400, &[]),
        ("no UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec(), 400, &[]),
        (
            "half a surrogate",
            br#"{"name":"\ud800"}"#.to_vec(),
            400,
            &[],
        ),
        (
            "a doubled field",
            br#"{"name":"a","name":"b"}"#.to_vec(),
            400,
            &["name"],
        ),
        ("no cid", br#"{"name":"Cora"}"#.to_vec(), 400, &["cid"]),
        ("a short cid", open("cid", json!("short")), 400, &["cid"]),
        (
            "an unknown field",
            open("colour", json!("red")),
            400,
            &["colour"],
        ),
        ("a number for a name", open("name", json!(7)), 400, &[]),
        (
            "an object for a department",
            open("department", json!({})),
            400,
            &["department"],
        ),
        ("a list for a text", open("text", json!([])), 400, &[]),
        ("text for a chat", open("previous", json!("1")), 400, &[]),
        ("a negative chat", open("previous", json!(-1)), 400, &[]),
        (
            "a department that is not",
            open("department", json!("Nowhere")),
            404,
            &["Nowhere"],
        ),
        ("an empty name", open("name", json!(" ")), 400, &["name"]),
        (
            "a name too long",
            open("name", json!("x".repeat(65))),
            400,
            &["name"],
        ),
        (
            "a name of the desk",
            open("name", json!("System")),
            400,
            &["name"],
        ),
        (
            "a field nobody asks for",
            open("fields", json!({"x": 1})),
            400,
            &[],
        ),
        (
            "a text too long",
            open("text", json!("x".repeat(8 * 1024 + 1))),
            413,
            &[],
        ),
        ("a body too deep", deep, 400, &["deep"]),
        (
            "a body too large",
            open("text", json!("x".repeat(64 * 1024))),
            413,
            &["65536"],
        ),
    ];
    for (what, body, expect, words) in bodies {
        let answer = call(hub, None, "POST", "/api/chats", &body).await;
        faults.check(what, &answer, &[expect], words).await;
    }

    let customer = guest.token.as_str();
    let calls: &[(&str, &str, &str, Value, u16)] = &[
        (
            customer,
            "POST",
            &messages,
            json!({"text": "", "cid": cid()}),
            400,
        ),
        (customer, "POST", &messages, json!({"text": "x"}), 400),
        (
            customer,
            "POST",
            &messages,
            json!({"text": "x", "cid": cid(), "visibility": "all"}),
            400,
        ),
        (owner, "POST", "/api/departments", json!({"name": ""}), 400),
        (
            owner,
            "POST",
            "/api/departments",
            json!({"name": "A", "capacity": -1}),
            400,
        ),
        (
            owner,
            "POST",
            "/api/departments",
            json!({"name": "customer care"}),
            409,
        ),
        (
            owner,
            "PUT",
            "/api/departments/1",
            json!({"default": false}),
            409,
        ),
        (
            owner,
            "PUT",
            "/api/users/1/status",
            json!({"status": "asleep"}),
            400,
        ),
        (owner, "PUT", "/api/departments/x", json!({}), 400),
        (
            owner,
            "GET",
            "/api/departments/99999999999999999999",
            Value::Null,
            400,
        ),
        (owner, "GET", "/api/departments/-1", Value::Null, 400),
        (owner, "GET", "/api/chats?limit=0", Value::Null, 400),
        (owner, "GET", "/api/chats?limit=201", Value::Null, 400),
        (owner, "GET", "/api/chats?limit=ten", Value::Null, 400),
        (owner, "GET", "/api/chats?colour=red", Value::Null, 400),
        (owner, "GET", "/api/chats?limit=1&limit=2", Value::Null, 400),
        (owner, "GET", "/api/chats?limit=%zz", Value::Null, 400),
        (
            owner,
            "GET",
            "/api/events?since=nonsense!",
            Value::Null,
            400,
        ),
        (owner, "GET", "/api/events?since=00.1.00", Value::Null, 409),
    ];
    for (token, method, path, body, expect) in calls {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = call(hub, Some(token), method, path, body.as_bytes()).await;
        faults
            .check(&format!("{method} {path} {body}"), &answer, &[*expect], &[])
            .await;
    }
    let after = call(hub, Some(owner), "GET", "/api/events", b"").await.body;
    assert_eq!(before, after, "something refused has left a trace");
    faults.none(&site);
}

/// S16: no body says who wrote, when, or as what.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_says_cannot_be_said_for_it() {
    let site = Site::start(&[]).await;
    let mut faults = Faults::of(&site);
    let (hub, owner) = (site.hub.address(), site.owner.token.as_str());
    let guest = guest(&site, "Customer Care").await;
    let forged = [
        ("sender", json!("agent")),
        ("actor", json!({"kind": "agent", "id": 1, "name": "Olga"})),
        ("agent_id", json!(1)),
        ("role", json!("owner")),
        ("owner", json!(1)),
        ("customer", json!(1)),
        ("user", json!(1)),
        ("ts", json!("2020-01-01T00:00:00Z")),
        ("at", json!("2020-01-01T00:00:00Z")),
        ("seq", json!(1)),
        ("pos", json!(1)),
        ("id", json!(1)),
        ("state", json!("active")),
        ("rank_at", json!("2020-01-01T00:00:00Z")),
    ];
    let chat = format!("/api/chats/{}", guest.chat);
    let messages = format!("{chat}/messages");
    let rating = format!("{chat}/rating");
    let customer = Some(guest.token.as_str());
    let good: [(Option<&str>, &str, &str, Value); 7] = [
        (
            None,
            "POST",
            "/api/chats",
            json!({"name": "Cora", "cid": cid()}),
        ),
        (
            customer,
            "POST",
            &messages,
            json!({"text": "hello", "cid": cid()}),
        ),
        (customer, "POST", &rating, json!({"score": 5})),
        (
            None,
            "POST",
            "/api/auth/login",
            json!({"username": "olga", "password": "x"}),
        ),
        (
            Some(owner),
            "PUT",
            "/api/users/1/status",
            json!({"status": "online"}),
        ),
        (
            Some(owner),
            "POST",
            "/api/departments",
            json!({"name": "Sales"}),
        ),
        (
            None,
            "POST",
            "/api/invitations/accept",
            json!({"code": "x", "password": "x"}),
        ),
    ];
    for (token, method, path, body) in &good {
        for (key, value) in &forged {
            let mut body = body.clone();
            body[*key] = value.clone();
            let answer = send(hub, *token, method, path, &body).await;
            let what = format!("{method} {path} with {key}");
            faults
                .check(&what, &answer, &[400], &[&format!("`{key}`")])
                .await;
        }
    }
    for role in ["agent", "admin", "owner"] {
        let body = json!({"username": "eve", "name": "Eve", "role": role,
            "password": "four unrelated grey pebbles"});
        let answer = send(hub, None, "POST", "/api/auth/register", &body).await;
        let what = format!("registering as {role}");
        faults.check(&what, &answer, &[400], &["`role`"]).await;
    }
    // Who says something is who the token stands for.
    let body = json!({"text": "it is me", "cid": cid()});
    let posted = send(hub, customer, "POST", &messages, &body).await;
    assert_eq!(posted.status, 201, "{}", posted.body);
    let listed = call(hub, customer, "GET", &messages, b"").await.json();
    for item in listed["items"].as_array().unwrap() {
        let customers = ["private words", "it is me"]
            .map(Value::from)
            .contains(&item["text"]);
        let by = &item["actor"];
        if customers && (by["kind"] != "customer" || by["name"] != "Cora") {
            faults
                .found
                .push(format!("a message of the customer is by {by}"));
        }
    }
    faults.none(&site);
}
