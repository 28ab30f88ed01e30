//! Changing the archive's keys: a new archive key, recovery recipients that come and go, the general manager's key.
//!
//! The log comes first (`archive.described`), then the key objects, then `keys.rewrapped`: whatever is cut off in between
//! is known to be unfinished, by the row or by the file of the next key, and every step can be done again. Only key
//! objects and the folder's own small files change; the search index gets another key when all is done.

use secrecy::{ExposeSecret, SecretString};

use super::folder;
use super::{App, Error};
use crate::domain::{DossierId, PersonId};
use crate::keys::Rewrapped;
use crate::manifest::{self, Because, Manifest};
use crate::objects::Key;
use crate::sealing;
use crate::vault::{
    self, Identity, Recipient, SealedBytes, open_with_passphrase, replace_file, write_local_key,
};

/// Is told how many of how many key objects are done.
pub type Counted<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Whose keys there are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KeyList {
    /// The archive's recipient.
    pub archive_recipient: String,
    /// The recovery recipients.
    pub recovery_recipients: Vec<String>,
    /// The general manager's recipient, if there is one.
    pub manager_recipient: Option<String>,
    /// How many dossiers have a key.
    pub dossier_keys: u64,
    /// The dossiers that are sealed: the archive's key does not open theirs.
    pub sealed: Vec<DossierId>,
    /// Whether key objects have still to be wrapped again.
    pub rewrapping: bool,
}

impl App {
    /// Whose keys there are.
    pub async fn key_list(&self) -> Result<KeyList, Error> {
        let manifest = self.described()?;
        Ok(KeyList {
            archive_recipient: manifest.archive_recipient,
            recovery_recipients: manifest.recovery_recipients,
            manager_recipient: manifest.manager_recipient,
            dossier_keys: self.keys.count().await?,
            sealed: self.sealed_dossiers()?,
            rewrapping: self.is_rewrapping()?,
        })
    }

    /// Gives the archive a new key, or finishes a rotation that was cut off. Afterwards the former key opens no key object.
    pub async fn rotate_keys(&self, by: PersonId, progress: Counted<'_>) -> Result<Rewrapped, Error> {
        let _one = self.rewrapping.lock().await;
        let was_rotating = folder::next_key_file(&self.config.data).exists();
        if let Some(done) = self.finish(by, progress).await?
            && was_rotating
        {
            return Ok(done);
        }
        let next = Identity::generate();
        let file = folder::next_key_file(&self.config.data);
        let log = self.journal.verifier_key();
        next.write_file(&file, self.config.passphrase()?.as_ref(), log)?;
        self.keys.replace_archive(next).await;
        self.keys.put_archive_key().await?;
        Ok(self.finish(by, progress).await?.unwrap_or_default())
    }

    /// Adds or removes a recovery recipient. The last one cannot be removed.
    pub async fn change_recovery(
        &self,
        by: PersonId,
        recipient: &Recipient,
        because: Because,
        progress: Counted<'_>,
    ) -> Result<Rewrapped, Error> {
        let _one = self.rewrapping.lock().await;
        self.finish(by, progress).await?;
        let mut manifest = self.described()?;
        let (name, recipients) = (recipient.to_string(), &mut manifest.recovery_recipients);
        let known = recipients.contains(&name);
        match because {
            Because::RecoveryAdded if known => return Err(Error::KnownRecipient),
            Because::RecoveryAdded => recipients.push(name),
            _ if !known => return Err(Error::UnknownRecipient),
            _ if recipients.len() == 1 => return Err(Error::LastRecipient),
            _ => recipients.retain(|recipient| *recipient != name),
        }
        self.describe(by, &manifest, because).await?;
        self.keys.replace_recovery(manifest.recovery()?).await;
        Ok(self.finish(by, progress).await?.unwrap_or_default())
    }

    /// Finishes what was cut off: `None` if nothing was.
    pub async fn finish_rewrapping(
        &self,
        by: PersonId,
        progress: Counted<'_>,
    ) -> Result<Option<Rewrapped>, Error> {
        let _one = self.rewrapping.lock().await;
        self.finish(by, progress).await
    }

    /// Whether key objects have still to be wrapped again.
    pub fn is_rewrapping(&self) -> Result<bool, Error> {
        let rotating = folder::next_key_file(&self.config.data).exists();
        Ok(rotating || manifest::rewrapping(&self.records)?.is_some())
    }

    async fn finish(&self, by: PersonId, progress: Counted<'_>) -> Result<Option<Rewrapped>, Error> {
        let (data, keyring) = (&self.config.data, self.keys.keyring());
        let next = folder::next_key_file(data);
        let rotating = next.exists();
        let mut manifest = self.described()?;
        let own = keyring.archive_recipient().to_string();
        if rotating && manifest.archive_recipient != own {
            manifest.archive_recipient = own;
            self.describe(by, &manifest, Because::KeyRotated).await?;
        }
        let unfinished = manifest::rewrapping(&self.records)?;
        if !rotating && unfinished.is_none() {
            return Ok(None);
        }
        let mut archive_key = None;
        if unfinished.is_some_and(|rewrapping| rewrapping.because != Because::KeyRotated) {
            archive_key = Some(self.keys.put_archive_key().await?);
        }
        // Which recipients an object has cannot be seen: only what the new archive key opens is known to be right.
        let skip_right = unfinished.is_none_or(|rewrapping| rewrapping.because == Because::KeyRotated);
        // What is sealed is left alone, so that what is only going to be must be sealed before the former key is gone.
        self.finish_seals().await?;
        let is_sealed = |dossier| sealing::stub(&self.records, dossier).is_ok_and(|stub| stub.is_some());
        let done = self.keys.rewrap_all(&is_sealed, skip_right, progress).await?;
        self.finish_seals().await?;
        if rotating {
            write_local_key(&folder::local_key(data), keyring)?;
            self.seal_index_key().await?;
            keyring.forget_former();
            archive_key = Some(self.keys.put_archive_key().await?);
        }
        manifest.archive_key_sha256 = archive_key.or(manifest.archive_key_sha256);
        // The copy first: as long as the log calls this unfinished, a copy that differs is no sign of tampering.
        manifest.put(&self.objects).await?;
        manifest::rewrapped(&self.journal, by, &done, archive_key).await?;
        if rotating {
            replace_file(&next, &folder::key_file(data))?;
            self.rotate_index_too().await;
        }
        Ok(Some(done))
    }

    /// Makes the general manager's key, sealed with this passphrase; or, with the former one, changes its passphrase.
    pub async fn set_manager(
        &self,
        by: PersonId,
        passphrase: SecretString,
        former: Option<SecretString>,
    ) -> Result<Recipient, Error> {
        if passphrase.expose_secret().chars().count() < self.config.sealing.passphrase_chars {
            return Err(Error::WeakPassphrase(self.config.sealing.passphrase_chars));
        }
        let _one = self.rewrapping.lock().await;
        let mut manifest = self.described()?;
        let identity = match (manifest.manager_recipient.as_ref(), former) {
            (Some(_), Some(former)) => self.manager_identity(former).await?,
            // Whatever is sealed to the former key could then be opened with a recovery key only.
            (Some(_), None) if !self.sealed_dossiers()?.is_empty() => return Err(Error::ManagerNeeded),
            _ => Identity::generate(),
        };
        let text = identity.to_file_text();
        let sealing = move || SealedBytes::seal_with_passphrase(&passphrase, text.as_bytes());
        let sealed = tokio::task::spawn_blocking(sealing).await.map_err(std::io::Error::other);
        let sealed = sealed.and_then(|sealed| sealed).map_err(vault::Error::from)?;
        manifest.manager_key_sha256 = Some(self.keys.put_manager(sealed).await?);
        manifest.manager_recipient = Some(identity.recipient().to_string());
        self.describe(by, &manifest, Because::ManagerSet).await?;
        manifest.put(&self.objects).await?;
        Ok(identity.recipient())
    }

    /// The general manager's identity. It must not be kept longer than it is needed.
    pub(crate) async fn manager_identity(&self, passphrase: SecretString) -> Result<Identity, Error> {
        let recipient = self.described()?.manager_recipient.ok_or(Error::NoManager)?;
        let sealed = self.objects.get_bytes(&Key::ManagerKey, KEY_LIMIT_BYTES).await?;
        let opening = move || open_with_passphrase(&sealed, &passphrase);
        let opened = tokio::task::spawn_blocking(opening).await.map_err(std::io::Error::other);
        let text = opened.map_err(vault::Error::from)??;
        let identity = Identity::parse(std::str::from_utf8(&text).map_err(|_| vault::Error::NotAKey)?)?;
        // Another key in its place would open nothing, and must not be taken for a wrong passphrase.
        if identity.recipient().to_string() == recipient { Ok(identity) } else { Err(Error::OtherManager) }
    }

    async fn describe(&self, by: PersonId, manifest: &Manifest, because: Because) -> Result<(), Error> {
        let index = manifest::describe(&self.journal, by, manifest, because).await?;
        Ok(self.journal.published(index).await?)
    }

    /// The dossiers that the archive's key does not open.
    fn sealed_dossiers(&self) -> Result<Vec<DossierId>, Error> {
        let stubs = sealing::all(&self.records).collect::<Result<Vec<_>, _>>()?;
        Ok(stubs.into_iter().filter(|stub| !stub.destroyed).map(|stub| stub.dossier).collect())
    }
}

const KEY_LIMIT_BYTES: u64 = 64 * 1024;
