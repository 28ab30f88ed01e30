//! The month's assessment, the manager's figures and the deputies, as people see them.

use axum::http::StatusCode;

use super::desk::{Archive, Desk};

const RETURN: &[(&str, &str)] =
    &[("reason", "missing"), ("documents", "person_id"), ("contracts", "1"), ("note", "缺身份证")];

/// A case of this customer that was returned once.
async fn returned(adviser: &Desk, manager: &Desk, customer: &str) -> String {
    let (_, case) = adviser.new_case(customer).await;
    assert_eq!(adviser.act(&case, "submit", &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(manager.act(&case, "return", RETURN).await.status, StatusCode::SEE_OTHER);
    case
}

/// Where the form of the one line leads.
fn form(body: &str, deed: &str) -> String {
    let begins = body.match_indices("action=\"/penalties/").map(|(at, _)| &body[at + "action=\"".len()..]);
    let mut found = begins.filter_map(|rest| rest.split('"').next()).filter(|path| path.ends_with(deed));
    found.next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_appealed_to_and_taken_back_on_the_page_of_the_month() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let gm = archive.sign_in("gm").await;
    returned(&adviser, &manager, "张三").await;
    let page = adviser.get("/penalties").await;
    for said in ["资料缺失", "提交资料不合格", "不合格的资料: 身份证复印件", "缺身份证", "申诉"]
    {
        assert!(page.has(said), "{said}: {}", page.body);
    }
    assert!(!page.has("导出 XLSX") && form(&page.body, "/reverse").is_empty(), "{}", page.body);
    let appeal = form(&page.body, "/appeal");
    let refused = adviser.post(&appeal, &[("note", " ")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("请写明理由"), "{}", refused.body);
    let done = adviser.post(&appeal, &[("note", "<b>已交</b>")]).await;
    assert_eq!(done.location(), "/penalties?done=appealed");
    assert!(form(&adviser.get(done.location()).await.body, "/appeal").is_empty(), "once");
    assert!(!manager.get("/penalties").await.has("已交"), "it is for those who may take the line back");

    let page = gm.get("/penalties?adviser=adviser").await;
    assert!(page.has("&#60;b&#62;已交&#60;/b&#62;"), "{}", page.body);
    let reverse = form(&page.body, "/reverse");
    let refused = manager.post(&reverse, &[("reason", "扫描故障")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let done = gm.post(&reverse, &[("reason", "扫描故障"), ("adviser", "adviser")]).await;
    assert_eq!(done.location(), "/penalties?adviser=adviser&done=reversed");
    let page = gm.get(&format!("{}&lang=en", done.location())).await;
    for said in ["扫描故障", "reversed", "-1", "The line has been reversed.", "Failing submission"] {
        assert!(page.has(said), "{said}: {}", page.body);
    }
    assert!(form(&page.body, "/reverse").is_empty(), "neither line can be taken back again");
    let again = gm.post(&reverse, &[("reason", "又一次")]).await;
    assert_eq!((again.status, again.has("已经冲销")), (StatusCode::CONFLICT, true), "{}", again.body);

    let month = page.value_of("month");
    let taken = manager.post("/penalties/export", &[("month", &month), ("format", "csv")]).await;
    assert_eq!(taken.status, StatusCode::OK);
    assert!(taken.body.contains("提交资料不合格") && taken.body.lines().count() == 3, "{}", taken.body);
    let refused = adviser.post("/penalties/export", &[("month", &month), ("format", "csv")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manager_sees_what_waits_where_and_names_a_deputy() {
    let archive = Archive::open().await;
    let (adviser, manager) = (archive.sign_in("adviser").await, archive.sign_in("manager").await);
    let gm = archive.sign_in("gm").await;
    let case = returned(&adviser, &manager, "张三").await;
    let page = gm.get("/queue?lang=en").await;
    assert!(page.has("What waits where") && page.has("To be corrected") && page.has(&case), "{}", page.body);
    assert!(!adviser.get("/queue").await.has("各环节待办"), "an adviser sees their own queue only");
    assert!(adviser.get("/queue?overdue=true").await.has("目前没有待办"));

    let days = [("from", "2020-01-01"), ("until", "2020-01-02")];
    let wanted = [("role", "gm"), ("to", "second"), ("reason", "出差")];
    let refused = gm.post("/delegations", &[&wanted[..], &days].concat()).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("日期不可用") && refused.has("value=\"second\""), "{}", refused.body);
    let today = gm.get("/delegations").await.value_of("from");
    let days = [("from", today.as_str()), ("until", &today)];
    let named = gm.post("/delegations", &[&wanted[..], &days].concat()).await;
    assert_eq!((named.status, named.location()), (StatusCode::SEE_OTHER, "/delegations"));
    let second = archive.sign_in("second").await;
    let page = second.get("/queue?lang=en").await;
    assert!(page.has("you act for gm as General manager"), "{}", page.body);
    let page = gm.get("/delegations").await;
    assert!(page.has("生效中") && page.has("出差"), "{}", page.body);
    let end = page.body.split("action=\"/delegations/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(gm.post(&format!("/delegations/{end}"), &[]).await.location(), "/delegations");
    assert!(gm.get("/delegations").await.has("已结束"));
    assert!(!second.get("/queue?lang=en").await.has("you act for"));
}
