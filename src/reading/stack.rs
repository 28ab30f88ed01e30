//! Stacks: a pile of papers that went through a scanner at once becomes documents.
//!
//! Stands after the codes and blank pages of the stack's pages are known: [`cover`] says what a code means, [`plan`]
//! which pages belong together, [`split`] makes a document of each part. The stack itself is archived as it came, and
//! stays: a part is a copy for convenience, and nothing here decides anything that a person cannot undo.

pub mod collation;
pub mod cover;
pub mod plan;
pub mod split;

pub use cover::{Cover, FormMark, Mark, parse, runs, svg};
pub use plan::{PageSeen, Plan, Sides, plan};
