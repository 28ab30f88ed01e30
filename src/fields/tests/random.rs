//! Random text: nothing panics, and what is valid is found.

use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{FieldKind, Limits, find, lines};
use crate::fields::digits::{card_check_holds, credit_check_holds, identity_check};
use crate::fields::{Field, Known, observations};
use crate::reading::Line;

/// Pieces that look like something.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "身份证",
        "号码",
        "：",
        "(",
        ")",
        "¥",
        "人民币",
        "元",
        "万",
        "壹佰",
        "零",
        "整",
        "年",
        "月",
        "日",
        "2025",
        "12",
        "-",
        ".",
        "/",
        "合同编号",
        "姓名",
        "甲方",
        "账号",
        "卡号",
        "有效期限",
        "长期",
        " ",
        ",",
        "\n",
        "角",
        "分",
        "Co., Ltd",
        "March",
        "X",
        "O",
        "廿",
        "86",
        "+",
        "139",
        "至",
        "第",
        "号",
        "〔",
        "金额",
        "大写",
        "USD",
    ];
    prop_oneof![
        prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        "\\PC{0,4}",
        any::<char>().prop_map(String::from),
        "[0-9]{1,20}"
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..60).prop_map(|pieces| pieces.concat())
}

fn line() -> impl Strategy<Value = Line> {
    let side = || prop_oneof![any::<f32>(), (0..60_u8).prop_map(|side| f32::from(side) * 10.0)];
    (text(), prop::option::of(text()), (side(), side(), side(), side())).prop_map(
        |(text, other, (x0, y0, x1, y1))| Line { text, other, confidence: Some(0.5), x0, y0, x1, y1 },
    )
}

/// Text that ends and begins with what is no letter, digit, space or hyphen.
fn around() -> impl Strategy<Value = String> {
    "[一-龥，。a-z0-9 \n]{0,20}[，。、《》]"
}

fn number(length: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(0..10_u8, length)
        .prop_map(|digits| digits.into_iter().map(|digit| char::from(b'0' + digit)).collect())
}

fn identity() -> impl Strategy<Value = String> {
    let born = (1900..2025_u16, 1..13_u8, 1..29_u8);
    (prop::sample::select(vec!["11", "44", "65", "82"]), number(4), born, number(3)).prop_map(
        |(province, region, (year, month, day), order)| {
            let most = format!("{province}{region}{year:04}{month:02}{day:02}{order}");
            let check = identity_check(&most.chars().collect::<Vec<_>>()).unwrap();
            format!("{most}{check}")
        },
    )
}

fn credit() -> impl Strategy<Value = String> {
    (number(6), "[0-9A-HJ-NPQRTUWXY]{9}").prop_map(|(region, body)| {
        let codes = "0123456789ABCDEFGHJKLMNPQRTUWXY".chars().map(|check| format!("91{region}{body}{check}"));
        codes.into_iter().find(|code| credit_check_holds(&code.chars().collect::<Vec<_>>())).unwrap()
    })
}

fn card() -> impl Strategy<Value = String> {
    (15..18_usize).prop_flat_map(|length| number(length - 2)).prop_map(|body| {
        let cards = ('0'..='9').map(|check| format!("62{body}{check}"));
        cards.into_iter().find(|card| card_check_holds(&card.chars().collect::<Vec<_>>())).unwrap()
    })
}

/// The same with another digit at one place.
fn changed(number: &str, place: usize, by: u8) -> String {
    let digits: Vec<usize> = (0..number.len()).filter(|at| number.as_bytes()[*at].is_ascii_digit()).collect();
    let place = digits[place % digits.len()];
    let change = |(at, c): (usize, char)| match c.to_digit(10) {
        Some(digit) if at == place => char::from_digit((digit + u32::from(by)) % 10, 10).unwrap(),
        _ => c,
    };
    number.chars().enumerate().map(change).collect()
}

fn sure(text: &str, kind: FieldKind, value: &str) -> bool {
    let found = find(&lines(text), 1, &Limits::default());
    found.iter().any(|field: &Field| field.kind == kind && field.value == value && field.sure)
}

/// The amount as banks write it.
fn spelled(fen: u64) -> String {
    let (yuan, rest) = (fen / 100, fen % 100);
    let (tenths, hundredths) = (rest / 10, rest % 10);
    let mut text = if yuan > 0 { integer(yuan) + "元" } else { String::new() };
    if rest == 0 {
        return text + "整";
    }
    if tenths > 0 {
        text.extend([digit(tenths), '角']);
    } else if yuan > 0 {
        text.push('零');
    }
    if hundredths > 0 {
        text.extend([digit(hundredths), '分']);
        return text;
    }
    text + "整"
}

fn digit(value: u64) -> char {
    "零壹贰叁肆伍陆柒捌玖".chars().nth(usize::try_from(value).unwrap()).unwrap()
}

fn integer(value: u64) -> String {
    let (mut text, mut zero) = (String::new(), false);
    for (sections, sign) in [(100_000_000, "亿"), (10_000, "万"), (1, "")] {
        let section = value / sections % 10_000;
        for (unit, name) in [(1000, "仟"), (100, "佰"), (10, "拾"), (1, "")] {
            let one = section / unit % 10;
            if one == 0 {
                zero = !text.is_empty();
                continue;
            }
            if std::mem::take(&mut zero) {
                text.push('零');
            }
            text.push(digit(one));
            text.push_str(name);
        }
        if section > 0 {
            text.push_str(sign);
        }
    }
    text
}

fn traditional(text: &str) -> String {
    text.replace('贰', "貳")
        .replace('万', "萬")
        .replace('元', "圓")
        .replace('陆', "陸")
        .replace('亿', "億")
        .replace('叁', "參")
        .replace('整', "正")
}

/// Amounts of all sizes, many with zeros in the middle.
fn fen() -> impl Strategy<Value = u64> {
    let sparse = (1..9_u64, 0..13_u32, 1..9_u64, 0..13_u32);
    let sparse = sparse.prop_map(|(a, x, b, y)| a * 10_u64.pow(x) + b * 10_u64.pow(y));
    prop_oneof![1..100_000_u64, 1..10_000_000_000_u64, 1..99_999_999_999_999_u64, sparse]
}

proptest! {
    #[test]
    fn nothing_panics(page in prop::collection::vec(line(), 0..8)) {
        let limits = Limits { fields: 20, characters: 500, ..Limits::default() };
        let fields = find(&page, 1, &limits);
        prop_assert!(fields.len() <= 20);
        for field in &fields {
            prop_assert!(!field.value.is_empty() && !field.shown.is_empty());
            prop_assert!([field.x0, field.y0, field.x1, field.y1].iter().all(|side| !side.is_nan()));
        }
        let known = Known { name: Some("张三".to_owned()), amounts_fen: vec![1], ..Known::default() };
        observations(&fields, &known, jiff::civil::date(2026, 3, 5));
    }

    #[test]
    fn amounts_in_words_come_back(fen in fen()) {
        for written in [spelled(fen), traditional(&spelled(fen))] {
            let page = lines(&format!("金额（大写）：{written}，已付"));
            let found = find(&page, 1, &Limits::default());
            let values: Vec<&str> = found.iter().map(|field| field.value.as_str()).collect();
            prop_assert_eq!(values, [fen.to_string()], "{}", written);
        }
    }

    #[test]
    fn amounts_in_figures_come_back(fen in 1..99_999_999_999_999_u64) {
        let mut whole = (fen / 100).to_string();
        let mut at = whole.len();
        while at > 3 {
            at -= 3;
            whole.insert(at, ',');
        }
        let page = lines(&format!("支付￥{whole}.{:02}（大写：{}）", fen % 100, spelled(fen)));
        let found = find(&page, 1, &Limits::default());
        prop_assert_eq!(found.len(), 2);
        prop_assert!(found.iter().all(|field| field.sure && field.value == fen.to_string()));
    }

    #[test]
    fn an_identity_number_is_found(before in around(), number in identity(), after in around(), place in 0..18_usize, by in 1..10_u8) {
        let page = |number: &str| format!("{before}{number}，{after}");
        let grouped = page(&format!("{} {}-{}", &number[..6], &number[6..14], &number[14..]));
        prop_assert!(sure(&page(&number), FieldKind::IdNumber, &number));
        prop_assert!(sure(&grouped, FieldKind::IdNumber, &number));
        let wrong = changed(&number, place, by);
        let labelled = format!("身份证号：{wrong}");
        prop_assert!(!sure(&page(&wrong), FieldKind::IdNumber, &wrong));
        prop_assert!(!sure(&labelled, FieldKind::IdNumber, &wrong));
    }

    #[test]
    fn a_credit_code_is_found(before in around(), code in credit(), after in around(), place in 0..18_usize, by in 1..10_u8) {
        let page = |code: &str| format!("{before}{code}，{after}");
        let kind = if sure(&code, FieldKind::IdNumber, &code) { FieldKind::IdNumber } else { FieldKind::Uscc };
        prop_assert!(sure(&page(&code), kind, &code));
        let wrong = changed(&code, place, by);
        for page in [page(&wrong), format!("统一社会信用代码：{wrong}")] {
            let found = find(&lines(&page), 1, &Limits::default());
            prop_assert!(!found.iter().any(|field| field.kind == FieldKind::Uscc && field.sure && field.shown == wrong));
        }
    }

    #[test]
    fn a_card_is_found(before in around(), card in card(), after in around(), place in 0..19_usize, by in 1..10_u8) {
        let page = |card: &str| format!("{before}{card}。{after}");
        let labelled = |card: &str| format!("{before}银行卡号：{card}。{after}");
        let groups: Vec<&str> = [0..4, 4..8, 8..12, 12..16, 16..card.len()].into_iter().map(|part| &card[part]).collect();
        let grouped = page(groups.join(" ").trim());
        prop_assert!(sure(&labelled(&card), FieldKind::BankCard, &card));
        prop_assert!(sure(&grouped, FieldKind::BankCard, &card));
        let wrong = changed(&card, place, by);
        for page in [labelled(&wrong), format!("账号：{wrong}"), page(&wrong)] {
            prop_assert!(!sure(&page, FieldKind::BankCard, &wrong));
            // With another beginning it may be an account, which has no check digit.
            prop_assert!(!wrong.starts_with("62") || !sure(&page, FieldKind::BankAccount, &wrong));
        }
    }

    #[test]
    fn the_same_page_gives_the_same(text in text()) {
        let page = lines(&text);
        prop_assert_eq!(find(&page, 1, &Limits::default()), find(&page, 1, &Limits::default()));
    }
}
