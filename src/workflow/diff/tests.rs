use crate::workflow::{Pack, diff};

/// The sentences when texts of the bundled pack are replaced.
fn changed(changes: &[(&str, &str, &str)]) -> Vec<(String, String)> {
    let old = Pack::bundled();
    let mut files = old.files().clone();
    for (file, find, with) in changes {
        let text = String::from_utf8(files[*file].clone()).unwrap();
        assert_eq!(text.matches(find).count(), 1, "{find}");
        files.insert((*file).to_owned(), text.replacen(find, with, 1).into_bytes());
    }
    let new = Pack::load(&files).unwrap();
    let said = diff(&old, &new);
    // Turned round, as much is said: what was new is gone.
    assert_eq!(diff(&new, &old).len(), said.len());
    said.into_iter().map(|title| (title.zh, title.en)).collect()
}

fn one(change: (&str, &str, &str), zh: &str, en: &str) {
    assert_eq!(changed(&[change]), [(zh.to_owned(), en.to_owned())]);
}

#[test]
fn the_same_pack_differs_in_nothing() {
    assert_eq!(changed(&[("intake.yaml", "initial: draft", "initial: draft  # where it starts")]), []);
}

#[test]
fn spans_numbers_and_words_are_said_as_they_were_and_are() {
    one(
        ("intake.yaml", "default: 5bd, min: 1bd", "default: 3bd, min: 1bd"),
        "客户资料提交与审核：correction_time：5 → 3 个工作日",
        "Customer document intake: correction time: 5 -> 3 working days",
    );
    one(
        ("policy.yaml", "payment:   {years: 20", "payment:   {years: 25"),
        "保存期限：payment：保存年限：20 → 25 年",
        "retention: payment: kept for: 20 -> 25 years",
    );
    one(
        ("intake.yaml", "by_attempt: {1: 1, 2: 2, 3: 4}", "by_attempt: {1: 1, 2: 2, 3: 5}"),
        "客户资料提交与审核：提交资料不合格：每次扣分：3：4 → 5",
        "Customer document intake: Failing submission: points by attempt: 3: 4 -> 5",
    );
    one(
        ("intake.yaml", "en: Contact sheet, class", "en: Contact data, class"),
        "客户资料提交与审核：客户联系方式：名称：客户联系方式 / Contact sheet → 客户联系方式 / Contact data",
        "Customer document intake: Contact data: name: 客户联系方式 / Contact sheet -> 客户联系方式 / Contact data",
    );
    one(
        ("policy.yaml", "from: 5000000}", "from: 5000000, flag: any}"),
        "客户档次：VIP客户：flag：无 → any",
        "tiers: VIP customer: flag: none -> any",
    );
}

#[test]
fn guards_effects_and_checklists_are_told_by_their_titles() {
    one(
        ("intake.yaml", "when: checklist.complete", "when: checklist.complete && case.attempt < 9"),
        "客户资料提交与审核：客服经理审核：审核通过并归档：条件：checklist.complete → checklist.complete && case.attempt < 9",
        "Customer document intake: Under review: Accept and file: condition: checklist.complete -> checklist.complete && case.attempt < 9",
    );
    one(
        (
            "intake.yaml",
            "{retain: by_class}, {notify: advisor}]",
            "{retain: by_class}, {notify: [advisor, gm]}]",
        ),
        "客户资料提交与审核：客服经理审核：审核通过并归档：效果：通知：理财顾问改为通知：理财顾问、总经理",
        "Customer document intake: Under review: Accept and file: effects: notify Financial adviser, General manager instead of notify Financial adviser",
    );
    one(
        (
            "intake.yaml",
            "need: [trust_contract, risk_statement, person_id, bank_receipt,",
            "need: [trust_contract, person_id, bank_receipt,",
        ),
        "客户资料提交与审核：个人客户：需要：不再有民事信托之信托风险申明书",
        "Customer document intake: Personal customer: needed: no longer Risk statement of the trust",
    );
    one(
        ("intake.yaml", "waits_for: gm\n", "waits_for: [gm, cs_manager]\n"),
        "客户资料提交与审核：总经理拟定处罚：等待：总经理 → 总经理、客服经理",
        "Customer document intake: General manager decides: waits for: General manager -> General manager, Customer-service manager",
    );
}

#[test]
fn what_is_new_or_gone_is_told_once() {
    let found = changed(&[
        ("intake.yaml", "  filed:     {", "  lent:      {zh: 已借出, en: Lent, final: true}\n  filed:     {"),
        (
            "intake.yaml",
            "      cancel: {zh: 撤销, en: Withdraw, by: advisor, to: cancelled, needs: [note]}\n",
            "      cancel: {zh: 撤销, en: Withdraw, by: advisor, to: lent, needs: [note]}\n      lend: {zh: 借出, en: Lend, by: gm, to: lent}\n",
        ),
        (
            "pack.yaml",
            "  station:    {zh: 扫描站,   en: Scanning station}\n",
            "  station:    {zh: 扫描站,   en: Scanning station}\n  guest:      {zh: 访客, en: Guest}\n",
        ),
    ]);
    let english: Vec<&str> = found.iter().map(|(_, en)| en.as_str()).collect();
    assert_eq!(
        english,
        [
            "pack: the role Guest is new",
            "Customer document intake: the state Lent is new",
            "Customer document intake: To be submitted: Withdraw: leads to: Cancelled -> Lent",
            "Customer document intake: To be submitted: the action Lend is new",
        ]
    );
    assert_eq!(found[0].0, "规则包：新增角色“访客”");
}

#[test]
fn days_policies_and_stories_are_told() {
    one(
        ("calendars/cn-2026.yaml", "from: 2026-05-01, to: 2026-05-05", "from: 2026-05-01, to: 2026-05-07"),
        "工作日历：新增假日：2026-05-06/2026-05-07",
        "calendar: free now: 2026-05-06/2026-05-07",
    );
    one(
        ("calendars/cn-2026.yaml", "  - 2026-05-09\n", ""),
        "工作日历：不再是调休上班日：2026-05-09",
        "calendar: no longer worked: 2026-05-09",
    );
    one(
        ("calendars/cn-2026.yaml", "confirmed: false", "confirmed: true"),
        "工作日历：已核对",
        "calendar: its days are confirmed now",
    );
    one(
        (
            "access.cedar",
            "@id(\"log-readers\")\npermit (principal in Role::\"gm\"",
            "@id(\"log-readers\")\n// both\npermit (principal in Role::\"cs_manager\"",
        ),
        "访问策略“log-readers”有改动",
        "the access policy log-readers is changed",
    );
    assert_eq!(
        changed(&[("access.cedar", "@id(\"stations-deliver\")", "// scanners\n@id(\"stations-deliver\")")]),
        []
    );
    one(
        ("stories/intake.stories.yaml", "name: good first time", "name: good at once"),
        "故事：新增或改动 1 个，删除或改动 1 个",
        "stories: 1 new or changed, 1 removed or changed",
    );
}
