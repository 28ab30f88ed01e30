//! Where a line ends.

use super::face::Glyphs;

/// The lines of a text at this size, none wider than `width` unless one character is.
pub(super) fn wrap(glyphs: &Glyphs<'_>, text: &str, size: f32, width: f32) -> Vec<String> {
    let text = glyphs.printable(text);
    let mut lines = Vec::new();
    let (mut line, mut filled) = (String::new(), 0.0);
    // Where the line may be broken: the byte at which the next one would begin.
    let mut may_break = 0;
    let mut before = None;
    for c in text.chars() {
        if before.is_some_and(|before| parts(before, c)) {
            may_break = line.len();
        }
        let advance = glyphs.advance(c) * size;
        if filled + advance > width && !line.is_empty() && c != ' ' {
            let at = if may_break > 0 { may_break } else { line.len() };
            let rest = line.split_off(at).trim_start().to_owned();
            lines.push(line.trim_end().to_owned());
            filled = glyphs.width(&rest, size);
            line = rest;
            may_break = 0;
        }
        line.push(c);
        filled += advance;
        before = Some(c);
    }
    if !line.trim().is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Whether a line may end between these two: after a space or a hyphen, and beside a Chinese character, but neither before
/// what closes nor after what opens.
fn parts(before: char, after: char) -> bool {
    let beside = before == ' ' || before == '-' || is_wide(before) || is_wide(after);
    beside
        && !"，。、；：？！）》」』】〕〉”’…·,.;:?!)]}%".contains(after)
        && !"（《「『【〔〈“‘([{".contains(before)
}

fn is_wide(c: char) -> bool {
    u32::from(c) >= 0x2e80
}
