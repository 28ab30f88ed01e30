//! Measures the search index: makes a corpus, builds an index of it and asks. `benches/search.py` runs it beside other
//! engines.
//!
//! ```text
//! search generate DICTIONARY FOLDER PAGES SEED   corpus.jsonl and queries.jsonl
//! search build FOLDER INDEX sealed|plain         the index of it
//! search unseal INDEX COPY                      the same index, not sealed
//! search ask FOLDER INDEX sealed|plain CLIENTS cold|warm CACHE_MIB
//! ```
//! Each prints one line of JSON.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program of its own")]

mod corpus;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lantai::clock::Clock;
use lantai::domain::{DocumentId, DossierId, RawId};
use lantai::search::{Index, IndexKey, Item, Limits, Marker, Query, Scope, Source, Wanted};
use serde_json::json;

use corpus::{Asked, Page, Words};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Queries of each kind.
const EACH: usize = 500;
/// One dossier in so many is kept to draw queries from.
const DRAWN: u32 = 53;
/// Hits of one answer.
const HITS: usize = 10;
const SNIPPET_CHARS: usize = 160;
/// Pages between two commits, as an import makes them.
const BATCH: usize = 2000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match arguments[..] {
        ["generate", dictionary, folder, pages, seed] => {
            generate(Path::new(dictionary), Path::new(folder), pages.parse().unwrap(), seed.parse().unwrap())
        }
        ["build", folder, index, how] => build(Path::new(folder), Path::new(index), how),
        ["unseal", index, copy] => unseal(Path::new(index), Path::new(copy)),
        ["ask", folder, index, how, clients, heat, cache] => {
            let cache_bytes = cache.parse::<usize>().unwrap() << 20;
            ask(
                (Path::new(folder), Path::new(index), how),
                clients.parse().unwrap(),
                heat == "cold",
                cache_bytes,
            )
        }
        _ => return println!("run benches/search.py"),
    };
    println!("{told}");
}

fn generate(dictionary: &Path, folder: &Path, pages: u32, seed: u64) -> serde_json::Value {
    std::fs::create_dir_all(folder).unwrap();
    let words = Words::read(dictionary).unwrap();
    let mut out = BufWriter::new(File::create(folder.join("corpus.jsonl")).unwrap());
    let (mut drawn, mut items, mut dossiers, mut text_bytes) = (BTreeMap::<u32, Vec<Page>>::new(), 0, 0, 0);
    corpus::make(&words, seed, pages, |page| {
        text_bytes += page.text.len() + page.title.len();
        dossiers = page.dossier + 1;
        items += 1;
        serde_json::to_writer(&mut out, &page)?;
        if page.dossier % DRAWN == 0 {
            drawn.entry(page.dossier).or_default().push(page);
        }
        out.write_all(b"\n")
    })
    .unwrap();
    out.flush().unwrap();
    let mut out = BufWriter::new(File::create(folder.join("queries.jsonl")).unwrap());
    // The last dossier may be cut short.
    let drawn: Vec<_> = drawn.into_values().filter(|pages| pages.len() > 3).collect();
    for asked in corpus::ask(&words, seed, &drawn, EACH) {
        serde_json::to_writer(&mut out, &asked).unwrap();
        out.write_all(b"\n").unwrap();
    }
    json!({ "pages": pages, "items": items, "dossiers": dossiers, "text_bytes": text_bytes })
}

fn open(folder: &Path, how: &str, cache_bytes: usize) -> Index {
    let limits = Limits { cache_bytes, results_offset_max: usize::MAX, ..Limits::default() };
    match how {
        "sealed" => Index::open(folder, IndexKey::from_bytes([7; 32]), Clock::system(), limits).unwrap(),
        _ => Index::open_unsealed(folder, Clock::system(), limits).unwrap(),
    }
}

fn id<T: From<RawId>>(number: u32) -> T {
    // As random as the ids of an archive are, so that their order says nothing.
    let mixed = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    RawId::from_bytes(mixed.to_be_bytes()).into()
}

fn item(page: Page) -> Item {
    let source = match page.page {
        0 => Source::Dossier,
        number => Source::Page { document: id::<DocumentId>(page.document), page: number },
    };
    let dossier = id::<DossierId>(page.dossier);
    let date = page.date.parse().ok();
    Item {
        source,
        dossier,
        kind: page.kind,
        text: page.text,
        title: page.title,
        date,
        numbers: Vec::new(),
        case: None,
    }
}

fn lines(path: &Path) -> impl Iterator<Item = String> {
    BufReader::with_capacity(1 << 20, File::open(path).unwrap()).lines().map(Result::unwrap)
}

fn build(folder: &Path, index: &Path, how: &str) -> serde_json::Value {
    std::fs::create_dir_all(index).unwrap();
    let began = Instant::now();
    let opened = open(index, how, Limits::default().cache_bytes);
    let mut batch = Vec::new();
    let put = |batch: &mut Vec<Item>| {
        opened.replace_items(batch).unwrap();
        opened.commit().unwrap();
        batch.clear();
    };
    for line in lines(&folder.join("corpus.jsonl")) {
        batch.push(item(serde_json::from_str(&line).unwrap()));
        if batch.len() == BATCH {
            put(&mut batch);
        }
    }
    put(&mut batch);
    opened.rest().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let stats = opened.stats().unwrap();
    json!({
        "seconds": seconds, "items": stats.items, "segments": stats.segments, "size_bytes": stats.size_bytes,
        "peak_bytes": peak_bytes(),
    })
}

fn unseal(index: &Path, copy: &Path) -> serde_json::Value {
    std::fs::create_dir_all(copy).unwrap();
    open(index, "sealed", Limits::default().cache_bytes).copy_unsealed(copy).unwrap();
    let stats = open(copy, "plain", 0).stats().unwrap();
    json!({ "items": stats.items, "segments": stats.segments, "size_bytes": stats.size_bytes })
}

/// The most memory that the process had at once, as the kernel counts it.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// The corpus, of which each text can be read by itself.
struct Texts {
    file: File,
    /// Where the lines begin, by document and page; the cards stand under their dossier and page 0.
    places: std::collections::HashMap<([u8; 16], u32), (u64, usize)>,
    dossiers: u32,
}

impl Texts {
    fn of(path: PathBuf) -> Self {
        let (mut at, mut dossiers, mut places) = (0, 0, std::collections::HashMap::new());
        for line in lines(&path) {
            let page: Page = serde_json::from_str(&line).unwrap();
            let key = if page.page == 0 { page.dossier } else { page.document };
            let key: RawId = id(key);
            places.insert((*key.as_bytes(), page.page), (at, line.len()));
            at += line.len() as u64 + 1;
            dossiers = page.dossier + 1;
        }
        Self { file: File::open(path).unwrap(), places, dossiers }
    }

    fn read(&self, source: Source, dossier: DossierId) -> String {
        let key = match source {
            Source::Page { document, page } => (*document.as_bytes(), page),
            _ => (*dossier.as_bytes(), 0),
        };
        let (at, len) = self.places[&key];
        let mut line = vec![0; len];
        self.file.read_exact_at(&mut line, at).unwrap();
        let page: Page = serde_json::from_slice(&line).unwrap();
        if page.title.is_empty() { page.text } else { format!("{}\n{}", page.title, page.text) }
    }
}

/// Makes the kernel forget what it has of these files.
fn chill(index: &Path) {
    for entry in std::fs::read_dir(index).unwrap() {
        let file = File::open(entry.unwrap().path()).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }
}

fn ask(
    (folder, index, how): (&Path, &Path, &str),
    clients: usize,
    cold: bool,
    cache_bytes: usize,
) -> serde_json::Value {
    let texts = Texts::of(folder.join("corpus.jsonl"));
    let asked: Vec<Asked> =
        lines(&folder.join("queries.jsonl")).map(|line| serde_json::from_str(&line).unwrap()).collect();
    let opened = open(index, how, cache_bytes);
    let began = Instant::now();
    if cold {
        drop(opened);
        chill(index);
        let opened = open(index, how, cache_bytes);
        chill(index);
        return json!({ "kinds": table(run(&opened, &texts, &asked, 1)), "peak_bytes": peak_bytes() });
    }
    // What has been asked once is warm.
    run(&opened, &texts, &asked, clients);
    let warm = Instant::now();
    let taken = run(&opened, &texts, &asked, clients);
    let (seconds, per_second) =
        (began.elapsed().as_secs_f64(), asked.len() as f64 / warm.elapsed().as_secs_f64());
    json!({ "kinds": table(taken), "seconds": seconds, "per_second": per_second, "peak_bytes": peak_bytes() })
}

/// How long each query took, by kind, and how many had no hit.
type Taken = BTreeMap<String, (Vec<Duration>, usize)>;

fn run(index: &Index, texts: &Texts, asked: &[Asked], clients: usize) -> Taken {
    let (next, taken) = (AtomicUsize::new(0), Mutex::new(Taken::new()));
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                while let Some(one) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scope = one.keeper.map_or(Scope::All, |keeper| {
                        Scope::Dossiers(
                            corpus::kept_by(keeper, texts.dossiers).map(id::<DossierId>).collect(),
                        )
                    });
                    let began = Instant::now();
                    let total = answer(index, texts, &one.text, &scope);
                    let time = began.elapsed();
                    let mut taken = taken.lock().unwrap();
                    let (times, none) = taken.entry(one.kind.clone()).or_default();
                    times.push(time);
                    *none += usize::from(total == 0);
                }
            });
        }
    });
    taken.into_inner().unwrap()
}

/// What the search of the archive does but for its log: read the query, find, show where.
fn answer(index: &Index, texts: &Texts, text: &str, scope: &Scope) -> usize {
    let query = Query::parse(text);
    let wanted = Wanted { limit: HITS, ..Wanted::default() };
    let results = index.search_as(&query, scope, wanted).unwrap();
    let marker = Marker::of(&query);
    for hit in &results.hits {
        let text = texts.read(hit.source, hit.dossier);
        std::hint::black_box(marker.snippet(&text, SNIPPET_CHARS));
    }
    results.total
}

/// Mean, median and 99th percentile in microseconds.
fn table(taken: Taken) -> BTreeMap<String, serde_json::Value> {
    let row = |(kind, (mut times, none)): (String, (Vec<Duration>, usize))| {
        times.sort_unstable();
        let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_micros();
        let mean = times.iter().sum::<Duration>().as_micros() / times.len() as u128;
        (kind, json!({ "mean": mean, "p50": at(50), "p99": at(99), "none": none, "queries": times.len() }))
    };
    taken.into_iter().map(row).collect()
}
