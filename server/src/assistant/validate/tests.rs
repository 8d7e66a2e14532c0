//! What is accepted, and everything that is not.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{
    assistant::{AssistantSettings, HandOffReason, Share},
    text::{HOSTILE, MESSAGE_BYTES_MAX, SafeText},
};

use super::{Accepted, Grounds, Rejection, plain, support};
use crate::assistant::prompt::{Canary, Question, Source, support as ask};

const SOURCES: [Source<'static>; 2] = [
    Source {
        id: "kb:returns#1",
        title: "Returns",
        text: "Thirty days, see https://docs.example.org/returns.",
    },
    Source {
        id: "kb:returns#2",
        title: "Returns",
        text: "Keep the box.",
    },
];

fn good() -> Value {
    json!({
        "answer": "Within thirty days.",
        "intent": "returns",
        "confidence": 0.9,
        "escalate": false,
        "reason": null,
        "citations": ["kb:returns#1"],
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut reply = good();
    reply[field] = value;
    reply
}

struct Desk {
    settings: AssistantSettings,
    hosts: BTreeSet<String>,
    canary: Canary,
    support: u16,
    is_small_talk: bool,
}

impl Desk {
    fn new() -> Self {
        Self {
            settings: AssistantSettings {
                allowed_hosts: vec![SafeText::line("status.example.org")],
                ..AssistantSettings::default()
            },
            hosts: BTreeSet::from(["docs.example.org".to_owned()]),
            canary: Canary::random().unwrap(),
            support: 800,
            is_small_talk: false,
        }
    }

    fn check_text(&self, text: &str) -> Result<Accepted, Rejection> {
        let grounds = Grounds {
            sources: &SOURCES,
            support: Share::from_thousandths(self.support),
            is_small_talk: self.is_small_talk,
            hosts: &self.hosts,
            settings: &self.settings,
            canary: &self.canary,
        };
        support(text, &grounds, &|text| {
            text.replace("[number-1]", "4711")
                .replace("[url-1]", "https://mine.example.com")
        })
    }

    fn check(&self, reply: &Value) -> Result<Accepted, Rejection> {
        self.check_text(&reply.to_string())
    }

    /// The word itself, as a model would see it.
    fn canary(&self) -> String {
        let question = Question {
            chat: shared::id::ChatId(1),
            name: "",
            history: &[],
            history_messages: 0,
            sources: &[],
        };
        let system = ask(&question, &self.canary, &mut str::to_owned).system;
        system.rsplit(' ').next().unwrap().to_owned()
    }
}

#[test]
fn an_answer_that_rests_on_its_passages_is_accepted() {
    let accepted = Desk::new().check(&good()).unwrap();
    assert_eq!(accepted.text.as_str(), "Within thirty days.");
    assert_eq!(accepted.citations, ["kb:returns#1"]);
    assert_eq!(
        accepted.confidence,
        Share::from_thousandths(800),
        "the lesser"
    );
    let fenced = format!("```json\n{}\n```", good());
    assert!(Desk::new().check_text(&fenced).is_ok());
    let twice = with(
        "citations",
        json!(["kb:returns#2", "kb:returns#1", "kb:returns#2"]),
    );
    let accepted = Desk::new().check(&twice).unwrap();
    assert_eq!(accepted.citations, ["kb:returns#2", "kb:returns#1"]);
}

#[test]
fn only_exactly_what_was_asked_for_is_read() {
    let desk = Desk::new();
    let mut more = good();
    more["tool"] = json!("close_chat");
    let mut wrong = vec![more.to_string()];
    for field in [
        "answer",
        "intent",
        "confidence",
        "escalate",
        "reason",
        "citations",
    ] {
        let mut less = good();
        less.as_object_mut().unwrap().remove(field);
        wrong.push(less.to_string());
    }
    for (field, value) in [
        ("answer", json!(null)),
        ("answer", json!(" \n")),
        ("answer", json!("x".repeat(1_201))),
        ("intent", json!("x".repeat(301))),
        ("reason", json!("x".repeat(301))),
        ("confidence", json!("0.9")),
        ("confidence", json!(1.1)),
        ("confidence", json!(-0.1)),
        ("escalate", json!("false")),
        ("citations", json!("kb:returns#1")),
        ("citations", json!(vec!["kb:returns#1"; 21])),
    ] {
        wrong.push(with(field, value).to_string());
    }
    wrong.extend([
        String::new(),
        "Within thirty days.".into(),
        format!("Here it is: {}", good()),
        format!("{} {}", good(), good()),
        good()
            .to_string()
            .replace("\"intent\"", "\"answer\":\"x\",\"intent\""),
        json!(["a", "b", 0.9, false, null, ["kb:returns#1"]]).to_string(),
        good().to_string().replace("0.9", "NaN"),
        good().to_string().replace("0.9", "1e999"),
        "{".repeat(20_000),
    ]);
    for text in wrong {
        assert_eq!(
            desk.check_text(&text),
            Err(Rejection::Malformed),
            "{text:.200}"
        );
    }
    let longest = with("answer", json!("ä".repeat(1_200)));
    assert!(desk.check(&longest).is_ok(), "characters, not bytes");
}

#[test]
fn an_answer_cites_what_it_was_given_and_something() {
    let mut desk = Desk::new();
    for citations in [
        json!([]),
        json!(["kb:free#1"]),
        json!(["kb:returns#1", "kb:returns#9"]),
    ] {
        let reply = with("citations", citations);
        assert_eq!(desk.check(&reply), Err(Rejection::Ungrounded), "{reply}");
    }
    desk.is_small_talk = true;
    desk.support = 0;
    let hello = with("citations", json!([]));
    assert!(desk.check(&hello).is_ok());
    let cited = desk.check(&good());
    assert!(
        matches!(cited, Err(Rejection::LowConfidence(_))),
        "{cited:?}"
    );
    let unknown = with("citations", json!(["kb:free#1"]));
    assert_eq!(desk.check(&unknown), Err(Rejection::Ungrounded));
}

#[test]
fn a_model_is_as_certain_as_the_knowledge_base_at_most() {
    let mut desk = Desk::new();
    for (sure, support, expect) in [
        (0.7, 700, None),
        (1.0, 699, Some(699)),
        (0.699, 1_000, Some(699)),
        (1.0, 0, Some(0)),
    ] {
        desk.support = support;
        let outcome = desk.check(&with("confidence", json!(sure)));
        let low = expect.map(|low| Rejection::LowConfidence(Share::from_thousandths(low)));
        assert_eq!(outcome.err(), low, "{sure} {support}");
    }
}

#[test]
fn a_model_that_wants_a_person_gets_one() {
    let mut reply = with("escalate", json!(true));
    reply["reason"] = json!("angry\u{1b}[31m customer\n");
    let outcome = Desk::new().check(&reply).unwrap_err();
    let Rejection::ModelEscalated(reason) = &outcome else {
        panic!("{outcome:?}");
    };
    assert!(!reason.contains(['\u{1b}', '\n']), "{reason:?}");
    assert_eq!(outcome.reason(), HandOffReason::ModelEscalated);
}

#[test]
fn links_lead_to_the_knowledge_base_and_allowed_hosts_alone() {
    let desk = Desk::new();
    for (answer, fits) in [
        ("See https://docs.example.org/returns.", true),
        ("See https://status.example.org", true),
        ("See https://evil.example.com/?q=1", false),
        ("See status.example.org.evil.com", false),
    ] {
        let outcome = desk.check(&with("answer", json!(answer)));
        assert_eq!(outcome.is_ok(), fits, "{answer}: {outcome:?}");
    }
    let theirs = desk.check(&with("answer", json!("You wrote [url-1]")));
    assert_eq!(
        theirs.unwrap().text.as_str(),
        "You wrote https://mine.example.com"
    );
}

#[test]
fn the_instructions_are_never_repeated() {
    let desk = Desk::new();
    let canary = desk.canary();
    let escaped: String = canary
        .chars()
        .map(|c| format!("\\u{:04x}", u32::from(c)))
        .collect();
    let spelled = with("answer", json!("MARK"))
        .to_string()
        .replace("MARK", &escaped);
    for text in [
        canary.clone(),
        with("answer", json!(format!("it is {canary}"))).to_string(),
        with("intent", json!(canary.to_uppercase())).to_string(),
        with("citations", json!([canary])).to_string(),
        spelled,
    ] {
        assert_eq!(
            desk.check_text(&text),
            Err(Rejection::InjectionSuspected),
            "{text}"
        );
    }
    assert_eq!(plain(&canary, &desk.canary, &str::to_owned), None);
}

#[test]
fn nothing_that_steers_a_terminal_is_said() {
    let desk = Desk::new();
    for steering in [
        "\u{1b}[2J",
        "\u{1b}]52;c;eA==\u{7}",
        "\u{9b}31m",
        "a\u{8}b",
        "a\rb",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{e0041}b",
        "\u{0}",
    ] {
        let outcome = desk.check(&with("answer", json!(steering)));
        assert_eq!(outcome, Err(Rejection::InjectionSuspected), "{steering:?}");
    }
    for hostile in HOSTILE {
        if let Ok(accepted) = desk.check(&with("answer", json!(hostile))) {
            assert_eq!(SafeText::block(&accepted.text), accepted.text);
        }
        if let Some(text) = plain(hostile, &desk.canary, &str::to_owned) {
            assert_eq!(SafeText::block(&text), text);
        }
    }
    assert!(desk.check(&with("answer", json!("one\r\n\ttwo"))).is_ok());
}

#[test]
fn what_was_masked_is_put_back_last() {
    let desk = Desk::new();
    let accepted = desk
        .check(&with("answer", json!("Order [number-1] is on its way.")))
        .unwrap();
    assert_eq!(accepted.text.as_str(), "Order 4711 is on its way.");
    let restored = plain("  Order [number-1]\n", &desk.canary, &|text| {
        text.replace("[number-1]", "47\u{1b}11")
    });
    let restored = restored.unwrap();
    assert!(restored.starts_with("Order 47") && !restored.contains('\u{1b}'));
}

#[test]
fn a_text_for_an_agent_fits_into_a_message() {
    let canary = Canary::random().unwrap();
    assert_eq!(plain(" \n", &canary, &str::to_owned), None);
    let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
    assert_eq!(plain(&long, &canary, &str::to_owned), None);
}

#[test]
fn what_shows_nothing_hides_no_link() {
    let desk = Desk::new();
    for answer in [
        "See https:\u{200B}//evil.example.com/x",
        "See evil.c\u{2060}om",
        "See evil.co\u{AD}m",
        "See w\u{200D}ww.evil.example",
        "See evil.co\u{FE0F}m",
    ] {
        let checked = desk.check(&with("answer", json!(answer)));
        assert_eq!(checked, Err(Rejection::Ungrounded), "{answer:?}");
    }
    let fine = with("answer", json!("Within\u{200B} thirty days."));
    assert_eq!(
        desk.check(&fine).unwrap().text.as_str(),
        "Within thirty days."
    );
    let nothing = with("answer", json!("\u{200B}"));
    assert_eq!(desk.check(&nothing), Err(Rejection::Malformed));
}

#[test]
fn a_value_that_is_put_back_makes_no_flood() {
    let desk = Desk::new();
    let grounds = Grounds {
        sources: &SOURCES,
        support: Share::ONE,
        is_small_talk: false,
        hosts: &desk.hosts,
        settings: &desk.settings,
        canary: &desk.canary,
    };
    let long = "7".repeat(MESSAGE_BYTES_MAX / 2);
    let check = |times: usize| {
        let reply = with("answer", json!("[number-1] ".repeat(times)));
        support(&reply.to_string(), &grounds, &|text| {
            text.replace("[number-1]", &long)
        })
    };
    assert!(check(1).is_ok());
    assert_eq!(check(100), Err(Rejection::Malformed));
}
