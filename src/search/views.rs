//! Moments of the index, kept for those who page through a list: it stands still while they do.
//!
//! A view is kept when a cursor of it is given out. It goes after a time, when there are too many, and at once with
//! everything else when something in it must be gone. Who comes with a cursor after that is answered from what is there.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jiff::Timestamp;
use serde::Deserialize;
use tantivy::Searcher;

use super::limits::Limits;
use crate::clock::Clock;

/// The first byte of a cursor: what follows has the form of this version.
const CURSOR_VERSION: u8 = 1;
const NAME_BYTES: usize = 8;

/// The name of a moment that is, or was, kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View([u8; NAME_BYTES]);

/// At which moment the index is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moment {
    /// Now, and nobody asks for more of it.
    #[default]
    Now,
    /// Now; what is found is the beginning of a list.
    First,
    /// At that of an earlier part of the list.
    Then(View),
}

/// Where a part of a list begins. Written, it means nothing to anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cursor {
    /// The moment of the list.
    pub view: View,
    /// So many hits come before.
    pub offset: usize,
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of a search")]
pub struct BadCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = u32::try_from(self.offset).unwrap_or(u32::MAX).to_be_bytes();
        let bytes = [&[CURSOR_VERSION][..], &self.view.0, &offset].concat();
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let (version, rest) = bytes.split_first().ok_or(BadCursor)?;
        let (view, offset) = rest.split_first_chunk().ok_or(BadCursor)?;
        let offset = u32::from_be_bytes(offset.try_into().map_err(|_| BadCursor)?);
        let offset = usize::try_from(offset).map_err(|_| BadCursor)?;
        if *version == CURSOR_VERSION { Ok(Self { view: View(*view), offset }) } else { Err(BadCursor) }
    }
}

impl TryFrom<String> for Cursor {
    type Error = BadCursor;

    fn try_from(text: String) -> Result<Self, BadCursor> {
        text.parse()
    }
}

impl From<Option<Cursor>> for Moment {
    fn from(cursor: Option<Cursor>) -> Self {
        cursor.map_or(Self::First, |cursor| Self::Then(cursor.view))
    }
}

/// The views of one index.
pub(super) struct Views {
    kept: Mutex<Kept>,
    clock: Clock,
    max: usize,
    lasts: Duration,
}

#[derive(Default)]
struct Kept {
    /// The oldest first.
    views: VecDeque<KeptView>,
    /// Grows whenever all are dropped: what was looked at before is not to be kept any more.
    era: u64,
}

struct KeptView {
    view: View,
    searcher: Searcher,
    until: Timestamp,
}

/// The index at one moment.
pub(super) struct Look {
    pub(super) searcher: Searcher,
    /// The wanted moment was not there any more: this is now.
    pub(super) moved: bool,
    view: Option<View>,
    era: u64,
}

impl Views {
    pub(super) fn new(clock: Clock, limits: &Limits) -> Self {
        let lasts = Duration::from_secs(limits.view_seconds);
        Self { kept: Mutex::default(), clock, max: limits.views_max, lasts }
    }

    /// The index at the wanted moment, or else as it is `now`.
    pub(super) fn look(&self, moment: Moment, now: impl FnOnce() -> Searcher) -> Look {
        let kept = self.lock_without_old();
        let era = kept.era;
        if let Moment::Then(view) = moment
            && let Some(found) = kept.views.iter().find(|kept| kept.view == view)
        {
            return Look { searcher: found.searcher.clone(), moved: false, view: Some(view), era };
        }
        Look { searcher: now(), moved: matches!(moment, Moment::Then(_)), view: None, era }
    }

    /// Keeps what was looked at; the time of what is kept already begins anew only for who looks at it as at now.
    pub(super) fn keep(&self, look: &Look) -> View {
        if let Some(view) = look.view {
            return view;
        }
        let (view, until) = (View(self.clock.random_bytes()), self.end());
        let mut kept = self.lock_without_old();
        if kept.era != look.era {
            return view;
        }
        let segments = look.searcher.generation().segments();
        if let Some(same) =
            kept.views.iter_mut().find(|kept| kept.searcher.generation().segments() == segments)
        {
            same.until = until;
            return same.view;
        }
        kept.views.push_back(KeptView { view, searcher: look.searcher.clone(), until });
        let too_many = kept.views.len().saturating_sub(self.max);
        kept.views.drain(..too_many);
        view
    }

    /// Drops all: something in them must be gone. What is being looked at now is not kept either.
    pub(super) fn drop_all(&self) {
        let mut kept = self.lock_without_old();
        *kept = Kept { era: kept.era + 1, ..Kept::default() };
    }

    /// Drops those whose time is over.
    pub(super) fn drop_old(&self) {
        drop(self.lock_without_old());
    }

    fn lock_without_old(&self) -> MutexGuard<'_, Kept> {
        let now = self.clock.now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.views.retain(|kept| kept.until > now);
        kept
    }

    fn end(&self) -> Timestamp {
        self.clock.now().checked_add(self.lasts).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{BadCursor, Cursor, View};

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor { view: View([1, 2, 3, 4, 5, 6, 7, 255]), offset: 10_020 };
        let text = cursor.to_string();
        assert_eq!(text.parse(), Ok(cursor));
        let of_another_version = format!("Ag{}", &text[2..]);
        for garbage in ["", "20", "-1", "x", "合同", &text[1..], &format!("{text}A"), &of_another_version] {
            assert_eq!(garbage.parse::<Cursor>(), Err(BadCursor), "{garbage}");
        }
    }
}
