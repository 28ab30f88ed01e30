//! A bag: a folder of plain files with their digests, as RFC 8493 (BagIt 1.0) says.
//!
//! It is written beside its place under another name, owner-only, and moved there when it is whole: a bag that is there
//! is complete, and whatever interrupts the writing leaves none. Files are streamed; memory holds one piece of each.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256, Sha512};
use unicode_normalization::UnicodeNormalization;

use crate::clock::Clock;

/// The longest name in bytes, with its number: file systems take 255.
const LONGEST_NAME_BYTES: usize = 200;
const LONGEST_EXTENSION_BYTES: usize = 16;

/// The digests of a file in the bag.
struct Listed {
    path: String,
    sha256: String,
    sha512: String,
}

/// A bag that is being written. Dropped before it is finished, it leaves nothing.
pub(super) struct Bag {
    target: PathBuf,
    unfinished: Option<PathBuf>,
    payload: Vec<Listed>,
    size_bytes: u64,
}

impl Bag {
    /// Begins a bag that will be at `target`, where nothing may be.
    pub(super) fn begin(target: &Path) -> anyhow::Result<Self> {
        refuse_existing(target)?;
        let name = target.file_name().context("the bag's folder has no name")?.to_string_lossy();
        let mark = hex::encode(Clock::system().random_bytes::<8>());
        let unfinished = target.with_file_name(format!(".{name}.unfinished-{mark}"));
        make_folder(&unfinished, false).with_context(|| unfinished.display().to_string())?;
        Ok(Self {
            target: target.to_owned(),
            unfinished: Some(unfinished),
            payload: Vec::new(),
            size_bytes: 0,
        })
    }

    /// Adds a file of the payload; `path` is below `data/`. Tells its SHA-256.
    pub(super) async fn add<E>(
        &mut self,
        path: &str,
        content: impl Stream<Item = Result<Bytes, E>>,
    ) -> anyhow::Result<String>
    where
        E: Into<anyhow::Error>,
    {
        let path = format!("data/{path}");
        let mut file = self.create(&path)?;
        let (mut sha256, mut sha512) = (Sha256::new(), Sha512::new());
        let mut content = std::pin::pin!(content);
        while let Some(piece) = content.next().await {
            let piece = piece.map_err(Into::into)?;
            self.size_bytes += piece.len() as u64;
            let written = tokio::task::spawn_blocking(move || {
                sha256.update(&piece);
                sha512.update(&piece);
                file.write_all(&piece).map(|()| (file, sha256, sha512))
            });
            (file, sha256, sha512) = written.await??;
        }
        tokio::task::spawn_blocking(move || file.sync_all()).await??;
        let sha256 = hex::encode(sha256.finalize());
        self.payload.push(Listed { path, sha256: sha256.clone(), sha512: hex::encode(sha512.finalize()) });
        Ok(sha256)
    }

    /// Adds a small file of the payload.
    pub(super) async fn add_text(&mut self, path: &str, text: impl Into<Bytes>) -> anyhow::Result<()> {
        self.add(path, futures::stream::iter([Ok::<_, io::Error>(text.into())])).await.map(drop)
    }

    /// How many files the payload has, and of how many bytes.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.payload.len(), self.size_bytes)
    }

    /// Writes manifests and tag files, makes everything durable, and moves the bag to its place.
    pub(super) fn finish(mut self, about: &[(&str, String)]) -> anyhow::Result<()> {
        let (files, bytes) = self.size();
        let mut info = format!("Payload-Oxum: {bytes}.{files}\n");
        for (label, value) in about {
            let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let _ = writeln!(info, "{label}: {value}");
        }
        let sha256 = manifest(&self.payload, |listed| &listed.sha256);
        let sha512 = manifest(&self.payload, |listed| &listed.sha512);
        let mut tags = Vec::new();
        for (path, text) in [
            ("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n".to_owned()),
            ("bag-info.txt", info),
            ("manifest-sha256.txt", sha256),
            ("manifest-sha512.txt", sha512),
        ] {
            self.write(path, &text)?;
            let digests = (hex::encode(Sha256::digest(&text)), hex::encode(Sha512::digest(&text)));
            tags.push(Listed { path: path.to_owned(), sha256: digests.0, sha512: digests.1 });
        }
        self.write("tagmanifest-sha256.txt", &manifest(&tags, |listed| &listed.sha256))?;
        self.write("tagmanifest-sha512.txt", &manifest(&tags, |listed| &listed.sha512))?;
        let folder = self.folder();
        sync_folders(&folder)?;
        refuse_existing(&self.target)?;
        fs::rename(&folder, &self.target).with_context(|| self.target.display().to_string())?;
        self.unfinished = None;
        let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok(File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?)
    }

    fn folder(&self) -> PathBuf {
        self.unfinished.clone().unwrap_or_default()
    }

    fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        let mut file = self.create(path)?;
        file.write_all(text.as_bytes())?;
        Ok(file.sync_all()?)
    }

    fn create(&self, path: &str) -> anyhow::Result<File> {
        let path = self.folder().join(path);
        if let Some(parent) = path.parent() {
            make_folder(parent, true)?;
        }
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        created.with_context(|| path.display().to_string())
    }
}

impl Drop for Bag {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            let _ = fs::remove_dir_all(unfinished);
        }
    }
}

fn refuse_existing(target: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(fs::symlink_metadata(target).is_err(), "{} is there already", target.display());
    Ok(())
}

fn make_folder(folder: &Path, recursive: bool) -> io::Result<()> {
    DirBuilder::new().recursive(recursive).mode(0o700).create(folder)
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

/// The lines of a manifest: digest, two spaces, path.
fn manifest(listed: &[Listed], digest: impl Fn(&Listed) -> &str) -> String {
    listed.iter().map(|listed| format!("{}  {}\n", digest(listed), encoded(&listed.path))).collect()
}

/// A path as a manifest has it: the three characters that RFC 8493 (section 2.1.3) has percent-encoded are, no others.
fn encoded(path: &str) -> String {
    path.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A name that every file system takes, and that no program takes for anything else: of the sender's name what can be
/// kept, after a number that makes it unique.
pub(super) fn safe_name(number: usize, name: &str) -> String {
    let safe: String = name.nfc().map(|c| if is_harmless(c) { c } else { '_' }).collect();
    let safe = safe.trim_matches([' ', '.']);
    let (stem, extension) = match safe.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= LONGEST_EXTENSION_BYTES => {
            (stem, format!(".{extension}"))
        }
        _ => (safe, String::new()),
    };
    let stem = if stem.is_empty() { "document" } else { stem };
    let number = format!("{number:04}-");
    let room = LONGEST_NAME_BYTES - number.len() - extension.len();
    let end = (0..=room.min(stem.len())).rev().find(|end| stem.is_char_boundary(*end)).unwrap_or_default();
    format!("{number}{}{extension}", stem[..end].trim_end())
}

/// Whether the character may stand in a file's name: nothing that ends a line, parts a path, is percent-encoded in a
/// manifest, is forbidden on other systems, or turns the direction of writing.
fn is_harmless(c: char) -> bool {
    let turns =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !c.is_control() && !turns && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%')
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_NAME_BYTES, encoded, safe_name};

    #[test]
    fn names_are_safe_unique_and_still_say_what_they_said() {
        let check = |name: &str, expected: &str| assert_eq!(safe_name(7, name), expected, "{name:?}");
        check("民事信托合同.pdf", "0007-民事信托合同.pdf");
        check("../../etc/passwd", "0007-_.._etc_passwd");
        check("a\nb\r%41.pdf", "0007-a_b__41.pdf");
        check("C:\\scan\\x.tif", "0007-C__scan_x.tif");
        check("", "0007-document");
        check("...", "0007-document");
        check(".pdf", "0007-pdf");
        check("con", "0007-con");
        check("trailing .", "0007-trailing");
        check("evil\u{202e}fdp.exe", "0007-evil_fdp.exe");
        check("e\u{301}.txt", "0007-é.txt");
        for (long, end) in [
            ("长".repeat(300) + ".pdf", ".pdf"),
            ("x".repeat(300), "x"),
            (format!("a.{}", "b".repeat(300)), "b"),
        ] {
            let name = safe_name(123_456, &long);
            assert!(
                name.len() <= LONGEST_NAME_BYTES && name.starts_with("123456-") && name.ends_with(end),
                "{name}"
            );
        }
    }

    #[test]
    fn manifests_encode_what_the_standard_says_and_nothing_else() {
        assert_eq!(encoded("data/100%\r\n 合同.txt"), "data/100%25%0D%0A 合同.txt");
    }
}
