//! Laws of the composer first, then what users would complain about.

use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use unicode_segmentation::UnicodeSegmentation;

use super::{Composer, Inserted, TEXT_BYTES_MAX};
use crate::width::width;

/// Text that joins, splits, turns around and takes no room.
const PIECES: [&str; 24] = [
    "a",
    "word",
    " ",
    "  ",
    "\n",
    "\t",
    "日",
    "한",
    "👨‍👩‍👧‍👦",
    "🇧",
    "🇷",
    "🇵🇹",
    "e",
    "\u{301}",
    "\u{200D}",
    "क",
    "्",
    "ष",
    "❤\u{FE0F}",
    "שלום",
    "\r\n",
    "\u{1b}[0m",
    "👍",
    "🏽",
];

#[derive(Debug, Clone)]
enum Op {
    Insert(String),
    Paste(String),
    Set(String),
    Complete(usize, String),
    Up(u16),
    Down(u16),
    Plain(usize),
}

const PLAIN: [fn(&mut Composer); 16] = [
    Composer::backspace,
    Composer::delete,
    Composer::left,
    Composer::right,
    Composer::word_left,
    Composer::word_right,
    Composer::home,
    Composer::end,
    Composer::kill_to_start,
    Composer::kill_to_end,
    Composer::kill_word,
    Composer::kill_word_back,
    Composer::clear,
    |composer| assert!(composer.yank().refused.is_empty()),
    |composer| assert!(composer.newline().refused.is_empty()),
    |composer| composer.remember("sent before"),
];

fn text() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12);
    prop_oneof![4 => pieces.prop_map(|pieces| pieces.concat()), 1 => any::<String>()]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => text().prop_map(Op::Insert),
        1 => text().prop_map(Op::Paste),
        1 => text().prop_map(Op::Set),
        1 => (0..200_usize, text()).prop_map(|(start, text)| Op::Complete(start, text)),
        1 => (1..200_u16).prop_map(Op::Up),
        1 => (1..200_u16).prop_map(Op::Down),
        8 => (0..PLAIN.len()).prop_map(Op::Plain),
    ]
}

fn apply(composer: &mut Composer, op: &Op) {
    let all_fits = Inserted::default().refused;
    match op {
        Op::Insert(text) => assert_eq!(composer.insert(text).refused, all_fits),
        Op::Paste(text) => assert_eq!(composer.insert_paste(text).refused, all_fits),
        Op::Set(text) => assert_eq!(composer.set_text(text).refused, all_fits),
        Op::Complete(start, text) => assert_eq!(composer.complete(*start, text).refused, all_fits),
        Op::Up(columns) => drop(composer.up(*columns)),
        Op::Down(columns) => drop(composer.down(*columns)),
        Op::Plain(index) => PLAIN[*index](composer),
    }
}

fn with(text: &str) -> Composer {
    let mut composer = Composer::default();
    assert_eq!(composer.set_text(text).bytes, text.len());
    composer
}

fn is_boundary(text: &str, offset: usize) -> bool {
    offset == text.len() || text.grapheme_indices(true).any(|(at, _)| at == offset)
}

proptest! {
    #[test]
    fn the_cursor_stays_between_clusters(ops in prop::collection::vec(op(), 0..30)) {
        let mut composer = Composer::default();
        for op in &ops {
            apply(&mut composer, op);
            prop_assert!(is_boundary(composer.text(), composer.cursor()), "{op:?}");
            prop_assert!(composer.bytes() <= TEXT_BYTES_MAX);
        }
    }

    #[test]
    fn rows_cover_the_text_once_and_fit(text in text(), columns in 1..200_u16) {
        let mut composer = Composer::default();
        prop_assert!(composer.set_text(&text).refused.is_empty());
        let layout = composer.layout(columns);
        let mut covered = String::new();
        for row in &layout.rows {
            let part = &composer.text()[row.range.clone()];
            prop_assert!(is_boundary(composer.text(), row.range.start));
            let seen = part.graphemes(true).filter(|cluster| width(cluster) > 0);
            prop_assert!(width(part) <= usize::from(columns) || seen.count() <= 2);
            covered.push_str(part);
            if !row.soft {
                covered.push('\n');
            }
        }
        covered.pop();
        prop_assert_eq!(covered, composer.text());
    }

    #[test]
    fn the_cursor_is_on_its_row(ops in prop::collection::vec(op(), 0..20), columns in 1..200_u16) {
        let mut composer = Composer::default();
        for op in &ops {
            apply(&mut composer, op);
            let layout = composer.layout(columns);
            let row = &layout.rows[layout.cursor.1].range;
            prop_assert!(layout.cursor.0 < columns);
            prop_assert!(row.start <= composer.cursor() && composer.cursor() <= row.end);
        }
    }

    #[test]
    fn undo_gives_back_the_text_before(ops in prop::collection::vec(op(), 0..30)) {
        let mut composer = Composer::default();
        for op in &ops {
            let (text, cursor) = (composer.text().to_owned(), composer.cursor());
            composer.settle();
            apply(&mut composer, op);
            if composer.text() == text {
                continue;
            }
            let after = composer.text().to_owned();
            prop_assert!(composer.undo());
            prop_assert_eq!((composer.text(), composer.cursor()), (text.as_str(), cursor));
            prop_assert!(composer.redo());
            prop_assert_eq!(composer.text(), after);
        }
    }

    #[test]
    fn undoing_all_and_redoing_all_are_exact(ops in prop::collection::vec(op(), 0..30)) {
        let mut composer = Composer::default();
        ops.iter().for_each(|op| apply(&mut composer, op));
        let last = composer.text().to_owned();
        while composer.undo() {}
        prop_assert_eq!(composer.text(), "");
        while composer.redo() {}
        prop_assert_eq!(composer.text(), last);
    }

    #[test]
    fn a_backspace_for_every_cluster_empties_it(text in text()) {
        let mut composer = Composer::default();
        prop_assert!(composer.set_text(&text).refused.is_empty());
        let clusters = composer.text().graphemes(true).count();
        for _ in 0..clusters {
            prop_assert!(!composer.is_empty());
            composer.backspace();
        }
        prop_assert!(composer.is_empty());
    }

    #[test]
    fn a_paste_goes_in_or_is_given_back(
        before in 0..TEXT_BYTES_MAX,
        piece in prop::sample::select(vec!["x", "日", "👨‍👩‍👧‍👦", "🇧🇷"]),
        times in 0..9000_usize,
        unit in Just("y"),
    ) {
        let mut composer = with(&unit.repeat(before));
        let paste = piece.repeat(times);
        let inserted = composer.insert_paste(&paste);
        prop_assert!(composer.bytes() <= TEXT_BYTES_MAX);
        prop_assert_eq!(inserted.refused.len() % piece.len(), 0);
        let (_, pasted) = composer.text().split_at(before);
        prop_assert_eq!(pasted.to_owned() + &inserted.refused, paste);
    }
}

#[test]
fn one_backspace_deletes_what_looks_like_one() {
    for cluster in ["👨‍👩‍👧‍👦", "🇧🇷", "क्षि", "e\u{301}", "👍🏽", "日"]
    {
        let mut composer = with("ab");
        assert_eq!(composer.insert(cluster).bytes, cluster.len());
        composer.backspace();
        assert_eq!(composer.text(), "ab", "{cluster}");
    }
}

#[test]
fn controls_are_left_out_and_counted() {
    let mut composer = Composer::default();
    let inserted = composer.insert_paste("one\r\ntwo\x1b]0;x\x07");
    assert_eq!(
        inserted,
        Inserted {
            bytes: 11,
            dropped: 2,
            refused: String::new(),
            kept: false,
        }
    );
    assert_eq!(composer.text(), "one\ntwo]0;x");
}

#[test]
fn typing_is_undone_word_by_word() {
    let mut composer = Composer::default();
    for c in "the new  word".chars() {
        assert_eq!(composer.insert(c.encode_utf8(&mut [0; 4])).bytes, 1);
    }
    let mut seen = Vec::new();
    while composer.undo() {
        seen.push(composer.text().to_owned());
    }
    assert_eq!(seen, ["the new  ", "the ", ""]);
}

#[test]
fn a_run_of_deletions_is_one_step() {
    let mut composer = with("abcdef");
    composer.backspace();
    composer.backspace();
    composer.home();
    composer.delete();
    composer.delete();
    assert_eq!(composer.text(), "cd");
    assert!(composer.undo());
    assert_eq!((composer.text(), composer.cursor()), ("abcd", 0));
    assert!(composer.undo());
    assert_eq!((composer.text(), composer.cursor()), ("abcdef", 6));
}

#[test]
fn kills_in_a_row_are_yanked_together() {
    let mut composer = with("please fix the bill");
    composer.kill_word_back();
    composer.kill_word_back();
    assert_eq!(composer.text(), "please fix ");
    composer.home();
    composer.kill_word();
    assert_eq!(composer.text(), " fix ");
    assert_eq!(composer.yank().bytes, 6);
    assert_eq!(composer.text(), "please fix ");
    composer.clear();
    assert!(composer.undo());
    assert_eq!(composer.text(), "please fix ");
}

#[test]
fn killing_at_the_end_of_a_line_joins_it_with_the_next() {
    let mut composer = with("one\ntwo");
    composer.home();
    composer.kill_to_start();
    assert_eq!((composer.text(), composer.cursor()), ("onetwo", 3));
    composer.kill_to_end();
    assert_eq!(composer.text(), "one");
}

#[test]
fn words_end_where_letters_end() {
    let mut composer = with("don't  stop, e\u{301}tude");
    let mut stops = Vec::new();
    while composer.cursor() > 0 {
        composer.word_left();
        stops.push(composer.cursor());
    }
    assert_eq!(stops, [13, 7, 4, 0]);
    stops.clear();
    while composer.cursor() < composer.bytes() {
        composer.word_right();
        stops.push(composer.cursor());
    }
    assert_eq!(stops, [3, 5, 11, 20]);
}

#[test]
fn the_column_is_kept_across_short_rows() {
    let mut composer = with("long line\nab\nlong line");
    assert!(composer.up(40));
    assert_eq!(composer.layout(40).cursor, (2, 1));
    assert!(composer.up(40));
    assert_eq!(composer.layout(40).cursor, (9, 0));
    assert!(!composer.up(40));
}

#[test]
fn every_row_of_a_wrapped_line_is_reached() {
    let mut composer = with(&"x".repeat(35));
    let mut rows = vec![composer.layout(11).cursor.1];
    while composer.up(11) {
        rows.push(composer.layout(11).cursor.1);
    }
    assert_eq!(rows, [3, 2, 1, 0]);
    while composer.down(11) {
        rows.push(composer.layout(11).cursor.1);
    }
    assert_eq!(rows, [3, 2, 1, 0, 1, 2, 3]);
}

#[test]
fn history_sets_the_draft_aside_and_gives_it_back() {
    let mut composer = Composer::default();
    for text in ["first", "second", "second", " "] {
        assert_eq!(composer.insert(text).bytes, text.len());
        assert_eq!(composer.take(), text);
    }
    assert_eq!(composer.history().collect::<Vec<_>>(), ["second", "first"]);
    assert_eq!(composer.insert("draft").bytes, 5);
    assert!(composer.up(40) && composer.up(40) && !composer.up(40));
    assert_eq!(composer.text(), "first");
    assert!(composer.down(40) && composer.down(40) && !composer.down(40));
    assert_eq!(composer.text(), "draft");
}

#[test]
fn a_draft_survives_the_change_of_a_recalled_message() {
    let mut composer = Composer::default();
    composer.remember("sent");
    assert_eq!(composer.insert("draft").bytes, 5);
    assert!(composer.up(40));
    assert_eq!(composer.insert("!").bytes, 1);
    assert!(!composer.down(40));
    assert_eq!(composer.text(), "sent!");
    assert!(composer.undo() && composer.undo());
    assert_eq!(composer.text(), "draft");
}

#[test]
fn what_is_sent_is_not_undone() {
    let mut composer = with("sent");
    assert_eq!(composer.take(), "sent");
    assert!(composer.is_empty() && !composer.undo() && !composer.redo());
}

#[test]
fn tabs_are_drawn_as_wide_as_they_are_measured() {
    let composer = with("a\tb");
    let layout = composer.layout(40);
    assert_eq!(composer.row_text(&layout.rows[0]), "a    b");
    assert_eq!(layout.cursor, (6, 0));
}
