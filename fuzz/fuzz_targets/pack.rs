//! A pack's files, each possibly anything: the check answers with places that exist, what it passes can be run, drawn,
//! compared and walked, and nothing falls over.
#![no_main]

use std::collections::BTreeMap;

use lantai::workflow::simulate::Simulation;
use lantai::workflow::{Limits, Pack, Severity, diagram, diff, pack, story};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { file_bytes: 1 << 16, depth: 20, nodes: 5000, files: 20 };

/// The bundled pack with other files: a path, NUL, its text, NUL, and so on.
fn files(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = Pack::bundled().files().clone();
    let mut parts = bytes.split(|byte| *byte == 0);
    while let (Some(path), Some(text)) = (parts.next(), parts.next()) {
        files.insert(String::from_utf8_lossy(path).into_owned(), text.to_vec());
    }
    files
}

fuzz_target!(|bytes: &[u8]| {
    let files = files(bytes);
    let findings = pack::check_with(&files, LIMITS);
    for found in &findings {
        assert!(found.line >= 1 && found.column >= 1 && !found.hint.en.is_empty(), "{found:?}");
        let lines = files.get(&found.file).map_or(1, |file| file.split(|byte| matches!(byte, b'\n' | b'\r')).count());
        assert!(found.line as usize <= lines.max(1), "{found:?}");
    }
    let Ok(pack) = Pack::load(&files) else {
        return assert!(findings.iter().any(|found| found.severity == Severity::Error));
    };
    let _ = (story::run(&pack), diff(&Pack::bundled(), &pack));
    for definition in pack.definitions().values() {
        let _ = (diagram::svg(definition, "zh"), diagram::mermaid(definition, "en"), diagram::dot(definition, "en"));
        let Ok(mut walk) = Simulation::new(&pack, definition, "en", 1, jiff::Timestamp::UNIX_EPOCH) else { continue };
        for line in String::from_utf8_lossy(bytes).lines().take(50) {
            let _ = walk.command(line);
        }
    }
});
