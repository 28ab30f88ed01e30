//! Splitting: some pages of a document become a document of their own.
//!
//! Hostile territory: what comes in is a stranger's file, so this runs where reading runs, in a child process with hard
//! limits. The original is archived before and stays; a part is made of it and can be made again, byte for byte.
//!
//! In a PDF nothing of a page is decoded or drawn anew: pictures keep their bytes. What is not the pages' is left behind:
//! what the document says about itself, its outline, forms, scripts and attached files, and the pages of the other parts.
//! A TIFF's pages are decoded and compressed again, without loss.

mod bounded;
mod pdf;
mod tiff;
mod used;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What kind of file is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// A PDF.
    Pdf,
    /// A TIFF of one or more pages.
    Tiff,
}

/// How much splitting may cost. Time and memory are limited by the process that it runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitLimits {
    /// Pages of the document.
    pub pages: u32,
    /// Bytes of all parts together.
    pub output_bytes: u64,
    /// Bytes that one page of a TIFF, or one packed part of a PDF's structure, may have when unpacked.
    pub unpacked_bytes: u64,
}

impl Default for SplitLimits {
    fn default() -> Self {
        Self { pages: 2_000, output_bytes: 512 << 20, unpacked_bytes: 256 << 20 }
    }
}

/// Why a document is not split. It stays whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A part has no page, or one that the document does not have: the plan is not this document's.
    #[error("the plan does not fit the document")]
    NoSuchPage,
    /// It is encrypted, if only against changes.
    #[error("the document is encrypted")]
    Encrypted,
    /// It breaks the rules of its type, or has another number of pages than was counted before.
    #[error("the document is damaged")]
    Damaged,
    /// It has something that cannot be kept without loss.
    #[error("the document has pages of a kind that cannot be split off")]
    Unsupported,
    /// A limit of [`SplitLimits`].
    #[error("the document or its parts are too large")]
    TooLarge,
    /// Whoever takes the parts wants no more.
    #[error("the parts are no longer wanted")]
    Stopped,
}

/// A document, and the parts that it is to be split into.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The document.
    pub content: &'a [u8],
    /// What it is.
    pub media: Media,
    /// How many pages the reader counted. Two engines that count differently may mean different pages by a number.
    pub page_count: u32,
    /// The pages of each part, counted from 1, in the order that they shall have.
    pub parts: &'a [Vec<u32>],
}

/// Gives each part's index and bytes to `each`, one at a time; false from it stops. The same order gives the same bytes.
///
/// Never panics for the input's sake. After an error the parts given so far are good, but there are no more.
pub fn split(
    order: &Order<'_>,
    limits: &SplitLimits,
    each: &mut dyn FnMut(usize, Vec<u8>) -> bool,
) -> Result<(), SplitError> {
    let known = |page: &u32| (1..=order.page_count).contains(page);
    if order.page_count > limits.pages {
        return Err(SplitError::TooLarge);
    }
    if order.parts.iter().any(|part| part.is_empty() || !part.iter().all(known)) {
        return Err(SplitError::NoSuchPage);
    }
    let done = catch_unwind(AssertUnwindSafe(|| match order.media {
        Media::Pdf => pdf::split(order, limits, each),
        Media::Tiff => tiff::split(order, limits, each),
    }));
    done.unwrap_or(Err(SplitError::Damaged))
}

/// The same, with all parts at once.
pub fn split_all(order: &Order<'_>, limits: &SplitLimits) -> Result<Vec<Vec<u8>>, SplitError> {
    let mut parts = Vec::with_capacity(order.parts.len());
    split(order, limits, &mut |_, part| {
        parts.push(part);
        true
    })?;
    Ok(parts)
}
