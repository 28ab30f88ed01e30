//! The manifest and the keys in the bucket: there, opening, and the right ones.

use futures::{StreamExt, TryStreamExt};
use zeroize::Zeroizing;

use super::{Error, Ground, ProblemCode, Report, Stage, Watch};
use crate::app::folder;
use crate::archive::key_problem;
use crate::domain::{DossierId, Sha256Digest};
use crate::dossiers;
use crate::journal::{Bucket, Signer};
use crate::keys::{self, KEY_OBJECT_LIMIT_BYTES};
use crate::manifest::{self, Manifest};
use crate::objects::{ErrorKind, Key};

/// How many keys are read at once.
const AT_ONCE: usize = 8;

impl Ground {
    /// What the log says that the archive is, and whether `lantai.json` says the same, byte for byte.
    pub(super) async fn manifest(&self, report: &mut Report) -> Result<Option<Manifest>, Error> {
        let described = manifest::described(self.records())?;
        let path = Key::Manifest.path();
        let bytes = match self.examiner.objects.get_bytes(&Key::Manifest, manifest::LIMIT_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                report.add(ProblemCode::ManifestMissing, path);
                return Ok(described);
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                report.add(ProblemCode::ManifestDamaged, path);
                return Ok(described);
            }
            Err(error) => return Err(error.into()),
        };
        let copy = Manifest::parse(&bytes).ok();
        match (&copy, &described) {
            (None, _) => report.add(ProblemCode::ManifestDamaged, path),
            (Some(copy), Some(described)) if copy != described && self.is_rewrapping()? => {}
            (Some(copy), Some(described)) if copy != described => {
                report.add(ProblemCode::ManifestDiffers, path);
            }
            (Some(copy), _) if copy.to_text()?.as_bytes() != bytes => {
                report.add(ProblemCode::ManifestDamaged, path);
            }
            _ => {}
        }
        Ok(described.or(copy))
    }

    /// Every key object.
    pub(super) async fn keys(
        &self,
        manifest: Option<&Manifest>,
        watch: Watch<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        for (key, problem) in [
            (Key::ArchiveKey, self.archive_key(manifest).await?),
            (Key::JournalKey, self.journal_key(manifest).await?),
            (Key::LogKey, self.log_key(manifest).await?),
            (Key::ManagerKey, self.manager_key(manifest).await?),
        ] {
            if let Some(code) = problem {
                report.add(code, key.path());
            }
        }
        let dossiers: Vec<DossierId> = dossiers::ids(self.records()).collect::<Result<_, _>>()?;
        let total = dossiers.len() as u64;
        let checks = dossiers.into_iter().map(|id| async move {
            let key = self.examiner.dossier_key(id).await?;
            let indexed = match &self.index {
                Some(index) => self.examiner.dossier_index(id, index)?,
                None => Vec::new(),
            };
            Ok::<_, Error>((id, key, indexed))
        });
        let mut checks = futures::stream::iter(checks).buffer_unordered(AT_ONCE);
        let mut done = 0;
        while let Some((id, key, indexed)) = checks.try_next().await? {
            if let Some(code) = key {
                report.add(code, Key::DossierKey(id).path());
            }
            report.problems.extend(indexed);
            done += 1;
            watch(Stage::Keys, done, total);
        }
        Ok(())
    }

    /// It is sealed to the recovery keys alone: all that can be seen is whether it is the object that the log speaks of.
    async fn archive_key(&self, manifest: Option<&Manifest>) -> Result<Option<ProblemCode>, Error> {
        let changing = self.is_rewrapping()?;
        let expected = manifest.and_then(|manifest| manifest.archive_key_sha256).filter(|_| !changing);
        self.unopened_key(&Key::ArchiveKey, expected).await
    }

    /// It is sealed with the general manager's passphrase.
    async fn manager_key(&self, manifest: Option<&Manifest>) -> Result<Option<ProblemCode>, Error> {
        let Some(expected) = manifest.and_then(|manifest| manifest.manager_key_sha256) else {
            return Ok(None);
        };
        self.unopened_key(&Key::ManagerKey, Some(expected)).await
    }

    /// While keys are wrapped again, the log does not know the archive's key object and the copy of the manifest yet.
    fn is_rewrapping(&self) -> Result<bool, Error> {
        let rotating = folder::next_key_file(&self.data).exists();
        Ok(rotating || manifest::rewrapping(self.records())?.is_some())
    }

    async fn unopened_key(
        &self,
        key: &Key,
        expected: Option<Sha256Digest>,
    ) -> Result<Option<ProblemCode>, Error> {
        let got = self.examiner.objects.get_bytes(key, KEY_OBJECT_LIMIT_BYTES).await;
        let digest = got.map(|bytes| Sha256Digest::of(&bytes)).map_err(keys::Error::from);
        match digest {
            Ok(digest) if expected.is_some_and(|expected| digest != expected) => {
                Ok(Some(ProblemCode::KeyDamaged))
            }
            other => Ok(key_problem(other.map(drop))?),
        }
    }

    async fn journal_key(&self, manifest: Option<&Manifest>) -> Result<Option<ProblemCode>, Error> {
        let identity = match self.examiner.keys.get(&Key::JournalKey).await {
            Ok(identity) => identity,
            Err(error) => return Ok(key_problem(Err(error))?),
        };
        let right = match manifest.and_then(|manifest| manifest.journal_recipient.as_ref()) {
            Some(expected) => *expected == identity.recipient().to_string(),
            None => {
                let bucket = Bucket::new(&self.examiner.objects, "");
                bucket.opens_first_payload(self.records(), &identity).await?.unwrap_or(true)
            }
        };
        Ok((!right).then_some(ProblemCode::KeyWrong))
    }

    async fn log_key(&self, manifest: Option<&Manifest>) -> Result<Option<ProblemCode>, Error> {
        let opened = match self.examiner.objects.get_bytes(&Key::LogKey, KEY_OBJECT_LIMIT_BYTES).await {
            Ok(sealed) => self.keyring.open(&sealed).map_err(keys::Error::from),
            Err(error) => Err(error.into()),
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => return Ok(key_problem(Err(error))?),
        };
        let mut seed = Zeroizing::new([0; 32]);
        if hex::decode_to_slice(&*opened, &mut *seed).is_err() {
            return Ok(Some(ProblemCode::KeyDamaged));
        }
        let right = manifest.is_none_or(|manifest| {
            let signer = Signer::new(manifest.log_origin(), &seed);
            signer.is_ok_and(|signer| signer.verifier_key() == manifest.log_verifier_key)
        });
        Ok((!right).then_some(ProblemCode::KeyWrong))
    }
}
