//! The first owner: a one-time code in a file that only the operator can read.
//!
//! The code exists while the desk has no owner. It is known here by its digest alone, is made anew
//! at each start and when it has run out, and its file is gone with its use.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use shared::{
    api::{SessionTokens, Setup},
    command::Command,
    id::CommandId,
    time::Timestamp,
};
use subtle::ConstantTimeEq;

use crate::{
    accounts::{
        AccountError, Accounts, lock,
        login::with_password,
        phc::Holder,
        secret::{Token, TokenDigest, TokenKind},
    },
    desk::{Desk, Rejection, Who},
    hub::SubmitError,
};

/// The file in the data directory.
const FILE_NAME: &str = "setup-code";

/// A code that waits to be used.
#[derive(Debug)]
pub(super) struct SetupCode {
    digest: TokenDigest,
    until: Timestamp,
}

impl Accounts {
    /// Makes the first owner. `peer_is_loopback` is whether the request came from this machine.
    ///
    /// # Errors
    /// [`AccountError::SetupRemote`] from elsewhere, [`AccountError::SetupDone`] when there is an
    /// owner, [`AccountError::SetupCode`] for a code that is wrong or has expired (then a new one
    /// is in the file), and what is wrong with name or password.
    pub async fn setup(
        &self,
        request: Setup,
        peer_is_loopback: bool,
    ) -> Result<SessionTokens, AccountError> {
        if !peer_is_loopback {
            return Err(AccountError::SetupRemote);
        }
        if !self.hub().ask(Desk::is_empty).await? {
            return Err(AccountError::SetupDone);
        }
        self.renew_setup_code()?;
        if !self.is_setup_code(request.code.expose()) {
            return Err(AccountError::SetupCode);
        }
        let username = Self::username(&request.username)?;
        let name = shared::text::name(&request.name)?;
        let password = self
            .new_password(
                request.password.into_exposed(),
                Holder::Staff,
                &username,
                &name,
            )
            .await?;
        let command = Command::Setup {
            username: username.clone(),
            name,
        };
        let companion = with_password(password, Vec::new());
        let done = self
            .hub()
            .submit_with(
                Who::Anonymous,
                CommandId::random(),
                command,
                Some(companion),
            )
            .await;
        match done {
            Ok(_) => {}
            Err(SubmitError::Rejected(Rejection::AlreadySetUp) | SubmitError::Conflict) => {
                return Err(AccountError::SetupDone);
            }
            Err(error) => return Err(error.into()),
        }
        self.end_setup();
        self.begin_as_staff(&username).await
    }

    /// The file with the setup code, while the desk waits for its first owner.
    #[must_use]
    pub fn setup_code_file(&self) -> Option<PathBuf> {
        lock(&self.shared.setup).as_ref().map(|_| self.setup_path())
    }

    /// Makes a code where there is no owner yet, and removes a file that a crash left behind.
    pub(super) async fn begin_setup(&self) -> Result<(), AccountError> {
        if self.hub().ask(Desk::is_empty).await? {
            let code = self.write_setup_code()?;
            *lock(&self.shared.setup) = Some(code);
        } else {
            self.end_setup();
        }
        Ok(())
    }

    /// Puts a new code in the place of one that has run out.
    pub(super) fn renew_setup_code(&self) -> Result<(), AccountError> {
        let mut setup = lock(&self.shared.setup);
        let now = self.rows.now();
        if setup.as_ref().is_some_and(|code| code.until <= now) {
            *setup = Some(self.write_setup_code()?);
        }
        Ok(())
    }

    fn is_setup_code(&self, text: &str) -> bool {
        let Ok(token) = Token::parse(text.trim()) else {
            return false;
        };
        let setup = lock(&self.shared.setup);
        setup
            .as_ref()
            .is_some_and(|code| code.digest.0.ct_eq(&token.digest().0).into())
    }

    fn write_setup_code(&self) -> Result<SetupCode, AccountError> {
        let token = Token::generate(TokenKind::Setup)?;
        write_private(&self.setup_path(), token.expose()).map_err(AccountError::SetupFile)?;
        Ok(SetupCode {
            digest: token.digest(),
            until: self.rows.now().after(self.settings().setup_life),
        })
    }

    fn end_setup(&self) {
        *lock(&self.shared.setup) = None;
        let path = self.setup_path();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "the used setup code was not removed");
            }
            _ => {}
        }
    }

    fn setup_path(&self) -> PathBuf {
        self.settings().data_dir.join(FILE_NAME)
    }
}

/// Writes a line to a file that is new and this user's alone: nobody can have opened it before.
pub(super) fn write_private(path: &Path, line: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(line.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
