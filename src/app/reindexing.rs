//! Making the search index again while the archive runs: it is a copy, and the text objects have all that was in it.

use std::sync::PoisonError;

use serde::Serialize;

use super::{App, Error, aside, folder, index_key};
use crate::queue;
use crate::search::Stats;

/// How the index is.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct IndexState {
    /// How large it is.
    #[serde(flatten)]
    pub stats: Stats,
    /// Documents, cards and cases that wait to be indexed.
    pub waiting: u64,
    /// Whether damage was met; then it is made again at once.
    pub damaged: bool,
}

impl App {
    /// How the index is.
    pub fn index_state(&self) -> Result<IndexState, Error> {
        let waiting = queue::count(&self.records)?.indexing;
        Ok(IndexState { stats: self.index.stats()?, waiting, damaged: self.index.is_damaged() })
    }

    /// Sets the index aside and begins another, which is filled from the text objects; searches go on over what is there.
    pub fn renew_index(&self) -> Result<(), Error> {
        // Two at once would take each other's mark away.
        let _renewing = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let (dir, now) = (folder::index(&self.config.data), self.clock.now());
        // A change of its key that failed half-way: first of all the folder must be where it belongs.
        index_key::place(&self.config.data).finish().map_err(|source| folder::io_error(&dir, source))?;
        folder::mark_index_unfilled(&self.config.data)?;
        let set_aside = || {
            let aside = aside::put(&dir, now)?;
            tracing::warn!(aside = %aside.display(), "the search index is set aside and made again");
            Ok::<_, Error>(())
        };
        self.index.renew(set_aside)?;
        self.reindex_everything()?;
        self.note_everything_called_for()?;
        self.call_workers();
        Ok(())
    }

    /// What calls for everything to be indexed is durable: a start need not do it once more.
    pub(super) fn note_everything_called_for(&self) -> Result<(), Error> {
        self.records.flush()?;
        folder::unmark_index(&self.config.data)
    }
}
