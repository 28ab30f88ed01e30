//! Stacks of papers: codes and blank pages on the samples, the plan, the parts, and the whole way through a server.

pub(crate) mod build;
mod chain;
mod codes;
mod hostile;
mod journey;
mod split;

use std::path::PathBuf;

/// Whether the samples are there.
fn ready() -> bool {
    crate::samples::samples().is_some()
}

/// A folder of the samples.
fn samples(folder: &str) -> PathBuf {
    crate::samples::samples().unwrap().join(folder)
}

/// The files of a folder of the samples with this ending, by name.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(samples(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == ending));
    files.sort();
    files
}

fn name(file: &std::path::Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}
