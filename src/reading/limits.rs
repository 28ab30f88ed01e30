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
    /// Processor time of the child. It may take three times as long by the wall clock.
    pub seconds: u64,
    /// Address space of the child, of which the program itself takes some tens of megabytes.
    pub memory_bytes: u64,
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
            memory_bytes: 1 << 30,
        }
    }
}
