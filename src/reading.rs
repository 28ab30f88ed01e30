//! Reading: bytes become pages with text. A pure engine: value in, value out; it keeps nothing.
//!
//! Stands after the archive: the original is safe before anybody reads it, and whatever happens here, it stays
//! as it is. [`read`] sees hostile input, so the server never calls it in its own process: it asks
//! [`worker::Reader`], which runs [`read`] in a child with hard limits.
//!
//! Nothing here trusts a file's name, writes a file, logs content, or puts content into an error.

pub mod blank;
pub mod codes;
mod image;
mod limits;
mod lines;
mod media;
mod normal;
pub mod ocr;
mod password;
mod pdf;
mod picture;
mod plain;
mod show;
mod sight;
pub mod stack;
pub mod worker;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use codes::Code;
pub use limits::Limits;
pub use media::{HEAD_BYTES, MediaType, media_type};
pub use normal::normalised;
pub use password::Password;
pub use pdf::{StandIn, chinese_font, usual_font};
pub use show::{LONGEST_SIDE, Picture, Placed, Sign, THUMBNAIL_SIDE};
pub use sight::Sight;

/// Reads a document of any kind, without looking at pictures: see [`read_seeing`].
pub fn read(content: impl Into<Bytes>, limits: &Limits) -> Reading {
    read_seeing(content, limits, &Sight::none())
}

/// Reads a document of any kind, looking at its pages by `sight`. Never fails and never panics for the input's sake: what went wrong is the
/// [`Outcome`].
///
/// Of the `limits` those on time and memory are kept by the process that runs this, see [`worker`].
pub fn read_seeing(content: impl Into<Bytes>, limits: &Limits, sight: &Sight) -> Reading {
    let content = content.into();
    let media_type = media_type(&content);
    if content.len() as u64 > limits.file_bytes {
        return Reading::unreadable(media_type, Reason::TooLarge);
    }
    match media_type {
        MediaType::Pdf => pdf::read(content, limits, sight),
        MediaType::Jpeg | MediaType::Png | MediaType::Tiff | MediaType::Webp => {
            image::read(&content, media_type, limits, sight)
        }
        MediaType::Text => plain::read(&content, limits),
        _ => Reading::unreadable(media_type, Reason::UnsupportedType),
    }
}

/// All that was found in one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What the document is, by its content.
    pub media_type: MediaType,
    /// Whether and how well it could be read.
    pub outcome: Outcome,
    /// How many pages it has, also if `pages` is empty because they could not be read.
    pub page_count: u32,
    /// The pages in order.
    pub pages: Vec<Page>,
    /// What the document says about itself.
    pub about: About,
}

impl Reading {
    /// Nothing could be read.
    pub fn unreadable(media_type: MediaType, reason: Reason) -> Self {
        Self {
            media_type,
            outcome: Outcome::Unreadable { reason },
            page_count: 0,
            pages: Vec::new(),
            about: About::default(),
        }
    }

    /// The pages were gone through; the outcome follows from them. Those that wait do so for `waiting`.
    fn of_pages(media_type: MediaType, pages: Vec<Page>, about: About, waiting: Waiting) -> Self {
        let any = |state| pages.iter().any(|page| page.state == state);
        let all_failed = pages.iter().all(|page| page.state == PageState::Unreadable);
        let outcome = if all_failed {
            Outcome::Unreadable { reason: Reason::Damaged }
        } else if any(PageState::NotReadYet) {
            Outcome::NotReadYet { reason: waiting }
        } else if let Some(least) = pages.iter().filter_map(|page| page.confidence).reduce(f32::min) {
            Outcome::Recognised { least_percent: percent(least) }
        } else {
            Outcome::Read
        };
        let page_count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        Self { media_type, outcome, page_count, pages, about }
    }
}

fn percent(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

/// How the reading of a document ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Every page gave its text, or has none to give.
    Read,
    /// The same, and some pages are pictures whose text was had by OCR.
    Recognised {
        /// How sure OCR was of the page that it was least sure of, in percent.
        least_percent: u8,
    },
    /// Some pages wait for another engine; the others are here.
    NotReadYet {
        /// What they wait for.
        reason: Waiting,
    },
    /// No page could be read.
    Unreadable {
        /// Why.
        reason: Reason,
    },
}

/// What pages wait for. The serialised names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// They are pictures of text, and OCR is off.
    NeedsOcr,
    /// They are pictures of text, and OCR would have taken more time or memory than it may.
    BeyondLimits,
}

/// Why a document could not be read. The serialised names are stable codes for people and programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It has the first line of a PDF and nothing else of one.
    NotAPdf,
    /// It needs a password, or its encryption is unknown.
    Encrypted,
    /// It claims its type and breaks the rules of it.
    Damaged,
    /// More pages than [`Limits::pages`].
    TooManyPages,
    /// More bytes than [`Limits::file_bytes`], or more pixels than [`Limits::pixels`].
    TooLarge,
    /// Reading it took more than [`Limits::memory_bytes`].
    OutOfMemory,
    /// Reading it took more than [`Limits::seconds`].
    TimedOut,
    /// Reading it brought the reader down.
    Crashed,
    /// Lantai has no reader for this type.
    UnsupportedType,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Counted from 1.
    pub number: u32,
    /// Width as displayed: points (1/72 inch) for PDF, pixels for images, 0 for plain text.
    pub width: f32,
    /// Height as displayed, in the unit of `width`.
    pub height: f32,
    /// What is known of its text.
    pub state: PageState,
    /// The text, lines ended by `\n` in between, normalised as [`normalised`] does.
    pub text: String,
    /// The lines with their places; empty for plain text, which has none.
    pub lines: Vec<Line>,
    /// The clockwise turn, in degrees, that made the page upright for OCR. Size and places are those of the upright page.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub turn: u16,
    /// From 0 to 1: how sure OCR was, on average over the characters. None if the text is the document's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// The text was cut because it reached a limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The codes on it, their places in the page's unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Code>,
    /// It looks blank: there is no more on it than dust, holes and edges. To be flagged, never dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blank: bool,
    /// What it looks like, if it was drawn. Filled by whoever keeps the pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Placed>,
}

impl Page {
    fn without_text(number: u32, (width, height): (f32, f32), state: PageState) -> Self {
        let (text, lines) = (String::new(), Vec::new());
        Self {
            number,
            width,
            height,
            state,
            text,
            lines,
            turn: 0,
            confidence: None,
            truncated: false,
            codes: Vec::new(),
            blank: false,
            picture: None,
        }
    }

    /// Whether nothing is on it, as far as is known.
    pub fn looks_blank(&self) -> bool {
        self.blank || self.state == PageState::Blank
    }

    /// All that a search should find: the text, and what OCR read otherwise a second time (below seals), what codes say.
    pub fn searchable(&self) -> String {
        let others = self.lines.iter().filter_map(|line| line.other.as_deref());
        let codes = self.codes.iter().map(|code| code.text.as_str());
        std::iter::once(self.text.as_str()).chain(others).chain(codes).collect::<Vec<_>>().join("\n")
    }
}

fn is_zero(turn: &u16) -> bool {
    *turn == 0
}

/// What is known of a page's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// The page's own text layer was read.
    Text,
    /// The page is a picture, and OCR read it.
    Recognised,
    /// The page is (mostly) a picture, or its text layer has no meaning: it waits for OCR. What text there was is kept.
    NotReadYet,
    /// Nothing at all is drawn on it.
    Blank,
    /// It could not be read although the document could.
    Unreadable,
}

/// One line of text and the upright rectangle around it, from the page's upper left corner, in the page's unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The text, normalised.
    pub text: String,
    /// From 0 to 1: how sure OCR was. None if the text is the document's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// What a second reading by OCR, without the red of seals, gave instead, and was less sure of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// Left.
    pub x0: f32,
    /// Top.
    pub y0: f32,
    /// Right.
    pub x1: f32,
    /// Bottom.
    pub y1: f32,
}

/// What a document says about itself, each at most 512 bytes. Not to be trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The title.
    pub title: Option<String>,
    /// The author.
    pub author: Option<String>,
    /// The program that made the file.
    pub producer: Option<String>,
}
