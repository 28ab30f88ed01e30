//! Pages for people: what a page looks like, whole and small, as WebP.
//!
//! The page as OCR saw it, upright, so that the places of lines fit on it. Lossy: it is for the eyes, the original is the
//! evidence.

use bytes::Bytes;
use image::RgbImage;
use image::imageops::{FilterType, resize, thumbnail};
use serde::{Deserialize, Serialize};

/// No side of the image is longer, in pixels: an A4 page at about 170 dpi, on which fine print can be read.
pub const LONGEST_SIDE: u32 = 2000;
/// No side of the thumbnail is longer, in pixels.
pub const THUMBNAIL_SIDE: u32 = 360;
/// Lossy WebP's quality, of 100.
const QUALITY: f32 = 70.0;

/// The picture of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The page's number.
    pub page: u32,
    /// Of the image, in pixels.
    pub width: u32,
    /// Of the image, in pixels.
    pub height: u32,
    /// WebP.
    pub image: Bytes,
    /// WebP.
    pub thumbnail: Bytes,
}

/// Where the picture of a page lies in the object that holds all of a document (a tar archive), in bytes from its
/// beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Of the image, in pixels.
    pub width: u32,
    /// Of the image, in pixels.
    pub height: u32,
    /// Where the image begins.
    pub image_at: u64,
    /// How long it is.
    pub image_bytes: u64,
    /// Where the thumbnail begins.
    pub thumbnail_at: u64,
    /// How long it is.
    pub thumbnail_bytes: u64,
}

/// Something happened in a reading that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// It has come to this page.
    Page {
        /// Counted from 1.
        number: u32,
        /// How many there are.
        of: u32,
    },
    /// A page was drawn.
    Picture(Picture),
    /// It is over, and all went well.
    End,
}

/// What the page looks like; none if it has no pixels or too many for WebP.
pub(super) fn picture(page: u32, drawn: &RgbImage) -> Option<Picture> {
    let image = fitted(drawn, LONGEST_SIDE);
    let image = image.as_ref().unwrap_or(drawn);
    let (width, height) = image.dimensions();
    let small = fitted_roughly(image, THUMBNAIL_SIDE);
    Some(Picture {
        page,
        width,
        height,
        image: webp(image)?,
        thumbnail: webp(small.as_ref().unwrap_or(image))?,
    })
}

fn webp(image: &RgbImage) -> Option<Bytes> {
    let (width, height) = image.dimensions();
    if width == 0 || height == 0 {
        return None;
    }
    let encoded = webp::Encoder::from_rgb(image, width, height).encode_simple(false, QUALITY).ok()?;
    Some(Bytes::copy_from_slice(&encoded))
}

/// The image in a size in which no side is longer; none if it fits as it is.
fn fitted(image: &RgbImage, longest: u32) -> Option<RgbImage> {
    let (width, height) = smaller(image, longest)?;
    Some(resize(image, width, height, FilterType::Triangle))
}

fn fitted_roughly(image: &RgbImage, longest: u32) -> Option<RgbImage> {
    let (width, height) = smaller(image, longest)?;
    Some(thumbnail(image, width, height))
}

fn smaller(image: &RgbImage, longest: u32) -> Option<(u32, u32)> {
    let (width, height) = image.dimensions();
    let side = width.max(height);
    let scaled = |length: u32| (u64::from(length) * u64::from(longest) / u64::from(side)).max(1);
    let scaled = |length: u32| u32::try_from(scaled(length)).unwrap_or(longest);
    (side > longest).then(|| (scaled(width), scaled(height)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, ImageReader, Rgb, RgbImage};

    use super::{LONGEST_SIDE, THUMBNAIL_SIDE, picture};

    fn size(webp: &[u8]) -> (u32, u32) {
        ImageReader::with_format(Cursor::new(webp), ImageFormat::WebP).into_dimensions().unwrap()
    }

    #[test]
    fn a_page_is_shown_whole_and_small() {
        let page = RgbImage::from_fn(2000, 4000, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 128]));
        let shown = picture(7, &page).unwrap();
        assert_eq!((shown.page, shown.width, shown.height), (7, 1000, LONGEST_SIDE));
        assert_eq!(size(&shown.image), (1000, LONGEST_SIDE));
        assert_eq!(size(&shown.thumbnail), (180, THUMBNAIL_SIDE));
    }

    #[test]
    fn small_pages_stay_as_they_are_and_empty_ones_are_none() {
        let shown = picture(1, &RgbImage::from_pixel(30, 20, Rgb([9; 3]))).unwrap();
        assert_eq!((size(&shown.image), size(&shown.thumbnail)), ((30, 20), (30, 20)));
        let line = picture(1, &RgbImage::from_pixel(9000, 1, Rgb([9; 3]))).unwrap();
        assert_eq!((size(&line.image), size(&line.thumbnail)), ((LONGEST_SIDE, 1), (THUMBNAIL_SIDE, 1)));
        assert_eq!(picture(1, &RgbImage::new(0, 5)), None);
    }
}
