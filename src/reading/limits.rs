//! How much one document may cost.

use serde::{Deserialize, Serialize};

/// Limits for the reading of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Size of the document.
    pub file_bytes: u64,
    /// Pages of the document; one with more is refused whole.
    pub pages: u32,
    /// Pixels of one image page.
    pub pixels: u64,
    /// Text of one page; what is beyond is cut off.
    pub text_bytes_per_page: u64,
    /// Text of the document; what is beyond is cut off. Bounds the size of the answer to about four times this.
    pub text_bytes: u64,
    /// Processor time of the child without that of OCR. It may take three times as long by the wall clock.
    pub seconds: u64,
    /// Address space of the child, of which the program itself takes some tens of megabytes.
    pub memory_bytes: u64,
    /// Threads that share the work of OCR.
    pub ocr_threads: u32,
    /// Time of OCR for one page; then the page keeps what was read.
    pub ocr_page_seconds: u64,
    /// Time of OCR for the document; pages that come later wait.
    pub ocr_seconds: u64,
    /// Processor time for drawing one page for people.
    pub picture_page_seconds: u64,
    /// Time for drawing the pages of the document; later ones are not drawn.
    pub picture_seconds: u64,
    /// Bytes of the pictures of the document; pages that come later are not drawn.
    pub pictures_bytes: u64,
}

impl Limits {
    /// Processor time of OCR: its threads work side by side.
    pub(super) fn ocr_cpu_seconds(&self) -> u64 {
        self.ocr_seconds.saturating_add(self.ocr_page_seconds).saturating_mul(u64::from(self.ocr_threads))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 256 << 20,
            pages: 2_000,
            pixels: 200_000_000,
            text_bytes_per_page: 256 << 10,
            text_bytes: 8 << 20,
            seconds: 60,
            memory_bytes: 3 << 29,
            ocr_threads: 2,
            ocr_page_seconds: 120,
            ocr_seconds: 1800,
            picture_page_seconds: 20,
            picture_seconds: 600,
            pictures_bytes: 256 << 20,
        }
    }
}
