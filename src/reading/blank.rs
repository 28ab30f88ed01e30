//! Blank pages: how much ink there is on the picture of a page, without the traces of paper and scanner.
//!
//! Ink is counted in connected components: text has hundreds, and what a blank page shows (shadows at the edges, punch
//! holes, dust, streaks of the scanner's glass) is known by its place and form. A blank page is flagged, never dropped:
//! whoever doubts looks at it. In doubt a page is not blank.

mod components;

use image::GrayImage;

use self::components::{Component, components};

/// Pages are looked at with about this many pixels on the longer side (A4 at 100 dpi)...
const LONGEST_SIDE: u32 = 1240;
/// ...which is the length of the longer side of A4.
const LONGEST_MM: f32 = 297.0;
/// Ink is darker than the paper by this much.
const CONTRAST: u8 = 48;
/// A page whose paper is darker than this has been scanned wrongly, or is a photograph.
const DARKEST_PAPER: u8 = 140;
/// Dust is smaller than this square.
const DUST_MM: f32 = 0.4;
/// Shadows of the lid and of the paper's edges reach at most so far into the page.
const EDGE_MM: f32 = 8.0;
/// Punch holes (ISO 838: 6 mm, their centres 12 mm from the edge) are round, of sizes between these two...
const HOLE_MM: [f32; 2] = [3.5, 9.0];
/// ...and lie within this from an edge, also on paper that went in askew.
const HOLE_DEPTH_MM: f32 = 26.0;
/// A line that is this thin and this share of the page long is no writing.
const STREAK_MM: f32 = 1.0;
const STREAK_SHARE: f32 = 0.6;
/// A blank page has at most so many components, and none larger than this.
const MOST_COMPONENTS: u32 = 2;
const LARGEST_MM: f32 = 6.0;
/// If traces cover more than this share of a page, they are none: four holes and two streaks cover less.
const MOST_TRACES: f32 = 0.01;

/// What was found on a page after the traces of paper and scanner were taken away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ink {
    /// Connected pieces of ink. A page of text has some hundreds.
    pub components: u32,
    /// The longer side of the largest one, in millimetres if the page is A4.
    pub largest_mm: f32,
    /// The share of the page, from 0 to 1, that was taken for dust, streaks and holes.
    pub traces: f32,
}

impl Ink {
    /// Nothing that anybody has written or printed.
    pub fn is_blank(&self) -> bool {
        let is_little = self.components <= MOST_COMPONENTS && self.largest_mm <= LARGEST_MM;
        is_little && self.traces <= MOST_TRACES
    }
}

/// Whether nobody has written or printed anything on this page.
pub fn is_blank(page: &GrayImage) -> bool {
    ink(page).is_blank()
}

/// The ink on this page. A page that is mostly dark is all ink.
pub fn ink(page: &GrayImage) -> Ink {
    let small = smaller(page);
    let paper = paper(&small);
    if paper < DARKEST_PAPER {
        return Ink { components: u32::MAX, largest_mm: LONGEST_MM, traces: 0.0 };
    }
    let sheet = Sheet::of(&small);
    let (mut count, mut largest, mut traces) = (0, 0, 0);
    for found in components(&small, paper - CONTRAST, sheet.edge()) {
        if sheet.is_shadow(&found) {
            continue;
        }
        if sheet.is_trace(&found) {
            traces += found.pixels;
        } else {
            count += 1;
            largest = found.width().max(found.height()).max(largest);
        }
    }
    let traces = traces as f32 / small.as_raw().len().max(1) as f32;
    Ink { components: count, largest_mm: sheet.mm(largest), traces }
}

/// The page with means of squares of pixels as its pixels.
fn smaller(page: &GrayImage) -> GrayImage {
    let factor = page.width().max(page.height()).div_ceil(LONGEST_SIDE).max(1);
    let (width, height) = (page.width() / factor, page.height() / factor);
    let (stride, side) = (page.width() as usize, factor as usize);
    let mut sums = vec![0_u32; width as usize];
    let mut pixels = Vec::with_capacity(sums.len() * height as usize);
    for rows in page.as_raw().chunks_exact((stride * side).max(1)).take(height as usize) {
        sums.fill(0);
        for row in rows.chunks_exact(stride) {
            for (sum, square) in sums.iter_mut().zip(row.chunks_exact(side)) {
                *sum += square.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
            }
        }
        pixels.extend(sums.iter().map(|sum| u8::try_from(sum / (factor * factor)).unwrap_or(u8::MAX)));
    }
    GrayImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// The most frequent brightness.
fn paper(page: &GrayImage) -> u8 {
    let mut counts = [0_u32; 256];
    for pixel in page.as_raw() {
        counts[usize::from(*pixel)] += 1;
    }
    (0..=u8::MAX).max_by_key(|level| counts[usize::from(*level)]).unwrap_or(u8::MAX)
}

/// The page's size, and how many of its pixels are a millimetre.
struct Sheet {
    width: u32,
    height: u32,
    per_mm: f32,
}

impl Sheet {
    fn of(page: &GrayImage) -> Self {
        let (width, height) = page.dimensions();
        Self { width, height, per_mm: (width.max(height) as f32 / LONGEST_MM).max(1.0) }
    }

    fn mm(&self, pixels: u32) -> f32 {
        pixels as f32 / self.per_mm
    }

    fn edge(&self) -> u32 {
        (EDGE_MM * self.per_mm) as u32
    }

    /// Whether paper or scanner has left this, away from the edge.
    fn is_trace(&self, found: &Component) -> bool {
        let dust = (DUST_MM * self.per_mm).powi(2);
        (found.pixels as f32) < dust || self.is_hole(found) || self.is_streak(found)
    }

    /// It begins at the page's edge and stays near it.
    fn is_shadow(&self, found: &Component) -> bool {
        let near = 2;
        let at_edge = found.x0 < near
            || found.y0 < near
            || found.x1 + near >= self.width
            || found.y1 + near >= self.height;
        at_edge && !found.inner
    }

    /// A disc near the edge, or the ring that is left of it when the lid is white.
    fn is_hole(&self, found: &Component) -> bool {
        let (width, height) = (self.mm(found.width()), self.mm(found.height()));
        let [least, most] = HOLE_MM;
        let sized = [width, height].iter().all(|mm| (least..=most).contains(mm));
        let round = width.max(height) < 1.25 * width.min(height);
        let depth = [found.x1, found.y1, self.width - 1 - found.x0, self.height - 1 - found.y0];
        sized && round && depth.iter().any(|pixels| self.mm(*pixels) < HOLE_DEPTH_MM)
    }

    /// What dirt on the glass draws while the paper moves over it.
    fn is_streak(&self, found: &Component) -> bool {
        let (width, height) = (found.width(), found.height());
        let thin = self.mm(width.min(height)) <= STREAK_MM;
        let side = if width < height { self.height } else { self.width };
        thin && width.max(height) as f32 > STREAK_SHARE * side as f32
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::{ink, is_blank};

    /// A sheet of A4 at 200 dpi.
    fn sheet() -> GrayImage {
        GrayImage::from_pixel(1653, 2339, Luma([250]))
    }

    fn draw(page: &mut GrayImage, dark: impl Fn(i64, i64) -> bool) {
        for (x, y, pixel) in page.enumerate_pixels_mut() {
            if dark(i64::from(x), i64::from(y)) {
                *pixel = Luma([20]);
            }
        }
    }

    #[test]
    fn traces_of_paper_and_scanner_are_no_ink() {
        let mut page = sheet();
        assert!(is_blank(&page));
        draw(&mut page, |x, y| x < 40 || y > 2320 - x / 100);
        draw(&mut page, |x, y| {
            [(95, 850), (95, 1490)].iter().any(|(a, b)| (x - a).pow(2) + (y - b).pow(2) < 576)
        });
        draw(&mut page, |x, _| x == 1200);
        draw(&mut page, |x, y| x % 200 == 100 && y % 200 == 100);
        assert_eq!(ink(&page).components, 0);
    }

    #[test]
    fn a_signature_is_ink() {
        let mut page = sheet();
        draw(&mut page, |x, y| (600..900).contains(&x) && ((x - 600) / 3 - (y - 1800)).abs() < 3);
        assert_eq!(ink(&page).components, 1);
        assert!(!is_blank(&page));
    }

    #[test]
    fn photographs_and_dark_pages_are_not_blank() {
        let mut page = sheet();
        draw(&mut page, |x, y| x < 700 && y < 900);
        assert!(!is_blank(&page));
        assert!(!is_blank(&GrayImage::from_pixel(800, 1000, Luma([30]))));
    }

    #[test]
    fn any_size_is_answered() {
        for (width, height) in [(0, 0), (1, 1), (1, 5000), (5000, 1), (3, 3)] {
            assert!(is_blank(&GrayImage::from_pixel(width, height, Luma([255]))), "{width} {height}");
        }
        let lines = GrayImage::from_fn(1653, 2339, |x, _| Luma([if x % 4 < 2 { 0 } else { 255 }]));
        assert!(!is_blank(&lines));
        let noise =
            GrayImage::from_fn(1653, 2339, |x, y| Luma([if (x / 2 + y / 2) % 2 == 0 { 0 } else { 255 }]));
        assert!(!is_blank(&noise));
    }
}
