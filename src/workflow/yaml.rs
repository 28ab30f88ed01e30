//! YAML as a tree that knows the line of every key and value.
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

/// A value and the line (from 1) on which it is written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: u32,
    pub(super) tree: Tree,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Leaf(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, its line, and what stands under it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: u32,
    pub(super) node: Node,
}

/// Why a file cannot be read, and where.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) line: u32,
    pub(super) why: String,
}

/// Reads a file.
pub(super) fn read(bytes: &[u8], limits: Limits) -> Result<Node, Unreadable> {
    let refuse = |why: &str| Unreadable { line: 1, why: why.to_owned() };
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
        let line = error.location().map_or(1, |location| line_of(location.line()));
        let why = error.without_snippet().to_string();
        Unreadable { line, why: why.lines().next().unwrap_or_default().chars().take(200).collect() }
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

    fn child(&self, step: &str) -> Option<(u32, &Self)> {
        match &self.tree {
            Tree::Map(entries) => {
                entries.iter().find(|entry| entry.key == step).map(|entry| (entry.line, &entry.node))
            }
            Tree::List(items) => {
                step.parse().ok().and_then(|i: usize| items.get(i)).map(|item| (item.line, item))
            }
            Tree::Leaf(_) => None,
        }
    }

    /// The line of what a path of keys and list positions leads to; of the last step that exists.
    pub(super) fn line_at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> u32 {
        let (mut line, mut node) = (self.line, self);
        for step in path {
            let Some((next_line, next)) = node.child(step) else { return line };
            (line, node) = (next_line, next);
        }
        line
    }
}

impl From<Spanned<Tree>> for Node {
    fn from(spanned: Spanned<Tree>) -> Self {
        Self { line: line_of(spanned.referenced.line()), tree: spanned.value }
    }
}

fn line_of(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX).max(1)
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
            let line = line_of(key.referenced.line());
            let node = map.next_value::<Spanned<Tree>>()?.into();
            if entries.iter().any(|entry| entry.key == key.value) {
                return Err(A::Error::custom("the same key stands twice"));
            }
            entries.push(Entry { key: key.value, line, node });
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, read};

    #[test]
    fn lines_are_those_of_the_file() {
        let node =
            read(b"# top\na:\n  b: 1\n  c: [x,\n      y]\nd: {e: 'f'}\n1: 2\n", Limits::default()).unwrap();
        assert_eq!(node.line_at(["a"]), 2);
        assert_eq!(node.line_at(["a", "b"]), 3);
        assert_eq!(node.line_at(["a", "c", "1"]), 5);
        assert_eq!(node.line_at(["d", "e"]), 6);
        assert_eq!(node.line_at(["d", "missing"]), 6);
        assert_eq!(
            node.value(),
            serde_json::json!({"a": {"b": 1, "c": ["x", "y"]}, "d": {"e": "f"}, "1": 2})
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
            assert_eq!(unreadable.line, line, "{text:?}: {}", unreadable.why);
        }
        assert!(read(&[0xff, 0xfe], Limits::default()).is_err());
        let deep = "[".repeat(5000);
        assert!(read(deep.as_bytes(), Limits::default()).is_err());
    }
}
