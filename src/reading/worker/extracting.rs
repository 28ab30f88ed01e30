//! Taking pages out of a document, in a child as confined as one that reads.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::frames::hear_part;
use super::verdict::reason;
use super::{Error, Extract, Header, Reader, feed, start};

/// A part is handed on in pieces of this size...
const PIECE_BYTES: usize = 64 << 10;
/// ...of which so many may wait.
const PIECES_WAITING: usize = 4;

impl Reader {
    /// These pages of the document as a file of their own, as it comes; `Ok(None)` if they cannot be had because of what
    /// the document is. `page_count` is how many pages reading it has found.
    ///
    /// The stream breaks off with an error if the child does. Errors as [`Reader::read_stream`].
    pub async fn extract(
        &self,
        size_bytes: u64,
        content: impl AsyncRead + Unpin + Send + 'static,
        page_count: u32,
        pages: Vec<u32>,
    ) -> Result<Option<impl Stream<Item = io::Result<Bytes>> + Send + 'static>, Error> {
        let limits = self.limits.clone();
        if size_bytes > limits.file_bytes {
            return Ok(None);
        }
        let extract = Some(Extract { page_count, pages });
        let header =
            Header { limits, size_bytes, models: None, font: None, pictures: false, password: None, extract };
        let place = self.places.clone().acquire_owned().await.map_err(|_| Error::Interrupted)?;
        let (mut child, stdin, stdout, mut stderr) = start(&self.exe).map_err(Error::Worker)?;
        let wall = header.most_time();
        let mut from = BufReader::new(stdout);
        let feeding = feed(stdin, &header, content);
        let (fed, heard) = tokio::join!(feeding, timeout(wall, hear_part(&mut from)));
        fed?;
        let Ok(Some(bytes)) = heard.unwrap_or(Ok(None)) else {
            // One that somebody else ended says nothing about the document: it is to be tried again.
            return match timeout(Duration::from_secs(2), child.wait()).await {
                Ok(status) => {
                    let status = status.map_err(Error::Worker)?;
                    if status.success() { Ok(None) } else { reason(status, &[]).map(|_| None) }
                }
                Err(_) => child.kill().await.map(|()| None).map_err(Error::Worker),
            };
        };
        let (pieces, receiver) = mpsc::channel(PIECES_WAITING);
        tokio::spawn(async move {
            let _place = place;
            let complaints = async { tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await };
            let (handed, _) = tokio::join!(timeout(wall, hand_on(from, bytes, &pieces)), complaints);
            if let Err(error) = handed.unwrap_or(Err(io::ErrorKind::TimedOut.into())) {
                let _ = pieces.send(Err(error)).await;
            }
            let _ = timeout(Duration::from_secs(2), child.wait()).await;
        });
        Ok(Some(futures::stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|piece| (piece, receiver))
        })))
    }
}

/// Hands so many bytes on; fewer are an error.
async fn hand_on(
    mut from: BufReader<ChildStdout>,
    bytes: u64,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = vec![0; most];
        let got = from.read(&mut piece).await?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(got);
        left -= got as u64;
        if pieces.send(Ok(piece.into())).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
