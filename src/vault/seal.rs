//! Sealing: plaintext streams become age ciphertext streams.
//!
//! [`Sealed`] is the only kind of content, beside the few readable objects of the log, that the object store
//! takes, and only this module makes one. So plaintext cannot reach a store by mistake.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

/// An age file as a stream of ciphertext chunks.
///
/// An error item means that the plaintext broke off (a cut connection, a wrong digest): whoever stores the
/// stream must then store nothing.
pub struct Sealed {
    chunks: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
}

impl Stream for Sealed {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(cx)
    }
}
