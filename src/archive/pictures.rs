//! What a document's pages look like: one sealed object for each reading, a tar archive of WebP images that stock tools
//! open; where each lies stands in the text object, so that one can be had without the others.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::Stream;
use tar::{EntryType, Header};
use tokio::sync::mpsc;

use super::retrieve::{Headed, ObjectReader};
use super::{Archive, Error};
use crate::access::{Action, Permit};
use crate::documents::{Document, SealedObject};
use crate::objects::{Body, ErrorKind, Key};
use crate::reading::{Picture, Placed, Sign};
use crate::vault::{self, Identity, Sealed};

/// The unit of a tar archive, in bytes (POSIX.1-1988 ustar).
const BLOCK_BYTES: usize = 512;
/// No picture that is given back is larger.
const MOST_BYTES: u64 = 64 << 20;

/// Pictures of pages, as they were kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// The object, if there is one.
    pub object: Option<SealedObject>,
    /// Where each page's picture lies in it.
    pub placed: Vec<(u32, Placed)>,
}

/// Which picture of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// The whole page, to be read.
    Whole,
    /// A small one, to tell pages apart.
    Thumbnail,
}

impl Archive {
    /// Keeps the pictures that a reading shows, as they come. `turned` is told which page it has come to.
    ///
    /// A reading that does not come to its end leaves nothing; a store that fails is an error.
    pub(crate) async fn keep_pictures(
        &self,
        document: &Document,
        reading: u32,
        mut signs: mpsc::Receiver<Sign>,
        turned: impl Fn(u32, u32) + Send + Sync + 'static,
    ) -> Result<Kept, Error> {
        let first = loop {
            match signs.recv().await {
                Some(Sign::Page { number, of }) => turned(number, of),
                Some(Sign::Picture(picture)) => break picture,
                Some(Sign::End) | None => return Ok(Kept::default()),
            }
        };
        let recipient = self.identity(document.dossier).await?.recipient();
        let placed = Arc::default();
        let tar = tar(Album {
            signs,
            next: Some(first),
            at: 0,
            placed: Arc::clone(&placed),
            turned: Box::new(turned),
        });
        let sealed = Sealed::stream(&[recipient], tar).map_err(|error| Error::Objects(error.into()))?;
        let head_sha256 = sealed.head_sha256();
        let key = Key::Pictures { dossier: document.dossier, document: document.id, reading };
        match self.objects.put(&key, Body::Sealed(sealed)).await {
            Ok(stored) => {
                let object =
                    SealedObject { sha256: stored.sha256, size_bytes: stored.size_bytes, head_sha256 };
                let placed = std::mem::take(&mut *placed.lock().unwrap_or_else(PoisonError::into_inner));
                Ok(Kept { object: Some(object), placed })
            }
            Err(error) if error.kind() == ErrorKind::Broken => Ok(Kept::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// What a page looks like: a WebP image. That it was looked at is in the log before it is given.
    pub async fn picture(
        &self,
        permit: &Permit,
        document: &Document,
        page: u32,
        size: Size,
    ) -> Result<Bytes, Error> {
        if !permit.covers(Action::ViewDocument, document.dossier) {
            return Err(Error::NotPermitted);
        }
        let reading = self.cached_reading(document).await?;
        let page = reading.pages.iter().find(|found| found.number == page).ok_or(Error::NoPage)?;
        let placed = page.picture.ok_or(Error::NoPicture)?;
        let result = document.reading.as_ref().ok_or(Error::NotRead)?;
        let stored = result.pictures.ok_or(Error::Damaged)?;
        let part = match size {
            Size::Whole => format!("page {}", page.number),
            Size::Thumbnail => "thumbnails".to_owned(),
        };
        self.note_view_once(permit, document, &part).await?;
        let key = Key::Pictures { dossier: document.dossier, document: document.id, reading: result.number };
        let identity = self.identity(document.dossier).await?;
        let object = Headed::new(ObjectReader::open(self.objects.clone(), key).await?, stored.head_sha256);
        let part = match size {
            Size::Whole => (placed.image_at, placed.image_bytes),
            Size::Thumbnail => (placed.thumbnail_at, placed.thumbnail_bytes),
        };
        let reading = tokio::task::spawn_blocking(move || part_of(&identity, object, part));
        reading.await.map_err(|_| Error::Damaged)?.map_err(|error| {
            tracing::error!(kind = ?error.kind(), "the picture of a page could not be given back");
            Error::Damaged
        })
    }
}

/// So many bytes from this place of the plaintext.
fn part_of(identity: &Identity, object: Headed, (at, bytes): (u64, u64)) -> io::Result<Bytes> {
    if bytes > MOST_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut opened = vault::open_reader(identity, BufReader::new(object)).map_err(io::Error::other)?;
    opened.seek(SeekFrom::Start(at))?;
    let mut part = Vec::new();
    opened.take(bytes).read_to_end(&mut part)?;
    if part.len() as u64 == bytes { Ok(part.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Pictures on their way into an archive.
struct Album {
    signs: mpsc::Receiver<Sign>,
    next: Option<Picture>,
    /// How long the archive is by now.
    at: u64,
    placed: Arc<Mutex<Vec<(u32, Placed)>>>,
    turned: Box<dyn Fn(u32, u32) + Send + Sync>,
}

impl Album {
    /// The next piece of the archive; none after its end. It breaks off if the reading does.
    async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(picture) = self.next.take() {
                return self.add(&picture).map(Some);
            }
            match self.signs.recv().await {
                Some(Sign::Page { number, of }) => (self.turned)(number, of),
                Some(Sign::Picture(picture)) => self.next = Some(picture),
                Some(Sign::End) => return Ok(None),
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }

    fn add(&mut self, picture: &Picture) -> io::Result<Bytes> {
        let Picture { page, width, height, image, thumbnail } = picture;
        let mut piece = Vec::with_capacity(image.len() + thumbnail.len() + 4 * BLOCK_BYTES);
        let image_at = self.at + file(&mut piece, &format!("page-{page:04}.webp"), image)?;
        let thumbnail_at = self.at + file(&mut piece, &format!("page-{page:04}-small.webp"), thumbnail)?;
        self.at += piece.len() as u64;
        let placed = Placed {
            width: *width,
            height: *height,
            image_at,
            image_bytes: image.len() as u64,
            thumbnail_at,
            thumbnail_bytes: thumbnail.len() as u64,
        };
        self.placed.lock().unwrap_or_else(PoisonError::into_inner).push((*page, placed));
        Ok(piece.into())
    }
}

fn tar(album: Album) -> impl Stream<Item = io::Result<Bytes>> + Send {
    futures::stream::unfold(Some(album), async |album| {
        let mut album = album?;
        match album.piece().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(album))),
            // Two empty blocks end an archive.
            Ok(None) => Some((Ok(Bytes::from_static(&[0; 2 * BLOCK_BYTES])), None)),
            Err(error) => Some((Err(error), None)),
        }
    })
}

/// Adds a file to an archive; tells where in `to` its content begins.
fn file(to: &mut Vec<u8>, name: &str, content: &[u8]) -> io::Result<u64> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(content.len() as u64);
    header.set_cksum();
    to.extend_from_slice(header.as_bytes());
    let begin = to.len() as u64;
    to.extend_from_slice(content);
    to.resize(to.len().next_multiple_of(BLOCK_BYTES), 0);
    Ok(begin)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use futures::{StreamExt, TryStreamExt};
    use tokio::sync::mpsc;

    use super::{Album, tar};
    use crate::reading::{Picture, Sign};

    fn picture(page: u32) -> Picture {
        let image = vec![page as u8; 700 * page as usize].into();
        Picture { page, width: 10, height: 20, image, thumbnail: format!("small {page}").into() }
    }

    async fn album(signs: Vec<Sign>) -> Album {
        let (to, from) = mpsc::channel(signs.len());
        for sign in signs {
            to.send(sign).await.unwrap();
        }
        Album { signs: from, next: None, at: 0, placed: Arc::default(), turned: Box::new(|_, _| {}) }
    }

    #[tokio::test]
    async fn a_stock_reader_opens_it_and_each_picture_lies_where_is_said() {
        let signs = vec![
            Sign::Page { number: 1, of: 2 },
            Sign::Picture(picture(1)),
            Sign::Page { number: 2, of: 2 },
            Sign::Picture(picture(2)),
            Sign::End,
        ];
        let album = album(signs).await;
        let placed = Arc::clone(&album.placed);
        let bytes: Vec<bytes::Bytes> = tar(album).try_collect().await.unwrap();
        let bytes = bytes.concat();
        for (page, place) in placed.lock().unwrap().iter() {
            let (at, end) = (place.image_at as usize, (place.image_at + place.image_bytes) as usize);
            assert_eq!(&bytes[at..end], picture(*page).image);
            let (at, end) =
                (place.thumbnail_at as usize, (place.thumbnail_at + place.thumbnail_bytes) as usize);
            assert_eq!(&bytes[at..end], picture(*page).thumbnail);
        }
        let mut names = Vec::new();
        for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            names.push(entry.path().unwrap().display().to_string());
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert!(!content.is_empty());
        }
        assert_eq!(
            names,
            ["page-0001.webp", "page-0001-small.webp", "page-0002.webp", "page-0002-small.webp"]
        );
    }

    #[tokio::test]
    async fn a_reading_that_breaks_off_breaks_the_archive_off() {
        let pieces: Vec<_> = tar(album(vec![Sign::Picture(picture(1))]).await).collect().await;
        assert!(pieces[0].is_ok() && pieces[1].is_err() && pieces.len() == 2);
    }
}
