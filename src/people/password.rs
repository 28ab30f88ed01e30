//! Passwords: argon2id with the crate's recommended cost (19 MiB, 2 passes; OWASP's minimum), and which are refused.
//!
//! Length counts, and that it is none of those that are tried first (NIST SP 800-63B, 5.1.1.2); no rules about which
//! kinds of characters it has.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use argon2::Argon2;
use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::clock::Clock;
use crate::domain::Sha256Digest;

const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;
/// Beyond this a password is no password but a file.
const LONGEST_CHARS: usize = 1_000;
/// Digits alone are a date or a telephone number; this many of them are neither.
const LONGEST_NUMBER: usize = 15;
/// What must be left of a password without its owner's name.
const BESIDE_NAME_CHARS: usize = 6;

/// Stems of the commonest passwords.
static COMMON: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    include_str!("common.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
});

/// Salt and hash of a password, each base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    salt: String,
    hash: String,
}

/// Refuses a password that is too short, or that whoever guesses would try first.
pub(super) fn check_password(name: &str, password: &str, shortest_chars: usize) -> Result<(), Error> {
    let chars = password.chars().count();
    if chars < shortest_chars || chars > LONGEST_CHARS {
        return Err(Error::WeakPassword { shortest_chars });
    }
    if is_common(name, password) { Err(Error::CommonPassword) } else { Ok(()) }
}

/// Hashes a new password. Takes tens of milliseconds and 19 MiB.
pub fn hash_password(password: &str, clock: &Clock) -> Result<PasswordHash, Error> {
    let salt: [u8; SALT_LEN] = clock.random_bytes();
    let hash = derive(password, &salt).ok_or(Error::WeakPassword { shortest_chars: 1 })?;
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

fn is_common(name: &str, password: &str) -> bool {
    let lower = password.to_lowercase();
    let number = lower.chars().all(|c| c.is_ascii_digit()) && lower.len() <= LONGEST_NUMBER;
    let beside_name = lower.replace(&name.to_lowercase(), "").chars().count();
    number
        || is_a_run(&lower)
        || (name.chars().count() > 2 && beside_name < BESIDE_NAME_CHARS)
        || stems(&lower).iter().any(|stem| is_stem(stem))
}

/// Whether each character is the one before, or its neighbour: `aaaaaaaaaa`, `1234567890`, `zyxwvutsrq`.
fn is_a_run(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    let near = |pair: &[i64]| (pair[0] - pair[1]).abs() <= 1 || (pair[0] - pair[1]).abs() == 9;
    codes.windows(2).all(near)
}

/// What is left of a password without digits and signs, or with them read as letters where they do not stand around it.
fn stems(text: &str) -> [String; 3] {
    let without_signs = text.trim_matches(|c: char| !c.is_alphanumeric());
    let without_numbers = text.trim_matches(|c: char| !c.is_alphabetic());
    [letters(text, |c| c), letters(without_signs, spelt), letters(without_numbers, spelt)]
}

fn letters(text: &str, read_as: impl Fn(char) -> char) -> String {
    text.chars().map(read_as).filter(|c| c.is_alphabetic()).collect()
}

/// Which letter a digit or sign stands for in `p4ssw0rd`.
fn spelt(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Whether it is a common stem, once or several times over.
fn is_stem(text: &str) -> bool {
    let repeated = |length: usize| {
        let stem = text.get(..length)?;
        (text.len().is_multiple_of(length)
            && COMMON.contains(stem)
            && stem.repeat(text.len() / length) == text)
            .then_some(())
    };
    (1..=text.len()).any(|length| repeated(length).is_some())
}

#[cfg(test)]
mod tests {
    use super::{COMMON, check_password, hash_password, verify_password};
    use crate::clock::Clock;
    use crate::people::Error;

    #[test]
    fn only_the_right_password_is_right() {
        let clock = Clock::system();
        let hash = hash_password("correct horse", &clock).unwrap();
        assert!(verify_password("correct horse", Some(&hash), &clock));
        assert!(!verify_password("correct house", Some(&hash), &clock));
        assert!(!verify_password("correct horse", None, &clock));
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        assert!(COMMON.len() > 150 && COMMON.iter().all(|stem| stem.to_lowercase() == **stem));
        for password in [
            "password2026",
            "Password!!",
            "P4ssw0rd!!",
            "passw0rd123",
            "passwordpassword",
            "1234567890",
            "9876543210",
            "aaaaaaaaaa",
            "abcdefghij",
            "13800138000",
            "19491001194910",
            "qwertyuiop",
            "1qwerty123456",
            "Woaini1314520",
            "admin@123456",
            "wang.xiaoming1",
            "@lantai2026",
        ] {
            let refused = check_password("wang.xiaoming", password, 10);
            assert!(matches!(refused, Err(Error::CommonPassword)), "{password}");
        }
    }

    #[test]
    fn length_is_asked_for_and_nothing_else() {
        for password in
            ["seven red boats", "正月十五的雪打灯", "auditor-password", "gm-password", "kX9-pQ2_zz1"]
        {
            assert!(check_password("audit", password, 8).is_ok(), "{password}");
        }
        let short = check_password("audit", "red boats", 10);
        assert!(matches!(short, Err(Error::WeakPassword { shortest_chars: 10 })));
        assert!(check_password("audit", &"wide ".repeat(300), 10).is_err());
    }
}
