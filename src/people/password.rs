//! Passwords: argon2id with the crate's recommended cost (19 MiB, 2 passes; OWASP's minimum).

use argon2::Argon2;
use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::clock::Clock;
use crate::domain::Sha256Digest;

const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;
const SHORTEST_CHARS: usize = 8;

/// Salt and hash of a password, each base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    salt: String,
    hash: String,
}

/// Hashes a new password. Takes tens of milliseconds and 19 MiB.
pub fn hash_password(password: &str, clock: &Clock) -> Result<PasswordHash, Error> {
    if password.chars().count() < SHORTEST_CHARS {
        return Err(Error::WeakPassword);
    }
    let salt: [u8; SALT_LEN] = clock.random_bytes();
    let hash = derive(password, &salt).ok_or(Error::WeakPassword)?;
    Ok(PasswordHash { salt: BASE64_STANDARD_NO_PAD.encode(salt), hash: BASE64_STANDARD_NO_PAD.encode(hash) })
}

/// Whether the password is right. Without a hash it takes as long and is wrong.
pub fn verify_password(password: &str, expected: Option<&PasswordHash>, clock: &Clock) -> bool {
    let decoy = PasswordHash {
        salt: BASE64_STANDARD_NO_PAD.encode(clock.random_bytes::<SALT_LEN>()),
        hash: String::new(),
    };
    let hash = expected.unwrap_or(&decoy);
    let salt = BASE64_STANDARD_NO_PAD.decode(&hash.salt).unwrap_or_default();
    let wanted = BASE64_STANDARD_NO_PAD.decode(&hash.hash).unwrap_or_default();
    // The digests are compared, so that the time it takes tells nothing about the hashes.
    derive(password, &salt).is_some_and(|derived| Sha256Digest::of(&derived) == Sha256Digest::of(&wanted))
}

fn derive(password: &str, salt: &[u8]) -> Option<[u8; HASH_LEN]> {
    let mut hash = [0; HASH_LEN];
    Argon2::default().hash_password_into(password.as_bytes(), salt, &mut hash).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::{hash_password, verify_password};
    use crate::clock::Clock;

    #[test]
    fn only_the_right_password_is_right() {
        let clock = Clock::system();
        let hash = hash_password("correct horse", &clock).unwrap();
        assert!(verify_password("correct horse", Some(&hash), &clock));
        assert!(!verify_password("correct house", Some(&hash), &clock));
        assert!(!verify_password("correct horse", None, &clock));
        assert!(hash_password("short", &clock).is_err());
    }
}
