//! The pages through the router: what clerks see, what they are refused, and what never gets through to a browser.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod assessment;
mod desk;
mod desks;
mod sealed;

use axum::http::StatusCode;
use desk::{Answer, Archive, Desk, PASSWORD};

const EVIL: &str = "<script>alert(1)</script>\"'&<b>";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_signed_in_is_sent_to_the_sign_in_page_and_back() {
    let archive = Archive::open().await;
    let nobody = archive.nobody();
    let asked = nobody.get("/search?q=a%20b&lang=en").await;
    assert_eq!(
        (asked.status, asked.location()),
        (StatusCode::SEE_OTHER, "/sign-in?next=%2Fsearch%3Fq%3Da%2Bb")
    );
    let form = nobody.get(asked.location()).await;
    assert_eq!((form.status, form.value_of("next")), (StatusCode::OK, "/search?q=a+b".into()));

    let wrong = [("user", "manager"), ("password", "not the password"), ("next", "/queue")];
    let wrong = nobody.post("/sign-in", &wrong).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.has("用户名或密码错误") && !wrong.has("not the password"), "{}", wrong.body);
    assert_eq!((wrong.value_of("user"), wrong.value_of("next")), ("manager".into(), "/queue".into()));

    let right = [("user", "manager"), ("password", PASSWORD), ("next", "/queue?show=mine")];
    let right = nobody.post("/sign-in", &right).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/queue?show=mine"));
    assert!(right.set_cookie("lantai_session").unwrap().contains("HttpOnly; SameSite=Lax"));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_leads_to_no_other_site() {
    let archive = Archive::open().await;
    for next in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "x",
        "",
    ] {
        let typed = [("user", "manager"), ("password", PASSWORD), ("next", next)];
        assert_eq!(archive.nobody().post("/sign-in", &typed).await.location(), "/", "{next}");
    }
    let manager = archive.sign_in("manager").await;
    assert_eq!(manager.get("/sign-in?next=%2F%2Fevil.example").await.location(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_owner_signs_out() {
    let archive = Archive::open().await;
    let manager = archive.sign_in("manager").await;
    assert_eq!(manager.get("/queue").await.status, StatusCode::OK);
    let left = manager.post("/sign-out", &[]).await;
    assert_eq!(left.location(), "/sign-in");
    assert!(left.set_cookie("lantai_session").unwrap().contains("Max-Age=0"));
    assert_eq!(manager.get("/queue").await.location(), "/sign-in?next=%2Fqueue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_from_a_new_customer_to_the_file() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let (_, case) = adviser.new_case("张三").await;
    assert!(manager.get("/queue").await.has("目前没有待办"));
    let page = adviser.get(&case).await;
    assert!(page.has("未齐") && page.has("身份证复印件") && page.has("href=\"#upload\""), "{}", page.body);
    adviser.hand_in_all(&case).await;
    let page = adviser.get(&case).await;
    assert!(
        page.has("齐全") && page.has("person_id.txt") && page.has("/content\" download"),
        "{}",
        page.body
    );

    assert_eq!(adviser.act(&case, "submit", &[]).await.location(), format!("{case}?done=action"));
    assert!(adviser.get(&format!("{case}?done=action")).await.has("已办理：提交资料"));
    let queue = manager.get("/").await;
    assert!(
        queue.has("张三") && queue.has("客服经理审核") && queue.has(&case) && !queue.has("class=\"late\""),
        "{}",
        queue.body
    );

    assert_eq!(manager.act(&case, "accept", &[]).await.status, StatusCode::SEE_OTHER);
    let page = manager.get(&case).await;
    assert!(
        page.has("已归档") && page.has("此流程已结束") && page.has("客服经理审核 → 已归档"),
        "{}",
        page.body
    );
    assert!(manager.get("/queue").await.has("目前没有待办"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_reasons_and_who_holds_the_papers_stand_on_the_page_of_the_case() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let (_, case) = adviser.new_case("张三").await;
    adviser.hand_in_all(&case).await;
    let handed =
        [("channel", "courier"), ("carrier", EVIL), ("received_at", "2026-01-05T09:30"), ("paper", "7号箱")];
    let without_way = adviser.act(&case, "submit", &handed[1..]).await;
    assert_eq!(without_way.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(without_way.has("请选择交接方式") && without_way.has("value=\"7号箱\""), "{}", without_way.body);
    assert_eq!(adviser.act(&case, "submit", &[]).await.status, StatusCode::SEE_OTHER);
    let page = adviser.get(&case).await;
    assert!(page.has("JJ-20") && page.has("000001") && page.has("客户资料交接表"), "{}", page.body);

    let paper = adviser.get(&case).await;
    let at = paper.body.find("id=\"document-").unwrap() + "id=\"document-".len();
    let document = paper.body[at..at + 26].to_owned();
    let own = format!("reason-{document}");
    let choosing = manager.get(&case).await;
    assert!(choosing.has(&format!("name=\"{own}\"")) && choosing.has("原因同上"), "{}", choosing.body);
    let typed = [("reason", "missing"), ("documents", &document), (&own, "unsigned"), ("contracts", "1")];
    assert_eq!(manager.act(&case, "return", &typed).await.status, StatusCode::SEE_OTHER);
    let page = adviser.get(&case).await;
    assert!(page.has("不合格</span> <span class=\"under\">未签字或未盖章</span>"), "{}", page.body);
    assert!(page.has("（未签字或未盖章）") && page.has("BQ-20"), "the history says it too: {}", page.body);
    adviser.act(&case, "submit", &handed).await;
    let page = adviser.get(&case).await;
    assert!(page.has("快递 · 2026-01-05 09:30") && page.has("7号箱") && !page.has(EVIL), "{}", page.body);

    let held = [("holder", "档案室"), ("channel", "colleague"), ("at", "2026-01-06T09:30"), ("place", EVIL)];
    let noted = adviser.post(&format!("{case}/custody"), &held).await;
    assert_eq!(noted.location(), format!("{case}?done=custody#custody"));
    let page = adviser.get(&case).await;
    assert!(page.has("档案室") && page.has("2026-01-06 09:30") && !page.has(EVIL), "{}", page.body);
    let wrong = [("holder", "x"), ("channel", "courier"), ("at", "2999-01-06T09:30"), ("note", "记一笔")];
    let refused = adviser.post(&format!("{case}/custody"), &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("时间不能晚于现在") && refused.has("记一笔</textarea>"), "{}", refused.body);

    archive.app.run_all_jobs().await.unwrap();
    let page = adviser.get(&format!("{case}?lang=en")).await;
    if lantai::reading::usual_font().is_some() {
        assert!(page.has("Download the PDF to print") && page.has("Handover sheet"), "{}", page.body);
    } else {
        assert!(page.has("no Chinese font"), "{}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adviser_sees_nothing_of_another_advisers_customer() {
    let archive = Archive::open().await;
    let (adviser, other) = (archive.sign_in("adviser").await, archive.sign_in("other").await);
    let (dossier, case) = adviser.new_case("张三").await;
    for path in [&dossier, &case] {
        let refused = other.get(path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.has("您没有此项权限") && !refused.has("张三"), "{}", refused.body);
    }
    let acted = other.act(&case, "submit", &[]).await;
    assert_eq!(acted.status, StatusCode::FORBIDDEN);
    assert!(!acted.has("张三"));
    let sent = other.upload(&format!("{case}/documents"), "person_id", "a.txt", b"x").await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN);
    assert!(!other.get("/dossiers").await.has("张三"));
    let unknown = other.get("/cases/00000000000000000000000000").await;
    assert!(unknown.status == StatusCode::NOT_FOUND && unknown.has("没有这个流程实例"), "{}", unknown.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_that_lacks_something_says_what_and_keeps_what_was_typed() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let (_, case) = adviser.new_case("张三").await;
    adviser.act(&case, "submit", &[]).await;
    let typed = [("documents", "person_id"), ("contracts", "1"), ("note", "缺身份证,\n\"正反面\"")];
    let refused = manager.act(&case, "return", &typed).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("尚需填写") && refused.has("原因"), "{}", refused.body);
    assert!(refused.has("缺身份证,\n&#34;正反面&#34;</textarea>"), "{}", refused.body);
    assert!(refused.has("name=\"documents\" value=\"person_id\" checked"), "{}", refused.body);
    assert!(!refused.has("value=\"trust_contract\" checked"), "what was not ticked stays so");
    assert!(refused.has("<details class=\"act\" open>"), "the form is unfolded");
    assert!(manager.get(&case).await.has("客服经理审核"), "nothing has happened");

    for (wrong, said) in [("many", "须为整数"), ("7", "应为1到1")] {
        let refused = manager
            .act(&case, "return", &[("reason", "missing"), ("documents", "person_id"), ("contracts", wrong)])
            .await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.has(said), "{wrong}: {}", refused.body);
        assert!(refused.has("value=\"missing\" selected"), "{}", refused.body);
    }

    let whole: Vec<(&str, &str)> = typed.into_iter().chain([("reason", "missing")]).collect();
    assert_eq!(manager.act(&case, "return", &whole).await.status, StatusCode::SEE_OTHER);
    let page = manager.get(&case).await;
    for said in
        ["退回补齐", "原因：资料缺失", "不合格：身份证复印件", "扣 adviser 1 分", "客服经理审核 → 待补齐"]
    {
        assert!(page.has(said), "{said}: {}", page.body);
    }
    let penalties = manager.get("/penalties?lang=en").await;
    assert!(
        penalties.has("Document missing") && penalties.has("张三") && penalties.has("Points by person"),
        "{}",
        penalties.body
    );
    assert!(manager.get("/penalties?month=2020-01").await.has("本月没有扣分"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_form_is_told_what_happened_meanwhile() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let (_, case) = adviser.new_case("张三").await;
    adviser.act(&case, "submit", &[]).await;
    let stale = manager.get(&case).await.value_of("version");
    let said =
        [("reason", "missing"), ("documents", "person_id"), ("contracts", "1"), ("note", "第一次退回")];
    manager.act(&case, "return", &said).await;

    let late = [
        ("version", stale.as_str()),
        ("reason", "illegible"),
        ("documents", "person_id"),
        ("contracts", "1"),
        ("note", "我写的说明"),
    ];
    let gone = manager.post(&format!("{case}/actions/return"), &late).await;
    assert_eq!(gone.status, StatusCode::CONFLICT);
    assert!(gone.has("待补齐") && gone.has("第一次退回") && gone.has("我写的说明"), "{}", gone.body);

    adviser.act(&case, "submit", &[]).await;
    let stale = manager.post(&format!("{case}/actions/return"), &late).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.has("您查看之后的变化") && stale.has("adviser: 重新提交"), "{}", stale.body);
    assert!(
        stale.has("我写的说明</textarea>") && stale.has("value=\"illegible\" selected"),
        "{}",
        stale.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_seen_by_others_and_can_be_taken_over() {
    let archive = Archive::open().await;
    let (adviser, manager, second) =
        (archive.sign_in("adviser").await, archive.sign_in("manager").await, archive.sign_in("second").await);
    let (_, case) = adviser.new_case("张三").await;
    adviser.act(&case, "submit", &[]).await;
    assert_eq!(manager.post(&format!("{case}/claim"), &[]).await.location(), case);
    assert!(manager.get("/queue?show=mine").await.has("张三"));
    let queue = second.get("/queue").await;
    assert!(
        queue.has("<td>manager</td>") && second.get("/queue?show=free").await.has("目前没有待办"),
        "{}",
        queue.body
    );
    let refused = second.post(&format!("{case}/claim"), &[]).await;
    assert!(
        refused.status == StatusCode::CONFLICT && refused.has("manager正在处理") && refused.has("接手处理"),
        "{}",
        refused.body
    );
    assert_eq!(second.post(&format!("{case}/claim"), &[("take_over", "true")]).await.location(), case);
    assert!(second.get(&case).await.has("由您处理"));
    assert_eq!(second.post(&format!("{case}/release"), &[]).await.location(), case);
    assert!(second.get(&case).await.has("开始处理"));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_taken_or_refused_in_words() {
    let archive = Archive::open().await;
    let adviser = archive.sign_in("adviser").await;
    let (dossier, case) = adviser.new_case("张三").await;
    let path = format!("{case}/documents");
    let taken = adviser.upload(&path, "contact_sheet", "联系方式.txt", b"12345").await;
    assert_eq!(taken.location(), format!("{case}?done=documents"));
    for (kind, filename, bytes, status, said) in [
        ("contact_sheet", "空.txt", 0, StatusCode::UNPROCESSABLE_ENTITY, "“空.txt”未收下：文件是空的。"),
        ("no_such_kind", "a.txt", 5, StatusCode::UNPROCESSABLE_ENTITY, "没有“no_such_kind”这一类别"),
        ("contact_sheet", "大.txt", 150_000, StatusCode::PAYLOAD_TOO_LARGE, "“大.txt”未收下：超过了上限"),
        ("contact_sheet", "", 0, StatusCode::UNPROCESSABLE_ENTITY, "请先选择文件"),
    ] {
        let refused = adviser.upload(&path, kind, filename, &vec![b'x'; bytes]).await;
        assert_eq!(refused.status, status, "{said}: {}", refused.body);
        assert!(refused.has(said) && refused.has("张三"), "{said}: {}", refused.body);
    }
    let page = adviser.get(&case).await;
    assert!(page.has("联系方式.txt") && !page.has("空.txt") && !page.has("大.txt"), "{}", page.body);

    let loose = adviser.upload(&format!("{dossier}/documents"), "person_id", "身份证.txt", b"id").await;
    assert_eq!(loose.location(), format!("{dossier}?done=documents"));
    let page = adviser.get(&case).await;
    assert!(page.has("档案中未归入流程的资料") && page.has("身份证复印件 · 身份证.txt"), "{}", page.body);
    let before = page.body.find("/attach").unwrap();
    let id = desk::value_after(&page.body[before..], "name=\"documents\" value=\"");
    let attached = adviser.post(&format!("{case}/attach"), &[("documents", &id)]).await;
    assert_eq!(attached.location(), format!("{case}?done=documents"), "{}", attached.body);
    assert!(!adviser.get(&case).await.has("档案中未归入流程的资料"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_customers_form_says_what_is_wrong_and_keeps_the_rest() {
    let archive = Archive::open().await;
    let adviser = archive.sign_in("adviser").await;
    let typed = [
        ("name", ""),
        ("kind", "institution"),
        ("phone", "010-1234"),
        ("birthday", "yesterday"),
        ("not-discloses", "true"),
    ];
    let refused = adviser.post("/dossiers/new", &typed).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.has("请检查以下内容") && refused.has("生日") && refused.has("客户名称"),
        "{}",
        refused.body
    );
    assert_eq!(
        (refused.value_of("phone"), refused.value_of("birthday")),
        ("010-1234".into(), "yesterday".into())
    );
    assert!(
        refused.has("value=\"institution\" checked") && refused.has("value=\"true\" checked"),
        "{}",
        refused.body
    );
    let station = archive.sign_in("station").await;
    assert_eq!(station.get("/dossiers/new").await.status, StatusCode::FORBIDDEN);
}

/// Every page that somebody can come to, with a case in review.
async fn all_pages(adviser: &Desk, case: &str, dossier: &str) -> Vec<Answer> {
    let search = "/search?q=%3Cscript%3Ealert";
    let paths = [
        "/",
        "/queue",
        "/queue?show=free",
        "/mine",
        "/overview",
        "/admin",
        "/log",
        "/upload?to=none",
        "/dossiers",
        "/dossiers/new",
        "/search",
        search,
        "/penalties",
        "/penalties?month=nonsense",
        case,
        dossier,
        "/cases/none",
    ];
    let mut pages = Vec::new();
    for path in paths {
        for lang in ["zh", "en"] {
            let joint = if path.contains('?') { '&' } else { '?' };
            pages.push(adviser.get(&format!("{path}{joint}lang={lang}")).await);
        }
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_type_is_never_markup() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let (dossier, case) = adviser.new_case(EVIL).await;
    let filename = "<script>alert(2)<img src=x onerror=alert(3)>.txt";
    adviser.upload(&format!("{case}/documents"), "person_id", filename, b"x").await;
    adviser.act(&case, "submit", &[]).await;
    let said = [("reason", "mismatch"), ("documents", "person_id"), ("contracts", "1"), ("note", EVIL)];
    let mut pages = vec![manager.act(&case, "return", &said[1..]).await];
    assert_eq!(pages[0].status, StatusCode::UNPROCESSABLE_ENTITY);
    manager.act(&case, "return", &said).await;
    pages.push(
        manager.post(&format!("{case}/actions/return"), &[&said[..], &[("version", "1")]].concat()).await,
    );
    pages.push(manager.upload(&format!("{case}/documents"), "person_id", filename, b"").await);
    pages.push(archive.nobody().post("/sign-in", &[("user", EVIL), ("password", "x"), ("next", EVIL)]).await);
    pages.push(adviser.post("/dossiers/new", &[("name", EVIL), ("kind", EVIL), ("phone", EVIL)]).await);
    while archive.app.run_due_jobs().await.unwrap() > 0 {}
    archive.app.index.rest().unwrap();
    for desk in [&adviser, &manager] {
        pages.extend(all_pages(desk, &case, &dossier).await);
    }
    let mut seen = 0;
    for page in &pages {
        for markup in ["<script>", "<img", "<b>", "=\"\"'&<"] {
            assert!(!page.has(markup), "{markup}: {}", page.body);
        }
        seen += usize::from(page.has("script&") || page.has("&#60;script"));
    }
    assert!(seen > 12, "what was typed is on the pages, escaped: {seen}");
    let hits = manager.get("/search?q=script").await;
    assert!(hits.has("<mark>script</mark>") || hits.has("<mark>"), "{}", hits.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_speaks_both_languages() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let (dossier, case) = adviser.new_case("张三").await;
    adviser.hand_in_all(&case).await;
    adviser.act(&case, "submit", &[]).await;
    for desk in [&adviser, &manager] {
        for (number, page) in all_pages(desk, &case, &dossier).await.iter().enumerate() {
            let tag = if number % 2 == 0 { "<html lang=\"zh-CN\">" } else { "<html lang=\"en\">" };
            assert!(page.has(tag) && !page.has("page-"), "{}", page.body);
            assert!(page.set_cookie("lantai_lang").is_some());
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        }
    }
    let english = manager.get(&format!("{case}?lang=en")).await;
    for said in [
        "Under review",
        "Checklist",
        "Copy of the identity card",
        "Return for correction",
        "Customer-service manager",
    ] {
        assert!(english.has(said), "{said}: {}", english.body);
    }
    assert!(manager.get("/queue").await.has("待办"), "Chinese unless asked otherwise");
    let remembering = manager.with_cookie("lantai_lang=en");
    assert!(remembering.get("/queue").await.has("Waiting since"));
    assert!(remembering.get("/queue?lang=zh").await.has("等待自"));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_without_a_queue_come_to_what_they_have() {
    let archive = Archive::open().await;
    let auditor = archive.sign_in("auditor").await.get("/").await;
    assert!(auditor.has("href=\"/penalties\"") && auditor.has("href=\"/log\""), "{}", auditor.body);
    assert!(!auditor.has("href=\"/queue\"") && !auditor.has("等您办理"), "{}", auditor.body);
    let station = archive.sign_in("station").await;
    let home = station.get("/").await;
    assert!(home.has("您的角色没有待办") && home.has("href=\"/upload\""), "{}", home.body);
    assert_eq!(station.get("/queue").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stylesheet_is_there_for_everybody() {
    let archive = Archive::open().await;
    let nobody = archive.nobody();
    let page = nobody.get("/sign-in").await;
    let address = desk::value_after(&page.body, "rel=\"stylesheet\" href=\"");
    let sheet = nobody.get(&address).await;
    assert_eq!(
        (sheet.status, sheet.headers["content-type"].to_str().unwrap()),
        (StatusCode::OK, "text/css; charset=utf-8")
    );
    assert!(!sheet.has("url(") && !sheet.has("@import"), "it loads nothing else");
    assert_eq!(nobody.get("/static/..%2Flantai.css").await.status, StatusCode::NOT_FOUND);
    assert_eq!(nobody.get("/cases/x/actions/return").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_everybodys_cases_sees_how_many_stand_where() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let page = manager.get("/workflows/customer-intake").await;
    assert!(
        page.status == StatusCode::OK && page.has("还没有流程实例") && !page.has("件在办"),
        "{}",
        page.body
    );
    let (_, case) = adviser.new_case("张三").await;
    for name in ["李四", "王五"] {
        adviser.new_case(name).await;
    }
    adviser.act(&case, "submit", &[]).await;
    assert!(manager.get("/queue").await.has("<a href=\"/workflows/customer-intake\">客户资料提交与审核</a>"));
    let page = manager.get("/workflows/customer-intake").await;
    assert!(
        page.has("<svg class=\"lantai-diagram\"") && page.has("条件：case.attempt &lt;= 3"),
        "{}",
        page.body
    );
    assert!(page.has("2 件在办</text>") && page.has("1 件在办</text>"), "{}", page.body);
    assert!(!page.has("张三"));
    let english = archive.sign_in("gm").await.get("/workflows/customer-intake?lang=en").await;
    assert!(english.has("2 running</text>") && english.has("Return for correction"), "{}", english.body);

    assert!(!adviser.get("/queue").await.has("/workflows/"));
    assert_eq!(adviser.get("/workflows/customer-intake").await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        archive.sign_in("auditor").await.get("/workflows/customer-intake").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(manager.get("/workflows/tea-making").await.status, StatusCode::NOT_FOUND);
}
