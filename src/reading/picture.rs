//! An image file's page becomes a picture of three colours, upright as its camera or scanner says.

use std::io::{BufRead, Cursor, Seek};

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage, RgbaImage};
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult};

/// The picture of a file of one page; none if it is damaged.
pub(super) fn single(bytes: &[u8], format: ImageFormat) -> Option<RgbImage> {
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().ok()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image.apply_orientation(orientation);
    Some(on_white(image))
}

/// The picture of the page that a TIFF decoder is at, which lies as `orientation` says; none if it is damaged or has
/// colours that are not known here.
pub(super) fn of_tiff(decoder: &mut Decoder<impl BufRead + Seek>, orientation: u8) -> Option<RgbImage> {
    let (width, height) = decoder.dimensions().ok()?;
    let colours = decoder.colortype().ok()?;
    let samples = match decoder.read_image().ok()? {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.into_iter().map(high_byte).collect(),
        _ => return None,
    };
    let mut image: DynamicImage = match colours {
        ColorType::Gray(bits @ (1 | 2 | 4)) => {
            GrayImage::from_raw(width, height, spread(&samples, bits, width, height)?)?.into()
        }
        ColorType::Gray(8 | 16) => GrayImage::from_raw(width, height, samples)?.into(),
        ColorType::RGB(8 | 16) => RgbImage::from_raw(width, height, samples)?.into(),
        ColorType::YCbCr(8) => of_luma(&samples, width, height)?.into(),
        ColorType::RGBA(8 | 16) => RgbaImage::from_raw(width, height, samples)?.into(),
        ColorType::CMYK(8 | 16) => of_inks(&samples, width, height)?.into(),
        _ => return None,
    };
    if let Some(orientation) = Orientation::from_exif(orientation) {
        image.apply_orientation(orientation);
    }
    Some(on_white(image))
}

fn high_byte(sample: u16) -> u8 {
    sample.to_be_bytes()[0]
}

/// Grey of few bits, whose rows begin at whole bytes, becomes grey of eight.
pub(super) fn spread(samples: &[u8], bits: u8, width: u32, height: u32) -> Option<Vec<u8>> {
    let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
    let (bits, most) = (usize::from(bits), (1_u16 << bits) - 1);
    let row_bytes = (width * bits).div_ceil(8);
    if samples.len() < row_bytes.checked_mul(height)? {
        return None;
    }
    let pixel = |at: usize| {
        let (row, bit) = (at / width, at % width * bits);
        let byte = u16::from(samples[row * row_bytes + bit / 8]);
        u8::try_from((byte >> (8 - bits - bit % 8) & most) * 255 / most).unwrap_or(255)
    };
    Some((0..width * height).map(pixel).collect())
}

/// Cyan, magenta, yellow and black, as ink on white.
fn of_inks(samples: &[u8], width: u32, height: u32) -> Option<RgbImage> {
    let pixels = samples.as_chunks::<4>().0.iter().flat_map(|[cyan, magenta, yellow, black]| {
        [cyan, magenta, yellow].map(|ink| {
            let light = u16::from(255 - *ink) * u16::from(255 - *black) / 255;
            u8::try_from(light).unwrap_or(255)
        })
    });
    RgbImage::from_raw(width, height, pixels.collect())
}

/// Luma and two differences of colour, as JPEG has them (ITU-T T.871).
fn of_luma(samples: &[u8], width: u32, height: u32) -> Option<RgbImage> {
    let pixels = samples.as_chunks::<3>().0.iter().flat_map(|[y, cb, cr]| {
        let (y, cb, cr) = (f32::from(*y), f32::from(*cb) - 128.0, f32::from(*cr) - 128.0);
        let colours = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
        colours.map(|colour| colour.round().clamp(0.0, 255.0) as u8)
    });
    RgbImage::from_raw(width, height, pixels.collect())
}

/// What is transparent is white, as on paper.
fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [colours @ .., alpha] = image.get_pixel(x, y).0;
        let over = |colour: u8| {
            let light = u16::from(colour) * u16::from(alpha) / 255 + u16::from(255 - alpha);
            u8::try_from(light).unwrap_or(255)
        };
        Rgb(colours.map(over))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, Rgb, Rgba, RgbaImage};
    use tiff::decoder::Decoder;
    use tiff::encoder::{TiffEncoder, colortype};

    use super::{of_tiff, single, spread};

    #[test]
    fn what_is_transparent_is_white() {
        let mut image = RgbaImage::from_pixel(2, 1, Rgba([0, 0, 0, 0]));
        image.put_pixel(1, 0, Rgba([200, 0, 0, 255]));
        let mut file = Cursor::new(Vec::new());
        DynamicImage::from(image).write_to(&mut file, ImageFormat::Png).unwrap();
        let picture = single(file.get_ref(), ImageFormat::Png).unwrap();
        assert_eq!(picture.pixels().copied().collect::<Vec<_>>(), [Rgb([255; 3]), Rgb([200, 0, 0])]);
    }

    #[test]
    fn few_bits_are_spread_row_by_row() {
        let grey = spread(&[0b1010_0000, 0b0100_0000], 1, 3, 2).unwrap();
        assert_eq!(grey, [255, 0, 255, 0, 255, 0]);
        assert_eq!(spread(&[0b0001_1011], 2, 4, 1).unwrap(), [0, 85, 170, 255]);
        assert_eq!(spread(&[0], 1, 3, 2), None);
    }

    #[test]
    fn inks_and_wide_samples_become_colours() {
        let picture = |file: Vec<u8>| of_tiff(&mut Decoder::new(Cursor::new(file)).unwrap(), 1).unwrap();
        let mut inks = Cursor::new(Vec::new());
        let samples = [255, 0, 0, 0, 0, 0, 0, 255];
        TiffEncoder::new(&mut inks).unwrap().write_image::<colortype::CMYK8>(2, 1, &samples).unwrap();
        let found: Vec<_> = picture(inks.into_inner()).pixels().copied().collect();
        assert_eq!(found, [Rgb([0, 255, 255]), Rgb([0, 0, 0])]);
        let mut wide = Cursor::new(Vec::new());
        TiffEncoder::new(&mut wide).unwrap().write_image::<colortype::Gray16>(1, 1, &[0x8034]).unwrap();
        assert_eq!(picture(wide.into_inner()).get_pixel(0, 0), &Rgb([0x80; 3]));
    }

    #[test]
    fn luma_becomes_colours() {
        let picture = super::of_luma(&[255, 128, 128, 76, 85, 255], 2, 1).unwrap();
        assert_eq!(picture.pixels().copied().collect::<Vec<_>>(), [Rgb([255; 3]), Rgb([254, 0, 0])]);
    }

    #[test]
    fn a_page_is_turned_as_the_scanner_says() {
        let mut file = Cursor::new(Vec::new());
        TiffEncoder::new(&mut file).unwrap().write_image::<colortype::Gray8>(2, 1, &[10, 20]).unwrap();
        let mut decoder = Decoder::new(Cursor::new(file.into_inner())).unwrap();
        let picture = of_tiff(&mut decoder, 6).unwrap();
        assert_eq!((picture.dimensions(), picture.get_pixel(0, 0)[0]), ((1, 2), 10));
    }
}
