//! What the log proves to outsiders: that an entry is in it, and that it has only grown.
//!
//! The texts are those of C2SP: tlog-proof, and what tlog-witness sends for a consistency proof. Both end with the signed
//! checkpoint, so that whoever has the verifier key needs nothing else.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::tiles::NodeHash;
use super::{ENTRIES, Error, Head, Journal};

/// Entries and their proofs under one checkpoint.
pub struct Proved {
    /// The signed checkpoint.
    pub checkpoint: String,
    /// Each entry's canonical JSON and its C2SP tlog-proof text, in the order asked for.
    pub entries: Vec<(String, String)>,
}

impl Journal {
    /// The inclusion proof of entry `index` under the published checkpoint, as a C2SP tlog-proof text.
    pub fn proof(&self, index: u64) -> Result<String, Error> {
        let size = self.published_size();
        self.proof_under(size, &self.checkpoint(size)?, index)
    }

    /// These entries and their inclusion proofs, all under the published checkpoint of one moment.
    pub fn proofs(&self, indexes: &[u64]) -> Result<Proved, Error> {
        let size = self.published_size();
        let checkpoint = self.checkpoint(size)?;
        let prove = |index: &u64| {
            let entry = self.0.records.get(&ENTRIES, &index.to_be_bytes())?.ok_or(Error::Corrupt)?;
            Ok((entry, self.proof_under(size, &checkpoint, *index)?))
        };
        let entries = indexes.iter().map(prove).collect::<Result<_, Error>>()?;
        Ok(Proved { checkpoint, entries })
    }

    fn proof_under(&self, size: u64, checkpoint: &str, index: u64) -> Result<String, Error> {
        if index >= size {
            return Err(Error::NotDurable);
        }
        let proof = self.tree().inclusion_proof(size, index)?;
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
