//! Packs that are published one after the other, and cases that are moved from one to the next.

mod migrating;
mod refused;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lantai::app::App;
use lantai::app::restore::restore;
use lantai::archive::Depth;
use lantai::cli::Running;
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::vault::read_key_file;
use lantai::workflow::Pack;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, text};
use crate::server::{Desk, Server, Setting};

/// The bundled pack's files with changes: file, what is there, what comes in its place.
pub(crate) fn bundled(changes: &[(&str, &str, &str)]) -> BTreeMap<String, String> {
    let files = Pack::bundled().files().clone().into_iter();
    let mut files: BTreeMap<String, String> =
        files.map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect();
    for (file, find, with) in changes {
        let text = files.get_mut(*file).unwrap();
        assert!(text.contains(find), "{file} has no {find}");
        *text = text.replace(find, with);
    }
    files
}

/// Version 2 of both: a failing contract costs ten times as much, and a correction has three working days instead of five.
fn second(migrate: &str) -> BTreeMap<String, String> {
    bundled(&[
        ("pack.yaml", "version: 1.1.0", "version: 2.0.0"),
        ("intake.yaml", "version: 1.1.0", "version: 2.0.0"),
        ("intake.yaml", "{1: 1, 2: 2, 3: 4}", "{1: 10, 2: 20, 3: 40}"),
        ("intake.yaml", "default: 5bd, min: 1bd", "default: 3bd, min: 1bd"),
        ("intake.yaml", "    1.0.0: {timers: keep, counters: keep}", &format!("    {migrate}")),
    ])
}

/// The first administrator, by a token.
pub(crate) async fn administrator(app: &TestApp) -> Client {
    let admin = app.app.people.by_name("admin").unwrap().unwrap();
    let token = app.app.people.make_token(admin.id, admin.id).await.unwrap().secret.to_string();
    Client::new(&app.base, &token)
}

pub(crate) async fn publish(who: &Client, files: &BTreeMap<String, String>) -> Answer {
    // The stories of the bundled pack are told of its own version: that none walks the other is noted.
    who.post("/api/v1/packs?note=x", &json!(files)).await
}

fn failing() -> Value {
    json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1 })
}

fn write(folder: &Path, files: &BTreeMap<String, String>) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Both cases are submitted and returned.
async fn a_round(li: &Desk, wang: &Desk, cases: [&str; 2]) {
    for case in cases {
        li.act(case, "submit", json!({})).await.ok();
        wang.act(case, "return", failing()).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_the_intake_run_side_by_side_each_to_its_own_end() {
    let mut server = Server::new(Setting::default());
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    let dossier = li.dossier("示例客户甲").await;
    let old = li.case(&dossier, 1).await;

    write(&server.path("second"), &second("{}"));
    std::fs::write(server.path("token"), &server.desk("zhao").await.token).unwrap();
    let base = server.base.clone();
    let through = ["--server", &base, "--token-file", "token"];
    let out = server.run(&[&["pack", "publish", "second", "--note", "处罚加重"][..], &through].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).contains("customer-service 2.0.0 is in force"));
    let out = server.run(&[&["pack", "publish", "second"][..], &through].concat());
    assert!(String::from_utf8_lossy(&out.stdout).contains("was published before; nothing was done"));

    let new = li.case(&dossier, 1).await;
    a_round(&li, &wang, [&old, &new]).await;
    assert_eq!(li.points("li").await, 1 + 10, "each costs what its own table says");
    let term = async |desk: &Desk, case: &str| {
        text(&desk.get(&format!("/api/v1/cases/{case}")).await.ok()["deadline"])
    };
    assert!(term(&li, &old).await > term(&li, &new).await, "five working days end after three");
    let listed = server.run(&[&["pack", "list", "--json"][..], &through].concat());
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("处罚加重") && listed.matches("\"running\": 1").count() == 2, "{listed}");

    // After a restart: on the data folder itself, and served again.
    let terms = (term(&li, &old).await, term(&li, &new).await);
    server.stop();
    let out = server.run(&["pack", "list"]);
    assert!(String::from_utf8_lossy(&out.stdout).contains("customer-service 2.0.0"), "{out:?}");
    server.start();
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    assert_eq!((term(&li, &old).await, term(&li, &new).await), terms);
    a_round(&li, &wang, [&old, &new]).await;
    assert_eq!(li.points("li").await, 1 + 10 + 2 + 20);
    server.stop();
    let out = server.run(&["verify", "--full"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));

    // In an archive that was made again from its bucket.
    let mut config = Config { data: server.path("copy"), ..Config::default() };
    config.objects = format!("file://{}", server.path("lantai-data/objects").display());
    config.reading_program = Some(env!("CARGO_BIN_EXE_lantai").into());
    let (running, base) = restored(config, &server.path("recovery.key"), Clock::system()).await;
    let sign = async |name: &str| Desk::sign_in(&base, name).await;
    let (li, wang) = (sign("li").await, sign("wang").await);
    a_round(&li, &wang, [&old, &new]).await;
    assert_eq!(li.points("li").await, 1 + 10 + 2 + 20 + 4 + 40);
    for case in [&old, &new] {
        li.basket(&dossier, case, 1).await;
        li.act(case, "submit", json!({})).await.ok();
    }
    // By now both are beyond the table: each goes to the general manager and to its end on its own version.
    for (case, version) in [(&old, "customer-intake@1.1.0#"), (&new, "customer-intake@2.0.0#")] {
        wang.act(case, "escalate", failing()).await.ok();
        let said = json!({ "note": "不再办理", "points": 1 });
        let ended = sign("zhao").await.act(case, "cancel", said).await.ok();
        assert!(ended["state"] == "cancelled" && text(&ended["definition"]).starts_with(version), "{ended}");
    }
    running.stop().await.unwrap();
    println!("points 1+10, 2+20, 4+40 on versions 1.1.0 and 2.0.0; terms {terms:?}");
}

/// An archive made from a bucket and served; every byte of it was verified.
async fn restored(config: Config, key: &Path, clock: Clock) -> (Running, String) {
    let recovery = read_key_file(key, None).unwrap();
    let made = restore(config.clone(), clock.clone(), &recovery, &|_, _| {}).await.unwrap();
    made.opened.app.close().unwrap();
    drop(made);
    let opened = App::open(config, clock, &|_, _| {}).await.unwrap();
    assert_eq!(opened.app.verify(Depth::Full, &|_, _| {}).await.unwrap().problems, []);
    let running = Running::start(opened.app, "127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", running.address);
    (running, base)
}

/// The archive of format 1 was made when only `init` could publish: its pack says nothing of who may.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_from_before_is_given_a_newer_pack_by_its_administrator() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives/v1");
    let folder = tempfile::tempdir().unwrap();
    let bucket = folder.path().join("bucket");
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .args([&golden.join("bucket"), &bucket])
            .status()
            .unwrap()
            .success()
    );
    let key = folder.path().join("recovery.key");
    std::fs::copy(golden.join("recovery.key"), &key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let expected: Value =
        serde_json::from_slice(&std::fs::read(golden.join("expected.json")).unwrap()).unwrap();
    let mut config = Config { data: folder.path().join("data"), ..Config::default() };
    config.objects = format!("file://{}", bucket.display());
    config.reading_program = Some(env!("CARGO_BIN_EXE_lantai").into());
    let (clock, _) = Clock::fixed(text(&expected["made_at"]).parse().unwrap());
    let (running, base) = restored(config, &key, clock).await;
    let sign_in = async |name: &str| {
        let person = running.app.people.by_name(name).unwrap().unwrap();
        let token = running.app.people.make_token(person.id, person.id).await.unwrap();
        Client::new(&base, &token.secret)
    };
    let (admin, zhao, li) = (sign_in("admin").await, sign_in("zhao").await, sign_in("li").await);
    zhao.get("/api/v1/packs").await.problem(403, "forbidden");
    let listed = admin.get("/api/v1/packs").await.ok();
    let one = &listed["entries"][0];
    assert_eq!(
        (&one["version"], &one["in_force"], &one["note"]),
        (&json!("1.0.0"), &json!(true), &Value::Null)
    );
    assert!(
        one["published_at"].is_string() && one["definitions"][0]["running"].as_u64().unwrap() > 0,
        "{one}"
    );
    let before = publish(&admin, &bundled(&[("pack.yaml", "version: 1.1.0", "version: 1.0.0")])).await;
    before.problem(409, "pack_taken");
    publish(&admin, &bundled(&[])).await.created();
    let listed = zhao.get("/api/v1/packs").await.ok();
    assert_eq!(listed["entries"].as_array().unwrap().len(), 2, "the new pack lets the general manager");
    let draft =
        expected["seen"]["cases"].as_array().unwrap().iter().find(|case| case["state"] == "draft").unwrap();
    let acted = li.act(&li.case(&text(&draft["id"])).await, "submit", json!({})).await.ok();
    assert_eq!((&acted["state"], &acted["definition"]), (&json!("review"), &draft["definition"]));
    // And the bundled intake says how its running cases come to it.
    let wanted = json!({ "workflow": "customer-intake", "from": "1.0.0", "to": "1.1.0" });
    let moved = zhao.post("/api/v1/packs/migrate", &wanted).await.ok();
    assert_eq!(moved["moved"].as_u64(), one["definitions"][0]["running"].as_u64(), "{moved}");
    let case = li.case(&text(&draft["id"])).await;
    assert!(text(&case["definition"]).starts_with("customer-intake@1.1.0#") && case["state"] == "review");
    let app = running.app.clone();
    running.stop().await.unwrap();
    assert_eq!(app.verify(Depth::Full, &|_, _| {}).await.unwrap().problems, []);
}
