//! Where a line stands: a rectangle at any angle, and the picture that is cut out of it.

use image::{Rgb, RgbImage};

/// A rectangle whose longer axis is the direction of writing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) centre: (f32, f32),
    /// The direction of writing, a unit vector; (1, 0) is from left to right.
    pub(super) along: (f32, f32),
    pub(super) length: f32,
    pub(super) height: f32,
}

/// A rectangle so much higher than wide is a line that runs downwards.
const DOWNWARDS: f32 = 1.5;

impl Place {
    /// The smallest rectangle around the points; none without points.
    pub(super) fn around_points(points: &[(f32, f32)]) -> Option<Self> {
        let hull = hull(points.to_vec());
        let edges = (0..hull.len()).map(|at| (hull[at], hull[(at + 1) % hull.len()]));
        let directions = edges.filter_map(|(a, b)| unit((b.0 - a.0, b.1 - a.1)));
        let boxes = directions.chain([(1.0, 0.0)]).filter_map(|along| Self::aligned(&hull, along));
        boxes.min_by(|a, b| (a.length * a.height).total_cmp(&(b.length * b.height))).map(Self::as_written)
    }

    /// The rectangle around the points with this direction.
    fn aligned(points: &[(f32, f32)], along: (f32, f32)) -> Option<Self> {
        let down = across(along);
        let range = |axis: (f32, f32)| {
            points.iter().map(|point| dot(*point, axis)).fold(None, |range: Option<(f32, f32)>, value| {
                Some(range.map_or((value, value), |(least, most)| (least.min(value), most.max(value))))
            })
        };
        let ((u0, u1), (v0, v1)) = (range(along)?, range(down)?);
        let (u, v) = (f32::midpoint(u0, u1), f32::midpoint(v0, v1));
        let centre = (along.0 * u + down.0 * v, along.1 * u + down.1 * v);
        Some(Self { centre, along, length: u1 - u0, height: v1 - v0 })
    }

    /// The same rectangle, seen as people write: to the right, or downwards if it is much higher than wide.
    fn as_written(self) -> Self {
        let mut place = self;
        for _ in 0..4 {
            let (x, y) = place.along;
            if x > 0.0 && x >= y.abs() {
                break;
            }
            let (length, height) = (place.height, place.length);
            place = Self { along: across(place.along), length, height, ..place };
        }
        if place.height > DOWNWARDS * place.length {
            let (length, height) = (place.height, place.length);
            place = Self { along: across(place.along), length, height, ..place };
        }
        place
    }

    /// Grown by so much on every side.
    pub(super) fn grown(self, by: f32) -> Self {
        Self { length: self.length + 2.0 * by, height: self.height + 2.0 * by, ..self }
    }

    /// On a picture so many times as wide and as high.
    pub(super) fn scaled(self, x: f32, y: f32) -> Self {
        let corners = self.corners().map(|(cx, cy)| (cx * x, cy * y));
        let along = unit((self.along.0 * x, self.along.1 * y)).unwrap_or(self.along);
        Self::aligned(&corners, along).unwrap_or(self)
    }

    /// Whether the point is inside.
    pub(super) fn contains(&self, (x, y): (f32, f32)) -> bool {
        let from_centre = (x - self.centre.0, y - self.centre.1);
        dot(from_centre, self.along).abs() <= self.length / 2.0
            && dot(from_centre, across(self.along)).abs() <= self.height / 2.0
    }

    pub(super) fn corners(&self) -> [(f32, f32); 4] {
        [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)].map(|(u, v)| self.at(u, v))
    }

    /// The upright rectangle around it: left, top, right, bottom.
    pub(super) fn around(&self) -> [f32; 4] {
        let corners = self.corners();
        let least = |pick: fn(&(f32, f32)) -> f32| corners.iter().map(pick).fold(f32::MAX, f32::min);
        let most = |pick: fn(&(f32, f32)) -> f32| corners.iter().map(pick).fold(f32::MIN, f32::max);
        [least(|c| c.0), least(|c| c.1), most(|c| c.0), most(|c| c.1)]
    }

    /// The point of the page at these shares of length and height from the centre.
    fn at(&self, u: f32, v: f32) -> (f32, f32) {
        let (du, dv) = (u * self.length, v * self.height);
        let down = across(self.along);
        (self.centre.0 + self.along.0 * du + down.0 * dv, self.centre.1 + self.along.1 * du + down.1 * dv)
    }

    /// The picture of the line, straight, of this height, and as wide as that makes it but not wider than `most`.
    pub(super) fn cut(&self, page: &RgbImage, height: u32, most: u32) -> RgbImage {
        let scale = height as f32 / self.height.max(1.0);
        let width = ((self.length * scale).round().max(1.0) as u32).min(most);
        // Where the line is larger than its picture, several points of the page make one of the picture.
        let points = (1.0 / scale).ceil().clamp(1.0, 4.0) as u32;
        let steps = |count: u32| move |at: u32| (at as f32 + 0.5) / (count * points) as f32 - 0.5;
        let (u, v) = (steps(width), steps(height));
        RgbImage::from_fn(width, height, |x, y| {
            let mut sum = [0.0; 3];
            for (i, j) in (0..points).flat_map(|i| (0..points).map(move |j| (i, j))) {
                let colour = sample(page, self.at(u(x * points + i), v(y * points + j)));
                sum = std::array::from_fn(|channel| sum[channel] + colour[channel]);
            }
            Rgb(sum.map(|value| (value / (points * points) as f32).round() as u8))
        })
    }
}

/// The colour at a point between pixels; beyond the edge it is that of the edge.
fn sample(page: &RgbImage, (x, y): (f32, f32)) -> [f32; 3] {
    let (right, bottom) = ((page.width() - 1) as f32, (page.height() - 1) as f32);
    let (x, y) = ((x - 0.5).clamp(0.0, right), (y - 0.5).clamp(0.0, bottom));
    let (x0, y0) = (x as u32, y as u32);
    let (x1, y1) = ((x0 + 1).min(page.width() - 1), (y0 + 1).min(page.height() - 1));
    let (dx, dy) = (x - x0 as f32, y - y0 as f32);
    let [a, b, c, d] = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|(x, y)| page.get_pixel(x, y).0);
    std::array::from_fn(|channel| {
        let [a, b, c, d] = [a, b, c, d].map(|colour| f32::from(colour[channel]));
        let (top, bottom) = (a + (b - a) * dx, c + (d - c) * dx);
        top + (bottom - top) * dy
    })
}

fn dot(a: (f32, f32), b: (f32, f32)) -> f32 {
    a.0 * b.0 + a.1 * b.1
}

/// Turned clockwise by a quarter, as seen on a page whose y runs downwards.
fn across((x, y): (f32, f32)) -> (f32, f32) {
    (-y, x)
}

fn unit((x, y): (f32, f32)) -> Option<(f32, f32)> {
    let length = x.hypot(y);
    (length > f32::EPSILON).then(|| (x / length, y / length))
}

/// The convex hull (monotone chain).
fn hull(mut points: Vec<(f32, f32)>) -> Vec<(f32, f32)> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup();
    let mut lower = half_hull(points.iter().copied());
    let upper = half_hull(points.iter().rev().copied());
    lower.pop();
    lower.extend(upper);
    lower
}

fn half_hull(points: impl Iterator<Item = (f32, f32)>) -> Vec<(f32, f32)> {
    let mut chain: Vec<(f32, f32)> = Vec::new();
    for point in points {
        while let [.., a, b] = chain[..] {
            let turn = (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0);
            if turn > 0.0 {
                break;
            }
            chain.pop();
        }
        chain.push(point);
    }
    chain
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::Place;

    fn near(a: (f32, f32), b: (f32, f32)) -> bool {
        (a.0 - b.0).abs() < 0.01 && (a.1 - b.1).abs() < 0.01
    }

    #[test]
    fn the_smallest_rectangle_lies_as_the_line_does() {
        // 100 long and 20 high, falling by 3 in 4.
        let (along, down) = ((0.8, 0.6), (-0.6, 0.8));
        let at = |u: f32, v: f32| (200.0 + along.0 * u + down.0 * v, 300.0 + along.1 * u + down.1 * v);
        let points =
            [at(0.0, 0.0), at(100.0, 0.0), at(100.0, 20.0), at(0.0, 20.0), at(50.0, 10.0), at(30.0, 5.0)];
        let place = Place::around_points(&points).unwrap();
        assert!(near(place.along, along) && near(place.centre, at(50.0, 10.0)), "{place:?}");
        assert!(near((place.length, place.height), (100.0, 20.0)), "{place:?}");
        let grown = place.grown(5.0);
        assert!(grown.contains(at(-4.0, -4.0)) && !place.contains(at(-4.0, -4.0)));
        assert!(Place::around_points(&[]).is_none());
    }

    #[test]
    fn a_high_rectangle_is_a_line_that_runs_downwards() {
        let place =
            Place::around_points(&[(10.0, 10.0), (30.0, 10.0), (30.0, 110.0), (10.0, 110.0)]).unwrap();
        assert!(
            near(place.along, (0.0, 1.0)) && near((place.length, place.height), (100.0, 20.0)),
            "{place:?}"
        );
        let square = Place::around_points(&[(0.0, 0.0), (20.0, 0.0), (20.0, 22.0), (0.0, 22.0)]).unwrap();
        assert!(near(square.along, (1.0, 0.0)), "{square:?}");
    }

    #[test]
    fn a_line_is_cut_out_straight() {
        // Green above red, in a line that runs downwards: its upper side is on the right.
        let page =
            RgbImage::from_fn(40, 120, |x, _| if x < 20 { Rgb([255, 0, 0]) } else { Rgb([0, 255, 0]) });
        let place = Place { centre: (20.0, 60.0), along: (0.0, 1.0), length: 100.0, height: 20.0 };
        let line = place.cut(&page, 48, 3200);
        assert_eq!(line.dimensions(), (240, 48));
        assert_eq!((line.get_pixel(120, 5).0, line.get_pixel(120, 42).0), ([0, 255, 0], [255, 0, 0]));
        assert_eq!(place.cut(&page, 48, 100).width(), 100);
        let outside = Place { centre: (-50.0, -50.0), ..place };
        assert_eq!(outside.cut(&page, 48, 3200).get_pixel(0, 0).0, [255, 0, 0]);
    }

    #[test]
    fn places_follow_the_scale_of_the_picture() {
        let place = Place { centre: (10.0, 20.0), along: (1.0, 0.0), length: 8.0, height: 4.0 };
        assert_eq!(place.scaled(2.0, 3.0).around(), [12.0, 54.0, 28.0, 66.0]);
    }
}
