//! The corpus of hostile texts through every door of the hub: what is stored and delivered is clean,
//! and nothing is refused but what has nothing left to show or poses as the desk.
//!
//! What clean means is written down here once more, so that the sanitiser is not its own judge.

use serde_json::{Value, json};
use shared::id::CommandId;
use shared::model::Role;
use shared::text::{HOSTILE, SafeText, customer_name, name};
use tests::site::Site;

use crate::raw::{Answer, Raw, call, hello, send, status};

/// Whether a character may steer a terminal, reorder its surroundings or hide.
pub(crate) fn is_hostile(c: char) -> bool {
    let code = u32::from(c);
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(code, 0x061c | 0x200b | 0x200e..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f)
        || matches!(code, 0xfeff | 0xfdd0..=0xfdef | 0xe0000..=0xe007f)
        || code & 0xfffe == 0xfffe
}

/// Every string in `value`, keys too, that holds a hostile character.
fn dirt(value: &Value, found: &mut Vec<String>) {
    let mut look = |text: &str| {
        if text.chars().any(is_hostile) {
            found.push(format!("{text:?}"));
        }
    };
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| dirt(item, found)),
        Value::Object(fields) => {
            fields.keys().for_each(|key| look(key));
            fields.values().for_each(|value| dirt(value, found));
        }
        _ => {}
    }
}

/// What is wrong with what the hub sent, in sentences.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// JSON, or lines of it, is clean as it stands and after it was read.
    fn clean(&mut self, what: &str, text: &str) {
        if text.chars().any(is_hostile) {
            self.0.push(format!("{what}: raw {text:?}"));
        }
        let mut found = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            match serde_json::from_str(line) {
                Ok(value) => dirt(&value, &mut found),
                Err(error) => found.push(format!("no JSON ({error}): {line:?}")),
            }
        }
        self.0
            .extend(found.into_iter().map(|text| format!("{what}: {text}")));
    }

    /// An answer is clean and its status is one of these.
    fn check(&mut self, what: &str, answer: &Answer, statuses: &[u16]) {
        self.clean(what, &answer.body);
        if !statuses.contains(&answer.status) {
            let body = &answer.body;
            self.0.push(format!(
                "{what}: expected {statuses:?}, got {} {body}",
                answer.status
            ));
        }
    }

    #[track_caller]
    fn none(self) {
        let first = self
            .0
            .iter()
            .take(20)
            .map(|fault| fault.chars().take(200).collect());
        let first = first.collect::<Vec<String>>();
        assert!(
            first.is_empty(),
            "{} faults, first\n{}",
            self.0.len(),
            first.join("\n")
        );
    }

    /// A text that was stored is what cleaning makes of the one that was sent.
    fn same(&mut self, what: &str, got: &Value, expect: &str) {
        if got != expect {
            self.0
                .push(format!("{what}: expected {expect:?}, got {got}"));
        }
    }
}

fn cid() -> CommandId {
    CommandId::random()
}

/// 201 where a text or name is good, 400 where it is not.
const fn made(good: bool) -> &'static [u16] {
    if good { &[201] } else { &[400] }
}

#[test]
fn the_judge_knows_the_corpus() {
    let seen = HOSTILE
        .iter()
        .filter(|raw| raw.chars().any(is_hostile))
        .count();
    assert!(
        seen * 4 > HOSTILE.len() * 3,
        "only {seen} of {} are noticed",
        HOSTILE.len()
    );
}

/// S24: the corpus through messages, names, departments, forms, tags, refusals and the log comes
/// out clean.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_clean_wherever_it_comes_out() {
    let site = Site::start(&[]).await;
    let mut faults = Faults::default();
    let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
    let form = json!([{"key": "order", "label": "Order", "kind": "text", "required": false}]);
    let body = json!({"name": "Shop", "form": form});
    let shop = send(hub, owner, "POST", "/api/departments", &body).await;
    faults.check("the department of the form", &shop, &[201]);
    let agent = site.staff("ana", Role::Agent, &["Customer Care"]).await;
    let mut watching = Raw::live(&site, &site.owner.token).await;
    let mut answering = Raw::live(&site, &agent.token).await;
    answering.ask(&status("online")).await;
    let guest = site.guest("Cora", "Customer Care", "hello").await.unwrap();
    let mut asking = Raw::live(&site, &guest.token).await;
    let customer = Some(guest.token.as_str());
    let chat = format!("/api/chats/{}", guest.chat);

    for raw in HOSTILE {
        let what = |place: &str| format!("{place} {raw:?}");
        let block = SafeText::block(raw);
        let visible = block.chars().any(|c| !c.is_whitespace());

        let body = json!({"name": raw, "text": "x", "department": "Shop", "cid": cid()});
        let opened = send(hub, None, "POST", "/api/chats", &body).await;
        let good = customer_name(raw);
        faults.check(&what("customer"), &opened, made(good.is_ok()));
        if let Ok(good) = good {
            faults.same(&what("customer"), &opened.json()["chat"]["name"], &good);
        }
        let fields = json!({"order": raw});
        let body = json!({"name": "Fay", "department": "Shop", "fields": fields, "cid": cid()});
        let opened = send(hub, None, "POST", "/api/chats", &body).await;
        faults.check(&what("field"), &opened, &[201]);

        let body = json!({"text": raw, "cid": cid()});
        let posted = send(hub, customer, "POST", &format!("{chat}/messages"), &body).await;
        // What is only white space is for the desk to judge; it may not come out dirty.
        let statuses: &[u16] = if visible { &[201] } else { &[201, 400] };
        faults.check(&what("message"), &posted, statuses);
        if posted.status == 201 {
            let after = posted.json()["seq"].as_u64().unwrap() - 1;
            let path = format!("{chat}/messages?after={after}&limit=1");
            let page = call(hub, customer, "GET", &path, b"").await;
            faults.clean(&what("message read"), &page.body);
            faults.same(&what("message"), &page.json()["items"][0]["text"], &block);
        }
        let note = send(
            hub,
            Some(&agent.token),
            "POST",
            &format!("{chat}/notes"),
            &body,
        )
        .await;
        faults.check(&what("note"), &note, statuses);

        let body = json!({"name": raw, "description": raw});
        let department = send(hub, owner, "POST", "/api/departments", &body).await;
        // Two of the corpus may be the same name when they are clean.
        let statuses: &[u16] = if name(raw).is_ok() {
            &[201, 409]
        } else {
            &[400]
        };
        faults.check(&what("department"), &department, statuses);

        // What is refused is told back, which must not be a way out either.
        let mut body = json!({"name": "Cora", "department": raw, "cid": cid()});
        faults.clean(
            &what("no department"),
            &send(hub, None, "POST", "/api/chats", &body).await.body,
        );
        body[*raw] = json!(1);
        let unknown = send(hub, None, "POST", "/api/chats", &body).await;
        faults.check(&what("unknown field"), &unknown, &[400]);
        let body = json!({"username": raw, "password": raw});
        let login = send(hub, None, "POST", "/api/auth/login", &body).await;
        // Names that are the same when they are clean share their tries.
        faults.check(&what("login"), &login, &[401, 429]);
        asking.ask(&json!({"type": raw, "chat": 1})).await;
        let tag = json!({"type": "tag", "chat": guest.chat, "add": [raw]});
        answering.ask(&tag).await;
        let typing = json!({"type": "typing", "chat": guest.chat, "on": true, "preview": raw});
        asking.say(&typing).await;
        // Reads what has come: who is silent for 45 s is taken for dead.
        watching.ask(&status("online")).await;
    }
    // The owner sees everything, in order: its own last record is the end.
    watching.ask(&status("away")).await;
    watching
        .ever("the end", |frame| frame["event"]["status"] == "away")
        .await;
    for raw in [&watching, &answering, &asking] {
        assert!(raw.closed.is_none(), "{:?}", raw.closed);
        raw.frames
            .iter()
            .for_each(|frame| faults.clean("frame", frame));
    }
    let fresh = Raw::live(&site, &site.owner.token).await;
    fresh
        .frames
        .iter()
        .for_each(|frame| faults.clean("snapshot", frame));
    for path in [
        "/api/events",
        "/api/chats?limit=200",
        "/api/departments?limit=200",
        "/api/departments/active",
        "/api/queue?limit=200",
        &format!("{chat}/messages?limit=200"),
        &format!("{chat}/transcript"),
    ] {
        let answer = call(hub, owner, "GET", path, b"").await;
        faults.check(path, &answer, &[200]);
    }
    let log = site.hub.process().stderr();
    if log.chars().any(is_hostile) {
        faults
            .0
            .push("a hostile character stands in the hub's log".to_owned());
    }
    faults.none();
}

/// S24: what closes a socket does not repeat what the client wrote.
#[tokio::test(flavor = "multi_thread")]
async fn a_farewell_does_not_tell_hostile_text_back() {
    let site = Site::start(&[]).await;
    let mut faults = Faults::default();
    let unknown = |raw: &str| json!({"type": raw});
    let extra = |raw: &str| {
        let mut greeting = hello("x");
        greeting[raw] = json!(1);
        greeting
    };
    for raw in HOSTILE {
        let mut first = Raw::open(site.hub.address()).await;
        first.say(&extra(raw)).await;
        let mut later = Raw::live(&site, &site.owner.token).await;
        later.say(&unknown(raw)).await;
        for socket in [&mut first, &mut later] {
            let (code, reason) = socket.end().await;
            assert_eq!(code, 4400, "{reason:?}");
            faults.clean("reason", &json!(reason).to_string());
            faults.clean("bye", socket.frames.last().unwrap());
        }
    }
    faults.none();
}
