//! Every call of the object store and of the records fails once, along the whole journey, in every way; afterwards
//! nothing that was acknowledged is lost, and nothing is doubled (docs/crash.md).
#![expect(clippy::panic, reason = "what is not as expected fails the test")]

mod journey;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use axum::body::Body;
use http::Request;
use lantai::archive::Depth;
use lantai::faults::{Calls, Fault, Plan};
use serde_json::json;

use journey::{Desk, Step, Wrong};
use world::{Snapshot, Store, World};

/// Journeys under way at once: they wait more than they work.
const AT_ONCE: usize = 12;

/// The records are read thousands of times on the way: of those calls, one of so many fails.
const SAMPLED: usize = 37;

/// A way of failing: which store, which calls, how, and whether the process dies of it.
type Way = (Store, Calls, Fault, bool);

const WAYS: [Way; 11] = [
    (Store::Objects, Calls::Writes, Fault::Before, false),
    (Store::Objects, Calls::Writes, Fault::After, false),
    (Store::Objects, Calls::Writes, Fault::Before, true),
    (Store::Objects, Calls::Writes, Fault::After, true),
    (Store::Objects, Calls::Reads, Fault::Before, false),
    (Store::Objects, Calls::Reads, Fault::Before, true),
    (Store::Records, Calls::Writes, Fault::Before, false),
    (Store::Records, Calls::Writes, Fault::After, false),
    (Store::Records, Calls::Writes, Fault::Before, true),
    (Store::Records, Calls::Writes, Fault::After, true),
    (Store::Records, Calls::Reads, Fault::Before, false),
];

/// Where each step begins, and how many calls it makes.
struct Stage {
    step: Step,
    before: Option<Snapshot>,
    desk: Desk,
    calls: BTreeMap<(Store, Calls), u64>,
}

/// What came of one run.
#[derive(Default)]
struct Count {
    planned: u64,
    walked: u64,
    lost: usize,
    doubled: usize,
    restarts: usize,
}

impl Count {
    fn add(&mut self, fired: bool, restarts: usize, wrong: &Wrong) {
        self.planned += 1;
        self.walked += u64::from(fired);
        self.restarts += restarts;
        self.lost += wrong.lost.len();
        self.doubled += wrong.doubled.len();
    }
}

#[test]
fn every_call_fails_once_and_nothing_is_lost_or_doubled() {
    let stages = alone(undisturbed());
    let runs = WAYS.iter().enumerate().flat_map(|(row, (store, calls, fault, last))| {
        let of_stage = stages.iter().enumerate().flat_map(move |(number, stage)| {
            let wanted = stage.calls.get(&(*store, *calls)).copied().unwrap_or_default();
            let step = if (*store, *calls) == (Store::Records, Calls::Reads) { SAMPLED } else { 1 };
            (1..=wanted)
                .step_by(step)
                .map(move |nth| (number, Plan { nth, calls: *calls, fault: *fault, last: *last }))
        });
        of_stage.map(move |(number, plan)| (row, number, plan))
    });
    let runs = Mutex::new(runs);
    let (table, wrongs) = (Mutex::new(BTreeMap::<usize, Count>::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((row, number, plan)) = next(&runs) {
                    let run = || alone(disturbed(&stages, number, WAYS[row].0, plan));
                    let name = format!("{:?} {:?} {plan:?}", stages[number].step, WAYS[row].0);
                    let Ok((fired, restarts, wrong)) = catch_unwind(AssertUnwindSafe(run)) else {
                        wrongs.lock().unwrap().push(name);
                        continue;
                    };
                    let mut table = table.lock().unwrap();
                    table.entry(row).or_default().add(fired, restarts, &wrong);
                    if !wrong.lost.is_empty() || !wrong.doubled.is_empty() {
                        wrongs.lock().unwrap().push(format!("{name}: {wrong:?}"));
                    }
                }
            });
        }
    });
    let table = table.into_inner().unwrap();
    print(&table);
    assert_eq!(wrongs.into_inner().unwrap(), Vec::<String>::new());
    for (row, Count { planned, walked, .. }) in table {
        // How entries gather into one round depends a little on the moment, and with it the number of calls.
        assert!(walked * 100 >= planned * 95, "{:?}: only {walked} of {planned} calls came", WAYS[row]);
    }
}

fn next<T>(runs: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    runs.lock().unwrap().next()
}

/// Runs on a thread of its own, so that calls come in the same order every time.
fn alone<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn a_row_that_is_damaged_while_the_server_runs_is_met_and_healed_at_the_next_start() {
    alone(async {
        let (mut world, mut desk) = (World::empty().await, Desk::default());
        for step in [Step::Init, Step::People, Step::Dossier, Step::Case, Step::Uploads] {
            desk.take(step, &mut world).await;
        }
        world.places.records.spoil("cases");
        let refused = desk.look(&world, desk.case_path()).await;
        assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("records_failed")));
        let ready = world.send(Request::get("/readyz"), Body::empty()).await.unwrap();
        assert_eq!((ready.status, &ready.json()["records"]), (503, &json!("damaged")));
        let metrics = world.send(Request::get("/metrics"), Body::empty()).await.unwrap();
        assert!(String::from_utf8(metrics.body).unwrap().contains("\nlantai_records_good 0\n"));
        // What does not touch the damage is refused as well: nothing is decided on rows that may be wrong.
        let dossier = json!({ "kind": "customer", "facts": { "name": "x", "kind": "person" } });
        let refused = desk.send(&world, "/api/v1/dossiers", &dossier).await;
        assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("records_failed")));

        world.kill().await;
        world.open().await;
        assert_eq!(world.app().found.set_aside, 1);
        assert!(world.app().found.replayed > 0);
        for step in &Step::ALL[5..] {
            desk.take(*step, &mut world).await;
        }
        let wrong = finish(&mut world, &mut desk).await;
        assert!(wrong.lost.is_empty() && wrong.doubled.is_empty(), "{wrong:?}");
    });
}

/// Takes the journey without a fault; keeps where each step begins, and counts its calls.
async fn undisturbed() -> Vec<Stage> {
    let mut world = World::empty().await;
    let mut desk = Desk::default();
    let mut stages = Vec::new();
    for step in Step::ALL {
        let (before, begun) = match step {
            Step::Init => (None, desk.clone()),
            _ => (Some(world.snapshot().await), desk.clone()),
        };
        begin(&mut world, step, |world| {
            for store in [Store::Objects, Store::Records] {
                world.plan(store, Plan { nth: 0, calls: Calls::Writes, fault: Fault::Before, last: false });
            }
        })
        .await;
        desk.take(step, &mut world).await;
        let mut calls = BTreeMap::new();
        for store in [Store::Objects, Store::Records] {
            for kind in [Calls::Writes, Calls::Reads] {
                calls.insert((store, kind), world.faults(store).calls(kind));
            }
        }
        stages.push(Stage { step, before, desk: begun, calls });
    }
    let wrong = finish(&mut world, &mut desk).await;
    assert!(wrong.lost.is_empty() && wrong.doubled.is_empty(), "{wrong:?}");
    stages
}

/// Opens the archive for a step and plans its fault; reopening is itself a step.
async fn begin(world: &mut World, step: Step, plan: impl FnOnce(&World)) {
    match step {
        Step::Init => plan(world),
        Step::Reopen => {
            plan(world);
            world.open().await;
        }
        _ => {
            world.open().await;
            plan(world);
        }
    }
}

/// Takes one step with a fault in it, then all that are left.
async fn disturbed(stages: &[Stage], number: usize, store: Store, plan: Plan) -> (bool, usize, Wrong) {
    let Stage { step, before, desk, .. } = &stages[number];
    let mut world = match before {
        Some(snapshot) => World::from(snapshot),
        None => World::empty().await,
    };
    let mut desk = desk.clone();
    begin(&mut world, *step, |world| world.plan(store, plan)).await;
    desk.take(*step, &mut world).await;
    let fired = world.fired() || world.restarts > 0;
    // Whatever the fault left in memory is gone with the process.
    world.kill().await;
    world.open().await;
    for stage in &stages[number + 1..] {
        desk.take(stage.step, &mut world).await;
    }
    let wrong = finish(&mut world, &mut desk).await;
    (fired, world.restarts, wrong)
}

/// Compares, then stops in order, verifies every byte, and compares the records with a fresh replay.
async fn finish(world: &mut World, desk: &mut Desk) -> Wrong {
    let wrong = desk.check(world).await;
    let app = world.app().clone();
    app.journal.publish_waiting().await.unwrap();
    let report = app.verify(Depth::Full, &|_, _| {}).await.unwrap();
    assert_eq!(report.problems, [], "the archive is not what its log says");
    wrong
}

fn print(table: &BTreeMap<usize, Count>) {
    println!("| store | calls | the call | the process | fault points | restarts | lost | doubled |");
    println!("| --- | --- | --- | --- | ---: | ---: | ---: | ---: |");
    for (row, Count { walked, lost, doubled, restarts, .. }) in table {
        let (store, calls, fault, last) = WAYS[*row];
        let call = if fault == Fault::Before { "is not done" } else { "is done, an error returned" };
        let process = if last { "dies there" } else { "goes on, then restarts" };
        let of = if (store, calls) == (Store::Records, Calls::Reads) { " (sampled)" } else { "" };
        let (store, calls) = (format!("{store:?}").to_lowercase(), format!("{calls:?}{of}").to_lowercase());
        println!("| {store} | {calls} | {call} | {process} | {walked} | {restarts} | {lost} | {doubled} |");
    }
}
