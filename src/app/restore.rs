//! Restoring: a new data folder from the bucket and a recovery key.

use jiff::SignedDuration;

use super::opening::{Opened, folder, recover_identities};
use super::{App, Error};
use crate::clock::Clock;
use crate::config::Config;
use crate::journal::Progress;
use crate::manifest::Manifest;
use crate::objects::Objects;
use crate::vault::KeyFile;

/// What a restore did.
pub struct Restored {
    /// The archive, open, with its jobs (indexing) still to be run.
    pub opened: Opened,
    /// How long the replay took.
    pub took: SignedDuration,
}

/// Makes the data folder of the settings again: the archive's key, unwrapped with the recovery key, and the records,
/// replayed from the log. A recovery key that names its log accepts no other in its place. A data folder that has records of the same archive keeps what is right in them.
pub async fn restore(
    config: Config,
    clock: Clock,
    recovery: &KeyFile,
    progress: Progress<'_>,
) -> Result<Restored, Error> {
    let objects = Objects::open(&config.objects_url(), &config.s3).await?;
    let manifest = Manifest::get(&objects).await?.ok_or(Error::WrongStore)?;
    let log = manifest.log_verifier_key;
    if recovery.log_verifier_key.as_ref().is_some_and(|expected| *expected != log) {
        return Err(Error::OtherLog);
    }
    let identities = recover_identities(&objects, &recovery.identity).await?;
    folder::make(&config.data)?;
    let key_file = folder::key_file(&config.data);
    if !key_file.exists() {
        let files = [key_file, folder::next_key_file(&config.data)];
        // A rotation that was under way goes on: the identity that is replaced is the last.
        for (identity, file) in identities.iter().rev().zip(files) {
            identity.write_file(&file, config.passphrase()?.as_ref(), &log)?;
        }
    }
    let start = clock.now();
    let opened = App::open_on(config, clock.clone(), objects, progress).await?;
    Ok(Restored { opened, took: clock.now().duration_since(start) })
}
