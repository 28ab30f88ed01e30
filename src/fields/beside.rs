//! Values that stand beside their label, on another line: to its right, or just below.

use super::label::{Label, Meaning};
use super::run::{Run, Sheet, has_box};
use crate::reading::Line;

/// How many lines around a label are looked at, so that a page of nothing but labels costs no more than another.
const MOST_LOOKED_AT: usize = 128;
/// How far the value may be, in heights of the label: to the right, and below.
const RIGHT: f32 = 25.0;
const BELOW: f32 = 1.6;

/// Gives each label that ends its run to the run that has its value.
pub(super) fn hand_over(sheet: &mut Sheet<'_>) {
    let first_lines: Vec<Option<usize>> = sheet.runs.iter().map(|run| line_of(run, 0)).collect();
    let mut run_of = vec![None; sheet.lines.len()];
    for (run, line) in first_lines.iter().enumerate() {
        if let Some(slot) = line.and_then(|line| run_of.get_mut(line)) {
            *slot = Some(run);
        }
    }
    let order = Order::of(sheet.lines);
    let mut given: Vec<(usize, Label)> = Vec::new();
    for at in 0..sheet.runs.len() {
        let Some(run) = sheet.runs.get(at) else { continue };
        let waiting: Vec<&Label> = run.labels_at(run.text.len()).filter(|label| waits(run, label)).collect();
        let last = run.text.len().checked_sub(1).and_then(|last| line_of(run, last));
        if let Some(line) = last.filter(|_| !waiting.is_empty())
            && let Some(to) = target(sheet, &order, &run_of, at, line)
        {
            given.extend(waiting.into_iter().map(|label| (to, *label)));
        }
    }
    for (to, label) in given {
        if let Some(run) = sheet.runs.get_mut(to) {
            run.inherit(&label);
        }
    }
}

fn line_of(run: &Run, at: usize) -> Option<usize> {
    run.places.get(at).map(|place| place.line)
}

/// Whether a label at the end of a run waits for its value: a colon says so, or that it has the line for itself. The place for
/// a seal or a signature waits for no text.
fn waits(run: &Run, label: &Label) -> bool {
    let alone = label.start == run.lead() || run.starts_line(label.start);
    let inside =
        run.labels.iter().take(8).any(|other| other.start == run.lead() && other.reach == label.reach);
    let signed =
        run.text.get(label.end..label.reach).is_some_and(|rest| rest.iter().any(|c| "章签印".contains(*c)));
    label.meaning != Meaning::Other && !signed && (label.colon || alone || inside)
}

/// The run with the value of the label that ends in `line`, the last of the run `at`.
fn target(
    sheet: &Sheet<'_>,
    order: &Order,
    run_of: &[Option<usize>],
    at: usize,
    line: usize,
) -> Option<usize> {
    let is_value =
        |run: &usize| sheet.runs.get(*run).is_some_and(|run| !run.text.is_empty() && !is_label(run));
    let Some(own) = sheet.lines.get(line).filter(|own| has_box(own)) else {
        return Some(at + 1).filter(is_value);
    };
    let around = order.around(own);
    // One character alone is no value, but a speck or a part of a seal.
    let some = |run: &usize| sheet.runs.get(*run).is_some_and(|run| run.text.len() > 1);
    let run = |line: usize| run_of.get(line).copied().flatten().filter(|run| *run != at && some(run));
    let nearest = |distance: fn(&Line, &Line) -> Option<f32>| {
        let some = around.iter().filter_map(|other| {
            let away = sheet
                .lines
                .get(*other)
                .filter(|other| has_box(other))
                .and_then(|other| distance(own, other))?;
            Some((away, run(*other)?))
        });
        some.min_by(|(one, _), (two, _)| one.total_cmp(two)).map(|(_, run)| run).filter(is_value)
    };
    nearest(to_the_right).or_else(|| nearest(below))
}

/// Whether a run begins with a label of its own.
fn is_label(run: &Run) -> bool {
    let apart = |label: &Label| label.colon || label.reach != label.end || label.end == run.text.len();
    let mut first = run.labels.iter().take(16);
    first.any(|label| label.start == run.lead() && (label.meaning == Meaning::Other || apart(label)))
}

fn to_the_right(own: &Line, other: &Line) -> Option<f32> {
    let height = own.y1 - own.y0;
    let shared = own.y1.min(other.y1) - own.y0.max(other.y0);
    let gap = other.x0 - own.x1;
    let beside =
        shared >= 0.5 * height.min(other.y1 - other.y0) && gap >= -0.5 * height && gap <= RIGHT * height;
    beside.then_some(gap)
}

fn below(own: &Line, other: &Line) -> Option<f32> {
    let height = own.y1 - own.y0;
    let gap = other.y0 - own.y1;
    let under = other.x0 < own.x1 && other.x1 > own.x0 && gap >= -0.4 * height && gap <= BELOW * height;
    under.then_some(gap)
}

/// The lines by the height they stand at.
struct Order {
    by_middle: Vec<(f32, usize)>,
}

impl Order {
    fn of(lines: &[Line]) -> Self {
        let boxed = lines.iter().enumerate().filter(|(_, line)| has_box(line));
        let mut by_middle: Vec<(f32, usize)> =
            boxed.map(|(at, line)| ((line.y0 + line.y1) / 2.0, at)).collect();
        by_middle.sort_by(|(one, _), (two, _)| one.total_cmp(two));
        Self { by_middle }
    }

    /// The lines from the height of `own` to some heights below it.
    fn around(&self, own: &Line) -> Vec<usize> {
        let (height, middle) = (own.y1 - own.y0, (own.y0 + own.y1) / 2.0);
        let first = self.by_middle.partition_point(|(y, _)| *y < middle - 0.8 * height);
        let some = self.by_middle.iter().skip(first).take(MOST_LOOKED_AT);
        some.take_while(|(y, _)| *y <= middle + 4.0 * height).map(|(_, at)| *at).collect()
    }
}
