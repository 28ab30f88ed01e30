//! The pages of a sealed dossier: sealed, opened with the passphrase, closed, destroyed by two people.

use axum::http::StatusCode;
use lantai::domain::archive_itself;

use super::desk::Archive;

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_is_sealed_opened_and_destroyed_on_its_page() {
    let archive = Archive::open().await;
    let (adviser, manager, gm) =
        (archive.sign_in("adviser").await, archive.sign_in("manager").await, archive.sign_in("gm").await);
    let (dossier, case) = adviser.new_case("张三封存").await;
    adviser.hand_in_all(&case).await;
    assert!(!manager.get(&dossier).await.has("/seal\""), "not before there is a manager's key");
    let passphrase = "总经理的口令 correct horse";
    archive.app.set_manager(archive_itself(), passphrase.to_owned().into(), None).await.unwrap();
    assert!(manager.get(&dossier).await.has("/seal\""));
    assert!(!adviser.get(&dossier).await.has("/seal\""), "advisers may not");

    let to = |what: &str| format!("{dossier}/{what}");
    let refused = manager.post(&to("seal"), &[("reason", " ")]).await;
    assert!(
        refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.has("请写明理由"),
        "{}",
        refused.body
    );
    let sealed = manager.post(&to("seal"), &[("reason", "客户<退出>")]).await;
    assert_eq!(sealed.location(), format!("{dossier}?done=sealed"));
    let page = manager.get(sealed.location()).await;
    assert!(page.has("档案已封存。") && page.has("客户&#60;退出&#62;"), "{}", page.body);
    assert!(!page.has("张三") && !page.has("总经理口令"), "{}", page.body);
    let told = adviser.get(&dossier).await;
    assert!(told.status == StatusCode::LOCKED && told.has("该档案已封存"), "{}", told.body);
    let told = adviser.get(&case).await;
    assert!(told.status == StatusCode::LOCKED && told.has("该档案已封存"), "{}", told.body);

    let wrong = gm.post(&to("unseal"), &[("passphrase", "not the passphrase"), ("minutes", "5")]).await;
    assert!(wrong.status == StatusCode::FORBIDDEN && wrong.has("总经理口令错误"), "{}", wrong.body);
    assert!(!wrong.has("not the passphrase"));
    let opened = gm.post(&to("unseal"), &[("passphrase", passphrase), ("minutes", "5")]).await;
    assert_eq!(opened.location(), dossier);
    let page = gm.get(&dossier).await;
    assert!(page.has("张三封存") && page.has("启封中") && page.has("person_id.txt"), "{}", page.body);
    assert!(!manager.get(&dossier).await.has("张三"), "only for the general manager");
    assert_eq!(gm.post(&to("close"), &[]).await.location(), format!("{dossier}?done=closed"));
    assert!(!gm.get(&dossier).await.has("张三"));

    assert_eq!(
        manager.post(&to("destruction"), &[("reason", "期满")]).await.location(),
        format!("{dossier}?done=asked")
    );
    let page = manager.get(&dossier).await;
    assert!(page.has("申请销毁：期满") && !page.has("确认销毁</button>"), "{}", page.body);
    let own = manager.post(&to("destruction/confirm"), &[]).await;
    assert!(own.status == StatusCode::FORBIDDEN && own.has("须由另一人确认"), "{}", own.body);
    assert!(gm.get(&dossier).await.has("确认销毁</button>"));
    assert_eq!(gm.post(&to("destruction/confirm"), &[]).await.location(), dossier);
    let page = gm.get(&dossier).await;
    assert!(page.has("已销毁") && page.has("销毁证明") && !page.has("启封时间"), "{}", page.body);
    assert_eq!(adviser.get(&dossier).await.status, StatusCode::GONE);
}
