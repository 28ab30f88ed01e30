//! What each role finds at its own pages, and what it must not see there; and that each of their forms works without a script.

use std::path::Path;

use axum::http::{Method, StatusCode};
use lantai::workflow::Pack;

use super::desk::{Archive, Desk, PASSWORD, value_after};

const RETURN: &[(&str, &str)] =
    &[("reason", "missing"), ("documents", "person_id"), ("contracts", "1"), ("note", "缺身份证正反面")];

/// The links of the navigation, in their order.
async fn navigation(desk: &Desk) -> Vec<String> {
    let page = desk.get("/").await;
    let nav = page.body.split("<nav").nth(1).unwrap_or_default().split("</nav>").next().unwrap().to_owned();
    nav.match_indices("href=\"").map(|(at, _)| value_after(&nav[at..], "href=\"")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_led_to_its_own_pages_and_to_no_others() {
    let archive = Archive::open().await;
    let all =
        ["/queue", "/mine", "/dossiers", "/search", "/penalties", "/overview", "/admin", "/packs", "/log"];
    for (name, expected) in [
        ("adviser", vec!["/queue", "/mine", "/dossiers", "/search", "/penalties"]),
        ("manager", vec!["/queue", "/dossiers", "/search", "/penalties"]),
        ("gm", vec!["/queue", "/dossiers", "/search", "/penalties", "/overview", "/packs", "/log"]),
        ("auditor", vec!["/penalties", "/log"]),
        ("station", vec![]),
        ("keeper", vec!["/admin"]),
    ] {
        let desk = archive.sign_in(name).await;
        let found = navigation(&desk).await;
        let expected: Vec<&str> = ["/"].into_iter().chain(expected).collect();
        assert_eq!(found, expected, "{name}");
        // What is not offered is not given either, but for lists that hold nothing of others, and the administrator's own.
        for path in all.iter().filter(|path| !expected.contains(*path)) {
            let own = *path == "/dossiers"
                || (*path == "/mine" && expected.contains(&"/queue"))
                || (name == "keeper" && matches!(*path, "/packs" | "/log"));
            let status = desk.get(path).await.status;
            assert_eq!(status, if own { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{name} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_shows_what_waits_and_only_to_whom_it_waits_for() {
    let archive = Archive::open().await;
    let (adviser, other, manager) =
        (archive.sign_in("adviser").await, archive.sign_in("other").await, archive.sign_in("manager").await);
    assert!(manager.get("/").await.has("目前没有等您办理的事项"));
    let (_, case) = adviser.new_case("张三").await;
    adviser.act(&case, "submit", &[]).await;
    let page = manager.get("/").await;
    assert!(page.has("张三") && page.has(&format!("href=\"{case}\"")) && page.has("无逾期"), "{}", page.body);
    assert!(page.has("还有 "), "how long it is until the end: {}", page.body);
    assert!(
        !other.get("/").await.has("张三") && !archive.sign_in("auditor").await.get("/").await.has("张三")
    );
    manager.act(&case, "return", RETURN).await;
    let page = adviser.get("/").await;
    assert!(page.has("退回待补 1 件") && page.has("张三"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_cases_say_what_is_wrong_what_it_costs_and_what_comes_next() {
    let archive = Archive::open().await;
    let (adviser, other, manager) =
        (archive.sign_in("adviser").await, archive.sign_in("other").await, archive.sign_in("manager").await);
    assert!(adviser.get("/mine").await.has("您目前没有进行中的流程"));
    let (_, case) = adviser.new_case("张三").await;
    let page = adviser.get("/mine").await;
    assert!(
        page.has("每份合同扣 1 分") && page.has("尚缺资料") && !page.has("class=\"warn\""),
        "{}",
        page.body
    );
    adviser.act(&case, "submit", &[]).await;
    manager.act(&case, "return", RETURN).await;
    let page = adviser.get("/mine").await;
    for said in
        ["资料缺失", "身份证复印件", "缺身份证正反面", "此流程已扣</dt><dd>1", "每份合同扣 2 分", "待补齐"]
    {
        assert!(page.has(said), "{said}: {}", page.body);
    }
    assert!(page.has("本月扣分: <strong>1"), "{}", page.body);
    assert!(!other.get("/mine").await.has("张三"));
    for (attempt, said) in [(2, "每份合同扣 4 分"), (3, "转为“")] {
        adviser.act(&case, "submit", &[]).await;
        manager.act(&case, "return", RETURN).await;
        assert!(adviser.get("/mine").await.has(said), "after {attempt}");
    }
    archive.app.run_all_jobs().await.unwrap();
    if lantai::reading::usual_font().is_some() {
        let page = adviser.get("/mine").await;
        assert!(page.has("BQ-20") && page.has("/content\" download"), "the form to print: {}", page.body);
    }
}

/// Somebody else's customer is asked for; the case in which that is done.
async fn ask(other: &Desk, dossier: &str) -> String {
    let fields = [("workflow", "archive-access"), ("contracts", "1")];
    let case = other.post(&format!("{dossier}/cases"), &fields).await.location().to_owned();
    let asked = other.act(&case, "ask", &[("note", "核对受益人"), ("days", "3")]).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
    case
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_answers_questions_and_takes_grants_back() {
    let archive = Archive::open().await;
    let (adviser, other, gm) =
        (archive.sign_in("adviser").await, archive.sign_in("other").await, archive.sign_in("gm").await);
    let page = gm.get("/overview").await;
    assert!(page.has("目前没有查阅申请") && page.has("没有已封存的档案"), "{}", page.body);
    let (dossier, _) = adviser.new_case("张三").await;
    assert_eq!(other.get(&dossier).await.status, StatusCode::FORBIDDEN);
    let case = ask(&other, &dossier).await;
    let page = gm.get("/overview").await;
    assert!(page.has("核对受益人") && page.has("<td class=\"number\">3</td>"), "{}", page.body);
    assert!(gm.get("/").await.has("查阅申请"));
    let id = case.rsplit('/').next().unwrap();
    let permit = format!("/overview/cases/{id}/permit");
    assert!(page.has(&format!("action=\"{permit}\"")) && !page.has("/shorten\""), "{}", page.body);
    let version = page.value_of("version");
    let answered = gm.post(&permit, &[("version", version.as_str())]).await;
    assert_eq!(answered.location(), "/overview?done=action", "{}", answered.body);
    assert_eq!(other.get(&dossier).await.status, StatusCode::OK);
    assert!(adviser.get(&dossier).await.has("他人查阅许可"), "the keeper sees who may look");
    assert!(!other.get(&dossier).await.has("他人查阅许可"), "whoever was granted does not");

    let stale = gm.post(&permit, &[("version", version.as_str())]).await;
    assert!(stale.status == StatusCode::CONFLICT && stale.has("role=\"alert\""), "{}", stale.body);
    let page = gm.get("/overview").await;
    let end = format!("/overview/cases/{id}/end");
    assert!(page.has(&format!("action=\"{end}\"")) && page.has("显示水印"), "{}", page.body);
    let version = page.value_of("version");
    assert_eq!(gm.post(&end, &[("version", version.as_str())]).await.location(), "/overview?done=action");
    assert_eq!(other.get(&dossier).await.status, StatusCode::FORBIDDEN);
    assert!(gm.get("/overview").await.has("目前没有生效中的查阅许可"));
    assert_eq!(adviser.post(&end, &[("version", "1")]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_added_get_other_roles_and_are_disabled_and_somebody_stays() {
    let archive = Archive::open().await;
    let keeper = archive.sign_in("keeper").await;
    let typed = [("name", "new.hand"), ("password", "short"), ("roles", "cs_staff")];
    let refused = keeper.post("/admin/people", &typed).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("密码至少 10 个字符") && refused.has("value=\"new.hand\""), "{}", refused.body);
    assert!(refused.has("value=\"cs_staff\" checked") && !refused.has("short"), "{}", refused.body);
    let typed = [("name", "new.hand"), ("password", PASSWORD), ("roles", "cs_staff")];
    let added = keeper.post("/admin/people", &typed).await;
    assert_eq!(added.location(), "/admin?done=added&who=new.hand", "{}", added.body);
    let hand = archive.sign_in("new.hand").await;
    assert_eq!(hand.get("/log").await.status, StatusCode::FORBIDDEN);
    let place = "/admin/people/new%2Ehand";
    assert!(keeper.get("/admin").await.has(&format!("action=\"{place}/roles\"")));
    let changed = keeper.post(&format!("{place}/roles"), &[("roles", "auditor")]).await;
    assert_eq!(changed.location(), "/admin?done=roles&who=new.hand", "{}", changed.body);
    let hand = archive.sign_in("new.hand").await;
    assert_eq!(hand.get("/log").await.status, StatusCode::OK);
    assert_eq!(hand.get("/queue").await.status, StatusCode::FORBIDDEN);
    let none = keeper.post(&format!("{place}/roles"), &[]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", none.body);
    keeper.post(&format!("{place}/disable"), &[]).await;
    assert_eq!(hand.get("/log").await.location(), "/sign-in?next=%2Flog");
    assert!(keeper.get("/admin").await.has("已停用"));

    assert_eq!(keeper.post("/admin/people/admin/disable", &[]).await.status, StatusCode::SEE_OTHER);
    let last = keeper.post("/admin/people/keeper/roles", &[("roles", "auditor")]).await;
    assert!(last.status == StatusCode::CONFLICT && last.has("须至少保留一名"), "{}", last.body);
    let last = keeper.post("/admin/people/keeper/disable", &[]).await;
    assert_eq!(last.status, StatusCode::CONFLICT, "{}", last.body);
    for path in ["/admin/people", "/admin/people/adviser/disable"] {
        let adviser = archive.sign_in("adviser").await;
        assert_eq!(adviser.post(path, &typed).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_health_and_the_log_are_shown_to_those_who_look_after_the_archive() {
    let archive = Archive::open().await;
    let (adviser, keeper) = (archive.sign_in("adviser").await, archive.sign_in("keeper").await);
    let (dossier, case) = adviser.new_case("张三").await;
    adviser.upload(&format!("{case}/documents"), "person_id", "身份证.txt", b"id").await;
    let page = keeper.get("/admin/jobs").await;
    assert!(page.has("识读资料") && !page.has("张三") && !page.has("身份证"), "{}", page.body);
    assert_eq!(keeper.post("/admin/jobs/retry", &[]).await.location(), "/admin/jobs?done=0");
    archive.app.run_all_jobs().await.unwrap();
    assert!(keeper.get("/admin/jobs").await.has("没有任务"));
    let page = keeper.get("/admin/health").await;
    assert!(page.has("对象存储") && page.has(env!("CARGO_PKG_VERSION")) && page.has("磁盘"), "{}", page.body);

    let auditor = archive.sign_in("auditor").await;
    let page = auditor.get("/log").await;
    assert!(page.has("收到资料") && page.has("adviser") && !page.has("张三"), "{}", page.body);
    let id = dossier.rsplit('/').next().unwrap();
    let narrowed = auditor.get(&format!("/log?kind=document&person=adviser&about={id}")).await;
    assert!(narrowed.has("收到资料") && !narrowed.has("新建流程"), "{}", narrowed.body);
    assert!(auditor.get("/log?person=keeper").await.has("登录"));
    let nobody = auditor.get("/log?person=nobody").await;
    assert!(nobody.status == StatusCode::NOT_FOUND && nobody.has("没有这个用户"), "{}", nobody.body);
    let at = narrowed.body.find("/proof\"").unwrap();
    let path = narrowed.body[..at].rsplit('"').next().unwrap().to_owned() + "/proof";
    let proof = auditor.get(&path).await;
    assert!(proof.has("c2sp.org/tlog-proof"), "{}", proof.body);
    assert_eq!(adviser.get(&path).await.status, StatusCode::FORBIDDEN);
    for path in ["/admin/jobs", "/admin/health", "/log"] {
        assert_eq!(adviser.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(auditor.post("/admin/jobs/retry", &[]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_hands_in_what_it_may_not_see() {
    let archive = Archive::open().await;
    let (adviser, station) = (archive.sign_in("adviser").await, archive.sign_in("station").await);
    let (dossier, case) = adviser.new_case("张三").await;
    let (dossier, case) = (dossier.rsplit('/').next().unwrap(), case.rsplit('/').next().unwrap());
    assert!(station.get("/upload").await.has("name=\"to\""));
    let cover = format!("lantai%3A1%3Acover%3A{case}%3Aperson_id");
    for (to, form) in [
        (case, format!("/cases/{case}")),
        (&cover, format!("/cases/{case}")),
        (dossier, format!("/dossiers/{dossier}")),
    ] {
        let page = station.get(&format!("/upload?to={to}")).await;
        assert!(page.has(&format!("action=\"{form}/documents\"")), "{}", page.body);
        assert!(!page.has("张三") && !page.has("尚缺资料"), "{}", page.body);
    }
    assert!(station.get(&format!("/upload?to={cover}")).await.has("value=\"person_id\" selected"));
    let sent = station.upload(&format!("/cases/{case}/documents"), "person_id", "a.txt", b"scan").await;
    assert_eq!(sent.location(), format!("/upload?to={case}&done=documents"), "{}", sent.body);
    assert!(station.get(sent.location()).await.has("资料已收到并安全保存"));
    let sent =
        station.upload(&format!("/dossiers/{dossier}/documents"), "person_id", "b.txt", b"scan 2").await;
    assert_eq!(sent.location(), format!("/upload?to={dossier}&done=documents"), "{}", sent.body);
    let refused = station.upload(&format!("/cases/{case}/documents"), "person_id", "空.txt", b"").await;
    assert!(
        refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.has("“空.txt”未收下"),
        "{}",
        refused.body
    );
    let none = station.get("/upload?to=none").await;
    assert!(none.status == StatusCode::NOT_FOUND && none.has("请核对编号"), "{}", none.body);
    assert_eq!(adviser.get("/upload").await.status, StatusCode::FORBIDDEN);
    let page = adviser.get(&format!("/cases/{case}")).await;
    assert!(page.has("a.txt"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_open_is_told_how_far_a_document_is_and_what_was_found_in_it() {
    let archive = Archive::open().await;
    let (adviser, other) = (archive.sign_in("adviser").await, archive.sign_in("other").await);
    let (_, case) = adviser.new_case("张三").await;
    for name in ["one.txt", "two.txt"] {
        adviser
            .upload(&format!("{case}/documents"), "bank_receipt", name, "金额：1,000,000.00 元".as_bytes())
            .await;
    }
    archive.app.run_all_jobs().await.unwrap();
    let page = adviser.get(&case).await;
    let ids: Vec<String> = page
        .body
        .match_indices("<tr id=\"document-")
        .map(|(at, _)| value_after(&page.body[at..], "id=\"document-"))
        .collect();
    assert_eq!(ids.len(), 2);
    let progress = adviser.get(&format!("/documents/{}/progress", ids[0])).await;
    assert!(progress.has(&format!("\"same_as\":\"{}\"", ids[1])), "{}", progress.body);
    assert!(progress.has("\"under_way\":false"), "{}", progress.body);
    let found = adviser.get(&format!("/documents/{}/found", ids[0])).await;
    assert!(found.has("\"fields\":[") && found.has("\"remarks\":["), "{}", found.body);
    assert_eq!(other.get(&format!("/documents/{}/found", ids[0])).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_dossier_tells_its_story_and_who_holds_the_papers() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let (dossier, case) = adviser.new_case("张三").await;
    let page = adviser.get(&dossier).await;
    assert!(
        page.has("建立档案") && page.has("尚缺资料:</strong>") && page.has("新建流程：客户资料"),
        "{}",
        page.body
    );
    adviser.hand_in_all(&case).await;
    adviser.act(&case, "submit", &[]).await;
    let held = [("holder", "档案室"), ("channel", "colleague"), ("place", "7号箱")];
    adviser.post(&format!("{case}/custody"), &held).await;
    let page = manager.get(&dossier).await;
    for said in ["收到：身份证复印件", "提交资料", "→ 客服经理审核", "档案室", "7号箱"]
    {
        assert!(page.has(said), "{said}: {}", page.body);
    }
    assert!(!page.has("尚缺资料:</strong>"), "nothing is missing: {}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_a_page_in_the_visitors_language_with_a_way_on() {
    let archive = Archive::open().await;
    let adviser = archive.sign_in("adviser").await;
    let lost = adviser.browse(Method::GET, "/no-such-page").await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    assert!(
        lost.has("没有找到") && lost.has("action=\"/search\"") && lost.has("href=\"/\""),
        "{}",
        lost.body
    );
    let english = adviser.with_cookie("lantai_lang=en").browse(Method::GET, "/no/such/page").await;
    assert!(english.has("Not found") && english.has("<html lang=\"en\">"), "{}", english.body);
    let nobody = archive.nobody().browse(Method::GET, "/no-such-page").await;
    assert!(nobody.status == StatusCode::NOT_FOUND && !nobody.has("action=\"/search\""), "{}", nobody.body);
    let wrong = adviser.browse(Method::POST, "/search").await;
    assert!(wrong.status == StatusCode::METHOD_NOT_ALLOWED && wrong.has("<html"), "{}", wrong.body);
    for path in ["/api/v1/none", "/api/v1/cases/none"] {
        let program = adviser.browse(Method::GET, path).await;
        assert!(program.has("\"code\":") && !program.has("<html"), "{}", program.body);
    }
    let program = adviser.get("/no-such-page").await;
    assert!(program.has("\"code\":\"not_found\""), "who takes no pages gets none: {}", program.body);
    let forbidden = adviser.get("/admin?lang=en").await;
    assert!(forbidden.has("Not permitted") && forbidden.has("ask an administrator"), "{}", forbidden.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pack_brings_its_own_words_for_whom_it_is_about() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows/insurance-claims");
    let pack = Pack::read_dir(&folder).unwrap();
    let archive = Archive::open_on(
        &pack,
        &[("handler", "handler"), ("examiner", "examiner"), ("director", "director")],
    )
    .await;
    for name in ["handler", "examiner", "director"] {
        let desk = archive.sign_in(name).await;
        for path in
            ["/", "/queue", "/mine", "/dossiers", "/dossiers/new", "/search", "/penalties", "/overview"]
        {
            for lang in ["zh", "en"] {
                let joint = if path.contains('?') { '&' } else { '?' };
                let page = desk.get(&format!("{path}{joint}lang={lang}")).await;
                let foreign = ["客户", "理财顾问", "Customer", "customer", "adviser", "Adviser"];
                let found = foreign.iter().find(|word| page.has(word));
                assert_eq!(found, None, "{name} {path} {lang}: {}", page.body);
            }
        }
    }
    let handler = archive.sign_in("handler").await;
    assert!(
        handler.get("/dossiers").await.has("投保人")
            && handler.get("/dossiers?lang=en").await.has("Policyholder")
    );
}
