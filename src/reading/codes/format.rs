//! The kinds of codes.

use rxing::BarcodeFormat;
use serde::{Deserialize, Serialize};

/// The kind of a code. The serialised names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeFormat {
    /// QR code, ISO/IEC 18004.
    Qr,
    /// Data Matrix ECC 200, ISO/IEC 16022.
    DataMatrix,
    /// PDF417, ISO/IEC 15438.
    Pdf417,
    /// Code 128, ISO/IEC 15417.
    Code128,
    /// Code 39, ISO/IEC 16388.
    Code39,
    /// Code 93.
    Code93,
    /// EAN-13, ISO/IEC 15420; UPC-A is one of them, with a zero in front.
    Ean13,
    /// EAN-8, ISO/IEC 15420.
    Ean8,
    /// Interleaved two of five, ISO/IEC 16390.
    Itf,
}

impl CodeFormat {
    /// None if codes of this kind are not looked for.
    pub(super) fn of(format: BarcodeFormat) -> Option<Self> {
        match format {
            BarcodeFormat::QR_CODE => Some(Self::Qr),
            BarcodeFormat::DATA_MATRIX => Some(Self::DataMatrix),
            BarcodeFormat::PDF_417 => Some(Self::Pdf417),
            BarcodeFormat::CODE_128 => Some(Self::Code128),
            BarcodeFormat::CODE_39 => Some(Self::Code39),
            BarcodeFormat::CODE_93 => Some(Self::Code93),
            BarcodeFormat::EAN_13 => Some(Self::Ean13),
            BarcodeFormat::EAN_8 => Some(Self::Ean8),
            BarcodeFormat::ITF => Some(Self::Itf),
            _ => None,
        }
    }

    /// As it is serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::DataMatrix => "data_matrix",
            Self::Pdf417 => "pdf417",
            Self::Code128 => "code128",
            Self::Code39 => "code39",
            Self::Code93 => "code93",
            Self::Ean13 => "ean13",
            Self::Ean8 => "ean8",
            Self::Itf => "itf",
        }
    }

    /// How many rows of pixels must say the same, by how well the code guards itself against misreading.
    pub(super) fn least_rows(format: BarcodeFormat) -> usize {
        match format {
            BarcodeFormat::CODE_39 | BarcodeFormat::ITF => 3,
            _ => 2,
        }
    }
}
