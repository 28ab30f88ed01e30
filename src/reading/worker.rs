//! Reading in a child process, so that a hostile document can bring down nothing but its own reading.
//!
//! Each document gets a fresh child (`lantai read-worker`): one that a document has taken over never sees
//! another document. It has no environment, can open no file (those of OCR's models are open already) and no
//! socket, and has limits on memory, processor and wall time, and on the size of its answer. The answer is not
//! trusted either: it must parse and fit.
//!
//! The wire, on stdin: one line of JSON (limits and length), then the document's bytes. On stdout: frames, a line of JSON
//! each and what belongs to it: how far it is, what pages look like, and at the end one [`Reading`] in JSON. On stderr: at
//! most the places of panics, never content.

mod child;
mod confine;
mod extracting;
mod frames;
mod verdict;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

pub use self::child::run_worker;

use self::frames::{Heard, Most, hear};
use self::verdict::{Ended, verdict};
use super::media::{HEAD_BYTES, media_type};
use super::ocr::ModelFiles;
use super::{Limits, Outcome, Password, Reading, Reason, Sign};

/// Reads documents, each in a child process. Cloning shares the bound on how many run at once.
#[derive(Debug, Clone)]
pub struct Reader {
    exe: PathBuf,
    limits: Limits,
    models: Option<PathBuf>,
    font: Option<PathBuf>,
    password: Option<Password>,
    places: Arc<Semaphore>,
}

/// The argument that makes the program a worker: its `main` then calls [`run_worker`] before anything else.
pub const VERB: &str = "read-worker";

impl Reader {
    /// `exe` is the absolute path of the program whose `main` knows [`VERB`]. Two children at once.
    pub fn new(exe: PathBuf, limits: Limits) -> Self {
        Self { exe, limits, models: None, font: None, password: None, places: Arc::new(Semaphore::new(2)) }
    }

    /// At most so many children at once (at least one), each of which may take [`Limits::memory_bytes`].
    #[must_use]
    pub fn with_children(self, count: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(count.max(1))), ..self }
    }

    /// With the models in this folder for OCR; without a folder, or if a file is missing in it, there is no OCR.
    #[must_use]
    pub fn with_models(self, folder: Option<PathBuf>) -> Self {
        Self { models: folder, ..self }
    }

    /// With this font file for Chinese, Japanese and Korean text whose font a PDF does not bring along.
    #[must_use]
    pub fn with_font(self, font: Option<PathBuf>) -> Self {
        Self { font, ..self }
    }

    /// With this password for a document that is locked.
    #[must_use]
    pub fn opening_with(self, password: Option<Password>) -> Self {
        Self { password, ..self }
    }

    /// Whether there are models for OCR now.
    pub fn has_ocr(&self) -> bool {
        self.models.as_deref().is_some_and(|folder| ModelFiles::open(folder).is_ok())
    }

    /// Reads a document that is in memory. Errors as [`Reader::read_stream`].
    pub async fn read(&self, content: impl Into<Bytes>) -> Result<Reading, Error> {
        let content = content.into();
        self.read_stream(content.len() as u64, &content[..]).await
    }

    /// Reads a document of `size_bytes` as it comes; this process holds only a small part of it at any time.
    ///
    /// An error says nothing about the document, whose reading should be tried again. All that is wrong with
    /// the document itself stands in the [`Reading`]. `content` must come to an end or an error by itself.
    pub async fn read_stream(
        &self,
        size_bytes: u64,
        content: impl AsyncRead + Unpin,
    ) -> Result<Reading, Error> {
        self.converse(size_bytes, content, Signs { to: None, pictures: false }).await
    }

    /// The same, telling how far it is and, if `pictures`, what the pages look like. After a reading that went well the
    /// last sign is [`Sign::End`]; without it, pictures may be missing. The reader waits until a sign is taken.
    pub async fn watch_stream(
        &self,
        size_bytes: u64,
        content: impl AsyncRead + Unpin,
        pictures: bool,
        signs: mpsc::Sender<Sign>,
    ) -> Result<Reading, Error> {
        self.converse(size_bytes, content, Signs { to: Some(signs), pictures }).await
    }

    async fn converse(
        &self,
        size_bytes: u64,
        mut content: impl AsyncRead + Unpin,
        mut signs: Signs,
    ) -> Result<Reading, Error> {
        let mut head = Vec::new();
        (&mut content).take(HEAD_BYTES as u64).read_to_end(&mut head).await.map_err(Error::Source)?;
        let media_type = media_type(&head);
        if size_bytes > self.limits.file_bytes {
            return Ok(Reading::unreadable(media_type, Reason::TooLarge));
        }
        let _place = self.places.acquire().await.map_err(|_| Error::Interrupted)?;
        let models = self.models.clone().filter(|_| self.has_ocr());
        let (limits, font, pictures) = (self.limits.clone(), self.font.clone(), signs.pictures);
        let password = self.password.clone();
        let header = Header { limits, size_bytes, models, font, pictures, password, extract: None };
        let ended = converse(&self.exe, &header, head.chain(content), &mut signs).await?;
        let reading = verdict(media_type, ended, &self.limits)?;
        if !matches!(reading.outcome, Outcome::Unreadable { .. }) {
            signs.give(Sign::End).await;
        }
        Ok(reading)
    }
}

/// Who is told how far it is.
struct Signs {
    to: Option<mpsc::Sender<Sign>>,
    pictures: bool,
}

impl Signs {
    /// Nobody has to listen.
    async fn give(&mut self, sign: Sign) {
        if let Some(to) = &self.to
            && to.send(sign).await.is_err()
        {
            self.to = None;
        }
    }
}

/// No reading took place, and nothing is known about the document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The document's bytes broke off: fetch it again.
    #[error("the document could not be fetched for reading")]
    Source(#[source] io::Error),
    /// No child can be started or understood: the operator must look.
    #[error("the reading process does not work")]
    Worker(#[source] io::Error),
    /// Somebody else ended the child, as when the machine shuts down: try again later.
    #[error("the reading process was interrupted")]
    Interrupted,
}

/// What the child is told first.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    limits: Limits,
    size_bytes: u64,
    /// The folder of the models for OCR.
    #[serde(default)]
    models: Option<PathBuf>,
    /// The font that stands in for those that are missing.
    #[serde(default)]
    font: Option<PathBuf>,
    /// Whether pages are drawn for people.
    #[serde(default)]
    pictures: bool,
    /// What a locked document is opened with.
    #[serde(default)]
    password: Option<Password>,
    /// Pages to be taken out; then nothing is read.
    #[serde(default)]
    extract: Option<Extract>,
}

/// Some pages of a document.
#[derive(Debug, Serialize, Deserialize)]
struct Extract {
    /// How many pages the document has.
    page_count: u32,
    /// The wanted ones, counted from 1.
    pages: Vec<u32>,
}

impl Header {
    /// How long the child may take by the wall clock.
    fn most_time(&self) -> Duration {
        let ocr =
            if self.models.is_some() { self.limits.ocr_seconds + self.limits.ocr_page_seconds } else { 0 };
        let pictures =
            if self.pictures { self.limits.picture_seconds + self.limits.picture_page_seconds } else { 0 };
        Duration::from_secs((self.limits.seconds * 3 + ocr * 2 + pictures * 2).max(1))
    }
}

/// Gives the document to a fresh child and waits for the end of it.
async fn converse(
    exe: &Path,
    header: &Header,
    content: impl AsyncRead + Unpin,
    signs: &mut Signs,
) -> Result<Ended, Error> {
    let (mut child, stdin, stdout, stderr) = start(exe).map_err(Error::Worker)?;
    let wall = header.most_time();
    let listen = async { tokio::try_join!(answer(stdout, header, signs), complaint(stderr)) };
    // The clock starts when the child has everything: a slow source is not the document's fault.
    let feed_and_wait = async {
        feed(stdin, header, content).await?;
        sleep(wall).await;
        Ok::<(), Error>(())
    };
    let heard = tokio::select! {
        heard = listen => Some(heard.map_err(Error::Worker)?),
        fed = feed_and_wait => { fed?; None }
    };
    let Some((answer, complaint)) = heard else {
        child.kill().await.map_err(Error::Worker)?;
        return Ok(Ended::Late);
    };
    // A child that has closed its pipes exits. One that does not is no honest child.
    match timeout(Duration::from_secs(2), child.wait()).await {
        Ok(status) => Ok(Ended::Exited { status: status.map_err(Error::Worker)?, answer, complaint }),
        Err(_) => child.kill().await.map(|()| Ended::Late).map_err(Error::Worker),
    }
}

fn start(exe: &Path) -> io::Result<(Child, ChildStdin, ChildStdout, ChildStderr)> {
    let mut command = Command::new(exe);
    command.arg(VERB).env_clear().current_dir("/").kill_on_drop(true);
    // Its own process group: Ctrl-C at a terminal ends the server, which then ends the child.
    command.process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok((child, stdin, stdout, stderr)),
        _ => Err(io::Error::other("no pipes")),
    }
}

/// Sends header and document. That the child does not take it all is no error: how it ends will tell why.
async fn feed(
    mut stdin: ChildStdin,
    header: &Header,
    mut content: impl AsyncRead + Unpin,
) -> Result<(), Error> {
    let line = serde_json::to_vec(header).map_err(|error| Error::Worker(error.into()))?;
    // It may have a password in it.
    let mut line = Zeroizing::new(line);
    line.push(b'\n');
    let mut taken = stdin.write_all(&line).await.is_ok();
    let mut left = header.size_bytes;
    let mut chunk = vec![0; 64 << 10];
    while taken && left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        let got = content.read(&mut chunk[..most]).await.map_err(Error::Source)?;
        if got == 0 {
            return Err(Error::Source(io::ErrorKind::UnexpectedEof.into()));
        }
        taken = stdin.write_all(&chunk[..got]).await.is_ok();
        left -= got as u64;
    }
    Ok(())
}

/// The answer; empty if there is none that is to be believed. What is told before it goes to whoever listens.
async fn answer(stdout: ChildStdout, header: &Header, signs: &mut Signs) -> io::Result<Vec<u8>> {
    let mut from = BufReader::new(stdout);
    let pictures_bytes = if header.pictures { header.limits.pictures_bytes } else { 0 };
    let mut most = Most { answer_bytes: most_answer_bytes(&header.limits), pictures_bytes };
    loop {
        match hear(&mut from, &mut most).await? {
            Some(Heard::Sign(sign)) => signs.give(sign).await,
            Some(Heard::Answer(answer)) => return Ok(answer),
            None => return Ok(Vec::new()),
        }
    }
}

/// More than any honest answer: text stands in it twice, with a few escapes, and lines cost more than they take.
fn most_answer_bytes(limits: &Limits) -> u64 {
    (limits.text_bytes.saturating_mul(4))
        .saturating_add(u64::from(limits.pages) * 256)
        .saturating_add(64 << 10)
}

/// The beginning of stderr; the rest is thrown away, so that the child never waits for us.
async fn complaint(mut stderr: ChildStderr) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    (&mut stderr).take(4 << 10).read_to_end(&mut beginning).await?;
    tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
    Ok(beginning)
}

/// A child that could not be given a verdict on the document.
const EXIT_CONFUSED: u8 = 70;

#[cfg(test)]
mod tests {
    use super::{Header, Limits, Password};

    #[test]
    fn the_header_is_one_line() {
        let header = Header {
            limits: Limits::default(),
            size_bytes: 5,
            models: Some("/models".into()),
            font: None,
            pictures: true,
            password: Password::new("a\nb".to_owned().into()),
            extract: None,
        };
        let line = serde_json::to_string(&header).unwrap();
        assert!(!line.contains('\n') && line.len() < 1024);
        let back: Header = serde_json::from_str(&line).unwrap();
        assert!(!format!("{header:?}").contains("a\\nb"));
        assert!(back.pictures && back.password.is_some());
        assert_eq!((back.limits, back.size_bytes, back.models), (header.limits, 5, header.models));
    }
}
