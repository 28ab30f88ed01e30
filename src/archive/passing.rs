//! The plaintext on its way to be sealed: fingerprinted, measured and checked, so that no path can skip it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use crate::domain::{Fingerprint, Sha256Digest};

/// How many first bytes are kept to find the media type.
const HEAD_BYTES: usize = 8192;

/// The content is at fault: nothing was kept, and sending it again as it is will not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no content.
    #[error("the document is empty")]
    Empty,
    /// There is more content than is taken.
    #[error("the document is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The content is not what its sender said.
    #[error("the content does not have the digest that was sent with it")]
    WrongDigest,
    /// The content broke off.
    #[error("the content broke off before its end")]
    Broken,
}

/// What has passed.
#[derive(Clone, Default)]
pub(super) struct Passed {
    pub(super) fingerprint: Fingerprint,
    pub(super) head: Vec<u8>,
    pub(super) refused: Option<Refused>,
    /// Of the object that it was sealed into.
    pub(super) sealed_head: Option<Sha256Digest>,
}

/// What is demanded of the content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demands {
    pub(super) limit_bytes: u64,
    pub(super) digest: Option<Sha256Digest>,
}

/// The passing content. It ends with an error if a demand is not met, so that whoever stores it stores nothing.
pub(super) struct Passing<S> {
    content: Pin<Box<S>>,
    demands: Demands,
    passed: Arc<Mutex<Passed>>,
    ended: bool,
}

impl<S> Passing<S> {
    pub(super) fn new(content: S, demands: Demands) -> (Self, Arc<Mutex<Passed>>) {
        let passed = Arc::default();
        (Self { content: Box::pin(content), demands, passed: Arc::clone(&passed), ended: false }, passed)
    }

    fn take_note(&self, chunk: &Bytes) -> Result<(), Refused> {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.fingerprint.update(chunk);
        let wanted = HEAD_BYTES.saturating_sub(passed.head.len()).min(chunk.len());
        passed.head.extend_from_slice(&chunk[..wanted]);
        let limit_bytes = self.demands.limit_bytes;
        if passed.fingerprint.size_bytes() > limit_bytes {
            Err(Refused::TooLarge { limit_bytes })
        } else {
            Ok(())
        }
    }

    fn check_whole(&self) -> Result<(), Refused> {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.fingerprint.size_bytes() == 0 {
            return Err(Refused::Empty);
        }
        match self.demands.digest {
            Some(digest) if digest != passed.fingerprint.clone().finish() => Err(Refused::WrongDigest),
            _ => Ok(()),
        }
    }

    fn refuse(&mut self, refused: Refused) -> io::Error {
        self.ended = true;
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).refused = Some(refused);
        io::Error::other(refused)
    }
}

impl<S: Stream<Item = io::Result<Bytes>>> Stream for Passing<S> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = futures::ready!(self.content.as_mut().poll_next(cx));
        let (checked, chunk) = match next {
            Some(Ok(chunk)) => (self.take_note(&chunk), Some(chunk)),
            Some(Err(_)) => (Err(Refused::Broken), None),
            None => (self.check_whole(), None),
        };
        self.ended = chunk.is_none();
        Poll::Ready(match checked {
            Ok(()) => chunk.map(Ok),
            Err(refused) => Some(Err(self.refuse(refused))),
        })
    }
}
