//! What our own codes say: the cover sheet of a case, a form that comes back, and the sheet that separates.
//!
//! The payload is ASCII, `lantai:1:cover:<case>:<kind>`, `lantai:1:form:<case>:<number>` or `lantai:1:separator`, so that every reader of codes agrees on
//! it. [`parse`] is strict: a code that is nearly one of ours is somebody else's code, and routes nothing. A cover says
//! where papers go, not that they may go there: whoever acts on it checks the permission, since anybody can print one.

use std::fmt;
use std::str::FromStr;

use image::{GrayImage, Luma};
use rxing::qrcode::QRCodeWriter;
use rxing::{BarcodeFormat, EncodeHints, Writer};

const COVER: &str = "lantai:1:cover:";
const FORM: &str = "lantai:1:form:";
const SEPARATOR: &str = "lantai:1:separator";
/// The separator sheet "Patch T" of scanner makers, also where it is printed as a code with this text.
const PATCH_T: [&str; 2] = ["PATCHT", "PATCH T"];
/// Crockford's base32 (<https://www.crockford.com/base32.html>) in the lower case in which ids are written here.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CASE_LEN: usize = 26;
const MOST_KIND_BYTES: usize = 64;
const MOST_NUMBER_BYTES: usize = 96;

/// What a sheet with one of our codes orders.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The pages after it belong to a case.
    Cover(Cover),
    /// This page belongs to a form that was printed, and comes back.
    Form(FormMark),
    /// A new document begins after it.
    Separator,
}

/// The case and the kind of document that a cover sheet names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cover {
    case: String,
    kind: String,
}

/// The case and the number of a form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FormMark {
    case: String,
    number: String,
}

impl FormMark {
    /// None unless `case` is an id, as for a cover, and `number` is `[A-Z0-9_-]{1,96}`.
    pub fn new(case: &str, number: &str) -> Option<Self> {
        let valid = is_id(case) && is_number(number);
        valid.then(|| Self { case: case.to_owned(), number: number.to_owned() })
    }

    /// The id of the case.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// The number of the form.
    pub fn number(&self) -> &str {
        &self.number
    }
}

impl Cover {
    /// None unless `case` is an id (26 characters of lower-case Crockford base32 of at most 128 bits) and `kind` is
    /// `[a-z0-9_]{1,64}`.
    pub fn new(case: &str, kind: &str) -> Option<Self> {
        let valid = is_id(case) && is_kind(kind);
        valid.then(|| Self { case: case.to_owned(), kind: kind.to_owned() })
    }

    /// The id of the case.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// The kind of document.
    pub fn kind(&self) -> &str {
        &self.kind
    }
}

/// What the text of a code orders; none if it is not exactly one of our codes.
pub fn parse(text: &str) -> Option<Mark> {
    if text == SEPARATOR || PATCH_T.contains(&text) {
        return Some(Mark::Separator);
    }
    if let Some(form) = text.strip_prefix(FORM) {
        let (case, number) = form.split_once(':')?;
        return FormMark::new(case, number).map(Mark::Form);
    }
    let (case, kind) = text.strip_prefix(COVER)?.split_once(':')?;
    Cover::new(case, kind).map(Mark::Cover)
}

/// The text is not one of our codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cover sheet's or a separator's code")]
pub struct MarkError;

impl FromStr for Mark {
    type Err = MarkError;

    fn from_str(text: &str) -> Result<Self, MarkError> {
        parse(text).ok_or(MarkError)
    }
}

/// The payload, for [`svg`].
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cover(Cover { case, kind }) => write!(f, "{COVER}{case}:{kind}"),
            Self::Form(FormMark { case, number }) => write!(f, "{FORM}{case}:{number}"),
            Self::Separator => f.write_str(SEPARATOR),
        }
    }
}

/// 26 characters hold 130 bits: the first one carries only three.
fn is_id(text: &str) -> bool {
    let first = text.as_bytes().first();
    text.len() == CASE_LEN
        && first.is_some_and(|byte| (b'0'..=b'7').contains(byte))
        && text.bytes().all(|byte| DIGITS.contains(&byte))
}

fn is_kind(text: &str) -> bool {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=MOST_KIND_BYTES).contains(&text.len()) && text.bytes().all(known)
}

fn is_number(text: &str) -> bool {
    let known = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-');
    (1..=MOST_NUMBER_BYTES).contains(&text.len()) && text.bytes().all(known)
}

/// A stretch of dark modules: its row, the first module, how many.
pub type Run = (u32, u32, u32);

/// The dark modules of such a code as [`svg`] draws it: how many a side has, and each stretch.
pub fn runs(text: &str) -> Option<(u32, Vec<Run>)> {
    let modules = Modules::of(text)?;
    Some((modules.side, modules.runs()))
}

/// A QR code (ISO/IEC 18004, error correction M, quiet zone of four modules) as a file of SVG, one unit to a module,
/// without styles and scripts. It has no background: print it on white. None if the text is empty or too long.
pub fn svg(text: &str) -> Option<String> {
    use std::fmt::Write;

    let modules = Modules::of(text)?;
    let mut path = String::new();
    for (y, x, len) in modules.runs() {
        write!(path, "M{x} {y}h{len}v1h-{len}z").ok()?;
    }
    let side = modules.side;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><path d=\"{path}\"/></svg>"
    ))
}

/// The same code as a picture, each module a square of so many pixels.
pub fn luma(text: &str, module_pixels: u32) -> Option<GrayImage> {
    let modules = Modules::of(text)?;
    let side = modules.side.checked_mul(module_pixels.max(1)).filter(|side| *side <= 1 << 14)?;
    Some(GrayImage::from_fn(side, side, |x, y| {
        let dark = modules.is_dark(x / module_pixels.max(1), y / module_pixels.max(1));
        Luma([if dark { 0 } else { 255 }])
    }))
}

/// The squares of a code with its quiet zone.
struct Modules {
    matrix: rxing::common::BitMatrix,
    side: u32,
}

impl Modules {
    fn of(text: &str) -> Option<Self> {
        let hints = EncodeHints {
            ErrorCorrection: Some("M".to_owned()),
            Margin: Some("4".to_owned()),
            ..EncodeHints::default()
        };
        let format = BarcodeFormat::QR_CODE;
        let matrix = QRCodeWriter.encode_with_hints(text, &format, 0, 0, &hints).ok()?;
        let side = matrix.width();
        Some(Self { matrix, side })
    }

    fn is_dark(&self, x: u32, y: u32) -> bool {
        self.matrix.get(x, y)
    }

    /// Each stretch of dark modules in a row: row, first module, length.
    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for y in 0..self.side {
            let mut x = 0;
            while x < self.side {
                let len = (x..self.side).take_while(|x| self.is_dark(*x, y)).count() as u32;
                if len > 0 {
                    runs.push((y, x, len));
                }
                x += len + 1;
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::{Cover, FormMark, Mark, luma, parse, svg};

    const CASE: &str = "01j8z6w3q9v5n4m2k7h0g1f8d6";

    #[test]
    fn codes_are_written_and_parsed() {
        for kind in ["id_card", "a", "9", &"k".repeat(64)] {
            let mark = Mark::Cover(Cover::new(CASE, kind).unwrap());
            assert_eq!(mark.to_string(), format!("lantai:1:cover:{CASE}:{kind}"));
            assert_eq!(parse(&mark.to_string()), Some(mark));
        }
        let form = Mark::Form(FormMark::new(CASE, "JJ-2026-000012").unwrap());
        assert_eq!(form.to_string(), format!("lantai:1:form:{CASE}:JJ-2026-000012"));
        assert_eq!(parse(&form.to_string()), Some(form));
        for text in ["lantai:1:separator", "PATCHT", "PATCH T"] {
            assert_eq!(parse(text), Some(Mark::Separator));
        }
        assert_eq!(Mark::Separator.to_string().parse(), Ok(Mark::Separator));
    }

    #[test]
    fn what_is_nearly_a_code_is_none() {
        let cover = format!("lantai:1:cover:{CASE}:id_card");
        let long = format!("lantai:1:cover:{CASE}:{}", "k".repeat(65));
        for text in [
            "",
            "lantai:1:cover:",
            "lantai:1:separator ",
            "Lantai:1:separator",
            "patcht",
            "PATCH  T",
            &cover.to_uppercase(),
            &cover.replace(":1:", ":2:"),
            &cover.replace("01j8", "81j8"),
            &cover.replace("01j8", "0ij8"),
            &cover.replace("01j8", "01j"),
            &cover.replace("_card", "-card"),
            &cover.replace("_card", "_卡"),
            &cover.replace("id_card", ""),
            &format!("{cover}:x"),
            &format!("{cover}\n"),
            &format!(" {cover}"),
            &long,
            &format!("lantai:1:form:{CASE}:jj-2026-000012"),
            &format!("lantai:1:form:{CASE}:"),
            &format!("lantai:1:form:{CASE}:JJ-2026-000012:x"),
            "lantai:1:form:01j8:JJ-2026-000012",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_drawing_is_one_path_of_whole_numbers() {
        let cover = Mark::Cover(Cover::new(CASE, "id_card").unwrap()).to_string();
        let drawing = svg(&cover).unwrap();
        let side = luma(&cover, 1).unwrap().width();
        assert!(drawing.starts_with(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\"><path d=\"M4 4h7v1h-7z"
        )));
        assert_eq!(drawing.matches("<path").count(), 1);
        for forbidden in ["style", "script", ".", "id_card"] {
            assert!(!drawing.replace("www.w3.org", "").contains(forbidden), "{forbidden}");
        }
        assert_eq!(svg(&cover).unwrap(), drawing);
        assert_eq!((svg(""), svg(&"x".repeat(5000))), (None, None));
    }

    #[test]
    fn the_picture_has_its_quiet_zone() {
        let picture = luma("lantai:1:separator", 3).unwrap();
        let dark: Vec<_> = picture.enumerate_pixels().filter(|(_, _, pixel)| pixel[0] == 0).collect();
        let least = dark.iter().map(|(x, y, _)| *x.min(y)).min();
        let most = dark.iter().map(|(x, y, _)| *x.max(y)).max();
        assert_eq!((least, most), (Some(12), Some(picture.width() - 13)));
    }
}
