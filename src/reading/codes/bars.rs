//! Bar codes: rows of pixels that repeat the row above, edge by edge, and then mean the same several times.
//!
//! The readers of a row find something in nearly any text if they are asked often enough, and asking costs time. So a row
//! is read only where its edges stand exactly below those of the row before, as they do in bars and hardly ever in
//! writing; and what it says counts if other rows agree.

use image::GrayImage;
use rxing::common::BitArray;
use rxing::oned::{MultiFormatOneDReader, OneDReader};
use rxing::{BarcodeFormat, DecodeHints, LuminanceSource, Point, RXingResult};

use super::format::CodeFormat;
use super::{Bitmap, bitmap};

/// Every so many rows one is looked at: a millimetre at 200 dpi.
const STEP: usize = 8;
/// Edges in a row without a gap that stand below those of the row before; the shortest bar codes have more.
const LEAST_EDGES: usize = 24;
/// How far an edge may have moved between two rows, in pixels.
const DRIFT: usize = 2;
/// Codes side by side in a row.
const MOST_IN_A_ROW: usize = 4;

/// The bar codes of a picture, whichever way it lies.
pub(super) fn bars(picture: &mut Bitmap<'_>) -> Vec<RXingResult> {
    let mut found = level(picture);
    let turned = transposed(picture);
    for mut result in bitmap(&turned).map(|bitmap| level(&bitmap)).unwrap_or_default() {
        for point in result.getPointsMut() {
            (point.x, point.y) = (point.y, point.x);
        }
        found.push(result);
    }
    found
}

/// Rows become columns, so that codes that stand upright lie.
fn transposed(picture: &Bitmap<'_>) -> GrayImage {
    const TILE: usize = 32;
    let (width, height) = (picture.get_width(), picture.get_height());
    let from = picture.get_source().get_matrix();
    let mut to = vec![0_u8; width * height];
    for (top, left) in tiles(height, width, TILE) {
        for x in left..(left + TILE).min(width) {
            for y in top..(top + TILE).min(height) {
                to[x * height + y] = from[y * width + x];
            }
        }
    }
    GrayImage::from_raw(height as u32, width as u32, to).unwrap_or_default()
}

/// Small squares, which stay in the processor's cache.
fn tiles(height: usize, width: usize, side: usize) -> impl Iterator<Item = (usize, usize)> {
    let tops = (0..height).step_by(side);
    tops.flat_map(move |top| (0..width).step_by(side).map(move |left| (top, left)))
}

/// The codes whose bars stand upright, forwards and backwards.
fn level(bitmap: &Bitmap<'_>) -> Vec<RXingResult> {
    let hints = hints();
    let mut reader = MultiFormatOneDReader::new(&hints);
    let mut readings: Vec<Reading> = Vec::new();
    let mut before: Vec<usize> = Vec::new();
    for y in (0..bitmap.get_height()).step_by(STEP) {
        let row = row(bitmap, y);
        let edges = row.as_ref().map(edges).unwrap_or_default();
        if let Some(row) = row.filter(|_| most_repeated(&before, &edges) >= LEAST_EDGES) {
            for result in read(&mut reader, &row, y, &hints) {
                remember(&mut readings, result);
            }
        }
        before = edges;
    }
    let enough =
        |reading: &Reading| reading.rows >= CodeFormat::least_rows(*reading.result.getBarcodeFormat());
    readings.into_iter().filter(enough).map(|reading| reading.result).collect()
}

fn hints() -> DecodeHints {
    let formats = [
        BarcodeFormat::CODE_128,
        BarcodeFormat::CODE_39,
        BarcodeFormat::CODE_93,
        BarcodeFormat::EAN_13,
        BarcodeFormat::EAN_8,
        BarcodeFormat::ITF,
    ];
    DecodeHints { PossibleFormats: Some(formats.into()), ..DecodeHints::default() }
}

fn row(bitmap: &Bitmap<'_>, y: usize) -> Option<BitArray> {
    bitmap.get_black_row(y).ok().map(std::borrow::Cow::into_owned)
}

/// Where the row changes between light and dark.
fn edges(row: &BitArray) -> Vec<usize> {
    let mut edges = Vec::new();
    let mut at = row.getNextSet(0);
    while at < row.get_size() {
        edges.push(at);
        at = if edges.len() % 2 == 1 { row.getNextUnset(at) } else { row.getNextSet(at) };
    }
    edges
}

/// The longest sequence of edges that stands below the same sequence of edges.
fn most_repeated(above: &[usize], edges: &[usize]) -> usize {
    let (mut most, mut count, mut from) = (0, 0, 0);
    let mut last = None;
    for edge in edges {
        while above.get(from).is_some_and(|other| other + DRIFT < *edge) {
            from += 1;
        }
        let stands = above.get(from).is_some_and(|other| other.abs_diff(*edge) <= DRIFT);
        let next = last.is_none_or(|last| from == last + 1);
        count = if !stands {
            0
        } else if next {
            count + 1
        } else {
            1
        };
        last = stands.then_some(from);
        most = most.max(count);
        from += usize::from(stands);
    }
    most
}

/// What the row says, forwards or else backwards, from left to right.
fn read(
    reader: &mut MultiFormatOneDReader,
    row: &BitArray,
    y: usize,
    hints: &DecodeHints,
) -> Vec<RXingResult> {
    let mut found = Vec::new();
    for backwards in [false, true] {
        let mut left = row.clone();
        if backwards {
            left.reverse();
        }
        while found.len() < MOST_IN_A_ROW
            && let Ok(mut result) = reader.decode_row(y as u32, &left, hints)
        {
            let end = result.getPoints().iter().map(|point| point.x).fold(0.0, f32::max) as usize;
            left = without(&left, end);
            if backwards {
                let size = row.get_size() as f32;
                result.getPointsMut().iter_mut().for_each(|point| point.x = size - point.x - 1.0);
            }
            found.push(result);
        }
    }
    found
}

/// The row without what is left of `end`.
fn without(row: &BitArray, end: usize) -> BitArray {
    let mut rest = BitArray::with_size(row.get_size());
    for at in end + 1..row.get_size() {
        if row.get(at) {
            rest.set(at);
        }
    }
    rest
}

/// What so many rows agree on.
struct Reading {
    result: RXingResult,
    rows: usize,
}

/// Adds one row's result to the reading that it repeats; the points become those of all of its rows.
fn remember(readings: &mut Vec<Reading>, result: RXingResult) {
    let same = |reading: &&mut Reading| {
        let other = &reading.result;
        other.getBarcodeFormat() == result.getBarcodeFormat()
            && other.getText() == result.getText()
            && near(other.getPoints(), result.getPoints())
    };
    match readings.iter_mut().find(same) {
        Some(reading) => {
            reading.rows += 1;
            reading.result.addPoints(&mut result.getPoints().to_vec());
        }
        None => readings.push(Reading { result, rows: 1 }),
    }
}

/// Whether the second points lie below the first, at most the height of a few rows further down.
fn near(above: &[Point], below: &[Point]) -> bool {
    let ends = |points: &[Point], of: fn(&Point) -> f32| {
        let values = || points.iter().map(of);
        (values().fold(f32::MAX, f32::min), values().fold(f32::MIN, f32::max))
    };
    let ((left, right), (_, bottom)) = (ends(above, |point| point.x), ends(above, |point| point.y));
    let ((other_left, other_right), (top, _)) = (ends(below, |point| point.x), ends(below, |point| point.y));
    other_left < right && other_right > left && top - bottom <= (6 * STEP) as f32
}
