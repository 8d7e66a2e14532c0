//! The key of a model's service: from the environment or a private file, and nowhere else.
//!
//! It is never shown, logged or written down: [`Key`] has no way to its text but the header of a
//! request.

use std::{env, fmt, path::Path};

use hyper::header::HeaderValue;
use shared::client::private::{self, PrivateError};
use zeroize::{Zeroize as _, Zeroizing};

/// Longest key, in bytes; the longest in use are signed tokens of about 2 KiB.
const KEY_BYTES_MAX: usize = 4096;

/// A secret that is overwritten when it is dropped, and written as `***`.
#[derive(Clone)]
pub struct Key(Box<str>);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The variable is not set.
    #[error("{0} is not set; set it or name a key_file")]
    Unset(String),
    /// There is no such file.
    #[error("{0} is not there; write the key into it and run: chmod 600 {0}")]
    Absent(String),
    /// The file is not private or cannot be read.
    #[error("{0}")]
    File(#[from] PrivateError),
    /// What was found is no key.
    #[error("the key in {0} {1}; write it there in one line")]
    Unfit(String, &'static str),
}

impl Key {
    /// From an environment variable.
    ///
    /// # Errors
    /// [`KeyError::Unset`] and [`KeyError::Unfit`].
    pub fn from_env(name: &str) -> Result<Self, KeyError> {
        let value = env::var_os(name).ok_or_else(|| KeyError::Unset(name.to_owned()))?;
        let text = value
            .into_string()
            .map(Zeroizing::new)
            .map_err(|_| KeyError::Unfit(name.to_owned(), "is no text"))?;
        Self::of(&text, name)
    }

    /// From a file that only its owner may read.
    ///
    /// # Errors
    /// [`KeyError::Absent`], [`KeyError::File`] and [`KeyError::Unfit`].
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let shown = path.display().to_string();
        match private::read(path)?.map(Zeroizing::new) {
            Some(text) => Self::of(&text, &shown),
            None => Err(KeyError::Absent(shown)),
        }
    }

    /// From one line of text; `place` says in an error where it was found.
    ///
    /// # Errors
    /// [`KeyError::Unfit`] for anything that is not one line of visible ASCII.
    pub fn of(text: &str, place: &str) -> Result<Self, KeyError> {
        let unfit = |why| Err(KeyError::Unfit(place.to_owned(), why));
        let line = text.trim();
        if line.is_empty() {
            return unfit("is empty");
        }
        if line.len() > KEY_BYTES_MAX {
            return unfit("is too long");
        }
        if !line.bytes().all(|byte| byte.is_ascii_graphic()) {
            return unfit("has other characters than visible ASCII");
        }
        Ok(Self(line.into()))
    }

    /// Its last four characters, to tell which one it is; of a short key nothing.
    #[must_use]
    pub fn last4(&self) -> &str {
        match self.0.len() {
            0..16 => "",
            length => &self.0[length - 4..],
        }
    }

    /// A header's value, with `before` in front of the key; marked so that nothing shows it.
    pub(super) fn header(&self, before: &str) -> HeaderValue {
        let text = Zeroizing::new(format!("{before}{}", self.0));
        let mut value = HeaderValue::from_str(&text).expect("visible ASCII is a header's value");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::{Key, KeyError};

    const TEXT: &str = "sk-0123456789abcdefWXYZ";

    #[test]
    fn a_key_shows_nothing_but_its_end() {
        let key = Key::of(&format!(" {TEXT}\n"), "x").unwrap();
        assert_eq!(format!("{key:?}"), "***");
        assert_eq!(key.last4(), "WXYZ");
        assert_eq!(Key::of("sk-short", "x").unwrap().last4(), "");
        let header = key.header("Bearer ");
        assert_eq!(header.to_str().unwrap(), format!("Bearer {TEXT}"));
        assert!(header.is_sensitive());
        assert!(!format!("{header:?}").contains("sk-"));
    }

    #[test]
    fn only_a_line_of_visible_ascii_is_a_key_and_no_error_quotes_it() {
        for (text, why) in [
            (" \n", "is empty"),
            (
                "two secrets\nof lines",
                "has other characters than visible ASCII",
            ),
            ("sécret", "has other characters than visible ASCII"),
            (&"s".repeat(5_000), "is too long"),
        ] {
            let error = Key::of(text, "FRONTDESK_AI_KEY").unwrap_err();
            let said = format!("the key in FRONTDESK_AI_KEY {why}; write it there in one line");
            assert_eq!(error.to_string(), said);
            assert!(!format!("{error:?}").contains("secret"));
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert!(matches!(Key::from_file(&path), Err(KeyError::Absent(_))));
        fs::write(&path, format!("{TEXT}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Key::from_file(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert!(!format!("{error:?}").contains("sk-"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Key::from_file(&path).unwrap().last4(), "WXYZ");
    }
}
