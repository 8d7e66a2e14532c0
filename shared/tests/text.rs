//! The laws of the sanitiser, over its hostile corpus, arbitrary text and mixtures of both.

use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use shared::text::{HOSTILE, SafeText, customer_name, graphemes, render};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Texts that must come through as they are, in a block and in a line.
const GOOD: &[&str] = &[
    "plain text, with punctuation!",
    "漢字かな交じり文。全角ＡＢＣ",
    "葛\u{E0100}城市",
    "한국어 문장",
    "हिन्दी में क्ष्मा और र्\u{200D}य",
    "ক্\u{200C}ষ র\u{200D}্য র\u{200C}্য",
    "ශ්\u{200D}රී ලංකා",
    "മലയാളം അവന്\u{200D} വന്നു",
    "ಕರ್ನಾಟಕ ರ\u{200D}್ಕ",
    "ภาษาไทย น้ำ ผู้ใหญ่",
    "မြန်မာ ဘာသာ",
    "ភាសាខ្មែរ",
    "བོད་སྐད་ཧཱུྃ",
    "العربية مُحَمَّدٌ ه\u{200D} ١٤٤٥",
    "می\u{200C}خواهم کتاب\u{200C}ها",
    "עברית שָׁלוֹם",
    "Ελληνικά, русский, հայերեն, ქართული",
    "Tiếng Việt, Zürich, naïve",
    "κόσμε ᾧ",
    "👨\u{200D}👩\u{200D}👧\u{200D}👦 👩🏻\u{200D}❤\u{FE0F}\u{200D}💋\u{200D}👩🏼",
    "🏳\u{FE0F}\u{200D}🌈 🏴\u{200D}☠\u{FE0F} 👁\u{FE0F}\u{200D}🗨\u{FE0F} 🧎🏽\u{200D}♀\u{FE0F}\u{200D}➡\u{FE0F}",
    "🇩🇪🇫🇷 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} 🏴\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}!",
    "1\u{FE0F}\u{20E3} #\u{FE0F}\u{20E3} 👍🏽 ❤\u{FE0F} ☎\u{FE0E}",
    "∀x ∈ ℝ: ⌈x⌉ = −⌊−x⌋ ∩\u{FE00}",
    "└─ box │ drawing ░▒▓ ⠿",
    "␛[31m is how an escape looks",
    "\u{FFFD} stays itself",
    "x\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307} has eight",
];

/// What no output may hold, told apart without the code under test.
fn offence(text: &str) -> Option<String> {
    let mut before = '\n';
    for c in text.chars() {
        let bad = match c {
            '\n' | '\t' => false,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{FEFF}' | '\u{200B}' => true,
            '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' => true,
            '\u{3164}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{FDD0}'..='\u{FDEF}' => true,
            '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => true,
            '\u{E0020}'..='\u{E007F}' => {
                before != '\u{1F3F4}' && !matches!(before, '\u{E0020}'..='\u{E007E}')
            }
            '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
                let keycap = c == '\u{FE0F}' && matches!(before, '0'..='9' | '#' | '*')
                    || c == '\u{FE0E}' && matches!(before, '0'..='9' | '#' | '*');
                let hidden = matches!(before, '\u{200C}' | '\u{200D}');
                (before.is_ascii() && !keycap) || before.is_whitespace() || hidden
            }
            _ => c.is_control() || (u32::from(c) & 0xFFFE) == 0xFFFE,
        };
        let adrift = is_combining_mark(c) && matches!(before, '\n' | '\t');
        if bad || adrift {
            return Some(format!("{c:?} after {before:?}"));
        }
        before = c;
    }
    graphemes(text)
        .find(|g| {
            let marks = g.chars().filter(|c| is_combining_mark(*c)).count();
            marks > 8 || g.chars().count() > 2 * 16
        })
        .map(|g| format!("endless cluster {g:?}"))
}

/// A text of hostile pieces, raw and cut, between ordinary and significant characters.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(HOSTILE).prop_map(str::to_owned),
        prop::sample::select(GOOD).prop_map(str::to_owned),
        (prop::sample::select(HOSTILE), any::<prop::sample::Index>())
            .prop_map(|(text, at)| { text.chars().skip(at.index(text.chars().count())).collect() }),
        company(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Characters whose fate, or whose composition, depends on their neighbours.
const COMPANY: &str = "ae \n\t\r1😀❤👩🏴🏻🇩क्षनरा़ه각漢\u{301}\u{308}\u{323}\u{345}\u{344}\u{958}\u{9BE}\u{9C7}\u{FB2C}\
    \u{1D160}\u{1D165}\u{200C}\u{200D}\u{200B}\u{FE0F}\u{E0100}\u{FE00}\u{180B}\u{1820}\u{600}\u{1100}\u{1161}\
    \u{11A8}\u{E0067}\u{E007F}\u{F73}\u{FB1D}\u{212B}\u{2000}\u{20E3}\u{FF9E}\u{85}\u{3000}";

/// A text over a few characters of [`COMPANY`]: a small alphabet meets itself often.
fn company() -> impl Strategy<Value = String> {
    let significant = COMPANY.chars().collect::<Vec<_>>();
    let joiners = prop::sample::subsequence(vec!['\u{200C}', '\u{200D}'], 0..=2);
    let alphabet = (
        prop::sample::subsequence(significant, 1..6),
        joiners,
        any::<char>(),
    );
    alphabet.prop_flat_map(|(mut alphabet, joiners, other)| {
        alphabet.extend(joiners);
        alphabet.push(other);
        prop::collection::vec(prop::sample::select(alphabet), 0..24)
            .prop_map(|chars| chars.into_iter().collect())
    })
}

fn check_laws(raw: &str) {
    let block = SafeText::block(raw);
    let line = SafeText::line(raw);
    let shown = render(raw);
    for text in [&*block, &*line, &*shown] {
        assert_eq!(offence(text), None, "in {text:?} of {raw:?}");
    }
    assert_eq!(SafeText::block(&block), block, "of {raw:?}");
    assert_eq!(SafeText::line(&line), line, "of {raw:?}");
    assert_eq!(render(&shown), shown, "of {raw:?}");
    assert_eq!(render(&block), shown, "of {raw:?}");
    assert_eq!(SafeText::block(&line), line, "a frame changes {raw:?}");
    assert!(!shown.contains('\t'));
    assert!(
        !line.contains(['\n', '\t']) && !line.contains("  "),
        "{line:?}"
    );
    assert_eq!(line.trim(), line.as_str());
    assert_eq!(line.nfc().collect::<String>(), line.as_str());
}

#[test]
fn hostile_texts_are_disarmed() {
    assert!(HOSTILE.len() >= 60);
    for raw in HOSTILE {
        check_laws(raw);
        check_laws(&format!("before {raw} after"));
    }
    check_laws(&HOSTILE.concat());
}

#[test]
fn hostile_texts_are_hostile() {
    let forged = |text: &str| {
        text.is_ascii() && !text.contains(|c: char| c.is_control() && c != '\t' && c != '\n')
    };
    for raw in HOSTILE {
        let changed = SafeText::block(raw).as_str() != *raw;
        assert!(
            changed || forged(raw) || *raw == "\u{1f3fb}\u{1f3fc}\u{1f3fd}",
            "{raw:?} is harmless"
        );
    }
}

#[test]
fn good_texts_stay_as_they_are() {
    for good in GOOD {
        assert_eq!(SafeText::block(good).as_str(), *good);
        assert_eq!(render(good), *good);
        let composed: String = good.nfc().collect();
        assert_eq!(SafeText::line(&composed).as_str(), composed);
    }
}

#[test]
fn every_character_obeys_the_laws() {
    // All but the long runs of letters and private characters that are all alike.
    for range in [
        0..=0x3500,
        0xA000..=0xAC00,
        0xD7A0..=0x2_0000,
        0xE_0000..=0xE_1000,
    ] {
        for c in range.filter_map(char::from_u32) {
            check_laws(c.encode_utf8(&mut [0; 4]));
        }
    }
}

proptest! {
    #[test]
    fn any_text_obeys_the_laws(raw in any::<String>()) {
        check_laws(&raw);
    }

    #[test]
    fn mixtures_obey_the_laws(raw in hostile()) {
        check_laws(&raw);
    }

    #[test]
    fn neighbours_obey_the_laws(raw in company()) {
        check_laws(&raw);
    }

    #[test]
    fn a_frame_carries_the_same_text(raw in hostile()) {
        let sent = serde_json::to_string(&raw).unwrap();
        let text: SafeText = serde_json::from_str(&sent).unwrap();
        prop_assert_eq!(&text, &SafeText::block(&raw));
        let back: SafeText = serde_json::from_str(&serde_json::to_string(&text).unwrap()).unwrap();
        prop_assert_eq!(back, text);
    }

    #[test]
    fn no_reserved_name_hides_behind_droppable_characters(at in 1_usize..6, raw in "[\u{200B}\u{2060}\u{AD}\u{E0061}\u{200D}\u{301}]{0,6}") {
        let posed = format!("{}{raw}{}", &"System"[..at], &"System"[at..]);
        prop_assert!(customer_name(&posed).is_err(), "{posed:?}");
    }
}
