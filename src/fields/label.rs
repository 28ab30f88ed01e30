//! The words that papers write beside their values, and where they stand in a run.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Role;
use super::cursor::Cursor;
use super::run::Run;

/// What a label says of the value beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Identity,
    Credit,
    Card,
    Account,
    Amount(Option<Role>),
    Date(Option<Role>),
    Validity,
    Contract,
    Name(Role),
    Phone,
    /// Something that is no field, but ends the value before it.
    Other,
}

/// A label at its place in a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    pub(super) meaning: Meaning,
    /// As in the list of labels.
    pub(super) word: &'static str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where its value would begin: after a remark in brackets, a colon, spaces.
    pub(super) reach: usize,
    /// A colon stands between.
    pub(super) colon: bool,
    /// The line it stands in.
    pub(super) line: usize,
    /// It stands in another run, beside this one or above.
    pub(super) inherited: bool,
}

const MOST_SPACES: usize = 6;
/// Longest remark in brackets between a label and its value, and the most such steps.
const LONGEST_REMARK: usize = 16;
const MOST_STEPS: usize = 12;

/// The labels of a run, by where their values begin. They do not overlap.
pub(super) fn labels(run: &Run) -> Vec<Label> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < run.text.len() {
        match label_at(run, at) {
            Some(label) => {
                at = label.end;
                found.push(label);
            }
            None => at += 1,
        }
    }
    found.sort_by_key(|label| label.reach);
    found
}

/// The longest label that stands here.
fn label_at(run: &Run, at: usize) -> Option<Label> {
    let first = folded(run.at(at)?);
    let some = BY_FIRST.get(&first)?;
    let ends = some.iter().filter_map(|(word, meaning)| Some((end_of(run, at, word)?, *word, *meaning)));
    let (end, word, meaning) = ends.max_by_key(|(end, ..)| *end)?;
    let (reach, colon) = reach(run, end);
    let colon = colon || word.ends_with(':');
    let line = run.places.get(at).map_or(0, |place| place.line);
    Some(Label { meaning, word, start: at, end, reach, colon, line, inherited: false })
}

/// Where this word ends, if it stands here. Forms set the two characters of a label apart, so Han may have spaces between.
fn end_of(run: &Run, at: usize, word: &str) -> Option<usize> {
    let mut cursor = Cursor::new(&run.text, at);
    if word.is_ascii() && cursor.before().is_some_and(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    for (nth, wanted) in word.chars().enumerate() {
        if nth > 0 && (wanted == ' ' || !wanted.is_ascii()) {
            cursor.spaces(MOST_SPACES);
        }
        if wanted != ' ' {
            cursor.take(|c| folded(c) == folded(wanted))?;
        }
    }
    let goes_on = word.ends_with(|c: char| c.is_ascii_alphabetic())
        && cursor.peek().is_some_and(|c| c.is_ascii_alphabetic());
    (!goes_on).then_some(cursor.at())
}

/// Where the value of a label that ends here begins, and whether a colon stands before it.
fn reach(run: &Run, end: usize) -> (usize, bool) {
    let mut cursor = Cursor::new(&run.text, end);
    let mut colon = false;
    for _ in 0..MOST_STEPS {
        cursor.spaces(MOST_SPACES);
        if cursor.eat(":︰") {
            colon = true;
        } else if !colon && cursor.peek() == Some('(') {
            let Some(after) = after_remark(cursor) else { break };
            cursor = after;
        } else if !cursor.eat("为是)_.#") {
            break;
        }
    }
    (cursor.at(), colon)
}

/// Past a short remark in brackets, if there is one. One with digits, as (2016), may be the value, unless a colon follows.
fn after_remark(mut cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    cursor.advance(1);
    let inside = cursor.take_some(LONGEST_REMARK, |c| c != ')' && c != '(');
    let remark = cursor.eat(")") && (!inside.iter().any(char::is_ascii_digit) || cursor.peek() == Some(':'));
    remark.then_some(cursor)
}

/// Traditional forms that stand in labels as the simplified ones, Latin in lower case.
fn folded(c: char) -> char {
    match c {
        '證' => '证',
        '號' => '号',
        '碼' => '码',
        '賬' | '帳' | '帐' => '账',
        '戶' | '户' => '户',
        '編' => '编',
        '協' => '协',
        '議' => '议',
        '額' => '额',
        '電' => '电',
        '話' => '话',
        '機' => '机',
        '簽' => '签',
        '訂' => '订',
        '發' => '发',
        '銀' => '银',
        '開' => '开',
        '統' => '统',
        '會' => '会',
        '關' => '关',
        '稱' => '称',
        '總' => '总',
        '計' => '计',
        '價' => '价',
        '寫' => '写',
        '間' => '间',
        '託' => '托',
        '資' => '资',
        _ => c.to_ascii_lowercase(),
    }
}

type Known = (&'static str, Meaning);

static BY_FIRST: LazyLock<HashMap<char, Vec<Known>>> = LazyLock::new(|| {
    let mut by_first: HashMap<char, Vec<Known>> = HashMap::new();
    for (words, meaning) in LABELS {
        for word in words.split('|') {
            let first = word.chars().next().map(folded);
            by_first.entry(first.unwrap_or(' ')).or_default().push((word, *meaning));
        }
    }
    by_first
});

/// The labels, those of one meaning with `|` between.
const LABELS: &[(&str, Meaning)] = &[
    (
        "公民身份号码|公民身份证号码|居民身份证号码|身份证件号码|身份证号码|身份证号|身份号码|身份证|证件号码|证件号|\
         ID No|ID Number|ID Card No|ID Card Number|Identity Card No|Identity No",
        Meaning::Identity,
    ),
    (
        "统一社会信用代码|社会信用代码|信用代码|纳税人识别号|税号|USCC|Unified Social Credit Code|Unified Social Credit Identifier",
        Meaning::Credit,
    ),
    ("银行卡号|银行卡|银联卡|银联|信用卡|借记卡|储蓄卡|卡号|Card No|Card Number", Meaning::Card),
    ("账号|账户号码|账户号|账户|户号|Account No|Account Number|Account|A/C No|A/C", Meaning::Account),
    (
        "总金额|金额合计|合计金额|金额总计|合计|总计|总额|总价款|总价|价税合计|Total Amount|Grand Total|Total",
        Meaning::Amount(Some(Role::Total)),
    ),
    (
        "金额|大写|小写|价款|认购款|认缴出资额|实缴出资额|出资额|投资款|租金|本金|押金|货款|Amount",
        Meaning::Amount(None),
    ),
    (
        "签订日期|签署日期|签约日期|签订时间|签署时间|签约时间|订立日期|Signing Date|Date Signed|Signed on",
        Meaning::Date(Some(Role::Signed)),
    ),
    (
        "交易日期|付款日期|支付日期|转账日期|汇款日期|记账日期|入账日期|到账日期|交易时间|付款时间|转账时间|支付时间|\
         Payment Date|Transaction Date|Value Date|Date of Payment|Paid on",
        Meaning::Date(Some(Role::Paid)),
    ),
    ("出生日期|出生年月日|出生年月|出生|Date of Birth|Birth Date|Born", Meaning::Date(Some(Role::Born))),
    (
        "签发日期|发证日期|颁发日期|有效期起|Date of Issue|Issue Date|Issued on",
        Meaning::Date(Some(Role::Issued)),
    ),
    (
        "有效期限至|有效期至|有效期截止日|有效期截止|有效期止|到期日期|到期日|截止日期|\
         Date of Expiry|Expiry Date|Expiration Date|Valid Until|Expires on|Expires",
        Meaning::Date(Some(Role::Expires)),
    ),
    ("有效期限|有效期|Period of Validity|Validity|Valid", Meaning::Validity),
    ("生效日期|起始日期|成立日期|日期|Effective Date|Date", Meaning::Date(None)),
    (
        "合同编号|合同号码|合同号|协议编号|协议号|合同书编号|协议书编号|Contract No|Contract Number|Agreement No|Agreement Number",
        Meaning::Contract,
    ),
    ("姓名|Name|Full Name", Meaning::Name(Role::Person)),
    (
        "客户名称|客户姓名|投资者名称|投资者姓名|投资者|投资人|委托人|认购人|申请人|Customer Name|Investor Name|Investor|Customer",
        Meaning::Name(Role::Customer),
    ),
    ("户名|账户名称|账户名|账户姓名|开户名|Account Name", Meaning::Name(Role::AccountHolder)),
    (
        "付款人名称|付款人户名|付款人全称|付款人|付款方|付款单位|付款户名|汇款人|Payer|Remitter",
        Meaning::Name(Role::Payer),
    ),
    (
        "收款人名称|收款人户名|收款人全称|收款人|收款方|收款单位|收款户名|Payee|Beneficiary",
        Meaning::Name(Role::Payee),
    ),
    ("甲方|出租方|出租人|出借人|出借方|买方|发包方|采购方|Party A|Between:", Meaning::Name(Role::PartyA)),
    ("乙方|承租方|承租人|借款人|借款方|卖方|承包方|供货方|Party B|And:", Meaning::Name(Role::PartyB)),
    ("丙方|连带责任保证人|保证人|担保人|Guarantor", Meaning::Name(Role::OtherParty)),
    (
        "手机号码|手机号|手机|联系电话|电话号码|电话|联系方式|Mobile Phone|Mobile|Telephone|Tel|Phone",
        Meaning::Phone,
    ),
    (
        "性别|民族|住址|地址|住所|国籍|职业|开户银行|开户行|开户网点|用途|摘要|币种|币别|交易渠道|交易流水号|流水号|回单编号|\
         订单号|凭证号|验证码|邮政编码|邮编|签发机关|签订地点|法定代表人|授权代表|经办人|联系人|备注|附言|传真|邮箱|编号|\
         证件类型|证件类别|证件名称|盖章|签章|签字|性別|Sex|Gender|Nationality|Address|Bank|Swift|Currency|BR No|Ref|Ref No|Invoice No",
        Meaning::Other,
    ),
];
