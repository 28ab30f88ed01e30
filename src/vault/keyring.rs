//! The archive's own identity, on the local disk, and the recipients that every dossier key is wrapped to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{DerivedKey, Error, Identity, Recipient};

/// The keys that a running archive holds.
#[derive(Clone)]
pub struct Keyring {
    archive: Identity,
    recovery: Vec<Recipient>,
}

impl Keyring {
    /// An archive's identity and its recovery recipients.
    pub fn new(archive: Identity, recovery: Vec<Recipient>) -> Self {
        Self { archive, recovery }
    }

    /// The archive's identity.
    pub fn archive(&self) -> &Identity {
        &self.archive
    }

    /// Whom a dossier's key is wrapped to: the archive first, then the recovery recipients.
    pub fn wrapping_recipients(&self) -> Vec<Recipient> {
        std::iter::once(self.archive.recipient()).chain(self.recovery.iter().cloned()).collect()
    }

    /// The recovery recipients alone.
    pub fn recovery_recipients(&self) -> &[Recipient] {
        &self.recovery
    }

    /// The key that seals the values of the record store.
    pub fn records_key(&self) -> DerivedKey {
        self.archive.derive("records")
    }

    /// The key that seals the files of the search index.
    pub fn index_key(&self) -> DerivedKey {
        self.archive.derive("index")
    }

    /// The key under which names and tokens are looked up (HMAC), so that row keys say nothing.
    pub fn lookup_key(&self) -> DerivedKey {
        self.archive.derive("lookup")
    }
}

/// Reads an identity file that only its owner can read; a passphrase-protected age file is opened first.
pub fn read_identity_file(path: &Path, passphrase: Option<&SecretString>) -> Result<Identity, Error> {
    let mut file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(Error::Exposed);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes)?;
    if !bytes.starts_with(b"age-encryption.org/") {
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::NotAKey)?;
        return Identity::parse(text);
    }
    let passphrase = passphrase.ok_or(Error::Locked)?;
    let opened = open_with_passphrase(&bytes, passphrase)?;
    Identity::parse(std::str::from_utf8(&opened).map_err(|_| Error::NotAKey)?)
}

fn open_with_passphrase(bytes: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, Error> {
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
    /// An existing file is never overwritten.
    pub fn write_file(&self, path: &Path, passphrase: Option<&SecretString>) -> Result<(), Error> {
        let text = self.to_file_text();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        match passphrase {
            None => file.write_all(text.as_bytes())?,
            Some(passphrase) => {
                let encryptor = age::Encryptor::with_user_passphrase(passphrase.clone());
                let mut writer = encryptor.wrap_output(&mut file)?;
                writer.write_all(text.as_bytes())?;
                writer.finish()?;
            }
        }
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
