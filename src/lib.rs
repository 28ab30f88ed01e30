//! Lantai (兰台): a document archive and intake-workflow engine on object storage.
//!
//! A paper's way through the modules: a door in [`http`] or [`cli`] receives it, [`access`] permits it,
//! [`archive`] fingerprints and seals it ([`vault`]) into the object store ([`objects`]), the [`journal`]
//! writes the one log entry that makes it a fact and projects it into [`records`], and the [`jobs`] read it
//! ([`reading`]) and make it findable ([`search`]). A case moves by [`workflow`], which charges [`penalties`].
//!
//! The modules stand in reading order; a module uses only those above it (`tests/it/tidy.rs` checks).

// 0 words: plain types; nothing here waits or remembers.
pub mod clock;
pub mod config;
pub mod domain;
pub mod text;

// 1 engines: value in, value out.
pub mod access;
pub mod fields;
pub mod print;
pub mod reading;
pub mod sheets;
pub mod vault;

// 2 stores: they keep things and understand nothing of the business.
pub mod faults;
pub mod objects;
pub mod records;

// 3 commit: every change of state goes through here.
pub mod journal;
pub mod keys;
pub mod queue;

// 4 subjects.
pub mod stacks;

pub mod documents;
pub mod dossiers;
pub mod manifest;
pub mod notices;
pub mod people;
pub mod search;
pub mod searches;

pub mod delegations;
pub mod penalties;
pub mod workflow;

pub mod cases;
pub mod packs;
pub mod sealing;

// 5 what one can do with a document.
pub mod archive;

// 6 config -> App.
pub mod app;

// 7 doors: translate and call; decide nothing.
pub mod cli;
pub mod http;
pub mod jobs;
