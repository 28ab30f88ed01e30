//! What is found on pages, what is not, and what is made of it.

mod pages;
mod random;

use super::{Check, Field, FieldKind, Limits, Role, find};
use crate::reading::Line;

/// Lines without places.
fn lines(text: &str) -> Vec<Line> {
    text.lines().map(|line| Line { text: line.to_owned(), ..Line::default() }).collect()
}

fn fields(text: &str) -> Vec<Field> {
    find(&lines(text), 1, &Limits::default())
}

/// The values of a kind, a `?` after each that is not sure.
fn values(text: &str, kind: FieldKind) -> Vec<String> {
    let of_kind = fields(text).into_iter().filter(|field| field.kind == kind);
    of_kind.map(|field| if field.sure { field.value } else { field.value + "?" }).collect()
}

#[test]
fn identity_numbers() {
    let of = |text: &str| values(text, FieldKind::IdNumber);
    assert_eq!(of("公民身份号码 11010519491231002X"), ["11010519491231002X"]);
    assert_eq!(of("投资者(11010519491231002x)签署"), ["11010519491231002X"], "without a label");
    assert_eq!(of("身份证号：110105 19491231 002X"), ["11010519491231002X"]);
    assert_eq!(of("身份证号：44O524l88OO1O1OO14"), ["440524188001010014"]);
    assert_eq!(of("身份证号：110105194912310021"), ["110105194912310021?"]);
    assert_eq!(of("回单 110105194912310021"), [""; 0]);
    assert_eq!(of("身份证号：110105491231002"), ["110105491231002"]);
    assert_eq!(of("单号 110105491231002"), [""; 0]);
    assert_eq!(of("A11010519491231002X 11010519491231002X1"), [""; 0]);
    let mended = &fields("身份证号：44O524l88OO1O1OO14")[0];
    assert!(mended.mended && mended.check == Some(Check::Holds));
    assert_eq!(mended.shown, "44O524l88OO1O1OO14");
}

#[test]
fn credit_codes() {
    let of = |text: &str| values(text, FieldKind::Uscc);
    assert_eq!(of("统一社会信用代码：91350100M000100Y43"), ["91350100M000100Y43"]);
    assert_eq!(of("某公司（91350100M000100Y43）"), ["91350100M000100Y43"]);
    assert_eq!(of("统一社会信用代码 9135 0100 MOOO 100Y 43"), ["91350100M000100Y43"]);
    assert_eq!(of("统一社会信用代码：91310115MA1K3X7P2T"), ["91310115MA1K3X7P2T?"]);
    assert_eq!(of("编号：91310115MA1K3X7P2T"), [""; 0]);
}

#[test]
fn cards_and_accounts() {
    let cards = |text: &str| values(text, FieldKind::BankCard);
    let accounts = |text: &str| values(text, FieldKind::BankAccount);
    assert_eq!(cards("银行卡号：6222021234567890129"), ["6222021234567890129?"]);
    assert_eq!(cards("卡号 4111111111111111"), ["4111111111111111"]);
    assert_eq!(cards("请转至 4111 1111 1111 1111 谢谢"), ["4111111111111111"]);
    assert_eq!(cards("单据 4111111111111111"), [""; 0]);
    assert_eq!(accounts("账号：6214 8575 0012 3456。"), ["6214857500123456?"]);
    assert_eq!(accounts("账号:62148575 0012 3456。"), ["6214857500123456?"], "OCR lost a space");
    assert_eq!(accounts("账号 12345678 20250417"), ["12345678"]);
    assert_eq!(accounts("账号 1202021409900123456 2025年"), ["1202021409900123456"]);
    assert_eq!(accounts("HSBC account 848-123456-838 (SWIFT"), ["848123456838"]);
    assert_eq!(accounts("帳號：755912345610802"), ["755912345610802"]);
    assert_eq!(accounts("流水号 755912345610802"), [""; 0]);
    let phones = |text: &str| values(text, FieldKind::Phone);
    assert_eq!(phones("手机号码13902845617。"), ["13902845617"]);
    assert_eq!(phones("电话：+86 139-0284-5617"), ["13902845617"]);
    assert_eq!(phones("致 139 0284 5617"), ["13902845617?"]);
    assert_eq!(phones("账号 13902845617"), [""; 0]);
    assert_eq!(phones("12345 139028456171 1390 2845617"), [""; 0]);
}

#[test]
fn amounts() {
    let of = |text: &str| values(text, FieldKind::Amount);
    for (text, fen) in [
        ("￥1,286,450.00", "128645000?"),
        ("¥ 5", "500?"),
        ("RMB 100.5", "10050?"),
        ("人民币：28600元", "2860000?"),
        ("1.5亿元", "15000000000?"),
        ("350万元", "350000000?"),
        ("128.645万元", "128645000?"),
        ("3百万元", "300000000?"),
        ("3元5角2分", "352?"),
        ("退款 ¥-100.00", "-10000?"),
        ("金额：1,286,450.00", "128645000"),
        ("合计 100.00", "10000"),
        ("人民币壹佰万元整", "100000000?"),
        ("（大写）人民币叁拾伍万捌仟元零伍角", "35800050"),
        ("伍拾伍圓整", "5500?"),
        ("貳佰萬元正", "200000000?"),
        ("人民币伍角整", "50?"),
        ("壹佰元零伍分", "10005?"),
        ("人民币 壹 佰 贰 拾 元 整", "12000?"),
        ("廿五元", "2500?"),
        ("两千元", "200000?"),
        ("壹佰元零角零分", "10000?"),
        ("大写：壹佰万整", "100000000"),
        ("人民币壹拾壹万柒仟元伍角陆分", "11700056?"),
    ] {
        assert_eq!(of(text), [fen], "{text}");
    }
    assert_eq!(
        of("人民币叁佰伍拾万元整（￥3,500,000.00）"),
        ["350000000", "350000000"],
        "they confirm each other"
    );
}

#[test]
fn no_amounts() {
    for text in [
        "USD 48,750.00",
        "US$ 100.00",
        "5万美元",
        "三个月租金",
        "一元二次方程",
        "五分之一",
        "合同总价的30%作为",
        "金额 30%",
        "年利率10.35%",
        "12,500 TEU",
        "五角星",
        "一万五元",
        "3万5千元",
        "￥1.0234",
        "第二元",
        "百分之十",
        "￥99999999999999999999999",
        "人民币元",
        "1,2345元",
    ] {
        assert_eq!(values(text, FieldKind::Amount), [""; 0], "{text}");
    }
}

#[test]
fn days() {
    let of = |text: &str| values(text, FieldKind::Date);
    for text in [
        "2026年3月5日",
        "2026 年 03 月 05 日",
        "二〇二六年三月五日",
        "贰零贰陆年零叁月零伍日",
        "2026-03-05",
        "2026/3/5",
        "2026.03.05",
        "2026-03-05T10:00:00",
        "March 5, 2026",
        "Mar. 5th 2026",
        "5 March 2026",
        "5th of March, 2026",
    ] {
        assert_eq!(of(text), ["2026-03-05?"], "{text}");
    }
    assert_eq!(of("日期：20260305"), ["2026-03-05"]);
    for text in [
        "20260305",
        "2026年2月30日",
        "2026-13-01",
        "HT-2025-04-17-01",
        "2025-0417",
        "12026-03-05",
        "1.2026.3.5",
    ] {
        assert_eq!(of(text), [""; 0], "{text}");
    }
    let role = |text: &str| fields(text).first().and_then(|field| field.role);
    assert_eq!(role("签订日期：2025年4月17日"), Some(Role::Signed));
    assert_eq!(role("交易日期：2025年04月17日"), Some(Role::Paid));
    assert_eq!(role("出生 1986年7月23日"), Some(Role::Born));
    assert_eq!(role("有效期至 2036-08-15"), Some(Role::Expires));
    assert_eq!(role("日期：2025年04月17日"), None);
}

#[test]
fn periods() {
    let of = |text: &str| values(text, FieldKind::Validity);
    assert_eq!(of("有效期限 2015.06.01-2035.06.01"), ["2015-06-01/2035-06-01"]);
    assert_eq!(of("有效期限 2015.06.01-长期"), ["2015-06-01/.."]);
    assert_eq!(of("2015.06.01-2035.06.01"), ["2015-06-01/2035-06-01?"]);
    assert_eq!(of("有效期限 2015.06.01 至 2035.06.01"), ["2015-06-01/2035-06-01"]);
    assert_eq!(of("有效期限 2035.06.01-2015.06.01"), [""; 0]);
    let roles: Vec<_> =
        fields("有效期限 2015.06.01-2035.06.01").into_iter().map(|field| field.role).collect();
    assert_eq!(roles, [None, Some(Role::Issued), Some(Role::Expires)]);
}

#[test]
fn contract_numbers() {
    let of = |text: &str| values(text, FieldKind::ContractNumber);
    for (text, number) in [
        ("合同编号：HZ-CG-2025-0417-083", "HZ-CG-2025-0417-083"),
        ("合同编号：HZ-CG-2025-0417-083签订日期：2025年", "HZ-CG-2025-0417-083"),
        ("合同编号：借字第20230911-07号", "借字第20230911-07号"),
        ("合同号：〔2025〕基字第12号甲方", "〔2025〕基字第12号"),
        ("协议编号（2016）沪字第048812号", "(2016)沪字第048812号"),
        ("Agreement No.: SLA-2025/HK-00392    Effective Date: 01 March 2025", "SLA-2025/HK-00392"),
        ("合同编号 HT001的合同", "HT001"),
        ("合同编号：HT - 2025 - 01（正本）", "HT-2025-01"),
    ] {
        assert_eq!(of(text), [number], "{text}");
    }
    for text in ["合同编号：", "合同编号：见附件", "合同编号：无", "合同号见附件二所列"]
    {
        assert_eq!(of(text), [""; 0], "{text}");
    }
}

#[test]
fn names() {
    let of = |text: &str| values(text, FieldKind::Name);
    for (text, name) in [
        ("姓名 司徒翰霖", "司徒翰霖"),
        ("姓名司徒翰霖", "司徒翰霖"),
        ("姓 名：张 三", "张三"),
        ("姓名 张三 性别 男 民族 汉", "张三"),
        ("姓名：阿不都·热合曼", "阿不都·热合曼"),
        ("甲方（采购方）：杭州翀远智能装备有限公司", "杭州翀远智能装备有限公司"),
        ("委托人:海南某某投资合伙企业(有限合伙)(盖章)", "海南某某投资合伙企业(有限合伙)"),
        ("户名：司徒翰霖，开户行：招商银行", "司徒翰霖"),
        ("收款人：张三先生", "张三"),
        (
            "And: Tianjin Haoyue International Freight Forwarding Co., Ltd.",
            "Tianjin Haoyue International Freight Forwarding Co., Ltd.",
        ),
        (
            "Between: Northbridge Logistics (Hong Kong) Limited, BR No. 68419027",
            "Northbridge Logistics (Hong Kong) Limited",
        ),
    ] {
        assert_eq!(of(text), [name], "{text}");
    }
    for text in [
        "甲方向乙方采购产品",
        "甲方（盖章）：\n乙方（盖章）：",
        "户名\n账号",
        "姓名：12345",
        "乙方（盖章）：\n法定代表人或授权代表：",
    ] {
        assert_eq!(of(text), [""; 0], "{text}");
    }
}
