//! The search as people and operators meet it: damage while it runs, and making the index again.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use lantai::domain::archive_itself;
use lantai::vault::{open, read_key_file};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, pdf, until};
use crate::server::{Server, Setting};

/// Flips a bit in the middle of every file of the index.
fn damage(index: &Path) {
    for entry in std::fs::read_dir(index).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(middle) = bytes.len().checked_div(2).filter(|_| bytes.len() > 100) {
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

/// How many indexes were set aside.
fn set_aside(data: &Path) -> usize {
    let entries = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name());
    entries.filter(|name| name.to_str().unwrap().contains("index.set-aside")).count()
}

/// Hands in a text that belongs to no case.
async fn hand_in(desk: &Client, query: &[(&str, &str)], text: &str) {
    let request = desk.request(reqwest::Method::POST, "/api/v1/documents");
    Answer::of(request.query(query).body(text.to_owned())).await.created();
}

async fn total(desk: &Client, query: &str) -> Option<u64> {
    let found = desk.get(&format!("/api/v1/search?q={query}")).await;
    (found.status == 200).then(|| found.json()["total"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_damaged_while_it_is_used_is_made_again_at_once() {
    let app = TestApp::start().await;
    let li = app.sign_in("li").await;
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 1).await;
    for page in ["基金合同 甲", "基金合同 乙", "风险揭示书"] {
        li.upload(&case, "trust_contract", pdf(&[page])).await;
    }
    app.settle().await;
    assert_eq!(total(&li, "基金合同").await, Some(2));

    app.app.index.rest().unwrap();
    damage(&app.app.config.data.join("index"));
    // Each question is answered: by what is there, or with an error; never by something wrong.
    let answers = async || {
        let found = total(&li, "基金合同").await;
        assert!(found.is_none_or(|found| found <= 2), "{found:?}");
        let others = total(&li, "风险揭示书").await == Some(1) && total(&li, "oyxy").await == Some(1);
        found == Some(2) && others && set_aside(&app.app.config.data) == 1
    };
    assert!(until(answers).await, "it is not made again");
    assert!(!app.app.index.is_damaged());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_are_counted_ordered_and_names_suggested_for_those_who_may_see_them() {
    let app = TestApp::start().await;
    let (li, sun, wang) = (app.sign_in("li").await, app.sign_in("sun").await, app.sign_in("wang").await);
    let mut dossiers = Vec::new();
    for (desk, name) in [(&li, "欧阳修远"), (&li, "欧阳锋"), (&sun, "欧阳若兰")] {
        let dossier = desk.open_dossier(name).await;
        dossiers.push(dossier.clone());
        let case = desk.start_case(&dossier, 1).await;
        desk.upload(&case, "trust_contract", pdf(&["民事信托合同"])).await;
        desk.upload(&case, "bank_receipt", pdf(&["回单，民事信托合同"])).await;
    }
    app.settle().await;
    let counted = |found: &Value, facet: &str| -> Vec<(String, u64)> {
        let all = found["facets"][facet].as_array().unwrap().iter();
        let one = |one: &Value| {
            let what = one["name"].as_str().or(one["value"].as_str()).unwrap().to_owned();
            (what, one["count"].as_u64().unwrap())
        };
        let mut all: Vec<_> = all.map(one).collect();
        all.sort();
        all
    };
    let asked = "/api/v1/search?q=%E6%B0%91%E4%BA%8B%E4%BF%A1%E6%89%98&facets=true";
    let found = li.get(asked).await.ok();
    assert_eq!(found["total"], 4);
    assert_eq!(counted(&found, "kinds"), [("bank_receipt".to_owned(), 2), ("trust_contract".to_owned(), 2)]);
    assert_eq!(counted(&found, "dossiers"), [("欧阳修远".to_owned(), 2), ("欧阳锋".to_owned(), 2)]);
    assert_eq!(counted(&found, "years").iter().map(|(_, count)| count).sum::<u64>(), 4);
    assert_eq!(wang.get(asked).await.ok()["total"], 6);
    for sort in ["newest", "oldest"] {
        assert_eq!(li.get(&format!("{asked}&sort={sort}")).await.ok()["total"], 4, "{sort}");
    }
    assert_eq!(li.get(&format!("{asked}&sort=size")).await.status, 400);

    let suggested = async |desk: &Client, typed: &str| -> Vec<String> {
        let found = desk.get(&format!("/api/v1/search/suggest?q={typed}")).await.ok();
        let mut names: Vec<String> = found["suggestions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    for typed in ["欧阳", "ouyang", "oy", "ou"] {
        assert_eq!(suggested(&li, typed).await, ["欧阳修远", "欧阳锋"], "{typed}");
    }
    assert_eq!(suggested(&li, "oyxy").await, ["欧阳修远"]);
    assert_eq!(suggested(&sun, "欧阳").await, ["欧阳若兰"]);
    assert_eq!(suggested(&wang, "欧").await.len(), 3);
    for nothing in ["", "%20", "zhao", "%22", "-"] {
        assert_eq!(suggested(&li, nothing).await, [""; 0], "{nothing}");
    }
    let numbers = async |desk: &Client, typed: &str| -> Vec<String> {
        let found = desk.get(&format!("/api/v1/search/suggest?q={typed}")).await.ok();
        let found = found["suggestions"].as_array().unwrap().clone();
        found.iter().filter_map(|one| Some(one["number"].as_str()?.to_owned())).collect()
    };
    let contract = [("dossier", dossiers[2].as_str()), ("kind", "trust_contract"), ("filename", "合同.txt")];
    let text = "民间借贷\n合同编号：XT-2026-000117\n身份证号码：11010519491231002X";
    hand_in(&sun, &contract, text).await;
    app.settle().await;
    for typed in ["xt2", "XT-2026", "xt2026000117"] {
        assert_eq!(numbers(&sun, typed).await, ["XT-2026-000117"], "{typed}");
        assert_eq!(numbers(&wang, typed).await, ["XT-2026-000117"], "{typed}");
        assert_eq!(numbers(&li, typed).await, [""; 0], "{typed}");
    }
    for nothing in ["xt", "2026", "110105"] {
        assert_eq!(numbers(&wang, nothing).await, [""; 0], "{nothing}");
    }
    // What is chosen from the list is found.
    assert_eq!(wang.get("/api/v1/search?q=XT-2026-000117").await.ok()["total"], 1);
    let page = String::from_utf8(li.get("/search?q=%E6%B0%91%E4%BA%8B%E4%BF%A1%E6%89%98&lang=zh").await.body)
        .unwrap();
    for said in ["缩小范围", "kind=bank_receipt", "最新在前", "欧阳锋"] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("欧阳若兰"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_stands_still_while_somebody_pages_through_it_and_loses_what_is_sealed() {
    let app = TestApp::start().await;
    let passphrase = SecretString::from("总经理的口令 correct horse".to_owned());
    app.app.set_manager(archive_itself(), passphrase, None).await.unwrap();
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let mut dossiers = Vec::new();
    // Files that nobody reads are found by their names, at once.
    let file = async |dossier: &str, name: &str| {
        let query = [("dossier", dossier), ("kind", "trust_contract"), ("filename", name)];
        hand_in(&li, &query, &format!("PK\u{3}\u{4} {name}")).await;
    };
    for name in ["欧阳修远", "欧阳锋"] {
        let dossier = li.open_dossier(name).await;
        for number in 0..12 {
            file(&dossier, &format!("民事信托合同第{number}号.zip")).await;
        }
        dossiers.push(dossier);
    }
    app.settle().await;
    let asked = "/api/v1/search?q=%E6%B0%91%E4%BA%8B%E4%BF%A1%E6%89%98&limit=10";
    let documents = |found: &Value| -> Vec<String> {
        let hits = found["hits"].as_array().unwrap().iter();
        hits.map(|hit| hit["document"].as_str().unwrap().to_owned()).collect()
    };
    let next = |found: &Value| found["next_cursor"].as_str().unwrap().to_owned();
    let first = wang.get(asked).await.ok();
    assert_eq!((first["total"].as_u64(), &first["ignored"]), (Some(24), &json!([])));
    // More comes in between; the list does not know of it.
    file(&dossiers[0], "民事信托合同，民事信托合同，民事信托合同.zip").await;
    app.settle().await;
    let second = wang.get(&format!("{asked}&cursor={}", next(&first))).await.ok();
    let third = wang.get(&format!("{asked}&cursor={}", next(&second))).await.ok();
    assert_eq!((&second["total"], &third["next_cursor"]), (&json!(24), &Value::Null));
    let mut all: Vec<String> = [&first, &second, &third].into_iter().flat_map(documents).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 24);
    assert_eq!(wang.get(asked).await.ok()["total"], 25);

    for garbage in ["20", "-1", "", "AAAA", "%E5%90%88"] {
        let refused = wang.get(&format!("{asked}&cursor={garbage}")).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (400, &json!("bad_request")),
            "{garbage}"
        );
    }
    assert_eq!(wang.get("/search?q=%E5%90%88&cursor=20").await.status, 400);

    // The page's way on is the same kind of cursor.
    let page = "/search?q=%E6%B0%91%E4%BA%8B%E4%BF%A1%E6%89%98&lang=zh";
    let shown = async |address: &str| String::from_utf8(wang.get(address).await.body).unwrap();
    let on = shown(page).await;
    let link = on.split("href=\"").find(|part| part.contains("rel=\"next\"")).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let second_page = shown(&link).await;
    assert!(second_page.contains("21–25") && second_page.contains("rel=\"prev\""), "{second_page}");
    assert!(!second_page.contains("not kept any longer"));

    let seal = format!("/api/v1/dossiers/{}/seal", dossiers[1]);
    wang.post(&seal, &json!({ "reason": "客户退出" })).await.ok();
    let later = wang.get(&format!("{asked}&cursor={}", next(&first))).await.ok();
    assert_eq!(later["total"], 13);
    assert!(later["ignored"][0].as_str().unwrap().contains("not kept"), "{later}");
    let hits = later["hits"].as_array().unwrap();
    assert!(hits.iter().all(|hit| hit["dossier"] == json!(dossiers[0])), "{later}");
    assert!(shown(&link).await.contains("not kept any longer"));
    assert!(shown(&format!("{link}&lang=zh")).await.contains("不再保留"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_says_where_on_the_page_it_stands() {
    let app = TestApp::start().await;
    let li = app.sign_in("li").await;
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 1).await;
    let uploaded = li.upload(&case, "trust_contract", pdf(&["风险揭示书", "民事信托合同"])).await;
    let plain = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", "合同.txt")];
    hand_in(&li, &plain, "民事信托合同").await;
    app.settle().await;
    let document = uploaded["id"].as_str().unwrap();
    let text = li.get(&format!("/api/v1/documents/{document}/text")).await.ok();
    let pages = text["pages"].as_array().unwrap().iter();
    let lines: Vec<&Value> = pages.flat_map(|page| page["lines"].as_array().unwrap()).collect();
    let line = lines.iter().find(|line| line["text"].as_str().unwrap().contains("民事信托合同")).unwrap();
    let place = |of: &Value| ["x0", "y0", "x1", "y1"].map(|side| of[side].as_f64().unwrap());
    let hits = li.find("民事信托合同").await;
    assert_eq!(hits.len(), 2, "{hits:?}");
    for hit in &hits {
        let boxes: Vec<_> = hit["boxes"].as_array().unwrap().iter().map(place).collect();
        match hit["document"] == json!(document) {
            true => assert_eq!(boxes, [place(line)]),
            false => assert_eq!(boxes, [[0.0; 4]; 0]),
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_are_counted_and_narrowed_by_where_their_case_stands_now() {
    let app = TestApp::start_with(|config| config.limits.facet_cases = 3).await;
    let (li, sun, wang) = (app.sign_in("li").await, app.sign_in("sun").await, app.sign_in("wang").await);
    let mut cases = Vec::new();
    for (desk, name) in [(&li, "欧阳修远"), (&li, "欧阳锋"), (&sun, "欧阳若兰")] {
        let dossier = desk.open_dossier(name).await;
        let case = desk.start_case(&dossier, 1).await;
        desk.upload(&case, "trust_contract", pdf(&["民事信托合同"])).await;
        cases.push(case);
    }
    // A paper without a case is in no state.
    let dossier = li.open_dossier("司马").await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", "合同.txt")];
    hand_in(&li, &query, "民事信托合同").await;
    app.settle().await;
    let asked = "/api/v1/search?q=%E6%B0%91%E4%BA%8B%E4%BF%A1%E6%89%98&facets=true";
    let states = async |desk: &Client| desk.get(asked).await.ok()["facets"]["states"].clone();
    let start = cases[0]["state"].as_str().unwrap().to_owned();
    assert_eq!(states(&li).await, json!([{ "value": start, "count": 2 }]));
    assert_eq!(states(&wang).await, json!([{ "value": start, "count": 3 }]));

    // A case goes on, and nothing is indexed for it.
    let moved = li.act(&cases[0], "submit", json!({})).await.ok();
    let submitted = moved["state"].as_str().unwrap().to_owned();
    let mut expected = vec![json!({ "value": start, "count": 1 }), json!({ "value": submitted, "count": 1 })];
    expected.sort_by_key(|one| one["value"].as_str().unwrap().to_owned());
    assert_eq!(states(&li).await, json!(expected));
    let narrowed = async |desk: &Client, state: &str| {
        let found = desk.get(&format!("{asked}&state={state}")).await.ok();
        assert_eq!(found["ignored"], json!([]));
        found["total"].as_u64().unwrap()
    };
    assert_eq!((narrowed(&li, &start).await, narrowed(&wang, &start).await), (1, 2));
    assert_eq!((narrowed(&li, &submitted).await, narrowed(&sun, &submitted).await), (1, 0));
    assert_eq!(narrowed(&wang, "no-such-state").await, 0);
    let alone = format!("/api/v1/search?state={submitted}");
    assert_eq!(wang.get(&alone).await.ok()["total"], 1);

    let page = |state: &str, lang: &str| {
        format!("/search?q=%E6%B0%91%E4%BA%8B%E4%BF%A1%E6%89%98&state={state}&lang={lang}")
    };
    let shown = async |address: String| String::from_utf8(wang.get(&address).await.body).unwrap();
    let pack = lantai::workflow::Pack::bundled();
    let state = pack.definition("customer-intake").unwrap().state(&submitted).unwrap();
    let (zh, en) = (shown(page("", "zh")).await, shown(page("", "en")).await);
    assert!(
        zh.contains(&format!(">{}</a>", state.title.zh)) && zh.contains(&format!("state={submitted}")),
        "{zh}"
    );
    assert!(en.contains(&format!(">{}</a>", state.title.en)), "{en}");
    let one = shown(page(&submitted, "zh")).await;
    assert!(one.contains("欧阳修远") && !one.contains("欧阳锋") && one.contains("name=\"state\""), "{one}");

    // With more cases than are counted it says so, and goes on without.
    let dossier = sun.open_dossier("欧阳克").await;
    let case = sun.start_case(&dossier, 1).await;
    sun.upload(&case, "trust_contract", pdf(&["民事信托合同"])).await;
    app.settle().await;
    let found = wang.get(&format!("{asked}&state={submitted}")).await.ok();
    assert_eq!((&found["total"], &found["facets"]["states"]), (&json!(5), &Value::Null));
    assert!(found["ignored"][0].as_str().unwrap().contains("too many cases"), "{found}");
    assert_eq!(found["ignored"].as_array().unwrap().len(), 1);
    assert!(shown(page(&submitted, "zh")).await.contains("涉及的案件过多"));
    assert_eq!(narrowed(&li, &submitted).await, 1);
    app.finish().await;
}

fn said(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_index_is_made_again_on_demand() {
    let mut server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("欧阳修远").await;
    let case = li.case(&dossier, 1).await;
    li.basket(&dossier, &case, 1).await;
    server.settle().await;
    li.get("/api/v1/index").await.is(403, "forbidden");
    li.post("/api/v1/index/rebuild", json!({})).await.is(403, "forbidden");
    server.stop();

    let before = said(&server.run(&["--json", "index", "stats"]));
    assert!(before["items"].as_u64().unwrap() >= 7 && before["damaged"] == false, "{before}");
    said(&server.run(&["--json", "index", "check"]));
    let rebuilt = said(&server.run(&["--json", "index", "rebuild"]));
    assert_eq!((&rebuilt["items"], &rebuilt["waiting"]), (&before["items"], &json!(0)));
    said(&server.run(&["--json", "index", "check"]));

    // The same through a server, which answers meanwhile.
    let token = server.run(&["token", "create", "--name", "admin"]);
    std::fs::write(server.path("admin.token"), &token.stdout).unwrap();
    server.start();
    let (base, token) = (server.base.clone(), server.path("admin.token"));
    let run = |verb: &str| {
        let through = ["--server", &base, "--token-file", token.to_str().unwrap()];
        said(&server.run(&[&["--json", "index", verb][..], &through].concat()))
    };
    run("rebuild");
    server.settle().await;
    assert_eq!(run("stats")["items"], before["items"]);
    server.desk("li").await.find("oyxy", 1).await;
}

/// The program's process, killed after so long.
fn killed_after(server: &Server, arguments: &[&str], pause: Duration) {
    let mut child = server.spawn(arguments);
    std::thread::sleep(pause);
    let _ = child.kill();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_hundred_kills_in_the_middle_of_indexing_leave_it_whole() {
    let mut server = Server::new(Setting::default());
    let li = server.desk("li").await;
    for customer in 0..4 {
        let dossier = li.dossier(&format!("欧阳{customer}")).await;
        for paper in 0..12 {
            let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", "合同.txt")];
            let text =
                format!("基金合同第{paper}号，客户{customer}。{}", "认购金额人民币壹佰万元整。".repeat(40));
            li.upload(&query, text.into()).await.ok();
        }
    }
    server.settle().await;
    server.stop();
    let whole = said(&server.run(&["--json", "index", "stats"]));
    assert_eq!(whole["items"], 52);
    // How long a whole round takes here: the kills are spread over it.
    let started = Instant::now();
    said(&server.run(&["--json", "index", "rebuild"]));
    let round = started.elapsed();
    let mut cut_off = 0;
    for kill in 0..100_u32 {
        killed_after(&server, &["index", "rebuild"], round * (kill * 37 % 100) / 100);
        // The next start agrees with the archive: nothing is there twice, and what lacks waits.
        let checked = server.run(&["--json", "index", "check"]);
        assert!(checked.status.success(), "after kill {kill}: {}", String::from_utf8_lossy(&checked.stdout));
        cut_off += usize::from(said(&checked)["waiting"] != 0);
    }
    println!("{cut_off} of 100 kills left something to be indexed");
    assert!(cut_off > 20, "the kills come too late");
    server.start();
    server.settle().await;
    assert_eq!(server.desk("li").await.find("基金合同", 48).await["total"], 48);
    server.stop();
    let caught_up = said(&server.run(&["--json", "index", "check"]));
    assert_eq!((&caught_up["items"], &caught_up["waiting"]), (&whole["items"], &json!(0)));
}

/// The index's key, which only the archive's opens.
fn index_key(data: &Path) -> Vec<u8> {
    let archive = read_key_file(&data.join("archive.key"), None).unwrap().identity;
    let file = data.join("index.key.age");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    open(&archive, &std::fs::read(file).unwrap()).unwrap().to_vec()
}

#[tokio::test]
async fn the_index_gets_another_key_while_it_is_used() {
    let mut server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("欧阳修远").await;
    let case = li.case(&dossier, 1).await;
    li.basket(&dossier, &case, 1).await;
    server.settle().await;
    li.post("/api/v1/index/rotate", json!({})).await.is(403, "forbidden");
    server.stop();
    let token = server.run(&["token", "create", "--name", "admin"]);
    std::fs::write(server.path("admin.token"), &token.stdout).unwrap();
    let data = server.path("lantai-data");
    let before = said(&server.run(&["--json", "index", "stats"]));
    let first = index_key(&data);

    server.start();
    let li = server.desk("li").await;
    let found = li.find("trust_contract", 1).await["hits"].clone();
    let through = |server: &Server, arguments: &[&str]| {
        let (base, token) = (server.base.clone(), server.path("admin.token"));
        let door = ["--server", &base, "--token-file", token.to_str().unwrap()];
        said(&server.run(&[&["--json"][..], arguments, &door].concat()))
    };
    assert_eq!(through(&server, &["index", "rotate"])["items"], before["items"]);
    let second = index_key(&data);
    assert!(second != first);
    assert_eq!(li.find("trust_contract", 1).await["hits"], found);
    assert_eq!(li.find("oyxy", 1).await["hits"][0]["dossier"], json!(dossier));
    // What comes afterwards is found, too, and a rotation of the archive's key gives the index another one.
    li.dossier("欧阳锋").await;
    li.find("欧阳锋", 1).await;
    through(&server, &["keys", "rotate"]);
    let third = index_key(&data);
    assert!(third != second && third != first);
    li.find("欧阳锋", 1).await;
    server.settle().await;
    server.stop();

    let check = || {
        let checked = said(&server.run(&["--json", "index", "check"]));
        assert_eq!((&checked["waiting"], &checked["damaged"]), (&json!(0), &json!(false)), "{checked}");
        checked["items"].as_u64().unwrap()
    };
    let items = check();
    assert!(items > before["items"].as_u64().unwrap());
    said(&server.run(&["--json", "index", "rotate"]));
    let fourth = index_key(&data);
    said(&server.run(&["--json", "keys", "rotate"]));
    assert!(fourth != third && index_key(&data) != fourth);
    assert_eq!((check(), set_aside(&data)), (items, 0));
    assert!(["index.next", "index.old", "index.key.age.next"].iter().all(|name| !data.join(name).exists()));

    // Without its key the index is made again.
    for lost in [None, Some("age-encryption.org/v1\nno")] {
        match lost {
            None => std::fs::remove_file(data.join("index.key.age")).unwrap(),
            Some(text) => std::fs::write(data.join("index.key.age"), text).unwrap(),
        }
        server.start();
        server.settle().await;
        server.desk("li").await.find("oyxy", 1).await;
        server.stop();
        assert_eq!(set_aside(&data), 1);
        assert_eq!(said(&server.run(&["--json", "index", "check"]))["items"], json!(items));
    }
}

#[tokio::test]
async fn a_rotation_of_the_index_that_is_killed_costs_nothing() {
    let mut server = Server::new(Setting::default());
    let li = server.desk("li").await;
    for customer in 0..3 {
        let dossier = li.dossier(&format!("欧阳{customer}")).await;
        let case = li.case(&dossier, 1).await;
        li.basket(&dossier, &case, 1).await;
    }
    server.settle().await;
    server.stop();
    let (data, whole) = (server.path("lantai-data"), said(&server.run(&["--json", "index", "check"])));
    let beside = || {
        let names = ["index.next", "index.old", "index.key.age.next"];
        names.iter().any(|name| data.join(name).exists())
    };
    let mut cut_off = 0;
    for pause in 0..12 {
        let mut child = server.spawn(&["index", "rotate"]);
        while !beside() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_millis(2 * pause));
        let _ = child.kill();
        child.wait().unwrap();
        cut_off += usize::from(beside());
        let checked = said(&server.run(&["--json", "index", "check"]));
        for figure in ["items", "segments", "waiting", "damaged"] {
            assert_eq!(checked[figure], whole[figure], "{figure} after kill {pause}");
        }
        assert!(!beside() && set_aside(&data) == 0, "after kill {pause}");
    }
    println!("{cut_off} of 12 kills were in the middle of it");
    assert!(cut_off > 0, "the kills come too late");
    server.start();
    server.desk("li").await.find("trust_contract", 3).await;
    server.stop();
}
