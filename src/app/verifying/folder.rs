//! Verifying a data folder that no server has open: with the key file, the records and the index as they lie there.
//!
//! Nothing of the bucket has to be in order for that, and nothing in it is changed. Only if the records are missing,
//! damaged or behind the bucket's log is the archive opened as a server would, so that they are caught up with first.

use std::sync::Arc;

use super::{Ground, Options, Watch};
use crate::app::opening::{self, Stopped};
use crate::app::{App, Error, folder, index_key};
use crate::archive::{Examiner, Problem, ProblemCode, Report};
use crate::clock::Clock;
use crate::config::Config;
use crate::journal::{self, Bucket, local_size};
use crate::keys::Keys;
use crate::objects::Objects;
use crate::records::{self, Medium, Records};
use crate::search::{self, Index};
use crate::vault::{KeyFile, Keyring, Lookup, read_key_file};

/// Looks at everything and lists all that is wrong. [`Error::InUse`] if a server has the folder open.
pub async fn verify_folder(
    config: Config,
    clock: Clock,
    options: Options,
    watch: Watch<'_>,
) -> Result<Report, Error> {
    if !folder::key_file(&config.data).exists() {
        return Err(Error::Missing(config.data));
    }
    // A folder that stands in for a bucket is tidied when it is opened: not while a server writes to it.
    drop(Stopped::lock(&config.data)?);
    let objects = Objects::open(&config.objects_url(), &config.s3).await?;
    verify_folder_on(config, clock, objects, options, watch).await
}

/// The same on an object store that is open already.
pub async fn verify_folder_on(
    config: Config,
    clock: Clock,
    objects: Objects,
    options: Options,
    watch: Watch<'_>,
) -> Result<Report, Error> {
    let key_file = folder::key_file(&config.data);
    if !key_file.exists() {
        return Err(Error::Missing(config.data));
    }
    let stopped = Stopped::lock(&config.data)?;
    let key_file = read_key_file(&key_file, config.passphrase()?.as_ref())?;
    let next = opening::next_identity(&config)?;
    let keyring = Arc::new(opening::keyring(&config, key_file.identity.clone(), next)?);
    let mut found = Vec::new();
    let opened = match stopped.is_deadly() {
        // What killed the last start is not opened here: it is set aside and made again.
        true => Ok(None),
        false => stopped.opening(|| local_records(&config, &keyring, &clock)),
    };
    let local = match opened {
        Err(Error::Records(records::Error::Corrupt)) => {
            found.push(Problem::new(ProblemCode::RecordsDamaged, "records"));
            None
        }
        other => other?,
    };
    let behind = match &local {
        Some(records) => is_behind(&objects, &key_file, records).await?,
        None => true,
    };
    if behind {
        drop((local, stopped));
        match catch_up(&config, &clock, &objects).await {
            Ok(app) => {
                let report = Ground { found, ..app.ground() }.verify(options, watch).await;
                app.close()?;
                return report;
            }
            // What can be said without it is said.
            Err(error) if !folder::records(&config.data).is_dir() || !found.is_empty() => return Err(error),
            Err(error) => tracing::warn!(%error, "the records could not be caught up with the bucket's log"),
        }
        let stopped = Stopped::lock(&config.data)?;
        let records = local_records(&config, &keyring, &clock)?.ok_or(Error::WrongStore)?;
        return on_folder(&config, clock, objects, keyring, records, found, &stopped)
            .verify(options, watch)
            .await;
    }
    let Some(records) = local else { return Err(Error::WrongStore) };
    on_folder(&config, clock, objects, keyring, records, found, &stopped).verify(options, watch).await
}

/// The records, if there are any.
fn local_records(config: &Config, keyring: &Keyring, clock: &Clock) -> Result<Option<Records>, Error> {
    let dir = folder::records(&config.data);
    if !dir.is_dir() {
        return Ok(None);
    }
    let medium = Medium::folder(&dir);
    let records = Records::open(&medium, &keyring.records_key(), clock, config.limits.records_cache_bytes)?;
    match local_size(&records) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(records)),
        Err(journal::Error::Records(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the bucket's log goes on after the records. A checkpoint that says nothing says nothing about that either.
async fn is_behind(objects: &Objects, key_file: &KeyFile, records: &Records) -> Result<bool, Error> {
    let Some(verifier_key) = &key_file.log_verifier_key else { return Ok(false) };
    let head = Bucket::new(objects, verifier_key).head().await;
    Ok(match head {
        Ok(Some(head)) => head.size > local_size(records)?,
        _ => false,
    })
}

async fn catch_up(config: &Config, clock: &Clock, objects: &Objects) -> Result<App, Error> {
    Ok(App::open_on(config.clone(), clock.clone(), objects.clone(), &|_, _| {}).await?.app)
}

fn on_folder(
    config: &Config,
    clock: Clock,
    objects: Objects,
    keyring: Arc<Keyring>,
    records: Records,
    mut found: Vec<Problem>,
    stopped: &Stopped,
) -> Ground {
    let keys = Keys::new(objects.clone(), Arc::clone(&keyring));
    keys.hold_against(&records);
    let index = match index(config, &keyring, &clock) {
        Ok(index) => index,
        Err(_) => {
            found.push(Problem::new(ProblemCode::IndexDamaged, "index"));
            None
        }
    };
    Ground {
        examiner: Examiner { objects, records, keys, limits: Arc::new(config.limits.clone()) },
        lookup: Lookup::new(&keyring.lookup_key()),
        keyring,
        clock,
        index,
        data: config.data.clone(),
        cache_bytes: config.limits.records_cache_bytes,
        swept_later: !stopped.was_closed(),
        found,
    }
}

/// The index, if there is one.
fn index(config: &Config, keyring: &Keyring, clock: &Clock) -> Result<Option<Index>, search::Error> {
    let (key, dir) = (index_key::read(&config.data, keyring), folder::index(&config.data));
    if !dir.is_dir() {
        return Ok(None);
    }
    opening::open_index(&dir, config, key.ok_or(search::Error::Corrupt)?, clock).map(Some)
}
