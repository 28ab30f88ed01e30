//! The child's side: confine itself, take one document, answer, end.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::rc::Rc;

use super::confine::{allow_more_time, confine};
use super::frames::{say_answer, say_page, say_part, say_picture};
use super::{EXIT_CONFUSED, Extract, Header};
use crate::reading::ocr::ModelFiles;
use crate::reading::stack::split::{Media, Order, SplitLimits, split_all};
use crate::reading::{Limits, MediaType, Reading, Reason, Sight, StandIn, media_type, read_seeing};

const MOST_HEADER_BYTES: u64 = 64 << 10;

/// The whole life of a worker process: call it from `main` before anything else, and exit with what it returns.
///
/// It limits the process that calls it for good, and replaces its panic hook.
pub fn run_worker(input: impl Read, output: impl Write + 'static) -> ExitCode {
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

fn work(mut input: impl BufRead, output: impl Write + 'static) -> io::Result<()> {
    let mut line = Vec::new();
    (&mut input).take(MOST_HEADER_BYTES).read_until(b'\n', &mut line)?;
    let header: Header = serde_json::from_slice(&line)?;
    let output = Rc::new(RefCell::new(output));
    let sight = sight(&header, &output);
    confine(&header.limits, sight.has_ocr(), sight.shows())?;
    if let Some(wanted) = &header.extract {
        let content = content(&mut input, header.size_bytes)?;
        let part = content.and_then(|content| extract(&content, wanted, &header.limits));
        return part.map_or(Ok(()), |part| say_part(&mut *output.borrow_mut(), &part));
    }
    let reading = match content(&mut input, header.size_bytes)? {
        Some(content) => read_caught(content, &header.limits, &sight),
        None => Reading::unreadable(MediaType::Unknown, Reason::OutOfMemory),
    };
    say_answer(&mut *output.borrow_mut(), &reading)
}

/// The wanted pages as a document of their own; none if they cannot be had.
fn extract(content: &[u8], wanted: &Extract, limits: &Limits) -> Option<Vec<u8>> {
    let media = match media_type(content) {
        MediaType::Pdf => Media::Pdf,
        MediaType::Tiff => Media::Tiff,
        _ => return None,
    };
    let parts = std::slice::from_ref(&wanted.pages);
    let order = Order { content, media, page_count: wanted.page_count, parts };
    let limits = SplitLimits { pages: limits.pages, ..SplitLimits::default() };
    split_all(&order, &limits).ok()?.pop()
}

/// The files of font and models are opened while files may be opened. Without them pictures are not read.
///
/// That nobody hears what is said on the way is no error: the last word will tell.
fn sight(header: &Header, output: &Rc<RefCell<impl Write + 'static>>) -> Sight {
    let (pages, pictures) = (Rc::clone(output), Rc::clone(output));
    let sight = Sight::none().opening_with(header.password.clone());
    let sight = sight.telling(allow_more_time, move |number, of| {
        let _ = say_page(&mut *pages.borrow_mut(), number, of);
    });
    let sight = match header.pictures {
        true => sight.showing(&header.limits, move |picture| {
            let _ = say_picture(&mut *pictures.borrow_mut(), &picture);
        }),
        false => sight,
    };
    let sight = match header.font.as_deref().map(StandIn::open) {
        Some(Ok(stand_in)) => sight.with_font(stand_in),
        _ => sight,
    };
    match header.models.as_deref().map(ModelFiles::open) {
        Some(Ok(files)) => sight.reading(files, &header.limits),
        _ => sight,
    }
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
