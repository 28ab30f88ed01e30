//! QR codes (ISO/IEC 18004): three squares of rings in a right angle, and the code between them.
//!
//! As `rxing`'s own reader does it, but bounded: that one tries every three squares that could be a code, which takes
//! minutes on a picture full of them.

use rxing::common::DetectorRXingResult;
use rxing::common::cpp_essentials::ConcentricPattern;
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};
use rxing::{BarcodeFormat, RXingResult};

use super::Bitmap;

/// Squares that are looked at, the largest first.
const MOST_PATTERNS: usize = 256;
/// Threes of them that are tried, the likeliest first.
const MOST_SETS: usize = 512;

/// The QR codes of a picture, whichever way it lies.
pub(super) fn squares(picture: &mut Bitmap<'_>) -> Vec<RXingResult> {
    let matrix = picture.get_black_matrix();
    let mut patterns = FindFinderPatterns(matrix, true, 0);
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.size));
    patterns.truncate(MOST_PATTERNS);
    let mut used: Vec<ConcentricPattern> = Vec::new();
    let mut found = Vec::new();
    for set in GenerateFinderPatternSets(&mut patterns).iter().take(MOST_SETS) {
        let corners = [set.bl, set.tl, set.tr];
        if corners.iter().any(|corner| used.contains(corner)) {
            continue;
        }
        let Ok(sampled) = SampleQR(matrix, set) else { continue };
        if let Ok(decoded) = Decode(sampled.getBits())
            && decoded.isValid()
        {
            let format = BarcodeFormat::QR_CODE;
            found.push(RXingResult::with_decoder_result(decoded, sampled.getPoints(), format));
            used.extend(corners);
        }
    }
    found
}
