//! Seals: red ink over text. In the red channel it is white, and what is printed below it can be read.

use image::{Rgb, RgbImage};

use super::Found;
use super::place::Place;

/// A page with more red than this share of its pixels is read in its red channel too.
const RED_SHARE: f64 = 0.0005;
/// How much redder than green and blue a pixel is that counts as red.
const REDDER: u8 = 40;
/// Lines that overlap by this share of the smaller one are two readings of one line.
const SAME: f32 = 0.6;
/// Red is looked for in squares of this many pixels.
const SQUARE: u32 = 16;
/// Squares with so many red pixels are red.
const RED_PIXELS: u16 = 8;

fn is_red_pixel(&Rgb([red, green, blue]): &Rgb<u8>) -> bool {
    red.saturating_sub(green.max(blue)) >= REDDER
}

/// Whether there is enough red on the page for a second reading.
pub(super) fn is_red(page: &RgbImage) -> bool {
    let red = page.pixels().filter(|pixel| is_red_pixel(pixel)).count();
    red as f64 > RED_SHARE * f64::from(page.width()) * f64::from(page.height())
}

/// Where a page is red.
pub(super) struct Red {
    columns: u32,
    squares: Vec<u16>,
}

impl Red {
    /// Whether the place lies over red, at least in part.
    pub(super) fn touches(&self, place: &Place) -> bool {
        let [left, top, right, bottom] = place.around().map(|side| side.max(0.0) as u32 / SQUARE);
        let mut squares = (top..=bottom).flat_map(|y| (left..=right).map(move |x| (x, y)));
        squares.any(|(x, y)| {
            let at = (x < self.columns).then_some((y * self.columns + x) as usize);
            at.and_then(|at| self.squares.get(at)).is_some_and(|red| *red >= RED_PIXELS)
        })
    }
}

/// The red channel as a grey picture, and where the page is red.
pub(super) fn without_red(page: &RgbImage) -> (RgbImage, Red) {
    let columns = page.width().div_ceil(SQUARE);
    let mut squares = vec![0_u16; (columns * page.height().div_ceil(SQUARE)) as usize];
    for (x, y, pixel) in page.enumerate_pixels() {
        squares[(y / SQUARE * columns + x / SQUARE) as usize] += u16::from(is_red_pixel(pixel));
    }
    let pale = RgbImage::from_fn(page.width(), page.height(), |x, y| Rgb([page.get_pixel(x, y)[0]; 3]));
    (pale, Red { columns, squares })
}

/// Adds the lines of the second reading. Of two readings of one line the surer one stays, and the other one is kept
/// beside it if it differs.
pub(super) fn merge(lines: &mut Vec<Found>, below: Vec<Found>) {
    let first = lines.len();
    for found in below {
        let same = lines[..first].iter_mut().find(|line| overlap(line, &found) > SAME);
        match same {
            Some(line) if line.text == found.text => line.confidence = line.confidence.max(found.confidence),
            Some(line) if line.confidence >= found.confidence => line.other = Some(found.text),
            Some(line) => {
                let other = std::mem::replace(line, found).text;
                line.other = Some(other);
            }
            None => lines.push(found),
        }
    }
}

/// The common area as a share of the smaller one.
fn overlap(a: &Found, b: &Found) -> f32 {
    let ([ax0, ay0, ax1, ay1], [bx0, by0, bx1, by1]) = (a.around(), b.around());
    let (width, height) = (ax1.min(bx1) - ax0.max(bx0), ay1.min(by1) - ay0.max(by0));
    let smaller = ((ax1 - ax0) * (ay1 - ay0)).min((bx1 - bx0) * (by1 - by0));
    if width > 0.0 && height > 0.0 && smaller > 0.0 { width * height / smaller } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::super::place::Place;
    use super::{Found, is_red, merge, without_red};

    fn found(text: &str, y: f32, confidence: f32) -> Found {
        let place = Place { centre: (100.0, y), along: (1.0, 0.0), length: 100.0, height: 20.0 };
        Found { text: text.to_owned(), confidence, other: None, place }
    }

    #[test]
    fn red_is_seen_where_it_is_and_is_white_in_its_channel() {
        let seal = |x: u32, y: u32| (64..96).contains(&x) && (64..96).contains(&y);
        let page =
            RgbImage::from_fn(640, 480, |x, y| if seal(x, y) { Rgb([220, 40, 50]) } else { Rgb([250; 3]) });
        assert!(is_red(&page));
        let (pale, red) = without_red(&page);
        assert_eq!(pale.get_pixel(70, 70), &Rgb([220; 3]));
        let at = |x: f32, y: f32| Place { centre: (x, y), along: (1.0, 0.0), length: 40.0, height: 20.0 };
        assert!(red.touches(&at(90.0, 80.0)) && !red.touches(&at(300.0, 80.0)));
        assert!(!red.touches(&at(900.0, 900.0)));
        let black = RgbImage::from_pixel(640, 480, Rgb([30, 20, 20]));
        assert!(!is_red(&black));
    }

    #[test]
    fn of_two_readings_the_surer_one_stays() {
        let mut lines = vec![found("same", 20.0, 0.7), found("seaI", 60.0, 0.6), found("sure", 100.0, 0.9)];
        merge(
            &mut lines,
            vec![
                found("same", 21.0, 0.9),
                found("seal", 61.0, 0.8),
                found("sore", 101.0, 0.5),
                found("below", 300.0, 0.8),
            ],
        );
        let all: Vec<_> = lines.iter().map(|l| (l.text.as_str(), l.confidence, l.other.as_deref())).collect();
        let expected = [
            ("same", 0.9, None),
            ("seal", 0.8, Some("seaI")),
            ("sure", 0.9, Some("sore")),
            ("below", 0.8, None),
        ];
        assert_eq!(all, expected);
    }
}
