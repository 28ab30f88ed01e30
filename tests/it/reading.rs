//! The reading engine on real files, and against broken, hostile and enormous ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod corpus;
mod hostile;
mod hostile_served;
mod locked;
mod made;
mod ocr;
mod pages;
mod pictures;
mod samples;
mod worker;

use std::path::PathBuf;

use lantai::reading::worker::Reader;
use lantai::reading::{Limits, Outcome, Reason, Waiting};

const NEEDS_OCR: Outcome = Outcome::NotReadYet { reason: Waiting::NeedsOcr };

const fn unreadable(reason: Reason) -> Outcome {
    Outcome::Unreadable { reason }
}

/// A reader whose children are the real program.
fn reader(limits: Limits) -> Reader {
    Reader::new(PathBuf::from(env!("CARGO_BIN_EXE_lantai")), limits)
}

/// The folder of sample files, `$LANTAI_SAMPLES` or beside the project. Without it a test that needs it is
/// skipped, or fails if `$LANTAI_REQUIRE` names `samples`.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the environment of a test run is its command line"
)]
fn samples() -> Option<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let told = std::env::var_os("LANTAI_SAMPLES").map(PathBuf::from);
    let beside = ["../shared/samples", "../../shared/samples"].map(|path| manifest.join(path));
    let found = told.into_iter().chain(beside).find(|path| path.is_dir());
    if found.is_none() {
        let required = std::env::var("LANTAI_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|name| name == "samples"), "the samples are required and not there");
        println!("skipped: no samples");
    }
    found
}
