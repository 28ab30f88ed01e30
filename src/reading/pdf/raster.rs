//! A page becomes a picture, for OCR.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use hayro_syntax::page::Page as PdfPage;
use image::{Rgb, RgbImage};

/// Points of the page become pixels at this resolution...
const PIXELS_PER_INCH: f32 = 200.0;
/// ...unless one side would get longer than this.
const LONGEST_SIDE: f32 = 4000.0;
const POINTS_PER_INCH: f32 = 72.0;

/// How large the picture is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    scale: f32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The size of the picture of a page of this size in points.
pub(super) fn size((width, height): (f32, f32)) -> Size {
    let longest = width.max(height).max(1.0);
    let scale = (PIXELS_PER_INCH / POINTS_PER_INCH).min(LONGEST_SIDE / longest);
    Size { scale, width: (width * scale) as u32, height: (height * scale) as u32 }
}

/// The picture of the page on white; none if it has no pixel.
pub(super) fn picture(page: &PdfPage<'_>, size: Size, settings: &InterpreterSettings) -> Option<RgbImage> {
    if size.width == 0 || size.height == 0 {
        return None;
    }
    let to = PixmapSettings { x_scale: size.scale, y_scale: size.scale, bg_color: WHITE };
    // The cache is the page's own: it only grows.
    let cache = RenderCache::new();
    let drawn = render(page, &cache, settings, &RenderSettings::default(), &to);
    let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
    let mut pixels = drawn.data().iter();
    Some(RgbImage::from_fn(width, height, |_, _| {
        pixels.next().map_or(Rgb([255; 3]), |pixel| Rgb([pixel.r, pixel.g, pixel.b]))
    }))
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn pages_are_200_dpi_and_no_side_is_too_long() {
        let a4 = size((595.0, 842.0));
        assert_eq!((a4.width, a4.height), (1652, 2338));
        let roll = size((100.0, 14_400.0));
        assert_eq!((roll.width, roll.height), (27, 4000));
    }
}
