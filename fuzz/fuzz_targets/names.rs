//! Names of objects and signed checkpoints, as a stranger with write access to the bucket could leave them.
#![no_main]

use lantai::journal::verify_checkpoint;
use lantai::objects::Key;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(key) = Key::parse(text) {
        assert_eq!(key.path(), text);
    }
    let (key, note) = text.split_once('\0').unwrap_or(("", text));
    let _ = verify_checkpoint(note.as_bytes(), key);
});
