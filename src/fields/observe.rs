//! Observations: where a document and the dossier do not say the same. They accuse nobody and decide nothing.

use std::collections::{HashMap, HashSet};

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::digits::of_eighteen;
use super::name::is_company;
use super::{Check, Field, FieldKind, Role};

/// An identity card that ends within so many days is worth a word.
const SOON_DAYS: i64 = 30;

/// What the dossier and the contract say. What is empty is not known, and nothing differs from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The customer's name.
    pub name: Option<String>,
    /// The customer's identity number.
    pub id_number: Option<String>,
    /// Amounts of the customer's contracts, in fen.
    pub amounts_fen: Vec<i64>,
    /// The numbers of the customer's contracts.
    pub contract_numbers: Vec<String>,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// What it is.
    pub code: ObservationCode,
    /// The field it is about.
    pub field: Field,
    /// What is known instead; for `amount_words_differ` the amount in figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<String>,
}

/// What was observed. The serialised names are stable codes for people and programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservationCode {
    /// The period for which the paper is valid is over.
    IdExpired,
    /// It is over within 30 days.
    IdExpiresSoon,
    /// The total, or the largest labelled amount, is none of the known ones.
    AmountDiffers,
    /// An amount in words and the one in figures beside it are not the same.
    AmountWordsDiffer,
    /// No name in the document is the customer's.
    NameDiffers,
    /// No identity number in the document is the customer's.
    IdNumberDiffers,
    /// A number that is labelled as an identity number has a wrong check digit.
    CheckDigitWrong,
    /// No contract number in the document is a known one.
    ContractNumberDiffers,
}

/// What differs in the fields of one document (of one page or several), on the day `today`.
pub fn observations(fields: &[Field], known: &Known, today: Date) -> Vec<Observation> {
    let mut all = Vec::new();
    all.extend(expiry(fields, today));
    all.extend(wrong_check_digits(fields));
    all.extend(id_number(fields, known));
    all.extend(name(fields, known));
    all.extend(amount(fields, known));
    all.extend(amount_words(fields));
    all.extend(contract_number(fields, known));
    all
}

fn observed(code: ObservationCode, field: &Field, known: Vec<String>) -> Observation {
    Observation { code, field: field.clone(), known }
}

fn of_kind(fields: &[Field], kind: FieldKind) -> impl Iterator<Item = &Field> {
    fields.iter().filter(move |field| field.kind == kind)
}

/// The latest day on which a paper in the document is still valid: a copy of an old card beside the new one is no fault.
fn expiry(fields: &[Field], today: Date) -> Option<Observation> {
    let ends = fields.iter().filter(|field| field.sure).filter_map(|field| Some((end(field)?, field)));
    let (end, field) = ends.max_by_key(|(end, _)| *end)?;
    let soon = today.checked_add(SOON_DAYS.days()).unwrap_or(Date::MAX);
    let code = if end < today {
        ObservationCode::IdExpired
    } else if end <= soon {
        ObservationCode::IdExpiresSoon
    } else {
        return None;
    };
    Some(observed(code, field, Vec::new()))
}

/// The last day of validity that a field tells; the end of time if it has none.
fn end(field: &Field) -> Option<Date> {
    match (field.kind, field.role) {
        (FieldKind::Validity, _) => match field.value.split_once('/')?.1 {
            ".." => Some(Date::MAX),
            end => end.parse().ok(),
        },
        (FieldKind::Date, Some(Role::Expires)) => field.value.parse().ok(),
        _ => None,
    }
}

fn wrong_check_digits(fields: &[Field]) -> impl Iterator<Item = Observation> {
    let wrong = of_kind(fields, FieldKind::IdNumber).filter(|field| field.check == Some(Check::Fails));
    wrong.map(|field| observed(ObservationCode::CheckDigitWrong, field, Vec::new()))
}

/// The first of `fields`, if none of them is known.
fn none_known<'a>(
    code: ObservationCode,
    fields: impl Iterator<Item = &'a Field>,
    known: &[&str],
    form: fn(&str) -> String,
) -> Option<Observation> {
    if known.is_empty() {
        return None;
    }
    let forms: Vec<String> = known.iter().map(|known| form(known)).collect();
    let mut fields = fields.peekable();
    let first = *fields.peek()?;
    let differs = !fields.any(|field| forms.contains(&form(&field.value)));
    differs.then(|| observed(code, first, known.iter().map(|known| (*known).to_owned()).collect()))
}

fn id_number(fields: &[Field], known: &Known) -> Option<Observation> {
    let some = of_kind(fields, FieldKind::IdNumber).filter(|field| field.check != Some(Check::Fails));
    let known: Vec<&str> = known.id_number.as_deref().into_iter().collect();
    none_known(ObservationCode::IdNumberDiffers, some, &known, |number| of_eighteen(&plain(number)))
}

/// The name of whom the paper is about counts before that of a party to it. People are compared with people, and companies
/// with companies.
fn name(fields: &[Field], known: &Known) -> Option<Observation> {
    let mut names: Vec<&Field> = of_kind(fields, FieldKind::Name).collect();
    names.sort_by_key(|field| match field.role {
        Some(Role::Person) => 0,
        Some(Role::Customer) => 1,
        Some(Role::Payer) => 2,
        Some(Role::AccountHolder) => 3,
        _ => 4,
    });
    let known: Vec<&str> = known.name.as_deref().into_iter().collect();
    // Who signs for a company has another name than it.
    let company = known.first().is_some_and(|known| is_company(known));
    let names = names.into_iter().filter(|field| field.sure && is_company(&field.value) == company);
    none_known(ObservationCode::NameDiffers, names, &known, plain)
}

fn contract_number(fields: &[Field], known: &Known) -> Option<Observation> {
    let known: Vec<&str> = known.contract_numbers.iter().map(String::as_str).collect();
    none_known(
        ObservationCode::ContractNumberDiffers,
        of_kind(fields, FieldKind::ContractNumber),
        &known,
        plain,
    )
}

/// What is compared: letters in capitals and digits, in NFKC, and nothing of how they are set.
fn plain(value: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    value.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// The largest total, or else the largest amount that is labelled or confirmed, if it is none of the known ones.
fn amount(fields: &[Field], known: &Known) -> Option<Observation> {
    if known.amounts_fen.is_empty() {
        return None;
    }
    let some = of_kind(fields, FieldKind::Amount).filter(|field| field.sure || field.label.is_some());
    let valued = some.filter_map(|field| Some((field.role == Some(Role::Total), fen(field)?, field)));
    let (_, fen, field) = valued.max_by_key(|(total, fen, _)| (*total, *fen))?;
    let differs = !known.amounts_fen.contains(&fen);
    let known = known.amounts_fen.iter().map(i64::to_string).collect();
    differs.then(|| observed(ObservationCode::AmountDiffers, field, known))
}

fn fen(field: &Field) -> Option<i64> {
    field.value.parse().ok()
}

fn amount_words(fields: &[Field]) -> Vec<Observation> {
    let pairs = disagreeing(fields).into_iter();
    let known = |other: &Field| vec![other.value.clone()];
    pairs.map(|(field, other)| observed(ObservationCode::AmountWordsDiffer, field, known(other))).collect()
}

/// Amounts in words that nothing in figures on the page confirms, each with the nearest amount in figures that stands in
/// the same line or the next to it and that no other confirms.
pub(super) fn disagreeing(fields: &[Field]) -> Vec<(&Field, &Field)> {
    let amounts = || of_kind(fields, FieldKind::Amount);
    let said: HashSet<(u32, &str, bool)> =
        amounts().map(|field| (field.page, field.value.as_str(), field.words)).collect();
    let lonely = amounts().filter(|field| !said.contains(&(field.page, field.value.as_str(), !field.words)));
    let mut figures: HashMap<u32, Vec<&Field>> = HashMap::new();
    let (words, others): (Vec<&Field>, Vec<&Field>) = lonely.partition(|field| field.words);
    for other in others {
        figures.entry(other.page).or_default().push(other);
    }
    words.into_iter().filter_map(|field| Some((field, nearest(field, figures.get(&field.page)?)?))).collect()
}

fn nearest<'a>(field: &Field, others: &[&'a Field]) -> Option<&'a Field> {
    let near = others.iter().filter_map(|other| Some((distance(field, other)?, *other)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

/// How many lines two fields of one page are apart, if they stand in the same line or in adjacent ones.
fn distance(one: &Field, other: &Field) -> Option<u32> {
    let between = one.lines.0.saturating_sub(other.lines.1).max(other.lines.0.saturating_sub(one.lines.1));
    (one.page == other.page && between <= 1).then_some(between)
}
