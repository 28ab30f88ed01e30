//! Connected pieces of ink, by runs of pixels that are joined row by row (union-find).

use std::ops::Range;

use image::GrayImage;

/// A connected piece of ink: its box (both ends within), its pixels, and how it lies to the page's edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) x0: u32,
    pub(super) y0: u32,
    pub(super) x1: u32,
    pub(super) y1: u32,
    pub(super) pixels: u32,
    /// It is further from the page's edge than shadows reach. Ink over that border is two pieces.
    pub(super) inner: bool,
}

impl Component {
    pub(super) fn width(&self) -> u32 {
        self.x1 - self.x0 + 1
    }

    pub(super) fn height(&self) -> u32 {
        self.y1 - self.y0 + 1
    }

    fn add(&mut self, other: &Self) {
        (self.x0, self.y0) = (self.x0.min(other.x0), self.y0.min(other.y0));
        (self.x1, self.y1) = (self.x1.max(other.x1), self.y1.max(other.y1));
        self.pixels += other.pixels;
    }
}

/// The connected pieces (also over corners) of what is darker than `light`, by runs of pixels joined row by row.
pub(super) fn components(page: &GrayImage, light: u8, edge: u32) -> Vec<Component> {
    let mut forest = Forest::default();
    let mut above = 0..0;
    for (y, row) in (0..).zip(page.as_raw().chunks_exact(page.width().max(1) as usize)) {
        let start = forest.runs.len();
        for run in dark_runs(row, light) {
            for piece in pieces(run, y, page.dimensions(), edge) {
                forest.grow(piece);
            }
        }
        forest.join(above, start..forest.runs.len());
        above = start..forest.runs.len();
    }
    forest.trees()
}

/// First and last pixel of each stretch of dark ones.
fn dark_runs(row: &[u8], light: u8) -> impl Iterator<Item = (u32, u32)> {
    let mut x = 0;
    std::iter::from_fn(move || {
        x += row.get(x..)?.iter().position(|pixel| *pixel < light)?;
        let start = x;
        x += row[x..].iter().position(|pixel| *pixel >= light).unwrap_or(row.len() - x);
        Some((start as u32, x as u32 - 1))
    })
}

/// A run, cut where it comes out of the margin in which shadows are.
fn pieces(
    (x0, x1): (u32, u32),
    y: u32,
    (width, height): (u32, u32),
    edge: u32,
) -> impl Iterator<Item = Component> {
    let is_row_inner = (edge..height.saturating_sub(edge)).contains(&y);
    let (left, right) =
        if is_row_inner { (edge, width.saturating_sub(edge).max(edge)) } else { (width, width) };
    let zones = [(0, left, false), (left, right, true), (right, width, false)];
    zones.into_iter().filter_map(move |(from, to, inner)| {
        let (x0, end) = (x0.max(from), (x1 + 1).min(to));
        (x0 < end).then(|| Component { x0, y0: y, x1: end - 1, y1: y, pixels: end - x0, inner })
    })
}

/// Runs, and which of them belong together (union-find).
#[derive(Default)]
struct Forest {
    runs: Vec<Component>,
    parents: Vec<usize>,
}

impl Forest {
    fn grow(&mut self, run: Component) {
        self.parents.push(self.runs.len());
        self.runs.push(run);
    }

    /// Joins the runs of a row with those of the row above that they touch.
    fn join(&mut self, above: Range<usize>, here: Range<usize>) {
        let mut up = above.start;
        for at in here {
            let (x0, x1) = (self.runs[at].x0, self.runs[at].x1);
            while up < above.end && self.runs[up].x1 + 1 < x0 {
                up += 1;
            }
            let mut touching = up;
            while touching < above.end && self.runs[touching].x0 <= x1 + 1 {
                if self.runs[touching].inner == self.runs[at].inner {
                    let (a, b) = (self.root(touching), self.root(at));
                    self.parents[a.max(b)] = a.min(b);
                }
                touching += 1;
            }
        }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    fn trees(mut self) -> Vec<Component> {
        for at in (0..self.runs.len()).rev() {
            let root = self.root(at);
            if root != at {
                let run = self.runs[at];
                self.runs[root].add(&run);
            }
        }
        let roots = (0..self.runs.len()).filter(|at| self.parents[*at] == *at);
        roots.map(|at| self.runs[at]).collect()
    }
}
