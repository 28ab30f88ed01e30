//! Parts of a TIFF (6.0): pages decoded and compressed again with deflate, without loss.
//!
//! Copying the compressed strips as they are would need all the tags that their compression depends on, and those of old
//! JPEG are a minefield. Pictures of one, two or four bits become grey ones of eight, which deflate makes small again.

use std::io::{Cursor, ErrorKind};

use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::encoder::colortype::{CMYK8, CMYK16, ColorType, Gray8, Gray16, RGB8, RGB16, RGBA8, RGBA16, YCbCr8};
use tiff::encoder::{Compression, DeflateLevel, Rational, TiffEncoder, TiffValue};
use tiff::tags::{Predictor, ResolutionUnit, Tag};
use tiff::{ColorType as Colours, TiffError, TiffResult};

use super::bounded::Bounded;
use super::{Order, SplitError, SplitLimits};
use crate::reading::picture::spread;

type Source<'a> = Decoder<Cursor<&'a [u8]>>;
type Target<'a> = TiffEncoder<&'a mut Bounded>;

/// Gives the parts to `each`.
pub(super) fn split(
    order: &Order<'_>,
    limits: &SplitLimits,
    each: &mut dyn FnMut(usize, Vec<u8>) -> bool,
) -> Result<(), SplitError> {
    let mut source = Decoder::new(Cursor::new(order.content)).map_err(reason)?;
    let mut bounds = Limits::default();
    bounds.decoding_buffer_size = usize::try_from(limits.unpacked_bytes).unwrap_or(usize::MAX);
    bounds.intermediate_buffer_size = bounds.decoding_buffer_size;
    source = source.with_limits(bounds);
    let mut left = limits.output_bytes;
    for (index, part) in order.parts.iter().enumerate() {
        let mut file = Bounded::new(left);
        write(&mut source, part, &mut file)?;
        let bytes = file.into_bytes();
        verify(&bytes, part.len())?;
        left -= bytes.len() as u64;
        if !each(index, bytes) {
            return Err(SplitError::Stopped);
        }
    }
    Ok(())
}

fn write(source: &mut Source<'_>, pages: &[u32], file: &mut Bounded) -> Result<(), SplitError> {
    let compression = Compression::Deflate(DeflateLevel::Balanced);
    let target = TiffEncoder::new(file).map_err(reason)?;
    let mut target = target.with_compression(compression).with_predictor(Predictor::Horizontal);
    for page in pages {
        source.seek_to_image(*page as usize - 1).map_err(reason)?;
        copy(source, &mut target)?;
    }
    Ok(())
}

/// A part that has lost a page is not given to anybody.
fn verify(bytes: &[u8], pages: usize) -> Result<(), SplitError> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(|_| SplitError::Damaged)?;
    let mut count = 1;
    while decoder.more_images() {
        decoder.next_image().map_err(|_| SplitError::Damaged)?;
        count += 1;
    }
    if count == pages { Ok(()) } else { Err(SplitError::Damaged) }
}

/// Copies the page that the source is at.
fn copy(source: &mut Source<'_>, target: &mut Target<'_>) -> Result<(), SplitError> {
    let colours = source.colortype().map_err(reason)?;
    let page = Page::about(source).map_err(reason)?;
    let samples = source.read_image().map_err(reason)?;
    let done = match (colours, samples) {
        (Colours::Gray(bits @ (1 | 2 | 4)), DecodingResult::U8(samples)) => {
            let samples = spread(&samples, bits, page.size.0, page.size.1).ok_or(SplitError::Damaged)?;
            page.write::<Gray8>(target, &samples)
        }
        (Colours::Gray(8), DecodingResult::U8(samples)) => page.write::<Gray8>(target, &samples),
        (Colours::Gray(16), DecodingResult::U16(samples)) => page.write::<Gray16>(target, &samples),
        (Colours::RGB(8), DecodingResult::U8(samples)) => page.write::<RGB8>(target, &samples),
        (Colours::RGB(16), DecodingResult::U16(samples)) => page.write::<RGB16>(target, &samples),
        (Colours::RGBA(8), DecodingResult::U8(samples)) => page.write::<RGBA8>(target, &samples),
        (Colours::RGBA(16), DecodingResult::U16(samples)) => page.write::<RGBA16>(target, &samples),
        (Colours::CMYK(8), DecodingResult::U8(samples)) => page.write::<CMYK8>(target, &samples),
        (Colours::CMYK(16), DecodingResult::U16(samples)) => page.write::<CMYK16>(target, &samples),
        (Colours::YCbCr(8), DecodingResult::U8(samples)) => page.write::<YCbCr8>(target, &samples),
        _ => return Err(SplitError::Unsupported),
    };
    done.map_err(reason)
}

/// What a page has beside its samples.
struct Page {
    size: (u32, u32),
    resolution: [Option<Rational>; 2],
    unit: Option<u16>,
    orientation: Option<u16>,
    profile: Option<Vec<u8>>,
}

impl Page {
    fn about(source: &mut Source<'_>) -> TiffResult<Self> {
        let rational = |value| match value {
            Some(Value::Rational(n, d)) if d > 0 => Some(Rational { n, d }),
            _ => None,
        };
        Ok(Self {
            size: source.dimensions()?,
            resolution: [Tag::XResolution, Tag::YResolution]
                .map(|tag| rational(source.find_tag(tag).ok().flatten())),
            unit: source.find_tag_unsigned(Tag::ResolutionUnit).ok().flatten(),
            orientation: source.find_tag_unsigned(Tag::Orientation).ok().flatten(),
            profile: source.get_tag_u8_vec(Tag::IccProfile).ok(),
        })
    }

    fn write<C: ColorType>(&self, target: &mut Target<'_>, samples: &[C::Inner]) -> TiffResult<()>
    where
        [C::Inner]: TiffValue,
    {
        let mut image = target.new_image::<C>(self.size.0, self.size.1)?;
        let [x, y] = &self.resolution;
        // The encoder's tags say that there is no resolution.
        if let (Some(x), Some(y)) = (x, y) {
            image.resolution_unit(
                self.unit.and_then(ResolutionUnit::from_u16).unwrap_or(ResolutionUnit::Inch),
            );
            image.x_resolution(Rational { n: x.n, d: x.d });
            image.y_resolution(Rational { n: y.n, d: y.d });
        }
        if let Some(orientation) = self.orientation.filter(|orientation| (1..=8).contains(orientation)) {
            image.encoder().write_tag(Tag::Orientation, orientation)?;
        }
        if let Some(profile) = &self.profile {
            image.encoder().write_tag(Tag::IccProfile, profile.as_slice())?;
        }
        image.write_data(samples)
    }
}

fn reason(error: TiffError) -> SplitError {
    match error {
        TiffError::LimitsExceeded => SplitError::TooLarge,
        TiffError::IoError(error) if error.kind() == ErrorKind::FileTooLarge => SplitError::TooLarge,
        TiffError::UnsupportedError(_) => SplitError::Unsupported,
        _ => SplitError::Damaged,
    }
}
