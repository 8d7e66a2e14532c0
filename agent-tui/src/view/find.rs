//! The list of messages found in every chat.

use ratatui::{Frame, buffer::Buffer, layout::Rect};
use shared::{
    api::SearchHit,
    model::Visibility,
    text::{graphemes, render, width},
};

use crate::{
    find::{Find, HITS_MAX},
    model::Model,
    theme::{Role, Theme},
};

use super::{
    overlay::{card, field},
    paint::{age, put, put_right, restyle, row, rule},
};

/// What stands for text that is left out.
const LEFT_OUT: &str = "..";

/// Least room for a name.
const NAME_COLUMNS_MIN: u16 = 4;

/// Draws the list over `body`.
pub(super) fn draw(model: &Model, theme: &Theme, find: &Find, body: Rect, frame: &mut Frame<'_>) {
    let room = usize::from(body.height).saturating_sub(6).clamp(1, 14);
    let rows = find.lines().clamp(1, room);
    let area = card(theme, "search all chats", body, rows + 2, frame);
    field(theme, &find.field, row(area, 0), frame);
    let chosen = find.selected.min(find.lines().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(rows);
    let buffer = frame.buffer_mut();
    for number in first..find.lines().min(first + rows) {
        let line = row(area, number - first + 1);
        let is_chosen = number == chosen;
        match find.hits.get(number) {
            Some(hit) => hit_row(model, theme, hit, is_chosen, line, buffer),
            None => {
                let (mark, role) = chosen_mark(is_chosen);
                put(
                    buffer,
                    line,
                    0,
                    &format!("{mark}more .."),
                    theme.style(role),
                );
            }
        }
    }
    let (text, role) = status(model, find);
    let last = row(area, usize::from(area.height).saturating_sub(1));
    if area.height > 1 {
        rule(buffer, last, " ", theme.style(Role::Text));
        put(buffer, last, 0, &text, theme.style(role));
    }
}

fn chosen_mark(is_chosen: bool) -> (&'static str, Role) {
    if is_chosen {
        ("> ", Role::Selected)
    } else {
        ("  ", Role::Text)
    }
}

/// Chat and customer, or who said it, then how long ago, then what was said.
fn hit_row(
    model: &Model,
    theme: &Theme,
    hit: &SearchHit,
    is_chosen: bool,
    line: Rect,
    buffer: &mut Buffer,
) {
    let columns = if line.width >= 60 { 24 } else { 14 };
    let label = Rect {
        width: columns.min(line.width),
        ..line
    };
    let (mark, role) = chosen_mark(is_chosen);
    // Only here: among inverse words no match could be seen.
    rule(buffer, label, " ", theme.style(role));
    let view = model.view.chats.get(&hit.chat);
    let name = view.map_or(&hit.actor.name, |view| &view.chat.name);
    let who = Rect {
        width: label.width.saturating_sub(6),
        ..label
    };
    let number = format!("{mark}#{} ", hit.chat);
    let x = put(buffer, who, 0, &number, theme.style(role));
    // A name of which nothing but dots would be seen says less than none.
    if x + NAME_COLUMNS_MIN <= who.width {
        put(buffer, who, x, name, theme.style(role));
    }
    put_right(
        buffer,
        label,
        &age(model.now.since(hit.at)),
        theme.style(role),
    );
    let rest = Rect {
        x: line.x + label.width + 1,
        width: line.width.saturating_sub(label.width + 1),
        ..line
    };
    let (before, role) = match hit.visibility {
        Visibility::Note => ("[note] ", Role::Note),
        Visibility::Public => ("", Role::Text),
    };
    let x = put(buffer, rest, 0, before, theme.style(role));
    let (text, marks) = window(&hit.excerpt, &hit.marks, usize::from(rest.width - x));
    put(buffer, rest, x, &text, theme.style(role));
    for (from, columns) in marks {
        restyle(buffer, rest, x + from, columns, theme.style(Role::Match));
    }
}

/// The part of an excerpt that fits in `room` columns with the first match in it, and the first
/// column and the columns of each match.
fn window(excerpt: &str, marks: &[[u32; 2]], room: usize) -> (String, Vec<(u16, u16)>) {
    let line = render(excerpt);
    let byte = |character: u32| {
        let mut places = line.char_indices().map(|(at, _)| at);
        let at = usize::try_from(character)
            .ok()
            .and_then(|at| places.nth(at));
        at.unwrap_or(line.len())
    };
    let marks: Vec<(usize, usize)> = marks
        .iter()
        .map(|[from, to]| (byte(*from), byte(*to)))
        .filter(|(from, to)| from < to)
        .collect();
    let mut start = 0;
    let (from, to) = marks.first().copied().unwrap_or_default();
    let tail = if to < line.len() { LEFT_OUT.len() } else { 0 };
    for cluster in graphemes(&line[..from]) {
        let lead = if start > 0 { LEFT_OUT.len() } else { 0 };
        if lead + width(&line[start..to]) + tail <= room {
            break;
        }
        start += cluster.len();
    }
    let lead = if start > 0 { LEFT_OUT } else { "" };
    let columns = |part: &str| u16::try_from(width(part)).unwrap_or(u16::MAX);
    let marks = marks.into_iter().map(|(from, to)| {
        let before = columns(lead).saturating_add(columns(&line[start..from]));
        (before, columns(&line[from..to]))
    });
    let marks = marks.collect();
    (format!("{lead}{}", &line[start..]), marks)
}

/// How the search stands.
fn status(model: &Model, find: &Find) -> (String, Role) {
    if let Some(why) = &find.failed {
        return (format!("not searched: {why}"), Role::Error);
    }
    let is_asked = model.asked.question.is_some() && find.followed != find.answered;
    if is_asked || find.ask_at.is_some() || find.wants_more {
        return ("searching ...".to_owned(), Role::Dim);
    }
    if find.answered.is_empty() {
        let text = "words that one message has, or \"a phrase\"; Enter looks at once";
        return (text.to_owned(), Role::Dim);
    }
    let text = match find.hits.len() {
        0 if find.next.is_some() => "nothing so far".to_owned(),
        0 => "nothing was found".to_owned(),
        HITS_MAX => format!("the newest {HITS_MAX}; more words find others"),
        count if find.next.is_some() => format!("{count} so far, newest first"),
        count => format!("{count} found, newest first"),
    };
    if find.partial {
        return (format!("not all is indexed yet; {text}"), Role::Warning);
    }
    (text, Role::Dim)
}

#[cfg(test)]
mod tests {
    use super::window;

    fn check(excerpt: &str, marks: &[[u32; 2]], room: usize, want: &str, columns: &[(u16, u16)]) {
        let (text, found) = window(excerpt, marks, room);
        assert_eq!((text.as_str(), &found[..]), (want, columns), "{excerpt:?}");
    }

    #[test]
    fn the_first_match_is_in_sight() {
        check(
            "the wrong VAT number",
            &[[10, 13]],
            40,
            "the wrong VAT number",
            &[(10, 3)],
        );
        check(
            "the wrong VAT number",
            &[[10, 13]],
            8,
            ".. VAT number",
            &[(3, 3)],
        );
        check("日本語の請求書", &[[4, 6]], 8, "..請求書", &[(2, 4)]);
        check("日本語の請求書", &[[4, 7]], 10, "..の請求書", &[(4, 6)]);
        check("日本語の請求書", &[[4, 6]], 3, "..請求書", &[(2, 4)]);
        check("no marks", &[], 3, "no marks", &[]);
        check("short", &[[3, 99]], 20, "short", &[(3, 2)]);
    }

    #[test]
    fn marks_that_make_no_sense_are_none() {
        check("short", &[[9, 12]], 20, "short", &[]);
        check("short", &[[4, 2]], 20, "short", &[]);
    }
}
