//! Another key for the index: the same is found, the former key opens nothing, and a crash costs time at most.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Fixture, TEXT, check_unreadable, files, id, page, put_marked_card};
use crate::clock::Clock;
use crate::search::sealed_file::open as open_sealed;
use crate::search::{Error, Index, IndexKey, IndexPlace, Limits};

const WORD: &str = "基金合同";
/// The documents that have the word.
const ALL: [u8; 8] = [1, 2, 3, 4, 6, 7, 8, 9];
/// The key that the fixture is sealed under.
const FIRST: u8 = 42;

fn key(number: u8) -> IndexKey {
    IndexKey::from_bytes([number; 32])
}

fn index_of(data: &Path) -> PathBuf {
    data.join("index")
}

/// A number stands in it for the sealed key.
fn key_file(data: &Path) -> PathBuf {
    data.join("index.key")
}

fn open_at(data: &Path, number: u8) -> Result<Index, Error> {
    Index::open(&index_of(data), key(number), Clock::system(), Limits::default())
}

fn rotate(index: &Index, data: &Path, number: u8) -> Result<(), Error> {
    index.rotate(&key_file(data), key(number), |file| Ok(fs::write(file, [number])?))
}

/// An index of several segments, one of them with something deleted, in a data folder.
fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    fs::write(key_file(dir.path()), [FIRST]).unwrap();
    let index = open_at(dir.path(), FIRST).unwrap();
    let fixture = Fixture { dir, index };
    for number in 1..=3 {
        fixture.put(number, number, &[TEXT]);
        fixture.index.commit().unwrap();
    }
    for number in [4, 6, 7, 8, 9, 10] {
        fixture.put(number, number, &[TEXT, "第二页"]);
    }
    fixture.index.commit().unwrap();
    fixture.put(10, 10, &[]);
    put_marked_card(&fixture.index);
    fixture.check(WORD, &ALL);
    fixture
}

/// Nothing lies in the data folder but the index and its key, which is this one.
fn check_folder(data: &Path, number: u8) {
    assert_eq!(files(data), [index_of(data), key_file(data)]);
    assert_eq!(fs::read(key_file(data)).unwrap(), [number]);
}

/// Writing goes on: a document comes and goes.
fn check_writing(fixture: &Fixture) {
    fixture.put(30, 30, &["一份新的基金合同"]);
    fixture.index.commit().unwrap();
    assert_eq!(fixture.found(WORD).last(), Some(&30));
    fixture.put(30, 30, &[]);
    fixture.index.commit().unwrap();
    fixture.check(WORD, &ALL);
}

#[test]
fn all_is_found_as_before_and_the_former_key_opens_nothing() {
    let Fixture { dir, index } = fixture();
    let (data, folder) = (dir.path().to_owned(), index_of(dir.path()));
    assert!(files(&folder).iter().any(|path| path.extension().is_some_and(|ending| ending == "del")));
    // What a crash has left of a segment is no part of the index.
    fs::write(folder.join("left.idx"), b"cut off").unwrap();
    // A rotation waits until nothing is being merged.
    while index.is_merging().unwrap() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let before = index.stats().unwrap();
    rotate(&index, &data, 43).unwrap();
    check_folder(&data, 43);
    let after = index.stats().unwrap();
    assert_eq!(after.items, before.items);
    // What was merged in the end is seen with the next commit.
    assert!(after.segments <= before.segments, "{after:?}, before {before:?}");
    let mut sealed = 0;
    for path in files(&folder) {
        let (name, bytes) = (path.file_name().unwrap().to_str().unwrap(), fs::read(&path).unwrap());
        if bytes.is_empty() {
            assert!(name.ends_with(".lock"), "{name}");
            continue;
        }
        assert!(open_sealed(&key(FIRST), name, &bytes).is_err(), "{name}");
        assert!(open_sealed(&key(43), name, &bytes).is_ok(), "{name}");
        sealed += 1;
    }
    assert!(sealed > 10 && !folder.join("left.idx").exists(), "{sealed}");
    check_unreadable(&folder);
    let fixture = Fixture { dir, index };
    fixture.check(WORD, &ALL);
    assert_eq!(fixture.found("ZXCVMARKER9876"), [5]);
    check_writing(&fixture);

    // What is pending is not lost, and a start finds all of it.
    fixture.put(31, 31, &["又一份基金合同"]);
    rotate(&fixture.index, &data, 44).unwrap();
    assert_eq!(fixture.found(WORD).last(), Some(&31));
    fixture.index.commit().unwrap();
    drop(fixture.index);
    check_folder(&data, 44);
    assert!(matches!(open_at(&data, 43).map(drop), Err(Error::Corrupt)));
    let fixture = Fixture { index: open_at(&data, 44).unwrap(), dir: fixture.dir };
    assert_eq!(fixture.found(WORD).last(), Some(&31));
}

#[test]
fn an_empty_index_gets_another_key() {
    let dir = tempfile::tempdir().unwrap();
    let index = open_at(dir.path(), FIRST).unwrap();
    rotate(&index, dir.path(), 43).unwrap();
    check_folder(dir.path(), 43);
    let fixture = Fixture { dir, index };
    fixture.put(1, 1, &[TEXT]);
    fixture.index.commit().unwrap();
    fixture.check(WORD, &[1]);
}

#[test]
fn whoever_writes_waits() {
    let fixture = fixture();
    let mut writing = None;
    let keep = |file: &Path| -> Result<(), Error> {
        // The files of before are asked.
        fixture.check(WORD, &ALL);
        let index = fixture.index.clone();
        let writer = std::thread::spawn(move || {
            index.replace_document(id(30), &[page(30, 30, 1, "基金合同")])?;
            index.commit()
        });
        std::thread::sleep(Duration::from_millis(100));
        assert!(!writer.is_finished());
        writing = Some(writer);
        Ok(fs::write(file, [43])?)
    };
    fixture.index.rotate(&key_file(fixture.dir.path()), key(43), keep).unwrap();
    writing.unwrap().join().unwrap().unwrap();
    assert_eq!(fixture.found(WORD).last(), Some(&30));
    assert_eq!(fixture.found(WORD).len(), ALL.len() + 1);
}

#[test]
fn who_asks_meanwhile_gets_the_same_answers() {
    let fixture = fixture();
    let done = AtomicBool::new(false);
    let (rotated, asked) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !done.load(Ordering::SeqCst) {
                fixture.check(WORD, &ALL);
                asked += 1;
            }
            asked
        });
        let rotated: Vec<_> =
            (43..53).map(|number| rotate(&fixture.index, fixture.dir.path(), number)).collect();
        done.store(true, Ordering::SeqCst);
        (rotated, asking.join().unwrap())
    });
    assert!(rotated.into_iter().all(|rotated| rotated.is_ok()) && asked > 0);
    check_folder(fixture.dir.path(), 52);
    check_writing(&fixture);
}

#[test]
fn one_that_fails_leaves_all_as_it_was() {
    let fixture = fixture();
    let data = fixture.dir.path();
    let failed = fixture.index.rotate(&key_file(data), key(43), |file: &Path| -> Result<(), Error> {
        fs::write(file, [43])?;
        Err(Error::Busy)
    });
    assert!(matches!(failed, Err(Error::Busy)));
    check_folder(data, FIRST);
    check_writing(&fixture);
    assert!(!fixture.index.is_damaged());

    let largest = files(&index_of(data)).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len());
    let (path, mut bytes) = largest.map(|path| (path.clone(), fs::read(path).unwrap())).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    assert!(matches!(rotate(&fixture.index, data, 43), Err(Error::Corrupt)));
    check_folder(data, FIRST);
    assert!(fixture.index.is_damaged());
}

/// Copies a folder with all that is in it over what is there.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in files(from) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

/// A data folder with an index, closed, and a copy of it after a rotation.
fn before_and_after() -> (tempfile::TempDir, tempfile::TempDir) {
    let (Fixture { dir, index }, after) = (fixture(), tempfile::tempdir().unwrap());
    index.rest().unwrap();
    drop(index);
    copy(dir.path(), after.path());
    rotate(&open_at(after.path(), FIRST).unwrap(), after.path(), 43).unwrap();
    (dir, after)
}

fn settle(data: &Path) {
    IndexPlace::new(&index_of(data), &key_file(data)).settle().unwrap();
}

#[test]
fn wherever_it_dies_a_start_finds_the_one_or_the_other() {
    let (before, after) = before_and_after();
    let steps: [&dyn Fn(&Path); 7] = [
        &|data| fs::write(data.join("index.key.next"), [43]).unwrap(),
        // A part of the files, and one of them not whole.
        &|data| {
            let next = data.join("index.next");
            fs::create_dir(&next).unwrap();
            let parts = files(&index_of(after.path()));
            for path in parts.iter().filter(|path| fs::metadata(path).unwrap().len() > 0).take(3) {
                fs::write(next.join(path.file_name().unwrap()), b"cut off").unwrap();
            }
        },
        &|data| copy(&index_of(after.path()), &data.join("index.next")),
        &|data| fs::rename(index_of(data), data.join("index.old")).unwrap(),
        &|data| fs::rename(data.join("index.next"), index_of(data)).unwrap(),
        &|data| fs::rename(data.join("index.key.next"), key_file(data)).unwrap(),
        &|data| fs::remove_file(data.join("index.old/meta.json")).unwrap(),
    ];
    for done in 0..=steps.len() {
        let dir = tempfile::tempdir().unwrap();
        copy(before.path(), dir.path());
        for step in &steps[..done] {
            step(dir.path());
        }
        settle(dir.path());
        let number = if done < 4 { FIRST } else { 43 };
        check_folder(dir.path(), number);
        let fixture = Fixture { index: open_at(dir.path(), number).unwrap(), dir };
        fixture.check(WORD, &ALL);
        check_writing(&fixture);
        rotate(&fixture.index, fixture.dir.path(), 44).unwrap();
        fixture.check(WORD, &ALL);
    }
}

/// Somebody has moved things, or the disk has failed.
#[test]
fn what_does_not_belong_together_is_deleted() {
    let (before, after) = before_and_after();
    let (next_key, next, old) = ("index.key.next", "index.next", "index.old");
    for there in [vec![old], vec![next], vec![next, old], vec![next_key, next], vec![next_key, old]] {
        for with_index in [true, false] {
            // This is what a rotation leaves that died after its fourth step.
            if with_index && there == [next_key, old] {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            copy(before.path(), dir.path());
            for name in &there {
                match *name {
                    "index.key.next" => fs::write(dir.path().join(name), [43]).unwrap(),
                    _ => copy(&index_of(after.path()), &dir.path().join(name)),
                }
            }
            if !with_index {
                fs::remove_dir_all(index_of(dir.path())).unwrap();
            }
            settle(dir.path());
            assert_eq!(index_of(dir.path()).exists(), with_index, "{there:?}");
            let opened = Fixture { index: open_at(dir.path(), FIRST).unwrap(), dir };
            check_folder(opened.dir.path(), FIRST);
            opened.check(WORD, if with_index { &ALL } else { &[] });
        }
    }
    let dir = tempfile::tempdir().unwrap();
    copy(before.path(), dir.path());
    fs::write(dir.path().join(next_key), [43]).unwrap();
    for name in [next, old] {
        copy(&index_of(after.path()), &dir.path().join(name));
    }
    settle(dir.path());
    check_folder(dir.path(), FIRST);
}
