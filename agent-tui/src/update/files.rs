//! Files of the chat in front: which one to save and where, what to send, a paste as a file,
//! completing a path. The disk and the hub are elsewhere.

use shared::{event::Event, model::Attachment};

use crate::{
    composer::Composer,
    files::{Content, Sending},
    keys::Intent,
    model::Model,
    msg::Effect,
    overlay::{AskFor, Overlay, Prompt},
};

use super::writing;

/// What a paste is called as a file.
const PASTE_NAME: &str = "paste.txt";
/// Names that a line to the person has room for.
const NAMES_SHOWN: usize = 8;

/// Asks where to save the last file of the chat.
pub(super) fn ask_save(model: &mut Model) {
    if last(model).is_none() {
        return model.complain("no file is in what is loaded of this chat");
    }
    model.overlay = Some(Overlay::Prompt(Prompt::new(AskFor::SaveFile)));
}

/// Asks for the file to send.
pub(super) fn ask_send(model: &mut Model) {
    if model.current_view().is_none() {
        return writing::no_chat(model);
    }
    model.overlay = Some(Overlay::Prompt(Prompt::new(AskFor::SendFile)));
}

/// Saves what a line says: `[NUMBER] [FOLDER or FILE]`.
pub(super) fn save(model: &mut Model, line: &str, out: &mut Vec<Effect>) {
    let line = line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let number: Option<u64> = first.trim_start_matches('#').parse().ok();
    let (file, to) = match number {
        Some(number) => (find(model, number), rest.trim()),
        None => (last(model), line),
    };
    let (Some(chat), Some(file)) = (model.current(), file) else {
        return model.complain(match number {
            Some(number) => format!(
                "file {number} is not in what is loaded of this chat; scroll up to load more"
            ),
            None => "no file is in what is loaded of this chat".to_owned(),
        });
    };
    model.notice = None;
    model.say(format!("saving {file}"));
    model.files_under_way += 1;
    let to = unquoted(to).0;
    out.push(Effect::SaveFile { chat, file, to });
}

/// Sends what a line says: `PATH [CAPTION]`; blanks in a path are quoted or escaped.
pub(super) fn send(model: &mut Model, line: &str, out: &mut Vec<Effect>) {
    let (path, caption) = unquoted(line.trim());
    if path.is_empty() {
        return model.complain("write which file: /file report.pdf here it is");
    }
    let caption = caption.to_owned();
    give(model, Content::Path(path), caption, out);
}

/// Sends a long paste as a file.
pub(super) fn send_paste(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(Overlay::Paste(text)) = model.overlay.take() else {
        return;
    };
    let name = PASTE_NAME.to_owned();
    let kept = text.clone();
    if !give(model, Content::Text { name, text }, String::new(), out) {
        model.overlay = Some(Overlay::Paste(kept));
    }
}

/// Whether it could be begun.
fn give(model: &mut Model, content: Content, caption: String, out: &mut Vec<Effect>) -> bool {
    let Some(chat) = model.current() else {
        writing::no_chat(model);
        return false;
    };
    if let Some(why) = writing::why_not(model, chat) {
        model.complain(why);
        return false;
    }
    let name = match &content {
        Content::Path(path) => path.clone(),
        Content::Text { name, .. } => name.clone(),
    };
    let Some(thread) = model.threads.get(&chat) else {
        return false;
    };
    let visibility = thread.visibility();
    let cid = model.next_cid();
    model.notice = None;
    model.say(format!("sending {name}"));
    model.files_under_way += 1;
    out.push(Effect::SendFile(Box::new(Sending {
        cid,
        chat,
        content,
        caption,
        visibility,
    })));
    true
}

/// How it goes with a file.
pub(super) fn told(model: &mut Model, text: String, error: bool, done: bool) {
    if done {
        model.files_under_way = model.files_under_way.saturating_sub(1);
    }
    if error {
        model.complain(text);
    } else {
        model.say(text);
    }
}

/// Tab in a line that takes a path; whether it is one.
pub(super) fn complete(model: &Model, out: &mut Vec<Effect>) -> bool {
    let Some((_, typed)) = path_of(model) else {
        return false;
    };
    out.push(Effect::Paths(unquoted(typed).0));
    true
}

/// What there is that begins as `typed` does: as much as all have in common is put in.
pub(super) fn completed(model: &mut Model, typed: &str, paths: &[String]) {
    let Some((start, now)) = path_of(model) else {
        return;
    };
    if unquoted(now).0 != typed {
        return;
    }
    let common = paths.iter().skip(1).fold(
        paths.first().cloned().unwrap_or_default(),
        |common, path| {
            let same = common.char_indices().zip(path.chars());
            let same = same.take_while(|((_, a), b)| a == b);
            let end = same.last().map_or(0, |((at, c), _)| at + c.len_utf8());
            common[..end].to_owned()
        },
    );
    match paths {
        [] => model.say(format!("nothing begins with \"{typed}\"")),
        [_] => {}
        _ => {
            let cut = typed.rfind('/').map_or(0, |slash| slash + 1);
            let names: Vec<&str> = paths
                .iter()
                .take(NAMES_SHOWN)
                .map(|path| &path[cut..])
                .collect();
            let more = if paths.len() > NAMES_SHOWN {
                " ..."
            } else {
                ""
            };
            model.say(format!("{}{more}", names.join("  ")));
        }
    }
    if let Some(field) = field(model)
        && common.len() > typed.len()
    {
        let line = format!("{}{}", &field.text()[..start], escaped(&common));
        // A field that is full takes no more, which can be seen.
        drop(field.set_text(&line));
    }
}

fn field(model: &mut Model) -> Option<&mut Composer> {
    model.overlay.as_mut()?.field_mut()
}

/// The name of the action that a line of the palette gives a path to.
pub(super) fn takes_path(line: &str) -> Option<&'static str> {
    let (name, _) = line.trim_start().split_once(char::is_whitespace)?;
    let intent = Intent::from_command(name)?;
    matches!(intent, Intent::SendFile | Intent::SaveFile).then(|| intent.action().name)
}

/// Where a path begins in the line that is being filled in, and its text so far.
fn path_of(model: &Model) -> Option<(usize, &str)> {
    let (line, start, intent) = match model.overlay.as_ref()? {
        Overlay::Prompt(prompt) => {
            let intent = match prompt.purpose {
                AskFor::SendFile => Intent::SendFile,
                AskFor::SaveFile => Intent::SaveFile,
                _ => return None,
            };
            (prompt.field.text(), 0, intent)
        }
        Overlay::Picker(picker) => {
            let line = picker.field.text();
            let (name, _) = line.split_once(char::is_whitespace)?;
            let intent = Intent::from_command(name)?;
            (line, name.len() + 1, intent)
        }
        _ => return None,
    };
    let rest = &line[start..];
    let blanks = rest.len() - rest.trim_start().len();
    let (start, rest) = (start + blanks, &rest[blanks..]);
    match intent {
        Intent::SendFile => Some((start, rest)),
        Intent::SaveFile => match rest.split_once(' ') {
            Some((number, path)) if number.parse::<u64>().is_ok() => {
                Some((start + number.len() + 1, path))
            }
            _ => Some((start, rest)),
        },
        _ => None,
    }
}

/// The first word of a line, with blanks in it when they are in quotes or escaped, and the rest.
fn unquoted(line: &str) -> (String, &str) {
    let quote = line.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote
        && let Some(end) = line[1..].find(quote)
    {
        return (line[1..=end].to_owned(), line[end + 2..].trim());
    }
    let mut word = String::new();
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => word.extend(chars.next().map(|(_, c)| c)),
            c if c.is_whitespace() => return (word, line[at..].trim()),
            c => word.push(c),
        }
    }
    (word, "")
}

fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c.is_whitespace() || matches!(c, '\\' | '"' | '\'') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn files(model: &Model) -> impl DoubleEndedIterator<Item = &Attachment> {
    let events = model.current_view().map(|view| &view.events);
    let posted = events
        .into_iter()
        .flatten()
        .map(|record| match &record.event {
            Event::MessagePosted { attachments, .. } => attachments.as_slice(),
            _ => &[],
        });
    posted.flatten()
}

fn last(model: &Model) -> Option<Attachment> {
    files(model).next_back().cloned()
}

fn find(model: &Model, number: u64) -> Option<Attachment> {
    files(model).find(|file| file.id.0 == number).cloned()
}
