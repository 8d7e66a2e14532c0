//! What a message of a customer does: greet, thank, affirm, deny, ask.
//!
//! Rules of words alone. Deliberately absent: what is asked, which the classifier tells, and what
//! an answer answers: "no" is [`Act::Deny`], whatever the question was.

mod lexicon;
#[cfg(test)]
mod tests;

use crate::desk::human::{
    asks_for_human,
    tokens::{Break, Tokens},
};

use self::lexicon::Word;

/// Bytes of a text that are read.
const BYTES_MAX: usize = 8 * 1024;
/// Most words of an answer that begins with yes or no and says nothing more.
const ANSWER_WORDS_MAX: usize = 9;
/// Most words of a bare piece of information.
const CONTENT_WORDS_MAX: usize = 4;

/// Kinds of words that stand before what a clause says.
const LEADING: Word = Word::THANKS.or(Word::YES).or(Word::NO);
/// Words that stand there too.
const LEADS: &str = "please pls plz so and then but well just also kindly oh um now there sir hi hello hey bitte or";

/// What a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Says hello and nothing else.
    Greeting,
    /// Thanks and asks nothing.
    Thanks,
    /// Takes leave.
    Bye,
    /// Says yes, or that it is well.
    Affirm,
    /// Says no, or that nothing else is needed.
    Deny,
    /// Asks for something, or tells what is wrong.
    Request,
    /// Gives a piece of information: a name, a number, an address.
    Content,
    /// Chooses by a number, 1 to 99.
    Choice(u8),
    /// Asks for a person.
    Human,
}

impl Act {
    /// Whether a template answers it, so that it never counts as not understood.
    #[must_use]
    pub fn is_small_talk(self) -> bool {
        matches!(
            self,
            Self::Greeting | Self::Thanks | Self::Bye | Self::Affirm | Self::Deny
        )
    }
}

/// How many words a text has.
#[must_use]
pub fn words(text: &str) -> usize {
    Tokens::of(head(text)).len()
}

/// What `text` does. What asks for a person does that before all else.
#[must_use]
pub fn act(text: &str) -> Act {
    let text = head(text);
    if asks_for_human(text) {
        return Act::Human;
    }
    if let Some(act) = thumbs(text) {
        return act;
    }
    let tokens = Tokens::of(text);
    if let Some(number) = choice(&tokens) {
        return Act::Choice(number);
    }
    let message = Message::of(&tokens);
    if tokens.is_empty() {
        return Act::Content;
    }
    message.act()
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A text of pictures alone.
fn thumbs(text: &str) -> Option<Act> {
    let first = text.trim().chars().next()?;
    let picture = |c: char| !c.is_alphanumeric() || matches!(c, '\u{1F3FB}'..='\u{1F3FF}');
    if !text.chars().all(picture) {
        return None;
    }
    match first {
        '👍' | '👌' | '✅' | '✔' | '☑' | '🆗' | '💯' => Some(Act::Affirm),
        '👎' | '❌' | '✖' | '🚫' | '🙅' => Some(Act::Deny),
        '👋' => Some(Act::Greeting),
        '🙏' | '❤' | '🥰' | '😊' | '🙂' | '😀' | '😃' | '😄' | '🤗' | '💐' | '🎉' => {
            Some(Act::Thanks)
        }
        _ => None,
    }
}

/// `2`, `2.`, `option 2`, `number two please`, `the second one`.
fn choice(tokens: &Tokens) -> Option<u8> {
    const BESIDE: &str = "option number no choice answer please pls the one i choose take want it is its nr my \
                          would like would with go ok okay yes think select pick";
    const NAMES: [&str; 9] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    const ORDERS: [&str; 9] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
    ];
    let mut chosen = None;
    let mut named = false;
    for (at, word) in tokens.words().enumerate() {
        let place = |list: &[&str]| list.iter().position(|name| *name == word).map(|at| at + 1);
        let digits = word
            .parse::<u8>()
            .ok()
            .filter(|n| (1..=99).contains(n) && word.len() <= 2);
        // "1" after nothing but its own kind; "one" alone too, but not "the one".
        let spelt = place(&NAMES)
            .filter(|n| *n > 1 || at == 0 || named)
            .or_else(|| place(&ORDERS).filter(|_| tokens.len() > 1));
        let number = digits.or_else(|| spelt.and_then(|n| u8::try_from(n).ok()));
        match number {
            Some(_) if chosen.is_some() => return None,
            Some(number) => chosen = Some(number),
            None if BESIDE.split_whitespace().any(|known| known == word) => {}
            None => return None,
        }
        named |= matches!(word, "option" | "number" | "choice" | "answer" | "nr");
    }
    chosen.filter(|_| tokens.len() <= 6)
}

/// What is found in a message.
struct Message<'a> {
    tokens: &'a Tokens,
    kinds: Vec<Word>,
}

impl<'a> Message<'a> {
    fn of(tokens: &'a Tokens) -> Self {
        let mut kinds: Vec<Word> = tokens.words().map(lexicon::word).collect();
        lexicon::phrases(tokens, &mut kinds);
        let mut message = Self { tokens, kinds };
        message.explain_thanks();
        message.explain_end();
        message
    }

    /// What one is thanked for is no request: `thanks for the quick reply`.
    fn explain_thanks(&mut self) {
        let clauses: Vec<(usize, usize)> = self.tokens.clauses().collect();
        for (from, to) in clauses {
            let thanks = (from..to).find(|&at| self.kinds[at].is(Word::THANKS));
            let Some(thanks) = thanks else { continue };
            let most = to.min(thanks + 6);
            let Some(cause) = (thanks..most).find(|&at| self.is_word(at, "for your the that it"))
            else {
                continue;
            };
            let asking = Word::ASK.or(Word::DATA);
            let end = (cause..to).find(|&at| {
                self.kinds[at].is(asking)
                    && !self.is_word(at, "help assist know question questions helping")
            });
            for kind in &mut self.kinds[cause..end.unwrap_or(to)] {
                *kind = Word::THANKS;
            }
        }
    }

    fn act(&self) -> Act {
        let rest = self.rest();
        let asks = self.asks(&rest);
        if rest.is_empty() {
            return self
                .small_talk()
                .filter(|_| !asks)
                .unwrap_or_else(|| self.short_answer(asks));
        }
        let first = self.kinds[0];
        let answer = first.is(Word::CERTAIN.or(Word::NO)) && self.kinds.len() <= ANSWER_WORDS_MAX;
        let negated = self.has(Word::NEGATION) && !answer;
        if asks || self.has(Word::TROUBLE) || negated {
            return Act::Request;
        }
        if self.has(Word::DATA) || self.has(Word::TELLS) {
            return Act::Content;
        }
        // "thanks John", "yes, that is my address"
        let most = if answer || self.has(Word::BYE.or(Word::THANKS)) {
            3
        } else {
            1
        };
        if let Some(act) = self.small_talk().filter(|_| rest.len() <= most) {
            return act;
        }
        if rest.len() <= CONTENT_WORDS_MAX {
            Act::Content
        } else {
            Act::Request
        }
    }

    /// Nor is what is not needed any more: `I don't need any more help`.
    fn explain_end(&mut self) {
        let clauses: Vec<(usize, usize)> = self.tokens.clauses().collect();
        for (from, to) in clauses {
            let done = (from..to).find(|&at| self.kinds[at].is(Word::DONE));
            let end = done.map_or(to, |done| to.min(done + ANSWER_WORDS_MAX));
            for at in done.unwrap_or(to)..end {
                if self.kinds[at].is(Word::ASK.or(Word::OPENS)) {
                    self.kinds[at] = Word::FILLER;
                }
            }
        }
    }

    /// The places of the words that small talk does not explain.
    fn rest(&self) -> Vec<usize> {
        let explained = Word::GREETING
            .or(Word::THANKS)
            .or(Word::BYE)
            .or(Word::YES)
            .or(Word::NO)
            .or(Word::DONE)
            .or(Word::FILLER);
        (0..self.kinds.len())
            .filter(|&at| !self.kinds[at].is(explained))
            .collect()
    }

    /// What small talk there is; what ends a chat counts before what goes on with it.
    fn small_talk(&self) -> Option<Act> {
        let first = |kind: Word| self.kinds.iter().position(|found| found.is(kind));
        if self.has(Word::BYE) {
            return Some(Act::Bye);
        }
        let (no, certain) = (first(Word::NO), first(Word::CERTAIN));
        match (no, certain) {
            (Some(no), Some(yes)) if no < yes => Some(Act::Deny),
            (_, Some(_)) => Some(Act::Affirm),
            (Some(_), None) => Some(Act::Deny),
            _ if self.has(Word::DONE) => Some(Act::Deny),
            _ if self.has(Word::THANKS) => Some(Act::Thanks),
            _ if self.has(Word::YES) => Some(Act::Affirm),
            _ if self.has(Word::GREETING) => Some(Act::Greeting),
            _ => None,
        }
    }

    /// Words that say nothing by themselves: `I do`, `it is not`.
    fn short_answer(&self, asks: bool) -> Act {
        let said = self.has(Word::SUBJECT) && self.has(Word::AUXILIARY);
        if asks {
            Act::Request
        } else if self.has(Word::NEGATION) {
            Act::Deny
        } else if said && self.kinds.len() <= CONTENT_WORDS_MAX {
            Act::Affirm
        } else {
            Act::Content
        }
    }

    /// Whether a clause asks or orders.
    fn asks(&self, rest: &[usize]) -> bool {
        let asks = |at: usize| {
            self.kinds[at].is(Word::ASK) && !self.kinds[at].is(Word::GREETING.or(Word::YES))
        };
        if rest.iter().copied().any(asks) {
            return true;
        }
        self.tokens.clauses().any(|(from, to)| {
            let before = |at: &usize| !self.kinds[*at].is(LEADING) && !self.is_word(*at, LEADS);
            let Some(begin) = (from..to).find(before) else {
                return false;
            };
            let kind = self.kinds[begin];
            let talk = kind.is(Word::GREETING.or(Word::BYE));
            let subject = begin + 1 < to && self.kinds[begin + 1].is(Word::SUBJECT);
            let after = rest.partition_point(|at| *at < begin);
            let has_rest = rest.get(after).is_some_and(|at| *at < to);
            let question = self.tokens.end(to - 1) == Break::Question;
            // "order 12345" names one, "order shoes" asks for some.
            let named = to - begin == 2 && self.kinds[begin + 1].is(Word::DATA);
            let orders = kind.is(Word::OPENS) && to - begin > 1 && has_rest && !named;
            let inverted = kind.is(Word::AUXILIARY) && subject && (question || to - begin > 2);
            let phrase = has_rest && (begin..to).any(asks);
            !talk && (orders || inverted || phrase || question && has_rest && to - begin > 1)
        })
    }

    fn is_word(&self, at: usize, words: &str) -> bool {
        let word = self.tokens.word(at);
        words.split_whitespace().any(|known| known == word)
    }

    fn has(&self, these: Word) -> bool {
        self.kinds.iter().any(|kind| kind.is(these))
    }
}
