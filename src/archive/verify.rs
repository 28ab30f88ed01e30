//! Verifying what documents consist of: keys, originals, texts, their pages in the index, and names that are nobody's.
//!
//! It collects all problems and goes on; only a store that does not answer ends it. It writes nothing.

mod contents;
mod documents;
mod indexed;
mod names;
mod report;

use std::sync::Arc;

use super::{Archive, Error};
use crate::config::Limits;
use crate::keys::Keys;
use crate::objects::Objects;
use crate::records::Records;

pub use documents::Examined;
pub(crate) use documents::key_problem;
pub use names::Names;
pub use report::{Depth, Problem, ProblemCode, Report};

/// Looks at what the archive consists of. Cloning shares it.
#[derive(Clone)]
pub struct Examiner {
    pub(crate) objects: Objects,
    pub(crate) records: Records,
    pub(crate) keys: Keys,
    pub(crate) limits: Arc<Limits>,
}

impl Archive {
    /// Whoever looks at this archive.
    pub fn examiner(&self) -> Examiner {
        Examiner {
            objects: self.objects.clone(),
            records: self.records.clone(),
            keys: self.keys.clone(),
            limits: Arc::clone(&self.limits),
        }
    }
}
