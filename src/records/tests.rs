use super::{Batch, Condition, Error, Medium, Records, Table};
use crate::clock::Clock;
use crate::faults::Fault;
use crate::vault::Identity;

const NAMES: Table<String> = Table::new("names");
const NUMBERS: Table<u64> = Table::new("numbers");

/// The one suite that every back end passes.
fn suite(records: &Records) {
    batches_are_atomic_over_tables(records);
    preconditions_are_checked(records);
    scans_stay_in_their_table_and_prefix(records);
}

fn batches_are_atomic_over_tables(records: &Records) {
    let mut batch = Batch::new();
    batch.put(&NAMES, b"1", &"欧阳".to_owned()).unwrap();
    batch.put(&NUMBERS, b"1", &7).unwrap();
    assert_eq!(batch.change(&NUMBERS, b"1").unwrap(), Some(Some(7)), "a batch tells its own changes");
    assert_eq!(batch.change(&NUMBERS, b"2").unwrap(), None);
    assert_eq!(records.get(&NUMBERS, b"1").unwrap(), None);
    records.commit(batch).unwrap();
    records.flush().unwrap();
    assert_eq!(records.get(&NAMES, b"1").unwrap().as_deref(), Some("欧阳"));
    assert_eq!(records.get(&NUMBERS, b"1").unwrap(), Some(7));
    let mut batch = Batch::new();
    batch.put(&NUMBERS, b"1", &8).unwrap();
    let mut later = Batch::new();
    later.delete(&NUMBERS, b"1");
    batch.append(later);
    assert_eq!(batch.change(&NUMBERS, b"1").unwrap(), Some(None), "the later one counts");
    assert_eq!(batch.changes_below(&NUMBERS, b"").unwrap(), [(b"1".to_vec(), None)]);
    assert_eq!(batch.changes_below(&NAMES, b"").unwrap(), []);
    assert_eq!((records.count(&NUMBERS, b"").unwrap(), records.count(&NUMBERS, b"2").unwrap()), (1, 0));
    records.commit(batch).unwrap();
    assert_eq!(records.count(&NUMBERS, b"").unwrap(), 0);
    assert!(!records.contains(&NUMBERS, b"1").unwrap());
}

fn preconditions_are_checked(records: &Records) {
    let attempt = |expected: Option<u64>, value: u64| {
        let mut batch = Batch::new();
        match expected {
            Some(expected) => batch.expect(&NUMBERS, b"counter", &expected).unwrap(),
            None => batch.expect_absent(&NUMBERS, b"counter"),
        }
        batch.put(&NUMBERS, b"counter", &value).unwrap();
        batch.put(&NAMES, b"last", &value.to_string()).unwrap();
        records.commit(batch)
    };
    attempt(None, 1).unwrap();
    assert!(matches!(attempt(None, 2), Err(Error::Conflict)));
    attempt(Some(1), 3).unwrap();
    assert!(matches!(attempt(Some(1), 4), Err(Error::Conflict)));
    assert_eq!(records.get(&NUMBERS, b"counter").unwrap(), Some(3));
    assert_eq!(records.get(&NAMES, b"last").unwrap().as_deref(), Some("3"));
}

fn scans_stay_in_their_table_and_prefix(records: &Records) {
    let mut batch = Batch::new();
    for i in 0..1_000_u64 {
        batch.put(&NUMBERS, format!("a{i:04}").as_bytes(), &i).unwrap();
        batch.put(&NUMBERS, format!("b{i:04}").as_bytes(), &i).unwrap();
    }
    records.commit(batch).unwrap();
    let values: Vec<u64> = records.scan(&NUMBERS, b"a").map(|row| row.unwrap().1).collect();
    assert_eq!(values, (0..1_000).collect::<Vec<_>>());
    let rest: Vec<_> = records.scan_from(&NUMBERS, b"a", b"a0998").map(|row| row.unwrap().0).collect();
    assert_eq!(rest, [b"a0998".to_vec(), b"a0999".to_vec()]);
}

#[test]
fn memory_passes() {
    suite(&Records::in_memory(&Identity::generate().derive("records"), &Clock::system()).unwrap());
}

#[test]
fn sled_passes_and_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let key = Identity::generate().derive("records");
    let open = || Records::open(&Medium::folder(folder.path()), &key, &Clock::system(), 1 << 20).unwrap();
    let records = open();
    suite(&records);
    records.flush().unwrap();
    drop(records);
    assert_eq!(open().get(&NUMBERS, b"counter").unwrap(), Some(3));
}

#[test]
fn values_are_sealed_and_bound_to_key_and_store() {
    let folder = tempfile::tempdir().unwrap();
    let key = Identity::generate().derive("records");
    let records = Records::open(&Medium::folder(folder.path()), &key, &Clock::system(), 1 << 20).unwrap();
    let mut batch = Batch::new();
    batch.put(&NAMES, b"1", &"MARKER-in-the-clear".to_owned()).unwrap();
    records.commit(batch).unwrap();
    records.flush().unwrap();
    drop(records);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(path).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"MARKER"));
        }
    }
    let other = Identity::generate().derive("records");
    let opened = Records::open(&Medium::folder(folder.path()), &other, &Clock::system(), 1 << 20);
    assert!(matches!(opened, Err(Error::Corrupt)));
}

#[test]
fn a_row_that_is_lost_or_comes_back_is_noticed_at_the_next_opening() {
    let (medium, key, clock) = (Medium::memory(), Identity::generate().derive("records"), Clock::system());
    let records = Records::open(&medium, &key, &clock, 0).unwrap();
    for number in 0..600_u64 {
        let mut batch = Batch::new();
        batch.put(&NUMBERS, &number.to_be_bytes(), &number).unwrap();
        batch.put(&NAMES, b"last", &number.to_string()).unwrap();
        records.commit(batch).unwrap();
    }
    let below = medium.open(0).unwrap();
    let row = |key: &[u8]| below.get(key).unwrap().unwrap();
    let (third, fourth) = (NUMBERS.row_key(&3_u64.to_be_bytes()), NUMBERS.row_key(&4_u64.to_be_bytes()));
    let kept = row(&third);
    assert!(Records::open(&medium, &key, &clock, 0).is_ok());
    let changes = [None, Some(row(&fourth)), Some(kept[..kept.len() - 1].to_vec())];
    for changed in changes {
        below.apply(vec![(third.clone(), changed)]).unwrap();
        assert!(matches!(Records::open(&medium, &key, &clock, 0), Err(Error::Corrupt)));
        below.apply(vec![(third.clone(), Some(kept.clone()))]).unwrap();
        assert!(Records::open(&medium, &key, &clock, 0).is_ok());
    }
    let mut batch = Batch::new();
    batch.delete(&NUMBERS, &3_u64.to_be_bytes());
    records.commit(batch).unwrap();
    assert!(Records::open(&medium, &key, &clock, 0).is_ok());
    below.apply(vec![(third, Some(kept))]).unwrap();
    assert!(matches!(Records::open(&medium, &key, &clock, 0), Err(Error::Corrupt)));
}

#[test]
fn after_a_failed_change_nothing_is_taken_until_it_is_opened_again() {
    for fault in [Fault::Before, Fault::After] {
        let (medium, faults) = Medium::memory().with_faults();
        let (key, clock) = (Identity::generate().derive("records"), Clock::system());
        let records = Records::open(&medium, &key, &clock, 0).unwrap();
        let put = |records: &Records, value: u64| {
            let mut batch = Batch::new();
            batch.put(&NUMBERS, b"x", &value).unwrap();
            records.commit(batch)
        };
        put(&records, 1).unwrap();
        faults.fail_nth(1, fault);
        assert!(matches!(put(&records, 2), Err(Error::Io(_))));
        assert_eq!(records.condition(), Condition::Failed);
        assert!(matches!(put(&records, 3), Err(Error::Closed)));
        let records = Records::open(&medium, &key, &clock, 0).unwrap();
        let there = if fault == Fault::After { 2 } else { 1 };
        assert_eq!(records.get(&NUMBERS, b"x").unwrap(), Some(there));
        put(&records, 4).unwrap();
        records.flush().unwrap();
        put(&records, 5).unwrap();
        medium.crash();
        let records = Records::open(&medium, &key, &clock, 0).unwrap();
        assert_eq!(records.get(&NUMBERS, b"x").unwrap(), Some(4), "what was not flushed is lost");
    }
}

#[test]
fn damage_that_is_met_is_remembered() {
    let medium = Medium::memory();
    let (key, clock) = (Identity::generate().derive("records"), Clock::system());
    let records = Records::open(&medium, &key, &clock, 0).unwrap();
    let mut batch = Batch::new();
    batch.put(&NUMBERS, b"x", &1).unwrap();
    records.commit(batch).unwrap();
    medium.open(0).unwrap().apply(vec![(NUMBERS.row_key(b"x"), Some(vec![7; 40]))]).unwrap();
    assert!(matches!(records.get(&NUMBERS, b"x"), Err(Error::Corrupt)));
    assert_eq!(records.condition(), Condition::Damaged);
    let mut batch = Batch::new();
    batch.put(&NUMBERS, b"y", &1).unwrap();
    assert!(matches!(records.commit(batch), Err(Error::Closed)));
}
