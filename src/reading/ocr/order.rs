//! The order in which people read what was found on a page: row by row, but columns of running text one after the other.

use super::Found;

/// A column has at least so many lines, they fill it on average to this share, and it takes this share of the width:
/// what is less is a column of a form, which is read with its row.
const COLUMN_LINES: usize = 5;
const COLUMN_FILLED: f32 = 0.6;
const COLUMN_WIDTH: f32 = 0.3;
/// Between columns there is at least so much room, in heights of a line.
const GUTTER: f32 = 0.7;
/// Lines whose middles are nearer than this share of their height stand in one row.
const SAME_ROW: f32 = 0.5;
/// Columns within columns are looked for so often.
const DEPTH: u32 = 3;

/// The lines in reading order.
pub(super) fn in_reading_order(lines: Vec<Found>) -> Vec<Found> {
    let slope = slope(&lines);
    let items = lines.into_iter().map(|line| Item::new(line, slope)).collect();
    ordered(items, DEPTH).into_iter().map(|item| item.line).collect()
}

/// A line, with its sides on the page as it would be without skew.
struct Item {
    line: Found,
    left: f32,
    right: f32,
    middle: f32,
    height: f32,
}

impl Item {
    fn new(line: Found, slope: f32) -> Self {
        let [left, top, right, bottom] = line.around();
        let middle = line.place.centre.1 - slope * line.place.centre.0;
        let height = line.place.height.min(bottom - top);
        Self { line, left, right, middle, height }
    }
}

/// How much lines fall towards the right: the middle value of those that run to the right.
fn slope(lines: &[Found]) -> f32 {
    let along = lines.iter().map(|line| line.place.along).filter(|(x, y)| x.abs() > 4.0 * y.abs());
    let mut slopes: Vec<f32> = along.map(|(x, y)| y / x).collect();
    slopes.sort_by(f32::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(0.0)
}

fn ordered(mut items: Vec<Item>, depth: u32) -> Vec<Item> {
    items.sort_by(|a, b| a.middle.total_cmp(&b.middle));
    let Some(gutter) = gutter(&items).filter(|_| depth > 0) else { return by_rows(items) };
    // Lines over the gutter, such as titles, stand between the blocks of columns.
    let (mut done, mut block) = (Vec::new(), Vec::new());
    for item in items {
        if item.left < gutter && item.right > gutter {
            done.extend(by_columns(std::mem::take(&mut block), gutter, depth));
            done.push(item);
        } else {
            block.push(item);
        }
    }
    done.extend(by_columns(block, gutter, depth));
    done
}

/// Where the fewest lines are in the way between a left and a right half, if there is room for a gutter.
fn gutter(items: &[Item]) -> Option<f32> {
    const STEPS: u16 = 100;
    let (least, most) = extent(items);
    let at = |step: u16| least + (most - least) * f32::from(step) / f32::from(STEPS);
    let crossing = |x: f32| items.iter().filter(|item| item.left < x && item.right > x).count();
    let best = (20..80).map(at).min_by_key(|x| crossing(*x))?;
    let aside = items.len() - crossing(best);
    (aside >= 2 * COLUMN_LINES).then_some(best)
}

fn by_columns(block: Vec<Item>, gutter: f32, depth: u32) -> Vec<Item> {
    let (left, right): (Vec<Item>, Vec<Item>) = block.into_iter().partition(|item| item.right <= gutter);
    let least = extent(&left).0.min(extent(&right).0);
    let width = extent(&left).1.max(extent(&right).1) - least;
    if !(is_column(&left, width) && is_column(&right, width) && has_room(&left, &right)) {
        return by_rows(left.into_iter().chain(right).collect());
    }
    let mut done = ordered(left, depth - 1);
    done.extend(ordered(right, depth - 1));
    done
}

/// From where to where lines stand.
fn extent(items: &[Item]) -> (f32, f32) {
    let least = items.iter().map(|item| item.left).fold(f32::MAX, f32::min);
    let most = items.iter().map(|item| item.right).fold(f32::MIN, f32::max);
    (least, most)
}

fn is_column(items: &[Item], width_of_all: f32) -> bool {
    let (least, most) = extent(items);
    let filled: f32 = items.iter().map(|item| item.right - item.left).sum();
    items.len() >= COLUMN_LINES
        && filled / items.len() as f32 >= COLUMN_FILLED * (most - least)
        && most - least >= COLUMN_WIDTH * width_of_all
}

fn has_room(left: &[Item], right: &[Item]) -> bool {
    let height = left.iter().chain(right).map(|item| item.height).fold(f32::MAX, f32::min);
    extent(right).0 - extent(left).1 >= GUTTER * height
}

fn by_rows(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by(|a, b| a.middle.total_cmp(&b.middle));
    let mut rows: Vec<Vec<Item>> = Vec::new();
    for item in items {
        match rows.last_mut() {
            Some(row) if item.middle - row[0].middle < SAME_ROW * item.height.min(row[0].height) => {
                row.push(item);
            }
            _ => rows.push(vec![item]),
        }
    }
    let sorted = rows.into_iter().flat_map(|mut row| {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
        row
    });
    sorted.collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Found, Place};
    use super::in_reading_order;

    /// A line of this text and width, 20 high, on a page that is skewed by `slope`.
    fn line(text: &str, (x, y): (f32, f32), width: f32, slope: f32) -> Found {
        let length = slope.hypot(1.0);
        let along = (1.0 / length, slope / length);
        let middle = x + width / 2.0;
        let place = Place { centre: (middle, y + slope * middle), along, length: width, height: 20.0 };
        Found { text: text.to_owned(), confidence: 1.0, other: None, place }
    }

    fn order(lines: Vec<Found>) -> Vec<String> {
        in_reading_order(lines).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_form_is_read_row_by_row_even_if_it_is_skewed() {
        let rows = (0..8_u8).rev().flat_map(|row| {
            let y = 50.0 + 30.0 * f32::from(row);
            [
                line(&format!("value{row}"), (500.0, y + 2.0), 300.0, 0.03),
                line(&format!("key{row}"), (50.0, y), 80.0, 0.03),
            ]
        });
        let expected: Vec<String> =
            (0..8).flat_map(|row| [format!("key{row}"), format!("value{row}")]).collect();
        assert_eq!(order(rows.collect()), expected);
    }

    #[test]
    fn columns_of_text_are_read_one_after_the_other() {
        let mut lines =
            vec![line("title", (50.0, 10.0), 900.0, 0.0), line("foot", (50.0, 500.0), 900.0, 0.0)];
        for row in 0..10_u8 {
            let y = 60.0 + 30.0 * f32::from(row);
            lines.push(line(&format!("right{row}"), (530.0, y), 420.0, 0.0));
            lines.push(line(&format!("left{row}"), (50.0, y), 430.0, 0.0));
        }
        let columns =
            ["left", "right"].iter().flat_map(|side| (0..10).map(move |row| format!("{side}{row}")));
        let expected: Vec<String> =
            std::iter::once("title".to_owned()).chain(columns).chain(["foot".to_owned()]).collect();
        assert_eq!(order(lines), expected);
    }
}
