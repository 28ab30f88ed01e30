//! Where a record store lies. It may be opened again and again, and set aside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::faults::Faulty;
use super::memory::Memory;
use super::sled::Sled;
use super::{Backend, Error};
use crate::faults::Faults;

/// The place of a record store. Cloning names the same place.
#[derive(Clone)]
pub struct Medium {
    place: Place,
    faults: Option<Faults>,
}

#[derive(Clone)]
enum Place {
    Folder(PathBuf),
    Memory(Arc<Memory>),
}

impl Medium {
    /// A folder (sled).
    pub fn folder(dir: &Path) -> Self {
        Self { place: Place::Folder(dir.to_owned()), faults: None }
    }

    /// Memory that outlives the store that has it open: for tests.
    pub fn memory() -> Self {
        Self { place: Place::Memory(Arc::default()), faults: None }
    }

    /// The same place, whose calls fail when told to: for tests of what happens then.
    pub fn with_faults(mut self) -> (Self, Faults) {
        let faults = Faults::default();
        self.faults = Some(faults.clone());
        (self, faults)
    }

    /// What was not flushed is lost, as in a crash: for tests. Of a folder nothing is lost by this.
    pub fn crash(&self) {
        if let Place::Memory(memory) = &self.place {
            memory.crash();
        }
    }

    /// Another place with the same rows; only memory can be copied.
    pub fn copy(&self) -> Option<Self> {
        match &self.place {
            Place::Folder(_) => None,
            Place::Memory(memory) => {
                Some(Self { place: Place::Memory(Arc::new(memory.copy())), faults: None })
            }
        }
    }

    /// Changes every row of a table in memory behind the store's back, as a failing disk does: for tests.
    pub fn spoil(&self, table: &str) {
        if let Place::Memory(memory) = &self.place {
            memory.spoil(&[table.as_bytes(), b"\0"].concat());
        }
    }

    /// The folder, if it is one.
    pub fn dir(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(dir) => Some(dir),
            Place::Memory(_) => None,
        }
    }

    /// Everything is lost: for tests. A folder is moved away by its owner.
    pub fn clear(&self) {
        if let Place::Memory(memory) = &self.place {
            memory.clear();
        }
    }

    pub(super) fn open(&self, cache_bytes: u64) -> Result<Arc<dyn Backend>, Error> {
        let backend: Arc<dyn Backend> = match &self.place {
            Place::Folder(dir) => Arc::new(Sled::open(dir, cache_bytes)?),
            Place::Memory(memory) => Arc::clone(memory) as Arc<dyn Backend>,
        };
        Ok(match &self.faults {
            Some(faults) => Arc::new(Faulty::new(backend, faults.clone())),
            None => backend,
        })
    }
}
