//! The questions before a chat, as a person answers them: which and what counts is in `form`.
//!
//! They are asked on a thread of its own, so that a signal ends the program at any of them and the
//! terminal is put back by whoever waits.

use std::thread;

use shared::{
    api::PublicDepartment,
    client::{private, profile::Profile},
    command::DepartmentRef,
    error::exit,
    text::{SafeText, customer_name},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use crate::{
    account::Customer,
    error::{ChatError, SIGTERM},
    form::{Details, check, find, question},
    input::{Keys, NoAnswer},
    lines::{self, Look, system},
    notice, print,
};

/// What may have to be asked, and what is known already.
#[derive(Debug)]
pub struct Questions {
    /// Where the last name that was given is kept.
    pub profile: Profile,
    /// An account has its own name.
    pub has_account: bool,
    /// What was told on the command line.
    pub details: Details,
    /// The departments that take new chats.
    pub departments: Vec<PublicDepartment>,
    /// How lines look.
    pub look: Look,
}

impl Questions {
    /// Everything that is asked, answered; and the keys again.
    ///
    /// # Errors
    /// [`ChatError::Signal`] when the customer left or a signal came; [`ChatError::Usage`] and
    /// [`ChatError::NoDepartment`] for what the command line told wrong.
    pub async fn answered(self, mut keys: Keys) -> Result<(Keys, Details), ChatError> {
        let mut hangup = listen(SignalKind::hangup())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let (done, answers) = oneshot::channel();
        // Ends with the answers, or with the program.
        drop(thread::spawn(move || {
            let answers = self.ask(&mut keys);
            // Nobody waits for it any more when a signal came.
            drop(done.send(answers.map(|details| (keys, details))));
        }));
        tokio::select! {
            answers = answers => answers.unwrap_or(Err(ChatError::Signal(exit::FAILURE))),
            _ = hangup.recv() => Err(ChatError::Signal(exit::SIGHUP)),
            _ = interrupt.recv() => Err(ChatError::Signal(exit::SIGINT)),
            _ = terminate.recv() => Err(ChatError::Signal(SIGTERM)),
        }
    }

    /// Asks what is not known yet: the name, the department, its questions.
    fn ask(self, keys: &mut Keys) -> Result<Details, ChatError> {
        let Self {
            ref profile,
            has_account,
            mut details,
            ref departments,
            look,
        } = self;
        let given = match &details.name {
            Some(name) => {
                Some(customer_name(name).map_err(|error| ChatError::Usage(error.to_string()))?)
            }
            // An account has its own name.
            None if has_account => None,
            None => Some(ask_name(keys, profile, look)?),
        };
        if let Some(given) = &given {
            remember_name(profile, given);
        }
        details.name = given;
        let department = match &details.department {
            Some(DepartmentRef::Name(name)) => {
                Some(find(departments, name).map_err(ChatError::NoDepartment)?)
            }
            Some(DepartmentRef::Id(id)) => departments.iter().find(|d| d.id == *id),
            None if departments.len() > 1 => Some(choose(keys, departments, look)?),
            None => departments.first(),
        };
        let Some(department) = department else {
            return Ok(details);
        };
        details.department = Some(DepartmentRef::Id(department.id));
        for field in &department.form {
            let given = details.answer(&field.key).cloned();
            let mut initial = given.map_or_else(String::new, String::from);
            loop {
                // What was given on the command line is asked again only when it is no answer.
                let answer = if initial.is_empty() {
                    keys.ask(&question(field), "").map_err(left)?
                } else {
                    std::mem::take(&mut initial)
                };
                match check(field, &answer) {
                    Ok(Some(value)) => break details.put(&field.key, value),
                    Ok(None) => break,
                    Err(why) => print::out(&system(&why, look))?,
                }
            }
        }
        Ok(details)
    }
}

/// Says what the desk does with data, before anything is asked for, and only once.
///
/// # Errors
/// As [`print::out`].
pub async fn tell_notice(
    profile: &Profile,
    customer: &Customer,
    look: Look,
) -> Result<(), ChatError> {
    let Some(desk) = notice::desk(&customer.http).await else {
        return Ok(());
    };
    if let Some(notice) = notice::unread(profile, &desk) {
        print::out(&system(&format!("Privacy notice of {}:", desk.name), look))?;
        print::out(&lines::item(notice, look))?;
        notice::remember(profile, notice);
    }
    Ok(())
}

fn ask_name(keys: &mut Keys, profile: &Profile, look: Look) -> Result<SafeText, ChatError> {
    let last = last_name(profile).unwrap_or_default();
    loop {
        let answer = keys.ask("Your name: ", &last).map_err(left)?;
        match customer_name(&answer) {
            Ok(name) => return Ok(name),
            Err(error) => print::out(&system(&error.to_string(), look))?,
        }
    }
}

fn choose<'a>(
    keys: &mut Keys,
    departments: &'a [PublicDepartment],
    look: Look,
) -> Result<&'a PublicDepartment, ChatError> {
    print::out("Whom do you want to talk to?\n")?;
    for (number, department) in (1..).zip(departments) {
        let text = if department.description.is_empty() {
            format!("{number}  {}", department.name)
        } else {
            format!("{number}  {}: {}", department.name, department.description)
        };
        let plain = Look {
            ink: lines::Ink::Plain,
            ..look
        };
        print::out(&lines::item(&text, plain))?;
    }
    let default = departments.iter().position(|d| d.default).unwrap_or(0);
    let question = format!("Number or name [{}]: ", default + 1);
    loop {
        let answer = keys.ask(&question, "").map_err(left)?;
        let answer = answer.trim();
        if answer.is_empty() {
            return Ok(&departments[default]);
        }
        let listed = answer.parse::<usize>().ok();
        let listed = listed.and_then(|number| departments.get(number.checked_sub(1)?));
        match listed.map_or_else(|| find(departments, answer), Ok) {
            Ok(department) => return Ok(department),
            Err(why) => print::out(&system(&why, look))?,
        }
    }
}

/// The name that the customer gave last.
#[must_use]
pub fn last_name(profile: &Profile) -> Option<String> {
    let read = private::read(&profile.places.state().join("name")).ok()??;
    customer_name(&read).ok().map(String::from)
}

fn remember_name(profile: &Profile, name: &SafeText) {
    // Not worth failing for: it is only asked again.
    drop(private::write(
        &profile.places.state().join("name"),
        name.as_bytes(),
    ));
}

fn left(why: NoAnswer) -> ChatError {
    match why {
        NoAnswer::Interrupted => ChatError::Signal(exit::SIGINT),
        NoAnswer::Left => ChatError::Signal(exit::OK),
    }
}

/// Listens for a signal.
///
/// # Errors
/// [`ChatError::Io`] when the system does not let it.
pub fn listen(kind: SignalKind) -> Result<Signal, ChatError> {
    signal(kind).map_err(|source| ChatError::Io {
        what: "listen for signals".to_owned(),
        source,
    })
}
