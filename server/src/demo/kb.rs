//! The sample knowledge base: what a small web shop is asked most.

/// The files of the sample knowledge base and their text.
const SAMPLE: [(&str, &str); 13] = [
    ("cancel-order.md", include_str!("kb/cancel-order.md")),
    ("change-address.md", include_str!("kb/change-address.md")),
    ("damaged-item.md", include_str!("kb/damaged-item.md")),
    ("discount-codes.md", include_str!("kb/discount-codes.md")),
    ("invoice.md", include_str!("kb/invoice.md")),
    ("opening-hours.md", include_str!("kb/opening-hours.md")),
    ("order-status.md", include_str!("kb/order-status.md")),
    ("password-reset.md", include_str!("kb/password-reset.md")),
    ("payment-methods.md", include_str!("kb/payment-methods.md")),
    ("refund-dispute.md", include_str!("kb/refund-dispute.md")),
    ("refund-status.md", include_str!("kb/refund-status.md")),
    ("returns.md", include_str!("kb/returns.md")),
    ("shipping-cost.md", include_str!("kb/shipping-cost.md")),
];

/// The files of the sample knowledge base: name and text.
#[must_use]
pub const fn sample() -> &'static [(&'static str, &'static str)] {
    &SAMPLE
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::sample;
    use crate::assistant::knowledge::{Knowledge, Policy, check::check};

    fn knowledge() -> Knowledge {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in sample() {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Knowledge::load(folder.path()).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// What people might write, in other words than the files have: the topic and the text.
    const PARAPHRASES: [(&str, &str); 39] = [
        ("order-status", "my package still isn't here, where is it"),
        (
            "order-status",
            "has my order already left your warehouse or been shipped",
        ),
        ("order-status", "can you check the status of order 48213"),
        ("shipping-cost", "what would the postage cost me"),
        ("shipping-cost", "is delivery free if I spend enough"),
        (
            "shipping-cost",
            "do you also ship to Norway and how much is that",
        ),
        ("returns", "how can I return these trousers"),
        (
            "returns",
            "the shirt doesn't fit me, I would like to send it back",
        ),
        ("returns", "need a label to return my purchase"),
        (
            "refund-status",
            "I returned everything last week, when do I get the money",
        ),
        ("refund-status", "still no refund on my account"),
        ("refund-status", "how long until my refund arrives"),
        ("refund-dispute", "you charged me two times!"),
        ("refund-dispute", "the amount you refunded is wrong"),
        ("refund-dispute", "my bank will dispute this charge"),
        ("cancel-order", "please cancel order 1234"),
        (
            "cancel-order",
            "I ordered the wrong colour, can it be changed",
        ),
        (
            "cancel-order",
            "hi, how can I cancel an order I just placed by mistake",
        ),
        (
            "change-address",
            "I have moved, how do I change the address",
        ),
        (
            "change-address",
            "wrong house number in the delivery address",
        ),
        (
            "change-address",
            "could you deliver to my office address instead",
        ),
        ("payment-methods", "can I use my Mastercard to pay"),
        ("payment-methods", "is paying with paypal possible"),
        ("payment-methods", "your site declined my credit card"),
        ("invoice", "please send me the invoice as pdf"),
        ("invoice", "where can I download the receipt"),
        ("invoice", "my company name is missing on the bill"),
        ("damaged-item", "the vase is broken"),
        ("damaged-item", "I got the wrong product in my package"),
        (
            "damaged-item",
            "the lamp stopped working, is there a warranty",
        ),
        ("password-reset", "forgot my password, help"),
        ("password-reset", "I can't log in to my account any more"),
        (
            "password-reset",
            "the mail to reset the password never arrives",
        ),
        ("opening-hours", "are you open on sunday"),
        ("opening-hours", "what is your phone number"),
        ("opening-hours", "when do you open on holidays"),
        ("discount-codes", "my coupon is not accepted"),
        ("discount-codes", "do students get a discount"),
        ("discount-codes", "where can I enter a voucher code"),
    ];

    /// What the shop knows nothing of.
    const UNRELATED: [&str; 20] = [
        "what is the capital of France",
        "tell me a joke",
        "how do I bake bread without yeast",
        "my cat is sick, what should I feed her",
        "who won the football game yesterday",
        "is it going to rain tomorrow",
        "do you have job openings",
        "write a poem about the sea",
        "what do you think about politics",
        "can you recommend a good film",
        "how tall is mount everest",
        "translate good morning into Spanish",
        "what is two plus two",
        "which planet is the largest",
        "play some music",
        "how do I learn to play the guitar",
        "my neighbour is too loud at night",
        "book a flight to Rome for me",
        "set an alarm for seven",
        "what are the symptoms of the flu",
    ];

    #[test]
    fn paraphrases_come_to_their_topic() {
        let knowledge = knowledge();
        let right = |best: Option<String>, topic: &str| best.as_deref() == Some(topic);
        let missed: Vec<&str> = PARAPHRASES
            .iter()
            .filter(|(topic, text)| {
                let guesses = knowledge.classify(text).guesses;
                let guess = guesses.first().map(|guess| guess.intent.to_string());
                let hits = knowledge.search(text, 1);
                let hit = hits.first().map(|hit| hit.topic.id.to_string());
                !right(guess, topic) || !right(hit, topic)
            })
            .map(|(_, text)| *text)
            .collect();
        assert!(missed.len() <= 1, "{missed:#?}");
    }

    /// 35 of 39 at the time of writing.
    #[test]
    fn most_paraphrases_are_answered_and_no_wrong_one_is() {
        let knowledge = knowledge();
        let mut sure = 0;
        for (topic, text) in PARAPHRASES {
            let ranking = knowledge.classify(text);
            let best = &ranking.guesses[0];
            let answers = best.confidence >= 0.7 && ranking.margin() >= 0.1;
            assert!(!answers || *best.intent == *topic, "{text}: {ranking:?}");
            sure += usize::from(answers);
        }
        assert!(sure >= 33, "{sure} of {}", PARAPHRASES.len());
    }

    #[test]
    fn what_is_said_has_support_and_what_is_unrelated_has_not() {
        let knowledge = knowledge();
        let score = |text: &str| {
            knowledge
                .search(text, 1)
                .first()
                .map_or(0.0, |hit| hit.score)
        };
        let supported = PARAPHRASES.iter().filter(|(_, text)| score(text) >= 0.7);
        let supported = supported.count();
        assert!(supported >= 29, "{supported} of {}", PARAPHRASES.len());
        for text in UNRELATED {
            assert!(score(text) < 0.7, "{text}: {}", score(text));
            assert!(knowledge.classify(text).confidence() < 0.7, "{text}");
        }
    }

    #[test]
    fn the_sample_is_sound() {
        let knowledge = knowledge();
        assert_eq!(knowledge.topics().len(), sample().len());
        let report = check(&knowledge, &[], None);
        assert_eq!(report.findings, []);
        for topic in knowledge.topics() {
            assert!(topic.questions.len() >= 8, "{}", topic.id);
            let lines = topic
                .answer
                .as_ref()
                .map_or(0, |answer| answer.source().lines().count());
            assert!((1..=5).contains(&lines), "{}", topic.id);
            assert_eq!(topic.file.to_string_lossy(), format!("{}.md", topic.id));
        }
        let by = |policy| {
            knowledge
                .topics()
                .iter()
                .filter(move |topic| topic.policy == policy)
        };
        assert_eq!(by(Policy::Escalate).count(), 1);
        assert_eq!(by(Policy::Assist).count(), 1);
        assert_eq!(
            knowledge.hosts().iter().collect::<Vec<_>>(),
            ["shop.example"]
        );
    }
}
