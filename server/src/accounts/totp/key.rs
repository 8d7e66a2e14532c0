//! The key that seals the seeds of second factors, and the sealing.
//!
//! It is beside the database, never in it: whoever gets the file of the desk or a backup of it gets
//! no seed. It comes from the systemd credential `totp-key` where there is one, else from the file
//! `totp-key` in the data folder, which is made with the first second factor. Either has 64
//! hexadecimal digits and is the hub's alone.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use shared::id::{UserId, hex};
use zeroize::Zeroizing;

use crate::accounts::{
    secret::{RandomError, random},
    setup::write_private,
};

/// The file, and the credential.
const NAME: &str = "totp-key";
const KEY_BYTES: usize = 32;

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read the file.
    #[error("{} has mode {mode:04o}; make it the hub's alone: chmod 600", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file has no key in it.
    #[error("{} has no key of 64 hexadecimal digits; put the right one back", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// There is no randomness for a new key.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The key. A seed that is sealed for one user opens for that user only.
pub(in crate::accounts) struct SeedKey(LessSafeKey);

impl SeedKey {
    /// Reads the key from the first of `folders` that has one; none when no folder has.
    pub(in crate::accounts) fn load(folders: &[&Path]) -> Result<Option<Self>, KeyError> {
        for folder in folders {
            let path = folder.join(NAME);
            let failed = |source| KeyError::File {
                path: path.clone(),
                source,
            };
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            let metadata = file.metadata().map_err(failed)?;
            // systemd gives a service its credentials by group bits on files of root.
            let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
            let mode = metadata.mode() & 0o7777;
            if mode & forbidden != 0 {
                return Err(KeyError::Exposed { path, mode });
            }
            let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 2));
            let most = 2 * KEY_BYTES as u64 + 2;
            let read = (&mut file).take(most).read_to_string(&mut text);
            read.map_err(failed)?;
            let bytes = unhex(text.trim()).ok_or(KeyError::Malformed { path: path.clone() })?;
            let key = Self::of(&bytes).ok_or(KeyError::Malformed { path })?;
            return Ok(Some(key));
        }
        Ok(None)
    }

    /// Makes a key and writes it to `folder`.
    pub(in crate::accounts) fn make(folder: &Path) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(vec![0; KEY_BYTES]);
        random(&mut bytes)?;
        let path = folder.join(NAME);
        let text = Zeroizing::new(hex(&bytes));
        write_private(&path, &text).map_err(|source| KeyError::File {
            path: path.clone(),
            source,
        })?;
        Self::of(&bytes).ok_or(KeyError::Malformed { path })
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    /// Seals a seed for `user`, under a nonce of its own.
    pub(in crate::accounts) fn seal(
        &self,
        user: UserId,
        seed: &[u8],
    ) -> Result<String, RandomError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut sealed = Zeroizing::new(seed.to_vec());
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(user.0.to_be_bytes()),
                &mut *sealed,
            )
            .expect("a seed is far shorter than the algorithm allows");
        Ok(format!("{}{}", hex(&nonce), hex(&sealed)))
    }

    /// Opens what [`SeedKey::seal`] made for the same user; none for anything else.
    pub(in crate::accounts) fn open(
        &self,
        user: UserId,
        sealed: &str,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = unhex(sealed)?;
        let (nonce, body) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let aad = Aad::from(user.0.to_be_bytes());
        let seed_bytes = self.0.open_in_place(nonce, aad, &mut body).ok()?.len();
        body.truncate(seed_bytes);
        Some(body)
    }
}

impl fmt::Debug for SeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeedKey(..)")
    }
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for at in (0..text.len()).step_by(2) {
        bytes.push(u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use shared::id::UserId;

    use super::{KeyError, SeedKey};

    /// S9: what is sealed for one user opens for nobody else.
    #[test]
    fn a_seed_opens_with_its_key_for_its_user_and_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let key = SeedKey::make(folder.path()).unwrap();
        let sealed = key.seal(UserId(7), b"twenty bytes of seed").unwrap();
        assert_ne!(
            sealed,
            key.seal(UserId(7), b"twenty bytes of seed").unwrap()
        );
        let read = SeedKey::load(&[folder.path()]).unwrap().unwrap();
        let open = |key: &SeedKey, user, sealed: &str| {
            key.open(UserId(user), sealed).map(|seed| seed.to_vec())
        };
        let seed = b"twenty bytes of seed".to_vec();
        assert_eq!(open(&read, 7, &sealed), Some(seed));
        assert_eq!(open(&read, 8, &sealed), None, "of another user");
        let other = tempfile::tempdir().unwrap();
        let other = SeedKey::make(other.path()).unwrap();
        assert_eq!(open(&other, 7, &sealed), None, "with another key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open(&read, 7, &changed), None, "{at}");
        }
        assert_eq!(open(&read, 7, ""), None);
    }

    /// S36: a key that others can read is not used.
    #[test]
    fn the_file_of_the_key_is_private_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(SeedKey::load(&[folder.path()]).unwrap().is_none());
        SeedKey::make(folder.path()).unwrap();
        let path = folder.path().join("totp-key");
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let now = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(now & 0o777, 0o600);
        // What is of root may have the group of a credential.
        for exposed in [0o604, 0o622, 0o666] {
            mode(exposed);
            let refused = SeedKey::load(&[folder.path()]);
            assert!(
                matches!(refused, Err(KeyError::Exposed { .. })),
                "{exposed:o}"
            );
        }
        mode(0o600);
        fs::write(&path, "short").unwrap();
        let refused = SeedKey::load(&[folder.path()]);
        assert!(matches!(refused, Err(KeyError::Malformed { .. })));
    }

    #[test]
    fn a_credential_comes_before_the_data_folder() {
        let (credentials, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = SeedKey::make(credentials.path()).unwrap();
        SeedKey::make(data.path()).unwrap();
        let sealed = key.seal(UserId(1), b"seed").unwrap();
        let folders = [credentials.path(), data.path()];
        let first = SeedKey::load(&folders).unwrap().unwrap();
        assert!(first.open(UserId(1), &sealed).is_some());
    }
}
