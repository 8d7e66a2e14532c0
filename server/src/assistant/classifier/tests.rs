//! What an operator may rely on, from a knowledge base of one intent on.

use super::{Classifier, Example, Ranking, cross_validate};

const DELIVERY: [&str; 5] = [
    "Where is my order?",
    "My parcel has not arrived",
    "When will my package be delivered?",
    "How long does shipping take?",
    "Can I track my delivery?",
];
const REFUND: [&str; 5] = [
    "I want my money back",
    "How do I get a refund?",
    "When is the refund on my account?",
    "Can I return the shoes I bought?",
    "Please refund my last payment",
];
const PASSWORD: [&str; 5] = [
    "I forgot my password",
    "How can I reset my password?",
    "I cannot log in any more",
    "The link to change the password does not work",
    "My login is locked",
];
const HOURS: [&str; 3] = [
    "When are you open?",
    "What are your opening hours?",
    "Are you open on Sundays?",
];
const INVOICE: [&str; 4] = [
    "I need an invoice for my company",
    "Can you send me the bill again?",
    "Where can I download the receipt?",
    "The VAT number on my invoice is wrong",
];
const UNRELATED: [&str; 6] = [
    "how tall is the Eiffel tower",
    "what is the capital of Mongolia",
    "sing a song about penguins",
    "translate hello into French",
    "qwertz asdf yxcv",
    "42",
];

fn examples(intents: usize) -> Vec<Example<'static>> {
    let all: [(&str, &[&str]); 5] = [
        ("delivery", &DELIVERY),
        ("refund", &REFUND),
        ("password", &PASSWORD),
        ("hours", &HOURS),
        ("invoice", &INVOICE),
    ];
    let of = |(intent, texts): &(&'static str, &'static [&'static str])| {
        let intent = *intent;
        texts.iter().map(move |text| Example { intent, text })
    };
    all[..intents].iter().flat_map(of).collect()
}

fn best(ranking: &Ranking) -> &str {
    ranking.guesses.first().map_or("", |guess| &guess.intent)
}

#[test]
fn a_small_knowledge_base_knows_its_questions_and_nothing_else() {
    for intents in 1..=5 {
        let examples = examples(intents);
        let model = Classifier::train(&examples);
        for Example { intent, text } in &examples {
            // As typed: without the mark, without capitals, with a word more.
            for text in [(*text).to_owned(), format!("hi, {}", text.to_lowercase())] {
                let ranking = model.classify(&text);
                assert_eq!(best(&ranking), *intent, "{intents} intents: {text}");
                assert!(
                    ranking.confidence() >= 0.7,
                    "{intents} intents: {text}: {ranking:?}"
                );
                assert!(
                    ranking.margin() >= 0.1,
                    "{intents} intents: {text}: {ranking:?}"
                );
            }
        }
        for text in UNRELATED {
            let ranking = model.classify(text);
            assert!(
                ranking.confidence() < 0.3,
                "{intents} intents: {text}: {ranking:?}"
            );
        }
    }
}

#[test]
fn a_question_in_other_words_or_with_errors_is_understood() {
    let model = Classifier::train(&examples(5));
    let strangers = UNRELATED.map(|text| model.classify(text).confidence());
    let strangest = strangers.into_iter().fold(0.0, f64::max);
    for (text, intent) in [
        ("where is my oder", "delivery"),
        ("has my package been shipped", "delivery"),
        ("pasword reset", "password"),
        ("a refund please", "refund"),
        ("opening times on sunday", "hours"),
        ("please send the invoice", "invoice"),
    ] {
        let ranking = model.classify(text);
        assert_eq!(best(&ranking), intent, "{text}: {ranking:?}");
        assert!(
            ranking.confidence() > strangest + 0.05,
            "{text}: {ranking:?}"
        );
    }
}

#[test]
fn nothing_is_guessed_without_questions_or_without_words() {
    assert_eq!(Classifier::train(&[]).classify("hello"), Ranking::default());
    let model = Classifier::train(&examples(5));
    for text in ["", "?!", "\r\n", "\u{200b}"] {
        let ranking = model.classify(text);
        assert_eq!(ranking, Ranking::default(), "{text:?}");
        assert_eq!((ranking.confidence(), ranking.margin()), (0.0, 0.0));
    }
    // Questions without words teach nothing, and do no harm.
    let empty = [Example {
        intent: "none",
        text: "?",
    }];
    assert_eq!(
        Classifier::train(&empty).classify("hello"),
        Ranking::default()
    );
}

#[test]
fn guesses_are_few_in_order_and_share_one_certainty() {
    let model = Classifier::train(&examples(5));
    for text in DELIVERY.iter().chain(&INVOICE).chain(&UNRELATED) {
        let guesses = model.classify(text).guesses;
        assert!(guesses.len() <= 5);
        assert!(
            guesses
                .windows(2)
                .all(|two| two[0].confidence >= two[1].confidence)
        );
        if let [first, second, ..] = guesses.as_slice() {
            assert!(first.confidence + second.confidence <= 1.0 + 1e-9, "{text}");
        }
    }
    assert_eq!(model.intents().collect::<Vec<_>>().len(), 5);
    assert!(model.model_bytes() > 1_000);
}

#[test]
fn the_same_questions_give_the_same_model() {
    let examples = examples(5);
    let (one, other) = (Classifier::train(&examples), Classifier::train(&examples));
    assert_eq!(one.digest(), other.digest());
    for text in DELIVERY.iter().chain(&UNRELATED) {
        assert_eq!(one.classify(text), other.classify(text));
    }
    let mut changed = examples;
    changed[3].text = "How long does shipment take?";
    assert_ne!(Classifier::train(&changed).digest(), one.digest());
}

#[test]
fn questions_of_every_shape_do_no_harm() {
    let long = "very long question ".repeat(5_000);
    let texts = [
        "",
        "\u{0}",
        "a",
        "\u{1f600}\u{1f600}",
        "e\u{301}\u{301}",
        "我的订单",
        &long,
    ];
    let odd: Vec<Example<'_>> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| Example {
            intent: ["one", "two"][at % 2],
            text,
        })
        .collect();
    let model = Classifier::train(&odd);
    for text in texts {
        let confidence = model.classify(text).confidence();
        assert!((0.0..=1.0).contains(&confidence), "{confidence}");
    }
    assert_eq!(best(&model.classify("我的订单")), "two");
    // The same question for two intents is for neither.
    let twice = [
        Example {
            intent: "one",
            text: "is it free",
        },
        Example {
            intent: "two",
            text: "is it free",
        },
    ];
    let ranking = Classifier::train(&twice).classify("is it free");
    assert!(ranking.margin() < 0.1, "{ranking:?}");
}

#[test]
fn cross_validation_finds_what_is_confused() {
    let mut examples = examples(3);
    let report = cross_validate(&examples, 5);
    assert!(report.accuracy > 0.5, "{report:?}");
    assert_eq!(report, cross_validate(&examples, 5));
    // Questions with a wrong label are confused with those of the right one.
    for text in [
        "Where is my first order?",
        "Where is my other order?",
        "Where is my last order?",
    ] {
        examples.push(Example {
            intent: "password",
            text,
        });
    }
    for text in [
        "Where is my new order?",
        "Where is my old order?",
        "Where is my big order?",
    ] {
        examples.push(Example {
            intent: "delivery",
            text,
        });
    }
    let report = cross_validate(&examples, 5);
    let (truth, guess, count) = &report.confusions[0];
    assert!([(&**truth, &**guess), (&**guess, &**truth)].contains(&("delivery", "password")));
    assert!(*count >= 2, "{report:?}");
    assert!(cross_validate(&[], 5).confusions.is_empty());
}
