//! The fields that were found in documents, and what differs, in words.

use super::words;
use crate::archive::Offer;
use crate::domain::DocumentId;
use crate::fields::{Field, FieldKind, Observation, ObservationCode, Role};
use crate::text::{Lang, say, say_with};

/// The most fields of a document that are shown beside the checklist.
const MOST_BESIDE: usize = 8;

/// A field, in words.
pub(super) struct Found {
    pub(super) title: String,
    pub(super) value: String,
    /// Whether somebody should look closely.
    pub(super) unsure: bool,
    /// Its place on the page, in the page's unit: left, top, width, height; nothing if that is not known.
    pub(super) place: Option<[f32; 4]>,
}

/// What a person should look at.
pub(super) struct Remark {
    pub(super) sentence: String,
    pub(super) href: String,
}

/// What is said of a document beside the checklist.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) remarks: Vec<Remark>,
    pub(super) found: Vec<Found>,
}

impl Beside {
    /// The remarks on a document, and those fields that are sure, each value once.
    pub(super) fn of(lang: Lang, offer: &Offer) -> Self {
        let mut found: Vec<Found> = Vec::new();
        for field in offer.fields.iter().filter(|field| field.sure && !field.words) {
            let new = in_words(lang, field);
            if found.len() < MOST_BESIDE && found.iter().all(|other| other.value != new.value) {
                found.push(new);
            }
        }
        Self { remarks: remarks(lang, offer), found }
    }
}

/// The remarks on a document.
pub(super) fn remarks(lang: Lang, offer: &Offer) -> Vec<Remark> {
    offer.observations.iter().map(|observation| remark(lang, offer.document, observation)).collect()
}

/// A field, in words.
pub(super) fn in_words(lang: Lang, field: &Field) -> Found {
    let (width, height) = (field.x1 - field.x0, field.y1 - field.y0);
    let kind = say(lang, kind(field.kind));
    let title = match field.role {
        Some(role) => say(lang, self::role(role)),
        None if field.words => say(lang, "page-field-amount-in-words"),
        None => kind,
    };
    Found {
        title,
        value: value(lang, field.kind, &field.value),
        unsure: !field.sure,
        place: (width > 0.0 && height > 0.0).then_some([field.x0, field.y0, width, height]),
    }
}

fn remark(lang: Lang, document: DocumentId, observation: &Observation) -> Remark {
    let field = &observation.field;
    let found = match (observation.code, field.kind) {
        (ObservationCode::IdExpired | ObservationCode::IdExpiresSoon, FieldKind::Validity) => {
            field.value.rsplit('/').next().unwrap_or_default().to_owned()
        }
        _ => value(lang, field.kind, &field.value),
    };
    let known = observation.known.iter().map(|known| value(lang, field.kind, known));
    let known = words::list(lang, known);
    let id = match observation.code {
        ObservationCode::IdExpired => "page-observed-expired",
        ObservationCode::IdExpiresSoon => "page-observed-expires-soon",
        ObservationCode::AmountDiffers => "page-observed-amount",
        ObservationCode::AmountWordsDiffer => "page-observed-amount-words",
        ObservationCode::NameDiffers => "page-observed-name",
        ObservationCode::IdNumberDiffers => "page-observed-id-number",
        ObservationCode::CheckDigitWrong => "page-observed-check-digit",
        ObservationCode::ContractNumberDiffers => "page-observed-contract-number",
    };
    Remark {
        sentence: say_with(lang, id, &[("found", &found), ("known", &known)]),
        href: format!("/documents/{document}?page={}", field.page),
    }
}

/// A value as people write it.
fn value(lang: Lang, kind: FieldKind, value: &str) -> String {
    match kind {
        FieldKind::Amount => value.parse().map_or_else(|_| value.to_owned(), yuan),
        FieldKind::Validity => match value.split_once('/') {
            Some((from, "..")) => format!("{from} – {}", say(lang, "page-field-no-end")),
            Some((from, to)) => format!("{from} – {to}"),
            None => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

/// Fen as yuan, with commas.
fn yuan(fen: i64) -> String {
    let (sign, fen) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    let digits = (fen / 100).to_string();
    let mut whole = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            whole.push(',');
        }
        whole.push(digit);
    }
    format!("{sign}¥{whole}.{:02}", fen % 100)
}

fn kind(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::IdNumber => "page-field-id-number",
        FieldKind::Uscc => "page-field-uscc",
        FieldKind::BankCard => "page-field-bank-card",
        FieldKind::BankAccount => "page-field-bank-account",
        FieldKind::Amount => "page-field-amount",
        FieldKind::Date => "page-field-date",
        FieldKind::Validity => "page-field-validity",
        FieldKind::ContractNumber => "page-field-contract-number",
        FieldKind::Name => "page-field-name",
        FieldKind::Phone => "page-field-phone",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Issued => "page-role-issued",
        Role::Expires => "page-role-expires",
        Role::Signed => "page-role-signed",
        Role::Paid => "page-role-paid",
        Role::Born => "page-role-born",
        Role::Total => "page-role-total",
        Role::Person => "page-role-person",
        Role::Customer => "page-role-customer",
        Role::AccountHolder => "page-role-account-holder",
        Role::Payer => "page-role-payer",
        Role::Payee => "page-role-payee",
        Role::PartyA => "page-role-party-a",
        Role::PartyB => "page-role-party-b",
        Role::OtherParty => "page-role-other-party",
    }
}

#[cfg(test)]
mod tests {
    use super::{value, yuan};
    use crate::fields::FieldKind;
    use crate::text::Lang;

    #[test]
    fn amounts_have_commas_and_two_places() {
        for (fen, said) in
            [(0, "¥0.00"), (5, "¥0.05"), (100_000, "¥1,000.00"), (-123_456_789, "-¥1,234,567.89")]
        {
            assert_eq!(yuan(fen), said);
        }
    }

    #[test]
    fn a_period_without_end_is_said_to_have_none() {
        assert_eq!(value(Lang::Zh, FieldKind::Validity, "2015-06-01/.."), "2015-06-01 – 长期");
        assert_eq!(value(Lang::En, FieldKind::Validity, "2015-06-01/2035-06-01"), "2015-06-01 – 2035-06-01");
    }
}
