//! The Python that has the packages which some tests need: `LANTAI_PYTHON`, or else `python3`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::server::required;

/// The Python that has this package (or packages, after commas); `None`, with a printed line, if there is none and `component` is not required.
pub(crate) fn python_with(package: &str, component: &str) -> Option<PathBuf> {
    let python = std::env::var_os("LANTAI_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let found = Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if found.is_ok_and(|out| out.status.success()) {
        return Some(python);
    }
    assert!(!required(component), "{component} is required, and Python has no package {package}");
    println!("skipped: there is no Python with the package {package}");
    None
}

/// Runs the independent verifier of the log.
pub(crate) fn verify_log(python: &Path, arguments: &[&str]) -> Output {
    run_python(python, "tests/verify_log.py", arguments)
}

/// Runs a program of the tree.
pub(crate) fn run_python(python: &Path, program: &str, arguments: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
    Command::new(python).arg("-B").arg(program).args(arguments).output().unwrap()
}

/// What the verifier said; it must be satisfied.
#[track_caller]
pub(crate) fn accepted(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
