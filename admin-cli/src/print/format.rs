//! Results as tables, JSON, YAML, lines, names and CSV.
//!
//! Tables are set here and not by a crate: all that is needed is padding, and the widths must be
//! those of the one sanitiser.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use shared::{
    id::{DepartmentId, UserId},
    text::{SafeText, render, truncate_width, width},
};

use crate::args::Format;

/// Columns between two cells of a table.
const GAP: usize = 2;
/// No column of a table is cut below this, in columns of the terminal.
const CELL_COLUMNS_MIN: usize = 6;

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its title: lower case, unique within its thing.
    pub(crate) title: &'static str,
    /// Shown also in the narrow table.
    pub(crate) main: bool,
}

/// Something that can be printed.
pub(crate) trait Item: Serialize {
    /// Its columns, in their order.
    const COLUMNS: &'static [Column];

    /// One cell for each of [`Item::COLUMNS`]; empty for what is not there.
    fn cells(&self, names: &Names) -> Vec<String>;

    /// What other verbs take for it.
    fn handle(&self) -> String;
}

/// Names for the numbers in tables. A number that is not known is shown as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Of departments.
    pub(crate) departments: BTreeMap<DepartmentId, SafeText>,
    /// Of users.
    pub(crate) users: BTreeMap<UserId, SafeText>,
}

impl Names {
    pub(crate) fn department(&self, id: DepartmentId) -> String {
        let name = self.departments.get(&id).map(ToString::to_string);
        name.unwrap_or_else(|| id.to_string())
    }

    pub(crate) fn user(&self, id: UserId) -> String {
        let name = self.users.get(&id).map(ToString::to_string);
        name.unwrap_or_else(|| id.to_string())
    }
}

/// How results look.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    layout: Layout,
    colour: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Padded; cut to this many columns.
    Table {
        wide: bool,
        columns: Option<usize>,
    },
    /// For other programs: no header, no padding, nothing cut.
    Tabs,
    Json,
    Yaml,
    Ndjson,
    Name,
    Csv,
}

impl Style {
    /// The format that was asked for, or the one for a terminal or for a pipe.
    pub(crate) const fn new(
        format: Option<Format>,
        is_terminal: bool,
        columns: Option<usize>,
        colour: bool,
    ) -> Self {
        let layout = match format {
            None if is_terminal => Layout::Table {
                wide: false,
                columns,
            },
            None => Layout::Tabs,
            Some(Format::Table) => Layout::Table {
                wide: false,
                columns,
            },
            Some(Format::Wide) => Layout::Table {
                wide: true,
                columns,
            },
            // `run` lets this form through for what writes it itself.
            Some(Format::Json | Format::Toml) => Layout::Json,
            Some(Format::Yaml) => Layout::Yaml,
            Some(Format::Ndjson) => Layout::Ndjson,
            Some(Format::Name) => Layout::Name,
            Some(Format::Csv) => Layout::Csv,
        };
        Self { layout, colour }
    }

    /// Whether [`Names`] are of use.
    pub(crate) const fn shows_names(&self) -> bool {
        matches!(
            self.layout,
            Layout::Table { .. } | Layout::Tabs | Layout::Csv
        )
    }

    /// Whether a list can be printed page by page, as nothing in it depends on what comes later.
    pub(crate) const fn goes_by_pages(&self) -> bool {
        matches!(
            self.layout,
            Layout::Tabs | Layout::Ndjson | Layout::Name | Layout::Csv
        )
    }

    /// Whether it is read as text, and not by a program that looks for columns or fields.
    pub(crate) const fn is_for_people(&self) -> bool {
        matches!(self.layout, Layout::Table { .. } | Layout::Tabs)
    }

    pub(super) fn write_item<T: Item>(
        &self,
        out: &mut dyn Write,
        item: &T,
        names: &Names,
    ) -> io::Result<()> {
        match self.layout {
            Layout::Json => write_json(out, item),
            Layout::Yaml => write_yaml(out, item),
            _ => self.write_rows(out, std::slice::from_ref(item), names),
        }
    }

    pub(super) fn write_list<T: Item>(
        &self,
        out: &mut dyn Write,
        items: &[T],
        next: Option<&str>,
        names: &Names,
    ) -> io::Result<()> {
        #[derive(Serialize)]
        struct List<'a, T> {
            items: &'a [T],
            next: Option<&'a str>,
        }
        match self.layout {
            Layout::Json => write_json(out, &List { items, next }),
            Layout::Yaml => write_yaml(out, &List { items, next }),
            _ => self.write_rows(out, items, names),
        }
    }

    /// One thing of a stream: never padded to others, one document each.
    pub(super) fn write_streamed<T: Item>(
        &self,
        out: &mut dyn Write,
        item: &T,
        names: &Names,
    ) -> io::Result<()> {
        match self.layout {
            Layout::Table { wide, columns } => {
                let shown = shown::<T>(wide);
                let cells = item.cells(names);
                let line: Vec<_> = shown.iter().map(|&i| one_line(&cells[i])).collect();
                let line = line.join("  ");
                let limit = columns.unwrap_or(usize::MAX);
                writeln!(out, "{}", truncate_width(&line, limit))
            }
            Layout::Json | Layout::Ndjson => write_json_line(out, item),
            Layout::Yaml => {
                out.write_all(b"---\n")?;
                write_yaml(out, item)
            }
            Layout::Csv => write_csv(out, &[], std::slice::from_ref(item), names),
            Layout::Tabs | Layout::Name => self.write_rows(out, std::slice::from_ref(item), names),
        }
    }

    /// A change of a thing, before its columns or beside it.
    pub(super) fn write_changed<T: Item>(
        &self,
        out: &mut dyn Write,
        change: &'static str,
        item: &T,
        names: &Names,
    ) -> io::Result<()> {
        #[derive(Serialize)]
        struct Changed<'a, T> {
            change: &'static str,
            item: &'a T,
        }
        let cells = |wide| {
            let cells = item.cells(names);
            let shown = shown::<T>(wide).into_iter().map(|i| one_line(&cells[i]));
            let all: Vec<String> = std::iter::once(change.to_owned()).chain(shown).collect();
            all
        };
        match self.layout {
            Layout::Table { wide, columns } => {
                let line = cells(wide).join("  ");
                let limit = columns.unwrap_or(usize::MAX);
                writeln!(out, "{}", truncate_width(&line, limit))
            }
            Layout::Tabs => writeln!(out, "{}", cells(false).join("\t")),
            Layout::Csv => {
                let mut csv = csv::WriterBuilder::new().from_writer(out);
                csv.write_record(cells(true).iter().map(|cell| csv_cell(cell)))?;
                csv.flush()
            }
            Layout::Name => writeln!(out, "{}", one_line(&item.handle())),
            Layout::Json | Layout::Ndjson => write_json_line(out, &Changed { change, item }),
            Layout::Yaml => {
                out.write_all(b"---\n")?;
                write_yaml(out, &Changed { change, item })
            }
        }
    }

    fn write_rows<T: Item>(
        &self,
        out: &mut dyn Write,
        items: &[T],
        names: &Names,
    ) -> io::Result<()> {
        match self.layout {
            Layout::Table { wide, columns } => self.write_table(out, items, names, wide, columns),
            Layout::Tabs => items.iter().try_for_each(|item| {
                let cells = item.cells(names);
                let line: Vec<_> = shown::<T>(false)
                    .iter()
                    .map(|&i| one_line(&cells[i]))
                    .collect();
                writeln!(out, "{}", line.join("\t"))
            }),
            Layout::Ndjson => items.iter().try_for_each(|item| write_json_line(out, item)),
            Layout::Name => items
                .iter()
                .try_for_each(|item| writeln!(out, "{}", one_line(&item.handle()))),
            Layout::Csv => {
                let titles: Vec<&str> = T::COLUMNS.iter().map(|column| column.title).collect();
                write_csv(out, &titles, items, names)
            }
            Layout::Json | Layout::Yaml => items.iter().try_for_each(|item| write_json(out, item)),
        }
    }

    fn write_table<T: Item>(
        &self,
        out: &mut dyn Write,
        items: &[T],
        names: &Names,
        wide: bool,
        columns: Option<usize>,
    ) -> io::Result<()> {
        let shown = shown::<T>(wide);
        let head: Vec<String> = shown
            .iter()
            .map(|&i| T::COLUMNS[i].title.replace('_', " ").to_uppercase())
            .collect();
        let body: Vec<Vec<String>> = items
            .iter()
            .map(|item| {
                let cells = item.cells(names);
                shown.iter().map(|&i| table_cell(&cells[i])).collect()
            })
            .collect();
        let mut widths: Vec<usize> = head.iter().map(|title| width(title)).collect();
        for row in &body {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = width(cell).max(*widest);
            }
        }
        if let Some(columns) = columns {
            fit(&mut widths, columns);
        }
        let (bold, reset) = if self.colour {
            ("\x1b[1m", "\x1b[0m")
        } else {
            ("", "")
        };
        writeln!(out, "{bold}{}{reset}", padded(&head, &widths))?;
        body.iter()
            .try_for_each(|row| writeln!(out, "{}", padded(row, &widths)))
    }
}

/// The indices of the columns that are shown.
fn shown<T: Item>(wide: bool) -> Vec<usize> {
    let columns = T::COLUMNS.iter().enumerate();
    let wanted = columns.filter(|(_, column)| wide || column.main);
    wanted.map(|(index, _)| index).collect()
}

/// Any text as one line that cannot move the cursor or reorder what stands beside it.
pub(crate) fn one_line(text: &str) -> String {
    render(&SafeText::line(text)).into_owned()
}

fn table_cell(text: &str) -> String {
    let line = one_line(text);
    if line.is_empty() {
        "-".to_owned()
    } else {
        line
    }
}

/// Narrows the widest column until all fit.
fn fit(widths: &mut [usize], columns: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > columns {
        let Some(widest) = widths.iter_mut().max() else {
            return;
        };
        if *widest <= CELL_COLUMNS_MIN {
            return;
        }
        *widest -= 1;
    }
}

fn padded(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, &columns) in cells.iter().zip(widths) {
        let cell = truncate_width(cell, columns);
        line.push_str(&cell);
        let space = columns.saturating_sub(width(&cell)) + GAP;
        line.extend(std::iter::repeat_n(' ', space));
    }
    line.truncate(line.trim_end().len());
    line
}

fn write_csv<T: Item>(
    out: &mut dyn Write,
    titles: &[&str],
    items: &[T],
    names: &Names,
) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new().from_writer(out);
    if !titles.is_empty() {
        csv.write_record(titles)?;
    }
    for item in items {
        let cells = item.cells(names);
        csv.write_record(cells.iter().map(|cell| csv_cell(cell)))?;
    }
    csv.flush()
}

/// A cell that no spreadsheet takes for a formula. Numbers, telephone numbers too, stay.
fn csv_cell(text: &str) -> String {
    let line = one_line(text);
    let mut chars = line.chars();
    let formula = match chars.next() {
        Some('=' | '@') => true,
        Some('+' | '-') => {
            chars.any(|c| !(c.is_ascii_digit() || matches!(c, ' ' | '.' | '/' | '(' | ')' | '-')))
        }
        _ => false,
    };
    if formula { format!("'{line}") } else { line }
}

fn write_json<T: Serialize>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    writeln!(out, "{}", safe_json(&json))
}

fn write_json_line<T: Serialize>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    writeln!(out, "{}", safe_json(&json))
}

/// The same JSON without a character that a terminal would act on: if there is one, everything
/// beyond ASCII is escaped, so that nothing is lost.
pub(super) fn safe_json(json: &str) -> Cow<'_, str> {
    if render(json) == json {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c.is_ascii() && (!c.is_ascii_control() || c == '\n') {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(safe)
}

fn write_yaml<T: Serialize>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    let yaml = serde_saphyr::to_string(value).map_err(io::Error::other)?;
    out.write_all(render(&yaml).as_bytes())?;
    if yaml.ends_with('\n') {
        Ok(())
    } else {
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests;
