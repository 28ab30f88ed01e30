//! What the end of a child says about the document.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

use super::{EXIT_CONFUSED, Error, most_answer_bytes};
use crate::reading::{Limits, MediaType, Outcome, Reading, Reason};

/// How a child ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself, or by a signal that was not ours.
    Exited { status: ExitStatus, answer: Vec<u8>, complaint: Vec<u8> },
    /// We ended it because its time was over.
    Late,
}

/// The reading of a document of this type, or that there was none.
pub(super) fn verdict(media_type: MediaType, ended: Ended, limits: &Limits) -> Result<Reading, Error> {
    let reason = match ended {
        Ended::Late => Reason::TimedOut,
        Ended::Exited { status, answer, .. } if status.success() => match parsed(&answer, media_type, limits)
        {
            Some(reading) => return Ok(reading),
            None => Reason::Crashed,
        },
        Ended::Exited { status, complaint, .. } => reason(status, &complaint)?,
    };
    if reason == Reason::Crashed {
        tracing::warn!("a document brought the reading process down");
    }
    Ok(Reading::unreadable(media_type, reason))
}

/// What a child that did not end well says about the document; an error if it says nothing.
pub(super) fn reason(status: ExitStatus, complaint: &[u8]) -> Result<Reason, Error> {
    if status.code() == Some(EXIT_CONFUSED.into()) {
        return Err(Error::Worker(io::ErrorKind::InvalidInput.into()));
    }
    match status.signal().and_then(Signal::from_named_raw) {
        Some(Signal::XCPU) => Ok(Reason::TimedOut),
        // Memory is limited for the child alone, and that ends in ABORT: these come from outside.
        Some(Signal::KILL | Signal::TERM | Signal::INT | Signal::HUP | Signal::QUIT) => {
            Err(Error::Interrupted)
        }
        Some(Signal::ABORT) if is_out_of_memory(complaint) => Ok(Reason::OutOfMemory),
        _ => Ok(Reason::Crashed),
    }
}

/// The standard library's last words when an allocation fails.
fn is_out_of_memory(complaint: &[u8]) -> bool {
    const WORDS: &[u8] = b"memory allocation of ";
    complaint.windows(WORDS.len()).any(|words| words == WORDS)
}

/// The answer, if it is one that an honest child could give.
fn parsed(answer: &[u8], media_type: MediaType, limits: &Limits) -> Option<Reading> {
    if answer.len() as u64 > most_answer_bytes(limits) {
        return None;
    }
    let mut reading: Reading = serde_json::from_slice(answer).ok()?;
    if reading.outcome == (Outcome::Unreadable { reason: Reason::OutOfMemory }) {
        reading.media_type = media_type;
    }
    let counted = reading.pages.is_empty() || reading.pages.len() == reading.page_count as usize;
    let numbered = (1..).zip(&reading.pages).all(|(number, page)| page.number == number);
    let fits = reading.pages.len() as u64 <= u64::from(limits.pages);
    (reading.media_type == media_type && counted && numbered && fits).then_some(reading)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::{EXIT_CONFUSED, Ended, Error, verdict};
    use crate::reading::{Limits, MediaType, Outcome, Reading, Reason};

    fn after(raw_status: i32, answer: &[u8], complaint: &[u8]) -> Result<Reading, Error> {
        let status = ExitStatus::from_raw(raw_status);
        let ended = Ended::Exited { status, answer: answer.to_vec(), complaint: complaint.to_vec() };
        verdict(MediaType::Pdf, ended, &Limits::default())
    }

    fn reason_after(raw_status: i32, answer: &[u8], complaint: &[u8]) -> Reason {
        match after(raw_status, answer, complaint).unwrap().outcome {
            Outcome::Unreadable { reason } => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ends_that_the_document_is_to_blame_for() {
        assert_eq!(reason_after(24, b"", b""), Reason::TimedOut);
        assert_eq!(reason_after(11, b"", b""), Reason::Crashed);
        assert_eq!(reason_after(6, b"", b""), Reason::Crashed);
        assert_eq!(reason_after(6, b"", b"x\nmemory allocation of 99 bytes failed"), Reason::OutOfMemory);
        assert_eq!(reason_after(101 << 8, b"", b""), Reason::Crashed);
    }

    #[test]
    fn ends_that_come_from_outside() {
        for signal in [9, 15, 2, 1] {
            assert!(matches!(after(signal, b"", b""), Err(Error::Interrupted)));
        }
        let confused = i32::from(EXIT_CONFUSED) << 8;
        assert!(matches!(after(confused, b"", b""), Err(Error::Worker(_))));
    }

    #[test]
    fn only_an_honest_answer_counts() {
        let honest = Reading::unreadable(MediaType::Pdf, Reason::Damaged);
        let answer = serde_json::to_vec(&honest).unwrap();
        assert_eq!(after(0, &answer, b"").unwrap(), honest);
        let other_type = Reading { media_type: MediaType::Png, ..honest };
        for lie in [&b"not json"[..], b"", &serde_json::to_vec(&other_type).unwrap()] {
            assert_eq!(reason_after(0, lie, b""), Reason::Crashed);
        }
    }
}
