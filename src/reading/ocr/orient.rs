//! Which way up a page lies: a classifier of whole pages.

use image::RgbImage;
use image::imageops::{FilterType, crop_imm, resize, rotate90, rotate180, rotate270};
use rten::Model;
use rten_tensor::{AsView, NdTensor};

use super::{Error, Threads, tensor};

/// The clockwise turn that makes a page upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// It is upright.
    #[default]
    None,
    /// By 90 degrees.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees.
    ThreeQuarters,
}

impl Turn {
    /// The turn in degrees.
    pub fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }

    /// The page, upright.
    pub(super) fn apply(self, page: RgbImage) -> RgbImage {
        match self {
            Self::None => page,
            Self::Quarter => rotate90(&page),
            Self::Half => rotate180(&page),
            Self::ThreeQuarters => rotate270(&page),
        }
    }
}

/// The picture that the classifier gets: the middle of the page.
const SIDE: u32 = 224;
const SHORT_SIDE: u32 = 256;
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
/// A page is not turned for a guess that is less sure.
const SURE: f32 = 0.6;
/// The classes: by how much the page was turned clockwise, and so what makes it upright.
const TURNS: [Turn; 4] = [Turn::None, Turn::ThreeQuarters, Turn::Half, Turn::Quarter];

pub(super) struct Orienter {
    model: Model,
    threads: Threads,
}

impl Orienter {
    pub(super) fn new(model: Model, threads: Threads) -> Self {
        Self { model, threads }
    }

    /// The turn that makes the page upright.
    pub(super) fn turn(&self, page: &RgbImage) -> Result<Turn, Error> {
        let input = tensor(&middle(page), SIDE, MEAN, DEVIATION);
        let output = self.model.run_one(input.view().into(), self.threads.options());
        let failed = |message: String| Error::Model { name: "orientation", message };
        let output: NdTensor<f32, 2> =
            output.map_err(|e| failed(e.to_string()))?.try_into().map_err(|e| failed(format!("{e}")))?;
        let shares = shares(&output.to_vec());
        let best = TURNS.into_iter().zip(shares).max_by(|a, b| a.1.total_cmp(&b.1));
        Ok(best.filter(|(_, share)| *share >= SURE).map_or(Turn::None, |(turn, _)| turn))
    }
}

/// The middle of the page, small.
fn middle(page: &RgbImage) -> RgbImage {
    let (width, height) = page.dimensions();
    let short = width.min(height).max(1) as f32;
    // What is cut off anyway is not resized: the strip may be very long.
    let side = |side: u32| (side as f32).min(short * 4.0) as u32;
    let (w, h) = (side(width).max(1), side(height).max(1));
    let strip = crop_imm(page, (width - w) / 2, (height - h) / 2, w, h).to_image();
    let scaled = |side: u32| ((side as f32 * SHORT_SIDE as f32 / short).round() as u32).max(SIDE);
    let small = resize(&strip, scaled(w), scaled(h), FilterType::Lanczos3);
    let (left, top) = ((small.width() - SIDE) / 2, (small.height() - SIDE) / 2);
    crop_imm(&small, left, top, SIDE, SIDE).to_image()
}

/// Shares of 1, whether or not the model's last layer has made them.
fn shares(values: &[f32]) -> Vec<f32> {
    let sum: f32 = values.iter().sum();
    if values.iter().all(|value| *value >= 0.0) && (sum - 1.0).abs() < 1e-3 {
        return values.to_vec();
    }
    let most = values.iter().copied().fold(f32::MIN, f32::max);
    let powers: Vec<f32> = values.iter().map(|value| (value - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::{SIDE, Turn, middle, shares};

    #[test]
    fn every_page_has_a_middle() {
        for (width, height) in [(1, 1), (1653, 2339), (3, 5000), (5000, 3)] {
            let page = RgbImage::from_pixel(width, height, Rgb([7; 3]));
            assert_eq!(middle(&page).dimensions(), (SIDE, SIDE), "{width} x {height}");
        }
    }

    #[test]
    fn shares_add_up_to_one() {
        assert_eq!(shares(&[0.1, 0.7, 0.1, 0.1]), [0.1, 0.7, 0.1, 0.1]);
        let made = shares(&[0.0, 3.0, 0.0, -2.0]);
        assert!((made.iter().sum::<f32>() - 1.0).abs() < 1e-6 && made[1] > 0.8, "{made:?}");
    }

    #[test]
    fn a_turn_is_clockwise() {
        let page = RgbImage::from_fn(2, 1, |x, _| Rgb([u8::try_from(x).unwrap(); 3]));
        let turned = Turn::Quarter.apply(page);
        assert_eq!((turned.dimensions(), turned.get_pixel(0, 1)[0]), ((1, 2), 1));
    }
}
