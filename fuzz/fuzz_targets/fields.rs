//! The lines of a page, as OCR of anything could give them: what is found stands on the page, and the limits hold.
#![no_main]

use lantai::fields::{Known, Limits, find, observations};
use lantai::reading::Line;
use libfuzzer_sys::fuzz_target;

/// A line of the page: its first three characters place it, a `\t` parts what OCR read from what it read otherwise.
fn line(text: &str) -> Line {
    let mut place = text.chars().take(3).map(|c| (u32::from(c) % 600) as f32);
    let (x0, y0, width) = (place.next().unwrap_or(0.0), place.next().unwrap_or(0.0), place.next().unwrap_or(0.0));
    let (text, other) = text.split_once('\t').map_or((text, None), |(text, other)| (text, Some(other.to_owned())));
    let confidence = other.is_some().then_some(0.5);
    Line { text: text.to_owned(), confidence, other, x0, y0, x1: x0 + width, y1: y0 + 12.0 }
}

fuzz_target!(|text: &str| {
    let (text, known) = text.rsplit_once('\0').unwrap_or((text, ""));
    let mut lines: Vec<Line> = text.lines().map(line).collect();
    if text.starts_with('_') {
        lines.iter_mut().for_each(|line| *line = Line { text: line.text.clone(), ..Line::default() });
    }
    let limits = Limits { fields: 50, ..Limits::default() };
    let fields = find(&lines, 1, &limits);
    assert!(fields.len() <= limits.fields);
    for field in &fields {
        assert!(!field.value.is_empty() && field.lines.0 <= field.lines.1, "{field:?}");
        assert!((field.lines.1 as usize) < lines.len(), "{field:?}");
        assert!(field.x0 <= field.x1 && field.y0 <= field.y1, "{field:?}");
    }
    let known = Known {
        name: Some(known.to_owned()),
        id_number: Some(known.to_owned()),
        amounts_fen: known.bytes().map(i64::from).collect(),
        contract_numbers: known.split(',').map(str::to_owned).collect(),
    };
    let _ = observations(&fields, &known, jiff::civil::date(2026, 2, 28));
});
