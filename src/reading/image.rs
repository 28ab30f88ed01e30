//! Images: how many pages, how large. Their text waits for OCR.
//!
//! Only headers are looked at here, no pixel is decoded.

use std::io::Cursor;

use image::{ImageDecoder, ImageFormat, ImageReader};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::{About, Limits, MediaType, Page, PageState, Reading, Reason};

/// Each image page is a page that waits for OCR.
pub(super) fn read(bytes: &[u8], media_type: MediaType, limits: &Limits) -> Reading {
    let sizes = match media_type {
        MediaType::Tiff => tiff_sizes(bytes, limits),
        MediaType::Jpeg => single_size(bytes, ImageFormat::Jpeg),
        MediaType::Png => single_size(bytes, ImageFormat::Png),
        MediaType::Webp => single_size(bytes, ImageFormat::WebP),
        _ => Err(Reason::UnsupportedType),
    };
    match sizes {
        Ok(sizes) => of_sizes(&sizes, media_type, limits),
        Err(reason) => Reading::unreadable(media_type, reason),
    }
}

fn of_sizes(sizes: &[Size], media_type: MediaType, limits: &Limits) -> Reading {
    if sizes.iter().any(|size| size.pixels() > limits.pixels) {
        return Reading::unreadable(media_type, Reason::TooLarge);
    }
    let pages = (1..).zip(sizes).map(|(number, size)| page(number, *size)).collect();
    Reading::of_pages(media_type, pages, About::default())
}

#[expect(clippy::cast_precision_loss, reason = "sizes of images are far below 2^24")]
fn page(number: u32, size: Size) -> Page {
    Page {
        number,
        width: size.width as f32,
        height: size.height as f32,
        state: PageState::NotReadYet,
        text: String::new(),
        lines: Vec::new(),
        truncated: false,
    }
}

/// Size as displayed, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// `orientation` as in TIFF and EXIF: from 5 on, the image lies on its side.
    fn new((width, height): (u32, u32), orientation: u8) -> Self {
        if (5..=8).contains(&orientation) {
            Self { width: height, height: width }
        } else {
            Self { width, height }
        }
    }

    fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

fn single_size(bytes: &[u8], format: ImageFormat) -> Result<Vec<Size>, Reason> {
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder = reader.into_decoder().map_err(|error| reason_of(&error))?;
    let orientation = decoder.orientation().map_or(1, image::metadata::Orientation::to_exif);
    Ok(vec![Size::new(decoder.dimensions(), orientation)])
}

fn reason_of(error: &image::ImageError) -> Reason {
    match error {
        image::ImageError::Limits(_) => Reason::TooLarge,
        image::ImageError::Unsupported(_) => Reason::UnsupportedType,
        _ => Reason::Damaged,
    }
}

fn tiff_sizes(bytes: &[u8], limits: &Limits) -> Result<Vec<Size>, Reason> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(|_| Reason::Damaged)?;
    let mut sizes = Vec::new();
    loop {
        if sizes.len() as u64 >= u64::from(limits.pages) {
            return Err(Reason::TooManyPages);
        }
        let dimensions = decoder.dimensions().map_err(|_| Reason::Damaged)?;
        let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten().unwrap_or(1);
        sizes.push(Size::new(dimensions, orientation));
        // A broken later page does not take away the first ones.
        if !decoder.more_images() || decoder.next_image().is_err() {
            return Ok(sizes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{Size, read};
    use crate::reading::{Limits, MediaType, Outcome, PageState, Reason, Waiting};

    fn tiff_of_pages(count: u32) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
        for number in 0..count {
            let width = 10 + number;
            let pixels = vec![255_u8; (width * 20) as usize];
            encoder.write_image::<tiff::encoder::colortype::Gray8>(width, 20, &pixels).unwrap();
        }
        file.into_inner()
    }

    #[test]
    fn a_tiff_has_pages() {
        let reading = read(&tiff_of_pages(3), MediaType::Tiff, &Limits::default());
        assert_eq!(reading.outcome, Outcome::NotReadYet { reason: Waiting::NeedsOcr });
        let pages: Vec<_> = reading.pages.iter().map(|p| (p.number, p.width, p.height, p.state)).collect();
        let waits = PageState::NotReadYet;
        assert_eq!(pages, [(1, 10.0, 20.0, waits), (2, 11.0, 20.0, waits), (3, 12.0, 20.0, waits)]);
    }

    #[test]
    fn limits_hold() {
        let few = Limits { pages: 2, ..Limits::default() };
        let reading = read(&tiff_of_pages(3), MediaType::Tiff, &few);
        assert_eq!(reading.outcome, Outcome::Unreadable { reason: Reason::TooManyPages });
        let small = Limits { pixels: 219, ..Limits::default() };
        let reading = read(&tiff_of_pages(2), MediaType::Tiff, &small);
        assert_eq!(reading.outcome, Outcome::Unreadable { reason: Reason::TooLarge });
    }

    #[test]
    fn sideways_images_are_turned() {
        assert_eq!(Size::new((30, 20), 6), Size { width: 20, height: 30 });
        assert_eq!(Size::new((30, 20), 3), Size { width: 30, height: 20 });
    }
}
