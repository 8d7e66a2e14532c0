//! What may be a name, and which names a customer may not take.
//!
//! Deliberately absent: uniqueness, which only the desk can judge.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{SafeText, graphemes};

/// Longest name of a person or thing, in grapheme clusters.
pub const NAME_GRAPHEMES_MAX: usize = 64;

/// What the desk itself and its people go by.
const RESERVED: [&str; 9] = [
    "system",
    "frontdesk",
    "assistant",
    "agent",
    "support",
    "admin",
    "administrator",
    "staff",
    "supervisor",
];

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing that can be seen is left of it.
    #[error("name is empty; give 1 to {NAME_GRAPHEMES_MAX} visible characters")]
    Empty,
    /// It has more than [`NAME_GRAPHEMES_MAX`] grapheme clusters.
    #[error("name has {graphemes} characters; give at most {NAME_GRAPHEMES_MAX}")]
    TooLong {
        /// How many it has.
        graphemes: usize,
    },
    /// A reader could take it for the desk or for one of its people.
    #[error("name looks like the desk's own staff; give the name you go by")]
    LooksLikeStaff,
}

/// Cleans the name of a person or thing.
///
/// # Errors
/// [`NameError::Empty`] and [`NameError::TooLong`], judged after cleaning.
pub fn name(raw: &str) -> Result<SafeText, NameError> {
    let name = SafeText::line(raw);
    if name.chars().all(is_blank) {
        return Err(NameError::Empty);
    }
    let graphemes = graphemes(&name).count();
    if graphemes > NAME_GRAPHEMES_MAX {
        return Err(NameError::TooLong { graphemes });
    }
    Ok(name)
}

/// Cleans the name a customer gives, who may not pose as the desk or its staff.
///
/// Refused is a name with a word that looks like a reserved one, also when it is
/// spelt out (`S.y.s.t.e.m`) or numbered (`Agent 7`).
///
/// # Errors
/// As [`name`], and [`NameError::LooksLikeStaff`].
pub fn customer_name(raw: &str) -> Result<SafeText, NameError> {
    let name = name(raw)?;
    if looks_like_staff(&name) {
        Err(NameError::LooksLikeStaff)
    } else {
        Ok(name)
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}' || is_combining_mark(c)
}

fn looks_like_staff(name: &str) -> bool {
    let reserved = RESERVED.map(skeleton);
    let is_reserved = |text: &str| reserved.iter().any(|word| word == text);
    let plain = plain_letters(name);
    let mut words = plain.split(|c: char| !c.is_alphanumeric() && !is_letter_sign(c));
    let whole = skeleton(name);
    is_reserved(&whole)
        || whole.contains(&skeleton("frontdesk"))
        || words.any(|word| {
            let unnumbered = word.trim_matches(|c: char| c.is_numeric());
            is_reserved(&skeleton(word)) || is_reserved(&skeleton(unnumbered))
        })
}

/// What a hasty reader sees: look-alikes brought together, everything but letters
/// gone. Only ever compared with another skeleton, so letters that are confused with
/// each other may share one (`i`, `l` and `1`; `u` and `y`, both a Cyrillic `у`).
fn skeleton(text: &str) -> String {
    let letters: String = plain_letters(text)
        .chars()
        .map(look_alike)
        .filter(|c| c.is_alphanumeric())
        .collect();
    letters.replace("rn", "m").replace("vv", "w")
}

/// Compatibility forms (fullwidth, mathematical, circled, squared) undone, lower case, no marks.
fn plain_letters(text: &str) -> String {
    let lower = text.nfkd().map(unboxed).collect::<String>().to_lowercase();
    lower.nfkd().filter(|c| !is_combining_mark(*c)).collect()
}

/// Letters in circles, boxes and flags that have no compatibility form.
fn unboxed(c: char) -> char {
    let first = match c {
        '\u{1F150}'..='\u{1F169}' => 0x1F150,
        '\u{1F170}'..='\u{1F189}' => 0x1F170,
        '\u{1F1E6}'..='\u{1F1FF}' => 0x1F1E6,
        _ => return c,
    };
    char::from_u32(u32::from(c) - first + u32::from('a')).unwrap_or(c)
}

/// Signs that [`look_alike`] reads as letters: they do not end a word.
fn is_letter_sign(c: char) -> bool {
    matches!(c, '|' | '!' | '@' | '$' | '+' | '€')
}

/// The Latin letter that `c`, in lower case, is most often mistaken for
/// (after UTS #39 confusables, cut down to Latin, Cyrillic, Greek, Armenian, digits).
fn look_alike(c: char) -> char {
    match c {
        '4' | '@' | 'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'ƃ' | 'ᴃ' | 'в' | 'β' | 'ь' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'đ' | 'ð' | 'ԁ' | 'ɗ' | 'ᴅ' | 'δ' => 'd',
        '3' | '€' | 'е' | 'є' | 'ε' | 'ɛ' | 'ǝ' | 'ə' | 'ᴇ' | 'ҽ' => 'e',
        'ƒ' | 'ꜰ' | 'ғ' | 'ϝ' | 'ք' => 'f',
        '6' | '9' | 'q' | 'ɡ' | 'ɢ' | 'ԛ' | 'ց' | 'г' => 'g',
        '1' | 'l' | '|' | '!' | 'і' | 'ι' | 'ı' | 'ɪ' | 'ɩ' | 'ӏ' | 'ј' | 'j' | 'ł' | 'ʟ' => {
            'i'
        }
        'к' | 'κ' | 'ĸ' | 'ᴋ' => 'k',
        'м' | 'μ' | 'ᴍ' | 'ɱ' => 'm',
        'п' | 'н' | 'η' | 'ν' | 'и' | 'ɴ' | 'ո' | 'ռ' | 'ŋ' => 'n',
        '0' | 'о' | 'ο' | 'σ' | 'ø' | 'ɵ' | 'ө' | 'ᴏ' | 'օ' => 'o',
        'р' | 'ρ' | 'ᴘ' | 'þ' => 'p',
        'я' | 'ʀ' => 'r',
        '5' | '$' | 'ѕ' | 'ς' | 'ꜱ' | 'ƨ' => 's',
        '7' | '+' | 'т' | 'τ' | 'ŧ' | 'ᴛ' => 't',
        'y' | 'у' | 'υ' | 'ү' | 'γ' | 'ʏ' | 'ʋ' | 'ս' | 'ᴜ' => 'u',
        'ѵ' | 'ᴠ' => 'v',
        'ѡ' | 'ω' | 'ա' | 'ԝ' | 'ᴡ' => 'w',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{NameError, customer_name, name};

    #[test]
    fn a_name_has_1_to_64_graphemes() {
        assert_eq!(name(" Zoe\u{308}\n Ng ").unwrap().as_str(), "Zoë Ng");
        let flags = "🇩🇪".repeat(64);
        assert_eq!(name(&flags).unwrap().as_str(), flags);
        assert_eq!(
            name(&"n".repeat(65)),
            Err(NameError::TooLong { graphemes: 65 })
        );
        for blank in [
            "",
            " \n",
            "\u{200B}\u{2060}",
            "\u{3164}",
            "\u{2800} \u{2800}",
            "\u{301}",
        ] {
            assert_eq!(name(blank), Err(NameError::Empty), "{blank:?}");
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let said = NameError::TooLong { graphemes: 70 }.to_string();
        assert_eq!(said, "name has 70 characters; give at most 64");
    }

    /// S24: a name that looks like the desk or its people in any script is refused.
    #[test]
    fn customers_cannot_pose_as_the_desk() {
        for raw in [
            "System",
            "SYSTEM",
            "[system]",
            "Sуstеm",
            "ЅУЅТЕМ",
            "ςystem",
            "s y s t e m",
            "S.y.s.t.e.m",
            "Systern",
            "5y5t3m",
            "$ystem",
            "ｓｙｓｔｅｍ",
            "𝓢𝔂𝓼𝓽𝓮𝓶",
            "Ⓢⓨⓢⓣⓔⓜ",
            "🅂🅈🅂🅃🄴🄼",
            "🆂🆈🆂🆃🅴🅼",
            "🇸\u{200B}🇾🇸🇹🇪🇲",
            "ꜱʏꜱᴛᴇᴍ",
            "Sys\u{200B}tem",
            "Sy\u{336}s\u{336}tem",
            "Frontdesk",
            "Front Desk",
            "Fr0ntdesk Team",
            "frontdeskhelp",
            "Assistant",
            "Ass1stant",
            "AssIstant",
            "asslstant",
            "Agent",
            "Agent 7",
            "Agent7",
            "Аgеnт",
            "Alice (Agent)",
            "Support",
            "Suррort",
            "Ana from Support",
            "Admin",
            "Adm|n",
            "@dmin",
            "Αdmin",
            "аdmіn",
            "Administrator",
            "Staff",
            "Stаff",
            "staƒƒ",
        ] {
            assert_eq!(customer_name(raw), Err(NameError::LooksLikeStaff), "{raw}");
        }
    }

    #[test]
    fn people_keep_their_names() {
        for raw in [
            "Ana",
            "Agentina Rossi",
            "Stafford Cripps",
            "Stefan Adminović",
            "Sister Act",
            "Мария Степанова",
            "Γιώργος",
            "محمد",
            "山田太郎",
            "O'Brien",
            "Jean-Luc",
            "김민준",
            "Supportive Sam",
        ] {
            assert_eq!(customer_name(raw).unwrap().as_str(), raw);
        }
        assert_eq!(customer_name(""), Err(NameError::Empty));
        assert_eq!(name("System").unwrap().as_str(), "System");
    }
}
