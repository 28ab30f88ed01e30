//! Destroying: two people, a certificate, and nothing left to open.

use lantai::objects::{Key, Prefix};
use reqwest::Method;
use serde_json::json;

use super::Scene;
use crate::app::{Answer, text};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_destroy_a_dossier_and_a_certificate_remains() {
    let scene = Scene::set().await;
    let ledger = scene.wang.get("/api/v1/penalties").await.ok();
    let (ask, confirm) = (scene.of("destruction"), scene.of("destruction/confirm"));
    let why = json!({ "reason": "保存期满" });
    scene.wang.post(&ask, &why).await.problem(409, "not_sealed");
    let before = scene.wang.get(&format!("/api/v1/documents/{}", scene.document)).await.ok();
    scene.seal().await;
    scene.li.post(&ask, &why).await.problem(403, "forbidden");
    scene.zhao.post(&confirm, &json!({})).await.problem(409, "not_asked");
    let asked = scene.wang.post(&ask, &why).await.created();
    assert_eq!((&asked["asked_by"], &asked["reason"]), (&json!("wang"), &json!("保存期满")));
    scene.zhao.post(&ask, &why).await.problem(409, "already_asked");
    scene.wang.post(&confirm, &json!({})).await.problem(403, "same_person");
    assert_eq!(Answer::of(scene.zhao.request(Method::DELETE, &ask)).await.status, 204, "refused");
    scene.zhao.post(&confirm, &json!({})).await.problem(409, "not_asked");
    scene.wang.post(&ask, &why).await.created();
    scene.all_refused().await;
    scene.open().await;
    let certificate = scene.zhao.post(&confirm, &json!({})).await.ok();

    assert_eq!((&certificate["asked_by"], &certificate["confirmed_by"]), (&json!("wang"), &json!("zhao")));
    let paper = &certificate["documents"][0];
    assert_eq!((&paper["document"], &paper["log_index"]), (&json!(scene.document), &before["log_index"]));
    let entry = scene.app.app.journal.entry(paper["log_index"].as_u64().unwrap()).unwrap().unwrap();
    let object = entry.object.unwrap();
    assert_eq!(text(&paper["sha256"]), object.sha256.to_string());
    assert_eq!(text(&paper["commitment"]), object.commitment.unwrap().to_string());
    let said = scene.app.app.journal.entry(certificate["log_index"].as_u64().unwrap()).unwrap().unwrap();
    assert_eq!(
        (said.kind.as_str(), said.dossier.unwrap().to_string()),
        ("dossier.destroyed", scene.dossier.clone())
    );
    let path = scene.of("certificate");
    for client in [&scene.zhao, &scene.app.sign_in("auditor").await] {
        assert_eq!(client.get(&path).await.ok(), certificate);
    }

    let listed = scene.app.app.objects.list(Prefix::All).await.unwrap();
    let left: Vec<&str> = listed
        .iter()
        .map(|object| object.path.as_str())
        .filter(|path| path.contains(&scene.dossier))
        .collect();
    assert_eq!(left, Vec::<&str>::new(), "key and papers are gone");
    let path = format!("/api/v1/dossiers/{}", scene.dossier);
    scene.zhao.get(&path).await.problem(410, "dossier_destroyed");
    scene
        .zhao
        .get(&format!("/api/v1/documents/{}/content", scene.document))
        .await
        .problem(410, "dossier_destroyed");
    let passphrase = json!({ "passphrase": super::PASSPHRASE });
    scene.zhao.post(&scene.of("unseal"), &passphrase).await.problem(410, "dossier_destroyed");
    scene.wang.post(&ask, &why).await.problem(410, "dossier_destroyed");
    assert_eq!(scene.wang.get("/api/v1/penalties").await.ok()["totals"], ledger["totals"]);
    scene.verified().await;

    // What somebody puts back is nobody's.
    let key = Key::DossierKey(scene.dossier.parse().unwrap());
    let other = scene.key_object_of(&scene.other).await;
    let sealed =
        lantai::vault::SealedBytes::seal(&[lantai::vault::Identity::generate().recipient()], &other).unwrap();
    scene.app.app.objects.put(&key, sealed.into()).await.unwrap();
    let report = scene.app.app.verify(lantai::archive::Depth::Quick, &|_, _| {}).await.unwrap();
    assert_eq!(report.problems.len(), 1);
    scene.app.app.objects.delete(&key).await.unwrap();
    scene.app.finish().await;
}
