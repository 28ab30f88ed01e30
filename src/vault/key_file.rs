//! Identity files on a disk: the archive's own, and recovery keys. Plain age identity files, or age files locked with a
//! passphrase. A comment names the log that the key belongs to, so that another log cannot be put in its place. And the
//! small files that the keys of the local folder and of the search index are in, sealed to the archive.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::identity::LOG_COMMENT;
use super::{Error, Identity, Keyring, SealedBytes, open};

/// What stands in an identity file.
pub struct KeyFile {
    /// The identity.
    pub identity: Identity,
    /// The verifier key of the log that it belongs to, if the file names one.
    pub log_verifier_key: Option<String>,
}

impl KeyFile {
    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::NotAKey)?;
        let log = text.lines().find_map(|line| line.trim().strip_prefix(LOG_COMMENT));
        let log_verifier_key = log.map(|key| key.trim().to_owned());
        Ok(Self { identity: Identity::parse(text)?, log_verifier_key })
    }
}

/// Reads an identity file that only its owner can read; a passphrase-protected age file is opened first.
pub fn read_key_file(path: &Path, passphrase: Option<&SecretString>) -> Result<KeyFile, Error> {
    let mut file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(Error::Exposed);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes)?;
    if !bytes.starts_with(b"age-encryption.org/") {
        return KeyFile::parse(&bytes);
    }
    let passphrase = passphrase.ok_or(Error::Locked)?;
    KeyFile::parse(&open_with_passphrase(&bytes, passphrase)?)
}

/// The key of a local folder, from the file that it is sealed in; `None` if there is no file, or not one of the archive's.
pub fn read_local_key(path: &Path, archive: &[&Identity]) -> Result<Option<Identity>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let opened = archive.iter().find_map(|identity| open(identity, &bytes).ok());
    Ok(opened.and_then(|text| Identity::parse(std::str::from_utf8(&text).ok()?).ok()))
}

/// Seals the key of a local folder to the archive, in place of what the file held. Durable when it returns.
pub fn write_local_key(path: &Path, keyring: &Keyring) -> Result<(), Error> {
    seal_to_archive(path, keyring, keyring.local().to_file_text().as_bytes())
}

/// The key of the search index, from the file that it is sealed in; `None` if there is no file, or not one of the archive's.
pub fn read_index_key(path: &Path, keyring: &Keyring) -> Result<Option<Zeroizing<[u8; 32]>>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Ok(text) = keyring.open(&bytes) else { return Ok(None) };
    let mut key = Zeroizing::new([0; 32]);
    let decoded = hex::decode_to_slice(text.trim_ascii(), &mut *key);
    Ok(decoded.is_ok().then_some(key))
}

/// Seals the key of the search index to the archive, in place of what the file held. Durable when it returns.
pub fn write_index_key(path: &Path, keyring: &Keyring, key: &[u8; 32]) -> Result<(), Error> {
    let mut text = Zeroizing::new([0; 64]);
    hex::encode_to_slice(key, &mut *text).map_err(|_| Error::NotAKey)?;
    seal_to_archive(path, keyring, &*text)
}

fn seal_to_archive(path: &Path, keyring: &Keyring, plaintext: &[u8]) -> Result<(), Error> {
    let sealed = SealedBytes::seal(&[keyring.archive_recipient()], plaintext)?;
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(sealed.as_bytes())?;
    file.sync_all()?;
    replace_file(&beside, path)
}

/// Puts one file in the place of another, durably and at once.
pub fn replace_file(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to)?;
    Ok(sync_parent(to)?)
}

/// Opens an age file that is sealed with a passphrase. Slow on purpose.
pub fn open_with_passphrase(bytes: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, Error> {
    let identity = age::scrypt::Identity::new(passphrase.clone());
    let decryptor = age::Decryptor::new(bytes)?;
    let decrypted = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
    let mut reader = decrypted.map_err(|_| Error::Locked)?;
    let mut plaintext = Zeroizing::new(Vec::new());
    reader.read_to_end(&mut plaintext).map_err(|_| Error::Damaged)?;
    Ok(plaintext)
}

impl Identity {
    /// Writes a new identity file, owner-only and durable; with a passphrase the file is itself sealed (age scrypt).
    /// An existing file is never overwritten. The log that it belongs to is named in a comment.
    pub fn write_file(
        &self,
        path: &Path,
        passphrase: Option<&SecretString>,
        log_verifier_key: &str,
    ) -> Result<(), Error> {
        let text = self.to_file_text_with_log(log_verifier_key);
        let sealed = match passphrase {
            None => None,
            Some(passphrase) => Some(SealedBytes::seal_with_passphrase(passphrase, text.as_bytes())?),
        };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(sealed.as_ref().map_or(text.as_bytes(), |sealed| sealed.as_bytes()))?;
        file.sync_all()?;
        sync_parent(path)?;
        Ok(())
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
        _ => fs::File::open(".")?.sync_all(),
    }
}
