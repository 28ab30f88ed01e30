//! Making a new archive: keys first, then the manifest, then the first entries of the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use zeroize::Zeroizing;

use super::folder::{self, io_error};
use super::opening::{Opened, Places, Purpose};
use super::{App, Error};
use crate::access::{Action, Permit, Subject};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{RawId, Role};
use crate::journal::Signer;
use crate::keys::Keys;
use crate::manifest::{FORMAT, Manifest};
use crate::objects::{Key, Objects, Prefix, WriteOnce};
use crate::vault::{self, Identity, Keyring, Recipient};
use crate::workflow::Pack;

/// What a new archive can be recovered with.
pub enum Recovery {
    /// Make a new recovery key and write it to this file (a plain age identity file, owner-only).
    NewKeyFile(PathBuf),
    /// Make a new recovery key and only show it.
    NewKey,
    /// Use these recipients, whose keys somebody else keeps.
    Recipients(Vec<Recipient>),
}

/// A new archive, with what is shown only now.
pub struct Fresh {
    /// The archive, open.
    pub opened: Opened,
    /// The recovery identity file's text, if one was made.
    pub recovery_key: Option<Zeroizing<String>>,
    /// What the object store was seen to do about objects that are to stay.
    pub write_once: WriteOnce,
    /// The first administrator's name.
    pub administrator: String,
    /// The first administrator's password.
    pub password: Zeroizing<String>,
}

impl App {
    /// Makes a new archive in the data folder and the object store of the settings, which hold none yet.
    pub async fn init(config: Config, clock: Clock, recovery: Recovery) -> Result<Fresh, Error> {
        let objects = Objects::open(&config.objects_url(), &config.s3).await?;
        Self::init_on(config, clock, recovery, objects).await
    }

    /// The same on an object store that is open already.
    pub async fn init_on(
        config: Config,
        clock: Clock,
        recovery: Recovery,
        objects: Objects,
    ) -> Result<Fresh, Error> {
        let places = Places::new(&config, objects);
        Self::init_in(config, clock, recovery, places).await
    }

    /// The same as [`init`](App::init), on the rules of this pack instead of those that come with the program.
    pub async fn init_with(
        config: Config,
        clock: Clock,
        recovery: Recovery,
        pack: &Pack,
    ) -> Result<Fresh, Error> {
        let objects = Objects::open(&config.objects_url(), &config.s3).await?;
        let places = Places::new(&config, objects);
        Self::init_all(config, clock, recovery, places, pack).await
    }

    /// The same in places of the caller's choice.
    ///
    /// The archive's key has its final name only when all is made: an archive whose making was interrupted is
    /// known by that, and made from the beginning when the command is given again.
    pub async fn init_in(
        config: Config,
        clock: Clock,
        recovery: Recovery,
        places: Places,
    ) -> Result<Fresh, Error> {
        Self::init_all(config, clock, recovery, places, &Pack::bundled()).await
    }

    async fn init_all(
        config: Config,
        clock: Clock,
        recovery: Recovery,
        places: Places,
        pack: &Pack,
    ) -> Result<Fresh, Error> {
        let key_file = folder::key_file(&config.data);
        let unfinished = folder::unfinished_key_file(&config.data);
        folder::make(&config.data)?;
        if key_file.exists() {
            return Err(Error::Exists(config.data));
        }
        clear_unfinished(&config, &unfinished, &places).await?;
        let recovery_file = match &recovery {
            Recovery::NewKeyFile(path) => Some(path.clone()),
            _ => None,
        };
        let write_once = places.objects.probe(&clock).await?;
        let id = RawId::from_bytes(clock.random_bytes()).to_string();
        let seed = Zeroizing::new(clock.random_bytes::<32>());
        let log = Signer::new(&format!("lantai/{id}"), &seed)?.verifier_key().to_owned();
        let (recovery_key, recipients) = recovery_keys(recovery, &log)?;
        let made = make(config, clock, recipients, (id, seed, log), places, pack).await;
        if let (Err(_), Some(path)) = (&made, recovery_file) {
            // Nothing rests on this key, and the next try makes another.
            let _ = std::fs::remove_file(path);
        }
        let (opened, password) = made?;
        std::fs::rename(&unfinished, &key_file).map_err(|source| io_error(&key_file, source))?;
        folder::sync(&opened.app.config.data)?;
        Ok(Fresh { opened, recovery_key, write_once, administrator: ADMINISTRATOR.into(), password })
    }
}

/// Takes away what an interrupted making has left. Whatever else is there is somebody's archive, and stays.
async fn clear_unfinished(config: &Config, unfinished: &Path, places: &Places) -> Result<(), Error> {
    let objects = &places.objects;
    let left = match unfinished.exists() {
        // One that was cut off while it was written is none.
        true => vault::read_key_file(unfinished, config.passphrase()?.as_ref()).ok(),
        false => None,
    };
    let Some(manifest) = Manifest::get(objects).await? else {
        if objects.head(&Key::Checkpoint).await?.is_some() {
            return Err(Error::Remains);
        }
        return clear_folder(config, unfinished, places);
    };
    if left.is_none_or(|key| key.identity.recipient().to_string() != manifest.archive_recipient) {
        return Err(Error::Exists(config.data.clone()));
    }
    // The manifest goes last: as long as it is there, this can be done again.
    for listed in objects.list(Prefix::All).await? {
        if let Some(key) = listed.key.filter(|key| *key != Key::Manifest) {
            objects.delete(&key).await?;
        }
    }
    objects.delete(&Key::Manifest).await?;
    clear_folder(config, unfinished, places)
}

fn clear_folder(config: &Config, unfinished: &Path, places: &Places) -> Result<(), Error> {
    if !unfinished.exists() {
        return Ok(());
    }
    places.records.clear();
    let (records, index) = (folder::records(&config.data), folder::index(&config.data));
    let keys = [folder::local_key(&config.data), folder::index_key(&config.data)];
    for name in [records, index].into_iter().chain(keys).chain([unfinished.to_owned()]) {
        let removed =
            if name.is_dir() { std::fs::remove_dir_all(&name) } else { std::fs::remove_file(&name) };
        if let Err(source) = removed
            && source.kind() != std::io::ErrorKind::NotFound
        {
            return Err(io_error(&name, source));
        }
    }
    Ok(())
}

async fn make(
    config: Config,
    clock: Clock,
    recovery: Vec<Recipient>,
    (id, seed, log): (String, Zeroizing<[u8; 32]>, String),
    places: Places,
    pack: &Pack,
) -> Result<(Opened, Zeroizing<String>), Error> {
    let archive = Identity::generate();
    let key_file = folder::unfinished_key_file(&config.data);
    archive.write_file(&key_file, config.passphrase()?.as_ref(), &log)?;
    let manifest = Manifest {
        format: FORMAT,
        archive: id,
        created_at: clock.now(),
        archive_recipient: archive.recipient().to_string(),
        recovery_recipients: recovery.iter().map(ToString::to_string).collect(),
        manager_recipient: None,
        log_verifier_key: log,
        journal_recipient: None,
        manager_key_sha256: None,
        archive_key_sha256: None,
    };
    make_bucket(&places.objects, &archive, recovery, &seed, manifest).await?;
    // Opening notes in the log what the manifest says: the archive's first entry.
    let opened = App::open_as(Purpose::Work, config, clock, &key_file, places, &|_, _| {}).await?;
    let password = first_entries(&opened, pack).await?;
    Ok((opened, password))
}

const ADMINISTRATOR: &str = "admin";

fn recovery_keys(
    recovery: Recovery,
    log: &str,
) -> Result<(Option<Zeroizing<String>>, Vec<Recipient>), Error> {
    let (file, identity) = match recovery {
        Recovery::Recipients(recipients) => return Ok((None, recipients)),
        Recovery::NewKey => (None, Identity::generate()),
        Recovery::NewKeyFile(path) => (Some(path), Identity::generate()),
    };
    if let Some(path) = file {
        write_recovery(&identity, &path, log)?;
    }
    Ok((Some(identity.to_file_text_with_log(log)), vec![identity.recipient()]))
}

fn write_recovery(identity: &Identity, path: &Path, log: &str) -> Result<(), Error> {
    match identity.write_file(path, None, log) {
        Err(vault::Error::Io(source)) => Err(io_error(path, source)),
        other => Ok(other?),
    }
}

/// Keys and manifest. The manifest comes last: without it there is no archive.
async fn make_bucket(
    objects: &Objects,
    archive: &Identity,
    recovery: Vec<Recipient>,
    seed: &[u8; 32],
    mut manifest: Manifest,
) -> Result<(), Error> {
    // The key of the local folder is made when the archive is opened.
    let keyring = Keyring::new(archive.clone(), Identity::generate());
    keyring.set_recovery(recovery);
    let keys = Keys::new(objects.clone(), Arc::new(keyring));
    manifest.archive_key_sha256 = Some(keys.put_archive_key().await?);
    keys.put_log_key(seed).await?;
    let journal = Identity::generate();
    manifest.journal_recipient = Some(journal.recipient().to_string());
    keys.put(&Key::JournalKey, &journal).await?;
    Ok(manifest.put(objects).await?)
}

async fn first_entries(opened: &Opened, pack: &Pack) -> Result<Zeroizing<String>, Error> {
    let app = &opened.app;
    let publisher = tokio::spawn({
        let journal = app.journal.clone();
        async move { journal.publish_forever().await }
    });
    let password = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<12>()));
    let roles = vec![Role::new(Role::ADMIN)];
    let added = app.people.add(None, ADMINISTRATOR, roles, Some(&password)).await;
    let result = match added {
        Ok(administrator) => {
            let permit = Permit::of_operator(administrator.actor(), Action::PublishPack, Subject::Archive);
            let published = app.packs.publish(&permit, pack.files(), None, &[administrator]).await;
            published.map(drop).map_err(Error::from)
        }
        Err(error) => Err(error.into()),
    };
    publisher.abort();
    result.map(|()| password)
}
