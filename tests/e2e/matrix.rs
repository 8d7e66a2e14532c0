//! Everybody against everything: every command, every frame and every route that names a thing, by
//! principals for whom the thing is foreign. Nobody may do anything with it, and nobody may learn
//! whether it exists.
//!
//! Who may come in at all is in `access`; what the table says is held against the desk in the
//! package of the hub.

mod commands;

use serde_json::{Value, json};
use shared::model::Role;
use tests::{
    report,
    site::{Guest, Person, Site},
};

use crate::raw::{Answer, Raw, call, send};

use self::commands::{About, MISSING, NOTHING, Things, every_command, wire_name};

/// Somebody, with what the things of Customer Care are to them.
struct Principal {
    name: &'static str,
    token: Option<String>,
    /// Whether they see the chats and replies of Customer Care.
    sees: bool,
    staff: bool,
}

/// A desk with two departments, and one thing of each kind in Customer Care.
struct World {
    site: Site,
    things: Things,
    principals: Vec<Principal>,
    people: Vec<Person>,
}

impl World {
    async fn start() -> Self {
        let site = Site::start(&["Billing"]).await;
        let ana = site.staff("ana", Role::Agent, &["Customer Care"]).await;
        let ben = site.staff("ben", Role::Agent, &["Billing"]).await;
        let sam = site.staff("sam", Role::Supervisor, &["Billing"]).await;
        let audra = site.staff("audra", Role::Auditor, &[]).await;
        let adam = site.staff("adam", Role::Admin, &[]).await;
        let cora = site
            .guest("Cora", "Customer Care", "private")
            .await
            .unwrap();
        let bob = site.guest("Bob", "Billing", "private").await.unwrap();
        let things = Self::things(&site, &ana, &cora).await;
        let of = |name, token: Option<&str>, sees, staff| Principal {
            name,
            token: token.map(str::to_owned),
            sees,
            staff,
        };
        let principals = vec![
            of("owner", Some(&site.owner.token), true, true),
            of("admin", Some(&adam.token), true, true),
            of("supervisor elsewhere", Some(&sam.token), false, true),
            of("agent", Some(&ana.token), true, true),
            of("agent elsewhere", Some(&ben.token), false, true),
            of("auditor", Some(&audra.token), true, true),
            of("customer", Some(&cora.token), true, false),
            of("another customer", Some(&bob.token), false, false),
            of("nobody", None, false, false),
        ];
        Self {
            site,
            things,
            principals,
            people: vec![ana, ben, sam, audra, adam],
        }
    }

    async fn things(site: &Site, ana: &Person, cora: &Guest) -> Things {
        let (hub, owner) = (site.hub.address(), Some(site.owner.token.as_str()));
        let scope = json!({"kind": "department", "department": 1});
        let body = json!({"code": "hello", "scope": scope, "text": "hello"});
        let canned = send(hub, owner, "POST", "/api/canned", &body).await;
        let body = json!({"role": "agent", "departments": []});
        let invitation = send(hub, owner, "POST", "/api/invitations", &body).await;
        let path = format!("/api/chats/{}/attachments?name=a.txt", cora.chat);
        let file = call(hub, Some(&cora.token), "POST", &path, b"bytes").await;
        let number = |answer: &Answer, value: &Value| {
            let number = value.as_u64();
            number.unwrap_or_else(|| panic!("no number in {}", answer.body))
        };
        Things {
            chat: cora.chat.0,
            user: ana.user.id.0,
            department: 1,
            canned: number(&canned, &canned.json()["id"]),
            invitation: number(&invitation, &invitation.json()["id"]),
            customer: cora.id.0,
            attachment: number(&file, &file.json()["attachment"]["id"]),
        }
    }
}

/// The same of two answers that differ in nothing but the number that was asked for.
fn told(code: &Value, message: &Value, number: u64) -> (String, String) {
    let message = message.as_str().unwrap_or_default();
    let message = message.replace(&number.to_string(), "N");
    (code.as_str().unwrap_or_default().to_owned(), message)
}

/// S14, S15: every command there is, by everybody, about things that are foreign and about things
/// that do not exist: nothing is done, and the two nacks are one. A command has no row here, and
/// this file does not compile.
#[tokio::test(flavor = "multi_thread")]
async fn no_command_reaches_a_foreign_thing() {
    let world = World::start().await;
    let mut faults = Vec::new();
    let mut tried = 0;
    for who in &world.principals {
        let Some(token) = &who.token else { continue };
        let mut socket = Raw::live(&world.site, token).await;
        let foreign = every_command(&world.things);
        for ((row, about, real), (_, _, missing)) in
            foreign.into_iter().zip(every_command(&NOTHING))
        {
            tried += 1;
            let what = format!("{row} by {}", who.name);
            let (Some(real), Some(missing)) = (real, missing) else {
                let named = json!({"type": wire_name(row), "chat": 1, "user": 1});
                let nack = socket.ask(&named).await;
                if about != About::Internal || nack["code"] != "invalid" {
                    faults.push(format!("{what}: {nack}"));
                }
                continue;
            };
            let may_see = match about {
                About::Chat | About::Canned => who.sees,
                About::Staff => who.staff,
                About::Desk | About::Internal => true,
            };
            if may_see {
                continue;
            }
            let chat = if about == About::Canned {
                world.things.canned
            } else {
                world.things.chat
            };
            let real = socket.ask(&serde_json::to_value(real).unwrap()).await;
            let missing = socket.ask(&serde_json::to_value(missing).unwrap()).await;
            let refused = matches!(real["code"].as_str(), Some("not_found" | "forbidden"));
            if !refused {
                faults.push(format!("{what}: {real}"));
            }
            let number = if about == About::Staff {
                world.things.user
            } else {
                chat
            };
            let real = told(&real["code"], &real["message"], number);
            if real != told(&missing["code"], &missing["message"], MISSING) {
                faults.push(format!("{what} tells that it exists: {real:?}, {missing}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    report(&format!(
        "figure: commands_by_principals {tried} tried, 0 allowed, 0 told apart"
    ));
}

/// What the parameter of a path stands for, and who may see that.
fn thing_of(path: &str, things: &Things) -> Option<(About, String)> {
    let rest = path.strip_prefix("/api/")?;
    let (area, rest) = rest.split_once("/{")?;
    let (about, number) = match area {
        "chats" if rest.contains("{attachment}") => (About::Chat, things.chat),
        "chats" => (About::Chat, things.chat),
        "canned" => (About::Canned, things.canned),
        "departments" => (About::Staff, things.department),
        "users" => (About::Staff, things.user),
        "invitations" => (About::Staff, things.invitation),
        "customers" => (About::Chat, things.customer),
        "tokens" | "auth/sessions" => return None,
        other => panic!("no thing is known under /api/{other}; say who sees it"),
    };
    let filled = path
        .replacen("{id}", &number.to_string(), 1)
        .replace("{attachment}", &things.attachment.to_string())
        .replace("{seq}", "1");
    assert!(
        !filled.contains('{'),
        "{path} has a parameter that is not known here"
    );
    Some((about, filled))
}

/// A body that would do something with a thing of one's own.
fn good_body(method: &str, path: &str) -> String {
    let body = match path.trim_start_matches("/api/") {
        "chats/{id}/messages" => json!({"text": "hi", "cid": "0123456789abcdef"}),
        "chats/{id}/notes" => json!({"text": "hi"}),
        "chats/{id}/claim" | "chats/{id}/return" => json!({"epoch": 1}),
        "chats/{id}/assign" => json!({"agent": "ben", "epoch": 1}),
        "chats/{id}/transfer" => json!({"department": "Billing", "epoch": 1}),
        "chats/{id}/unread" => json!({"seq": 1}),
        "chats/{id}/rating" => json!({"score": 1}),
        "chats/{id}/tags" => json!({"add": ["x"]}),
        "users/{id}/status" => json!({"status": "away"}),
        "canned/{id}" => json!({"text": "changed"}),
        _ => json!({}),
    };
    if method == "GET" || method == "DELETE" {
        String::new()
    } else {
        body.to_string()
    }
}

/// S15: every route with a number in it, by everybody to whom the thing is foreign: nothing is
/// answered, nothing is done, and what is foreign is what does not exist, to the letter.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_reaches_a_foreign_thing() {
    let world = World::start().await;
    let hub = world.site.hub.address();
    let owner = Some(world.site.owner.token.as_str());
    let document = call(hub, None, "GET", "/api/openapi.json", b"")
        .await
        .json();
    let before = call(hub, owner, "GET", "/api/events", b"").await.body;
    let (mut faults, mut tried) = (Vec::new(), 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some((about, real)) = thing_of(path, &world.things) else {
            continue;
        };
        let (_, missing) = thing_of(path, &NOTHING).unwrap();
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_uppercase())
        {
            let body = good_body(&method, path);
            for who in &world.principals {
                let foreign = match about {
                    About::Chat | About::Canned => !who.sees,
                    _ => !who.staff,
                };
                if !foreign {
                    continue;
                }
                tried += 1;
                let token = who.token.as_deref();
                let one = call(hub, token, &method, &real, body.as_bytes()).await;
                let other = call(hub, token, &method, &missing, body.as_bytes()).await;
                let what = format!("{method} {real} by {}", who.name);
                let expect: &[u16] = if token.is_none() { &[401] } else { &[403, 404] };
                // Staff may ask for the chats of anybody, and are told those that they see: none.
                let list = who.staff && method == "GET" && path == "/api/customers/{id}/chats";
                let empty = list && one.status == 200 && one.json()["items"] == json!([]);
                if !empty && !expect.contains(&one.status) {
                    faults.push(format!("{what}: {} {}", one.status, one.body));
                }
                let same = |answer: &Answer, path: &str| {
                    let number = path.split('/').nth(3).unwrap_or_default();
                    (
                        answer.status,
                        answer.code(),
                        answer.message().replace(number, "N"),
                    )
                };
                if same(&one, &real) != same(&other, &missing) {
                    faults.push(format!(
                        "{what} tells that it exists: {} {}",
                        one.body, other.body
                    ));
                }
            }
        }
    }
    let after = call(hub, owner, "GET", "/api/events", b"").await.body;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(before, after, "something refused has left a trace");
    assert!(tried > 100, "only {tried} calls were tried");
    report(&format!(
        "figure: routes_by_principals {tried} tried, 0 allowed, 0 told apart"
    ));
}

/// S15: a foreign thing inside a body is as foreign as one in a path: the chat that a new one
/// continues, the canned reply that is counted, the person a chat is given to.
#[tokio::test(flavor = "multi_thread")]
async fn no_body_reaches_a_foreign_thing() {
    let world = World::start().await;
    let hub = world.site.hub.address();
    let Things { chat, canned, .. } = world.things;
    let by = |name: &str| {
        let who = world
            .principals
            .iter()
            .find(|who| who.name == name)
            .unwrap();
        who.token.as_deref()
    };
    let mut faults = Vec::new();
    for who in [None, by("another customer")] {
        let open = |previous: u64| json!({"name": "Eve", "previous": previous, "text": "x", "cid": shared::id::CommandId::random()});
        let one = send(hub, who, "POST", "/api/chats", &open(chat)).await;
        let other = send(hub, who, "POST", "/api/chats", &open(MISSING)).await;
        let said = |answer: &Answer, number: u64| {
            (
                answer.status,
                answer.message().replace(&number.to_string(), "N"),
            )
        };
        if one.status == 201 || said(&one, chat) != said(&other, MISSING) {
            faults.push(format!(
                "continuing a foreign chat: {} {}",
                one.body, other.body
            ));
        }
    }
    // Ben has a chat of his own to say it in.
    let ben = by("agent elsewhere");
    let mut socket = Raw::live(&world.site, ben.unwrap()).await;
    let own = world.site.guest("Dan", "Billing", "mine").await.unwrap();
    let claimed = socket
        .ask(&json!({"type": "claim", "chat": own.chat, "epoch": 1}))
        .await;
    assert_eq!(claimed["type"], "done", "{claimed}");
    let with = |canned: u64| json!({"type": "post_message", "chat": own.chat, "text": "hi", "canned": [canned]});
    let (one, other) = (
        socket.ask(&with(canned)).await,
        socket.ask(&with(MISSING)).await,
    );
    let one_told = told(&one["code"], &one["message"], canned);
    if one["type"] != other["type"]
        || one["type"] == "nack" && one_told != told(&other["code"], &other["message"], MISSING)
    {
        faults.push(format!("a foreign canned reply: {one} {other}"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// S14: frames that are no commands: asking for pages of a foreign chat, typing in it and looking
/// at it gives nothing to the one who does it, and tells nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_frame_reaches_a_foreign_chat() {
    let world = World::start().await;
    let Things { chat, .. } = world.things;
    let by = |name: &str| {
        let who = world
            .principals
            .iter()
            .find(|who| who.name == name)
            .unwrap();
        who.token.as_deref().unwrap()
    };
    let mut inside = [
        Raw::live(&world.site, by("agent")).await,
        Raw::live(&world.site, by("customer")).await,
        Raw::live(&world.site, by("supervisor elsewhere")).await,
    ];
    for name in ["agent elsewhere", "another customer"] {
        let mut outside = Raw::live(&world.site, by(name)).await;
        for number in [chat, MISSING] {
            outside
                .say(&json!({"type": "typing", "chat": number, "on": true}))
                .await;
            outside.say(&json!({"type": "view", "chat": number})).await;
            let fetch = json!({"type": "fetch", "id": "f", "chat": number, "limit": 200});
            outside.say(&fetch).await;
            let page = outside
                .until("a page", |frame| frame["type"] == "page")
                .await;
            assert_eq!(
                (&page["events"], &page["more"]),
                (&json!([]), &json!(false)),
                "{name}"
            );
        }
    }
    // What one who sees the chat looks at is told to those who see it, and to nobody else.
    inside[0].say(&json!({"type": "view", "chat": chat})).await;
    inside[0]
        .until("one's own view", |frame| frame["viewing"] == chat)
        .await;
    for (socket, sees) in inside.iter_mut().zip([true, true, false]) {
        socket.say(&json!({"type": "ping", "id": "end"})).await;
        socket
            .ever("the end", |frame| frame["type"] == "pong")
            .await;
        let typed = socket
            .frames
            .iter()
            .any(|frame| frame.contains("\"typing\""));
        let viewing = socket
            .frames
            .iter()
            .filter(|frame| frame.contains("\"viewing\":"));
        let ben = format!("\"user\":{},", world.people[1].user.id);
        assert!(
            !typed,
            "somebody typed in a foreign chat: {:?}",
            socket.frames
        );
        assert!(
            sees || viewing.clone().next().is_none(),
            "who sees not was told: {viewing:?}"
        );
        assert!(
            !viewing.clone().any(|frame| frame.contains(&ben)),
            "{viewing:?}"
        );
    }
}

/// S16: no frame, no command and no body takes what only the hub may say: who, as what, when, which
/// number. Each field in each of them, by the owner, who may do everything else.
#[tokio::test(flavor = "multi_thread")]
async fn no_frame_and_no_body_takes_a_field_of_the_hub() {
    const FIELDS: [&str; 10] = [
        "sender", "actor", "from", "owner", "ts", "at", "seq", "pos", "hash", "is_admin",
    ];
    let world = World::start().await;
    let (hub, owner) = (world.site.hub.address(), world.site.owner.token.as_str());
    let (mut faults, mut tried) = (Vec::new(), 0);
    let customer = world.principals.iter().find(|who| who.name == "customer");
    let customer = customer.and_then(|who| who.token.as_deref());
    let mut socket = Raw::live(&world.site, owner).await;
    for (row, _, command) in every_command(&NOTHING) {
        let Some(command) = command else { continue };
        let command = serde_json::to_value(command).unwrap();
        for field in FIELDS
            .into_iter()
            .filter(|field| command.get(field).is_none())
        {
            tried += 1;
            let mut forged = command.clone();
            forged[field] = json!(1);
            let nack = socket.ask(&forged).await;
            let named = nack["message"].as_str().unwrap_or_default().contains(field);
            if nack["code"] != "invalid" || !named {
                faults.push(format!("{row} with {field}: {nack}"));
            }
        }
    }
    let chat = world.things.chat;
    for frame in [
        json!({"type": "fetch", "id": "1", "chat": chat, "limit": 1}),
        json!({"type": "typing", "chat": chat, "on": true}),
        json!({"type": "view", "chat": chat}),
        json!({"type": "ping", "id": "1"}),
    ] {
        for field in FIELDS {
            tried += 1;
            let mut forged = frame.clone();
            forged[field] = json!(1);
            let mut socket = Raw::live(&world.site, owner).await;
            socket.say(&forged).await;
            let (code, reason) = socket.end().await;
            if code != 4400 || !reason.contains(field) {
                faults.push(format!("{forged}: {code} {reason}"));
            }
        }
    }
    let document = call(hub, None, "GET", "/api/openapi.json", b"")
        .await
        .json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["requestBody"]["content"]["application/json"].is_null() {
                continue;
            }
            let real = path
                .split('/')
                .map(|part| if part.starts_with('{') { "1" } else { part });
            let real = real.collect::<Vec<_>>().join("/");
            // Where to read again from is for the reader to say.
            let taken = |field: &&str| path.ends_with("/unread") && *field == "seq";
            for field in FIELDS.into_iter().filter(|field| !taken(field)) {
                tried += 1;
                let body = json!({field: 1}).to_string();
                let method = method.to_uppercase();
                let mut answer = call(hub, Some(owner), &method, &real, body.as_bytes()).await;
                if answer.status == 403 {
                    // What is for customers alone, in their own chat.
                    answer = call(hub, customer, &method, &real, body.as_bytes()).await;
                }
                if answer.status != 400 || !answer.message().contains(field) {
                    faults.push(format!("{method} {path} with {field}: {}", answer.body));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    report(&format!("figure: forged_fields {tried} tried, 0 taken"));
}
