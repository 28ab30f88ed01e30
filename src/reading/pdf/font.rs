//! The font that stands in for Chinese, Japanese and Korean ones that a PDF names and does not bring along.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_interpret::font::{FontData, FontQuery};

/// Where Debian's packages put such fonts, and which font of the collection is the Chinese one.
const USUAL: [(&str, u32); 5] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/arphic/uming.ttc", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
];
/// No font file is larger, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// A font file of this machine that has the usual Chinese characters.
pub fn usual_font() -> Option<PathBuf> {
    USUAL.iter().map(|(path, _)| PathBuf::from(path)).find(|path| path.is_file())
}

/// A Chinese font to print with, and which one of the file it is: the file that is named, or one of this machine.
pub fn chinese_font(named: Option<&Path>) -> io::Result<Option<(Vec<u8>, u32)>> {
    let Some(path) = named.map(Path::to_owned).or_else(usual_font) else { return Ok(None) };
    let font = StandIn::open(&path)?;
    let mut data = Vec::new();
    (&font.file).take(MOST_BYTES).read_to_end(&mut data)?;
    Ok(Some((data, font.index)))
}

/// A font file, opened while files may be opened, and read when the first document needs it.
pub struct StandIn {
    file: File,
    index: u32,
}

impl StandIn {
    /// Opens it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let index = USUAL.iter().find(|(usual, _)| Path::new(usual) == path).map_or(0, |(_, index)| *index);
        Ok(Self { file: File::open(path)?, index })
    }

    fn read(&self) -> Option<FontData> {
        let mut data = Vec::new();
        (&self.file).take(MOST_BYTES).read_to_end(&mut data).ok()?;
        Some(Arc::new(data))
    }
}

/// How pages are drawn: as by default, but with the stand-in for what has no font.
pub(super) fn settings(stand_in: Option<StandIn>) -> InterpreterSettings {
    let usual = InterpreterSettings::default();
    let Some(stand_in) = stand_in else { return usual };
    let (index, data) = (stand_in.index, Mutex::new((stand_in, OnceCell::new())));
    let others = Arc::clone(&usual.font_resolver);
    let resolve = move |query: &FontQuery| {
        if !is_cjk(query) {
            return others(query);
        }
        let kept = data.lock().unwrap_or_else(PoisonError::into_inner);
        let (stand_in, data) = &*kept;
        let data: &Option<FontData> = data.get_or_init(|| stand_in.read());
        data.clone().map(|data| (data, index)).or_else(|| others(query))
    };
    InterpreterSettings { font_resolver: Arc::new(resolve), ..usual }
}

/// Whether the font is for one of the character collections of Adobe's Technical Note 5094 and its like.
fn is_cjk(query: &FontQuery) -> bool {
    use hayro::hayro_interpret::hayro_cmap::CidFamily::{AdobeCNS1, AdobeGB1, AdobeJapan1, AdobeKorea1};
    let FontQuery::Fallback(fallback) = query else { return false };
    let family = fallback.character_collection.as_ref().map(|collection| &collection.family);
    matches!(family, Some(AdobeGB1 | AdobeCNS1 | AdobeJapan1 | AdobeKorea1))
}
