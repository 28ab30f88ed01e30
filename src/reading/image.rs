//! Images: how many pages, how large, and what is seen on them.
//!
//! Headers come first: pixels are decoded only of pages that are looked at, and only if their size is within the limits.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ImageDecoder, ImageFormat, ImageReader, RgbImage};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::lines::cost;
use super::{About, Limits, MediaType, Page, PageState, Reading, Reason, Sight, picture};

/// Each image page is a page, read by `sight` or waiting.
pub(super) fn read(bytes: &[u8], media_type: MediaType, limits: &Limits, sight: &Sight) -> Reading {
    let sizes = match media_type {
        MediaType::Tiff => tiff_sizes(bytes, limits),
        MediaType::Jpeg => single_size(bytes, ImageFormat::Jpeg),
        MediaType::Png => single_size(bytes, ImageFormat::Png),
        MediaType::Webp => single_size(bytes, ImageFormat::WebP),
        _ => Err(Reason::UnsupportedType),
    };
    match sizes {
        Ok(sizes) if sizes.iter().any(|size| size.pixels() > limits.pixels) => {
            Reading::unreadable(media_type, Reason::TooLarge)
        }
        Ok(sizes) => {
            let mut pages: Vec<Page> = (1..).zip(&sizes).map(|(number, size)| page(number, *size)).collect();
            see(&mut pages, &sizes, bytes, media_type, limits, sight);
            Reading::of_pages(media_type, pages, About::default(), sight.waiting())
        }
        Err(reason) => Reading::unreadable(media_type, reason),
    }
}

/// Looks at the pages that can be looked at. One that brings a decoder to panic is marked, and the others go on.
fn see(
    pages: &mut [Page],
    sizes: &[Size],
    bytes: &[u8],
    media_type: MediaType,
    limits: &Limits,
    sight: &Sight,
) {
    let mut left = limits.text_bytes;
    let mut tiff = None;
    for (page, size) in pages.iter_mut().zip(sizes) {
        sight.turn_to(page.number, sizes.len());
        if !sight.begin(page.state, size.pixels()) {
            continue;
        }
        let cap = limits.text_bytes_per_page.min(left);
        let seen = catch_unwind(AssertUnwindSafe(|| {
            match media_type {
                MediaType::Tiff => tiff_picture(bytes, &mut tiff, page.number),
                MediaType::Jpeg => picture::single(bytes, ImageFormat::Jpeg),
                MediaType::Png => picture::single(bytes, ImageFormat::Png),
                _ => picture::single(bytes, ImageFormat::WebP),
            }
            .map(|picture| sight.look(page, picture, cap))
        }));
        if !matches!(seen, Ok(Some(()))) {
            page.state = PageState::Unreadable;
        }
        left = left.saturating_sub(page.lines.iter().map(cost).sum());
    }
}

/// The picture of a page of a TIFF, whose decoder is kept for the next one.
fn tiff_picture<'a>(bytes: &'a [u8], kept: &mut Option<TiffAt<'a>>, number: u32) -> Option<RgbImage> {
    let mut tiff = match kept.take() {
        Some(tiff) => tiff,
        None => TiffAt { decoder: Decoder::new(Cursor::new(bytes)).ok()?, number: 1 },
    };
    while tiff.number < number {
        tiff.decoder.next_image().ok()?;
        tiff.number += 1;
    }
    let orientation = orientation(&mut tiff.decoder);
    let picture = picture::of_tiff(&mut tiff.decoder, orientation);
    *kept = Some(tiff);
    picture
}

/// A decoder, and the number of the page that it is at.
struct TiffAt<'a> {
    decoder: Decoder<Cursor<&'a [u8]>>,
    number: u32,
}

fn orientation(decoder: &mut Decoder<Cursor<&[u8]>>) -> u8 {
    decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten().unwrap_or(1)
}

#[expect(clippy::cast_precision_loss, reason = "sizes of images are far below 2^24")]
fn page(number: u32, size: Size) -> Page {
    Page::without_text(number, (size.width as f32, size.height as f32), PageState::NotReadYet)
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
        sizes.push(Size::new(dimensions, orientation(&mut decoder)));
        // A broken later page does not take away the first ones.
        if !decoder.more_images() || decoder.next_image().is_err() {
            return Ok(sizes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::Size;
    use crate::reading::{Limits, MediaType, Outcome, PageState, Reading, Reason, Sight, Waiting};

    fn read(bytes: &[u8], media_type: MediaType, limits: &Limits) -> Reading {
        super::read(bytes, media_type, limits, &Sight::none())
    }

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
