//! A judged set: what a clerk would call right answers, as data in `fixtures/search`.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Fixture, id};
use crate::domain::DossierId;
use crate::search::{Item, Query, Scope, Source};

/// One thing that can be found.
#[derive(Deserialize)]
struct Thing {
    id: String,
    source: String,
    dossier: String,
    kind: String,
    title: String,
    date: String,
    text: String,
}

/// A query, with all that is right for it.
#[derive(Deserialize)]
struct Judged {
    q: String,
    group: String,
    relevant: Vec<String>,
}

fn read<T: for<'a> Deserialize<'a>>(lines: &str) -> Vec<T> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(id: &str) -> u8 {
    id[1..].parse().unwrap()
}

fn item(thing: &Thing) -> Item {
    let own = number(&thing.id);
    let source = match thing.source.as_str() {
        "page" => Source::Page { document: id(own), page: 1 },
        "dossier" => Source::Dossier,
        _ => Source::Note { case: id(own), seq: 1 },
    };
    Item {
        source,
        dossier: id(number(&thing.dossier)),
        kind: thing.kind.clone(),
        text: thing.text.clone(),
        title: thing.title.clone(),
        date: Some(thing.date.parse().unwrap()),
        numbers: Vec::new(),
        case: None,
    }
}

/// Everything in the set.
pub(super) fn corpus() -> Vec<Item> {
    let things: Vec<Thing> = read(include_str!("../../../fixtures/search/corpus.jsonl"));
    things.iter().map(item).collect()
}

/// How a query went.
struct Went {
    recall: Option<f64>,
    precision: f64,
    group: String,
    said: String,
}

#[test]
fn a_clerk_finds_what_is_right_and_little_else() {
    let things: Vec<Thing> = read(include_str!("../../../fixtures/search/corpus.jsonl"));
    let queries: Vec<Judged> = read(include_str!("../../../fixtures/search/queries.jsonl"));
    assert!(things.len() >= 100 && queries.len() >= 200);
    let fixture = Fixture::new();
    let mut names: HashMap<(Source, DossierId), &str> = HashMap::new();
    for thing in &things {
        let item = item(thing);
        names.insert((item.source, item.dossier), &thing.id);
        match item.source {
            Source::Page { document, .. } => fixture.index.replace_document(document, &[item]).unwrap(),
            _ => fixture.index.replace_items(&[item]).unwrap(),
        }
    }
    fixture.index.commit().unwrap();
    let mut all = Vec::new();
    for judged in &queries {
        let results = fixture.index.search(&Query::parse(&judged.q), &Scope::All, 0, 10).unwrap();
        let found: Vec<&str> = results.hits.iter().map(|hit| names[&(hit.source, hit.dossier)]).collect();
        let right = found.iter().filter(|id| judged.relevant.iter().any(|relevant| relevant == *id)).count();
        let share = |of: usize| right as f64 / of as f64;
        let missed: Vec<&String> =
            judged.relevant.iter().filter(|id| !found.contains(&id.as_str())).collect();
        let wrong: Vec<&&str> =
            found.iter().filter(|id| !judged.relevant.iter().any(|relevant| relevant == *id)).collect();
        all.push(Went {
            recall: (!judged.relevant.is_empty()).then(|| share(judged.relevant.len())),
            precision: if found.is_empty() { 1.0 } else { share(found.len()) },
            group: judged.group.clone(),
            said: format!("{:?}: missed {missed:?}, wrong {wrong:?}", judged.q),
        });
    }
    let mut groups: BTreeMap<&str, Vec<&Went>> = BTreeMap::new();
    all.iter().for_each(|went| groups.entry(&went.group).or_default().push(went));
    for (group, some) in &groups {
        println!(
            "{group:12} {:3} queries, recall {:.4}, precision {:.4}",
            some.len(),
            recall(some),
            precision(some)
        );
        let bad = some.iter().filter(|went| went.recall.unwrap_or(1.0) < 1.0 || went.precision < 1.0);
        bad.for_each(|went| println!("    {}", went.said));
    }
    let all: Vec<&Went> = all.iter().collect();
    let (recall, precision) = (recall(&all), precision(&all));
    println!(
        "{} queries over {} things: recall {recall:.4}, precision {precision:.4}",
        all.len(),
        things.len()
    );
    assert!(recall >= 0.99 && precision >= 0.97);
}

fn recall(some: &[&Went]) -> f64 {
    let shares: Vec<f64> = some.iter().filter_map(|went| went.recall).collect();
    if shares.is_empty() { 1.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 }
}

fn precision(some: &[&Went]) -> f64 {
    some.iter().map(|went| went.precision).sum::<f64>() / some.len() as f64
}
