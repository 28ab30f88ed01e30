//! Numbers that are suggested while they are typed.

use super::{Fixture, id, page};
use crate::search::{Item, Scope};

fn numbered(document: u8, dossier: u8, numbers: &[&str]) -> Item {
    let numbers = numbers.iter().map(ToString::to_string).collect();
    Item { numbers, ..page(document, dossier, 1, "合同") }
}

fn fixture(items: &[Item]) -> Fixture {
    let fixture = Fixture::new();
    for (number, item) in (1..).zip(items) {
        fixture.index.replace_document(id(number), std::slice::from_ref(item)).unwrap();
    }
    fixture.index.commit().unwrap();
    fixture
}

fn suggested(fixture: &Fixture, typed: &str, scope: &Scope, limit: usize) -> Vec<(String, u8)> {
    let found = fixture.index.numbers(typed, scope, limit).unwrap();
    found.into_iter().map(|found| (found.number, found.dossier.as_bytes()[0])).collect()
}

#[test]
fn numbers_are_suggested_as_they_are_written() {
    let fixture = fixture(&[
        numbered(1, 1, &["HT-2023-000123", "91330106MA2CFQ1X0A"]),
        numbered(2, 2, &["HT2023-000124", "沪农商行(2016)年借字第12号"]),
        numbered(3, 3, &["ht-2023-000123"]),
        numbered(4, 4, &[]),
    ]);
    let all = |typed: &str| -> Vec<String> {
        suggested(&fixture, typed, &Scope::All, 8).into_iter().map(|(number, _)| number).collect()
    };
    for typed in ["HT2", "ht-2", "ht-2023-0001", "ＨＴ－２０２３", "HT 2023"] {
        assert_eq!(all(typed), ["HT-2023-000123", "HT2023-000124"], "{typed}");
    }
    assert_eq!(all("ht2023000124"), ["HT2023-000124"]);
    assert_eq!(all("91330106ma"), ["91330106MA2CFQ1X0A"]);
    assert_eq!(all("滬農商"), ["沪农商行(2016)年借字第12号"]);
    // Neither the end nor the middle, nothing too short, nothing that goes on otherwise.
    for nothing in ["", "ht", "H-T", "2023", "0123", "ht20230001234", "hu", "---", "合同"] {
        assert_eq!(all(nothing), [""; 0], "{nothing}");
    }
    assert_eq!(suggested(&fixture, "ht2", &Scope::All, 1).len(), 1);
    assert_eq!(suggested(&fixture, "ht2", &Scope::All, 0).len(), 0);
    let mine = |numbers: &[u8]| Scope::Dossiers(numbers.iter().map(|number| id(*number)).collect());
    assert_eq!(suggested(&fixture, "ht2", &mine(&[3]), 8), [("ht-2023-000123".to_owned(), 3)]);
    assert_eq!(suggested(&fixture, "ht2", &mine(&[2, 4]), 8), [("HT2023-000124".to_owned(), 2)]);
    assert_eq!(suggested(&fixture, "ht2", &mine(&[]), 8), []);
}

#[test]
fn the_number_of_a_dossier_that_is_removed_is_gone() {
    let fixture = fixture(&[numbered(1, 1, &["HT-1"]), numbered(2, 2, &["HT-1", "HT-2"])]);
    assert_eq!(suggested(&fixture, "ht1", &Scope::All, 8), [("HT-1".to_owned(), 1)]);
    fixture.index.remove_dossier(id(1)).unwrap();
    fixture.index.commit().unwrap();
    assert_eq!(suggested(&fixture, "ht1", &Scope::All, 8), [("HT-1".to_owned(), 2)]);
    fixture.index.remove_dossier(id(2)).unwrap();
    fixture.index.commit().unwrap();
    assert_eq!(suggested(&fixture, "ht1", &Scope::All, 8), []);
}

#[test]
fn a_number_on_many_pages_hides_no_other() {
    let mut items: Vec<Item> = (1..=120).map(|number| numbered(number, number, &["HT-1-1"])).collect();
    items.push(numbered(121, 121, &["HT-1-2"]));
    let found = suggested(&fixture(&items), "ht1", &Scope::All, 2);
    assert_eq!(found, [("HT-1-1".to_owned(), 1), ("HT-1-2".to_owned(), 121)]);
}
