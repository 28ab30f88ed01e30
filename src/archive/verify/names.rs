//! The names in the store: which are there, which are nobody's.

use std::collections::HashMap;

use super::{Error, Examiner, ProblemCode, Report};
use crate::objects::{Key, Listed, Prefix};

/// The objects in the store at one moment, with their lengths.
#[derive(Debug, Default)]
pub struct Names {
    /// Those whose names are ours.
    pub objects: HashMap<Key, u64>,
    /// Those that no entry speaks of, as far as could be told at that moment.
    orphans: Vec<Key>,
}

impl Examiner {
    /// Lists the store. What has no entry is noted and looked at again by [`Self::orphans`].
    pub async fn names(&self, report: &mut Report) -> Result<Names, Error> {
        let mut names = Names::default();
        for listed in self.objects.list(Prefix::All).await? {
            report.objects += 1;
            match listed.key {
                None => report.add(ProblemCode::Foreign, &listed.path),
                Some(ref key) => {
                    if self.is_orphan(&listed)? {
                        names.orphans.push(key.clone());
                    }
                    names.objects.insert(key.clone(), listed.size_bytes);
                }
            }
        }
        Ok(names)
    }

    /// Reports the orphans that still are: an upload that was under way has its entry by now. `swept_later` says that
    /// the archive was not closed in order, so that they are what cut-off uploads left.
    pub async fn orphans(&self, names: &Names, swept_later: bool, report: &mut Report) -> Result<(), Error> {
        for key in &names.orphans {
            let listed = Listed { path: key.path(), key: Some(key.clone()), size_bytes: 0 };
            if !self.is_orphan(&listed)? || self.objects.head(key).await?.is_none() {
                continue;
            }
            match swept_later {
                true => report.left_over += 1,
                false => report.add(ProblemCode::Orphan, key.path()),
            }
        }
        Ok(())
    }

    fn is_orphan(&self, listed: &Listed) -> Result<bool, Error> {
        Ok(super::super::sweep::orphan(&self.records, listed)?.is_some())
    }
}
