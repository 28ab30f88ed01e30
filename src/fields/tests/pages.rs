//! Places, limits, second readings, and what is observed.

use jiff::civil::date;

use super::{fields, lines};
use crate::fields::{FieldKind, Known, Limits, ObservationCode, find, observations};
use crate::reading::Line;

/// A line of 20 units for each column, 20 high.
fn at(x: f32, y: f32, text: &str) -> Line {
    let columns: f32 = text.chars().map(|c| if c.is_ascii() { 1.0 } else { 2.0 }).sum();
    Line { text: text.to_owned(), x0: x, y0: y, x1: x + columns * 10.0, y1: y + 20.0, ..Line::default() }
}

#[test]
fn values_stand_beside_their_labels() {
    let page = [
        at(100.0, 100.0, "户名"),
        at(500.0, 102.0, "账号"),
        at(200.0, 101.0, "杭州翀远智能装备有限公司"),
        at(600.0, 99.0, "755912345610802"),
        at(100.0, 200.0, "姓名"),
        at(300.0, 200.0, "证件号码"),
        at(100.0, 225.0, "司徒翰霖"),
        at(300.0, 225.0, "110105491231002"),
    ];
    let found = find(&page, 3, &Limits::default());
    let of = |kind: FieldKind| {
        found.iter().filter(|field| field.kind == kind).map(|field| field.value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of(FieldKind::Name), ["杭州翀远智能装备有限公司", "司徒翰霖"]);
    assert_eq!(of(FieldKind::BankAccount), ["755912345610802"]);
    assert_eq!(of(FieldKind::IdNumber), ["110105491231002"]);
    let name = &found[0];
    assert_eq!((name.page, name.lines, name.x0, name.x1), (3, (0, 2), 200.0, 440.0));
}

#[test]
fn the_place_is_the_share_of_the_columns() {
    let mut line = at(0.0, 50.0, "金额：100.00元整");
    line.confidence = Some(0.5);
    let field = &find(&[line], 1, &Limits::default())[0];
    assert_eq!((field.x0, field.x1, field.y0, field.y1), (60.0, 160.0, 50.0, 70.0));
    assert_eq!((field.confidence, field.shown.as_str()), (Some(0.5), "100.00元整"));
}

#[test]
fn a_second_reading_may_have_it_right() {
    let mut line = at(0.0, 0.0, "公民身份号码 110105194912310021");
    line.other = Some("公民身份号码 11010519491231002X".to_owned());
    let found = find(&[line], 1, &Limits::default());
    assert_eq!(found.len(), 1);
    assert!(found[0].sure && found[0].mended && found[0].value == "11010519491231002X");
    let words = at(0.0, 0.0, "金额（大写） 人民币壹拾壹万柒仟元伍角陆分");
    let mut figures = at(0.0, 30.0, "¥17,000.56");
    figures.other = Some("¥117,000.56".to_owned());
    let found = find(&[words.clone(), figures.clone()], 1, &Limits::default());
    assert!(found.len() == 2 && found.iter().all(|field| field.sure && field.value == "11700056"));
    figures.other = Some("¥118,000.56".to_owned());
    let found = find(&[words, figures], 1, &Limits::default());
    assert_eq!(found[1].value, "1700056", "nothing confirms the second reading");
}

#[test]
fn limits_hold() {
    let text: String = (1000..2000).map(|yuan| format!("¥{yuan}\n")).collect();
    let text = format!("{text}身份证 11010519491231002X");
    let limits = Limits { fields: 10, ..Limits::default() };
    let found = find(&lines(&text), 1, &limits);
    assert_eq!(found.len(), 10);
    assert!(found.iter().any(|field| field.kind == FieldKind::IdNumber), "what is sure comes first");
    assert!(find(&lines(&text), 1, &Limits { characters: 20, ..limits }).len() < 5);
}

#[test]
fn hostile_pages_take_no_longer() {
    let start = std::time::Instant::now();
    for piece in [
        "户名",
        "(",
        "身份证(",
        "1 ",
        "1-",
        "壹",
        "零",
        "合同编号:a",
        "2025.1.1-",
        "¥",
        "甲方:张 ",
        "1,111",
        "有效期限",
        " ",
    ] {
        let same_place = vec![at(0.0, 0.0, piece); 5_000];
        find(&same_place, 1, &Limits::default());
        find(&lines(&piece.repeat(30_000 / piece.chars().count())), 1, &Limits::default());
        find(&lines(&format!("{piece}\n").repeat(5_000)), 1, &Limits::default());
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

fn codes(text: &str, known: &Known) -> Vec<ObservationCode> {
    let today = date(2026, 3, 5);
    observations(&fields(text), known, today).into_iter().map(|observation| observation.code).collect()
}

#[test]
fn observations_of_one_document() {
    let known = Known {
        name: Some("张三".to_owned()),
        id_number: Some("11010519491231002X".to_owned()),
        amounts_fen: vec![100_000_000],
        contract_numbers: vec!["JJ〔2025〕12".to_owned()],
    };
    let none: [ObservationCode; 0] = [];
    let right = "姓名 张三\n身份证号 11010519491231002x\n有效期限 2015.06.01-长期\n合同编号：JJ[2025]12\n金额：￥1,000,000.00（大写：壹佰万元整）";
    assert_eq!(codes(right, &known), none);
    assert_eq!(codes("身份证号 110105491231002", &known), none, "the number of 15 digits is the same");
    assert_eq!(codes("有效期限 2015.06.01-2026.03.05", &known), [ObservationCode::IdExpiresSoon]);
    assert_eq!(codes("有效期限 2006.03.04-2026.03.04", &known), [ObservationCode::IdExpired]);
    assert_eq!(codes("姓名 李四", &known), [ObservationCode::NameDiffers]);
    assert_eq!(codes("付款人：李四\n收款人：张三", &known), none);
    assert_eq!(codes("身份证 440524188001010014", &known), [ObservationCode::IdNumberDiffers]);
    assert_eq!(codes("身份证 110105194912310021", &known), [ObservationCode::CheckDigitWrong]);
    assert_eq!(codes("合同编号：JJ202513", &known), [ObservationCode::ContractNumberDiffers]);
    assert_eq!(codes("单价：￥5.00 合计：￥1,000,001.00", &known), [ObservationCode::AmountDiffers]);
    assert_eq!(
        codes(right.replace("壹佰", "壹仟").as_str(), &Known::default()),
        [ObservationCode::AmountWordsDiffer]
    );
    assert_eq!(
        codes("姓名 李四 身份证 440524188001010014\n合计：￥1.00", &Known::default()),
        none,
        "nothing is known"
    );
    let doubtful = fields(&right.replace("壹佰", "壹仟"));
    assert!(doubtful.iter().all(|field| field.kind != FieldKind::Amount || !field.sure));
}

#[test]
fn names_are_stable() {
    let json = serde_json::to_value(&fields("签订日期：2025年4月17日")[0]).unwrap();
    assert_eq!(json["kind"], "date");
    assert_eq!(json["role"], "signed");
    let code = serde_json::to_value(ObservationCode::AmountWordsDiffer).unwrap();
    assert_eq!(code, "amount_words_differ");
}
