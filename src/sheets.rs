//! Tables as the files that spreadsheet programs open: CSV and XLSX.
//!
//! Layer 1, pure: value in, bytes out, and nothing touches the disk. Every cell is text. What comes from papers and
//! customers is never a formula, in neither form.

mod csv;
mod xlsx;

use serde::{Deserialize, Serialize};

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// RFC 4180, in UTF-8 with a byte order mark, so that spreadsheet programs know the encoding.
    Csv,
    /// Office Open XML.
    Xlsx,
}

impl Form {
    /// How a file of it ends.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// A column: what stands at its head and how wide it is, in characters.
#[derive(Debug, Clone)]
pub struct Column {
    /// What stands at its head.
    pub head: String,
    /// How wide it is shown, where the form says such things.
    pub width_chars: u16,
}

/// What could not be written; with rows from memory this is a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("the table cannot be written: {0}")]
pub struct Error(String);

/// The table as a file. `title` is the name of the sheet, where there are sheets.
pub fn write(
    form: Form,
    title: &str,
    columns: &[Column],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<Vec<u8>, Error> {
    match form {
        Form::Csv => csv::write(columns, rows),
        Form::Xlsx => xlsx::write(title, columns, rows),
    }
}
