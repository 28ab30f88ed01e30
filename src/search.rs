//! Full-text search over sealed files: what was read becomes findable, in Chinese and in English.
//!
//! It stands after `reading`: a job hands over pages, dossier cards and notes as [`Item`]s, a door asks with a
//! [`Query`] within a [`Scope`] and makes each [`snippet`] from the page's own text. The index is a copy: when its
//! files are damaged or gone, it is built again. No text, word or name may reach the disk, a log or an error
//! message from here, and no hit or total may tell of a dossier outside the scope.

mod census;
mod chunk_cache;
mod dictionary;
mod directory;
mod error;
mod facets;
mod find;
mod frequencies;
mod gap;
mod index;
mod item;
mod limits;
mod merges;
mod near;
mod normal;
mod numbers;
mod parts;
mod query;
mod rotating;
mod schema;
mod sealed_file;
mod snippet;
mod spelling;
mod steady;
mod tokens;
mod views;
mod within;

#[cfg(test)]
mod tests;

pub use census::{Census, Counted};
pub use error::Error;
pub use facets::Facets;
pub use find::{Hit, Order, Results, Scope, Wanted};
pub use index::{Index, Stats};
pub use item::{CARD_KIND, Item, Source};
pub use limits::Limits;
pub use numbers::Number;
pub use query::{Ignored, Query};
pub use rotating::Place as IndexPlace;
pub use sealed_file::IndexKey;
pub use snippet::{Marker, Place, plain, snippet};
pub use views::{BadCursor, Cursor, Moment, View};
