//! YAML as a tree that knows the place of every key and value.
//!
//! The first step from a pack's file to a definition. It refuses what makes YAML hard to trust: duplicate keys,
//! anchors and aliases, merge keys, and files that are too large or too deep. It never panics on a wrong file.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// How large a file of a pack may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: usize,
    /// How deep values may be nested.
    pub depth: usize,
    /// Keys and values of one file.
    pub nodes: usize,
    /// Files of one pack.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 1 << 20, depth: 40, nodes: 50_000, files: 200 }
    }
}

/// Where something stands in a file: line and column, both from 1. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    /// The beginning of a file.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The place of a byte in a text.
    pub(super) fn of_byte(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
        Self::new(count(before.matches('\n').count()), count(line.chars().count()))
    }

    fn new(line: u64, column: u64) -> Self {
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
        Self { line: number(line), column: number(column) }
    }
}

impl From<serde_saphyr::Location> for Place {
    fn from(location: serde_saphyr::Location) -> Self {
        Self::new(location.line(), location.column())
    }
}

/// A value and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) tree: Tree,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Leaf(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, its place, and what stands under it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Place,
    pub(super) node: Node,
}

/// Why a file cannot be read, and where.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) at: Place,
    pub(super) why: String,
}

/// Reads a file.
pub(super) fn read(bytes: &[u8], limits: Limits) -> Result<Node, Unreadable> {
    let refuse = |why: &str| Unreadable { at: Place::START, why: why.to_owned() };
    if bytes.len() > limits.file_bytes {
        return Err(refuse("the file is too large"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refuse("the file is not UTF-8 text"))?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
            max_depth: limits.depth,
            max_nodes: limits.nodes,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
    };
    let spanned: Result<Spanned<Tree>, _> = serde_saphyr::from_str_with_options(text, options);
    spanned.map(Node::from).map_err(|error| {
        let at = error.location().map_or(Place::START, Place::from);
        let why = error.without_snippet().to_string();
        Unreadable { at, why: why.lines().next().unwrap_or_default().chars().take(200).collect() }
    })
}

impl Node {
    /// The plain value, without lines.
    pub(super) fn value(&self) -> Value {
        match &self.tree {
            Tree::Leaf(value) => value.clone(),
            Tree::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Tree::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.node.value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// Whether something stands at the end of a path of keys.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        path.iter().try_fold(self, |node, step| node.child(step).map(|(_, child)| child)).is_some()
    }

    fn child(&self, step: &str) -> Option<(Place, &Self)> {
        match &self.tree {
            Tree::Map(entries) => {
                entries.iter().find(|entry| entry.key == step).map(|entry| (entry.at, &entry.node))
            }
            Tree::List(items) => {
                step.parse().ok().and_then(|i: usize| items.get(i)).map(|item| (item.at, item))
            }
            Tree::Leaf(_) => None,
        }
    }

    /// The place of what a path of keys and list positions leads to; of the last step that exists.
    pub(super) fn place_at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Place {
        let (mut at, mut node) = (self.at, self);
        for step in path {
            let Some((next_at, next)) = node.child(step) else { return at };
            (at, node) = (next_at, next);
        }
        at
    }
}

impl From<Spanned<Tree>> for Node {
    fn from(spanned: Spanned<Tree>) -> Self {
        Self { at: spanned.referenced.into(), tree: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(Tree::Leaf(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Tree>>()? {
            items.push(item.into());
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let at = key.referenced.into();
            let node = map.next_value::<Spanned<Tree>>()?.into();
            if entries.iter().any(|entry| entry.key == key.value) {
                return Err(A::Error::custom("the same key stands twice"));
            }
            entries.push(Entry { key: key.value, at, node });
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Place, read};

    #[test]
    fn places_are_those_of_the_file() {
        let text = "# top\na:\n  b: 1\n  c: [x,\n      y]\nd: {名: 1, e: 'f'}\n1: 2\n";
        let node = read(text.as_bytes(), Limits::default()).unwrap();
        let at = |path: &[&str]| {
            let place = node.place_at(path.iter().copied());
            (place.line, place.column)
        };
        assert_eq!(at(&["a"]), (2, 1));
        assert_eq!(at(&["a", "b"]), (3, 3));
        assert_eq!(at(&["a", "c", "1"]), (5, 7));
        assert_eq!(at(&["d", "e"]), (6, 11));
        assert_eq!(at(&["d", "missing"]), (6, 1));
        let byte = text.find("'f'").unwrap();
        assert_eq!(Place::of_byte(text, byte), Place { line: 6, column: 14 });
        assert_eq!(Place::of_byte("", 7), Place::START);
        assert_eq!(
            node.value(),
            serde_json::json!({"a": {"b": 1, "c": ["x", "y"]}, "d": {"名": 1, "e": "f"}, "1": 2})
        );
    }

    #[test]
    fn what_makes_yaml_hard_to_trust_is_refused_with_its_line() {
        for (text, line) in [
            ("a: 1\nb: 2\na: 3\n", 3),
            ("a: 1\nb: &x 2\n", 2),
            ("a: {b: 1}\nc:\n  <<: {d: 1}\n", 3),
            ("a: [1\nb: ]: 2\n", 2),
        ] {
            let unreadable = read(text.as_bytes(), Limits::default()).expect_err(text);
            assert_eq!(unreadable.at.line, line, "{text:?}: {}", unreadable.why);
        }
        assert!(read(&[0xff, 0xfe], Limits::default()).is_err());
        let deep = "[".repeat(5000);
        assert!(read(deep.as_bytes(), Limits::default()).is_err());
    }
}
