//! A department's papers, made up from a seed: contracts, receipts and identity cards, with the words of a dictionary by
//! Zipf's law. The same seed gives the same papers on every machine.

use std::path::Path;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤欧阳司徒诸葛";
const GIVEN: &str = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文辉鑫宇博浩然子轩梓涵欣怡佳琪思远修远雨桐晨曦志国建华海燕春梅冬雪秋菊德福永昌云岫若水清扬";
const PLACES: [&str; 24] = [
    "北京", "上海", "广州", "深圳", "杭州", "南京", "成都", "重庆", "武汉", "西安", "苏州", "天津", "长沙",
    "郑州", "青岛", "宁波", "厦门", "合肥", "福州", "济南", "昆明", "沈阳", "大连", "无锡",
];
const TRADES: [&str; 12] =
    ["投资", "科技", "贸易", "实业", "装备", "医药", "能源", "置业", "文化", "物流", "咨询", "电子"];
const PRODUCTS: [&str; 16] = [
    "稳健一号",
    "成长二号",
    "价值精选",
    "新能源主题",
    "医疗健康",
    "宏观对冲",
    "量化多策略",
    "固收增强",
    "专精特新",
    "科创先锋",
    "红利优选",
    "全球配置",
    "消费升级",
    "碳中和",
    "可转债",
    "现金管理",
];
const CAPITALS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
/// Words of the dictionary that the papers are made of.
const WORDS: usize = 100_000;
/// Pages that a dossier has, at least and at most.
const PAGES: std::ops::RangeInclusive<u32> = 6..=18;
/// The people who keep the dossiers, each as many as the others.
const KEEPERS: u32 = 50;

/// One page, as a line of the corpus file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) dossier: u32,
    pub(super) document: u32,
    /// Counted from 1; 0 for the dossier's card.
    pub(super) page: u32,
    pub(super) kind: String,
    pub(super) date: String,
    pub(super) title: String,
    pub(super) text: String,
}

/// The dictionary's words, drawn by their rank.
pub(super) struct Words {
    words: Vec<String>,
    /// Sums of the weights 1/rank.
    sums: Vec<f64>,
}

impl Words {
    /// Reads a dictionary of lines `word count …`, as that of jieba.
    pub(super) fn read(dictionary: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(dictionary)?;
        let entry = |line: &str| {
            let (word, rest) = line.split_once(' ')?;
            let count: u64 = rest.split(' ').next()?.parse().ok()?;
            word.chars()
                .all(|char| ('\u{4e00}'..='\u{9fff}').contains(&char))
                .then(|| (count, word.to_owned()))
        };
        let mut entries: Vec<(u64, String)> = text.lines().filter_map(entry).collect();
        entries.sort_by(|(m, a), (n, b)| n.cmp(m).then_with(|| a.cmp(b)));
        entries.truncate(WORDS);
        let mut sum = 0.0;
        let sums = (1..=entries.len()).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Ok(Self { sums: sums.collect(), words: entries.into_iter().map(|(_, word)| word).collect() })
    }

    fn draw(&self, rng: &mut Rng) -> &str {
        let at = rng.f64() * self.sums.last().copied().unwrap_or(0.0);
        let rank = self.sums.partition_point(|sum| *sum < at);
        &self.words[rank.min(self.words.len() - 1)]
    }

    fn sentence(&self, rng: &mut Rng, out: &mut String) {
        let len = rng.usize(8..24);
        for at in 0..len {
            out.push_str(self.draw(rng));
            if at + 1 < len && rng.usize(0..6) == 0 {
                out.push('，');
            }
        }
        out.push('。');
    }
}

/// Who a dossier is about and what was agreed.
struct Customer {
    name: String,
    identity: String,
    account: String,
    product: &'static str,
    contract: String,
    amount_wan: u64,
    year: u32,
}

fn pick<'a>(rng: &mut Rng, from: &'a [&'a str]) -> &'a str {
    from[rng.usize(0..from.len())]
}

fn chars(rng: &mut Rng, from: &str, count: usize) -> String {
    let all: Vec<char> = from.chars().collect();
    (0..count).map(|_| all[rng.usize(0..all.len())]).collect()
}

fn digits(rng: &mut Rng, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + rng.u8(0..10))).collect()
}

fn person(rng: &mut Rng) -> String {
    let given = rng.usize(1..3);
    chars(rng, SURNAMES, 1) + &chars(rng, GIVEN, given)
}

/// Up to 9,999 times ten thousand, in the characters of cheques.
fn in_capitals(wan: u64) -> String {
    let mut out = String::new();
    let mut zero = false;
    for (unit, mark) in [(1000, "仟"), (100, "佰"), (10, "拾"), (1, "")] {
        let digit = usize::try_from(wan / unit % 10).unwrap_or(0);
        if digit == 0 {
            zero = !out.is_empty();
            continue;
        }
        if std::mem::take(&mut zero) {
            out.push('零');
        }
        out.push(CAPITALS[digit]);
        out.push_str(mark);
    }
    format!("{out}万元整")
}

/// `1200000` as `1,200,000.00`.
fn in_digits(yuan: u64) -> String {
    let plain = yuan.to_string();
    let mut out = String::new();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + ".00"
}

impl Customer {
    fn draw(rng: &mut Rng, number: u32) -> Self {
        let name = if rng.usize(0..5) == 0 {
            let (place, trade) = (pick(rng, &PLACES), pick(rng, &TRADES));
            format!("{place}{}{trade}有限公司", chars(rng, GIVEN, 2))
        } else {
            person(rng)
        };
        let year = rng.u32(2015..2026);
        let (birth, month, day) = (rng.u32(1950..2000), rng.u32(1..13), rng.u32(1..29));
        let identity = format!("{}{birth}{month:02}{day:02}{}", digits(rng, 6), digits(rng, 4));
        let account = format!("6222{}", digits(rng, 15));
        let contract = format!("HT-{year}-{number:06}");
        Self {
            name,
            identity,
            account,
            product: pick(rng, &PRODUCTS),
            contract,
            amount_wan: rng.u64(10..3000),
            year,
        }
    }

    fn date(&self, rng: &mut Rng) -> (u32, u32, u32) {
        (self.year, rng.u32(1..13), rng.u32(1..29))
    }

    fn contract_page(&self, rng: &mut Rng, words: &Words, page: u32) -> String {
        let Self { name, product, contract, amount_wan, .. } = self;
        let mut out = format!("{product}私募证券投资基金基金合同\n合同编号：{contract}　第 {page} 页\n");
        if page == 1 {
            let (capitals, amount) = (in_capitals(*amount_wan), in_digits(amount_wan * 10_000));
            out += &format!(
                "基金份额持有人：{name}\n证件号码：{}\n认购金额：人民币{capitals}（￥{amount}）\n",
                self.identity
            );
        }
        for clause in 0..rng.usize(3..7) {
            out += &format!("第{}条 ", clause + 1 + 6 * page as usize);
            for _ in 0..rng.usize(1..3) {
                words.sentence(rng, &mut out);
            }
            out.push('\n');
        }
        out
    }

    fn receipt(&self, rng: &mut Rng, words: &Words) -> String {
        let (year, month, day) = self.date(rng);
        let (capitals, amount) = (in_capitals(self.amount_wan), in_digits(self.amount_wan * 10_000));
        let (place, bank) =
            (pick(rng, &PLACES), pick(rng, &["工商银行", "招商银行", "建设银行", "中国银行"]));
        let mut out = format!(
            "{bank}{place}分行电子回单\n日期 {year}年{month}月{day}日　流水号 {}\n付款人 {}\n账号 {}\n金额 {capitals}　￥{amount}\n用途 {}认购款\n附言 ",
            digits(rng, 16),
            self.name,
            self.account,
            self.product
        );
        words.sentence(rng, &mut out);
        out
    }

    fn identity_card(&self, rng: &mut Rng, words: &Words) -> String {
        let (sex, street) = (pick(rng, &["男", "女"]), words.draw(rng));
        format!(
            "姓名 {}\n性别 {sex}　民族 汉\n住址 {}市{}{street}路{}号\n公民身份号码 {}\n签发机关 公安局",
            self.name,
            pick(rng, &PLACES),
            words.draw(rng),
            rng.u32(1..999),
            self.identity
        )
    }
}

/// Makes so many pages (and a card for each dossier), and hands each out.
pub(super) fn make<E>(
    words: &Words,
    seed: u64,
    pages: u32,
    mut take: impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let mut rng = Rng::with_seed(seed);
    let (mut made, mut dossier, mut document) = (0, 0, 0);
    while made < pages {
        let customer = Customer::draw(&mut rng, dossier);
        let (year, month, day) = customer.date(&mut rng);
        let date = format!("{year:04}-{month:02}-{day:02}");
        let page = |document, page, kind: &str, title: String, text| Page {
            dossier,
            document,
            page,
            kind: kind.to_owned(),
            date: date.clone(),
            title,
            text,
        };
        take(page(document, 0, "dossier", customer.name.clone(), customer.identity.clone()))?;
        let wanted = rng.u32(PAGES).min(pages - made);
        for number in 0..wanted {
            let (kind, at) = match number {
                0 => ("person_id", 1),
                1 => ("payment_receipt", 1),
                _ => ("fund_contract", number - 1),
            };
            document += u32::from(at == 1);
            let title = if at == 1 { format!("{kind}-{}.pdf", customer.contract) } else { String::new() };
            let text = match kind {
                "person_id" => customer.identity_card(&mut rng, words),
                "payment_receipt" => customer.receipt(&mut rng, words),
                _ => customer.contract_page(&mut rng, words, at),
            };
            take(page(document, at, kind, title, text))?;
            made += 1;
        }
        dossier += 1;
    }
    Ok(())
}

/// A query with its kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) kind: String,
    pub(super) text: String,
    /// Whose dossiers the asker may see; all without it.
    pub(super) keeper: Option<u32>,
}

/// The dossiers of a keeper: they came over the years, between those of the others.
pub(super) fn kept_by(keeper: u32, dossiers: u32) -> impl Iterator<Item = u32> {
    (keeper..dossiers).step_by(KEEPERS as usize)
}

/// What people ask: words by their frequency, the rest drawn from the pages of these dossiers.
pub(super) fn ask(words: &Words, seed: u64, drawn: &[Vec<Page>], each: usize) -> Vec<Asked> {
    let mut rng = Rng::with_seed(seed ^ 0xA5A5);
    let between = |text: &str, before: &str, after: char| {
        text.split(before).nth(1).and_then(|rest| rest.split(after).next()).unwrap_or_default().to_owned()
    };
    let mut asked = Vec::new();
    for _ in 0..each {
        let dossier = &drawn[rng.usize(0..drawn.len())];
        let of = |kind: &str| dossier.iter().filter(|page| page.kind == kind).collect::<Vec<_>>();
        let contracts = of("fund_contract");
        let contract = contracts[rng.usize(0..contracts.len())];
        let (name, receipt) = (of("dossier")[0].title.clone(), of("payment_receipt")[0]);
        let (one, other) = (word(&mut rng, words), word(&mut rng, words));
        let len = rng.usize(4..9);
        let phrase = piece(&mut rng, &contract.text, len).unwrap_or_else(|| one.clone());
        let number = between(&contract.text, "合同编号：", '\u{3000}');
        let narrowed = format!("{one} kind:fund_contract date:{}", &contract.date[..4]);
        let kinds = [
            ("word", one.clone()),
            ("words", format!("{one} {other}")),
            ("phrase", format!("\"{phrase}\"")),
            ("name", name),
            ("number", number),
            ("narrowed", narrowed),
            ("amount", between(&format!("{}\n", receipt.text), "￥", '\n')),
            ("misread", misread(&mut rng, &phrase)),
        ];
        // Most look for what is their own.
        let own = rng.usize(0..5) > 0;
        let keeper = if own { contract.dossier % KEEPERS } else { rng.u32(0..KEEPERS) };
        let mixed = kinds[rng.usize(0..6)].1.clone();
        let mut add = |kind: &str, text: &str, keeper| {
            asked.push(Asked { kind: kind.to_owned(), text: text.to_owned(), keeper });
        };
        for (kind, text) in &kinds {
            add(kind, text, None);
        }
        add("combined, everywhere", &mixed, None);
        add("combined, own dossiers", &mixed, Some(keeper));
    }
    asked
}

fn han_rows(text: &str) -> Vec<Vec<char>> {
    let is_han = |char: char| ('\u{4e00}'..='\u{9fff}').contains(&char);
    let rows = text.split(|char| !is_han(char)).map(|row| row.chars().collect::<Vec<char>>());
    rows.filter(|row| row.len() >= 2).collect()
}

/// A word of two or more characters; frequent ones often.
fn word(rng: &mut Rng, words: &Words) -> String {
    loop {
        let word = words.draw(rng);
        if word.chars().count() >= 2 {
            return word.to_owned();
        }
    }
}

fn piece(rng: &mut Rng, text: &str, len: usize) -> Option<String> {
    let rows: Vec<_> = han_rows(text).into_iter().filter(|row| row.len() >= len).collect();
    let row = rows.get(rng.usize(0..rows.len().max(1)))?;
    let from = rng.usize(0..=row.len() - len);
    Some(row[from..from + len].iter().collect())
}

/// The same with one wrong character.
fn misread(rng: &mut Rng, text: &str) -> String {
    let wrong = rng.usize(0..text.chars().count());
    text.chars().enumerate().map(|(at, char)| if at == wrong { '龘' } else { char }).collect()
}
