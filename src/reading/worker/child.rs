//! The child's side: confine itself, take one document, answer, end.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;

use super::confine::{allow_more_time, confine};
use super::{EXIT_CONFUSED, Header};
use crate::reading::ocr::ModelFiles;
use crate::reading::{Limits, MediaType, Reading, Reason, Sight, read_seeing};

const MOST_HEADER_BYTES: u64 = 4 << 10;

/// The whole life of a worker process: call it from `main` before anything else, and exit with what it returns.
///
/// It limits the process that calls it for good, and replaces its panic hook.
pub fn run_worker(input: impl Read, output: impl Write) -> ExitCode {
    set_hook(Box::new(|panic| {
        // The message may carry content; the place cannot.
        if let Some(place) = panic.location() {
            let _ = writeln!(io::stderr(), "panic at {}:{}", place.file(), place.line());
        }
    }));
    match work(BufReader::new(input), BufWriter::new(output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(EXIT_CONFUSED),
    }
}

fn work(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    (&mut input).take(MOST_HEADER_BYTES).read_until(b'\n', &mut line)?;
    let header: Header = serde_json::from_slice(&line)?;
    let sight = sight(&header);
    confine(&header.limits, sight.is_on())?;
    let reading = match content(&mut input, header.size_bytes)? {
        Some(content) => read_caught(content, &header.limits, &sight),
        None => Reading::unreadable(MediaType::Unknown, Reason::OutOfMemory),
    };
    serde_json::to_writer(&mut output, &reading)?;
    output.flush()
}

/// The models' files are opened while files may be opened. Without them pictures are not read.
fn sight(header: &Header) -> Sight {
    let Some(Ok(files)) = header.models.as_deref().map(ModelFiles::open) else { return Sight::none() };
    let seconds = header.limits.ocr_page_seconds.saturating_mul(u64::from(header.limits.ocr_threads));
    Sight::new(files, &header.limits, move || allow_more_time(seconds))
}

/// The document; none if there is no memory for it.
fn content(input: &mut impl BufRead, size_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    let size = usize::try_from(size_bytes).unwrap_or(usize::MAX);
    if content.try_reserve_exact(size).is_err() {
        return Ok(None);
    }
    input.take(size_bytes).read_to_end(&mut content)?;
    if content.len() == size { Ok(Some(content)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn read_caught(content: Vec<u8>, limits: &Limits, sight: &Sight) -> Reading {
    let media_type = crate::reading::media_type(&content);
    catch_unwind(AssertUnwindSafe(|| read_seeing(content, limits, sight)))
        .unwrap_or_else(|_| Reading::unreadable(media_type, Reason::Crashed))
}
