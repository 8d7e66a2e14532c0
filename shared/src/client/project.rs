//! What a folder asks for: `.frontdesk.toml` in it, or in the nearest folder above it.
//!
//! It can only choose among the user's own contexts. Were it to define one, a folder of somebody
//! else could send a login to a hub of theirs.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::client::{private::PrivateError, profile::ProfileError};

/// The file that is looked for.
pub const PROJECT_FILE: &str = ".frontdesk.toml";

/// The choices of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// The context that is meant when none is named.
    #[serde(default)]
    pub context: Option<String>,
    /// The department that is meant when none is named.
    #[serde(default)]
    pub department: Option<String>,
}

impl Project {
    /// The choices that hold in `folder`; none when no file is there or above.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] when the nearest file makes no sense or belongs to another user
    /// than this one and root, [`ProfileError::Private`] when it cannot be read.
    pub fn find(folder: &Path) -> Result<Self, ProfileError> {
        for folder in folder.ancestors() {
            let path = folder.join(PROJECT_FILE);
            let failed = |source| {
                let path = path.clone();
                ProfileError::Private(PrivateError::Io { path, source })
            };
            let owner = match std::fs::metadata(&path) {
                Ok(metadata) => metadata.uid(),
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(failed(error)),
            };
            if owner != 0 && owner != rustix::process::geteuid().as_raw() {
                return Err(malformed(path, "it belongs to another user"));
            }
            let text = std::fs::read_to_string(&path).map_err(failed)?;
            return toml::from_str(&text).map_err(|error| malformed(path, error.message()));
        }
        Ok(Self::default())
    }
}

fn is_absent(error: &io::Error) -> bool {
    // A folder above that one may not enter holds nothing for this one.
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

fn malformed(path: PathBuf, why: &str) -> ProfileError {
    let why = why.to_owned();
    ProfileError::Malformed { path, why }
}
