//! Packs that are not published, and say why.

use serde_json::{Value, json};

use super::{administrator, bundled, publish, second};
use crate::app::{TestApp, lantai, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_published_changes_nothing() {
    let app = TestApp::start().await;
    let (zhao, wang, auditor) =
        (app.sign_in("zhao").await, app.sign_in("wang").await, app.sign_in("auditor").await);
    let admin = administrator(&app).await;
    let before = app.standing(None).await;

    let mut wrong = bundled(&[("intake.yaml", "to: gm_decision", "to: nowhere")]);
    let findings = publish(&zhao, &wrong).await.problem(422, "bad_pack")["findings"].clone();
    let line = wrong["intake.yaml"].lines().position(|line| line.contains("to: nowhere")).unwrap() + 1;
    let found = findings.as_array().unwrap().iter().find(|found| found["code"] == "E01").unwrap();
    assert_eq!((&found["file"], &found["line"]), (&json!("intake.yaml"), &json!(line)), "{found}");
    wrong.clear();
    publish(&zhao, &wrong).await.problem(422, "bad_pack");

    for policies in ["permit(", "permit(principal, action == Action::\"fly\", resource);"] {
        let mut files = bundled(&[("pack.yaml", "version: 1.1.0", "version: 1.2.0")]);
        files.insert("access.cedar".into(), policies.into());
        let refused = publish(&zhao, &files).await.problem(422, "bad_pack");
        assert_eq!(refused["findings"][0]["file"], "access.cedar");
    }
    // Nobody is a station, so nobody could publish the next pack; and then nobody could manage people.
    let locked = |find: &str, with: &str| {
        bundled(&[("pack.yaml", "version: 1.1.0", "version: 1.2.0"), ("access.cedar", find, with)])
    };
    let to_station =
        locked("principal in Role::\"gm\" || principal in Role::\"admin\"", "principal in Role::\"station\"");
    let refused = publish(&zhao, &to_station).await.problem(422, "locked_out");
    assert_eq!(refused["action"], "pack.publish");
    let unmanaged = locked("Action::\"people.manage\", ", "");
    let refused = publish(&zhao, &unmanaged).await.problem(422, "locked_out");
    assert_eq!(refused["action"], "people.manage");

    let same_version = bundled(&[("pack.yaml", "zh: 客户服务", "zh: 客户服务部")]);
    let refused = publish(&zhao, &same_version).await.problem(409, "pack_taken");
    assert!(text(&refused["detail"]).contains("customer-service 1.1.0"), "{refused}");
    let mut definition = second("{}");
    let back = definition["intake.yaml"].replace("version: 2.0.0", "version: 1.1.0");
    definition.insert("intake.yaml".into(), back);
    let refused = publish(&zhao, &definition).await.problem(409, "definition_taken");
    assert!(text(&refused["detail"]).contains("customer-intake 1.1.0"), "{refused}");
    let unmapped = second("{1.1.0: {timers: keep, counters: keep}}")
        .into_iter()
        .map(|(path, text)| match path.as_str() {
            "intake.yaml" => {
                (path, text.replace("  review:\n", "  checking:\n").replace("to: review", "to: checking"))
            }
            _ => (path, text),
        })
        .collect();
    let findings = publish(&zhao, &unmapped).await.problem(422, "bad_pack")["findings"].clone();
    assert_eq!((findings.as_array().unwrap().len(), &findings[0]["code"]), (1, &json!("E17")), "{findings}");
    assert_eq!(findings[0]["file"], "intake.yaml");

    for nobody in [&wang, &auditor] {
        publish(nobody, &second("{}")).await.problem(403, "forbidden");
        nobody.get("/api/v1/packs").await.problem(403, "forbidden");
    }
    let long = zhao.post(&format!("/api/v1/packs?note={}", "n".repeat(4001)), &json!(second("{}"))).await;
    long.problem(422, "long_note");
    zhao.get("/api/v1/packs/00").await.problem(404, "unknown_pack");
    zhao.get(&format!("/api/v1/packs/{}", "0".repeat(64))).await.problem(404, "unknown_pack");

    // The pack in force again is no second entry.
    let again = publish(&zhao, &bundled(&[])).await.ok();
    assert_eq!((&again["in_force"], &again["version"]), (&json!(true), &json!("1.1.0")));
    assert_eq!(app.standing(None).await, before);
    assert_eq!(admin.get("/api/v1/packs").await.ok()["entries"].as_array().unwrap().len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_pack_is_shown_as_it_was_handed_in_with_what_it_takes_from_people() {
    let app = TestApp::start().await;
    let (zhao, _) = (app.sign_in("zhao").await, app.sign_in("station").await);
    let files = bundled(&[
        ("pack.yaml", "version: 1.1.0", "version: 1.2.0"),
        ("pack.yaml", "  station:    {zh: 扫描站,   en: Scanning station}\n", ""),
        ("access.cedar", "principal in Role::\"station\"", "principal in Role::\"cs_staff\""),
    ]);
    let published =
        zhao.post("/api/v1/packs?note=%E6%97%A0%E6%89%AB%E6%8F%8F%E7%AB%99", &json!(files)).await.created();
    assert_eq!((&published["note"], &published["published_by"]), (&json!("无扫描站"), &json!("zhao")));
    let warnings: Vec<Value> = published["warnings"].as_array().unwrap().clone();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(text(&warnings[0]["en"]).contains("station has the role `station`"), "{warnings:?}");
    let shown = zhao.get(&format!("/api/v1/packs/{}", text(&published["hash"]))).await.ok();
    assert_eq!(shown["files"], json!(files));
    let listed = zhao.get("/api/v1/packs").await.ok()["entries"].clone();
    let versions: Vec<(&str, bool)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["version"].as_str().unwrap(), one["in_force"] == true))
        .collect();
    assert_eq!(versions, [("1.2.0", true), ("1.1.0", false)]);
    app.finish().await;
}

/// Whoever holds the data folder publishes without a server, also what a pack has shut everybody at the doors out of.
#[tokio::test(flavor = "multi_thread")]
async fn the_data_folder_itself_is_a_way_to_publish() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let out = lantai(&data, &["init"]);
    assert!(out.status.success(), "{out:?}");
    super::write(&folder.path().join("second"), &second("{}"));
    let pack = folder.path().join("second").display().to_string();
    let out = lantai(&data, &["pack", "publish", &pack, "--note", "new", "--json"]);
    assert!(out.status.success(), "{out:?}");
    let told: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&told["version"], &told["repeated"]), (&json!("2.0.0"), &json!(false)));
    let again = lantai(&data, &["pack", "publish", &pack, "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).unwrap()["repeated"], true);
    super::write(
        &folder.path().join("second"),
        &bundled(&[("intake.yaml", "to: gm_decision", "to: nowhere")]),
    );
    let out = lantai(&data, &["pack", "publish", &pack]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stdout).contains("E01"), "{out:?}");
    let migrate = ["pack", "migrate", "customer-intake", "--from", "1.1.0", "--to", "2.0.0"];
    let out = lantai(&data, &migrate);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&out.stderr).contains("2.0.0 does not say under `migrate.from`"),
        "{out:?}"
    );
    let out = lantai(&data, &["verify", "--full"]);
    assert!(out.status.success(), "{out:?}");
}
