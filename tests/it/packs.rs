//! Packs as a firm writes them: wrong ones are found out, and no file makes the check fall over.

use std::collections::BTreeMap;
use std::path::Path;

use lantai::workflow::{Limits, Pack, pack};
use serde::Deserialize;

#[derive(Deserialize)]
struct Broken {
    name: String,
    change: Change,
    finds: Finds,
}

#[derive(Deserialize)]
struct Change {
    file: String,
    find: String,
    with: String,
}

#[derive(Deserialize)]
struct Finds {
    code: String,
    file: String,
    at: String,
    #[serde(default = "first")]
    nth: usize,
}

fn first() -> usize {
    1
}

#[expect(clippy::unwrap_used, reason = "without the pack there is nothing to test")]
fn bundled() -> BTreeMap<String, Vec<u8>> {
    pack::read_files(Path::new("workflows/customer-service"), Limits::default()).unwrap()
}

#[test]
fn what_is_wrong_is_found_on_its_line() {
    let list = std::fs::read_to_string("fixtures/packs/broken.yaml").unwrap();
    let list: Vec<Broken> = serde_saphyr::from_str(&list).unwrap();
    let mut wrong = Vec::new();
    for Broken { name, change, finds } in list {
        let mut files = bundled();
        let text = String::from_utf8(files[&change.file].clone()).unwrap();
        assert!(text.contains(&change.find), "{name}: the pack has changed");
        files.insert(change.file.clone(), text.replacen(&change.find, &change.with, 1).into_bytes());
        let changed = String::from_utf8(files[&finds.file].clone()).unwrap();
        let lines = changed.lines().enumerate().filter(|(_, line)| line.contains(&finds.at));
        let line =
            lines.map(|(i, _)| i + 1).nth(finds.nth - 1).unwrap_or_else(|| panic!("{name}: no such line"));
        let findings = pack::check(&files);
        let right = |found: &lantai::workflow::Finding| {
            found.code == finds.code && found.file == finds.file && found.line as usize == line
        };
        if !findings.iter().any(right) {
            wrong
                .push(format!("{name}: wanted {} at {}:{line}, found {findings:#?}", finds.code, finds.file));
        }
        assert!(Pack::load(&files).is_err(), "{name}: a wrong pack is not loaded");
        for found in &findings {
            assert!(
                !found.message.zh.is_empty() && !found.message.en.is_empty() && !found.hint.en.is_empty()
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_makes_the_check_fall_over() {
    let good = bundled();
    for path in good.keys() {
        for cut in [0, 1, 7, 100, 1000, 3000] {
            for junk in [&b""[..], b"\xff\xfe", b"\n- [", b"\n? {a: b}\n: 1", b"\n\t", b"null"] {
                let mut files = good.clone();
                let bytes = files.get_mut(path).unwrap();
                bytes.truncate(cut);
                bytes.extend_from_slice(junk);
                pack::check(&files);
            }
        }
    }
    assert!(!pack::check(&BTreeMap::new()).is_empty());
    let small = Limits { file_bytes: 100, ..Limits::default() };
    assert!(pack::check_with(&good, small).iter().all(|found| found.code == "E00"));
}

#[test]
fn a_folder_is_read_as_the_bundled_pack() {
    let read = Pack::read_dir(Path::new("workflows/customer-service")).unwrap();
    assert_eq!(read.hash(), Pack::bundled().hash());
    let reference = read.definition("customer-intake").unwrap().reference();
    assert!(reference.starts_with("customer-intake@1.1.0#sha256:"), "{reference}");
}
