//! Papers to be printed and signed: a PDF made of facts, tables and fields for signatures, in two languages.
//!
//! Layer 1, value in, value out. What it is given may be any text: a character that the font lacks is a 〓, and what is
//! longer than its cell goes on in the next line or on the next page. Only the characters that are used are embedded of
//! the font, and the file is a PDF/A-2b (ISO 19005-2), which needs nothing that is not in it.

mod face;
mod flow;
mod paper;
mod wrap;

use jiff::Timestamp;

pub use face::Face;

/// A text in Chinese, with the English smaller beside or below it. Either may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Both {
    /// The first line.
    pub zh: String,
    /// What stands small beside it.
    pub en: String,
}

impl Both {
    /// A text in both languages.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// What is the same in both languages: a number, a name, a date.
    pub fn same(text: impl Into<String>) -> Self {
        Self { zh: text.into(), en: String::new() }
    }
}

/// A code of squares: how many modules a side has, and each stretch of dark ones (row, first module, length).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The modules of a side, quiet zone included.
    pub side: u32,
    /// The dark stretches.
    pub runs: Vec<(u32, u32, u32)>,
}

/// A paper.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Whose paper it is.
    pub over: Both,
    /// What it is.
    pub title: Both,
    /// The words before its number.
    pub number_label: Both,
    /// Its number.
    pub number: String,
    /// What stands at the foot of each page, beside the page's number.
    pub foot: String,
    /// The code on each page.
    pub code: Option<Code>,
    /// When it is made, as the file says.
    pub made_at: Timestamp,
    /// What stands on it.
    pub blocks: Vec<Block>,
}

/// Something on a paper.
#[derive(Debug, Clone)]
pub enum Block {
    /// Values with their names, two to a row.
    Facts(Vec<(Both, Both)>),
    /// The title of what follows.
    Heading(Both),
    /// A sentence.
    Text(Both),
    /// A table; its head is repeated on each page.
    Table(Table),
    /// Fields for signatures.
    Signatures(Signatures),
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its columns: the title, and how wide it is in parts of all.
    pub columns: Vec<(Both, f32)>,
    /// Its rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Both>>,
}

/// Fields for signatures, beside each other.
#[derive(Debug, Clone)]
pub struct Signatures {
    /// Who signs, a field each.
    pub fields: Vec<Both>,
    /// The word before the line for the signature.
    pub sign: Both,
    /// The word before the line for the date.
    pub date: Both,
}

/// Why a paper could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The font cannot be used.
    #[error("the font cannot be used")]
    Font,
    /// The PDF could not be written.
    #[error("the PDF could not be written: {0}")]
    Write(String),
}

/// The paper as a PDF of A4 pages.
pub fn pdf(sheet: &Sheet, face: &Face) -> Result<Vec<u8>, Error> {
    paper::write(sheet, face, flow::pages(sheet, face))
}
