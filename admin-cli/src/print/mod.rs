//! The one place that writes to the terminal: results to standard output, talk to standard error.
//!
//! How a result looks is in `format`, which columns a thing has in `items` and `identity`.

mod assistant;
mod care;
pub(crate) mod changes;
pub(crate) mod explained;
mod format;
pub(crate) mod identity;
pub(crate) mod items;
mod knowledge;
mod pager;
mod progress;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use shared::text::render;

pub(crate) use format::{Column, Item, Names, Style, one_line};
pub(crate) use progress::Progress;

use crate::{
    args::{Format, Global, LogFormat, When},
    failure::{Failure, Report},
};

/// What is known of the terminal and was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    style: Style,
    errors_in_json: bool,
    errors_in_colour: bool,
    quiet: bool,
    verbose: u8,
    log_format: LogFormat,
    out_is_terminal: bool,
    err_is_terminal: bool,
    /// For what is longer than the screen; none where nobody would page.
    pager: Option<String>,
}

impl Printer {
    /// For what is wrong with the command line itself.
    pub(crate) fn before_flags(errors_in_json: bool) -> Self {
        Self {
            errors_in_json,
            ..Self::new(&Global::default())
        }
    }

    /// For the streams of this process.
    pub(crate) fn new(global: &Global) -> Self {
        let out_is_terminal = io::stdout().is_terminal();
        let columns = out_is_terminal.then(columns).flatten();
        let styled = |is_terminal| {
            coloured(global.color, is_terminal, |name| {
                std::env::var_os(name).is_some_and(|v| !v.is_empty())
            })
        };
        Self {
            style: Style::new(
                global.output,
                out_is_terminal,
                columns,
                styled(out_is_terminal),
            ),
            errors_in_json: matches!(global.output, Some(Format::Json | Format::Ndjson)),
            errors_in_colour: styled(io::stderr().is_terminal()),
            quiet: global.quiet,
            verbose: global.verbose,
            log_format: global.log_format,
            out_is_terminal,
            err_is_terminal: io::stderr().is_terminal(),
            pager: pager::wished(|name| std::env::var(name).ok())
                .filter(|_| out_is_terminal && !global.no_pager),
        }
    }

    /// How results look.
    pub(crate) const fn style(&self) -> &Style {
        &self.style
    }

    /// Whether a person reads standard output.
    pub(crate) const fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Prints one thing.
    pub(crate) fn item<T: Item>(&self, item: &T, names: &Names) -> Result<(), Failure> {
        self.locked(|out| self.style.write_item(out, item, names))
    }

    /// Prints what came of `asked` things: of one itself, of several a list.
    pub(crate) fn items<T: Item>(
        &self,
        items: &[T],
        asked: usize,
        names: &Names,
    ) -> Result<(), Failure> {
        match items {
            [] => Ok(()),
            [item] if asked == 1 => self.item(item, names),
            items => self.list(items, None, names),
        }
    }

    /// Prints a list.
    pub(crate) fn list<T: Item>(
        &self,
        items: &[T],
        next: Option<&str>,
        names: &Names,
    ) -> Result<(), Failure> {
        self.paged(|out| self.style.write_list(out, items, next, names))
    }

    /// Prints a page of a list that goes on; its head comes with the first one.
    pub(crate) fn list_page<T: Item>(
        &self,
        items: &[T],
        is_first: bool,
        names: &Names,
    ) -> Result<(), Failure> {
        if is_first {
            return self.list(items, None, names);
        }
        self.locked(|out| {
            items
                .iter()
                .try_for_each(|item| self.style.write_streamed(out, item, names))
        })
    }

    /// Prints a change of a thing at once.
    pub(crate) fn changed<T: Item>(
        &self,
        change: &'static str,
        item: &T,
        names: &Names,
    ) -> Result<(), Failure> {
        self.locked(|out| self.style.write_changed(out, change, item, names))
    }

    /// Prints one thing of a stream at once.
    pub(crate) fn streamed<T: Item>(&self, item: &T, names: &Names) -> Result<(), Failure> {
        self.locked(|out| self.style.write_streamed(out, item, names))
    }

    /// Text of any length that comes in pieces.
    pub(crate) const fn text_stream(&self) -> TextStream<'_> {
        TextStream {
            print: self,
            rest: Vec::new(),
        }
    }

    /// Prints a line that a program reads, such as an event of the hub.
    pub(crate) fn json_line(&self, line: &str) -> Result<(), Failure> {
        self.locked(|out| writeln!(out, "{}", format::safe_json(line)))
    }

    /// Prints text of several lines.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        self.paged(|out| write_text(out, text))
    }

    /// Prints bytes as they are; only where no terminal reads them, or they are our own.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.locked(|out| out.write_all(bytes))
    }

    /// Says something to the person at the terminal.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.said("info", text);
        }
    }

    /// Says what is asked of the hub.
    pub(crate) fn trace(&self, text: &str) {
        if self.verbose > 0 {
            self.said("debug", text);
        }
    }

    /// Says what only matters where something is wrong with the first two.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose > 1 {
            self.said("trace", text);
        }
    }

    /// How far something is, for a person at a terminal.
    pub(crate) fn progress(&self, what: &'static str) -> Progress<io::Stderr> {
        let words = self.log_format == LogFormat::Text && !self.errors_in_json;
        Progress::new(what, self.err_is_terminal && words && !self.quiet)
    }

    /// Asks something; the answer is awaited on the same line.
    pub(crate) fn ask(&self, question: &str) {
        let mut err = io::stderr().lock();
        drop(write!(err, "{} ", one_line(question)).and_then(|()| err.flush()));
    }

    /// Ends the line of a question that was answered without echo.
    pub(crate) fn end_line(&self) {
        self.talk("");
    }

    /// Says why a verb failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        let Some(report) = failure.report() else {
            return;
        };
        let mut err = io::stderr().lock();
        // Standard error may be gone; the exit code still tells.
        drop(write_report(
            &mut err,
            &report,
            self.errors_in_json,
            self.errors_in_colour,
        ));
    }

    fn said(&self, level: &str, text: &str) {
        #[derive(Serialize)]
        struct Line<'a> {
            level: &'a str,
            message: &'a str,
        }
        match self.log_format {
            LogFormat::Text => self.talk(text),
            LogFormat::Json => {
                let line = Line {
                    level,
                    message: text,
                };
                let json = serde_json::to_string(&line).unwrap_or_default();
                drop(writeln!(
                    io::stderr().lock(),
                    "{}",
                    format::safe_json(&json)
                ));
            }
        }
    }

    fn talk(&self, text: &str) {
        drop(writeln!(io::stderr().lock(), "{}", render(text)));
    }

    /// What may be longer than the screen: in a pager then, if there is one.
    fn paged(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let Some(pager) = &self.pager else {
            return self.locked(write);
        };
        let mut text = Vec::new();
        write(&mut text)?;
        let lines = text.iter().filter(|&&byte| byte == b'\n').count();
        if rows().is_some_and(|rows| lines >= rows) && pager::show(pager, &text) {
            return Ok(());
        }
        self.locked(|out| out.write_all(&text))
    }

    fn locked(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        write(&mut out)?;
        Ok(out.flush()?)
    }
}

/// Text that is printed line by line, as its bytes come in.
pub(crate) struct TextStream<'a> {
    print: &'a Printer,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
}

impl TextStream<'_> {
    /// Prints the lines that are whole now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|&byte| byte == b'\n') else {
            return Ok(());
        };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        let lines = String::from_utf8_lossy(&lines);
        self.print.locked(|out| write_text(out, &lines))
    }

    /// Prints what has no end of line.
    pub(crate) fn end(self) -> Result<(), Failure> {
        match self.rest.as_slice() {
            [] => Ok(()),
            rest => {
                let rest = String::from_utf8_lossy(rest);
                self.print.locked(|out| write_text(out, &rest))
            }
        }
    }
}

/// Prints what the parser of the command line has to say: help to standard output, errors to
/// standard error, as JSON where that was asked for.
pub(crate) fn parser_message(error: &clap::Error, json: bool) -> Result<(), Failure> {
    if !json || !error.use_stderr() {
        return error.print().map_err(Failure::from);
    }
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default();
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "));
    let report = Report {
        code: shared::error::ErrorCode::Invalid.as_str().to_owned(),
        message: message.trim_start_matches("error: ").to_owned(),
        hint: tip.map(str::to_owned),
        request_id: None,
    };
    drop(write_report(&mut io::stderr().lock(), &report, true, false));
    Ok(())
}

fn write_report(err: &mut dyn Write, report: &Report, json: bool, colour: bool) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'a Report,
    }
    if json {
        let body = serde_json::to_string(&Body { error: report })?;
        return writeln!(err, "{}", format::safe_json(&body));
    }
    let (red, reset) = if colour {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    writeln!(err, "{red}error:{reset} {}", one_line(&report.message))?;
    if let Some(hint) = &report.hint {
        writeln!(err, "hint: {}", one_line(hint))?;
    }
    if let Some(request) = &report.request_id {
        writeln!(err, "request: {}", one_line(request))?;
    }
    Ok(())
}

/// Whether to use colour: the flag, then `NO_COLOR`, then `CLICOLOR_FORCE`, then the terminal.
fn coloured(when: When, is_terminal: bool, is_set: impl Fn(&str) -> bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if is_set("NO_COLOR") => false,
        When::Auto => is_set("CLICOLOR_FORCE") || is_terminal,
    }
}

fn write_text(out: &mut dyn Write, text: &str) -> io::Result<()> {
    out.write_all(render(text).as_bytes())?;
    if text.ends_with('\n') {
        Ok(())
    } else {
        out.write_all(b"\n")
    }
}

fn rows() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_row)).filter(|&rows| rows > 0)
}

fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

#[cfg(test)]
mod tests {
    use super::{Report, coloured, write_report};
    use crate::args::When;

    fn report() -> Report {
        Report {
            code: "not_found".to_owned(),
            message: "department \"bilng\" not found".to_owned(),
            hint: Some("did you mean \"billing\"?".to_owned()),
            request_id: Some("r-7f3a".to_owned()),
        }
    }

    fn written(report: &Report, json: bool, colour: bool) -> String {
        let mut out = Vec::new();
        write_report(&mut out, report, json, colour).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_error_says_what_what_to_do_and_where_to_look() {
        assert_eq!(
            written(&report(), false, false),
            "error: department \"bilng\" not found\nhint: did you mean \"billing\"?\nrequest: r-7f3a\n"
        );
        assert!(written(&report(), false, true).starts_with("\x1b[1;31merror:\x1b[0m "));
    }

    #[test]
    fn an_error_in_json_is_one_line_with_every_field() {
        let bare = Report {
            hint: None,
            request_id: None,
            ..report()
        };
        assert_eq!(
            written(&bare, true, true),
            "{\"error\":{\"code\":\"not_found\",\"message\":\"department \\\"bilng\\\" not found\",\"hint\":null,\"request_id\":null}}\n"
        );
    }

    #[test]
    fn an_error_cannot_forge_a_line_or_paint() {
        let hostile = Report {
            message: "no\nrequest: r-1\u{1b}[2J\u{202e}".to_owned(),
            ..report()
        };
        let text = written(&hostile, false, false);
        assert_eq!(text.lines().count(), 3, "{text:?}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }

    #[test]
    fn colour_goes_by_flag_then_environment_then_terminal() {
        let none = |_: &str| false;
        assert!(coloured(When::Auto, true, none));
        assert!(!coloured(When::Auto, false, none));
        assert!(!coloured(When::Auto, true, |name| name == "NO_COLOR"));
        assert!(coloured(When::Auto, false, |name| name == "CLICOLOR_FORCE"));
        assert!(coloured(When::Always, false, |name| name == "NO_COLOR"));
        assert!(!coloured(When::Never, true, |name| name == "CLICOLOR_FORCE"));
    }
}
