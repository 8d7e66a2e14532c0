//! The rules of the sanitiser: what happens to each character, and in which company it may stay.
//!
//! One pass from left to right. Whether a character stays depends only on what was
//! kept before it (a joiner waits for the character that justifies it), so a second
//! pass over the output keeps everything: that is why cleaning is idempotent.
//! Deliberately absent: which characters form a class (`classes`), names (`names`)
//! and columns (`width`).

use unicode_normalization::char::{is_combining_mark, is_public_assigned};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_width::UnicodeWidthChar;

use super::classes::{
    ZWJ, ZWNJ, control_picture, ends_pictographic, is_boundary, is_invisible, is_joining,
    is_pictographic, is_selector, is_simple, takes_selector,
};

/// Combining marks kept in one grapheme cluster. Real scripts stay below (Sanskrit
/// conjuncts reach six); "zalgo" text puts hundreds of bytes into one cell.
const CLUSTER_MARKS_MAX: usize = 8;

/// Characters kept in one grapheme cluster, the tags of a flag aside. The longest
/// recommended emoji has ten; without a limit a chain of joiners is one endless cell.
const CLUSTER_CHARS_MAX: usize = 16;

const BLACK_FLAG: char = '\u{1F3F4}';

/// Tag characters are ASCII made invisible, so they stay only in the three flags that
/// Unicode recommends for interchange (UTS #51, RGI_Emoji_Tag_Sequence): England,
/// Scotland, Wales. What follows the black flag in each:
const FLAG_TAGS: [&str; 3] = [
    "\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    "\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
];

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Block,
    Line,
}

/// Whether `raw` is printable ASCII, line feeds and tabs: one scan, nothing to do.
pub(super) fn is_clean_block(raw: &str) -> bool {
    // Whole chunks without an early exit, so that the compiler makes it vector code.
    raw.as_bytes().chunks(64).all(|chunk| {
        chunk.iter().fold(true, |clean, &byte| {
            clean & (matches!(byte, b' '..=b'~') | (byte == b'\n') | (byte == b'\t'))
        })
    })
}

/// Whether `raw` is printable ASCII without a space that [`clean_line`] would fold.
pub(super) fn is_clean_line(raw: &str) -> bool {
    let mut after_space = true;
    for byte in raw.bytes() {
        if !matches!(byte, b' '..=b'~') || (byte == b' ' && after_space) {
            return false;
        }
        after_space = byte == b' ';
    }
    !after_space || raw.is_empty()
}

/// Cleans a text of several lines.
pub(super) fn clean_block(raw: &str) -> String {
    clean(raw, Form::Block)
}

/// Cleans a text of one line and brings it into NFC.
pub(super) fn clean_line(raw: &str) -> String {
    let mut text = clean(raw, Form::Line);
    // NFC reorders marks and undoes a few letters, and may so leave a joiner or selector
    // without its base; dropping that may bring marks together. Every round but the first
    // makes the text shorter, and none reaches beyond a cluster: a few rounds at most.
    while is_nfc_quick(text.chars()) != IsNormalized::Yes {
        let composed: String = text.nfc().collect();
        if composed == text {
            break;
        }
        text = clean(&composed, Form::Line);
    }
    text
}

fn clean(raw: &str, form: Form) -> String {
    let mut cleaner = Cleaner::new(form, raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        match c {
            _ if is_simple(c) && (c.is_alphanumeric() || c.is_ascii_punctuation()) => {
                cleaner.keep(c)
            }
            '\r' if rest.as_str().starts_with('\n') => {}
            '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{2028}' | '\u{2029}' => cleaner.end('\n'),
            '\t' => cleaner.end('\t'),
            '\0'..='\u{1F}' => cleaner.keep(control_picture(c)),
            '\u{7F}' => cleaner.keep('\u{2421}'),
            '\u{80}'..='\u{9F}' => cleaner.keep(char::REPLACEMENT_CHARACTER),
            ZWJ | ZWNJ => cleaner.joiner(c),
            BLACK_FLAG => {
                let tags = FLAG_TAGS
                    .iter()
                    .find(|tags| rest.as_str().starts_with(**tags));
                if cleaner.place(c)
                    && let Some(tags) = tags
                {
                    cleaner.flag_tags(tags);
                    rest = rest.as_str()[tags.len()..].chars();
                }
            }
            _ if is_selector(c) => cleaner.selector(c),
            _ if is_invisible(c) => {}
            // Private, noncharacters, and what the Unicode version of that crate does not know yet.
            _ if !is_public_assigned(c) => cleaner.keep(char::REPLACEMENT_CHARACTER),
            _ if is_combining_mark(c) => cleaner.mark(c),
            _ if form == Form::Line && c.is_whitespace() => cleaner.end(c),
            _ => cleaner.keep(c),
        }
    }
    cleaner.out
}

/// What was kept so far. Every field but `joiner` and `space`, which wait for the
/// next character, is a function of `out`.
struct Cleaner {
    form: Form,
    out: String,
    cluster: Cluster,
    /// A joiner that stays if the next character justifies it.
    joiner: Option<char>,
    /// In a line: white space that stays if something follows it.
    space: bool,
}

/// The grapheme cluster at the end of the output.
#[derive(Clone, Copy)]
struct Cluster {
    start: usize,
    chars: usize,
    marks: usize,
    last: char,
}

impl Cleaner {
    fn new(form: Form, bytes: usize) -> Self {
        Self {
            form,
            out: String::with_capacity(bytes),
            cluster: Cluster {
                start: 0,
                chars: 0,
                marks: 0,
                last: '\n',
            },
            joiner: None,
            space: false,
        }
    }

    /// White space that nothing may attach to across: a line end or tab in a block, any in a line.
    fn end(&mut self, c: char) {
        self.joiner = None;
        match self.form {
            Form::Block => {
                self.append(c);
            }
            Form::Line => self.space = !self.out.is_empty(),
        }
    }

    fn keep(&mut self, c: char) {
        self.place(c);
    }

    /// Appends a visible character, with the joiner before it if the two belong together.
    fn place(&mut self, c: char) -> bool {
        if std::mem::take(&mut self.space) {
            self.append(' ');
        }
        if let Some(joiner) = self.joiner.take()
            && if joiner == ZWJ {
                is_pictographic(c)
            } else {
                is_joining(c)
            }
        {
            let (before, bytes) = (self.cluster, self.out.len());
            if self.append(joiner) && self.append(c) {
                return true;
            }
            self.cluster = before;
            self.out.truncate(bytes);
        }
        self.append(c)
    }

    /// A combining mark needs something to stand on: at the start of a line it would
    /// fall on whatever the screen shows to the left of it.
    fn mark(&mut self, c: char) {
        if self.space || !matches!(self.cluster.last, '\n' | '\t') {
            self.place(c);
        }
    }

    /// ZWJ stays between pictographs and after a letter of a joining script (where it
    /// may end a word), ZWNJ between two such letters.
    fn joiner(&mut self, c: char) {
        if self.space || self.joiner.is_some() {
            return;
        }
        let after_letter = is_joining(self.cluster.last);
        if c == ZWJ && after_letter {
            self.append(c);
        } else if after_letter || (c == ZWJ && ends_pictographic(self.last_cluster())) {
            self.joiner = Some(c);
        }
    }

    fn selector(&mut self, c: char) {
        let based = !self.space && self.joiner.is_none();
        if based && takes_selector(self.cluster.last, c) {
            self.append(c);
        }
    }

    fn last_cluster(&self) -> &str {
        &self.out[self.cluster.start..]
    }

    /// The tags of a flag whose black flag has just been kept.
    fn flag_tags(&mut self, tags: &str) {
        self.out.push_str(tags);
        self.cluster.chars += tags.chars().count();
        self.cluster.last = '\u{E007F}';
    }

    /// Appends `c`, unless it would join a cluster that is full.
    fn append(&mut self, c: char) -> bool {
        let at = self.out.len();
        if is_simple(c) {
            self.out.push(c);
            self.cluster = Cluster {
                start: at,
                chars: 1,
                marks: 0,
                last: c,
            };
            return true;
        }
        let mark = usize::from(is_combining_mark(c));
        self.out.push(c);
        if at == 0 || is_boundary(self.last_cluster(), at - self.cluster.start) {
            let c = if c.width() == Some(0) {
                // Prepended letters and lone Hangul vowels: some terminals give them a column and
                // others none, so that what follows would stand in another one.
                self.out.truncate(at);
                self.out.push(char::REPLACEMENT_CHARACTER);
                char::REPLACEMENT_CHARACTER
            } else {
                c
            };
            self.cluster = Cluster {
                start: at,
                chars: 1,
                marks: mark,
                last: c,
            };
            return true;
        }
        let full = self.cluster.chars >= CLUSTER_CHARS_MAX
            || self.cluster.marks + mark > CLUSTER_MARKS_MAX;
        if full {
            self.out.truncate(at);
            return false;
        }
        self.cluster.chars += 1;
        self.cluster.marks += mark;
        self.cluster.last = c;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{is_clean_block, is_clean_line};
    use crate::text::{SafeText, graphemes};

    #[track_caller]
    fn check_block(raw: &str, clean: &str) {
        assert_eq!(SafeText::block(raw).as_str(), clean, "of {raw:?}");
    }

    #[track_caller]
    fn check_line(raw: &str, clean: &str) {
        assert_eq!(SafeText::line(raw).as_str(), clean, "of {raw:?}");
    }

    #[test]
    fn line_ends_become_one_kind() {
        check_block(
            "a\r\nb\rc\u{B}d\u{C}e\u{2028}f\u{2029}g\nh",
            "a\nb\nc\nd\ne\nf\ng\nh",
        );
        check_block("\r\r\n", "\n\n");
        check_line(" a\r\nb\u{2028}\tc\u{A0} \u{3000}d\n", "a b c d");
    }

    #[test]
    fn controls_become_visible() {
        check_block("\0\u{7}\u{8}\u{1b}[0m\u{1f}\u{7f}", "␀␇␈␛[0m␟␡");
        check_block(
            "\u{80}\u{85}\u{9b}2J\u{9f}",
            "\u{FFFD}\u{FFFD}\u{FFFD}2J\u{FFFD}",
        );
        check_block("a\tb\n", "a\tb\n");
    }

    #[test]
    fn what_is_not_a_character_is_replaced() {
        check_block(
            "\u{FFFE}\u{1FFFF}\u{FDD0}\u{E000}\u{F0000}\u{378}",
            &"\u{FFFD}".repeat(6),
        );
    }

    #[test]
    fn what_has_no_column_begins_no_cluster() {
        check_block("Z\u{113D1}x", "Z\u{FFFD}x");
        check_block("\u{0D4E}\u{0D2E}", "\u{FFFD}\u{0D2E}");
        // A vowel of Hangul belongs to a consonant.
        check_block("\u{1100}\u{1161}", "\u{1100}\u{1161}");
        check_block("a\u{1161}", "a\u{FFFD}");
    }

    #[test]
    fn tags_stay_in_flags_only() {
        let england = "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}";
        check_block(england, england);
        check_block("\u{1F3F4}\u{E0068}\u{E0069}\u{E007F}", "\u{1F3F4}");
        check_block(
            "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}",
            "\u{1F3F4}",
        );
        check_block("hi\u{E0001}\u{E0041}\u{E007F}", "hi");
    }

    #[test]
    fn joiners_stay_where_they_join() {
        check_block("a\u{200D}b\u{200C}c", "abc");
        check_block("\u{200D}😀\u{200D}", "😀");
        check_block("👩\u{200D}\u{200D}\u{200B}\u{200C}💻", "👩\u{200D}💻");
        check_block("😀\u{200D}a", "😀a");
        check_block("😀\u{200D}\n😀\u{200D}\t😀", "😀\n😀\t😀");
        check_line("😀\u{200D} 😀", "😀 😀");
        check_block("ه\u{200C}\u{200D}ه", "ه\u{200C}ه");
        check_block("می\u{200C}خواهم", "می\u{200C}خواهم");
        check_block("ه\u{200C} \u{200C}ه", "ه ه");
        check_block("അവന\u{D4D}\u{200D} വന", "അവന\u{D4D}\u{200D} വന");
    }

    #[test]
    fn selectors_need_a_base_with_variants() {
        check_block("❤\u{FE0F}\u{FE0F}\u{FE0E}", "❤\u{FE0F}");
        check_block("\u{FE0F}a\u{FE0F}\u{E0141}\n\u{FE0F}", "a\n");
        check_block("葛\u{E0100}\u{E0101}", "葛\u{E0100}");
        check_line("❤ \u{FE0F}x", "❤ x");
    }

    #[test]
    fn marks_are_counted_and_need_a_base() {
        check_block(
            &format!("a{}b", "\u{301}".repeat(500)),
            &format!("a{}b", "\u{301}".repeat(8)),
        );
        check_block("\u{301}a\n\u{301}b\t\u{301}c", "a\nb\tc");
        check_line("  \u{301}a  \u{327}b", "a \u{327}b");
    }

    #[test]
    fn a_cluster_has_an_end() {
        let chain = "👨\u{200D}".repeat(1000);
        let clean = SafeText::block(&chain);
        assert_eq!(clean.matches('👨').count(), 1000, "only joiners are lost");
        assert!(clean.split('👨').count() > 1000);
        assert!(graphemes(&clean).all(|g| g.chars().count() <= 16));
        assert_eq!(SafeText::block(&"\u{1100}".repeat(900)).chars().count(), 16);
    }

    #[test]
    fn a_line_is_composed() {
        check_line("Zoe\u{308}", "Zoë");
        check_line("e\u{200B}\u{301}", "é");
        check_line("\u{212B}", "Å");
        check_line("1\u{345}\u{94D}\u{200D}\u{93C}", "1\u{93C}\u{94D}\u{345}");
        check_line("\u{FB1D}\u{FE00}\u{5B0}", "\u{5D9}\u{5B0}\u{5B4}");
    }

    #[test]
    fn the_fast_scans_agree_with_the_rules() {
        for c in (0..=0x17F).filter_map(char::from_u32) {
            let raw = format!("{}{c}x", "y".repeat(70));
            if is_clean_block(&raw) {
                assert_eq!(super::clean_block(&raw), raw);
            } else {
                assert!(
                    !matches!(c, ' '..='~' | '\n' | '\t'),
                    "{c:?} misses the fast path"
                );
            }
        }
        for raw in ["", "a", "a b", " a", "a ", "a  b", "a\tb", "a\nb", "é"] {
            let same = super::clean_line(raw) == raw;
            assert_eq!(is_clean_line(raw), same && raw.is_ascii(), "{raw:?}");
        }
    }
}
