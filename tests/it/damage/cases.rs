//! The cases: kinds of objects, damages, and what must be found.

use std::path::Path;

use lantai::objects::Key;

use super::sample::{Copy, Sample};

/// What is done to an object.
#[derive(Debug, Clone)]
enum Deed {
    Flip(At),
    Truncate,
    Delete,
    /// With another object of this archive.
    Swap(String),
    /// With the same object of another archive.
    Replace,
    /// By what it was before.
    RollBack,
    /// A copy of it is put under this name.
    Add(String),
    /// Junk is put under this name.
    AddJunk(String),
}

/// Which byte.
#[derive(Debug, Clone, Copy)]
enum At {
    First,
    Middle,
    Last,
    /// The tenth byte of the first recipient.
    Recipient,
}

/// One damage to one object.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) object: &'static str,
    pub(super) damage: &'static str,
    path: String,
    deed: Deed,
    /// Codes and subjects.
    pub(super) expected: Vec<(&'static str, String)>,
}

impl Case {
    /// Damages a copy of the sample.
    pub(super) fn apply(&self, sample: &Sample, copy: &Copy) {
        let path = copy.object(&self.path);
        match &self.deed {
            Deed::Flip(at) => flip(&path, *at),
            Deed::Truncate => {
                let bytes = std::fs::read(&path).unwrap();
                std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            }
            Deed::Delete => std::fs::remove_file(&path).unwrap(),
            Deed::Swap(other) => {
                let other = copy.object(other);
                let (mine, theirs) = (std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap());
                assert_ne!(mine, theirs);
                std::fs::write(&path, theirs).unwrap();
                std::fs::write(&other, mine).unwrap();
            }
            Deed::Replace => {
                let foreign = std::fs::read(sample.other.path().join("bucket").join(&self.path)).unwrap();
                std::fs::write(&path, foreign).unwrap();
            }
            Deed::RollBack => std::fs::write(&path, &sample.older[&self.path]).unwrap(),
            Deed::Add(name) => put(&copy.object(name), &std::fs::read(&path).unwrap()),
            Deed::AddJunk(name) => put(&copy.object(name), b"junk\n"),
        }
    }
}

fn put(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn flip(path: &Path, at: At) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = match at {
        At::First => 0,
        At::Middle => bytes.len() / 2,
        At::Last => bytes.len() - 1,
        At::Recipient => memchr::memmem::find(&bytes, b"age1").unwrap() + 10,
    };
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// A kind of object: where one lies, and what each damage must be called.
struct Kind {
    object: &'static str,
    path: String,
    /// Flipped or truncated.
    damaged: &'static str,
    missing: Option<&'static str>,
    swapped: Option<(Deed, Vec<(&'static str, String)>)>,
    older: Option<&'static str>,
    added: Option<(Deed, &'static str)>,
}

impl Kind {
    fn cases(self) -> Vec<Case> {
        let case = |damage, deed, expected| Case {
            object: self.object,
            damage,
            path: self.path.clone(),
            deed,
            expected,
        };
        let own = |code| vec![(code, self.path.clone())];
        let mut cases = Vec::new();
        if self.object == "manifest" {
            cases.push(case(
                "bit flipped in a recipient",
                Deed::Flip(At::Recipient),
                own("manifest_differs"),
            ));
        }
        for (damage, at) in [
            ("first bit flipped", At::First),
            ("middle bit flipped", At::Middle),
            ("last bit flipped", At::Last),
        ] {
            // In the middle of a manifest it depends on the ids what a bit does.
            if self.object != "manifest" || !matches!(at, At::Middle) {
                cases.push(case(damage, Deed::Flip(at), own(self.damaged)));
            }
        }
        cases.push(case("truncated", Deed::Truncate, own(self.damaged)));
        cases.extend(self.missing.map(|code| case("deleted", Deed::Delete, own(code))));
        if let Some((deed, expected)) = &self.swapped {
            let damage = if matches!(deed, Deed::Replace) { "another archive's" } else { "swapped" };
            cases.push(case(damage, deed.clone(), expected.clone()));
        }
        cases.extend(self.older.map(|code| case("rolled back", Deed::RollBack, own(code))));
        if let Some((deed, code)) = &self.added {
            let (Deed::Add(name) | Deed::AddJunk(name)) = deed else { unreachable!() };
            cases.push(case("one added", deed.clone(), vec![(*code, name.clone())]));
        }
        cases
    }
}

/// All cases.
pub(super) fn cases(sample: &Sample) -> Vec<Case> {
    let kinds = [keys(sample), documents(sample), log(sample)].into_iter().flatten();
    kinds.flat_map(Kind::cases).chain(between_dossiers(sample)).collect()
}

/// Originals of two dossiers, exchanged and put where they do not belong.
fn between_dossiers(sample: &Sample) -> [Case; 2] {
    let [a, _, b] = &sample.papers[..] else { unreachable!("there are three papers") };
    let path = |dossier: &str, id: &str| format!("documents/{dossier}/{id}/original.age");
    let (mine, theirs) = (path(&a.dossier, &a.id), path(&b.dossier, &b.id));
    let astray = path(&b.dossier, &a.id);
    let case =
        |damage, deed, expected| Case { object: "original", damage, path: mine.clone(), deed, expected };
    let changed = vec![("original_changed", mine.clone()), ("original_changed", theirs.clone())];
    [
        case("swapped with another dossier's", Deed::Swap(theirs), changed),
        case("copied into another dossier", Deed::Add(astray.clone()), vec![("orphan", astray)]),
    ]
}

fn keys(sample: &Sample) -> Vec<Kind> {
    let (archive, journal, log) = (Key::ArchiveKey.path(), Key::JournalKey.path(), Key::LogKey.path());
    let (a, b) = (dossier_key(sample, 0), dossier_key(sample, 2));
    let key = |object, path: &str, swapped, added: Deed, code| Kind {
        object,
        path: path.to_owned(),
        damaged: "key_damaged",
        missing: Some("key_missing"),
        swapped: Some(swapped),
        older: None,
        added: Some((added, code)),
    };
    let foreign = |path: &str| Deed::Add(format!("{path}.old"));
    let replaced = |path: &str| (Deed::Replace, vec![("key_damaged", path.to_owned())]);
    let with = |path: &str, other: &str| {
        (Deed::Swap(other.to_owned()), vec![("key_wrong", path.to_owned()), ("key_wrong", other.to_owned())])
    };
    let made_up = format!("keys/{}.age", "0".repeat(26));
    let manifest = Key::Manifest.path();
    vec![
        Kind {
            object: "manifest",
            path: manifest.clone(),
            damaged: "manifest_damaged",
            missing: Some("manifest_missing"),
            swapped: Some((Deed::Replace, vec![("manifest_differs", manifest.clone())])),
            older: None,
            added: Some((Deed::Add(format!("{manifest}.old")), "foreign")),
        },
        key("archive key", &archive, replaced(&archive), foreign(&archive), "foreign"),
        key("journal key", &journal, with(&journal, &a), foreign(&journal), "foreign"),
        key("log key", &log, replaced(&log), foreign(&log), "foreign"),
        key("dossier key", &a, with(&a, &b), Deed::Add(made_up), "orphan"),
    ]
}

fn dossier_key(sample: &Sample, paper: usize) -> String {
    format!("keys/{}.age", sample.papers[paper].dossier)
}

fn documents(sample: &Sample) -> Vec<Kind> {
    let path = |paper: usize, name: &str| {
        let paper = &sample.papers[paper];
        format!("documents/{}/{}/{name}.age", paper.dossier, paper.id)
    };
    let kind = |object, name: &str, damaged, missing, other: usize| Kind {
        object,
        path: path(0, name),
        damaged,
        missing: Some(missing),
        swapped: Some((
            Deed::Swap(path(other, name)),
            vec![(damaged, path(0, name)), (damaged, path(other, name))],
        )),
        older: None,
        added: Some((
            Deed::Add(format!("documents/{}/{}/{name}.age", sample.papers[0].dossier, "0".repeat(26))),
            "orphan",
        )),
    };
    vec![
        kind("original", "original", "original_changed", "original_missing", 1),
        kind("text", "text", "text_changed", "text_missing", 1),
    ]
}

fn log(sample: &Sample) -> Vec<Kind> {
    let rest = u16::try_from(sample.entries % 256).unwrap();
    let tile = |level, index, width| Key::Tile { level, index, width }.path();
    let bundle = |index, width| Key::EntryBundle { index, width }.path();
    let both = |code, path: &str, other: &str| {
        Some((Deed::Swap(other.to_owned()), vec![(code, path.to_owned()), (code, other.to_owned())]))
    };
    let kind = |object, path: String, damaged, missing, other: String, added: Deed| Kind {
        object,
        damaged,
        missing: Some(missing),
        swapped: both(damaged, &path, &other),
        older: None,
        added: Some((added, "surplus")),
        path,
    };
    let (full, part, upper) = (tile(0, 0, 256), tile(0, 1, rest), tile(1, 0, 1));
    let (full_bundle, part_bundle) = (bundle(0, 256), bundle(1, rest));
    let beyond = |name: &str| Deed::Add(format!("journal/tile/{name}/007"));
    let payloads = payloads(sample);
    let [.., first, second] = &payloads[..] else { unreachable!("there are several rounds") };
    let checkpoint = Key::Checkpoint.path();
    vec![
        Kind {
            object: "checkpoint",
            path: checkpoint.clone(),
            damaged: "checkpoint_damaged",
            missing: Some("checkpoint_missing"),
            swapped: Some((Deed::Replace, vec![("checkpoint_damaged", checkpoint.clone())])),
            older: Some("log_rolled_back"),
            added: Some((Deed::Add("journal/checkpoint.old".into()), "foreign")),
        },
        kind("hash tile, full", full.clone(), "tile_damaged", "tile_missing", part.clone(), beyond("0")),
        kind("hash tile, partial", part.clone(), "tile_damaged", "tile_missing", full.clone(), beyond("0")),
        kind("hash tile, upper level", upper, "tile_damaged", "tile_missing", part, beyond("1")),
        kind(
            "bundle, full",
            full_bundle.clone(),
            "bundle_damaged",
            "bundle_missing",
            part_bundle.clone(),
            beyond("entries"),
        ),
        kind(
            "bundle, partial",
            part_bundle,
            "bundle_damaged",
            "bundle_missing",
            full_bundle,
            beyond("entries"),
        ),
        earlier("hash tile, earlier partial", tile(0, 1, rest - 1), tile(0, 1, rest - 2)),
        earlier("bundle, earlier partial", bundle(1, rest - 1), bundle(1, rest - 2)),
        kind(
            "payloads",
            first.clone(),
            "payloads_damaged",
            "payloads_missing",
            second.clone(),
            Deed::AddJunk(format!("journal/sealed/{:020}-1.jsonl", sample.entries + 7)),
        ),
    ]
}

/// An object that nothing needs any more.
fn earlier(object: &'static str, path: String, other: String) -> Kind {
    let swapped = vec![("surplus", path.clone()), ("surplus", other.clone())];
    Kind {
        object,
        path,
        damaged: "surplus",
        missing: None,
        swapped: Some((Deed::Swap(other), swapped)),
        older: None,
        added: None,
    }
}

/// The payload objects of single entries, in order.
fn payloads(sample: &Sample) -> Vec<String> {
    let listed = sample.copy().bucket_files();
    listed.into_keys().filter(|path| path.starts_with("journal/sealed/")).collect()
}
