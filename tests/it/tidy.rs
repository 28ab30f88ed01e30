//! The project tests itself: what its own rules say of the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lantai::workflow::pack::{check, read_files};
use lantai::workflow::{Limits, Pack, story};

/// The longest source file, in lines.
const LONGEST_FILE: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the project.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let rust = files(&root().join(folder))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"));
    rust.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect()
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The modules of `lib.rs`, each with the number of its group: groups are separated by blank lines and stand in the
/// order of the layers.
fn layers(lib: &str) -> BTreeMap<String, usize> {
    let mut layers = BTreeMap::new();
    let mut group = 0;
    for line in lib.lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            layers.insert(module.to_owned(), group);
        } else if line.trim().is_empty() {
            group += 1;
        }
    }
    layers
}

/// The top modules that a source uses: every `crate::name`, and every name of a `crate::{..}`.
fn used(source: &str) -> BTreeSet<String> {
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let (mut depth, mut item) = (0, String::new());
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            names.insert(word(item.trim()));
                            item.clear();
                            continue;
                        }
                        _ => {}
                    }
                    item.push(c);
                }
                names.insert(word(item.trim()));
            }
            None => {
                names.insert(word(rest));
            }
        }
    }
    names.remove("");
    names
}

/// The top module that a file of `src` belongs to.
fn module(path: &str) -> &str {
    let rest = path.strip_prefix("src/").unwrap();
    rest.split(['/', '.']).next().unwrap()
}

#[test]
fn the_check_of_layers_sees_every_form_of_use() {
    let source = "use crate::a::{b, c};\nuse crate::{d, e::{self, f}, g as h};\n// use crate::no;\nlet x = crate::i::j();";
    let expected = ["a", "d", "e", "g", "i"].map(str::to_owned);
    assert_eq!(used(source), BTreeSet::from(expected));
    let layers = layers("// 0\npub mod a;\npub mod b;\n\npub mod c;\n");
    assert_eq!((layers["a"], layers["b"], layers["c"]), (0, 0, 1));
}

#[test]
fn a_module_uses_only_what_stands_above_it() {
    let layers = layers(&std::fs::read_to_string(root().join("src/lib.rs")).unwrap());
    let mut uses: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let sources = sources("src");
    let mut wrong = Vec::new();
    for (path, source) in &sources {
        let own = module(path);
        if matches!(own, "lib" | "main") {
            continue;
        }
        let own_layer = layers.get(own).unwrap_or_else(|| panic!("{path} belongs to no module of lib.rs"));
        for name in used(source) {
            match layers.get(&name) {
                _ if name == own => {}
                Some(layer) if layer <= own_layer => {
                    uses.entry(own).or_default().insert(name);
                }
                _ => wrong.push(format!("{path} uses {name}")),
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "higher layers are used");
    // Within a group the order is the alphabet's; a circle is wrong all the same.
    for start in layers.keys() {
        let (mut open, mut seen) = (vec![start.as_str()], BTreeSet::new());
        while let Some(next) = open.pop() {
            for name in uses.get(next).into_iter().flatten() {
                assert!(name != start, "{start} is used by what it uses: {next}");
                if seen.insert(name.as_str()) {
                    open.push(name);
                }
            }
        }
    }
}

#[test]
fn no_file_is_too_long() {
    let long = [sources("src"), sources("tests")].concat();
    let long: Vec<String> = long
        .into_iter()
        .filter(|(_, source)| source.lines().count() > LONGEST_FILE)
        .map(|(path, source)| format!("{path}: {} lines", source.lines().count()))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn every_source_says_what_it_is_for_and_takes_names_one_by_one() {
    let mut wrong = Vec::new();
    for (path, source) in [sources("src"), sources("tests")].concat() {
        if !source.starts_with("//!") && !path.ends_with("/tests.rs") {
            wrong.push(format!("{path} does not begin with //!"));
        }
        if path.ends_with("/mod.rs") {
            wrong.push(format!("{path} is a mod.rs"));
        }
        let globs =
            source.lines().filter(|line| line.trim_start().starts_with("use ") && line.contains("::*;"));
        wrong.extend(globs.map(|line| format!("{path}: {line}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_pack_passes_its_check_and_its_stories_walk_everything() {
    let mut packs = 0;
    for entry in std::fs::read_dir(root().join("workflows")).unwrap() {
        let path = entry.unwrap().path();
        let findings = check(&read_files(&path, Limits::default()).unwrap());
        assert!(findings.is_empty(), "{}: {findings:#?}", name(&path));
        let report = story::run(&Pack::read_dir(&path).unwrap());
        let failed: Vec<_> = report.stories.iter().filter(|story| !story.passed).collect();
        assert!(failed.is_empty() && report.unwalked.is_empty(), "{}: {report:#?}", name(&path));
        println!(
            "{}: {} stories walk {} of {} transitions",
            name(&path),
            report.stories.len(),
            report.transitions_walked,
            report.transitions_all
        );
        packs += 1;
    }
    assert!(packs > 1);
}

/// A pack's words stand in the pack. The demonstration is of one pack, and tests are of what they test.
#[test]
fn the_sources_name_no_word_of_any_pack() {
    let mut words = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("workflows")).unwrap() {
        let pack = Pack::read_dir(&entry.unwrap().path()).unwrap();
        words.extend(pack.roles().keys().cloned());
        words.extend(pack.document_kinds().keys().cloned());
        words.extend(pack.definitions().keys().cloned());
        // Where stacks come in is the engine's own.
        words.extend(pack.dossier_kinds().keys().filter(|kind| *kind != "inbox").cloned());
    }
    assert!(words.len() > 40, "{words:?}");
    let mut wrong = Vec::new();
    for (path, source) in sources("src") {
        if path.contains("/tests") || path.starts_with("src/cli/demo") {
            continue;
        }
        let code = source.split("#[cfg(test)]").next().unwrap();
        let named = words.iter().filter(|word| code.contains(&format!("\"{word}\"")));
        wrong.extend(named.map(|word| format!("{path} names {word}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What belongs to a workplace and not to the project.
#[test]
fn the_tree_speaks_only_of_the_project() {
    let folders = ["src", "tests", "schemas", "workflows", "docs", "benches", "fixtures", ".ci"];
    let mut paths: Vec<PathBuf> = folders
        .iter()
        .map(|folder| root().join(folder))
        .filter(|path| path.is_dir())
        .flat_map(|path| files(&path))
        .collect();
    let top = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    // In a linked work tree `.git` is a file, and none of the project's.
    paths.extend(top.filter(|path| path.is_file() && !path.ends_with(".git")));
    // Written in pieces, so that this file is not what it looks for.
    let forbidden = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("Clau", "de"),
        concat!("LL", "M"),
    ];
    let mut wrong = Vec::new();
    // Ciphertext of the golden archives may spell anything.
    paths.retain(|path| !path.starts_with(root().join("fixtures/archives")));
    for path in paths {
        let Ok(text) = String::from_utf8(std::fs::read(&path).unwrap()) else { continue };
        for (number, line) in text.lines().enumerate() {
            if forbidden.iter().any(|word| line.contains(word)) || names_an_issue(line) {
                wrong.push(format!("{}:{}: {line}", name(&path), number + 1));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// `#12`, as one writes of an issue: neither a colour, nor a heading, nor a part of a URL.
fn names_an_issue(line: &str) -> bool {
    line.match_indices('#').any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let digits = line[at + 1..].chars().take_while(char::is_ascii_digit).count();
        let after = line[at + 1 + digits..].chars().next();
        let alone = after.is_none_or(|c| !c.is_alphanumeric() && c != '"' && c != '\'' && c != ';');
        before.is_none_or(|c| c == ' ' || c == '(') && (1..=4).contains(&digits) && alone
    })
}

#[test]
fn issues_are_told_from_colours_and_headings() {
    assert!(names_an_issue(concat!("see #", "12.")) && names_an_issue(concat!("(#", "7)")));
    assert!(
        !names_an_issue("color: #333;")
            && !names_an_issue("## 2 Words")
            && !names_an_issue("a#12")
            && !names_an_issue("#12ab")
    );
}
