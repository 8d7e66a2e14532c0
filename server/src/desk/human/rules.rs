//! The ways in which English words ask for a person.
//!
//! Each rule is asked at each word of a clause, `from..to`, and looks a bounded number of words
//! round it.

use super::{
    lexicon::Class,
    reading::{ANYBODY, REACH, Reading, SURE, Target},
    tokens::{Break, Tokens},
};

/// Words before and behind one that can have to do with it.
const SIGHT: usize = 32;

/// Whether the text asks for a person.
pub(super) fn ask(tokens: &Tokens) -> bool {
    let reading = Reading::of(tokens);
    reading.is_bare()
        || tokens.clauses().any(|(from, to)| {
            // A clause without an end is read piece by piece: what is far away says nothing.
            let near = |at: usize| (from.max(at.saturating_sub(SIGHT)), to.min(at + SIGHT));
            reading.is_bare_clause(from, to)
                || (from..to).any(|at| {
                    let (from, to) = near(at);
                    reading.asks_at(at, from, to)
                })
        })
}

impl Reading<'_> {
    /// Nothing but the name of a person and words that say nothing: `human please`.
    fn is_bare(&self) -> bool {
        let names = (0..self.classes.len()).filter(|&at| self.names_service(at));
        let mut rest = (0..self.classes.len()).filter(|&at| !self.names_service(at));
        let mut names = names.peekable();
        names.peek().is_some()
            && self.classes.len() <= 16
            && rest.all(|at| self.is(at, Class::FILLER.or(Class::MODIFIER)))
            && !(0..self.classes.len()).any(|at| self.turns_round(at))
            && !self.is_service_only()
    }

    /// `no agents`, `no need`.
    fn turns_round(&self, at: usize) -> bool {
        let next = ANYBODY.or(Class::MODIFIER).or(Class::WANT);
        self.is(at, Class::NEGATION) && self.is(at + 1, next) && self.tokens.end(at) == Break::None
    }

    /// A name that calls a person when it stands alone.
    fn names_service(&self, at: usize) -> bool {
        self.is(at, SURE)
            || self.is_word(
                at,
                "person manager supervisor advisor reception receptionist concierge frontdesk",
            )
            || self.is_word(at, "service support care desk")
                && at > 0
                && self.is_word(at - 1, "customer client live human front")
    }

    /// `0 people`, `people`: not a call.
    fn is_service_only(&self) -> bool {
        self.classes.len() == 1 && self.is_word(0, "people reps")
    }

    /// The last clause names a person and nothing else: `this does not help, agent please`.
    fn is_bare_clause(&self, from: usize, to: usize) -> bool {
        let end = self.tokens.end(to - 1);
        let last = to == self.classes.len() || end == Break::Sentence;
        last && end != Break::Question
            && to - from <= 5
            && (from..to).any(|at| self.is(at, SURE) && !self.is_word(at, "people reps"))
            && (from..to).all(|at| {
                self.is(at, SURE)
                    || self.is_word(
                        at,
                        "with to please pls plz now real live a an human asap just actual support",
                    )
            })
            && !(from > 0 && self.follows_or(from))
    }

    /// `a bot, or a human`: a list, no call.
    fn follows_or(&self, from: usize) -> bool {
        self.is_word(from - 1, "or and is are") || self.is_word(from, "or and")
    }

    fn asks_at(&self, at: usize, from: usize, to: usize) -> bool {
        if self.classes[at] == Class::NONE {
            return false;
        }
        self.talks(at, from, to)
            || self.connects(at, from, to)
            || self.wants(at, from, to)
            || self.someone_helps(at, from, to)
            || self.refuses_machine(at, from)
            || self.escalates(at, from, to)
            || self.calls_back(at, from, to)
            || self.exists(at, from, to)
    }

    /// `let me talk to a person`, `can I speak with someone`.
    fn talks(&self, at: usize, from: usize, to: usize) -> bool {
        if !self.is(at, Class::TALK.or(Class::TALKING)) {
            return false;
        }
        let frame = self.frame(at, from);
        let going_on = self.is(at, Class::TALKING);
        let mut next = at + 1;
        while next < to
            && self.is_word(
                next,
                "directly now live again more already over right please in person face just instead",
            )
            && !self.is(next, Class::TO)
        {
            next += 1;
        }
        let led = next < to && self.is(next, Class::TO) && self.word(next) != "too";
        let target = if led {
            self.target(next + 1, to)
        } else if self.is(at + 1, SURE.or(Class::SOME))
            || self.is_word(at + 1, "a an real") && self.target(at + 1, to) == Target::Person
        {
            Target::Person
        } else {
            Target::Nobody
        };
        match target {
            Target::You | Target::Bot => frame.negated && self.refuses(target, at, from),
            _ if frame.negated || frame.procedure => false,
            Target::Person => !going_on || frame.asked || frame.imperative,
            Target::Other => !going_on && (frame.asked || frame.imperative),
            // "discuss this with a person"
            _ if self.talks_of(at, to) => !going_on || frame.asked,
            // "a person I can talk to", "who do I speak with"
            Target::Nobody => (led || next == to) && !going_on && self.person_before(at, from, led),
        }
    }

    /// Whether somebody is named behind what is talked about: `my loan with an advisor`.
    fn talks_of(&self, at: usize, to: usize) -> bool {
        let near = at + 2..to.min(at + REACH);
        near.into_iter().any(|i| {
            self.is_word(i, "to with")
                && self.target(i + 1, to) == Target::Person
                && !self.is_word(i + 1, "people")
        })
    }

    /// Whether a negated talk to the one that answers is meant as such.
    fn refuses(&self, target: Target, at: usize, from: usize) -> bool {
        let before = || {
            (from..at).any(|i| {
                self.is(i, Class::WANT.or(Class::ENOUGH))
                    || self.is_word(i, "feel comfortable going gonna will wont rather like")
            })
        };
        target == Target::Bot || before()
    }

    /// `is there someone to talk to`, `who can I speak with`.
    fn person_before(&self, at: usize, from: usize, led: bool) -> bool {
        let start = from.max(at.saturating_sub(REACH));
        let people = ANYBODY.or(Class::PERSON);
        (start..at).any(|i| {
            let who = self.is_word(i, "who whom") && led;
            let somebody = self.is(i, people) && !self.is(i, Class::TEAM);
            (who || somebody) && !(start..i).any(|j| self.is(j, Class::NEGATION))
        }) && !(start..at).any(|i| self.is_word(i, "am"))
    }

    /// `transfer me to an agent`, `put me through`, `pass me to a human`.
    fn connects(&self, at: usize, from: usize, to: usize) -> bool {
        if !self.is(at, Class::CONNECT.or(Class::PASS)) {
            return false;
        }
        let frame = self.frame(at, from);
        let passive = self.is_word(at, "transferred connected");
        if frame.negated || frame.procedure || passive && !frame.asked {
            return false;
        }
        let mine = at + 1 < to && self.is(at + 1, Class::ME);
        let mut next = at + 1;
        while next < to && next <= at + 3 && self.is(next, Class::MATTER) {
            next += 1;
        }
        let through = next < to
            && self.is_word(
                next,
                "through thru throught threw trough over on back in along onto up",
            );
        let way = usize::from(through);
        // "on with", "in touch with", "in contact with", "on the line with", "on to"
        let mut lead = next + way;
        while through
            && lead < to
            && lead < next + 5
            && self.is_word(
                lead,
                "touch contact the line phone please on directly connection",
            )
        {
            lead += 1;
        }
        let led = lead < to && self.is(lead, Class::TO);
        let sure_verb =
            self.is(at, Class::CONNECT) || through && self.is_word(at, "put hand pass patch");
        if led {
            let start = if self.is_word(lead + 1, "to with") {
                lead + 2
            } else {
                lead + 1
            };
            let target = self.target(start, to);
            let anyone = (start..to.min(start + 3)).any(|i| self.is(i, Class::SOME));
            return target == Target::Person && (mine || !anyone)
                || target == Target::Other && mine && sure_verb && !self.is_thing(start, to);
        }
        // "put me through", "transfer me please": nobody named, somebody meant.
        let open = lead >= to
            || self.is(lead, Class::FILLER)
                && self.is_word(lead, "please pls plz now asap already right");
        let put = self.is_word(at, "put patch") && through && self.is_word(next, "through thru");
        if mine && open && (self.is_word(at, "transfer patch") || put) {
            return true;
        }
        // "put someone from reception on"
        let shift = |i: usize| self.is(i, Class::SOME.or(Class::PERSON).or(SURE));
        if self.word(at) == "put"
            && (at + 1..to.min(at + 4)).any(shift)
            && self.word(to - 1) == "on"
        {
            return true;
        }
        // "send me a human", "put a human on", "put someone else on the line"
        let start = if mine { at + 2 } else { at + 1 };
        self.is_word(at, "send bring put pass hand direct transfer connect")
            && self.person_at(start, to, false)
    }

    /// `I need a human`, `get me your manager`, `give me human`.
    fn wants(&self, at: usize, from: usize, to: usize) -> bool {
        if !self.is(at, Class::WANT.or(Class::GET)) {
            return false;
        }
        let like = self.is_word(at, "like love");
        if like && !(at > from && self.is_word(at - 1, "id would d really much")) {
            return false;
        }
        let mut next = at + 1;
        while next < to
            && next <= at + 3
            && (self.is(next, Class::ME)
                || self.is_word(
                    next,
                    "to for with out hold through on have see get reach contact find be help from assistance",
                ))
        {
            next += 1;
        }
        let call = self.is_word(at, "call phone ring message");
        if !self.person_at(next, to, true) || call && self.is_word(next, "my your") {
            return false;
        }
        let frame = self.frame(at, from);
        let given = self.is(at, Class::GET) && !self.is(at, Class::WANT);
        let asked = !given || frame.asked || frame.imperative || self.is(at + 1, Class::ME);
        asked && !frame.negated && !frame.procedure
    }

    /// `can a human help me`, `can somebody else take a look`.
    fn someone_helps(&self, at: usize, from: usize, to: usize) -> bool {
        let someone_else =
            self.is(at, Class::SOME.or(Class::PERSON)) && self.is_word(at + 1, "else");
        let another = at > from
            && self.is_word(at - 1, "another different real actual live")
            && self.is(at, SURE.or(Class::PERSON));
        let human = self.is(at, SURE)
            && !self.is_trade(at)
            && self.is_word(at, "human agent representative operator");
        if !(someone_else || another || human) {
            return false;
        }
        let start = at + 1 + usize::from(someone_else);
        let helps = (start..to.min(start + 3)).any(|i| self.is(i, Class::HELP));
        let asked = (from..at).any(|i| {
            self.is_word(
                i,
                "can could may have let get want need would please is id like ask",
            )
        });
        let negated = (from..at).any(|i| self.is(i, Class::NEGATION));
        helps && asked && !negated
    }

    /// `stop talking to bots`, `not comfortable with a machine`, `no more robots`.
    fn refuses_machine(&self, at: usize, from: usize) -> bool {
        if !self.is(at, Class::BOT)
            || self.is_word(
                at,
                "virtual recording computer computers program software machine machines",
            ) && !self.talks_before(at, from)
        {
            return false;
        }
        if self.is_word(at + 1, "because fee fees payment payments withdrawal")
            && self.word(at) == "machine"
        {
            return false;
        }
        let start = from.max(at.saturating_sub(14));
        let refused = (start..at).any(|i| {
            let said_of_you = self.is(i + 1, Class::YOU) || i > start && self.is(i - 1, Class::YOU);
            let negated = self.is(i, Class::NEGATION) && self.word(i) != "isnt";
            self.is(i, Class::ENOUGH) || negated && !said_of_you
        });
        let own = (start..at).any(|i| self.is_word(i, "i im we me my id"))
            || start == from && self.is(start, Class::NEGATION.or(Class::ENOUGH));
        let personal = self.talks_before(at, from)
            || self.is_word(start, "no not hate enough stop")
            || (start..at).any(|i| self.is(i, Class::WANT.or(Class::ENOUGH)));
        refused
            && own
            && personal
            && !(start..at)
                .any(|i| self.is_word(i, "know think sure care mind if are use work withdraw pay"))
    }

    /// `escalate this`.
    fn escalates(&self, at: usize, from: usize, to: usize) -> bool {
        let verb = self.is_word(at, "escalate esculate excalate");
        let noun = self.is_word(at, "escalation")
            && (from..at).any(|i| self.is(i, Class::WANT.or(Class::GET)));
        let bare = self.is_word(at, "escalation")
            && (from..to).all(|i| i == at || self.is(i, Class::FILLER));
        let frame = self.frame(at, from);
        (verb && !frame.negated && !frame.procedure) || (noun && !frame.negated) || bare
    }

    /// `can someone call me`, `call me back`, `I want a callback`.
    fn calls_back(&self, at: usize, from: usize, to: usize) -> bool {
        let frame = || self.frame(at, from);
        if self.is_word(at, "callback")
            || self.word(at) == "call"
                && self.word(at + 1) == "back"
                && at > from
                && self.word(at - 1) == "a"
        {
            return (from..at).any(|i| {
                self.is(i, Class::WANT.or(Class::GET))
                    || self.is_word(i, "request schedule arrange book")
            }) && !(from..at).any(|i| self.is(i, Class::NEGATION));
        }
        if !self.is_word(at, "call phone ring") || !self.is(at + 1, Class::ME) {
            return false;
        }
        let back = self.word(at + 2) == "back" && (frame().asked || frame().imperative);
        let ends = at + 2 >= to || self.is(at + 2, Class::AFTER);
        let caller = (from.max(at.saturating_sub(4))..at)
            .any(|i| self.is(i, ANYBODY) && !self.is(i, Class::TEAM))
            && (from..at)
                .any(|i| self.is_word(i, "can could have please get want need let would will"));
        (back || caller && ends) && !frame().negated
    }

    /// `is there a human`, `are there any real people`, `where is the operator`.
    fn exists(&self, at: usize, from: usize, to: usize) -> bool {
        let there = self.is_word(at, "there theres")
            && (from..=at).any(|i| self.is_word(i, "is are isnt arent any theres"));
        let where_is = self.is_word(at, "is are wheres")
            && (self.word(at) == "wheres" || at > from && self.word(at - 1) == "where");
        let have = self.is_word(at, "have") && at > from && self.is_word(at - 1, "you");
        if !(there || where_is || have) {
            return false;
        }
        let next = at + 1 + usize::from(self.is_word(at + 1, "no not really"));
        if have && self.is_word(next + 1, "boss manager supervisor") {
            return false;
        }
        if self.is(next, Class::SOME) && self.is(next + 1, Class::REAL) {
            return true;
        }
        self.person_at(next, to, true)
    }
}
