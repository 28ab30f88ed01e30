//! One sealed object, read once: the digest of its ciphertext and, as far as it opens, of its plaintext.

use std::io::{self, BufReader, Read};

use zeroize::Zeroizing;

use super::{Error, Examiner};
use crate::archive::retrieve::ObjectReader;
use crate::domain::{Fingerprint, Sha256Digest};
use crate::objects::{ErrorKind, Key};
use crate::vault::{self, Identity};

/// Plaintext is hashed in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;
/// How often an object is asked for that the store does not give.
const TRIES: usize = 3;

/// What reading an object gave.
pub(super) enum Contents {
    /// It is not in the store.
    Missing,
    /// The store answers, but does not give it.
    NotGiven,
    /// All of it was read.
    Read(Digests),
}

/// What was read.
pub(super) struct Digests {
    pub(super) sealed: Sha256Digest,
    pub(super) sealed_bytes: u64,
    /// The plaintext's, if the object opens to its end.
    pub(super) plain: Option<Sha256Digest>,
    /// The plaintext itself, if it was wanted.
    pub(super) text: Zeroizing<Vec<u8>>,
}

impl Examiner {
    /// Reads an object. With an identity it is opened on the way; its plaintext is kept up to `keep_bytes`.
    pub(super) async fn contents(
        &self,
        key: &Key,
        identity: Option<&Identity>,
        keep_bytes: u64,
    ) -> Result<Contents, Error> {
        for attempt in 1.. {
            let object = match ObjectReader::open(self.objects.clone(), key.clone()).await {
                Ok(object) => object,
                Err(Error::Objects(error)) if error.kind() == ErrorKind::NotFound => {
                    return Ok(Contents::Missing);
                }
                Err(_) if attempt < TRIES => continue,
                Err(error) => return self.not_given(error).await,
            };
            let identity = identity.cloned();
            let read = tokio::task::spawn_blocking(move || digests(object, identity.as_ref(), keep_bytes));
            match read.await.map_err(io::Error::other).flatten() {
                Ok(digests) => return Ok(Contents::Read(digests)),
                Err(_) if attempt < TRIES => {}
                Err(error) => return self.not_given(crate::objects::Error::from(error).into()).await,
            }
        }
        Ok(Contents::NotGiven)
    }

    /// A store that does not answer at all ends the run; one that does has trouble with this object.
    async fn not_given(&self, error: Error) -> Result<Contents, Error> {
        match self.objects.ping().await {
            Ok(()) => Ok(Contents::NotGiven),
            Err(_) => Err(error),
        }
    }
}

fn digests(object: ObjectReader, identity: Option<&Identity>, keep_bytes: u64) -> io::Result<Digests> {
    let mut passing = Passing { object, fingerprint: Fingerprint::new(), failed: None };
    let opened = identity.and_then(|identity| open(identity, &mut passing, keep_bytes).ok());
    if let Some(error) = passing.failed.take() {
        return Err(error);
    }
    // What is left after an object that does not open to its end.
    io::copy(&mut passing, &mut io::sink())?;
    let sealed_bytes = passing.fingerprint.size_bytes();
    let (plain, text) =
        opened.map_or_else(|| (None, Zeroizing::default()), |(plain, text)| (Some(plain), text));
    Ok(Digests { sealed: passing.fingerprint.finish(), sealed_bytes, plain, text })
}

fn open(
    identity: &Identity,
    passing: &mut Passing,
    keep_bytes: u64,
) -> io::Result<(Sha256Digest, Zeroizing<Vec<u8>>)> {
    let opened = vault::open_reader(identity, BufReader::with_capacity(PIECE_BYTES, passing));
    let mut reader = opened.map_err(io::Error::other)?;
    let (mut fingerprint, mut text) = (Fingerprint::new(), Zeroizing::new(Vec::new()));
    let mut piece = Zeroizing::new(vec![0; PIECE_BYTES]);
    loop {
        let count = reader.read(&mut piece)?;
        if count == 0 {
            return Ok((fingerprint.finish(), text));
        }
        fingerprint.update(&piece[..count]);
        if fingerprint.size_bytes() <= keep_bytes {
            text.extend_from_slice(&piece[..count]);
        }
    }
}

/// The ciphertext on its way: fingerprinted; and a failure of the store is told from one of the content.
struct Passing {
    object: ObjectReader,
    fingerprint: Fingerprint,
    failed: Option<io::Error>,
}

impl Read for Passing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.object.read(buffer) {
            Ok(count) => {
                self.fingerprint.update(&buffer[..count]);
                Ok(count)
            }
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}
