//! What the log proves to outsiders: that an entry is in it, and that it has only grown.
//!
//! The texts are those of C2SP: tlog-proof, and what tlog-witness sends for a consistency proof. Both end with the signed
//! checkpoint, so that whoever has the verifier key needs nothing else.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::tiles::NodeHash;
use super::{Error, Head, Journal};

impl Journal {
    /// The inclusion proof of entry `index` under the published checkpoint, as a C2SP tlog-proof text.
    pub fn proof(&self, index: u64) -> Result<String, Error> {
        let size = self.published_size();
        if index >= size {
            return Err(Error::NotDurable);
        }
        let proof = self.tree().inclusion_proof(size, index)?;
        let checkpoint = self.checkpoint(size)?;
        Ok(format!("c2sp.org/tlog-proof@v1\nindex {index}\n{}\n{checkpoint}", lines(&proof)))
    }

    /// The proof that the log of `from` entries is the beginning of the log of `to` entries, or of the published log,
    /// as C2SP tlog-witness sends it. `None` if there are no such logs.
    ///
    /// The published log's checkpoint stands with it; other sizes get none, because whoever signs a checkpoint has to
    /// serve the partial tiles of its size.
    pub fn consistency(&self, from: u64, to: Option<u64>) -> Result<Option<String>, Error> {
        let published = self.published_size();
        let to = to.unwrap_or(published);
        if from > to || to > published {
            return Ok(None);
        }
        let proof = self.tree().consistency_proof(from, to)?;
        let checkpoint = if to == published { self.checkpoint(to)? } else { String::new() };
        Ok(Some(format!("old {from}\n{}\n{checkpoint}", lines(&proof))))
    }

    /// The signed checkpoint of the first `size` entries, which are published.
    fn checkpoint(&self, size: u64) -> Result<String, Error> {
        let checkpoint = self.0.signer.sign(Head { size, root: self.tree().root(size)? })?;
        String::from_utf8(checkpoint).map_err(|_| Error::Corrupt)
    }

    fn published_size(&self) -> u64 {
        *self.0.published.borrow()
    }
}

fn lines(hashes: &[NodeHash]) -> String {
    hashes.iter().map(|hash| BASE64_STANDARD.encode(hash) + "\n").collect()
}
