//! Documents in files: TOML or JSON, one file, a folder of them, or standard input.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use shared::desk::{DOCUMENT_BYTES_MAX, Document, FORMAT, Kind, Problem};

use crate::failure::Failure;

/// How a file is to be read when its name does not say.
const HINT: &str = "write what this prints: frontdesk-admin export";

/// The documents of all files that were meant, in the order of their names.
pub(super) struct Sources(Vec<(String, Document)>);

impl Sources {
    /// Reads a file, every `*.toml` and `*.json` of a folder, or standard input for `-`.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let text = text(path, io::stdin().lock())?;
            return Ok(Self(vec![parse("standard input", &text)?]));
        }
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| Failure::named_file(&path, &error)
        };
        let paths = match fs::metadata(path).map_err(failed(path))?.is_dir() {
            true => files(path).map_err(failed(path))?,
            false => vec![path.to_owned()],
        };
        if paths.is_empty() {
            return Err(Failure::usage(
                format!("{} has no *.toml or *.json file", path.display()),
                HINT,
            ));
        }
        let mut sources = Vec::new();
        for path in paths {
            let file = fs::File::open(&path).map_err(failed(&path))?;
            sources.push(parse(&path.display().to_string(), &text(&path, file)?)?);
        }
        Ok(Self(sources))
    }

    /// All of them as one document.
    pub(super) fn document(&self) -> Result<Document, Failure> {
        let mut all = Document::default();
        for (name, document) in &self.0 {
            all.merge(document.clone()).map_err(|kind| {
                let first = self.0.iter().find(|(_, one)| one.has(kind));
                let first = first.map_or("", |(name, _)| name);
                Failure::usage(
                    format!("[{kind}] is in {first} and in {name}"),
                    "keep it in one of them",
                )
            })?;
        }
        Ok(all)
    }

    /// What the hub says is wrong, behind the names of the files it is about.
    pub(super) fn told(&self, problem: &Problem) -> String {
        let about = self.0.iter().filter(|(_, one)| names(one, problem));
        let about: String = about.map(|(name, _)| format!("{name}: ")).collect();
        match self.0.len() {
            1 => problem.to_string(),
            _ => about + &problem.to_string(),
        }
    }
}

/// Whether a document has the thing that a problem is about.
fn names(document: &Document, problem: &Problem) -> bool {
    let meant = problem.name.to_lowercase();
    let is = |name: &str| name.to_lowercase() == meant;
    match problem.kind {
        Kind::Settings => document.settings.is_some(),
        Kind::Assistant => document.assistant.is_some(),
        Kind::Department => {
            let mut all = document.department.iter().flatten();
            all.any(|one| is(&one.name))
        }
        Kind::User => document.user.iter().flatten().any(|one| is(&one.username)),
        Kind::Canned => document.canned.iter().flatten().any(|one| is(&one.title())),
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("toml" | "json")) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn text(path: &Path, from: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    let most = DOCUMENT_BYTES_MAX as u64 + 1;
    let read = from.take(most).read_to_string(&mut text);
    read.map_err(|error| Failure::file(path, &error))?;
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(Failure::usage(
            format!(
                "{} has more than {DOCUMENT_BYTES_MAX} bytes",
                path.display()
            ),
            "apply it in parts",
        ));
    }
    Ok(text)
}

/// Reads TOML, or JSON where the text begins as an object does.
fn parse(name: &str, text: &str) -> Result<(String, Document), Failure> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("{name} is empty"), HINT));
    }
    let wrong = |(line, column, why): (usize, usize, String)| {
        Failure::usage(format!("{name}:{line}:{column}: {why}"), HINT)
    };
    let json = text.trim_start().starts_with('{');
    let format = match json {
        true => serde_json::from_str(text).map_err(of_json),
        false => toml::from_str(text).map_err(|error| of_toml(&error, text)),
    };
    let Format { format } = format.map_err(wrong)?;
    if format != FORMAT {
        return Err(Failure::usage(
            format!("{name} has format {format}; this program reads {FORMAT}"),
            "use a program of the same version as the one that wrote it",
        ));
    }
    let document = match json {
        true => serde_json::from_str(text).map_err(of_json),
        false => toml::from_str(text).map_err(|error| of_toml(&error, text)),
    };
    Ok((name.to_owned(), document.map_err(wrong)?))
}

fn of_json(error: serde_json::Error) -> (usize, usize, String) {
    let text = error.to_string();
    let why = text.rfind(" at line ").map_or(&*text, |at| &text[..at]);
    (error.line(), error.column(), why.to_owned())
}

fn of_toml(error: &toml::de::Error, text: &str) -> (usize, usize, String) {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column, error.message().replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use shared::{
        desk::{Document, Kind, Problem},
        text::{HOSTILE, SafeText},
    };

    use super::{Sources, parse};

    fn wrong(text: &str) -> String {
        match parse("desk.toml", text) {
            Ok(_) => panic!("{text} was read"),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
        for (text, expected) in [
            (
                "format = 1\n[[user]]\nusername = \"a\"\nname = \"A\"\nrole = \"boss\"\n",
                "desk.toml:5:8: unknown variant `boss`",
            ),
            (
                "format = 1\n[[department]]\nname = \"A\"\ncolour = 3\n",
                "desk.toml:4:1: unknown field `colour`",
            ),
            (
                "format = 1\nmacro = 1\n",
                "desk.toml:2:1: unknown field `macro`",
            ),
            ("format = 1\n[[department]]\nname = \"A\n", "desk.toml:3:"),
            (
                "{\"format\": 1,\n \"user\": [{\"name\": 1}]}",
                "desk.toml:2:",
            ),
            ("name = 1\n", "desk.toml:1:1: missing field `format`"),
            (
                "format = 2\nfuture = true\n",
                "desk.toml has format 2; this program reads 1",
            ),
            (" \n", "desk.toml is empty"),
        ] {
            let told = wrong(text);
            assert!(told.starts_with(expected), "{told}\n{expected}");
        }
    }

    #[test]
    fn a_folder_is_one_document_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("b.json", r#"{"format":1,"department":[{"name":"B"}]}"#);
        write("a.toml", "format = 1\n[[department]]\nname = \"A\"\n");
        write("notes.md", "not read");
        let sources = Sources::read(folder.path()).unwrap();
        let names: Vec<_> = sources.document().unwrap().department.unwrap();
        let names: Vec<_> = names.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["A", "B"]);
        let problem = Problem {
            kind: Kind::Department,
            name: SafeText::line("b"),
            message: SafeText::line("is wrong"),
        };
        let told = sources.told(&problem);
        assert!(
            told.ends_with("/b.json: department \"b\": is wrong"),
            "{told}"
        );
        for name in ["s.toml", "t.toml"] {
            write(name, "format = 1\n[settings]\nname = \"A\"\n");
        }
        let twice = Sources::read(folder.path())
            .unwrap()
            .document()
            .unwrap_err();
        assert!(twice.to_string().contains("[settings] is in "), "{twice}");
    }

    /// What is exported is read back as it was, in both forms that are read.
    #[test]
    fn a_document_survives_its_forms() {
        let mut texts: Vec<String> = HOSTILE.iter().map(|&raw| raw.to_owned()).collect();
        texts.push("one\n  \"\"\"two\"\"\" '''three'''\\\n\n".to_owned());
        texts.push(String::from(" \t leading and trailing \n"));
        for raw in texts {
            let text = SafeText::block(&raw);
            let json = serde_json::json!({
                "format": 1,
                "settings": {"name": "Desk", "notice": text},
                "department": [{"name": "A", "form": [{"key": "k", "label": "L", "kind": "choice",
                    "choices": ["x"]}]}],
                "user": [],
                "canned": [{"code": "a", "scope": "global", "text": text, "variants": {"pt-BR": text}}],
            });
            let document: Document = serde_json::from_value(json).unwrap();
            let toml = toml::to_string_pretty(&document).unwrap();
            let (_, read) = parse("desk.toml", &toml).unwrap_or_else(|e| panic!("{e}\n{toml}"));
            assert_eq!(read, document, "{toml}");
            let json = serde_json::to_string_pretty(&document).unwrap();
            assert_eq!(parse("desk.json", &json).unwrap().1, document);
        }
    }
}
