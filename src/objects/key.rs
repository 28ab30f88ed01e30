//! Where every object lies. No path of the store is made anywhere else (docs/format.md).

use std::fmt::Write;

use crate::domain::{DocumentId, DossierId, RawId};

/// Names an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// What the archive is: readable.
    Manifest,
    /// The archive's identity, sealed to the recovery recipients.
    ArchiveKey,
    /// The identity that payloads without a dossier are sealed to.
    JournalKey,
    /// The log's signing key.
    LogKey,
    /// The general manager's identity, sealed with a passphrase.
    ManagerKey,
    /// A dossier's identity.
    DossierKey(DossierId),
    /// A document as it came in.
    Original {
        /// Its dossier.
        dossier: DossierId,
        /// The document.
        document: DocumentId,
    },
    /// What was read in a document.
    Text {
        /// Its dossier.
        dossier: DossierId,
        /// The document.
        document: DocumentId,
        /// Which reading of it, from 1.
        reading: u32,
    },
    /// What a document's pages look like.
    Pictures {
        /// Its dossier.
        dossier: DossierId,
        /// The document.
        document: DocumentId,
        /// Which reading of it, from 1.
        reading: u32,
    },
    /// The log's signed head: readable.
    Checkpoint,
    /// A hash tile of the log: readable.
    Tile {
        /// Level, from 0.
        level: u8,
        /// Number within the level.
        index: u64,
        /// Hashes in it; 256 is full.
        width: u16,
    },
    /// A bundle of the log's entries: readable.
    EntryBundle {
        /// Its number.
        index: u64,
        /// Entries in it; 256 is full.
        width: u16,
    },
    /// A canary of a probe of what the store does: readable, empty of meaning.
    Probe(RawId),
    /// The sealed payloads of one publishing round.
    Payloads {
        /// The first entry.
        first: u64,
        /// How many.
        count: u32,
    },
}

/// Names many objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// All of them.
    All,
    /// All keys.
    Keys,
    /// All originals and what was derived from them.
    Documents,
    /// All payloads of the log.
    Payloads,
    /// The hash tiles that one full tile has taken the place of.
    PartialTiles {
        /// Level, from 0.
        level: u8,
        /// Number within the level.
        index: u64,
    },
    /// The entry bundles that one full bundle has taken the place of.
    PartialBundles {
        /// Its number.
        index: u64,
    },
}

impl Prefix {
    /// The path that they have in common.
    pub fn path(self) -> String {
        match self {
            Self::All => String::new(),
            Self::Keys => "keys/".into(),
            Self::Documents => "documents/".into(),
            Self::Payloads => "journal/sealed/".into(),
            Self::PartialTiles { level, index } => {
                Key::Tile { level, index, width: FULL_TILE }.path() + PARTIAL
            }
            Self::PartialBundles { index } => Key::EntryBundle { index, width: FULL_TILE }.path() + PARTIAL,
        }
    }
}

impl Key {
    /// The object's path in the bucket.
    pub fn path(&self) -> String {
        match self {
            Self::Manifest => "lantai.json".into(),
            Self::ArchiveKey => "keys/archive.age".into(),
            Self::JournalKey => "keys/journal.age".into(),
            Self::LogKey => "keys/log.age".into(),
            Self::ManagerKey => "keys/manager.age".into(),
            Self::DossierKey(dossier) => format!("keys/{dossier}.age"),
            Self::Original { dossier, document } => format!("documents/{dossier}/{document}/original.age"),
            Self::Text { dossier, document, reading } => derived_path(*dossier, *document, "text", *reading),
            Self::Pictures { dossier, document, reading } => {
                derived_path(*dossier, *document, "pages", *reading)
            }
            Self::Probe(id) => format!("probe/{id}"),
            Self::Checkpoint => "journal/checkpoint".into(),
            Self::Tile { level, index, width } => {
                format!("journal/tile/{level}/{}", tile_path(*index, *width))
            }
            Self::EntryBundle { index, width } => {
                format!("journal/tile/entries/{}", tile_path(*index, *width))
            }
            Self::Payloads { first, count } => format!("journal/sealed/{first:020}-{count}.jsonl"),
        }
    }

    /// The key that has this path.
    pub fn parse(path: &str) -> Option<Self> {
        let key = Self::parse_loosely(path)?;
        (key.path() == path).then_some(key)
    }

    /// Whether the object is readable by anybody.
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Manifest | Self::Checkpoint | Self::Tile { .. } | Self::EntryBundle { .. })
    }

    /// Whether the object is written once and never again, and nothing may ever have to delete it. Keys go when a
    /// dossier is destroyed, texts are made again, and the head and the tiles that are not full are passed by.
    pub fn is_written_once(&self) -> bool {
        match self {
            Self::Original { .. } | Self::Payloads { .. } => true,
            Self::Tile { width, .. } | Self::EntryBundle { width, .. } => *width == FULL_TILE,
            _ => false,
        }
    }

    fn parse_loosely(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        Some(match segments.as_slice() {
            ["lantai.json"] => Self::Manifest,
            ["keys", "archive.age"] => Self::ArchiveKey,
            ["keys", "journal.age"] => Self::JournalKey,
            ["keys", "log.age"] => Self::LogKey,
            ["keys", "manager.age"] => Self::ManagerKey,
            ["keys", name] => Self::DossierKey(name.strip_suffix(".age")?.parse().ok()?),
            ["documents", dossier, document, name] => {
                let (dossier, document) = (dossier.parse().ok()?, document.parse().ok()?);
                let name = name.strip_suffix(".age")?;
                let (name, reading) = name.split_once('.').unwrap_or((name, "1"));
                match (name, reading.parse().ok()?) {
                    ("original", 1) => Self::Original { dossier, document },
                    ("text", reading) => Self::Text { dossier, document, reading },
                    ("pages", reading) => Self::Pictures { dossier, document, reading },
                    _ => return None,
                }
            }
            ["probe", id] => Self::Probe(id.parse().ok()?),
            ["journal", "checkpoint"] => Self::Checkpoint,
            ["journal", "tile", "entries", rest @ ..] => {
                let (index, width) = parse_tile_path(rest)?;
                Self::EntryBundle { index, width }
            }
            ["journal", "tile", level, rest @ ..] => {
                let (index, width) = parse_tile_path(rest)?;
                Self::Tile { level: level.parse().ok()?, index, width }
            }
            ["journal", "sealed", name] => {
                let (first, count) = name.strip_suffix(".jsonl")?.split_once('-')?;
                Self::Payloads { first: first.parse().ok()?, count: count.parse().ok()? }
            }
            _ => return None,
        })
    }
}

/// What a reading made. A later reading takes the place of the one before it, once its entry is published, and so has
/// another name.
fn derived_path(dossier: DossierId, document: DocumentId, what: &str, reading: u32) -> String {
    match reading {
        1 => format!("documents/{dossier}/{document}/{what}.age"),
        later => format!("documents/{dossier}/{document}/{what}.{later}.age"),
    }
}

/// The width of a full tile or bundle.
const FULL_TILE: u16 = 256;
/// What stands between the name of a tile or bundle and its width, if it is not full.
const PARTIAL: &str = ".p/";

/// C2SP tlog-tiles: three digits a segment, all but the last with an `x`, and `.p/W` if the tile is not full.
fn tile_path(index: u64, width: u16) -> String {
    let mut groups = vec![index % 1000];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    let mut path = String::new();
    for (place, group) in groups.iter().enumerate().rev() {
        let mark = if place == 0 { "" } else { "x" };
        let end = if place == 0 { "" } else { "/" };
        let _ = write!(path, "{mark}{group:03}{end}");
    }
    if width != FULL_TILE {
        let _ = write!(path, "{PARTIAL}{width}");
    }
    path
}

fn parse_tile_path(segments: &[&str]) -> Option<(u64, u16)> {
    let (numbers, width) = match segments {
        [numbers @ .., last, width] if last.ends_with(".p") => {
            let numbers = [numbers, &[last.strip_suffix(".p")?]].concat();
            (numbers, width.parse().ok().filter(|width| (1..256).contains(width))?)
        }
        numbers => (numbers.to_vec(), FULL_TILE),
    };
    let mut index: u64 = 0;
    for number in numbers {
        let group: u64 = number.trim_start_matches('x').parse().ok()?;
        index = index.checked_mul(1000)?.checked_add(group)?;
    }
    Some((index, width))
}

#[cfg(test)]
mod tests {
    use super::{Key, Prefix};
    use crate::domain::{DocumentId, DossierId, RawId};

    #[test]
    fn paths_read_back() {
        let dossier = DossierId::from(RawId::from_bytes([3; 16]));
        let document = DocumentId::from(RawId::from_bytes([4; 16]));
        for key in [
            Key::Manifest,
            Key::ArchiveKey,
            Key::JournalKey,
            Key::LogKey,
            Key::DossierKey(dossier),
            Key::Original { dossier, document },
            Key::Text { dossier, document, reading: 1 },
            Key::Text { dossier, document, reading: 12 },
            Key::Pictures { dossier, document, reading: 1 },
            Key::Pictures { dossier, document, reading: 2 },
            Key::Checkpoint,
            Key::Tile { level: 0, index: 1_234_067, width: 256 },
            Key::Tile { level: 2, index: 0, width: 1 },
            Key::EntryBundle { index: 273, width: 112 },
            Key::Payloads { first: 17, count: 3 },
            Key::Probe(RawId::from_bytes([5; 16])),
        ] {
            assert_eq!(Key::parse(&key.path()), Some(key));
        }
    }

    /// The examples of the C2SP tlog-tiles specification: tile 1234067, and a log of 70,000 entries.
    #[test]
    fn tile_paths_are_those_of_the_standard() {
        let tile = |level, index, width| Key::Tile { level, index, width }.path();
        assert_eq!(tile(0, 1_234_067, 256), "journal/tile/0/x001/x234/067");
        assert_eq!(tile(0, 272, 256), "journal/tile/0/272");
        assert_eq!(tile(0, 273, 112), "journal/tile/0/273.p/112");
        assert_eq!(tile(1, 1, 17), "journal/tile/1/001.p/17");
        assert_eq!(tile(2, 0, 1), "journal/tile/2/000.p/1");
        assert_eq!(Key::EntryBundle { index: 273, width: 112 }.path(), "journal/tile/entries/273.p/112");
    }

    #[test]
    fn partial_tiles_lie_below_their_prefix() {
        let (tiles, bundles) =
            (Prefix::PartialTiles { level: 0, index: 1_273 }, Prefix::PartialBundles { index: 273 });
        assert_eq!(tiles.path(), "journal/tile/0/x001/273.p/");
        assert!(Key::EntryBundle { index: 273, width: 112 }.path().starts_with(&bundles.path()));
        assert!(!Key::EntryBundle { index: 273, width: 256 }.path().starts_with(&bundles.path()));
    }

    #[test]
    fn what_changes_or_goes_is_not_held() {
        let dossier = DossierId::from(RawId::from_bytes([3; 16]));
        let document = DocumentId::from(RawId::from_bytes([4; 16]));
        let tile = |width| Key::Tile { level: 0, index: 0, width };
        let bundle = |width| Key::EntryBundle { index: 0, width };
        let payloads = Key::Payloads { first: 17, count: 3 };
        for key in [Key::Original { dossier, document }, payloads, tile(256), bundle(256)] {
            assert!(key.is_written_once(), "{key:?}");
        }
        let (text, own) = (Key::Text { dossier, document, reading: 1 }, Key::DossierKey(dossier));
        let named = [Key::Manifest, Key::ArchiveKey, Key::JournalKey, Key::LogKey, Key::Checkpoint];
        for key in named.into_iter().chain([text, own, tile(255), bundle(1)]) {
            assert!(!key.is_written_once(), "{key:?}");
        }
    }

    #[test]
    fn foreign_paths_are_nobodys() {
        for path in
            ["", "x", "keys/../lantai.json", "journal/tile/0/1", "journal/tile/0/000.p/256", "lantai.json/"]
        {
            assert_eq!(Key::parse(path), None, "{path}");
        }
    }
}
