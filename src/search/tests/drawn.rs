//! What is drawn at random: pieces of texts, misread characters, grants.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::{any, proptest};

use super::judged::corpus;
use super::{Fixture, document_of, id, page};
use crate::domain::{CaseId, DossierId};
use crate::search::{Facets, Item, Query, Scope, Source, Wanted};

/// A small deterministic generator (SplitMix64), so that every run draws the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % most.max(1) as u64).unwrap()
    }
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Unbroken rows of Han characters.
fn rows(text: &str) -> Vec<Vec<char>> {
    text.split(|c| !is_han(c))
        .map(|row| row.chars().collect())
        .filter(|row: &Vec<char>| row.len() > 1)
        .collect()
}

/// A piece of a text, of so many Han characters at most.
fn piece(text: &str, least: usize, most: usize, dice: &mut Dice) -> Option<String> {
    let rows: Vec<_> = rows(text).into_iter().filter(|row| row.len() >= least).collect();
    let row = rows.get(dice.below(rows.len()))?;
    let length = least + dice.below(most.min(row.len()) - least + 1);
    let from = dice.below(row.len() - length + 1);
    Some(row[from..from + length].iter().collect())
}

fn pages() -> Vec<Item> {
    corpus().into_iter().filter(|item| matches!(item.source, Source::Page { .. })).collect()
}

fn index(items: &[Item]) -> Fixture {
    let fixture = Fixture::new();
    for item in items {
        match item.source {
            Source::Page { document, .. } => {
                fixture.index.replace_document(document, std::slice::from_ref(item)).unwrap();
            }
            _ => fixture.index.replace_items(std::slice::from_ref(item)).unwrap(),
        }
    }
    fixture.index.commit().unwrap();
    fixture
}

/// The share of pieces that bring their own item among the first `limit`.
fn share_found(fixture: &Fixture, asked: &[(String, &Item)], limit: usize) -> f64 {
    let found = |(query, item): &&(String, &Item)| {
        let results = fixture.index.search(&Query::parse(query), &Scope::All, 0, limit).unwrap();
        results.hits.iter().any(|hit| hit.source == item.source && hit.dossier == item.dossier)
    };
    asked.iter().filter(found).count() as f64 / asked.len() as f64
}

#[test]
fn pieces_of_texts_find_them() {
    let (pages, mut dice) = (pages(), Dice(5));
    let fixture = index(&pages);
    let mut asked = Vec::new();
    while asked.len() < 2000 {
        let item = &pages[dice.below(pages.len())];
        asked.extend(piece(&item.text, 2, 7, &mut dice).map(|piece| (piece, item)));
    }
    let share = share_found(&fixture, &asked, 200);
    println!("pieces of 2 to 7 characters: {:.2} % of {} found", share * 100.0, asked.len());
    assert!(share >= 0.999, "{share}");
}

/// The text with this share of its Han characters, in thousandths, replaced by others of the corpus.
fn misread(text: &str, thousandths: usize, others: &[char], dice: &mut Dice) -> String {
    let wrong = |c: char, dice: &mut Dice| {
        if is_han(c) && dice.below(1000) < thousandths { others[dice.below(others.len())] } else { c }
    };
    text.chars().map(|c| wrong(c, dice)).collect()
}

#[test]
fn texts_with_misread_characters_are_found() {
    let (pages, mut dice) = (pages(), Dice(7));
    let others: Vec<char> = pages.iter().flat_map(|item| item.text.chars()).filter(|c| is_han(*c)).collect();
    let scanned: Vec<Item> = pages
        .iter()
        .map(|item| Item {
            text: misread(&item.text, 20, &others, &mut dice),
            title: String::new(),
            ..item.clone()
        })
        .collect();
    let fixture = index(&scanned);
    // Pieces that stand on one page only: of others the pages that were read right are the answer.
    let alone = |piece: &str| pages.iter().filter(|page| page.text.contains(piece)).count() == 1;
    let mut asked = Vec::new();
    while asked.len() < 2000 {
        let item = &pages[dice.below(pages.len())];
        asked.extend(
            piece(&item.text, 4, 10, &mut dice).filter(|piece| alone(piece)).map(|piece| (piece, item)),
        );
    }
    let share = share_found(&fixture, &asked, 200);
    println!("pieces of 4 to 10 characters, 2 % misread: {:.2} % of {} found", share * 100.0, asked.len());
    assert!(share >= 0.97, "{share}");
}

#[test]
fn names_with_one_wrong_character_are_among_the_first_ten() {
    let (items, mut dice) = (corpus(), Dice(11));
    let fixture = index(&items);
    let others: Vec<char> = items.iter().flat_map(|item| item.text.chars()).filter(|c| is_han(*c)).collect();
    let cards: Vec<&Item> = items.iter().filter(|item| item.source == Source::Dossier).collect();
    let named = |name: &str| name.chars().count() >= 3 && name.chars().all(is_han);
    let mut asked = Vec::new();
    for card in cards.iter().filter(|card| named(&card.title)) {
        for wrong in 0..card.title.chars().count() {
            let other = others[dice.below(others.len())];
            let name: String =
                card.title.chars().enumerate().map(|(at, c)| if at == wrong { other } else { c }).collect();
            asked.push((name, *card));
        }
    }
    let share = share_found(&fixture, &asked, 10);
    println!("names with one wrong character: {:.2} % of {} in the top ten", share * 100.0, asked.len());
    assert!(asked.len() > 60 && share >= 0.95, "{share} of {}", asked.len());
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]

    /// Whatever is asked for, hits, totals and counts are those of the granted dossiers alone.
    #[test]
    fn nothing_of_a_foreign_dossier_shows(
        owners in proptest::collection::vec(0..6_u8, 12),
        granted in proptest::collection::hash_set(0..6_u8, 0..5),
        query in proptest::sample::select(vec![
            "合同", "\"基金合同\"", "基金 合同", "合", "-回单 合同", "kind:contract", "基金 OR 回单", "1000000", "xt2024", "基企合同", "name:欧",
        ]),
        narrowed in any::<bool>(),
    ) {
        let texts = ["基金合同 XT-2024-0117", "合同", "回单 1,000,000.00元", "基金与合同"];
        let fixture = Fixture::new();
        let mut truth: HashMap<u8, Vec<u8>> = HashMap::new();
        for (number, owner) in (1..).zip(&owners) {
            let item = page(number, *owner + 1, 1, texts[usize::from(number) % texts.len()]);
            let numbers = vec![format!("XT-2024-{:02}", number % 7), format!("HT-2024-{number}")];
            let case = (number % 3 > 0).then(|| id(number % 5));
            let items = [Item { numbers, case, ..item }];
            fixture.index.replace_document(id(number), &items).unwrap();
            truth.entry(*owner).or_default().push(number);
        }
        fixture.index.commit().unwrap();
        let query = if narrowed { format!("{query} kind:contract") } else { query.to_owned() };
        let query = Query::parse(&query);
        let all = fixture.index.search(&query, &Scope::All, 0, 200).unwrap();
        let scope: Vec<DossierId> = granted.iter().map(|owner| id(*owner + 1)).collect();
        let wanted = Wanted { limit: 200, facets: true, ..Wanted::default() };
        let seen = fixture.index.search_as(&query, &Scope::Dossiers(scope.clone()), wanted).unwrap();
        assert!(seen.hits.iter().all(|hit| scope.contains(&hit.dossier)));
        assert_eq!(seen.total, seen.hits.len());
        // Near matches are looked for where nothing fits: in the scope, not in all.
        if !all.approximate && !seen.approximate {
            let mine = all.hits.iter().filter(|hit| scope.contains(&hit.dossier)).count();
            assert_eq!(seen.total, mine);
        }
        let facets: Facets = seen.facets.unwrap();
        let mut counted: BTreeMap<DossierId, u64> = BTreeMap::new();
        for hit in &seen.hits {
            *counted.entry(hit.dossier).or_default() += 1;
        }
        assert_eq!(facets.dossiers.into_iter().collect::<BTreeMap<_, _>>(), counted);
        assert_eq!(facets.kinds.values().sum::<u64>(), seen.total as u64);

        let mut cases: HashMap<CaseId, u64> = HashMap::new();
        for number in seen.hits.iter().map(document_of).filter(|number| number % 3 > 0) {
            *cases.entry(id(number % 5)).or_default() += 1;
        }
        assert!(!facets.too_many_cases);
        assert_eq!(facets.cases, cases);

        let mine = |number: &u8| granted.contains(&owners[usize::from(*number) - 1]);
        let numbers: BTreeSet<String> = (1..=12).filter(mine).map(|number| format!("XT-2024-{:02}", number % 7)).collect();
        let suggested = fixture.index.numbers("xt2024", &Scope::Dossiers(scope.clone()), 20).unwrap();
        assert!(suggested.iter().all(|number| scope.contains(&number.dossier)));
        let suggested: Vec<String> = suggested.into_iter().map(|number| number.number).collect();
        assert_eq!(suggested, numbers.into_iter().collect::<Vec<_>>());
    }
}
