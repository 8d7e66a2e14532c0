//! Which new passwords are accepted: long enough, and not the first thing anyone would try.
//!
//! No composition rules and no expiry (NIST SP 800-63B-4): length and a list of what is tried
//! first do more. Deliberately absent: an upper bound (`Password` has it) and old passwords.

use std::iter;

use zeroize::Zeroizing;

use crate::accounts::phc::Holder;
use crate::accounts::secret::Password;

/// Least length for staff, in characters.
pub const STAFF_CHARS_MIN: usize = 15;
/// Least length for staff who need a one-time code as well, in characters.
pub const STAFF_WITH_TOTP_CHARS_MIN: usize = 10;
/// Least length for customers, in characters.
pub const CUSTOMER_CHARS_MIN: usize = 8;

/// Shorter context words are not looked for: they occur in too much by chance.
const CONTEXT_CHARS_MIN: usize = 3;
/// Shortest stretch that counts as a sequence (`abc`, `777`).
const SEQUENCE_CHARS_MIN: usize = 3;
/// Shortest stretch that counts as a walk on the keyboard (`qwer`).
const WALK_CHARS_MIN: usize = 4;

const WALKS: [&str; 7] = [
    "1234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
];

/// What people choose first: 363 stems (a test counts them) of the well-known leaked passwords,
/// written down here by hand. It is no top-10,000 list, but digits, sequences, keyboard walks and
/// look-alike letters around these stems are recognised by rule, which a list cannot do.
const COMMON: &str = "\
    access account admin administrator agent airplane alexander alexis alpha amanda america \
    anderson andrea andrew android angel angela angels animal anthony apple apples april arsenal \
    arthur ashley august austin autumn awesome babygirl bailey banana barcelona barney baseball \
    basketball batman beautiful benjamin blahblah blessed blink182 blonde bonnie booboo brandon \
    brandy brasil bubbles buddy bulldog buster butterfly camaro cameron canada captain carlos \
    caroline casper change changeit changeme charles charlie cheese chelsea cherry chester \
    chicago chicken chocolate chris christian cocacola coffee company compaq computer cookie \
    cooper corvette cowboy cowboys crystal customer dakota dallas daniel danielle database david \
    debbie december default demo denver desk diablo diamond doctor dolphin donald dragon eagle \
    eagles edward einstein elephant elizabeth eminem england enter falcon family february \
    ferrari fishing florida flower flowers football forever france frank freddy freedom friday \
    friend friends fuckyou gandalf garfield gateway george ginger golden golfer google gordon \
    guest guitar hammer hannah happy hardcore harley heather hello hellokitty helpdesk hockey \
    home hunter iceman iloveyou internet isabella jackie jackson james january jasmine jason \
    jasper jennifer jessica jesus john johnny jordan joseph joshua july june junior justin \
    killer kitten ladybug lakers lauren letmein liverpool login london love lovely lover lucky \
    madison maggie manager manchester march marina marlboro martin master matrix matthew \
    maverick maxwell melissa mercedes merlin michael michelle mickey midnight minecraft monday \
    money monica monkey monster morgan mother mountain mustang myspace naruto nascar natasha \
    newyork nicholas nicole nirvana nothing november october office oliver orange pakistan \
    panther parker pass passw0rd passwd password passwort patrick peaches peanut pepper phoenix \
    player please pokemon police porsche power pretty prince princess private purple qwerty \
    rabbit rachel raiders rainbow ranger rangers rebecca redsox remember richard robert rocket \
    root rosebud runner samantha samsung sarah saturday scooter scorpion secret security \
    september server service sexy shadow shannon sierra silver simple single slipknot smokey \
    snoopy soccer sophie spider spiderman spring staff star starwars steelers stella steven \
    success summer sunday sunflower sunshine super superman supervisor support sweet sysadmin \
    system taylor teacher telecom temp temporary tennis test testing thomas thunder thursday \
    tiger tigers tigger tinkerbell trouble trustno1 tucker tuesday unknown user username vanessa \
    victoria viking voodoo walter warrior wednesday welcome whatever william willow wilson \
    winner winston winter wizard work xavier yamaha yankee yankees yellow";

/// Why a new password is not accepted; each reads as one sentence for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Fewer characters than the holder needs.
    #[error("the password has {chars} characters; use at least {chars_min}")]
    TooShort {
        /// Characters it has.
        chars: usize,
        /// Characters it needs.
        chars_min: usize,
    },
    /// Little is left without common words, sequences and keyboard walks.
    #[error("the password is among the first that are guessed; use a few unrelated words instead")]
    Common,
    /// Little is left without the names one finds on this desk.
    #[error(
        "the password is built from names known on this desk; use a few unrelated words instead"
    )]
    Context,
}

/// Least length of a new password, in characters.
#[must_use]
pub const fn chars_min(holder: Holder) -> usize {
    match holder {
        Holder::Staff => STAFF_CHARS_MIN,
        Holder::StaffWithTotp => STAFF_WITH_TOTP_CHARS_MIN,
        Holder::Customer => CUSTOMER_CHARS_MIN,
    }
}

/// Judges a new password. `context` is what an attacker knows of this desk: its name, the
/// username and the person's name, the departments; spaces and signs in them do not matter.
///
/// A password is refused when fewer characters than half the least length are left after taking
/// out every word, sequence and walk. So a listed word inside a long phrase does no harm, and a
/// year behind one does not help.
///
/// # Errors
/// [`PolicyError::TooShort`], then [`PolicyError::Common`], then [`PolicyError::Context`].
pub fn check_new(password: &Password, holder: Holder, context: &[&str]) -> Result<(), PolicyError> {
    let chars_min = chars_min(holder);
    let chars = password.expose().chars().count();
    if chars < chars_min {
        return Err(PolicyError::TooShort { chars, chars_min });
    }
    let mut words: Vec<Vec<char>> = COMMON
        .split_whitespace()
        .map(|word| word.chars().collect())
        .collect();
    let text = Text::new(password.expose());
    if text.unforeseen(&words) < chars_min / 2 {
        return Err(PolicyError::Common);
    }
    let names = context
        .iter()
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let names = names.map(|name| {
        name.chars()
            .flat_map(char::to_lowercase)
            .collect::<Vec<_>>()
    });
    words.extend(names.filter(|name| name.len() >= CONTEXT_CHARS_MIN));
    if text.unforeseen(&words) < chars_min / 2 {
        return Err(PolicyError::Context);
    }
    Ok(())
}

/// A password in lower case, as typed and with look-alikes turned back into letters.
struct Text {
    typed: Zeroizing<Vec<char>>,
    plain: Zeroizing<Vec<char>>,
}

impl Text {
    fn new(password: &str) -> Self {
        // Lower case may take more characters than capitals; reserving leaves no copies behind.
        let mut typed = Zeroizing::new(Vec::with_capacity(3 * password.len()));
        typed.extend(password.chars().flat_map(char::to_lowercase));
        let plain = Zeroizing::new(typed.iter().copied().map(letter_meant).collect());
        Self { typed, plain }
    }

    /// The least number of characters that are in no word, sequence or walk, over all ways to cut
    /// the text up. A stretch counts as its first character, a word as nothing.
    fn unforeseen(&self, words: &[Vec<char>]) -> usize {
        let mut least = vec![usize::MAX; self.typed.len() + 1];
        least[0] = 0;
        for at in 0..self.typed.len() {
            let (typed, plain) = (&self.typed[at..], &self.plain[at..]);
            let found = words
                .iter()
                .filter(|word| typed.starts_with(word) || plain.starts_with(word));
            let stretches =
                [sequence(typed), walk(typed), year(typed)].map(|chars| (chars.max(1), 1));
            for (chars, cost) in found.map(|word| (word.len(), 0)).chain(stretches) {
                let so_far = least[at] + cost;
                least[at + chars] = least[at + chars].min(so_far);
            }
            // One character alone, where the stretches were longer.
            least[at + 1] = least[at + 1].min(least[at] + 1);
        }
        least[self.typed.len()]
    }
}

/// The letter a digit or sign stands for in `p@ssw0rd`.
const fn letter_meant(c: char) -> char {
    match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        '7' => 't',
        _ => c,
    }
}

/// Length of the sequence `text` begins with, up, down or repeating; 0 when it is none.
fn sequence(text: &[char]) -> usize {
    let step = |pair: &[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
    let Some(first) = text
        .windows(2)
        .next()
        .map(step)
        .filter(|step| step.abs() <= 1)
    else {
        return 0;
    };
    let chars = 1 + text
        .windows(2)
        .take_while(|pair| step(pair) == first)
        .count();
    if chars >= SEQUENCE_CHARS_MIN {
        chars
    } else {
        0
    }
}

/// Four where `text` begins with a year from 1900 to 2099: what people put behind a word.
fn year(text: &[char]) -> usize {
    match text {
        ['1', '9', a, b, ..] | ['2', '0', a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit() => {
            4
        }
        _ => 0,
    }
}

/// Length of the longest walk on the keyboard `text` begins with, either way; 0 when it is none.
fn walk(text: &[char]) -> usize {
    let together = |row: &mut dyn Iterator<Item = char>| {
        iter::zip(text, row)
            .take_while(|(typed, key)| **typed == *key)
            .count()
    };
    let from = |row: &str, start: usize| {
        let right = together(&mut row.chars().skip(start));
        right.max(together(&mut row.chars().rev().skip(start)))
    };
    let each = WALKS
        .iter()
        .flat_map(|row| (0..row.len()).map(move |start| from(row, start)));
    each.max()
        .filter(|chars| *chars >= WALK_CHARS_MIN)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{COMMON, PolicyError, check_new};
    use crate::accounts::phc::Holder::{self, Customer, Staff, StaffWithTotp};
    use crate::accounts::secret::Password;

    const COMMON_WORDS: usize = 363;
    const CONTEXT: [&str; 4] = [
        "Harbour Hub",
        "bo.lindqvist",
        "Technical Support",
        "Billing",
    ];

    fn check(text: &str, holder: Holder) -> Result<(), PolicyError> {
        check_new(&Password::new(text.to_owned()).unwrap(), holder, &CONTEXT)
    }

    #[test]
    fn the_table_of_judgements() {
        let short = |chars, chars_min| Err(PolicyError::TooShort { chars, chars_min });
        let common = Err(PolicyError::Common);
        let context = Err(PolicyError::Context);
        for (text, holder, expect) in [
            ("", Customer, short(0, 8)),
            ("k7Rv2mQ", Customer, short(7, 8)),
            ("k7Rv2mQx", Customer, Ok(())),
            ("k7Rv2mQxw", StaffWithTotp, short(9, 10)),
            ("k7Rv2mQxwZ", StaffWithTotp, Ok(())),
            ("k7Rv2mQxwZ", Staff, short(10, 15)),
            ("k7Rv2mQxwZ", Customer, Ok(())),
            ("🌻🌻x", Customer, short(3, 8)),
            ("password", Customer, common),
            ("Password1", Customer, common),
            ("P@ssw0rd!", Customer, common),
            ("iloveyou2", Customer, common),
            ("12345678", Customer, common),
            ("87654321", Customer, common),
            ("aaaaaaaaaaaa", Customer, common),
            ("qwertyuiop", Customer, common),
            ("poiuytrewq", Customer, common),
            ("1qaz2wsx", Customer, common),
            ("admin123", Customer, common),
            ("agent123", Customer, common),
            ("password123", Customer, common),
            ("password123456789", Staff, common),
            ("Password Password 1", Staff, common),
            ("Welcome-Summer-2026", Staff, common),
            ("qwertyuiop1234567890", Staff, common),
            ("harbourhub", Customer, context),
            ("Harbour-Hub-2026", Staff, context),
            ("bolindqvistbolindqvist", Staff, context),
            ("Billing-Technical!", Staff, context),
            ("b1ll1ng-t3chn1cal", Staff, context),
            ("83916502746192", Customer, Ok(())),
            ("correct horse battery staple", Staff, Ok(())),
            ("the harbour smells of tar on a monday", Staff, Ok(())),
            ("пароль из четырёх слов", Staff, Ok(())),
            (
                "🌻 and ☂ by the old quay wall, twice before breakfast, never on",
                Staff,
                Ok(()),
            ),
        ] {
            assert_eq!(check(text, holder), expect, "{text:?} {holder:?}");
        }
    }

    #[test]
    fn a_password_of_the_full_size_is_judged() {
        assert_eq!(check(&"x".repeat(512), Staff), Err(PolicyError::Common));
        assert_eq!(
            check(&"password".repeat(64), Staff),
            Err(PolicyError::Common)
        );
        assert_eq!(check(&"wq7".repeat(170), Staff), Ok(()));
    }

    #[test]
    fn each_refusal_is_one_sentence() {
        let refusals = ["short", "password123456789", "billing billing billing"];
        let told = refusals.map(|text| check(text, Staff).unwrap_err().to_string());
        assert_eq!(told[0], "the password has 5 characters; use at least 15");
        assert!(told[1].contains("first that are guessed"), "{told:?}");
        assert!(told[2].contains("names known on this desk"), "{told:?}");
    }

    #[test]
    fn the_list_is_what_it_says() {
        let words: Vec<_> = COMMON.split_whitespace().collect();
        assert_eq!(words.len(), COMMON_WORDS);
        assert_eq!(
            words.iter().collect::<HashSet<_>>().len(),
            COMMON_WORDS,
            "a word is there twice"
        );
        for word in words {
            assert!(
                word.len() >= 4
                    && word
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
                "{word}"
            );
        }
    }

    /// S6: the stems and what people do to them are far more than a list of 10,000.
    #[test]
    fn what_people_do_to_a_common_word_does_not_help() {
        // A digit that belongs to the word stays what it is.
        let leet = |word: &str| match word.contains(|c: char| c.is_ascii_digit()) {
            true => word.to_owned(),
            false => word.replace('a', "@").replace('e', "3").replace('o', "0"),
        };
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let mut refused = 0_usize;
        for (n, word) in COMMON.split_whitespace().enumerate() {
            let year = 1950 + n % 150;
            for text in [
                format!("{word}{year}"),
                format!("{}{year}!", capital(word)),
                format!("{}123456", leet(word)),
                format!("{word}{word}"),
                format!("{}7777", word.to_uppercase()),
            ] {
                assert_eq!(check(&text, Customer), Err(PolicyError::Common), "{text}");
                refused += 1;
            }
        }
        assert!(refused > 1_700, "{refused}");
        for fine in [
            "orbit 1994 marmalade",
            "2049 violet kestrels",
            "tulip-canary-93",
        ] {
            assert_eq!(check(fine, Customer), Ok(()), "{fine}");
        }
    }

    proptest! {
        #[test]
        fn capitals_never_save_a_common_word(at in 0..COMMON_WORDS, digits in "[0-9]{0,3}") {
            let word = COMMON.split_whitespace().nth(at).unwrap().to_uppercase();
            let text = format!("{word}{word}{digits}");
            prop_assert_eq!(check(&text, Customer), Err(PolicyError::Common));
        }

        #[test]
        fn any_text_gets_a_judgement(text in "\\PC{0,60}") {
            let password = Password::new(text).unwrap();
            let chars = password.expose().chars().count();
            match check_new(&password, Staff, &CONTEXT) {
                Err(PolicyError::TooShort { chars: told, .. }) => {
                    prop_assert!(chars < 15);
                    prop_assert_eq!(told, chars);
                }
                Ok(()) | Err(PolicyError::Common | PolicyError::Context) => {
                    prop_assert!(chars >= 15);
                }
            }
        }
    }
}
