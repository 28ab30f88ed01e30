//! The log as it lies in the object store, read in order and some way ahead.

use std::collections::{BTreeMap, VecDeque};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::task::JoinHandle;

use super::OnGap;
use crate::domain::Sha256Digest;
use crate::journal::checkpoint::{Head, verify_checkpoint};
use crate::journal::publish::read_payloads;
use crate::journal::tiles::{Edge, NodeHash, TILE_WIDTH, bundle_width, leaf_hash, read_entries, upper_tiles};
use crate::journal::{Entry, Error};
use crate::objects::{self, ErrorKind, Key, Objects, Prefix};

/// The largest log object: 256 entries of 64 KiB, or a round's payloads.
pub(in crate::journal) const LOG_OBJECT_LIMIT_BYTES: u64 = 256 << 20;
/// So many bundles, and so many payload objects, are fetched ahead; of payloads no more than this many bytes, unless
/// a single object is larger.
const BUNDLES_AHEAD: usize = 4;
const PAYLOAD_OBJECTS_AHEAD: usize = 16;
const PAYLOAD_BYTES_AHEAD: u64 = 16 << 20;
/// How many entries a full bundle has.
const FULL: u16 = 256;
const TILES_AT_ONCE: usize = 8;

/// The log as it lies in the object store.
pub struct Bucket<'a> {
    objects: &'a Objects,
    verifier_key: &'a str,
}

impl<'a> Bucket<'a> {
    /// The log of this store, checked with this key.
    pub fn new(objects: &'a Objects, verifier_key: &'a str) -> Self {
        Self { objects, verifier_key }
    }

    /// The published head; `None` if nothing was ever published.
    pub async fn head(&self) -> Result<Option<Head>, Error> {
        match self.objects.get_bytes(&Key::Checkpoint, LOG_OBJECT_LIMIT_BYTES).await {
            Ok(bytes) => verify_checkpoint(&bytes, self.verifier_key).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The entries of one bundle in a log of `size` entries.
    pub async fn entries(&self, bundle: u64, size: u64) -> Result<Vec<String>, Error> {
        get_entries(self.objects, bundle, bundle_width(bundle, size)).await
    }

    /// The root of the first `size` entries, computed from the entries of a log of `whole`; `None` without any.
    pub(in crate::journal) async fn root(&self, size: u64, whole: u64) -> Result<Option<NodeHash>, Error> {
        let mut edge = Edge::default();
        for bundle in 0..size.min(whole).div_ceil(TILE_WIDTH) {
            let wanted = usize::from(bundle_width(bundle, size));
            for entry in self.entries(bundle, whole).await?.iter().take(wanted) {
                edge.push(entry.as_bytes());
            }
        }
        Ok(edge.root())
    }

    /// The sealed payloads from entry `start` on.
    pub async fn payloads(&self, start: u64) -> Result<Payloads, Error> {
        let mut waiting = Vec::new();
        for listed in self.objects.list(Prefix::Payloads).await? {
            if let Some(Key::Payloads { first, count }) = listed.key
                && first + u64::from(count) > start
            {
                waiting.push((first, count, listed.size_bytes));
            }
        }
        waiting.sort_unstable();
        let store = self.objects.clone();
        Ok(Payloads { store, waiting: waiting.into(), fetched: VecDeque::new(), read: BTreeMap::new() })
    }

    /// The hash tiles above the leaves' level that a log of `size` entries has and the bucket lacks, by path.
    pub(super) async fn missing_upper_tiles(&self, size: u64) -> Result<Vec<String>, Error> {
        let looked_at = upper_tiles(size).into_iter().map(|(level, index, width)| async move {
            let key = Key::Tile { level, index, width };
            let full = Key::Tile { level, index, width: FULL };
            let there = self.objects.head(&key).await?.is_some() || self.objects.head(&full).await?.is_some();
            Ok::<_, Error>((!there).then(|| key.path()))
        });
        let found: Vec<_> = futures::stream::iter(looked_at).buffered(TILES_AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// The entries of a bundle that had this width when the log was looked at.
async fn get_entries(objects: &Objects, bundle: u64, width: u16) -> Result<Vec<String>, Error> {
    match get_bundle(objects, bundle, width).await {
        // The log has grown meanwhile: a partial bundle goes when the full one is there.
        Err(Error::Objects(error)) if error.kind() == ErrorKind::NotFound && width < FULL => {
            let mut entries = get_bundle(objects, bundle, FULL).await?;
            entries.truncate(width.into());
            Ok(entries)
        }
        other => other,
    }
}

async fn get_bundle(objects: &Objects, bundle: u64, width: u16) -> Result<Vec<String>, Error> {
    let key = Key::EntryBundle { index: bundle, width };
    let entries = read_entries(&objects.get_bytes(&key, LOG_OBJECT_LIMIT_BYTES).await?)?;
    if entries.len() == usize::from(width) { Ok(entries) } else { Err(Error::Corrupt) }
}

/// Entries that stand together, as they were read.
pub(super) struct Bundle {
    pub(super) first: u64,
    pub(super) lines: Vec<Line>,
    pub(super) missing_tiles: Vec<String>,
    /// Nothing more can be had from this entry on.
    pub(super) ended_at: Option<u64>,
}

/// One entry as it was read.
pub(super) enum Line {
    /// The entry and its payload, if there is one of its digest.
    Entry { entry: Box<Entry>, text: String, payload: Option<Vec<u8>> },
    /// Only its hash is left.
    Lost(NodeHash),
}

/// Reads the log in order: bundles, and the payloads of their entries.
pub(super) struct Reading {
    bundles: BoxStream<'static, Result<Leaves, Error>>,
    payloads: Payloads,
    start: u64,
    on_gap: OnGap,
}

impl Reading {
    pub(super) async fn begin(
        bucket: &Bucket<'_>,
        start: u64,
        size: u64,
        on_gap: OnGap,
    ) -> Result<Self, Error> {
        let objects = bucket.objects.clone();
        let numbers = start / TILE_WIDTH..size.div_ceil(TILE_WIDTH);
        let fetched = futures::stream::iter(numbers).map(move |bundle| {
            let task = tokio::spawn(get_leaves(objects.clone(), bundle, bundle_width(bundle, size), on_gap));
            async move { task.await.map_err(|_| Error::Corrupt)? }
        });
        let bundles = fetched.buffered(BUNDLES_AHEAD).boxed();
        Ok(Self { bundles, payloads: bucket.payloads(start).await?, start, on_gap })
    }

    /// The bundles, in order, up to where nothing more can be had.
    pub(super) fn chunks(self) -> impl Stream<Item = Result<Bundle, Error>> {
        futures::stream::try_unfold(Some(self), |reading| async move {
            let Some(mut reading) = reading else { return Ok(None) };
            let Some(leaves) = reading.bundles.next().await else { return Ok(None) };
            let bundle = reading.bundle(leaves?).await?;
            let ended = bundle.ended_at.is_some();
            Ok(Some((bundle, (!ended).then_some(reading))))
        })
    }

    async fn bundle(&mut self, leaves: Leaves) -> Result<Bundle, Error> {
        let first = leaves.first.max(self.start);
        let Leaves { missing_tiles, ended_at, .. } = leaves;
        let mut bundle = Bundle { first, lines: Vec::new(), missing_tiles, ended_at };
        let skipped = usize::try_from(first - leaves.first).unwrap_or_default();
        for (index, leaf) in (first..).zip(leaves.leaves.into_iter().skip(skipped)) {
            bundle.lines.push(match leaf {
                Err(hash) => Line::Lost(hash),
                Ok(text) => self.line(index, text).await?,
            });
        }
        Ok(bundle)
    }

    async fn line(&mut self, index: u64, text: String) -> Result<Line, Error> {
        let entry = Box::new(Entry::parse(&text)?);
        let payload = match self.payloads.get(index, entry.payload).await {
            Ok(payload) => Some(payload),
            Err(Error::Objects(error))
                if error.kind() == ErrorKind::NotFound && self.on_gap == OnGap::Skip =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Line::Entry { entry, text, payload })
    }
}

/// The leaves of one bundle: entries, or at least their hashes.
struct Leaves {
    first: u64,
    leaves: Vec<Result<String, NodeHash>>,
    missing_tiles: Vec<String>,
    ended_at: Option<u64>,
}

async fn get_leaves(objects: Objects, bundle: u64, width: u16, on_gap: OnGap) -> Result<Leaves, Error> {
    let mut found =
        Leaves { first: bundle * TILE_WIDTH, leaves: Vec::new(), missing_tiles: Vec::new(), ended_at: None };
    if on_gap == OnGap::Fail {
        found.leaves = get_entries(&objects, bundle, width).await?.into_iter().map(Ok).collect();
        return Ok(found);
    }
    let tile = Key::Tile { level: 0, index: bundle, width };
    let (entries, hashes) =
        futures::join!(left_of_entries(&objects, bundle, width), left_of_tile(&objects, &tile, width));
    let (mut entries, hashes) = (entries?.into_iter(), hashes?);
    if hashes.is_none() {
        found.missing_tiles.push(tile.path());
    }
    for place in 0..usize::from(width) {
        let hash = hashes.as_ref().and_then(|hashes| hashes.get(place)).copied();
        // Where entry and tile differ, the root tells in the end whether the tile was right.
        let entry = entries.next().filter(|entry| hash.is_none_or(|hash| leaf_hash(entry) == hash));
        match (entry, hash) {
            (Some(entry), _) => found.leaves.push(Ok(entry)),
            (None, Some(hash)) => found.leaves.push(Err(hash)),
            (None, None) => {
                found.ended_at = Some(found.first + place as u64);
                break;
            }
        }
    }
    Ok(found)
}

/// The entries of a bundle; if it is gone or damaged, those of the widest older one that is left.
async fn left_of_entries(objects: &Objects, bundle: u64, width: u16) -> Result<Vec<String>, Error> {
    if let Some(entries) = there(get_entries(objects, bundle, width).await)? {
        return Ok(entries);
    }
    let mut widths = Vec::new();
    for listed in objects.list(Prefix::PartialBundles { index: bundle }).await? {
        if let Some(Key::EntryBundle { width: older, .. }) = listed.key {
            widths.push(older);
        }
    }
    widths.sort_unstable();
    for older in widths.into_iter().rev().filter(|older| *older < width) {
        if let Some(entries) = there(get_bundle(objects, bundle, older).await)? {
            return Ok(entries);
        }
    }
    Ok(Vec::new())
}

async fn left_of_tile(objects: &Objects, key: &Key, width: u16) -> Result<Option<Vec<NodeHash>>, Error> {
    let hashes_of = async |key: &Key| {
        let read = objects.get_bytes(key, LOG_OBJECT_LIMIT_BYTES).await.map_err(Error::from);
        Ok::<_, Error>(there(read)?.map(|bytes| bytes.as_chunks::<32>().0.to_vec()))
    };
    let hashes = hashes_of(key).await?.filter(|hashes| hashes.len() == usize::from(width));
    match (hashes, key) {
        // As with bundles: what was partial a moment ago may be full now.
        (None, Key::Tile { level, index, .. }) if width < FULL => {
            let full = hashes_of(&Key::Tile { level: *level, index: *index, width: FULL }).await?;
            Ok(full.map(|hashes| hashes.into_iter().take(width.into()).collect()))
        }
        (hashes, _) => Ok(hashes),
    }
}

/// Whether it is there and whole; what else goes wrong stays an error.
fn there<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(Error::Corrupt) => Ok(None),
        Err(Error::Objects(error)) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads payload objects before their entries come up, and forgets them behind.
pub struct Payloads {
    store: Objects,
    /// Not yet asked for: first entry, count and length in bytes, in order.
    waiting: VecDeque<(u64, u32, u64)>,
    /// Asked for: first entry and length.
    fetched: VecDeque<(u64, u64, Fetch)>,
    /// Read and still needed. A round that was begun twice may have left an entry's payload in two objects.
    read: BTreeMap<u64, Vec<Vec<u8>>>,
}

/// An object's lines, on their way: index and sealed payload.
type Fetch = JoinHandle<Result<Vec<(u64, Vec<u8>)>, Error>>;

impl Payloads {
    /// The payload of entry `index`, which has this digest.
    pub async fn get(&mut self, index: u64, digest: Sha256Digest) -> Result<Vec<u8>, Error> {
        self.read = self.read.split_off(&index);
        self.fetch_ahead();
        while self.fetched.front().is_some_and(|(first, ..)| *first <= index) {
            if let Some((.., fetch)) = self.fetched.pop_front() {
                for (at, sealed) in fetch.await.map_err(|_| Error::Corrupt)?? {
                    self.read.entry(at).or_default().push(sealed);
                }
            }
            self.fetch_ahead();
        }
        let candidates = self.read.remove(&index).unwrap_or_default();
        let wanted = candidates.into_iter().find(|sealed| Sha256Digest::of(sealed) == digest);
        wanted.ok_or_else(|| objects::Error::from(ErrorKind::NotFound).into())
    }

    fn fetch_ahead(&mut self) {
        while let Some((first, count, size_bytes)) = self.waiting.front().copied() {
            let ahead: u64 = self.fetched.iter().map(|(_, size_bytes, _)| size_bytes).sum();
            let room =
                self.fetched.len() < PAYLOAD_OBJECTS_AHEAD && ahead + size_bytes <= PAYLOAD_BYTES_AHEAD;
            if !room && !self.fetched.is_empty() {
                return;
            }
            self.waiting.pop_front();
            let fetch = tokio::spawn(fetch(self.store.clone(), Key::Payloads { first, count }));
            self.fetched.push_back((first, size_bytes, fetch));
        }
    }
}

/// The lines of one payload object. One that is damaged has none: its entries then find no payload.
async fn fetch(store: Objects, key: Key) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let read = store.get_bytes(&key, LOG_OBJECT_LIMIT_BYTES).await.map_err(Error::from);
    let Some(bytes) = there(read)? else { return Ok(Vec::new()) };
    tokio::task::spawn_blocking(move || read_payloads(&bytes)).await.map_err(|_| Error::Corrupt)
}
