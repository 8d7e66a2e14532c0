//! Simulated customers: each opens a chat, says its lines one by one as it is answered, and comes
//! back with a new question some time after its chat has ended. Who asks what the assistant does
//! not know comes to a person in the end.

use std::time::Duration;

use shared::{
    api::{OpenChat, OpenedChat},
    client::{
        error::ClientError,
        http::Http,
        outbox::Outbox,
        session::{Token, TokenSource},
        socket::{Socket, SocketEvent, SocketOptions},
        tls::TlsOptions,
        url::HubUrl,
    },
    command::{Command, DepartmentRef},
    event::Event,
    id::{ChatId, CommandId},
    model::{ActorKind, Visibility},
    text::SafeText,
};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Who asks what, and where: name, department, lines.
const CUSTOMERS: [(&str, &str, &[&str]); 5] = [
    (
        "Dmitri",
        "Billing",
        &[
            "Hello, the invoice of this month shows the wrong VAT number",
            "It should end in 321, not 123",
            "Thank you. Can I get it as a PDF as well?",
            "Perfect, that is all",
        ],
    ),
    (
        "Yuki",
        "Customer Care",
        &[
            "Hi! Where can I change the address of my account?",
            "I see it now. Does it change for open orders too?",
            "Good to know, thanks",
        ],
    ),
    (
        "Kofi",
        "Technical Support",
        &[
            "The export stops at 40 percent since yesterday",
            "Version 2.3, on Debian",
            "Restarting did not help, the log says \"disk quota\"",
            "That was it. Thank you!",
        ],
    ),
    (
        "Lena",
        "Sales",
        &[
            "Do you have a plan for schools?",
            "About 30 people",
            "I will talk to my colleagues, thank you",
        ],
    ),
    (
        "Nora",
        "Customer Care",
        &["How much does shipping cost?", "Yes, it did"],
    ),
];
/// What is said to an assistant that did not help the first time.
const PERSON: &str = "I would like to talk to a person, please";
/// Time between two customers' first lines.
const ARRIVAL: Duration = Duration::from_secs(2);
/// How long a customer reads before it answers.
const READING: Duration = Duration::from_secs(4);
/// How long a customer types.
const TYPING: Duration = Duration::from_secs(3);
/// Time before a customer comes back with a new question.
const RETURN: Duration = Duration::from_secs(45);
/// Time before a customer that met an error tries again.
const RETRY: Duration = Duration::from_secs(10);

/// Sets the customers talking until `stop`.
pub(super) fn start(hub: &HubUrl, tasks: &TaskTracker, stop: &CancellationToken) {
    for (index, (name, department, lines)) in (1_u32..).zip(CUSTOMERS) {
        let (hub, stop) = (hub.clone(), stop.clone());
        tasks.spawn(async move {
            let talk = async {
                sleep(ARRIVAL * index).await;
                loop {
                    let pause = match talk(&hub, name, department, lines).await {
                        Ok(()) => RETURN,
                        Err(error) => {
                            tracing::warn!(%error, "a simulated customer met an error");
                            RETRY
                        }
                    };
                    sleep(pause).await;
                }
            };
            tokio::select! {
                () = talk => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// One chat from its opening to its end.
async fn talk(
    hub: &HubUrl,
    name: &str,
    department: &str,
    lines: &[&str],
) -> Result<(), ClientError> {
    let open = OpenChat {
        name: Some(SafeText::line(name)),
        email: None,
        phone: None,
        department: Some(DepartmentRef::Name(SafeText::line(department))),
        text: lines.first().map(|line| SafeText::block(line)),
        fields: std::collections::BTreeMap::new(),
        previous: None,
        language: None,
        human: false,
        cid: CommandId::random(),
    };
    let http = Http::new(hub, None, &TlsOptions::default())?;
    let opened: OpenedChat = http.post("/api/chats", &open).await?;
    let chat = opened.chat.id;
    let options = SocketOptions {
        url: hub.clone(),
        tls: TlsOptions::default(),
        token: TokenSource::Fixed(Token::new(opened.token.unwrap_or_default())),
        client: concat!("frontdesk-demo/", env!("CARGO_PKG_VERSION")).into(),
        cursor: None,
        outbox: Outbox::in_memory(),
        watches: false,
    };
    let (socket, mut events) = Socket::connect(options)?;
    let mut rest = lines.iter().skip(1);
    let mut automatic = 0;
    while let Some(event) = events.recv().await {
        let SocketEvent::Record(delivered) = event else {
            continue;
        };
        if delivered.record.chat != Some(chat) {
            continue;
        }
        match &delivered.record.event {
            Event::MessagePosted { .. } => {
                let line = match delivered.record.actor.kind {
                    ActorKind::Agent => rest.next(),
                    ActorKind::Assistant => {
                        // The greeting was there before the socket.
                        automatic += 1;
                        match automatic {
                            1 => rest.next(),
                            _ => Some(&PERSON),
                        }
                    }
                    ActorKind::Customer | ActorKind::System => continue,
                };
                sleep(READING).await;
                if let Some(line) = line {
                    socket.typing(chat, true, None);
                    sleep(TYPING).await;
                    let sent = socket.send(CommandId::random(), say(chat, line)).await;
                    if sent.is_err() {
                        break;
                    }
                }
            }
            Event::ChatResolved { .. } | Event::ChatClosed {} => break,
            _ => {}
        }
    }
    socket.close().await;
    Ok(())
}

fn say(chat: ChatId, line: &str) -> Command {
    Command::PostMessage {
        chat,
        text: SafeText::block(line),
        visibility: Visibility::Public,
        expected_seq: None,
        canned: Vec::new(),
    }
}
