//! Rows of a CSV file with a header line, as things of a desk; everything that is wrong with it
//! at once, each with its line.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord, Trim};
use shared::{
    client::profile::nearest,
    desk::{DepartmentEntry, UserEntry},
    model::Role,
    text::SafeText,
};

use crate::args::role;

/// A thing and the line that it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row<T> {
    pub(super) line: u64,
    pub(super) thing: T,
}

/// Something that is wrong with a line.
pub(super) type Wrong = (u64, String);

/// The departments of a file.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn departments(text: &str) -> Result<Vec<Row<DepartmentEntry>>, Vec<Wrong>> {
    let columns = ["name", "description", "active", "default", "capacity"];
    let mut sheet = Sheet::read(text, &columns, "name")?;
    let mut rows = Vec::new();
    for cells in std::mem::take(&mut sheet.rows) {
        let thing = DepartmentEntry {
            name: SafeText::line(&sheet.name(&cells)),
            description: SafeText::block(cells.text("description")),
            active: sheet.yes(&cells, "active", true),
            default: sheet.yes(&cells, "default", false),
            capacity: sheet.capacity(&cells),
            retention_days: None,
            form: Vec::new(),
        };
        rows.push(Row {
            line: cells.line,
            thing,
        });
    }
    sheet.end(rows)
}

/// The users of a file.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn users(text: &str) -> Result<Vec<Row<UserEntry>>, Vec<Wrong>> {
    let columns = [
        "username",
        "name",
        "role",
        "departments",
        "capacity",
        "active",
    ];
    let mut sheet = Sheet::read(text, &columns, "username")?;
    let mut rows = Vec::new();
    for cells in std::mem::take(&mut sheet.rows) {
        let username = sheet.name(&cells);
        let name = match cells.text("name") {
            "" => username.as_str(),
            name => name,
        };
        let departments = cells.text("departments").split([',', ';', '|']);
        let departments = departments.map(str::trim).filter(|name| !name.is_empty());
        let thing = UserEntry {
            departments: departments.map(SafeText::line).collect(),
            role: sheet.role(&cells),
            capacity: sheet.capacity(&cells),
            active: sheet.yes(&cells, "active", true),
            name: SafeText::line(name),
            username: SafeText::line(&username),
        };
        rows.push(Row {
            line: cells.line,
            thing,
        });
    }
    sheet.end(rows)
}

/// The line of a quote that opens a cell which nothing closes.
fn open_quote(text: &str, comma: char) -> Option<u64> {
    let (mut line, mut opened, mut begins) = (1, None, true);
    for c in text.chars() {
        match (c, opened) {
            // A doubled quote closes the cell and opens it again.
            ('"', Some(_)) => (opened, begins) = (None, true),
            ('"', None) if begins => opened = Some(line),
            _ => begins = c == comma || c == '\n',
        }
        line += u64::from(c == '\n');
    }
    opened
}

/// A line by its columns.
struct Cells {
    line: u64,
    by_column: BTreeMap<&'static str, String>,
}

impl Cells {
    /// A cell; empty where there is no such column.
    fn text(&self, column: &str) -> &str {
        self.by_column.get(column).map_or("", String::as_str)
    }
}

/// A file as it is read, with what was found wrong with it so far.
struct Sheet {
    key: &'static str,
    rows: Vec<Cells>,
    /// Lines of names, in lower case.
    names: BTreeMap<String, u64>,
    wrong: Vec<Wrong>,
}

impl Sheet {
    fn read(text: &str, known: &[&'static str], key: &'static str) -> Result<Self, Vec<Wrong>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut sheet = Self {
            key,
            rows: Vec::new(),
            names: BTreeMap::new(),
            wrong: Vec::new(),
        };
        let head = text.lines().next().unwrap_or_default();
        // Where decimals have commas, tables are written with semicolons.
        let semicolons = head.contains(';') && !head.contains(',');
        // The reader takes the end of the file for the end of a quoted cell.
        if let Some(line) = open_quote(text, if semicolons { ';' } else { ',' }) {
            return Err(vec![(line, "a quoted cell does not end".to_owned())]);
        }
        let mut reader = ReaderBuilder::new()
            .delimiter(if semicolons { b';' } else { b',' })
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(vec![(1, error.to_string())]),
        };
        let columns = sheet.columns(&header, known);
        if !sheet.wrong.is_empty() {
            return Err(sheet.wrong);
        }
        for record in reader.records() {
            match record {
                Ok(record) => sheet.take(&record, line_of(&record, text), &columns),
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    sheet.wrong.push((line, error.to_string()));
                }
            }
        }
        if sheet.rows.is_empty() && sheet.wrong.is_empty() {
            sheet
                .wrong
                .push((2, "there is no line after the header".to_owned()));
        }
        Ok(sheet)
    }

    /// What each column is.
    fn columns(&mut self, header: &StringRecord, known: &[&'static str]) -> Vec<&'static str> {
        let mut columns = Vec::new();
        let all = known.join(", ");
        for title in header {
            let folded = title.to_lowercase();
            match known.iter().find(|column| **column == folded) {
                Some(column) if columns.contains(column) => {
                    self.wrong
                        .push((1, format!("column {column:?} is there twice")));
                }
                Some(column) => columns.push(*column),
                None => {
                    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
                    let meant = nearest(&folded, names.iter());
                    let hint = meant.map_or_else(
                        || format!("give {all}"),
                        |meant| format!("did you mean {meant:?}?"),
                    );
                    let what = format!("column {title:?} is not known; {hint}");
                    self.wrong.push((1, what));
                }
            }
        }
        if self.wrong.is_empty() && !columns.contains(&self.key) {
            let what = format!(
                "there is no column {:?}; the first line names them",
                self.key
            );
            self.wrong.push((1, what));
        }
        columns
    }

    fn take(&mut self, record: &StringRecord, line: u64, columns: &[&'static str]) {
        if record.iter().all(str::is_empty) {
            return;
        }
        if record.len() != columns.len() {
            let what = format!(
                "{} cells, and the header has {}; put a cell with commas in quotes",
                record.len(),
                columns.len()
            );
            self.wrong.push((line, what));
            return;
        }
        let cells = columns
            .iter()
            .copied()
            .zip(record.iter().map(str::to_owned));
        self.rows.push(Cells {
            line,
            by_column: cells.collect(),
        });
    }

    /// The name of the thing, which is there once.
    fn name(&mut self, cells: &Cells) -> String {
        let name = cells.text(self.key).to_owned();
        if name.is_empty() {
            self.wrong
                .push((cells.line, format!("{} is empty", self.key)));
        } else if let Some(first) = self.names.insert(name.to_lowercase(), cells.line) {
            let what = format!("{} {name:?} is on line {first} already", self.key);
            self.wrong.push((cells.line, what));
        }
        name
    }

    fn role(&mut self, cells: &Cells) -> Role {
        match cells.text("role") {
            "" => Role::Agent,
            text => role(&text.to_lowercase()).unwrap_or_else(|known| {
                let what = format!("role {text:?} is not known; {known}");
                self.wrong.push((cells.line, what));
                Role::Agent
            }),
        }
    }

    fn capacity(&mut self, cells: &Cells) -> Option<u32> {
        let text = cells.text("capacity");
        if matches!(text, "" | "none") {
            return None;
        }
        let number = text.parse().ok();
        if number.is_none() {
            let what = format!("capacity {text:?} is no whole number; give one, or none");
            self.wrong.push((cells.line, what));
        }
        number
    }

    fn yes(&mut self, cells: &Cells, column: &str, default: bool) -> bool {
        match cells.text(column).to_lowercase().as_str() {
            "" => default,
            "yes" | "true" | "1" => true,
            "no" | "false" | "0" => false,
            text => {
                let what = format!("{column} {text:?} is neither yes nor no");
                self.wrong.push((cells.line, what));
                default
            }
        }
    }

    fn end<T>(mut self, rows: Vec<T>) -> Result<Vec<T>, Vec<Wrong>> {
        if self.wrong.is_empty() {
            return Ok(rows);
        }
        self.wrong.sort();
        Err(self.wrong)
    }
}

/// The line that a record begins on: its position is before the empty lines that it was behind.
fn line_of(record: &StringRecord, text: &str) -> u64 {
    let Some(position) = record.position() else {
        return 0;
    };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let lines = blank.filter(|byte| **byte == b'\n').count();
    position.line() + u64::try_from(lines).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use shared::model::Role;

    use super::{departments, users};

    fn wrong(text: &str) -> Vec<String> {
        let all = users(text).unwrap_err();
        all.into_iter()
            .map(|(line, what)| format!("line {line}: {what}"))
            .collect()
    }

    #[test]
    fn users_are_read_with_what_is_not_said() {
        let text = "\u{feff}Username,role,departments,capacity,active\n\
                    ana,supervisor,\"Billing, Customer Care\",3,yes\n\n\
                    bea,,,,no\n";
        let rows = users(text).unwrap();
        assert_eq!((rows[0].line, rows[1].line), (2, 4));
        let ana = &rows[0].thing;
        assert_eq!((ana.name.as_str(), ana.role), ("ana", Role::Supervisor));
        let departments: Vec<&str> = ana.departments.iter().map(|one| one.as_str()).collect();
        assert_eq!(departments, ["Billing", "Customer Care"]);
        assert_eq!((ana.capacity, ana.active), (Some(3), true));
        let bea = &rows[1].thing;
        assert_eq!(
            (bea.role, bea.capacity, bea.active),
            (Role::Agent, None, false)
        );
    }

    #[test]
    fn departments_are_read_with_semicolons_too() {
        let rows = departments("name;description;default\nBilling;invoices, refunds;no\n").unwrap();
        let billing = &rows[0].thing;
        assert_eq!(billing.description.as_str(), "invoices, refunds");
        assert!(billing.active && !billing.default);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let text = "username,role,capacity,active\n\
                    ana,boss,3,yes\n\
                    ,agent,many,yes\n\
                    ANA,agent,,perhaps\n\
                    bea,agent\n";
        assert_eq!(
            wrong(text),
            [
                "line 2: role \"boss\" is not known; give auditor, agent, supervisor, admin or owner",
                "line 3: capacity \"many\" is no whole number; give one, or none",
                "line 3: username is empty",
                "line 4: active \"perhaps\" is neither yes nor no",
                "line 4: username \"ANA\" is on line 2 already",
                "line 5: 2 cells, and the header has 4; put a cell with commas in quotes",
            ]
        );
        assert_eq!(
            wrong("user,rol\nana,agent\n"),
            [
                "line 1: column \"rol\" is not known; did you mean \"role\"?",
                "line 1: column \"user\" is not known; give username, name, role, departments, \
                 capacity, active",
            ]
            .map(str::to_owned)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
        );
        assert_eq!(
            wrong("name\nAna\n"),
            ["line 1: there is no column \"username\"; the first line names them"]
        );
        assert_eq!(
            wrong("username\n"),
            ["line 2: there is no line after the header"]
        );
        assert_eq!(wrong("").len(), 1);
    }

    #[test]
    fn a_quoted_cell_has_two_quotes() {
        let end = "a quoted cell does not end";
        assert_eq!(
            wrong("username,name\nana,\"Ana\nbea,Bea\n"),
            [format!("line 2: {end}")]
        );
        assert_eq!(
            wrong("username,name\n\"a\nb\",x\nc,\"\"\"\n"),
            [format!("line 4: {end}")]
        );
        let names = |text: &str| -> Vec<String> {
            let rows = users(text).unwrap().into_iter();
            rows.map(|row| row.thing.name.to_string()).collect()
        };
        let text = "username,name\na,\"A \"\"B\"\" C\"\nd,D \"E\ne,\"\"\n";
        assert_eq!(names(text), ["A \"B\" C", "D \"E", "e"]);
    }
}
