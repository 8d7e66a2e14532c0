//! A text with what its words can be, and the questions that every rule asks of it: who is named
//! here, and what do the words before a verb make of it?

use super::{
    lexicon::{Class, class_of},
    tokens::Tokens,
};

/// Words that may stand between a wish and the name of a person.
pub(super) const REACH: usize = 8;
/// Words that may stand before a verb and say whether it is meant.
const FRAME: usize = 12;

/// Names of a person that are somebody for certain.
pub(super) const SURE: Class = Class::HUMAN.or(Class::AGENT);
/// Names of a person, somebody by context.
pub(super) const ANYBODY: Class = SURE.or(Class::PERSON).or(Class::TEAM).or(Class::SOME);

/// Words before `agent` and `representative` that make another trade of it.
const TRADES: &str = "travel estate letting cleaning user leasing booking ticket secret free tour \
                      network mobile elected district union delivery insurance";
/// Words after `human` that make a thing of it.
const THINGS: &str = "resources resource error errors rights right readable nature body \
                      trafficking hair race bodies anatomy";
/// What one speaks with and not to.
const VOICES: &str = "accent voice whisper tone lisp speed language";
/// What one is connected to that is no person.
const DEVICES: &str = "wifi wi internet network bluetooth vpn server account accounts money \
                       savings checking page website site link app device phone speaker printer \
                       tv airport address card bus train";

/// A text with the classes of its words.
pub(super) struct Reading<'a> {
    pub(super) tokens: &'a Tokens,
    pub(super) classes: Vec<Class>,
}

/// How the words before a verb make it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    /// Wished for, asked for.
    pub(super) asked: bool,
    /// Not wished for.
    pub(super) negated: bool,
    /// A question of how things go: `do I need to`, `am I`.
    pub(super) procedure: bool,
    /// The verb begins the clause.
    pub(super) imperative: bool,
}

/// Who is at the end of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nobody, or nobody who could be asked for.
    Nobody,
    /// The one that answers now.
    You,
    /// A machine.
    Bot,
    /// Somebody not known as a person.
    Other,
    /// A person.
    Person,
}

impl<'a> Reading<'a> {
    pub(super) fn of(tokens: &'a Tokens) -> Self {
        let classes = tokens.words().map(class_of).collect();
        Self { tokens, classes }
    }

    pub(super) fn is(&self, at: usize, these: Class) -> bool {
        self.classes.get(at).is_some_and(|class| class.is(these))
    }

    pub(super) fn word(&self, at: usize) -> &str {
        self.tokens.word(at)
    }

    pub(super) fn is_word(&self, at: usize, words: &str) -> bool {
        let word = self.word(at);
        words.split(' ').any(|known| known == word)
    }

    /// What one is connected to that is no person: `the wifi`, `my account`.
    pub(super) fn is_thing(&self, at: usize, to: usize) -> bool {
        (at..to.min(at + 4)).any(|i| {
            self.is_word(i, DEVICES) || self.word(i).starts_with(|c: char| c.is_ascii_digit())
        })
    }

    /// The name of a person that a wish ends with, at `at` behind what may stand before it;
    /// `strict` when the wish could be for what that person does.
    pub(super) fn person_at(&self, at: usize, to: usize, strict: bool) -> bool {
        let mut i = at;
        let mut real = false;
        let mut named = false;
        while i < to && i < at + REACH {
            let modifies = self.is(i, Class::MODIFIER.or(Class::REAL).or(Class::OTHER))
                && (strict || self.word(i) != "my")
                || self.word(i) == "and" && i > at && self.word(i - 1) == "flesh";
            let person = self.is(i, ANYBODY);
            if !modifies && !person {
                break;
            }
            real |= self.is(i, Class::REAL.or(Class::OTHER)) && !self.is_word(i, "human");
            named = true;
            i += 1;
        }
        if !named || i == at {
            return false;
        }
        // The last word is the name: "a live support agent".
        let mut last = i - 1;
        while last > at && !self.is(last, ANYBODY) {
            last -= 1;
        }
        if self.is_word(last + 1, "else") && self.is(last, Class::SOME) {
            return last + 2 >= to || self.follows(last + 2) || self.is(last + 2, Class::HELP);
        }
        let closed = i == to || self.follows(i) || self.is(i, Class::HELP);
        let sure = self.is(last, SURE) && !self.is_trade(last);
        if sure && !self.is_word(last, "people") {
            return closed
                && (last + 1 == i
                    || !self.is_word(last, "human")
                    || self.is(last + 1, Class::AFTER));
        }
        if self.is(last, Class::PERSON) {
            let able = real || self.is_word(last, "manager supervisor boss superior") || !strict;
            return closed
                && (able
                    || self.ends(i, to) && self.is_word(last, "person specialist consultant"));
        }
        if self.is(last, Class::SOME) {
            return real && closed || self.ends(i, to) && !strict;
        }
        // "customer service", "human support", "live chat support"
        self.is(last, Class::TEAM)
            && self.is_word(last, "service services support care")
            && self.ends(i, to)
            && (at..last).any(|j| self.is_word(j, "customer client human live real person"))
    }

    /// Whether the word may stand behind somebody who is asked for.
    pub(super) fn follows(&self, at: usize) -> bool {
        if self.is_word(at, "that who whom which") {
            return self.is(at + 1, Class::HELP)
                || self.is_word(
                    at + 1,
                    "can could will i is knows know understands speaks actually has",
                );
        }
        self.is(at, Class::AFTER)
    }

    pub(super) fn ends(&self, at: usize, to: usize) -> bool {
        let comes = self.is(at + 1, Class::TALK) || self.is_word(at + 1, "help assist");
        at >= to
            || self.word(at) == "to" && comes
            || self.is_word(
                at,
                "please pls plz now asap instead not right who immediately",
            )
    }

    pub(super) fn is_trade(&self, at: usize) -> bool {
        (at > 0 && self.is_word(at - 1, TRADES) && self.is(at, Class::HUMAN.or(Class::AGENT)))
            || self.word(at).starts_with("human") && self.is_word(at + 1, THINGS)
            || self.is_word(at, "human humans") && at > 0 && self.is_word(at - 1, "most")
    }

    /// Who is named from `at`, where a preposition ended.
    pub(super) fn target(&self, at: usize, to: usize) -> Target {
        if at >= to {
            return Target::Nobody;
        }
        if self.is(at, Class::YOU) && !self.is_word(at + 1, "people guys manager supervisor") {
            return Target::You;
        }
        let mut i = at;
        while i < to && i < at + REACH {
            if self.is(i, Class::BOT) && !self.is(i + 1, ANYBODY) {
                return Target::Bot;
            }
            let thing = self.is_trade(i);
            if self.is(i, ANYBODY.or(Class::PERSON))
                && !thing
                && (self.closes(i, to) || !self.is(i, Class::MODIFIER.or(Class::REAL)))
            {
                return Target::Person;
            }
            if !self.is(
                i,
                Class::MODIFIER
                    .or(Class::REAL)
                    .or(Class::FILLER)
                    .or(Class::OTHER),
            ) || thing
            {
                break;
            }
            i += 1;
        }
        let said = |i| self.is_word(i, VOICES);
        let alone = at + 1 >= to && self.is(at, Class::FILLER);
        if alone || self.is(at, Class::NOBODY) || (at..to).any(said) {
            return Target::Nobody;
        }
        Target::Other
    }

    /// Whether the name of a person ends at `at`, and is not the first part of a longer one.
    fn closes(&self, at: usize, to: usize) -> bool {
        at + 1 >= to || !self.is(at + 1, Class::MODIFIER) || self.is(at + 1, Class::AFTER)
    }

    pub(super) fn talks_before(&self, at: usize, from: usize) -> bool {
        (from.max(at.saturating_sub(14))..at).any(|i| {
            self.is(i, Class::TALK.or(Class::TALKING))
                || self.is_word(
                    i,
                    "deal share sharing discuss explain explaining trust typing wasting time answers help give giving information info details data",
                )
        })
    }

    /// What the words before a verb make of it.
    pub(super) fn frame(&self, at: usize, from: usize) -> Frame {
        let mut start = at;
        while start > from && start + FRAME > at && self.in_chain(start - 1) {
            start -= 1;
        }
        let asked = (start..at).any(|i| self.is(i, Class::ASK));
        let imperative = (start..at).all(|i| {
            self.is_word(
                i,
                "please pls plz just now ok okay then and no yes so hi hello hey to",
            )
        });
        let negated = (start..at).any(|i| self.negates(i, start, at));
        let procedure = (start..at).any(|i| {
            let question = self.is_word(i, "do should must will am would did have")
                && self.is_word(i + 1, "i we");
            let needs = self.is_word(i, "should must am did")
                || (i + 2..at).any(|j| self.is_word(j, "need have got"));
            question && needs && !(start..i).any(|j| self.is_word(j, "who whom how what where why"))
        });
        Frame {
            asked,
            negated,
            procedure,
            imperative,
        }
    }

    /// Whether a word may stand between a wish and its verb.
    fn in_chain(&self, at: usize) -> bool {
        self.is(at, Class::CHAIN.or(Class::NEGATION).or(Class::ENOUGH))
            || self.is_word(
                at,
                "you u reason point no feel comfortable mind need ok okay hi hello hey yes",
            )
    }

    /// Whether the word turns round the verb at `verb`: not in `why don't you`, `you don't
    /// transfer me`, `can I not`.
    fn negates(&self, at: usize, start: usize, verb: usize) -> bool {
        if self.is_word(at, "stop refuse refusing hate quit") {
            return !(at + 1..verb).any(|i| self.word(i) == "and");
        }
        if self.is_word(at, "tired sick fed") {
            return self.is(verb, Class::TALKING);
        }
        if !self.is(at, Class::NEGATION) || self.is_word(at, "isnt") {
            return false;
        }
        if self.word(at) == "no" {
            return self.is_word(at + 1, "need reason point wish desire");
        }
        let complaint = (start..at)
            .any(|i| self.is_word(i, "why can could you u they possible if"))
            || self.is(at + 1, Class::YOU)
            || self.is_word(at + 1, "know see mind care and let have");
        !complaint
    }
}
