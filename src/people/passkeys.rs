//! Passkeys as second factors (Web Authentication, Level 2): what a browser says of one is checked here, by `ring`.
//!
//! Pure. A passkey is taken on as it is shown, without attestation: whoever takes it on has shown their password, and which
//! maker's device they use is nobody's business. From then on only that key opens, for this archive's name and address only,
//! for one challenge, once: a false page gets nothing that is good here.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::Error;
use crate::domain::Sha256Digest;

/// The algorithms that are offered, by their numbers in COSE (RFC 9053), the best first.
pub const ALGORITHMS: [i64; 3] = [-8, -7, -257];
/// The longest id of a key (Level 2, 5.8.3), in bytes.
const LONGEST_ID: usize = 1023;
/// Authenticator data: the digest of the archive's name, flags, a counter.
const FIXED_BYTES: usize = 37;
const FLAGS_AT: usize = 32;
/// Somebody touched it.
const PRESENT: u8 = 0x01;
/// It tells of a new key.
const ATTESTED: u8 = 0x40;
/// Where the new key's id begins, after the maker's number and the id's length.
const ID_AT: usize = FIXED_BYTES + 18;

/// The forms of public keys (RFC 5280) up to the key itself.
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED25519_PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const RSA_KEY_AT: usize = 24;

/// A key that somebody can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its id, in base64url.
    pub id: String,
    /// Its public key with its algorithm, in base64url (DER of RFC 5280).
    key: String,
    /// How often it was used, as far as it counts.
    pub(super) counter: u32,
    /// What its owner calls it.
    pub label: String,
}

/// For whom keys are: the name of the machine, and the address of its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The host's name.
    pub id: String,
    origin: String,
}

impl Party {
    /// That of this address, if browsers give keys to it: TLS, or this very machine.
    pub fn of(address: &str) -> Option<Self> {
        let url = Url::parse(address).ok()?;
        let id = url.domain()?.to_owned();
        let safe = url.scheme() == "https" || (url.scheme() == "http" && id == "localhost");
        safe.then(|| Self { id, origin: url.origin().ascii_serialization() })
    }
}

/// What a browser says of a new key. All in base64url.
#[derive(Debug, Clone, Default)]
pub struct Created {
    /// The key's id.
    pub id: String,
    /// What the browser did.
    pub client_data: String,
    /// What the authenticator says.
    pub authenticator_data: String,
    /// The public key (DER).
    pub key: String,
}

/// What a browser says when somebody shows a key. All in base64url.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// The key's id.
    pub id: String,
    /// What the browser did.
    pub client_data: String,
    /// What the authenticator says.
    pub authenticator_data: String,
    /// Its signature over both.
    pub signature: String,
}

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

/// The key that was made for this challenge.
pub(super) fn created(
    party: &Party,
    challenge: &str,
    created: &Created,
    label: &str,
) -> Result<Passkey, Error> {
    check_client(party, challenge, "webauthn.create", &decode(&created.client_data)?)?;
    let data = decode(&created.authenticator_data)?;
    let counter = check_authenticator(party, &data)?;
    let id = decode(&created.id)?;
    let attested = data.get(FLAGS_AT).is_some_and(|flags| flags & ATTESTED != 0);
    let length = data.get(ID_AT - 2..ID_AT).and_then(|two| two.try_into().ok()).map(u16::from_be_bytes);
    let length = usize::from(length.unwrap_or_default());
    let same = data.get(ID_AT..ID_AT + length) == Some(id.as_slice());
    if !attested || id.is_empty() || id.len() > LONGEST_ID || !same {
        return Err(Error::BadPasskey);
    }
    public_key(&decode(&created.key)?).ok_or(Error::BadPasskey)?;
    let label = label.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    Ok(Passkey { id: created.id.clone(), key: created.key.clone(), counter, label })
}

/// What the key's counter says, if the key was shown for this challenge and not copied.
pub(super) fn shown(party: &Party, challenge: &str, passkey: &Passkey, shown: &Shown) -> Result<u32, Error> {
    let client_data = decode(&shown.client_data)?;
    check_client(party, challenge, "webauthn.get", &client_data)?;
    let data = decode(&shown.authenticator_data)?;
    let counter = check_authenticator(party, &data)?;
    let key = decode(&passkey.key)?;
    let (algorithm, key) = public_key(&key).ok_or(Error::BadPasskey)?;
    let signed = [data.as_slice(), Sha256Digest::of(&client_data).as_bytes()].concat();
    let signature = decode(&shown.signature)?;
    let right = UnparsedPublicKey::new(algorithm, key).verify(&signed, &signature).is_ok();
    if right && counts_on(passkey.counter, counter) { Ok(counter) } else { Err(Error::BadPasskey) }
}

/// Whether the counter goes on. Many keys do not count, and always say 0.
pub(super) fn counts_on(before: u32, now: u32) -> bool {
    (before == 0 && now == 0) || now > before
}

fn check_client(party: &Party, challenge: &str, kind: &str, client_data: &[u8]) -> Result<(), Error> {
    let data: ClientData = serde_json::from_slice(client_data).map_err(|_| Error::BadPasskey)?;
    let good =
        data.kind == kind && data.challenge == challenge && data.origin == party.origin && !data.cross_origin;
    if good { Ok(()) } else { Err(Error::BadPasskey) }
}

fn check_authenticator(party: &Party, data: &[u8]) -> Result<u32, Error> {
    let digest = Sha256Digest::of(party.id.as_bytes());
    let (fixed, _) = data.split_at_checked(FIXED_BYTES).ok_or(Error::BadPasskey)?;
    let (told, rest) = fixed.split_at(FLAGS_AT);
    let counter = rest.get(1..).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
    let present = rest.first().is_some_and(|flags| flags & PRESENT != 0);
    match counter {
        Some(counter) if present && told == digest.as_bytes() => Ok(counter),
        _ => Err(Error::BadPasskey),
    }
}

/// The algorithm of a public key, and its bytes as that algorithm wants them.
fn public_key(der: &[u8]) -> Option<(&'static dyn VerificationAlgorithm, &[u8])> {
    let (algorithm, key): (&'static dyn VerificationAlgorithm, _) = match () {
        () if der.starts_with(P256_PREFIX) => (&ECDSA_P256_SHA256_ASN1, of_length(der, P256_PREFIX, 65)?),
        () if der.starts_with(ED25519_PREFIX) => (&ED25519, of_length(der, ED25519_PREFIX, 32)?),
        () => (&RSA_PKCS1_2048_8192_SHA256, rsa_key(der)?),
    };
    Some((algorithm, key))
}

fn of_length<'a>(der: &'a [u8], prefix: &[u8], length: usize) -> Option<&'a [u8]> {
    der.strip_prefix(prefix).filter(|key| key.len() == length)
}

fn rsa_key(der: &[u8]) -> Option<&[u8]> {
    // A tag, and a length in two bytes that reaches to the end.
    let reaches = |at: usize, tag: u8| match der.get(at..at + 4) {
        Some(&[found, 0x82, high, low]) => {
            found == tag && usize::from(u16::from_be_bytes([high, low])) == der.len() - at - 4
        }
        _ => false,
    };
    let fits = reaches(0, 0x30) && der.get(4..19) == Some(RSA_ALGORITHM) && reaches(19, 0x03);
    let key = der.get(RSA_KEY_AT..)?;
    (fits && der.get(RSA_KEY_AT - 1) == Some(&0)).then_some(key)
}

fn decode(text: &str) -> Result<Vec<u8>, Error> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::BadPasskey)
}

#[cfg(test)]
mod tests {
    use super::{Party, counts_on, public_key};

    #[test]
    fn keys_are_for_tls_and_for_this_machine() {
        let of = |address: &str| Party::of(address).map(|party| (party.id, party.origin));
        let lantai = Some(("lantai.example".to_owned(), "https://lantai.example".to_owned()));
        assert_eq!(of("https://lantai.example/"), lantai);
        let port = Some(("localhost".to_owned(), "http://localhost:7070".to_owned()));
        assert_eq!(of("http://localhost:7070"), port);
        assert_eq!(of("https://lantai.example:8443").unwrap().1, "https://lantai.example:8443");
        for none in ["", "http://lantai.example", "https://192.0.2.1", "lantai.example"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_counter_goes_on_or_is_not_one() {
        assert!(counts_on(0, 0) && counts_on(0, 1) && counts_on(7, 9));
        assert!(!counts_on(1, 1) && !counts_on(1, 0) && !counts_on(9, 7));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for der in [&[][..], &[0x30], &[0x30, 0x59], super::P256_PREFIX, super::ED25519_PREFIX] {
            assert!(public_key(der).is_none());
        }
        let mut cut = vec![0x30, 0x82, 0x01, 0x22];
        cut.extend_from_slice(super::RSA_ALGORITHM);
        assert!(public_key(&cut).is_none());
        cut.extend_from_slice(&[0x03, 0x82, 0x01, 0x0f, 0x00]);
        assert!(public_key(&cut).is_none());
    }
}
