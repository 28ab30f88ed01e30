//! One document: its row against its entry, its key, its original, its text, its pages in the index.

use super::contents::{Contents, Digests};
use super::{Depth, Error, Examiner, Names, Problem, ProblemCode};
use crate::documents::Document;
use crate::domain::{DossierId, Sha256Digest};
use crate::journal;
use crate::keys;
use crate::objects::{ErrorKind, Key};
use crate::reading::Reading;
use crate::sealing;
use crate::vault::Identity;

/// What looking at one document gave.
#[derive(Debug, Default)]
pub struct Examined {
    /// Bytes read.
    pub bytes: u64,
    /// The pages that were read in it, in order: known only if its text was opened.
    pub pages: Option<Vec<u32>>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Examined {
    fn add(&mut self, code: ProblemCode, key: &Key) {
        self.problems.push(Problem::new(code, key.path()));
    }
}

impl Examiner {
    /// What is wrong with a dossier's key as it lies in the store, if anything is.
    pub async fn dossier_key(&self, dossier: DossierId) -> Result<Option<ProblemCode>, Error> {
        key_problem(self.keys.reopen(dossier).await.map(drop))
    }

    /// Looks at a sealed dossier as far as one can without its key.
    pub async fn sealed_dossier(
        &self,
        dossier: DossierId,
        depth: Depth,
        names: Option<&Names>,
    ) -> Result<Examined, Error> {
        let mut examined = Examined::default();
        match self.keys.archive_opens(dossier).await {
            Ok(Some(false)) => {}
            Ok(Some(true)) => examined.add(ProblemCode::SealBroken, &Key::DossierKey(dossier)),
            Ok(None) => examined.add(ProblemCode::KeyMissing, &Key::DossierKey(dossier)),
            Err(error) => return Err(error.into()),
        }
        for paper in sealing::papers(&self.records, dossier)? {
            let original = Key::Original { dossier, document: paper.document };
            let stored = Expected { sha256: paper.sealed_sha256, size_bytes: Some(paper.sealed_size_bytes) };
            let codes = (ProblemCode::OriginalMissing, ProblemCode::OriginalChanged);
            self.unopened(&original, stored, codes, depth, names, &mut examined).await?;
            if let Some(sha256) = paper.text_sha256 {
                let text = Key::Text { dossier, document: paper.document };
                let codes = (ProblemCode::TextMissing, ProblemCode::TextChanged);
                self.unopened(
                    &text,
                    Expected { sha256, size_bytes: None },
                    codes,
                    depth,
                    names,
                    &mut examined,
                )
                .await?;
            }
        }
        Ok(examined)
    }

    /// An object that cannot be opened, against its digest.
    async fn unopened(
        &self,
        key: &Key,
        expected: Expected,
        (missing, changed): (ProblemCode, ProblemCode),
        depth: Depth,
        names: Option<&Names>,
        examined: &mut Examined,
    ) -> Result<(), Error> {
        if depth == Depth::Quick {
            match (self.length(key, names).await?, expected.size_bytes) {
                (None, _) => examined.add(missing, key),
                (Some(length), Some(wanted)) if length != wanted => examined.add(changed, key),
                (Some(_), _) => {}
            }
            return Ok(());
        }
        match self.contents(key, None, 0).await? {
            Contents::Missing => examined.add(missing, key),
            Contents::NotGiven => examined.add(ProblemCode::NotGiven, key),
            Contents::Read(read) => {
                examined.bytes += read.sealed_bytes;
                if read.sealed != expected.sha256 {
                    examined.add(changed, key);
                }
            }
        }
        Ok(())
    }

    /// Looks at one document. `names` are the objects in the store, if they were listed. A key that is not to be had is
    /// not this document's problem: what can be checked without it is.
    pub async fn document(
        &self,
        document: &Document,
        depth: Depth,
        names: Option<&Names>,
    ) -> Result<Examined, Error> {
        let mut examined = Examined::default();
        self.against_entry(document, &mut examined)?;
        let identity = self.keys.open(document.dossier).await.ok();
        self.original(document, depth, names, identity.as_ref(), &mut examined).await?;
        self.text(document, depth, names, identity.as_ref(), &mut examined).await?;
        Ok(examined)
    }

    /// The readable entry says where the original is, how long, and with which digest: the row must say the same.
    fn against_entry(&self, document: &Document, examined: &mut Examined) -> Result<(), Error> {
        let key = Key::Original { dossier: document.dossier, document: document.id };
        let entry = journal::entry_at(&self.records, document.log_index)?;
        let object = entry.filter(|entry| entry.document == Some(document.id)).and_then(|entry| entry.object);
        let agrees = object.is_some_and(|object| {
            object.path == key.path()
                && object.sha256 == document.sealed_sha256
                && object.size_bytes == document.sealed_size_bytes
        });
        if !agrees {
            let row = format!("documents {}", document.id);
            examined.problems.push(Problem::new(ProblemCode::RecordDiffers, row));
        }
        Ok(())
    }

    async fn original(
        &self,
        document: &Document,
        depth: Depth,
        names: Option<&Names>,
        identity: Option<&Identity>,
        examined: &mut Examined,
    ) -> Result<(), Error> {
        let key = Key::Original { dossier: document.dossier, document: document.id };
        if depth == Depth::Quick {
            match self.length(&key, names).await? {
                None => examined.add(ProblemCode::OriginalMissing, &key),
                Some(length) if length != document.sealed_size_bytes => {
                    examined.add(ProblemCode::OriginalChanged, &key);
                }
                Some(_) => {}
            }
            return Ok(());
        }
        let read = match self.contents(&key, identity, 0).await? {
            Contents::Missing => {
                examined.add(ProblemCode::OriginalMissing, &key);
                return Ok(());
            }
            Contents::NotGiven => {
                examined.add(ProblemCode::NotGiven, &key);
                return Ok(());
            }
            Contents::Read(read) => read,
        };
        examined.bytes += read.sealed_bytes;
        if read.sealed_bytes != document.sealed_size_bytes || read.sealed != document.sealed_sha256 {
            examined.add(ProblemCode::OriginalChanged, &key);
        } else if identity.is_some() && read.plain != Some(document.sha256) {
            examined.add(ProblemCode::OriginalUnreadable, &key);
        }
        Ok(())
    }

    async fn text(
        &self,
        document: &Document,
        depth: Depth,
        names: Option<&Names>,
        identity: Option<&Identity>,
        examined: &mut Examined,
    ) -> Result<(), Error> {
        let Some(reading) = &document.reading else { return Ok(()) };
        let Some(expected) = reading.text_sha256 else {
            examined.pages = Some(Vec::new());
            return Ok(());
        };
        let key = Key::Text { dossier: document.dossier, document: document.id };
        if depth == Depth::Quick {
            if self.length(&key, names).await?.is_none() {
                examined.add(ProblemCode::TextMissing, &key);
            }
            return Ok(());
        }
        let read = match self.contents(&key, identity, self.limits.reading_bytes).await? {
            Contents::Missing => {
                examined.add(ProblemCode::TextMissing, &key);
                return Ok(());
            }
            Contents::NotGiven => {
                examined.add(ProblemCode::NotGiven, &key);
                return Ok(());
            }
            Contents::Read(read) => read,
        };
        examined.bytes += read.sealed_bytes;
        examined.pages = self.pages(&read, expected, identity.is_some(), &key, examined);
        Ok(())
    }

    fn pages(
        &self,
        read: &Digests,
        expected: Sha256Digest,
        opened: bool,
        key: &Key,
        examined: &mut Examined,
    ) -> Option<Vec<u32>> {
        if read.sealed != expected {
            examined.add(ProblemCode::TextChanged, key);
            return None;
        }
        let reading = serde_json::from_slice::<Reading>(&read.text).ok().filter(|_| read.plain.is_some());
        if opened && reading.is_none() {
            examined.add(ProblemCode::TextUnreadable, key);
        }
        let mut pages: Vec<u32> = reading?.pages.iter().map(|page| page.number).collect();
        pages.sort_unstable();
        Some(pages)
    }

    async fn length(&self, key: &Key, names: Option<&Names>) -> Result<Option<u64>, Error> {
        match names.and_then(|names| names.objects.get(key)) {
            Some(length) => Ok(Some(*length)),
            // What was put after the listing is not in it.
            None => Ok(self.objects.head(key).await?),
        }
    }
}

/// What an object must be that cannot be opened.
struct Expected {
    sha256: Sha256Digest,
    /// Known of originals.
    size_bytes: Option<u64>,
}

/// What is wrong with a key object, if anything is; a store that does not answer is an error.
pub(crate) fn key_problem(got: Result<(), keys::Error>) -> Result<Option<ProblemCode>, Error> {
    match got {
        Ok(()) => Ok(None),
        Err(keys::Error::Vault(_)) => Ok(Some(ProblemCode::KeyDamaged)),
        Err(keys::Error::Foreign) => Ok(Some(ProblemCode::KeyWrong)),
        Err(keys::Error::Objects(error)) => match error.kind() {
            ErrorKind::NotFound => Ok(Some(ProblemCode::KeyMissing)),
            ErrorKind::Corrupt => Ok(Some(ProblemCode::KeyDamaged)),
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}
