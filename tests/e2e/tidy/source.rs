//! The source tree as rules see it: files, their code without comments and strings, their tests.

use std::fs;
use std::path::Path;

use tests::programs::workspace;

/// The packages, each in a folder of its name.
pub(super) const PACKAGES: [&str; 6] = [
    "server",
    "agent-tui",
    "customer-cli",
    "admin-cli",
    "shared",
    "tests",
];

/// One `.rs` file.
pub(super) struct Source {
    /// From the root of the workspace, with `/`.
    pub(super) path: String,
    /// As it is.
    pub(super) text: String,
    /// The text with comments, strings and characters blanked out, byte for byte in place.
    pub(super) code: String,
    /// For each line whether only a test build compiles it.
    in_test: Vec<bool>,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let code = code_of(text);
        let in_test = if is_test_file(path) {
            vec![true; code.lines().count()]
        } else {
            test_lines(&code)
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            in_test,
        }
    }

    /// Every line of code: its number from 1, its code, whether it is part of a test.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        self.code
            .lines()
            .zip(&self.in_test)
            .enumerate()
            .map(|(index, (line, in_test))| (index + 1, line, *in_test))
    }

    /// The number of the line that holds this byte of the code.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        1 + self.code[..offset].matches('\n').count()
    }

    pub(super) fn is_test_at(&self, offset: usize) -> bool {
        self.in_test
            .get(self.line_at(offset) - 1)
            .copied()
            .unwrap_or(false)
    }

    /// The first part of its path below `folder` (`desk` of `server/src/desk/chat.rs`).
    pub(super) fn room_in(&self, folder: &str) -> Option<&str> {
        let rest = self.path.strip_prefix(folder)?.strip_prefix('/')?;
        let first = rest.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }
}

/// Every source file of every package.
pub(super) fn all_sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for package in PACKAGES {
        collect(package, &mut sources);
    }
    let only_tests = sources.iter().flat_map(test_modules).collect::<Vec<_>>();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs");
        let within = |module: &String| stem == module || stem.starts_with(&format!("{module}/"));
        if only_tests.iter().any(within) {
            source.in_test.fill(true);
        }
    }
    assert!(
        sources.len() > PACKAGES.len(),
        "the source tree was not found at {}",
        workspace().display()
    );
    sources
}

/// The modules that a file declares under `#[cfg(test)]`, as paths without `.rs`.
fn test_modules(source: &Source) -> Vec<String> {
    let stem = source.path.trim_end_matches(".rs");
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let folder = match name {
        "mod" | "lib" | "main" => folder,
        _ => stem,
    };
    let lines = source.code.lines().collect::<Vec<_>>();
    lines
        .windows(2)
        .filter(|pair| pair[0].trim() == "#[cfg(test)]")
        .filter_map(|pair| pair[1].trim().strip_suffix(';')?.split_once("mod "))
        .map(|(_, module)| format!("{folder}/{module}"))
        .collect()
}

fn collect(folder: &str, sources: &mut Vec<Source>) {
    for name in names_in(&workspace().join(folder)) {
        let path = format!("{folder}/{name}");
        let full = workspace().join(&path);
        if full.is_dir() {
            if name != "target" {
                collect(&path, sources);
            }
        } else if name.ends_with(".rs") {
            sources.push(Source::new(&path, &read(&full)));
        }
    }
}

/// The names in a folder, sorted.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

pub(super) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether `word` stands in `line` as an identifier of its own.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    words(line).any(|each| each == word)
}

pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("tests/e2e/")
        || path.contains("/tests/")
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
}

/// Which lines lie in an item under `#[cfg(test)]`.
fn test_lines(code: &str) -> Vec<bool> {
    const MARK: &str = "#[cfg(test)]";
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(found) = code[from..].find(MARK) {
        let start = from + found;
        let end = item_end(code, start + MARK.len());
        ranges.push(start..end);
        from = end;
    }
    let mut offset = 0;
    code.split_inclusive('\n')
        .map(|line| {
            let line_range = offset..offset + line.len();
            offset = line_range.end;
            ranges
                .iter()
                .any(|range| range.start < line_range.end && line_range.start < range.end)
        })
        .collect()
}

/// The end of the item that starts at `from`: its closing brace, or a semicolon before any brace.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (index, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth -= 1;
                if depth <= 0 && byte == b'}' {
                    return index + 1;
                }
            }
            b';' if depth == 0 => return index + 1,
            _ => {}
        }
    }
    code.len()
}

/// Blanks comments, strings and characters; line ends and byte positions stay.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let before = code.chars().next_back();
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment_bytes(rest),
            '"' => string_bytes(rest),
            'r' if !before
                .is_some_and(|c| c.is_alphanumeric() && c != 'b' && c != 'c' || c == '_') =>
            {
                raw_string_bytes(rest)
            }
            '\'' => character_bytes(rest),
            _ => 0,
        };
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        for c in rest[..length].chars() {
            if c == '\n' {
                code.push('\n');
            } else {
                code.extend(std::iter::repeat_n(' ', c.len_utf8()));
            }
        }
        rest = &rest[length..];
    }
    code
}

fn block_comment_bytes(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    loop {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            match rest[at..].chars().next() {
                Some(c) => at += c.len_utf8(),
                None => return at,
            }
        }
    }
}

fn string_bytes(rest: &str) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// 0 when this `r` begins no raw string.
fn raw_string_bytes(rest: &str) -> usize {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    let start = 1 + hashes;
    if !rest[start..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    match rest[start + 1..].find(&end) {
        Some(found) => start + 1 + found + end.len(),
        None => rest.len(),
    }
}

/// 0 when this quote begins a lifetime.
fn character_bytes(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((escaped, c))) => {
            let after = escaped + c.len_utf8();
            rest[after..]
                .find('\'')
                .map_or(rest.len(), |found| after + found + 1)
        }
        (Some(_), Some((quote, '\''))) => quote + 1,
        _ => 0,
    }
}

#[test]
fn code_has_neither_comments_nor_strings() {
    let check = |text: &str, expect: &str| {
        let code = code_of(text);
        assert_eq!(code.len(), text.len(), "{text}");
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words.join(" "), expect, "{text}");
    };
    check("a // b\nc /* d /* e */ f */ g", "a c g");
    check(r#"a "b \" c" d"#, "a d");
    check(r##"a r#"b " c"# d br"e\" for"##, "a d b for");
    check(r"a '\'' b '{' c 'static d '\u{41}' e", "a b c 'static d e");
    check("über \"für\" r attr r2", "über r attr r2");
}

#[test]
fn a_module_declared_for_tests_is_one() {
    let text = "mod a;\n#[cfg(test)]\nmod b;\n#[cfg(test)]\npub(crate) mod c;\n";
    let modules = |path| test_modules(&Source::new(path, text));
    assert_eq!(
        modules("server/src/store/mod.rs"),
        ["server/src/store/b", "server/src/store/c"]
    );
    assert_eq!(
        modules("server/src/demo.rs"),
        ["server/src/demo/b", "server/src/demo/c"]
    );
}

#[test]
fn tests_are_told_from_the_rest() {
    let text = "fn a() {}\n#[cfg(test)]\nuse b;\nfn c() {}\n#[cfg(test)]\nmod d {\n  fn e() { [1; 2] }\n}\nfn f() {}\n";
    let in_test = |path: &str| -> Vec<usize> {
        let source = Source::new(path, text);
        source
            .lines()
            .filter_map(|(number, _, in_test)| in_test.then_some(number))
            .collect()
    };
    assert_eq!(in_test("server/src/desk/x.rs"), [2, 3, 5, 6, 7, 8]);
    for path in [
        "tests/e2e/x.rs",
        "shared/tests/x.rs",
        "server/src/desk/tests.rs",
    ] {
        assert_eq!(in_test(path).len(), 9, "{path}");
    }
}
