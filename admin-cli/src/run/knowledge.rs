//! The knowledge base of the assistant: what is in it, how good it is, and what it lacks.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use shared::{
    api::{KbCheck, KbFinding, KbSeverity, KbSuggestion, KbSuggestions, KbTest, KbTopic, KbTry},
    error::exit,
    text::{SafeText, truncate_width},
};

use crate::{
    args::{Format, knowledge::KbVerb},
    failure::Failure,
    invocation::{Invocation, Target},
    print::{Names, one_line},
    run::canned::body,
};

const PATH: &str = "/api/kb";
/// Columns of a passage in the answer to a test: enough to know it again.
const PASSAGE_COLUMNS: usize = 60;
/// What to expect of questions, as measured on public collections of them.
const GUIDANCE: &str = "on public data the right topic comes first for 27 to 51 of 100 questions by \
     a title alone, for 62 to 73 with 5 questions a topic, and for 71 to 81 with 10";

/// `kb ..`.
pub(super) async fn run(app: &Invocation, verb: KbVerb) -> Result<(), Failure> {
    match verb {
        KbVerb::List => {
            app.print_list::<KbTopic>(Target::new(PATH), &Names::default())
                .await
        }
        KbVerb::Check => check(app).await,
        KbVerb::Test { text } => test(app, &text).await,
        KbVerb::Suggest { write } => suggest(app, write.as_deref()).await,
    }
}

async fn check(app: &Invocation) -> Result<(), Failure> {
    let check: KbCheck = app.get(Target::new(PATH).child("check")).await?;
    match app.global.output {
        Some(Format::Json | Format::Yaml | Format::Ndjson) => {
            app.print.item(&check, &Names::default())?;
        }
        _ if app.print.style().is_for_people() => {
            let lines: String = check.findings.iter().map(line).collect();
            if !lines.is_empty() {
                app.print.text(&lines)?;
            }
        }
        _ => app.print.list(&check.findings, None, &Names::default())?,
    }
    for said in told(&check) {
        app.print.note(&said);
    }
    let is_wrong = |finding: &KbFinding| finding.severity != KbSeverity::Note;
    match check.findings.iter().any(is_wrong) {
        true => Err(Failure::Reported {
            exit_code: exit::FAILURE,
        }),
        false => Ok(()),
    }
}

/// `error returns.md:3: unknown key "questons"; did you mean "questions"?`
fn line(finding: &KbFinding) -> String {
    let severity = finding.severity.word();
    let line = finding.line.map(|line| format!(":{line}"));
    let line = line.unwrap_or_default();
    let place = match finding.file.is_empty() {
        true => String::new(),
        false => format!("{}{line}: ", finding.file),
    };
    format!("{severity:<7} {place}{}\n", one_line(&finding.message))
}

/// How good it is in all, in words.
fn told(check: &KbCheck) -> Vec<String> {
    let mut told = vec![format!(
        "{} topics with {} questions",
        check.topics, check.questions
    )];
    if check.omitted > 0 {
        told.push(format!("{} more findings are left out", check.omitted));
    }
    if let Some(accuracy) = check.accuracy {
        told.push(format!(
            "of questions that it had not learned it knew the topic of {:.1} %",
            accuracy.number() * 100.0
        ));
    }
    for confusion in &check.confusions {
        let (asked, taken_for) = (&confusion.asked, &confusion.taken_for);
        let times = confusion.questions;
        told.push(format!("{asked} was taken for {taken_for}: {times}"));
    }
    told.push(GUIDANCE.to_owned());
    told
}

async fn test(app: &Invocation, text: &str) -> Result<(), Failure> {
    let tried = KbTry { text: body(text)? };
    let test: KbTest = app.send(&Target::new(PATH).child("test"), &tried).await?;
    match app.print.style().is_for_people() {
        true => app.print.text(&described(&test)),
        false => app.print.item(&test, &Names::default()),
    }
}

/// What the assistant would do, for people.
fn described(test: &KbTest) -> String {
    let mut text = format!("does        {}", test.decision.word());
    if !test.reason.is_empty() {
        text.push_str(&format!(": {}", one_line(&test.reason)));
    }
    let intent = test.intent.as_ref().map_or("none", SafeText::as_str);
    text.push_str(&format!(
        "\nintent      {intent}\nconfidence  {}\nmargin      {}\n",
        test.confidence, test.margin
    ));
    let mut title = "maybe";
    for guess in &test.top {
        let (topic, confidence) = (&guess.topic, guess.confidence.to_string());
        let name = one_line(&guess.title);
        text.push_str(&format!("{title:<11} {confidence:<5} {topic}  {name}\n"));
        title = "";
    }
    let mut title = "passages";
    for passage in &test.passages {
        let (id, score) = (&passage.id, passage.score.to_string());
        let text_of = one_line(&passage.text);
        let begins = truncate_width(&text_of, PASSAGE_COLUMNS);
        text.push_str(&format!("{title:<11} {score:<5} {id}  {begins}\n"));
        title = "";
    }
    if let Some(reply) = &test.reply {
        text.push_str(&format!("says\n{reply}\n"));
    }
    text
}

async fn suggest(app: &Invocation, folder: Option<&Path>) -> Result<(), Failure> {
    if folder.is_some() {
        app.refuse_dry_run("kb suggest --write")?;
    }
    let found: KbSuggestions = app.get(Target::new(PATH).child("suggest")).await?;
    let items = &found.items;
    let written = match folder {
        Some(folder) => write(app, folder, items)?,
        None => 0,
    };
    match folder.is_none() && app.print.style().is_for_people() {
        true if items.is_empty() => {}
        true => app
            .print
            .text(&items.iter().map(draft).collect::<String>())?,
        false => app.print.list(items, None, &Names::default())?,
    }
    let (count, chats) = (items.len(), found.chats);
    app.print
        .note(&format!("{count} drafts from {chats} chats"));
    if found.partial {
        app.print.note("there was no time for older chats");
    }
    if let Some(folder) = folder {
        let folder = folder.display();
        app.print
            .note(&format!("{written} files were written to {folder}"));
    }
    Ok(())
}

fn draft(suggestion: &KbSuggestion) -> String {
    format!(
        "==> {}.draft <==\n{}\n",
        suggestion.file, suggestion.markdown
    )
}

/// Writes drafts that are not there yet; one that was looked through already stays.
fn write(app: &Invocation, folder: &Path, items: &[KbSuggestion]) -> Result<usize, Failure> {
    let failed = |path: &Path, error: &io::Error| Failure::file(path, error);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| failed(folder, &error))?;
    let mut written = 0;
    for item in items {
        // The name is the hub's: only its last part may choose a file here.
        let Some(name) = Path::new(item.file.as_str()).file_name() else {
            continue;
        };
        let mut name = name.to_owned();
        name.push(".draft");
        let path = folder.join(name);
        let open = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match open {
            Ok(mut file) => {
                let wrote = file.write_all(item.markdown.as_bytes());
                wrote.map_err(|error| failed(&path, &error))?;
                written += 1;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let path = path.display();
                app.print
                    .note(&format!("{path} is there already; it was left as it is"));
            }
            Err(error) => return Err(failed(&path, &error)),
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use shared::{
        api::{KbConfusion, KbDecision, KbGuess, KbPassage},
        assistant::Share,
    };

    use super::{KbCheck, KbFinding, KbSeverity, KbTest, SafeText, described, line, told};

    fn finding(file: &str, line: Option<u64>) -> KbFinding {
        KbFinding {
            severity: KbSeverity::Error,
            file: SafeText::line(file),
            line,
            topic: None,
            message: SafeText::line("is wrong; mend it"),
        }
    }

    #[test]
    fn a_finding_is_a_line_that_names_its_place() {
        assert_eq!(
            line(&finding("a.md", Some(3))),
            "error   a.md:3: is wrong; mend it\n"
        );
        assert_eq!(
            line(&finding("a.md", None)),
            "error   a.md: is wrong; mend it\n"
        );
        assert_eq!(line(&finding("", None)), "error   is wrong; mend it\n");
    }

    #[test]
    fn what_a_check_found_is_told_in_words() {
        let check = KbCheck {
            topics: 2,
            questions: 12,
            accuracy: Some(Share::from_thousandths(917)),
            confusions: vec![KbConfusion {
                asked: SafeText::line("a"),
                taken_for: SafeText::line("b"),
                questions: 1,
            }],
            findings: Vec::new(),
            omitted: 0,
        };
        let told = told(&check);
        let expected = [
            "2 topics with 12 questions",
            "of questions that it had not learned it knew the topic of 91.7 %",
            "a was taken for b: 1",
        ];
        assert_eq!(told[..3], expected);
    }

    #[test]
    fn a_test_is_told_line_by_line() {
        let test = KbTest {
            decision: KbDecision::Answer,
            reason: SafeText::default(),
            intent: Some(SafeText::line("returns")),
            confidence: Share::from_thousandths(910),
            margin: Share::from_thousandths(855),
            reply: Some(SafeText::block("Print a label.\nSend it.")),
            top: vec![KbGuess {
                topic: SafeText::line("returns"),
                title: SafeText::line("Sending back"),
                confidence: Share::from_thousandths(910),
            }],
            passages: vec![KbPassage {
                id: SafeText::line("kb:returns#1"),
                heading: SafeText::default(),
                text: SafeText::block("Open\nthe order."),
                score: Share::from_thousandths(950),
            }],
        };
        let expected = "does        answer\nintent      returns\nconfidence  0.91\nmargin      0.855\n\
                        maybe       0.91  returns  Sending back\n\
                        passages    0.95  kb:returns#1  Open the order.\n\
                        says\nPrint a label.\nSend it.\n";
        assert_eq!(described(&test), expected);
    }
}
