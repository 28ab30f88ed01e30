//! Opening what was read: entries are parsed and checked, their payloads opened with the keys that there are.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use zeroize::Zeroizing;

use super::bucket::{Bundle, Line};
use super::{Gap, OnGap};
use crate::domain::DossierId;
use crate::journal::tiles::NodeHash;
use crate::journal::{Entry, Error, Journal};
use crate::objects::ErrorKind;
use crate::vault::{self, Identity};

/// How many bundles are opened at once, each by one thread.
pub(super) const AT_ONCE: usize = 3;
/// How many keys of dossiers are fetched at once for one bundle.
const KEYS_AT_ONCE: usize = 16;

/// A bundle of entries, ready to be projected.
pub(super) struct Chunk {
    /// The index of the first.
    pub(super) first: u64,
    pub(super) leaves: Vec<Leaf>,
    pub(super) missing_tiles: Vec<String>,
    /// Nothing more can be had from this entry on.
    pub(super) ended_at: Option<u64>,
}

/// One entry, as far as it could be had.
pub(super) enum Leaf {
    /// With its fact.
    Opened { entry: Box<Entry>, text: String, fact: Zeroizing<Vec<u8>> },
    /// Without, for this reason.
    Closed { entry: Box<Entry>, text: String, gap: Gap },
    /// Only its hash is left.
    Lost(NodeHash),
}

impl Leaf {
    /// The dossier to whose key the payload is sealed, as far as is known.
    pub(super) fn sealed_under(&self) -> Option<DossierId> {
        match self {
            Self::Opened { entry, .. } | Self::Closed { entry, .. } => entry.sealed_under(),
            Self::Lost(_) => None,
        }
    }
}

/// The identities of dossiers; `None` if the key is gone.
type Identities = HashMap<DossierId, Option<Identity>>;

impl Journal {
    /// Opens a bundle in a task of its own.
    pub(super) fn open_in_background(
        &self,
        bundle: Bundle,
        on_gap: OnGap,
    ) -> impl Future<Output = Result<Chunk, Error>> + use<> {
        let journal = self.clone();
        let task = tokio::spawn(async move { journal.open_bundle(bundle, on_gap).await });
        async move { task.await.map_err(|_| Error::Corrupt)? }
    }

    async fn open_bundle(&self, mut bundle: Bundle, on_gap: OnGap) -> Result<Chunk, Error> {
        let identities = Arc::new(self.identities(&bundle).await?);
        let journal = self.clone();
        let opening = tokio::task::spawn_blocking(move || {
            let open = |line| journal.open_line(line, &identities, on_gap);
            let lines = std::mem::take(&mut bundle.lines);
            let leaves = lines.into_iter().map(open).collect::<Result<_, Error>>()?;
            let Bundle { first, missing_tiles, ended_at, .. } = bundle;
            Ok(Chunk { first, leaves, missing_tiles, ended_at })
        });
        opening.await.map_err(|_| Error::Corrupt)?
    }

    /// The keys of all dossiers that the bundle speaks of.
    async fn identities(&self, bundle: &Bundle) -> Result<Identities, Error> {
        let dossier = |line: &Line| match line {
            Line::Entry { entry, .. } => entry.sealed_under(),
            Line::Lost(_) => None,
        };
        let dossiers: HashSet<DossierId> = bundle.lines.iter().filter_map(dossier).collect();
        let opened = dossiers.into_iter().map(|dossier| self.identity_of(dossier));
        futures::stream::iter(opened).buffer_unordered(KEYS_AT_ONCE).try_collect().await
    }

    async fn identity_of(&self, dossier: DossierId) -> Result<(DossierId, Option<Identity>), Error> {
        match self.payload_identity(Some(dossier)).await {
            Ok(identity) => Ok((dossier, Some(identity))),
            Err(Error::Keys(error)) if key_is_gone(&error) => Ok((dossier, None)),
            Err(error) => Err(error),
        }
    }

    /// Opens one entry whose payload is at hand. The keys of dossiers that are known to be `gone` are not asked for.
    pub(super) async fn open_entry(
        &self,
        text: &str,
        sealed: &[u8],
        gone: &BTreeSet<DossierId>,
    ) -> Result<Leaf, Error> {
        let entry = Box::new(Entry::parse(text)?);
        let mut identities = Identities::new();
        if let Some(dossier) = entry.sealed_under().filter(|dossier| !gone.contains(dossier)) {
            identities.extend([self.identity_of(dossier).await?]);
        }
        let line = Line::Entry { entry, text: text.to_owned(), payload: Some(sealed.to_vec()) };
        self.open_line(line, &identities, OnGap::Fail)
    }

    fn open_line(&self, line: Line, identities: &Identities, on_gap: OnGap) -> Result<Leaf, Error> {
        let (entry, text, payload) = match line {
            Line::Lost(hash) => return Ok(Leaf::Lost(hash)),
            Line::Entry { entry, text, payload } => (entry, text, payload),
        };
        if entry.to_canonical()? != text {
            return Err(Error::Corrupt);
        }
        let Some(payload) = payload else {
            return Ok(Leaf::Closed { entry, text, gap: Gap::WithoutPayload });
        };
        let identity = match entry.sealed_under() {
            Some(dossier) => identities.get(&dossier).and_then(Option::as_ref),
            None => Some(&self.0.identity),
        };
        let opened = identity.and_then(|identity| vault::open(identity, &payload).ok());
        // Only the key of a dossier can be gone: what is sealed to the journal's own key must open.
        if opened.is_none() && entry.sealed_under().is_none() && on_gap == OnGap::Fail {
            return Err(Error::Corrupt);
        }
        Ok(match opened {
            Some(fact) => Leaf::Opened { entry, text, fact },
            None => Leaf::Closed { entry, text, gap: Gap::WithoutKey },
        })
    }
}

fn key_is_gone(error: &crate::keys::Error) -> bool {
    match error {
        crate::keys::Error::Objects(error) => error.kind() == ErrorKind::NotFound,
        crate::keys::Error::Vault(error) => matches!(error, vault::Error::WrongKey),
        crate::keys::Error::Foreign | crate::keys::Error::Records(_) => false,
    }
}
