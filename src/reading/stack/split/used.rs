//! Which pictures a page draws.
//!
//! Documents may have one dictionary of resources for all of their pages. A part that took it whole would hold the
//! pictures of every page, also of those that belong to another case: it may only take what its own pages name.

use std::collections::BTreeSet;

use lopdf::{DecompressError, Dictionary, Document, Error, Object, ObjectId, Stream};

use super::SplitError;

type Names = BTreeSet<Vec<u8>>;

/// The names of the resources' XObjects (ISO 32000-1, 8.8 to 8.10) that the page draws, or that the forms draw which it
/// draws, if they have no resources of their own. More names than that if in doubt, and never fewer.
pub(super) fn drawn(
    source: &Document,
    page: ObjectId,
    resources: &Dictionary,
    mut left: usize,
) -> Result<Names, SplitError> {
    let objects = dictionary(source, resources, b"XObject");
    let all =
        || objects.iter().flat_map(|objects| objects.iter()).map(|(name, _)| name.clone()).collect::<Names>();
    if has_borrowers(source, resources) {
        return Ok(all());
    }
    let (mut names, mut kept) = (Names::new(), Names::new());
    for id in source.get_page_contents(page) {
        if let Ok(stream) = source.get_object(id).and_then(Object::as_stream) {
            named(stream, &mut left, &mut names)?;
        }
    }
    while let Some(name) = names.pop_first() {
        let Some(object) = objects.and_then(|objects| objects.get(&name).ok()) else { continue };
        if !kept.insert(name) {
            continue;
        }
        if let Ok((_, Object::Stream(stream))) = source.dereference(object)
            && is_borrower(stream)
            && stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Form")
        {
            named(stream, &mut left, &mut names)?;
        }
    }
    Ok(kept)
}

/// An entry of the resources that is a dictionary.
fn dictionary<'a>(source: &'a Document, resources: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    let (_, object) = source.dereference(resources.get(key).ok()?).ok()?;
    object.as_dict().ok()
}

/// Whether fonts that are drawn, or patterns, use the page's resources for want of their own.
fn has_borrowers(source: &Document, resources: &Dictionary) -> bool {
    let values = |key| {
        let entries = dictionary(source, resources, key).into_iter().flat_map(Dictionary::iter);
        entries.filter_map(|(_, value)| source.dereference(value).ok().map(|(_, value)| value))
    };
    let drawn = |font: &Object| {
        let font = font.as_dict().ok()?;
        let kind = font.get(b"Subtype").and_then(Object::as_name).ok()?;
        Some(kind == b"Type3" && !font.has(b"Resources"))
    };
    values(b"Font").any(|font| drawn(font).unwrap_or(false))
        || values(b"Pattern").any(|pattern| pattern.as_stream().is_ok_and(is_borrower))
}

fn is_borrower(stream: &Stream) -> bool {
    !stream.dict.has(b"Resources")
}

/// Adds all names that stand in a content stream, also in its strings and inline pictures. `left` is how many bytes may
/// still be unpacked.
fn named(stream: &Stream, left: &mut usize, names: &mut Names) -> Result<(), SplitError> {
    let content = stream.get_plain_content_with_limit(*left).map_err(|error| match error {
        Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => SplitError::TooLarge,
        _ => SplitError::Damaged,
    })?;
    *left -= content.len().min(*left);
    let ends =
        |byte: &u8| matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ') || b"()<>[]{}/%".contains(byte);
    for after in content.split(|byte| *byte == b'/').skip(1) {
        let name = after.split(ends).next().unwrap_or_default();
        names.insert(unescaped(name));
    }
    Ok(())
}

/// A name with its `#41` (7.3.5) as bytes.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, after @ ..] = rest {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (*first, digit(0), digit(1)) {
            (b'#', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use lopdf::{Document, Object, Stream, dictionary};

    use super::{Names, drawn, unescaped};

    #[test]
    fn names_are_unescaped() {
        assert_eq!(unescaped(b"A#42#"), b"AB#");
        assert_eq!(unescaped(b"#4"), b"#4");
        assert_eq!(unescaped(b""), b"");
    }

    /// A page with this content, and pictures A, B and C, a form F without resources that draws C, and G with its own.
    fn kept(content: &str, font: Object) -> Names {
        let mut pdf = Document::with_version("1.5");
        let mut form = |content: &str, own: bool| {
            let mut dict = dictionary! { "Subtype" => "Form" };
            if own {
                dict.set("Resources", dictionary! {});
            }
            pdf.add_object(Stream::new(dict, content.as_bytes().to_vec()))
        };
        let (borrows, owns) = (form("/C Do", false), form("/B Do", true));
        let picture = pdf.add_object(Stream::new(dictionary! { "Subtype" => "Image" }, Vec::new()));
        let content = pdf.add_object(Stream::new(dictionary! {}, content.as_bytes().to_vec()));
        let page = pdf.add_object(dictionary! { "Contents" => content });
        let objects =
            dictionary! { "A" => picture, "B" => picture, "C" => picture, "F" => borrows, "G" => owns };
        let resources = dictionary! { "XObject" => objects, "Font" => dictionary! { "T" => font } };
        drawn(&pdf, page, &resources, 1000).unwrap()
    }

    #[test]
    fn a_page_keeps_what_it_draws() {
        let kept = |content| {
            let names = kept(content, Object::Null);
            names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<String>()
        };
        assert_eq!(kept("q /A Do Q"), "A");
        assert_eq!(kept("/#41 Do/B gs[/Z]"), "AB");
        assert_eq!(kept("/F Do"), "CF");
        assert_eq!(kept("/G Do"), "G");
        assert_eq!(kept("no names"), "");
    }

    #[test]
    fn if_others_may_draw_everything_is_kept() {
        let drawn_font = dictionary! { "Subtype" => "Type3" };
        assert_eq!(kept("", drawn_font.into()).len(), 5);
        let own = dictionary! { "Subtype" => "Type3", "Resources" => dictionary! {} };
        assert_eq!(kept("", own.into()).len(), 0);
    }
}
