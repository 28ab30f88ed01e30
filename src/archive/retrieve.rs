//! Giving a document back: permit, entry, get, open, digest check, bytes.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{Archive, Error};
use crate::access::{Action, Permit};
use crate::documents::{Document, Viewed};
use crate::domain::{Fingerprint, Sha256Digest};
use crate::journal::Draft;
use crate::objects::{Key, Objects};
use crate::reading::Reading;
use crate::vault::{self, Identity, Opened, SEALED_HEAD_BYTES};

/// Plaintext is handed on in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;
/// So many pieces may wait for a slow client.
const PIECES_WAITING: usize = 4;

/// Plaintext on its way to a client. It ends with an error, not silently, if the object turns out to be damaged.
pub type Content = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

impl Archive {
    /// The original bytes, or a range of them. That they were asked for is in the log before the first byte goes out.
    pub async fn content(
        &self,
        permit: &Permit,
        document: &Document,
        range: Option<Range<u64>>,
    ) -> Result<Content, Error> {
        if !permit.covers(Action::DownloadDocument, document.dossier) {
            return Err(Error::NotPermitted);
        }
        if range.as_ref().is_some_and(|range| range.start >= range.end || range.end > document.size_bytes) {
            return Err(Error::BadRange);
        }
        self.note_view(permit, document, "content").await?;
        let mut content = self.open_original(document, range).await?;
        // What is damaged from its beginning is an error that can still be told; later it breaks the connection off.
        match content.next().await {
            Some(Ok(first)) => Ok(Box::pin(futures::stream::iter([Ok(first)]).chain(content))),
            Some(Err(_)) => Err(Error::Damaged),
            None => Ok(content),
        }
    }

    /// What was read in the document.
    pub async fn text(&self, permit: &Permit, document: &Document) -> Result<Reading, Error> {
        if !permit.covers(Action::ViewDocument, document.dossier) {
            return Err(Error::NotPermitted);
        }
        self.note_view(permit, document, "text").await?;
        self.reading_of(document).await
    }

    /// What was read in the document, for a page that shows `part` of it: one entry a look, however often the page is loaded.
    pub async fn look(
        &self,
        permit: &Permit,
        document: &Document,
        part: &str,
    ) -> Result<Arc<Reading>, Error> {
        if !permit.covers(Action::ViewDocument, document.dossier) {
            return Err(Error::NotPermitted);
        }
        if document.reading.as_ref().is_none_or(|reading| reading.text_sha256.is_none()) {
            return Err(Error::NotRead);
        }
        self.note_view_once(permit, document, part).await?;
        self.cached_reading(document).await
    }

    /// The original without an entry: for reading it by machine and for `verify`.
    pub(crate) async fn open_original(
        &self,
        document: &Document,
        range: Option<Range<u64>>,
    ) -> Result<Content, Error> {
        let identity = self.identity(document.dossier).await?;
        let key = Key::Original { dossier: document.dossier, document: document.id };
        let object = ObjectReader::open(self.objects.clone(), key).await?;
        let object = Headed::new(object, document.sealed_head_sha256);
        let (pieces, receiver) = mpsc::channel(PIECES_WAITING);
        let (document, whole) = (document.clone(), range.is_none());
        let range = range.unwrap_or(0..document.size_bytes);
        tokio::task::spawn_blocking(move || {
            let result = send_range(&identity, object, range, &pieces).and_then(|fingerprint| {
                let intact = !whole || fingerprint.finish() == document.sha256;
                if intact { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "digest")) }
            });
            if let Err(error) = result {
                tracing::error!(document = %document.id, kind = ?error.kind(), "the original could not be given back");
                let _ = pieces.blocking_send(Err(error));
            }
        });
        Ok(Box::pin(tokio_stream(receiver)))
    }

    /// The stored reading of a document.
    pub(crate) async fn reading_of(&self, document: &Document) -> Result<Reading, Error> {
        let read = document.reading.as_ref().and_then(|reading| reading.text_sha256);
        if read.is_none() {
            return Err(Error::NotRead);
        }
        let reading = document.reading.as_ref().map_or(1, |reading| reading.number);
        let key = Key::Text { dossier: document.dossier, document: document.id, reading };
        let sealed = self.objects.get_bytes(&key, self.limits.reading_bytes).await?;
        if read != Some(Sha256Digest::of(&sealed)) {
            return Err(Error::Damaged);
        }
        let text = vault::open(&self.identity(document.dossier).await?, &sealed)?;
        serde_json::from_slice(&text).map_err(|_| Error::Damaged)
    }

    /// The same, out of memory if it was opened lately.
    pub(super) async fn cached_reading(&self, document: &Document) -> Result<Arc<Reading>, Error> {
        if let Some(reading) = self.texts.get(document.id) {
            return Ok(reading);
        }
        let reading = Arc::new(self.reading_of(document).await?);
        self.texts.put(document.id, &reading);
        Ok(reading)
    }

    /// Notes a look, unless the same person has had the same look a moment ago: a page that is loaded anew, or one picture
    /// of many.
    pub(super) async fn note_view_once(
        &self,
        permit: &Permit,
        document: &Document,
        part: &str,
    ) -> Result<(), Error> {
        let (look, now) = ((permit.actor().id, document.id, part.to_owned()), self.clock.now());
        if self.looks.is_fresh(&look, now) {
            return Ok(());
        }
        self.note_view(permit, document, part).await?;
        self.looks.note(look, now);
        Ok(())
    }

    async fn note_view(&self, permit: &Permit, document: &Document, part: &str) -> Result<(), Error> {
        let fact = Viewed { part: part.to_owned() };
        let kind = if self.of_opened { "sealed.viewed" } else { "document.viewed" };
        let draft = Draft::new(kind, permit.actor().id, &fact)?;
        let draft = draft.dossier(document.dossier).document(document.id);
        let draft = if self.of_opened { draft.under_journal() } else { draft };
        self.journal.commit_durably(draft).await?;
        Ok(())
    }
}

fn tokio_stream(receiver: mpsc::Receiver<io::Result<Bytes>>) -> impl Stream<Item = io::Result<Bytes>> {
    futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|item| (item, receiver))
    })
}

/// Sends the range, piece by piece. Stops quietly when nobody listens any more.
fn send_range(
    identity: &Identity,
    object: Headed,
    range: Range<u64>,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<Fingerprint> {
    let opened: Result<Opened<_>, _> =
        vault::open_reader(identity, BufReader::with_capacity(PIECE_BYTES, object));
    let mut reader = opened.map_err(io::Error::other)?;
    if range.start > 0 {
        reader.seek(SeekFrom::Start(range.start))?;
    }
    let mut left = range.end - range.start;
    let mut fingerprint = Fingerprint::new();
    while left > 0 {
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(left).unwrap_or(PIECE_BYTES))];
        reader.read_exact(&mut piece)?;
        fingerprint.update(&piece);
        left -= piece.len() as u64;
        if pieces.blocking_send(Ok(piece.into())).is_err() {
            break;
        }
    }
    Ok(fingerprint)
}

/// An object that must begin as the one that was sealed: another one, sealed to the same key, would open as well, and a
/// part of it would not be found out by the digest of the whole.
pub(super) struct Headed {
    object: ObjectReader,
    expected: Option<Sha256Digest>,
    head: Vec<u8>,
}

impl Headed {
    pub(super) fn new(object: ObjectReader, expected: Option<Sha256Digest>) -> Self {
        Self { object, expected, head: Vec::new() }
    }

    /// The header is read from the beginning, so that the first bytes pass by before any plaintext does.
    fn check(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(expected) = self.expected else { return Ok(()) };
        let wanted = SEALED_HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..wanted.min(bytes.len())]);
        if self.head.len() < SEALED_HEAD_BYTES {
            return Ok(());
        }
        self.expected = None;
        if Sha256Digest::of(&self.head) == expected {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "another object"))
        }
    }
}

impl Read for Headed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.object.read(buffer)?;
        self.check(&buffer[..count])?;
        Ok(count)
    }
}

impl Seek for Headed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.object.seek(to)
    }
}

/// A stored object as a blocking, seeking reader. For blocking threads only.
pub(super) struct ObjectReader {
    objects: Objects,
    key: Key,
    runtime: Handle,
    size_bytes: u64,
    position: u64,
    stream: Option<Content>,
    rest: Bytes,
}

impl ObjectReader {
    pub(super) async fn open(objects: Objects, key: Key) -> Result<Self, Error> {
        let object = objects.get(&key).await?;
        let (runtime, size_bytes) = (Handle::current(), object.size_bytes);
        let stream: Option<Content> = Some(Box::pin(object.stream));
        Ok(Self { objects, key, runtime, size_bytes, position: 0, stream, rest: Bytes::new() })
    }

    fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        if self.position >= self.size_bytes {
            return Ok(None);
        }
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let from = self.objects.get_from(&self.key, self.position);
                Box::pin(self.runtime.block_on(from).map_err(io::Error::other)?.stream)
            }
        };
        let stream = self.stream.insert(stream);
        self.runtime.block_on(stream.next()).transpose()
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.next_chunk()? {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.rest.len());
        buffer[..count].copy_from_slice(&self.rest.split_to(count));
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.size_bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        if position != self.position {
            self.position = position;
            self.stream = None;
            self.rest = Bytes::new();
        }
        Ok(position)
    }
}
