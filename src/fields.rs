//! Fields: what a clerk would type off a page, found in its lines. A pure engine: no files, no clock, no log.
//!
//! Stands after reading: [`find`] goes through the lines of one page, [`observations`] compares what was found in a
//! document with what the dossier says. Both only *offer*: nothing here writes anything, and a person decides.
//!
//! The lines may be hostile. Whatever they say, nothing panics, the time is proportional to the text, and [`Limits`] bounds
//! what comes out.
//!
//! Sources: GB 11643-1999 and ISO 7064 (identity numbers), GB 32100-2015 (unified social credit codes), ISO/IEC 7812-1
//! (cards), 正确填写票据和结算凭证的基本规定 (amounts and days in words), ISO 8601-1 and -2 (days and periods).

mod amount;
mod beside;
mod card;
mod contract;
mod cursor;
mod date;
mod digits;
mod found;
mod identity;
mod label;
mod name;
mod numeral;
mod observe;
mod page;
mod run;
mod second;
mod spelled;
#[cfg(test)]
mod tests;
mod worth;

use serde::{Deserialize, Serialize};

pub use observe::{Known, Observation, ObservationCode, observations};
pub use page::find;
pub use worth::{Worth, worth, worths};

use crate::reading::{Line, Reading};

/// The fields of a document, page after page. Pages that come after [`Limits::document_characters`] are left out.
pub fn of_reading(reading: &Reading, limits: &Limits) -> Vec<Field> {
    let mut left = limits.document_characters;
    let mut fields = Vec::new();
    for page in &reading.pages {
        if left == 0 {
            break;
        }
        let plain: Vec<Line>;
        let lines = match page.lines.as_slice() {
            [] => {
                plain =
                    page.text.lines().map(|text| Line { text: text.to_owned(), ..Line::default() }).collect();
                &plain
            }
            lines => lines,
        };
        let characters = limits.characters.min(left);
        fields.extend(find(lines, page.number, &Limits { characters, ..*limits }));
        left = left.saturating_sub(page.text.chars().count().max(1));
    }
    fields
}

/// A value that stands on a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// What it is.
    pub kind: FieldKind,
    /// The value in the one form of its kind, see [`FieldKind`].
    pub value: String,
    /// The value as it stands on the page, in NFKC.
    pub shown: String,
    /// What it is for, if the label beside it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The label beside it, as the list of labels spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The page, counted from 1.
    pub page: u32,
    /// The first and the last line with the label or the value, counted from 0.
    pub lines: (u32, u32),
    /// Left of the part of the line that it covers, by the share of columns. If it goes over several lines, of all the parts.
    pub x0: f32,
    /// Top.
    pub y0: f32,
    /// Right.
    pub x1: f32,
    /// Bottom.
    pub y1: f32,
    /// How sure OCR was of the least sure line. None if the text is the document's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Its check digit, the label beside it, or for an amount another writing of it, confirms it; and nothing contradicts.
    pub sure: bool,
    /// What its check digit says; none if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Symbols that OCR confuses, or spaces, were mended, and the check digit then holds; or the second reading gave it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mended: bool,
    /// It is an amount written in words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub words: bool,
}

/// What a field is. The serialised names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A resident identity number (GB 11643): 18 symbols, X in capitals, or 15 digits.
    IdNumber,
    /// A unified social credit code (GB 32100): 18 symbols in capitals.
    Uscc,
    /// The number of a bank card: 16 to 19 digits.
    BankCard,
    /// The number of a bank account: 8 to 30 digits.
    BankAccount,
    /// An amount of yuan: whole fen, in decimal digits.
    Amount,
    /// A day: `2026-03-05`.
    Date,
    /// The period for which a paper is valid: `2015-06-01/2035-06-01`, or `2015-06-01/..` for one without end.
    Validity,
    /// The number of a contract: as it stands there, without spaces.
    ContractNumber,
    /// The name of a person or company: without spaces between Han.
    Name,
    /// The number of a mobile telephone in mainland China: 11 digits.
    Phone,
}

/// What a value is for. The serialised names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The day a paper was issued, or its validity begins.
    Issued,
    /// The last day on which a paper is valid.
    Expires,
    /// The day of signing.
    Signed,
    /// The day of payment.
    Paid,
    /// The day of birth.
    Born,
    /// A total.
    Total,
    /// The person a paper is about (姓名).
    Person,
    /// The customer, investor or principal.
    Customer,
    /// Who holds an account.
    AccountHolder,
    /// Who pays.
    Payer,
    /// Who is paid.
    Payee,
    /// The first party of a contract.
    PartyA,
    /// The second.
    PartyB,
    /// Another, as a guarantor.
    OtherParty,
}

/// What a check digit says. The serialised names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// It fits.
    Holds,
    /// It does not.
    Fails,
}

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fields of one page: those that are sure come first, then in the order of reading.
    pub fields: usize,
    /// Characters of one page that are looked at.
    pub characters: usize,
    /// Characters of one document that are looked at.
    pub document_characters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fields: 200, characters: 200_000, document_characters: 2_000_000 }
    }
}
