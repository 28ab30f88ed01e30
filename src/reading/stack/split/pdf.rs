//! Parts of a PDF (ISO 32000-1): the objects that their pages lead to, copied under new numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream, dictionary};

use super::bounded::Bounded;
use super::used::drawn;
use super::{Order, SplitError, SplitLimits};

/// What a page may take from the nodes above it (7.7.3.4), beside its resources.
const INHERITED: [&[u8]; 3] = [b"MediaBox", b"CropBox", b"Rotate"];
/// What a page keeps: all that is needed to draw it, and nothing that acts, times or describes it.
const KEPT: [&[u8]; 7] = [b"Contents", b"Annots", b"Group", b"UserUnit", b"BleedBox", b"TrimBox", b"ArtBox"];
/// What an annotation keeps, likewise: no actions, no places elsewhere in the document, no attached files, no form.
const ANNOTATION_KEPT: [&[u8]; 20] = [
    b"Type",
    b"Subtype",
    b"Rect",
    b"F",
    b"AP",
    b"AS",
    b"Border",
    b"BS",
    b"BE",
    b"C",
    b"IC",
    b"CA",
    b"OC",
    b"MK",
    b"Contents",
    b"QuadPoints",
    b"InkList",
    b"L",
    b"Vertices",
    b"Name",
];
const DEEPEST_TREE: usize = 64;
const DEEPEST_VALUE: usize = 256;

/// Gives the parts to `each`.
pub(super) fn split(
    order: &Order<'_>,
    limits: &SplitLimits,
    each: &mut dyn FnMut(usize, Vec<u8>) -> bool,
) -> Result<(), SplitError> {
    let source = open(order.content, limits)?;
    let pages: Vec<ObjectId> = source.page_iter().take(limits.pages as usize + 1).collect();
    if pages.len() != order.page_count as usize {
        return Err(SplitError::Damaged);
    }
    let all = pages.iter().copied().collect();
    let mut left = limits.output_bytes;
    for (index, part) in order.parts.iter().enumerate() {
        let chosen = part.iter().map(|number| pages.get(*number as usize - 1).copied());
        let chosen: Vec<ObjectId> = chosen.collect::<Option<_>>().ok_or(SplitError::NoSuchPage)?;
        let bytes = written(part_of(&source, &all, &chosen, (left, unpacked_bytes(limits)))?, left)?;
        verify(&bytes, chosen.len())?;
        left -= bytes.len() as u64;
        if !each(index, bytes) {
            return Err(SplitError::Stopped);
        }
    }
    Ok(())
}

fn unpacked_bytes(limits: &SplitLimits) -> usize {
    usize::try_from(limits.unpacked_bytes).unwrap_or(usize::MAX)
}

fn open(content: &[u8], limits: &SplitLimits) -> Result<Document, SplitError> {
    let options = LoadOptions::with_max_decompressed_size(unpacked_bytes(limits));
    let source = Document::load_mem_with_options(content, options).map_err(|error| match error {
        lopdf::Error::Decryption(_)
        | lopdf::Error::InvalidPassword
        | lopdf::Error::UnsupportedSecurityHandler(_) => SplitError::Encrypted,
        lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. }) => SplitError::TooLarge,
        _ => SplitError::Damaged,
    })?;
    let encrypted = source.is_encrypted() || source.was_encrypted() || source.trailer.has(b"Encrypt");
    if encrypted { Err(SplitError::Encrypted) } else { Ok(source) }
}

/// A document of these pages of all.
fn part_of(
    source: &Document,
    all: &BTreeSet<ObjectId>,
    pages: &[ObjectId],
    (left, unpacked_bytes): (u64, usize),
) -> Result<Document, SplitError> {
    let mut part = Document::with_version(version(source));
    let tree = part.new_object_id();
    let ids: Vec<ObjectId> = pages.iter().map(|_| part.new_object_id()).collect();
    // A page that stands twice in a part is two pages; what points to it means the last one.
    let places = pages.iter().copied().zip(ids.iter().copied()).collect();
    let waiting = Vec::new();
    let mut copy = Copy { source, all, part: &mut part, tree, places, waiting, left, unpacked_bytes };
    for (from, to) in pages.iter().zip(&ids) {
        copy.page(*from, *to)?;
    }
    let mut catalog = dictionary! { "Type" => "Catalog", "Pages" => Object::Reference(tree) };
    copy.layers(&mut catalog)?;
    copy.rest()?;
    let count = i64::try_from(ids.len()).map_err(|_| SplitError::TooLarge)?;
    let kids: Vec<Object> = ids.into_iter().map(Object::Reference).collect();
    part.objects.insert(tree, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    let root = part.add_object(catalog);
    part.trailer.set("Root", Object::Reference(root));
    Ok(part)
}

/// The version in the first line, if it is one.
fn version(source: &Document) -> String {
    match source.version.as_bytes() {
        [b'1' | b'2', b'.', b'0'..=b'9'] => source.version.clone(),
        _ => "1.7".to_owned(),
    }
}

fn written(mut part: Document, most_bytes: u64) -> Result<Vec<u8>, SplitError> {
    let mut file = Bounded::new(most_bytes);
    part.save_to(&mut file).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => SplitError::TooLarge,
        _ => SplitError::Damaged,
    })?;
    Ok(file.into_bytes())
}

/// A part that cannot be opened again, or has lost a page, is not given to anybody.
fn verify(bytes: &[u8], pages: usize) -> Result<(), SplitError> {
    let found = Document::load_metadata_mem(bytes).map_err(|_| SplitError::Damaged)?;
    if found.page_count as usize == pages { Ok(()) } else { Err(SplitError::Damaged) }
}

/// The copying of one part.
struct Copy<'a> {
    source: &'a Document,
    /// All pages of the source.
    all: &'a BTreeSet<ObjectId>,
    part: &'a mut Document,
    /// The part's page tree.
    tree: ObjectId,
    /// Where each object of the source is in the part.
    places: BTreeMap<ObjectId, ObjectId>,
    /// Objects that have a place and are not yet copied.
    waiting: Vec<(ObjectId, ObjectId)>,
    /// How many bytes of streams may still be copied.
    left: u64,
    /// How many bytes of one page's content may be unpacked.
    unpacked_bytes: usize,
}

impl Copy<'_> {
    /// Copies a page, with what it inherits.
    fn page(&mut self, from: ObjectId, to: ObjectId) -> Result<(), SplitError> {
        let source = self.source;
        let page = source.get_dictionary(from).map_err(|_| SplitError::Damaged)?;
        let mut kept = Dictionary::new();
        for key in KEPT {
            if let Ok(value) = page.get(key) {
                let value = if key == b"Annots" { self.annotations(value)? } else { self.value(value, 0)? };
                kept.set(key, value);
            }
        }
        for key in INHERITED {
            if let Some(value) = inherited(source, page, key) {
                kept.set(key, self.value(value, 0)?);
            }
        }
        if let Some(resources) = inherited(source, page, b"Resources") {
            kept.set("Resources", self.resources(from, resources)?);
        }
        kept.set("Type", "Page");
        kept.set("Parent", Object::Reference(self.tree));
        self.part.objects.insert(to, kept.into());
        Ok(())
    }

    /// The page's resources, of the pictures and forms only those that it draws.
    fn resources(&mut self, page: ObjectId, resources: &Object) -> Result<Object, SplitError> {
        let source = self.source;
        let Ok((_, Object::Dictionary(resources))) = source.dereference(resources) else {
            return Ok(Object::Dictionary(Dictionary::new()));
        };
        let drawn = drawn(source, page, resources, self.unpacked_bytes)?;
        let mut kept = Dictionary::new();
        for (key, value) in resources {
            let copied = match source.dereference(value) {
                Ok((_, Object::Dictionary(objects))) if key == b"XObject" => {
                    let objects = objects.iter().filter(|(name, _)| drawn.contains(*name));
                    self.dictionary(objects, 0)?.into()
                }
                _ => self.value(value, 0)?,
            };
            kept.set(key.clone(), copied);
        }
        Ok(kept.into())
    }

    /// The annotations, each without what it does and where it leads; they stay where they are drawn.
    fn annotations(&mut self, annotations: &Object) -> Result<Object, SplitError> {
        let source = self.source;
        let (_, list) = source.dereference(annotations).map_err(|_| SplitError::Damaged)?;
        let Object::Array(list) = list else { return Ok(Object::Array(Vec::new())) };
        let mut kept = Vec::with_capacity(list.len());
        for annotation in list {
            let Ok((_, Object::Dictionary(annotation))) = source.dereference(annotation) else { continue };
            let passive = annotation.iter().filter(|(key, _)| ANNOTATION_KEPT.contains(&key.as_slice()));
            kept.push(self.dictionary(passive, 0)?.into());
        }
        Ok(Object::Array(kept))
    }

    /// Which layers are seen is the document's to say (8.11), and pages would look otherwise without it.
    fn layers(&mut self, catalog: &mut Dictionary) -> Result<(), SplitError> {
        let source = self.source;
        let Ok(layers) = source.catalog().and_then(|catalog| catalog.get(b"OCProperties")) else {
            return Ok(());
        };
        catalog.set("OCProperties", self.value(layers, 0)?);
        Ok(())
    }

    /// Copies all that is waiting, and what that leads to.
    fn rest(&mut self) -> Result<(), SplitError> {
        let source = self.source;
        while let Some((from, to)) = self.waiting.pop() {
            let object = source.get_object(from).map_err(|_| SplitError::Damaged)?;
            let copied = self.value(object, 0)?;
            self.part.objects.insert(to, copied);
        }
        Ok(())
    }

    /// The value with references into the part.
    fn value(&mut self, value: &Object, depth: usize) -> Result<Object, SplitError> {
        if depth > DEEPEST_VALUE {
            return Err(SplitError::Damaged);
        }
        match value {
            Object::Reference(id) => self.reference(*id),
            Object::Array(values) => {
                let values = values.iter().map(|value| self.value(value, depth + 1));
                Ok(Object::Array(values.collect::<Result<_, _>>()?))
            }
            Object::Dictionary(values) => Ok(self.dictionary(values.iter(), depth)?.into()),
            Object::Stream(stream) => {
                self.left = self.left.checked_sub(stream.content.len() as u64).ok_or(SplitError::TooLarge)?;
                let entries = stream.dict.iter().filter(|(key, _)| key.as_slice() != b"Length");
                let dict = self.dictionary(entries, depth)?;
                Ok(Stream::new(dict, stream.content.clone()).with_compression(false).into())
            }
            other => Ok(other.clone()),
        }
    }

    fn dictionary<'d>(
        &mut self,
        entries: impl Iterator<Item = (&'d Vec<u8>, &'d Object)>,
        depth: usize,
    ) -> Result<Dictionary, SplitError> {
        let mut copied = Dictionary::new();
        for (key, value) in entries {
            copied.set(key.clone(), self.value(value, depth + 1)?);
        }
        Ok(copied)
    }

    /// A reference to the copy. What leads to the document itself or to pages of other parts leads nowhere, and so does
    /// what led nowhere before; but in a document that had to be repaired, that may be a lost part of a page.
    fn reference(&mut self, id: ObjectId) -> Result<Object, SplitError> {
        if let Some(place) = self.places.get(&id) {
            return Ok(Object::Reference(*place));
        }
        match self.source.get_object(id) {
            Err(_) if self.source.xref_recovery.is_some() => Err(SplitError::Damaged),
            Err(_) => Ok(Object::Null),
            Ok(object) if self.all.contains(&id) || is_structure(object) => Ok(Object::Null),
            Ok(_) => {
                let place = self.part.new_object_id();
                self.places.insert(id, place);
                self.waiting.push((id, place));
                Ok(Object::Reference(place))
            }
        }
    }
}

/// The value of the page, or of the nearest node above it that has one.
fn inherited<'a>(source: &'a Document, page: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    let mut node = page;
    for _ in 0..DEEPEST_TREE {
        if let Some(value) = node.get(key).ok().filter(|value| !value.is_null()) {
            return Some(value);
        }
        let above = node.get(b"Parent").and_then(Object::as_reference).ok()?;
        node = source.get_dictionary(above).ok()?;
    }
    None
}

/// Whether this is the document's, not a page's.
fn is_structure(object: &Object) -> bool {
    let Object::Dictionary(dictionary) = object else { return false };
    let kind = dictionary.get_type().unwrap_or_default();
    matches!(kind, b"Page" | b"Pages" | b"Catalog" | b"StructTreeRoot" | b"StructElem" | b"Filespec" | b"F")
}
