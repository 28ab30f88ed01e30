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
            let stored = Expected::new(paper.sealed_sha256, Some(paper.sealed_size_bytes));
            self.object(&original, stored, None, depth, names, &mut examined).await?;
            for (key, sha256, size_bytes) in paper.derived(dossier) {
                let stored = Expected::new(sha256, size_bytes);
                self.object(&key, stored, None, depth, names, &mut examined).await?;
            }
        }
        Ok(examined)
    }

    /// An object against its digest and, with an identity, whether it opens.
    async fn object(
        &self,
        key: &Key,
        expected: Expected,
        identity: Option<&Identity>,
        depth: Depth,
        names: Option<&Names>,
        examined: &mut Examined,
    ) -> Result<(), Error> {
        let codes = Codes::of(key);
        if depth == Depth::Quick {
            match (self.length(key, names).await?, expected.size_bytes) {
                (None, _) => examined.add(codes.missing, key),
                (Some(length), Some(wanted)) if length != wanted => examined.add(codes.changed, key),
                (Some(_), _) => {}
            }
            return Ok(());
        }
        match self.contents(key, identity, 0).await? {
            Contents::Missing => examined.add(codes.missing, key),
            Contents::NotGiven => examined.add(ProblemCode::NotGiven, key),
            Contents::Read(read) => {
                examined.bytes += read.sealed_bytes;
                let same_length = expected.size_bytes.is_none_or(|wanted| wanted == read.sealed_bytes);
                let opens =
                    read.plain.is_some() && expected.plain.is_none_or(|_| read.plain == expected.plain);
                if !same_length || read.sealed != expected.sha256 {
                    examined.add(codes.changed, key);
                } else if identity.is_some() && !opens {
                    examined.add(codes.unreadable, key);
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
        let identity = identity.as_ref();
        let original = Key::Original { dossier: document.dossier, document: document.id };
        let stored = Expected::new(document.sealed_sha256, Some(document.sealed_size_bytes));
        let stored = Expected { plain: Some(document.sha256), ..stored };
        self.object(&original, stored, identity, depth, names, &mut examined).await?;
        self.text(document, depth, names, identity, &mut examined).await?;
        for (key, sha256, size_bytes) in document.derived() {
            if let Key::Pictures { .. } = key {
                let stored = Expected::new(sha256, size_bytes);
                self.object(&key, stored, identity, depth, names, &mut examined).await?;
            }
        }
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
        let key = Key::Text { dossier: document.dossier, document: document.id, reading: reading.number };
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

/// What an object must be.
struct Expected {
    sha256: Sha256Digest,
    /// Not known of texts.
    size_bytes: Option<u64>,
    /// The digest of what it opens to, if that is known.
    plain: Option<Sha256Digest>,
}

impl Expected {
    fn new(sha256: Sha256Digest, size_bytes: Option<u64>) -> Self {
        Self { sha256, size_bytes, plain: None }
    }
}

/// What is said of an object of a document.
struct Codes {
    missing: ProblemCode,
    changed: ProblemCode,
    unreadable: ProblemCode,
}

impl Codes {
    fn of(key: &Key) -> Self {
        use ProblemCode as Code;
        let (missing, changed, unreadable) = match key {
            Key::Text { .. } => (Code::TextMissing, Code::TextChanged, Code::TextUnreadable),
            Key::Pictures { .. } => (Code::PicturesMissing, Code::PicturesChanged, Code::PicturesUnreadable),
            _ => (Code::OriginalMissing, Code::OriginalChanged, Code::OriginalUnreadable),
        };
        Self { missing, changed, unreadable }
    }
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
