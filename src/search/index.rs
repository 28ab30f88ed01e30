//! The index of one archive: write, commit, ask, rest.
//!
//! It stands between the jobs that index what was read and the doors that ask. It is a copy of what the bucket has
//! and may be deleted at any time. All calls may wait for the disk: asynchronous callers use a blocking thread.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use serde::Serialize;
use tantivy::indexer::{IndexWriterOptions, MergePolicy};
use tantivy::{IndexReader, ReloadPolicy, Searcher, Term};

use super::census::Census;
use super::chunk_cache::ChunkCache;
use super::dictionary;
use super::directory::{LIST_OF_FILES, LIST_OF_SEGMENTS, SealedDirectory};
use super::error::Error;
use super::find::{Ground, Order, Results, Scope, Wanted, find};
use super::item::Item;
use super::limits::{Limits, WRITER_MEMORY_MIN};
use super::merges::Merges;
use super::numbers::{Number, beginning};
use super::parts::{files_of, open_or_create};
use super::query::{Ignored, Query};
use super::rotating::Place;
use super::schema::{Fields, Indexed, tokenizers};
use super::sealed_file::IndexKey;
use super::views::{Cursor, Look, Moment, Views};
use super::within::Scopes;
use crate::clock::Clock;
use crate::domain::{DocumentId, DossierId};

/// Decompressed blocks of stored ids that each segment keeps.
const STORE_BLOCKS: usize = 4;
/// How often deleted items are looked for until all are merged away.
const PURGE_ROUNDS: usize = 3;

/// A handle on the index. Cloning gives another handle on the same one.
#[derive(Clone)]
pub struct Index(Arc<Current>);

/// The index that is asked now, and how another is opened in its place.
struct Current {
    inner: RwLock<Arc<Inner>>,
    folder: PathBuf,
    key: Mutex<IndexKey>,
    clock: Clock,
    /// Held by who writes, for reading, and by who puts another index in the place of this one.
    turn: RwLock<()>,
}

/// How large an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Pages, cards and notes that can be found.
    pub items: u64,
    /// Parts that tantivy has written them in.
    pub segments: u64,
    /// What its files take, in bytes.
    pub size_bytes: u64,
}

struct Inner {
    index: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
    cache: Arc<ChunkCache>,
    views: Views,
    scopes: Scopes,
    limits: Limits,
    writing: Mutex<Writing>,
    /// Damage was met.
    damaged: AtomicBool,
}

type IndexWriter = tantivy::IndexWriter<Indexed>;

/// The writer costs memory and threads: it is there only while there is something to write.
#[derive(Default)]
struct Writing {
    writer: Option<IndexWriter>,
    /// Something was written since the last commit.
    pending: bool,
    /// How much text that was.
    waiting_bytes: usize,
    /// What was pending went with a failed writer.
    lost: bool,
    /// Deleted items must leave the files with the next commit.
    purge: bool,
    /// Another index has taken the place of this one.
    closed: bool,
}

impl Index {
    /// Opens the index in this folder, or makes an empty one. Every byte of it is read and authenticated.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when files are damaged, missing, of another version or under another key.
    pub fn open(folder: &Path, key: IndexKey, clock: Clock, limits: Limits) -> Result<Self, Error> {
        let inner = Inner::open(folder, key.clone(), clock.clone(), limits)?;
        Ok(Self::of(inner, folder, key, clock))
    }

    fn of(inner: Inner, folder: &Path, key: IndexKey, clock: Clock) -> Self {
        let (inner, folder) = (RwLock::new(Arc::new(inner)), folder.to_owned());
        let (key, turn) = (Mutex::new(key), RwLock::default());
        Self(Arc::new(Current { inner, folder, key, clock, turn }))
    }

    /// The same index, but its files are not sealed: for measuring what sealing costs, and for nothing else.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is of another version, [`Error::Io`] when the disk failed.
    #[cfg(feature = "unsealed-peer")]
    pub fn open_unsealed(folder: &Path, clock: Clock, limits: Limits) -> Result<Self, Error> {
        let directory =
            tantivy::directory::MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
        let (fields, cache) = (Fields::new(), Arc::new(ChunkCache::new(0)));
        let index = open_or_create(directory, &fields, false)?;
        let inner = Inner::over(index, fields, cache, clock.clone(), limits)?;
        // What is renewed is sealed.
        let key = IndexKey::from_bytes(clock.random_bytes());
        Ok(Self::of(inner, folder, key, clock))
    }

    /// Copies its files, not sealed, into an empty folder, for [`Self::open_unsealed`]: the same parts, byte for byte.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when damage was met, [`Error::Io`] when the disk failed.
    #[cfg(feature = "unsealed-peer")]
    pub fn copy_unsealed(&self, into: &Path) -> Result<(), Error> {
        let _turn = self.0.turn.write().unwrap_or_else(PoisonError::into_inner);
        let inner = self.inner();
        inner.stand_still(&mut inner.lock())?;
        let (key, clock) = (self.key().clone(), self.0.clock.clone());
        let sealed = SealedDirectory::open(&self.0.folder, key, clock, inner.cache.clone())?;
        Ok(sealed.unseal(&inner.files()?, into)?)
    }

    /// Begins another index, an empty one, after `set_aside` has moved the folder of this one out of the way. Whoever asks
    /// meanwhile is answered by the one or the other.
    ///
    /// # Errors
    /// What `set_aside` said; [`Error::Io`] when the new one cannot be made.
    pub fn renew<E: From<Error>>(&self, set_aside: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let _turn = self.0.turn.write().unwrap_or_else(PoisonError::into_inner);
        let mut current = self.0.inner.write().unwrap_or_else(PoisonError::into_inner);
        let old = Arc::clone(&current);
        let mut writing = old.lock();
        // Its writer goes before its folder. If the old one has to stay, what was pending must be indexed again.
        let (lost, closed) = (writing.pending || writing.lost, writing.closed);
        *writing = Writing { lost, closed, ..Writing::default() };
        set_aside()?;
        let (key, clock) = (self.key().clone(), self.0.clock.clone());
        *current = Arc::new(Inner::open(&self.0.folder, key, clock, old.limits.clone())?);
        // Nothing more is written to the old one.
        writing.closed = true;
        Ok(())
    }

    /// Gives the index another key: all its files are sealed anew and take the place of those that are there. Searches go on
    /// over these; whoever writes waits. `keep` writes the next key, durably, into the file that it is told, which becomes
    /// `key_file`. What a crash leaves of it is for [`Place::settle`].
    ///
    /// # Errors
    /// What `keep` said; [`Error::Full`] without room for a second copy; [`Error::Corrupt`] when damage was met. All is then
    /// as before. If the new files cannot be opened, the index counts as damaged.
    pub fn rotate<E: From<Error>>(
        &self,
        key_file: &Path,
        next: IndexKey,
        keep: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let _turn = self.0.turn.write().unwrap_or_else(PoisonError::into_inner);
        let (place, old) = (Place::new(&self.0.folder, key_file), self.inner());
        let mut writing = old.lock();
        old.note(old.stand_still(&mut writing))?;
        place.settle().map_err(Error::from)?;
        let kept = keep(&place.next_key_file());
        let begun = kept.and_then(|()| Ok(old.note(self.seal_anew(&old, &place, next.clone()))?));
        if let Err(error) = begun {
            // If this fails, too, the next start does it.
            let _ = place.settle();
            return Err(error);
        }
        // The old one has lost its folder: whatever comes now, nothing more is written to it, and it goes on answering.
        writing.closed = true;
        *self.key() = next.clone();
        let finished = place.finish().map_err(Error::from);
        let opened = finished
            .and_then(|()| Inner::open(&self.0.folder, next, self.0.clock.clone(), old.limits.clone()))
            .inspect_err(|_| old.damaged.store(true, Ordering::SeqCst))?;
        opened.lock().lost = writing.lost;
        *self.0.inner.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(opened);
        if let Err(error) = place.clear() {
            tracing::warn!(%error, "the former files of the search index could not be deleted");
        }
        Ok(())
    }

    /// Up to the step that decides.
    fn seal_anew(&self, old: &Inner, place: &Place, next: IndexKey) -> Result<(), Error> {
        let key = self.key().clone();
        place.fill(&old.files()?, (key, next), &self.0.clock)?;
        Ok(place.decide()?)
    }

    fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.0.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn key(&self) -> MutexGuard<'_, IndexKey> {
        self.0.key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> RwLockReadGuard<'_, ()> {
        self.0.turn.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts all pages of a document in place of those it had; no items means that it goes. Visible after
    /// [`Self::commit`], or earlier when much is waiting.
    ///
    /// # Errors
    /// After any error all that was not committed must be indexed again.
    pub fn replace_document(&self, document: DocumentId, pages: &[Item]) -> Result<(), Error> {
        let _turn = self.turn();
        let inner = self.inner();
        let old = Term::from_field_bytes(inner.fields.document, document.as_bytes());
        inner.note(inner.replace(&[old], pages))
    }

    /// Puts single items (a dossier's card, a note) in place of what had the same source. Visible after [`Self::commit`].
    ///
    /// # Errors
    /// As [`Self::replace_document`].
    pub fn replace_items(&self, items: &[Item]) -> Result<(), Error> {
        let _turn = self.turn();
        let inner = self.inner();
        let key = |item: &Item| item.source.to_key(item.dossier);
        let old: Vec<_> =
            items.iter().map(|i| Term::from_field_bytes(inner.fields.source, &key(i))).collect();
        inner.note(inner.replace(&old, items))
    }

    /// Removes everything of a dossier; the next [`Self::commit`] also takes it out of the files. Lists that somebody pages
    /// through do not show it any more.
    ///
    /// # Errors
    /// As [`Self::replace_document`].
    pub fn remove_dossier(&self, dossier: DossierId) -> Result<(), Error> {
        let _turn = self.turn();
        let inner = self.inner();
        inner.lock().purge = true;
        inner.views.drop_all();
        let old = Term::from_field_bytes(inner.fields.dossier, dossier.as_bytes());
        inner.replace(&[old], &[])
    }

    /// Makes what was written durable and visible.
    ///
    /// # Errors
    /// As [`Self::replace_document`]; [`Error::Lost`] when an earlier failure took changes with it.
    pub fn commit(&self) -> Result<(), Error> {
        let _turn = self.turn();
        self.inner().commit_all()
    }

    /// Whether parts of it are still to be merged in the background: [`Self::rest`] would wait for that, and whoever writes
    /// would wait for [`Self::rest`].
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the list of its parts is damaged, [`Error::Io`] when the disk failed.
    pub fn is_merging(&self) -> Result<bool, Error> {
        let inner = self.inner();
        let parts = inner.index.searchable_segment_metas()?;
        let due = !inner.merges().compute_merge_candidates(&parts).is_empty();
        Ok(due && inner.lock().writer.is_some())
    }

    /// Gives back what is needed only for work: writer, dictionary, cache. What was pending is committed first, and what is being
    /// merged is waited for.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn rest(&self) -> Result<(), Error> {
        let _turn = self.turn();
        let inner = self.inner();
        inner.commit_all()?;
        inner.end_writer(&mut inner.lock())?;
        inner.cache.clear();
        inner.scopes.clear();
        dictionary::unload();
        Ok(())
    }

    /// Answers a query from what is committed; `offset` and `limit` are bounded by the limits.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a damaged file was met, [`Error::Io`] when the disk failed; never for the query.
    pub fn search(
        &self,
        query: &Query,
        scope: &Scope,
        offset: usize,
        limit: usize,
    ) -> Result<Results, Error> {
        self.search_as(query, scope, Wanted { offset, limit, ..Wanted::default() })
    }

    /// The same, in another order, with counts, or at another moment.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub fn search_as(&self, query: &Query, scope: &Scope, wanted: Wanted) -> Result<Results, Error> {
        let inner = self.inner();
        let limits = &inner.limits;
        let (offset, limit) =
            (wanted.offset.min(limits.results_offset_max), wanted.limit.min(limits.results_max));
        let wanted = Wanted { offset, limit, ..wanted };
        let look = inner.views.look(wanted.moment, || inner.reader.searcher());
        let results = inner.note(find(inner.ground(&look.searcher), (query, scope), wanted))?;
        Ok(inner.continued(results, &look, wanted))
    }

    /// Numbers of contracts and companies that begin as somebody types, in their order, each once.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub fn numbers(&self, typed: &str, scope: &Scope, limit: usize) -> Result<Vec<Number>, Error> {
        let inner = self.inner();
        let end = typed.char_indices().nth(inner.limits.query_max_chars).map_or(typed.len(), |(at, _)| at);
        let wanted = (&typed[..end], limit.min(inner.limits.results_max));
        inner.note(beginning(inner.ground(&inner.reader.searcher()), scope, wanted))
    }

    /// Gives back lists that nobody may page through any longer.
    pub fn drop_old_views(&self) {
        self.inner().views.drop_old();
    }

    /// All that a query finds, at most `most` of it, at once: for a list that is taken out, which must not be made of
    /// parts between which the index changes.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub fn search_whole(
        &self,
        query: &Query,
        scope: &Scope,
        order: Order,
        most: usize,
    ) -> Result<Results, Error> {
        let inner = self.inner();
        let wanted = Wanted { limit: most, order, ..Wanted::default() };
        inner.note(find(inner.ground(&inner.reader.searcher()), (query, scope), wanted))
    }

    /// Whether damage was met: the index has to be made again.
    pub fn is_damaged(&self) -> bool {
        self.inner().damaged.load(Ordering::SeqCst)
    }

    /// How large it is.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk failed.
    pub fn stats(&self) -> Result<Stats, Error> {
        let segments = self.inner().reader.searcher().segment_readers().len() as u64;
        let mut size_bytes = 0;
        for entry in std::fs::read_dir(&self.0.folder)? {
            size_bytes += entry?.metadata().map_or(0, |metadata| metadata.len());
        }
        Ok(Stats { items: self.len(), segments, size_bytes })
    }

    /// What is committed at this moment, thing by thing.
    pub fn census(&self) -> Census {
        let inner = self.inner();
        Census::new(inner.reader.searcher(), inner.fields.source)
    }

    /// How many items are committed.
    pub fn len(&self) -> u64 {
        self.inner().reader.searcher().num_docs()
    }

    /// Whether nothing is committed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    fn open(folder: &Path, key: IndexKey, clock: Clock, limits: Limits) -> Result<Self, Error> {
        let cache = Arc::new(ChunkCache::new(limits.cache_bytes));
        let directory = SealedDirectory::open(folder, key, clock.clone(), cache.clone())?;
        let fields = Fields::new();
        let index = open_or_create(directory.clone(), &fields, directory.has_content()?)?;
        // Files that belong to no segment are what a crash has left of one: they are deleted in time.
        for segment in index.searchable_segment_metas()? {
            // Without some of its parts a segment opens all the same and fails later: all of them must be there.
            directory.check(files_of(&segment))?;
        }
        Self::over(index, fields, cache, clock, limits)
    }

    fn over(
        mut index: tantivy::Index,
        fields: Fields,
        cache: Arc<ChunkCache>,
        clock: Clock,
        limits: Limits,
    ) -> Result<Self, Error> {
        index.set_tokenizers(tokenizers());
        let views = Views::new(clock, &limits);
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(STORE_BLOCKS)
            .try_into()?;
        let (writing, damaged) = (Mutex::default(), AtomicBool::new(false));
        let scopes = Scopes::new(limits.scopes_bytes);
        Ok(Self { index, reader, fields, cache, views, scopes, limits, writing, damaged })
    }

    /// The same, with the way to the next part; the moment is kept if there is another part.
    fn continued(&self, results: Results, look: &Look, wanted: Wanted) -> Results {
        let next = wanted.offset.saturating_add(wanted.limit);
        let more = wanted.limit > 0 && next < results.total && next <= self.limits.results_offset_max;
        let paged = wanted.moment != Moment::Now && (more || wanted.offset > 0);
        let view = paged.then(|| self.views.keep(look));
        let next = view.filter(|_| more).map(|view| Cursor { view, offset: next });
        let mut ignored = results.ignored;
        ignored.extend(look.moved.then_some(Ignored::Moved));
        Results { view, next, ignored, ..results }
    }

    fn ground<'a>(&'a self, searcher: &'a Searcher) -> Ground<'a> {
        let Self { fields, scopes, limits, .. } = self;
        Ground { searcher, fields, scopes, cases_max: limits.facet_cases_max }
    }

    fn replace(&self, old: &[Term], new: &[Item]) -> Result<(), Error> {
        let mut writing = self.lock();
        self.write(&mut writing, |writer| {
            for term in old {
                writer.delete_term(term.clone());
            }
            for item in new {
                writer.add_document(self.fields.document(item, self.limits.text_max_chars))?;
            }
            Ok(())
        })?;
        writing.waiting_bytes += new.iter().map(|item| item.text.len()).sum::<usize>();
        // Tantivy's queue counts documents, not bytes.
        if writing.waiting_bytes > self.limits.waiting_text_bytes {
            self.commit(&mut writing)
        } else {
            Ok(())
        }
    }

    fn commit_all(&self) -> Result<(), Error> {
        self.views.drop_old();
        let mut writing = self.lock();
        if std::mem::take(&mut writing.lost) {
            return Err(Error::Lost);
        }
        self.note(self.commit(&mut writing))
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that damage was met.
    fn note<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if matches!(result, Err(Error::Corrupt)) && !self.damaged.swap(true, Ordering::SeqCst) {
            tracing::error!("the search index is damaged: it is made again");
        }
        result
    }

    /// Lets `work` use the writer. After an error the writer is given up and with it all that was pending.
    fn write(
        &self,
        writing: &mut Writing,
        work: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>,
    ) -> Result<(), Error> {
        if writing.closed {
            return Err(Error::Lost);
        }
        let writer = match &mut writing.writer {
            Some(writer) => writer,
            None => writing.writer.insert(self.open_writer()?),
        };
        let pending = std::mem::replace(&mut writing.pending, true);
        work(writer).map_err(|error| {
            writing.lost |= pending;
            writing.pending = false;
            writing.waiting_bytes = 0;
            writing.writer = None;
            error.into()
        })
    }

    fn open_writer(&self) -> Result<IndexWriter, Error> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(self.limits.writer_memory_bytes.max(WRITER_MEMORY_MIN))
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = self.index.writer_with_options(options)?;
        writer.set_merge_policy(Box::new(self.merges()));
        Ok(writer)
    }

    fn merges(&self) -> Merges {
        Merges { items_max: self.limits.merge_max_items }
    }

    fn commit(&self, writing: &mut Writing) -> Result<(), Error> {
        if writing.pending {
            // When this fails, the next commit says once more that changes were lost: another caller's may be among them.
            self.write(writing, |writer| writer.commit().map(drop))?;
            writing.pending = false;
            writing.waiting_bytes = 0;
            self.reader.reload()?;
            if writing.purge {
                // A list that began meanwhile still had what is gone now.
                self.views.drop_all();
            }
        }
        if std::mem::take(&mut writing.purge) {
            self.purge(writing).inspect_err(|_| writing.purge = true)?;
        }
        Ok(())
    }

    /// Commits what is pending; then the set of files stands still.
    fn stand_still(&self, writing: &mut Writing) -> Result<(), Error> {
        if writing.closed {
            return Err(Error::Corrupt);
        }
        self.commit(writing)?;
        self.end_writer(writing)
    }

    /// Gives the writer up when its merges are done.
    fn end_writer(&self, writing: &mut Writing) -> Result<(), Error> {
        if let Some(writer) = writing.writer.take() {
            writer.wait_merging_threads()?;
            self.reader.reload()?;
        }
        Ok(())
    }

    /// The files that the index is made of; others in its folder are what a crash has left.
    fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files: Vec<PathBuf> = vec![LIST_OF_SEGMENTS.into(), LIST_OF_FILES.into()];
        for segment in self.index.searchable_segment_metas()? {
            files.extend(files_of(&segment));
        }
        Ok(files)
    }

    /// Rewrites the segments that still hold deleted items.
    fn purge(&self, writing: &mut Writing) -> Result<(), Error> {
        for _ in 0..PURGE_ROUNDS {
            // Merges that run already may hold the segments.
            if let Some(writer) = writing.writer.take() {
                writer.wait_merging_threads()?;
            }
            let segments = self.index.searchable_segment_metas()?;
            let holed = segments.iter().filter(|segment| segment.num_deleted_docs() > 0);
            let holed: Vec<_> = holed.map(|segment| segment.id()).collect();
            let writer = writing.writer.insert(self.open_writer()?);
            for segment in &holed {
                writer.merge(&[*segment]).wait()?;
            }
            self.reader.reload()?;
            // Whoever holds the files that are to go lets go of them.
            self.views.drop_all();
            writer.garbage_collect_files().wait()?;
            if holed.is_empty() {
                break;
            }
        }
        Ok(())
    }
}
