//! The signed head of the log: C2SP tlog-checkpoint as a signed note with Ed25519, by the `signed_note` crate.

use base64::prelude::{BASE64_STANDARD, Engine};
use ring::signature::{Ed25519KeyPair, KeyPair};
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash};
use zeroize::Zeroizing;

use super::Error;
use super::tiles::NodeHash;

/// The algorithm byte of Ed25519 in a signed note's keys.
const ED25519: u8 = 1;

/// Size and root of the log at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many entries.
    pub size: u64,
    /// The root hash.
    pub root: NodeHash,
}

/// Signs heads. It holds the log's secret key.
#[derive(Clone)]
pub struct Signer {
    origin: String,
    signer: StandardSigner,
    verifier_key: String,
}

impl Signer {
    /// A signer for the log `origin` from a 32-byte seed.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Corrupt)?;
        let public = [&[ED25519], pair.public_key().as_ref()].concat();
        let id = signed_note::key_id(origin, &public);
        let secret = Zeroizing::new([&[ED25519], seed.as_slice()].concat());
        let secret = Zeroizing::new(BASE64_STANDARD.encode(&*secret));
        let signer_key = Zeroizing::new(format!("PRIVATE+KEY+{origin}+{id:08x}+{}", *secret));
        let signer = StandardSigner::new(&signer_key).map_err(|_| Error::Corrupt)?;
        let verifier_key = format!("{origin}+{id:08x}+{}", BASE64_STANDARD.encode(public));
        Ok(Self { origin: origin.to_owned(), signer, verifier_key })
    }

    /// The verifier key (`name+id+key`) that outsiders check the log with.
    pub fn verifier_key(&self) -> &str {
        &self.verifier_key
    }

    /// The signed checkpoint of a head.
    pub fn sign(&self, head: Head) -> Result<Vec<u8>, Error> {
        let checkpoint =
            Checkpoint::new(&self.origin, head.size, Hash(head.root), "").map_err(|_| Error::Corrupt)?;
        let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(|_| Error::Corrupt)?;
        note.add_sigs(&[&self.signer]).map_err(|_| Error::Corrupt)?;
        Ok(note.to_bytes())
    }
}

/// The head that a signed checkpoint states, if the log's own key signed it.
pub fn verify_checkpoint(bytes: &[u8], verifier_key: &str) -> Result<Head, Error> {
    let verifier = StandardVerifier::new(verifier_key).map_err(|_| Error::Corrupt)?;
    let note = Note::from_bytes(bytes).map_err(|_| Error::Corrupt)?;
    let known = VerifierList::new(vec![Box::new(verifier)]);
    note.verify(&known).map_err(|_| Error::Corrupt)?;
    let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|_| Error::Corrupt)?;
    let origin = verifier_key.split('+').next();
    if origin != Some(checkpoint.origin()) {
        return Err(Error::Corrupt);
    }
    Ok(Head { size: checkpoint.size(), root: checkpoint.hash().0 })
}

#[cfg(test)]
mod tests {
    use super::{Head, Signer, verify_checkpoint};

    #[test]
    fn a_checkpoint_is_verified_and_a_changed_one_is_not() {
        let signer = Signer::new("lantai/test", &[7; 32]).unwrap();
        let head = Head { size: 300, root: [9; 32] };
        let signed = signer.sign(head).unwrap();
        assert_eq!(verify_checkpoint(&signed, signer.verifier_key()).unwrap(), head);
        let text = String::from_utf8(signed).unwrap();
        assert!(text.starts_with("lantai/test\n300\n"));
        assert!(verify_checkpoint(text.replacen("300", "301", 1).as_bytes(), signer.verifier_key()).is_err());
        let other = Signer::new("lantai/test", &[8; 32]).unwrap();
        assert!(verify_checkpoint(text.as_bytes(), other.verifier_key()).is_err());
    }
}
