//! Following the log: a feed that comes back after every break, and the verb `tail`.

use std::time::Duration;

use shared::{
    api::DEAD_AFTER_MS,
    client::{error::ClientError, http::Lines, socket::backoff},
    error::exit,
    id::DepartmentId,
    record::Delivered,
};

use crate::{
    args::{Format, desk::Tail},
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::Names,
};

/// What comes out of a [`Feed`].
pub(super) enum Fed {
    /// A record, and the line that it was.
    Line(String, Box<Delivered>),
    /// The hub was away. Whoever began at `now` and has seen no record yet may have missed some.
    Reconnected,
}

/// The log from a cursor on, over as many connections as it takes.
pub(super) struct Feed<'a> {
    app: &'a Invocation,
    /// Only what belongs to it.
    department: Option<DepartmentId>,
    /// The last cursor, or where to begin.
    since: Option<String>,
    follow: bool,
    lines: Option<Lines>,
    /// Failures in a row.
    attempt: u32,
}

impl<'a> Feed<'a> {
    /// Connects: after the cursor `since`, from `now`, or from the first record.
    pub(super) async fn open(
        app: &'a Invocation,
        since: Option<String>,
        follow: bool,
    ) -> Result<Self, Failure> {
        Self::open_in(app, None, since, follow).await
    }

    /// The same of one department only.
    pub(super) async fn open_in(
        app: &'a Invocation,
        department: Option<DepartmentId>,
        since: Option<String>,
        follow: bool,
    ) -> Result<Self, Failure> {
        let mut feed = Self {
            app,
            department,
            since,
            follow,
            lines: None,
            attempt: 0,
        };
        feed.lines = Some(feed.connect().await?);
        Ok(feed)
    }

    /// What comes next; none at the end of the log, unless it is followed.
    pub(super) async fn next(&mut self) -> Result<Option<Fed>, Failure> {
        loop {
            let Some(lines) = &mut self.lines else {
                self.reconnect().await?;
                return Ok(Some(Fed::Reconnected));
            };
            let limit = Duration::from_millis(DEAD_AFTER_MS);
            match tokio::time::timeout(limit, lines.line()).await {
                // A sign of life.
                Ok(Ok(Some(line))) if line.is_empty() => self.attempt = 0,
                Ok(Ok(Some(line))) => {
                    let delivered: Delivered = serde_json::from_str(&line).map_err(|error| {
                        ClientError::Protocol(format!(
                            "a line of the log has other fields: {error}"
                        ))
                    })?;
                    self.attempt = 0;
                    self.since = Some(delivered.cursor.to_string());
                    return Ok(Some(Fed::Line(line, Box::new(delivered))));
                }
                Ok(Ok(None)) if !self.follow => return Ok(None),
                Ok(Ok(None)) => self.lost("the hub ended the log"),
                Ok(Err(error)) if error.exit_code() == exit::UNREACHABLE => {
                    self.lost(&error.to_string());
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => self.lost("the hub fell silent"),
            }
        }
    }

    async fn connect(&self) -> Result<Lines, Failure> {
        let target = Target::new("/api/events").with_some("since", self.since.as_ref());
        let target = target.with_some("follow", self.follow.then_some(1));
        let target = target.with_some("department", self.department);
        self.app.lines(&target).await
    }

    fn lost(&mut self, why: &str) {
        self.app.print.note(&format!("{why}; resuming"));
        self.lines = None;
    }

    async fn reconnect(&mut self) -> Result<(), Failure> {
        loop {
            let random = getrandom::u32().unwrap_or(u32::MAX);
            tokio::time::sleep(backoff(self.attempt, random)).await;
            self.attempt = self.attempt.saturating_add(1);
            match self.connect().await {
                Ok(lines) => {
                    self.lines = Some(lines);
                    return Ok(());
                }
                Err(failure) if failure.exit_code() == exit::UNREACHABLE => {
                    self.app.print.trace(&failure.to_string());
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// `tail`.
pub(super) async fn tail(app: &Invocation, args: Tail) -> Result<(), Failure> {
    let department = lookup::sought_department(app, args.department.as_deref()).await?;
    let names = Names::default();
    let mut feed = Feed::open_in(app, department, args.since, !args.no_follow).await?;
    while let Some(fed) = feed.next().await? {
        // The cursor resumes exactly, so a break in between is nothing to act on.
        let Fed::Line(line, delivered) = fed else {
            continue;
        };
        match app.global.output {
            None | Some(Format::Json | Format::Ndjson) => app.print.json_line(&line)?,
            Some(_) => app.print.streamed(&*delivered, &names)?,
        }
    }
    Ok(())
}
