//! Markdown to plain text: what a terminal shows and a search reads.
//!
//! Lists keep their marks, a link becomes `text (address)`, code stays as it is, HTML is dropped.
//! Nothing here is safe to show yet: an entity can stand for any character, so what comes out
//! passes the sanitiser before it is kept.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Levels of a list that are indented; deeper ones stand below the last.
const INDENTED_MAX: usize = 6;

/// A body in plain text.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The first heading, where nothing stands before it and it is of the first level.
    pub(super) title: Option<String>,
    pub(super) sections: Vec<Section>,
    pub(super) links: Vec<Link>,
}

/// What stands under one heading.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// With the headings above it: `Returns > Costs`.
    pub(super) heading: String,
    /// Paragraphs, lists, tables and pieces of code.
    pub(super) blocks: Vec<String>,
}

/// Where a text links to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) target: String,
    /// Of the file, from 1.
    pub(super) line: usize,
}

impl Link {
    /// The file that is meant, where it is one beside this: no scheme, no place in this file.
    pub(super) fn file(&self) -> Option<&str> {
        let path = self.target.split(['#', '?']).next().unwrap_or_default();
        (!is_absolute(&self.target) && !path.is_empty()).then_some(path)
    }
}

/// Whether a target has a scheme (RFC 3986, 3.1) or a host, and so is understood anywhere.
fn is_absolute(target: &str) -> bool {
    let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    target.starts_with("//")
        || scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_part)
}

/// Reads Markdown that begins in this line of a file.
pub(super) fn sections(markdown: &str, first_line: usize) -> Body {
    let mut plain = Plain::default();
    let events = Parser::new_ext(
        markdown,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH,
    );
    let (mut line, mut counted) = (first_line, 0);
    for (event, range) in events.into_offset_iter() {
        if let Event::Start(Tag::Link { dest_url, .. }) = &event {
            // Offsets of starts ascend, so each byte is counted once.
            line += markdown[counted..range.start].matches('\n').count();
            counted = range.start;
            plain.body.links.push(Link {
                target: dest_url.to_string(),
                line,
            });
        }
        plain.take(event);
    }
    plain.end_block();
    plain.end_section();
    plain.body
}

/// Plain text in the making.
#[derive(Default)]
struct Plain<'a> {
    body: Body,
    section: Section,
    /// The headings above what comes, with their levels.
    headings: Vec<(HeadingLevel, String)>,
    /// The block so far.
    block: String,
    /// The lists that are open, with the next number of those that have numbers.
    lists: Vec<Option<u64>>,
    /// The links that are open, and where in the block their text begins.
    links: Vec<(CowStr<'a>, usize)>,
    in_html: bool,
}

impl<'a> Plain<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) if !self.in_html => self.block.push_str(&text),
            Event::SoftBreak => self.block.push(' '),
            Event::HardBreak => self.new_line(),
            // HTML, and what is not asked of the parser.
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        match tag {
            Tag::Heading { .. } => self.end_block(),
            Tag::HtmlBlock => self.in_html = true,
            Tag::List(first) => {
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Link { dest_url, .. } => self.links.push((dest_url, self.block.len())),
            Tag::Paragraph | Tag::CodeBlock(_) if self.is_after_text_of_item() => self.new_line(),
            Tag::TableHead | Tag::TableRow => self.new_line(),
            Tag::TableCell if !self.block.is_empty() && !self.block.ends_with('\n') => {
                self.block.push_str(" | ");
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::HtmlBlock => self.in_html = false,
            TagEnd::List(_) => {
                self.lists.pop();
                self.end_block_outside_lists();
            }
            TagEnd::Paragraph | TagEnd::CodeBlock | TagEnd::Table => {
                self.end_block_outside_lists();
            }
            TagEnd::Link => self.link(),
            _ => {}
        }
    }

    fn item(&mut self) {
        self.new_line();
        let depth = self.lists.len().saturating_sub(1).min(INDENTED_MAX);
        self.block.push_str(&"  ".repeat(depth));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.block.push_str(&format!("{number}. "));
                *number += 1;
            }
            _ => self.block.push_str("- "),
        }
    }

    /// Behind the text of a link its address, where it has one that is understood elsewhere and
    /// the text does not say it already.
    fn link(&mut self) {
        let Some((target, from)) = self.links.pop() else {
            return;
        };
        let text = self.block.get(from..).unwrap_or_default();
        let address = target.strip_prefix("mailto:").unwrap_or(&target);
        if is_absolute(&target) && text != address {
            self.block.push_str(&format!(" ({address})"));
        }
    }

    fn heading(&mut self, level: HeadingLevel) {
        let text = std::mem::take(&mut self.block).trim().to_owned();
        let nothing_yet = self.body.sections.is_empty() && self.section.blocks.is_empty();
        self.end_section();
        if level == HeadingLevel::H1 && nothing_yet && self.body.title.is_none() {
            self.body.title = Some(text);
            return;
        }
        self.headings.retain(|(above, _)| *above < level);
        self.headings.push((level, text));
        let path: Vec<&str> = self
            .headings
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        self.section.heading = path.join(" > ");
    }

    fn is_after_text_of_item(&self) -> bool {
        !self.lists.is_empty() && !self.block.ends_with("- ") && !self.block.ends_with(". ")
    }

    fn new_line(&mut self) {
        if !self.block.is_empty() && !self.block.ends_with('\n') {
            self.block.push('\n');
        }
    }

    fn end_block_outside_lists(&mut self) {
        if self.lists.is_empty() {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        let block = block.trim_matches('\n').trim_end();
        if !block.trim().is_empty() {
            self.section.blocks.push(block.to_owned());
        }
    }

    fn end_section(&mut self) {
        let section = std::mem::take(&mut self.section);
        if !section.blocks.is_empty() {
            self.body.sections.push(section);
        }
    }
}

/// Joins blocks to texts of at most `chars_max` characters, whole blocks where they fit.
pub(super) fn cut(blocks: &[String], chars_max: usize) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut room = 0;
    for block in blocks {
        for (index, piece) in pieces(block, chars_max).into_iter().enumerate() {
            let chars = piece.chars().count();
            match texts.last_mut() {
                Some(last) if index == 0 && chars + 2 <= room => {
                    last.push_str("\n\n");
                    last.push_str(piece);
                    room -= chars + 2;
                }
                _ => {
                    texts.push(piece.to_owned());
                    room = chars_max.saturating_sub(chars);
                }
            }
        }
    }
    texts
}

/// Cuts a block that is too long: at the end of a line, of a sentence, of a word, or anywhere,
/// whichever comes last in the second half of what fits.
fn pieces(block: &str, chars_max: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = block;
    while let Some((end, next)) = rest.char_indices().nth(chars_max) {
        // With the next character: it may be the gap that what fits ends at.
        let fits = &rest[..end + next.len_utf8()];
        let half = fits
            .char_indices()
            .nth(chars_max / 2)
            .map_or(0, |(at, _)| at);
        let after = |mark: &str| fits.rfind(mark).map(|at| at + mark.len());
        let ends = [
            after("\n"),
            [after(". "), after("! "), after("? ")]
                .into_iter()
                .max()
                .flatten(),
            after(" "),
        ];
        let at = ends
            .into_iter()
            .flatten()
            .find(|at| *at > half)
            .unwrap_or(end);
        pieces.push(rest[..at].trim_end());
        rest = rest[at..].trim_start_matches(['\n', ' ']);
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Link, cut, sections};

    fn plain(markdown: &str) -> String {
        let mut out = String::new();
        for section in sections(markdown, 1).sections {
            if !section.heading.is_empty() {
                out.push_str(&format!("[{}]\n", section.heading));
            }
            out.push_str(&section.blocks.join("\n\n"));
            out.push('\n');
        }
        out
    }

    #[test]
    fn marks_become_plain_text() {
        for (markdown, expected) in [
            ("one\ntwo\\\nthree\n\nfour", "one two\nthree\n\nfour\n"),
            ("**bold** _it_ `a < b` ~~no~~", "bold it a < b no\n"),
            (
                "- one\n- two\n  - deep\n- three\n\nafter",
                "- one\n- two\n  - deep\n- three\n\nafter\n",
            ),
            ("3. three\n4. four", "3. three\n4. four\n"),
            ("- one\n\n  more\n\n- two", "- one\nmore\n- two\n"),
            ("```sh\nls -l\n  x\n```\nend", "ls -l\n  x\n\nend\n"),
            ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n1 | 2\n"),
            ("a <b>c</b>\n\n<script>\nx()\n</script>\n\nd", "a c\n\nd\n"),
            ("> quoted\n\n---\n\nrest", "quoted\n\nrest\n"),
            ("AT&amp;T &lt;x&gt;", "AT&T <x>\n"),
            ("a\r\nb\r\n\r\nc", "a b\n\nc\n"),
        ] {
            assert_eq!(plain(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn a_link_keeps_an_address_that_is_understood_elsewhere() {
        for (markdown, expected) in [
            (
                "[shop](https://shop.example/a)",
                "shop (https://shop.example/a)\n",
            ),
            ("<https://shop.example>", "https://shop.example\n"),
            ("<a@b.example>", "a@b.example\n"),
            ("[write](mailto:a@b.example)", "write (a@b.example)\n"),
            ("[more](other.md#x) and [up](#top)", "more and up\n"),
            ("![a lamp](lamp.png)", "a lamp\n"),
        ] {
            assert_eq!(plain(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn sections_are_under_all_their_headings() {
        let text = "# Title\nintro\n## A\n### B\nb\n## C\nc\n# D\nd";
        assert_eq!(plain(text), "intro\n[A > B]\nb\n[C]\nc\n[D]\nd\n");
        assert_eq!(sections(text, 1).title.as_deref(), Some("Title"));
        assert_eq!(sections("text\n\n# Late", 1).title, None);
    }

    #[test]
    fn links_are_told_with_their_lines() {
        let links = sections(
            "a\n\n[b](c.md) [d](https://e.example)\n\n- [f](../g.md#h)\n",
            7,
        )
        .links;
        let link = |target: &str, line| Link {
            target: target.into(),
            line,
        };
        assert_eq!(
            links,
            [
                link("c.md", 9),
                link("https://e.example", 9),
                link("../g.md#h", 11)
            ]
        );
        let files: Vec<_> = links.iter().map(Link::file).collect();
        assert_eq!(files, [Some("c.md"), None, Some("../g.md")]);
    }

    #[test]
    fn blocks_are_joined_while_they_fit_and_cut_where_text_ends() {
        let check = |blocks: &[&str], expected: &[&str]| {
            let blocks: Vec<String> = blocks.iter().map(|block| (*block).to_owned()).collect();
            assert_eq!(cut(&blocks, 20), expected);
        };
        check(&[], &[]);
        check(
            &["one", "two", "three and more"],
            &["one\n\ntwo", "three and more"],
        );
        check(&["12345678901234567890"], &["12345678901234567890"]);
        check(
            &["A sentence. And then more"],
            &["A sentence.", "And then more"],
        );
        check(
            &["- one line here\n- and two"],
            &["- one line here", "- and two"],
        );
        check(
            &["words that only have gaps"],
            &["words that only have", "gaps"],
        );
        check(
            &[&"x".repeat(45)],
            &[&"x".repeat(20), &"x".repeat(20), "xxxxx"],
        );
        check(
            &[&"\u{1F600}".repeat(21)],
            &[&"\u{1F600}".repeat(20), "\u{1F600}"],
        );
    }
}
