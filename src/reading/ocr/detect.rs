//! Where the lines are: PP-OCRv6's detector, and rectangles around what it marks (differentiable binarisation).

use std::collections::BTreeMap;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use rten::Model;
use rten_tensor::{AsView, Layout, NdTensor};

use super::place::Place;
use super::{Error, Threads, tensor};

/// The longest side of the picture that the detector gets (larger ones find no more and take longer), and the shortest
/// side if the longest allows it.
const LONGEST_SIDE: u32 = 1152;
const SHORTEST_SIDE: u32 = 736;
/// The detector wants sides that are multiples of this.
const STEP: u32 = 32;
/// From this value on a pixel of the detector's answer is text...
const PIXEL: f32 = 0.3;
/// ...and a rectangle is a line if its pixels have this on average.
const LINE: f32 = 0.5;
/// The detector marks the inner part of lines: rectangles grow by this share of area to circumference.
const GROWTH: f32 = 1.6;
/// Smaller marks are noise, in the detector's pixels.
const LEAST_SIDE: f32 = 3.0;
/// No page has more lines.
const MOST_LINES: usize = 3000;

pub(super) struct Detector {
    model: Model,
    threads: Threads,
}

impl Detector {
    pub(super) fn new(model: Model, threads: Threads) -> Self {
        Self { model, threads }
    }

    /// The places of all lines, in no order.
    pub(super) fn places(&self, page: &RgbImage) -> Result<Vec<Place>, Error> {
        let (width, height) = input_size(page.dimensions());
        let small = resize(page, width, height, FilterType::Triangle);
        let input = tensor(&small, width, [0.5; 3], [0.5; 3]);
        let output = self.model.run_one(input.view().into(), self.threads.options());
        let failed = |message: String| Error::Model { name: "detector", message };
        let marks: NdTensor<f32, 4> =
            output.map_err(|e| failed(e.to_string()))?.try_into().map_err(|e| failed(format!("{e}")))?;
        let marks = Marks { width: marks.size(3), height: marks.size(2), values: marks.to_vec() };
        let (x, y) = (ratio(page.width(), marks.width), ratio(page.height(), marks.height));
        Ok(marks.places().into_iter().map(|place| place.scaled(x, y)).collect())
    }
}

fn ratio(page: u32, marks: usize) -> f32 {
    page as f32 / marks.max(1) as f32
}

/// The size of the picture that the detector gets of a page of this size.
fn input_size((width, height): (u32, u32)) -> (u32, u32) {
    let (short, long) = (width.min(height).max(1) as f32, width.max(height).max(1) as f32);
    let wanted = (SHORTEST_SIDE as f32 / short).max(1.0).min(LONGEST_SIDE as f32 / long);
    let side = |side: u32| ((side as f32 * wanted / STEP as f32).round() as u32).max(1) * STEP;
    (side(width), side(height))
}

/// The detector's answer: for each pixel how much it looks like text.
struct Marks {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Marks {
    fn places(&self) -> Vec<Place> {
        let mut seen = vec![false; self.values.len()];
        let mut places = Vec::new();
        for start in 0..self.values.len() {
            if places.len() < MOST_LINES && !seen[start] && self.values[start] > PIXEL {
                places.extend(self.place(&self.spot(start, &mut seen)));
            }
        }
        places
    }

    /// The outer pixels of each row of the connected spot that `start` belongs to.
    fn spot(&self, start: usize, seen: &mut [bool]) -> Vec<(f32, f32)> {
        let mut rows: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        let mut open = vec![start];
        seen[start] = true;
        while let Some(at) = open.pop() {
            let (x, y) = (at % self.width, at / self.width);
            let row = rows.entry(y).or_insert((x, x));
            *row = (row.0.min(x), row.1.max(x));
            for ny in y.saturating_sub(1)..=(y + 1).min(self.height - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(self.width - 1) {
                    let near = ny * self.width + nx;
                    if !seen[near] && self.values[near] > PIXEL {
                        seen[near] = true;
                        open.push(near);
                    }
                }
            }
        }
        rows.into_iter().flat_map(|(y, (left, right))| [point(left, y), point(right, y)]).collect()
    }

    /// The place of a line that has left this spot, unless it is noise.
    fn place(&self, spot: &[(f32, f32)]) -> Option<Place> {
        let inner = Place::around_points(spot)?;
        if inner.length.min(inner.height) < LEAST_SIDE || self.mean(&inner) < LINE {
            return None;
        }
        let growth = inner.length * inner.height * GROWTH / (2.0 * (inner.length + inner.height));
        Some(inner.grown(growth))
    }

    fn mean(&self, place: &Place) -> f32 {
        let [left, top, right, bottom] = place.around();
        let columns = left.max(0.0) as usize..=(right.max(0.0) as usize).min(self.width - 1);
        let rows = top.max(0.0) as usize..=(bottom.max(0.0) as usize).min(self.height - 1);
        let inside = rows
            .flat_map(|y| columns.clone().map(move |x| (x, y)))
            .filter(|(x, y)| place.contains(point(*x, *y)));
        let (sum, count) = inside
            .fold((0.0, 0_u32), |(sum, count), (x, y)| (sum + self.values[y * self.width + x], count + 1));
        sum / count.max(1) as f32
    }
}

/// The middle of a pixel.
fn point(x: usize, y: usize) -> (f32, f32) {
    (x as f32 + 0.5, y as f32 + 0.5)
}

#[cfg(test)]
mod tests {
    use super::{Marks, input_size};

    #[test]
    fn each_spot_is_a_line_and_noise_is_none() {
        let mut marks = Marks { width: 100, height: 60, values: vec![0.0; 6000] };
        let mut paint = |columns: std::ops::Range<usize>, rows: std::ops::Range<usize>, value: f32| {
            for y in rows {
                for x in columns.clone() {
                    marks.values[y * 100 + x] = value;
                }
            }
        };
        paint(20..80, 10..16, 0.9);
        paint(20..80, 30..36, 0.9);
        paint(20..80, 50..56, 0.35);
        paint(5..7, 40..42, 0.9);
        let places = marks.places();
        assert_eq!(places.len(), 2, "{places:?}");
        let [left, top, right, bottom] = places[0].around();
        assert!(left < 20.0 && right > 80.0 && top < 10.0 && bottom > 16.0, "{places:?}");
        assert!(left > 10.0 && right < 90.0 && top > 3.0 && bottom < 23.0, "{places:?}");
    }

    #[test]
    fn the_detector_gets_a_picture_of_bearable_size() {
        assert_eq!(input_size((1653, 2339)), (800, 1152));
        assert_eq!(input_size((600, 800)), (736, 992));
        assert_eq!(input_size((30, 20_000)), (32, 1152));
        assert_eq!(input_size((1, 1)), (736, 736));
    }
}
