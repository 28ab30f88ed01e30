//! A font: its characters, how wide they are, and what stands for those that it lacks.

use std::sync::Arc;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use unicode_normalization::UnicodeNormalization;

use super::Error;

/// What stands for a character that the font lacks: the first of these that it has.
const MISSING: [char; 3] = ['〓', '□', '?'];
/// No text is longer, in characters; what is cut off is marked.
const LONGEST_TEXT: usize = 5_000;

/// A font to print with.
pub struct Face {
    data: Arc<Vec<u8>>,
    index: u32,
    pub(super) font: Font,
    missing: char,
}

/// A font's characters, opened.
pub(super) struct Glyphs<'a> {
    chars: skrifa::charmap::Charmap<'a>,
    metrics: skrifa::metrics::GlyphMetrics<'a>,
    units_per_em: f32,
    missing: char,
}

impl Face {
    /// The font of this number in a font file or a collection of fonts.
    pub fn new(data: Vec<u8>, index: u32) -> Result<Self, Error> {
        let data = Arc::new(data);
        let font = Font::new(Arc::clone(&data).into(), index).ok_or(Error::Font)?;
        let read = FontRef::from_index(&data, index).map_err(|_| Error::Font)?;
        let chars = read.charmap();
        let has = |c: &char| chars.map(*c).is_some_and(|glyph| glyph.to_u32() != 0);
        let missing = MISSING.into_iter().find(has).ok_or(Error::Font)?;
        Ok(Self { data, index, font, missing })
    }

    pub(super) fn glyphs(&self) -> Result<Glyphs<'_>, Error> {
        let read = FontRef::from_index(&self.data, self.index).map_err(|_| Error::Font)?;
        Ok(Glyphs {
            chars: read.charmap(),
            metrics: read.glyph_metrics(Size::unscaled(), LocationRef::default()),
            units_per_em: self.font.units_per_em().max(1.0),
            missing: self.missing,
        })
    }
}

impl Glyphs<'_> {
    fn glyph(&self, c: char) -> Option<skrifa::GlyphId> {
        self.chars.map(c).filter(|glyph| glyph.to_u32() != 0)
    }

    /// The text as it can be printed: one line, without what has no shape, and with 〓 for what the font lacks.
    pub(super) fn printable(&self, text: &str) -> String {
        let mut printable = String::new();
        for (count, c) in text.nfc().filter(|c| !is_shapeless(*c)).enumerate() {
            if count == LONGEST_TEXT {
                printable.push_str(&self.printable("…"));
                break;
            }
            let c = if c.is_whitespace() || c.is_control() { ' ' } else { c };
            printable.push(if self.glyph(c).is_some() { c } else { self.missing });
        }
        printable.trim().to_owned()
    }

    /// How wide a character is, in parts of the size of the font.
    pub(super) fn advance(&self, c: char) -> f32 {
        let glyph = self.glyph(c).or_else(|| self.glyph(self.missing));
        let units = glyph.and_then(|glyph| self.metrics.advance_width(glyph)).unwrap_or(self.units_per_em);
        units / self.units_per_em
    }

    /// How wide a text is at this size.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(c) * size).sum()
    }

    /// The text as glyphs.
    pub(super) fn shape(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(at, c): (usize, char)| {
            let id = self.glyph(c).or_else(|| self.glyph(self.missing))?;
            let range = at..at + c.len_utf8();
            Some(KrillaGlyph::new(GlyphId::new(id.to_u32()), self.advance(c), 0.0, 0.0, 0.0, range, None))
        };
        text.char_indices().filter_map(glyph).collect()
    }
}

/// Marks of direction, joiners, selectors of variants, and what is no character: they would print as something.
fn is_shapeless(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}
