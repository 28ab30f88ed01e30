//! Second factors: codes of an authenticator app (TOTP, RFC 6238), passkeys, and recovery codes.
//!
//! A code is good once: the row remembers the step of the last one, and a recovery code that was used is taken out. Of
//! recovery codes only SHA-256 is kept (they are random, 80 bits). The app's secret has to be known to check codes: it is
//! in the sealed row and in the sealed payload of the log's entry, and nowhere else.

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp as Generator};
use zeroize::Zeroizing;

use super::bearers::{self, Kind};
use super::passkeys::{self, Created, Party, Passkey, Shown};
use super::{Error, People, Person};
use crate::domain::{PersonId, RawId, Sha256Digest};
use crate::journal::{self, Draft, Projection};
use crate::records::{Batch, Table};

/// Second factors by person.
const FACTORS: Table<Factors> = Table::new("people.factors");

/// The length of an app's secret, as RFC 4226 recommends it, in bytes.
const SECRET_BYTES: usize = 20;
/// The most passkeys of one person.
const MOST_PASSKEYS: usize = 20;
const RECOVERY_CODES: usize = 10;
const RECOVERY_CODE_CHARS: usize = 16;
const RECOVERY_GROUP_CHARS: usize = 4;
/// What apps show as the issuer.
const ISSUER: &str = "Lantai";

/// What somebody can show beside their password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factors {
    /// The authenticator app.
    #[serde(default)]
    totp: Option<App>,
    /// The recovery codes that are left.
    #[serde(default)]
    recovery: Vec<Sha256Digest>,
    /// The passkeys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passkeys: Vec<Passkey>,
}

impl Factors {
    /// Whether there is one at all.
    pub fn is_enrolled(&self) -> bool {
        self.totp.is_some() || !self.passkeys.is_empty()
    }

    /// Whether codes of an app are asked for.
    pub fn has_app(&self) -> bool {
        self.totp.is_some()
    }

    /// The passkeys.
    pub fn passkeys(&self) -> &[Passkey] {
        &self.passkeys
    }

    /// How many recovery codes are left.
    pub fn recovery_left(&self) -> usize {
        self.recovery.len()
    }
}

/// An authenticator app.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct App {
    /// Base64.
    secret: String,
    /// The step of the last code that was used: later ones only are good.
    last_step: u64,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("last_step", &self.last_step).finish_non_exhaustive()
    }
}

/// A second factor that was shown and is used up by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Used {
    /// The app's code of this step.
    Code {
        /// Steps of thirty seconds since 1970.
        step: u64,
    },
    /// A recovery code.
    Recovery {
        /// Its SHA-256.
        digest: Sha256Digest,
    },
    /// A passkey.
    Passkey {
        /// Its id.
        id: String,
        /// What its counter said.
        counter: u32,
    },
    /// It was shown a moment ago, when it was enrolled, or in the session that this one takes the place of.
    Before,
}

/// The fact of what somebody's factors are from now on.
#[derive(Serialize, Deserialize)]
struct Set {
    person: PersonId,
    factors: Factors,
}

/// An app's secret that is being enrolled.
#[derive(Clone)]
pub struct NewApp(Zeroizing<[u8; SECRET_BYTES]>);

impl NewApp {
    /// The secret, as it is typed by hand.
    pub fn base32(&self) -> String {
        Secret::from(*self.0).to_base32()
    }

    /// The address that apps read from a QR code.
    pub fn address(&self, person: &Person) -> String {
        let name = percent_encoding::utf8_percent_encode(&person.name, percent_encoding::NON_ALPHANUMERIC);
        format!(
            "otpauth://totp/{ISSUER}:{name}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits=6&period=30",
            self.base32()
        )
    }
}

impl People {
    /// The second factors of somebody.
    pub fn factors(&self, person: PersonId) -> Result<Factors, Error> {
        Ok(self.records.get(&FACTORS, person.as_bytes())?.unwrap_or_default())
    }

    /// The second factor that this code is, if it is good now and was not used yet.
    pub fn check_code(&self, person: PersonId, code: &str) -> Result<Used, Error> {
        let factors = self.factors(person)?;
        let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if let Some(app) = &factors.totp
            && let Some(step) = matching_step(&app.secret, &code, self.clock.now())
            && step > app.last_step
        {
            return Ok(Used::Code { step });
        }
        let digest = recovery_digest(&code);
        match factors.recovery.contains(&digest) {
            true => Ok(Used::Recovery { digest }),
            false => Err(Error::WrongCode),
        }
    }

    /// A secret for an app, to be confirmed with a first code.
    pub fn new_app(&self) -> NewApp {
        NewApp(Zeroizing::new(self.clock.random_bytes()))
    }

    /// Takes an app on whose first code is right, in place of a former one, with new recovery codes, which are known only
    /// now. All sessions of the person end.
    pub async fn enrol_app(&self, person: PersonId, app: &NewApp, code: &str) -> Result<Vec<String>, Error> {
        let secret = BASE64_STANDARD_NO_PAD.encode(*app.0);
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let step = matching_step(&secret, &code, self.clock.now()).ok_or(Error::WrongCode)?;
        let (codes, recovery) = self.recovery_codes();
        let totp = Some(App { secret, last_step: step });
        let factors = Factors { totp, recovery, ..self.factors(person)? };
        self.set_factors(person, person, factors).await?;
        Ok(codes)
    }

    /// The second factor that this passkey is, if it was shown for this challenge.
    pub fn check_passkey(
        &self,
        person: PersonId,
        party: &Party,
        challenge: &str,
        shown: &Shown,
    ) -> Result<Used, Error> {
        let factors = self.factors(person)?;
        let passkey = factors.passkeys.iter().find(|passkey| passkey.id == shown.id);
        let counter = passkeys::shown(party, challenge, passkey.ok_or(Error::BadPasskey)?, shown)?;
        Ok(Used::Passkey { id: shown.id.clone(), counter })
    }

    /// Takes a passkey on that was made for this challenge; with recovery codes, which are known only now, if it is the
    /// first factor. All sessions of the person end.
    pub async fn add_passkey(
        &self,
        person: PersonId,
        party: &Party,
        challenge: &str,
        (created, label): (&Created, &str),
    ) -> Result<Vec<String>, Error> {
        let passkey = passkeys::created(party, challenge, created, label)?;
        let mut factors = self.factors(person)?;
        if factors.passkeys.len() >= MOST_PASSKEYS {
            return Err(Error::TooManyPasskeys);
        }
        let mut codes = Vec::new();
        if !factors.is_enrolled() {
            (codes, factors.recovery) = self.recovery_codes();
        }
        factors.passkeys.retain(|known| known.id != passkey.id);
        factors.passkeys.push(passkey);
        self.set_factors(person, person, factors).await?;
        Ok(codes)
    }

    /// Takes a passkey off; the recovery codes, too, if nothing else is left. All sessions of the person end.
    pub async fn remove_passkey(&self, person: PersonId, id: &str) -> Result<(), Error> {
        let mut factors = self.factors(person)?;
        factors.passkeys.retain(|known| known.id != id);
        if !factors.is_enrolled() {
            factors = Factors::default();
        }
        self.set_factors(person, person, factors).await
    }

    /// New recovery codes in place of those that are left. All sessions of the person end.
    pub async fn renew_recovery(&self, person: PersonId) -> Result<Vec<String>, Error> {
        let (codes, recovery) = self.recovery_codes();
        let factors = Factors { recovery, ..self.factors(person)? };
        self.set_factors(person, person, factors).await?;
        Ok(codes)
    }

    /// Takes all second factors off somebody. All their sessions end.
    pub async fn remove_factors(&self, by: PersonId, person: PersonId) -> Result<(), Error> {
        self.set_factors(by, person, Factors::default()).await
    }

    async fn set_factors(&self, by: PersonId, person: PersonId, factors: Factors) -> Result<(), Error> {
        let mut expected = Batch::new();
        self.expect_factors(&mut expected, person)?;
        self.ended(Draft::new("factors.set", by, &Set { person, factors })?.expecting(expected)).await
    }

    /// The precondition that somebody's factors are as they are now.
    fn expect_factors(&self, expected: &mut Batch, person: PersonId) -> Result<(), Error> {
        match self.records.get(&FACTORS, person.as_bytes())? {
            Some(row) => expected.expect(&FACTORS, person.as_bytes(), &row)?,
            None => expected.expect_absent(&FACTORS, person.as_bytes()),
        }
        Ok(())
    }

    /// The precondition that this factor is still good when it is used up. Two who show the same code at once: one of
    /// them is too late.
    pub(super) fn expect_unused(
        &self,
        expected: &mut Batch,
        person: PersonId,
        used: &Used,
    ) -> Result<(), Error> {
        let factors = self.factors(person)?;
        let good = match used {
            Used::Code { step } => factors.totp.is_some_and(|app| *step > app.last_step),
            Used::Recovery { digest } => factors.recovery.contains(digest),
            Used::Passkey { id, counter } => factors
                .passkeys
                .iter()
                .any(|known| known.id == *id && passkeys::counts_on(known.counter, *counter)),
            Used::Before => return Ok(()),
        };
        if good { self.expect_factors(expected, person) } else { Err(Error::WrongCode) }
    }

    fn recovery_codes(&self) -> (Vec<String>, Vec<Sha256Digest>) {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| self.recovery_code()).collect();
        let digests = codes.iter().map(|code| recovery_digest(&code.replace('-', ""))).collect();
        (codes, digests)
    }

    fn recovery_code(&self) -> String {
        // The last characters of an id in base32: each is five random bits.
        let id = RawId::from_bytes(self.clock.random_bytes()).to_string();
        let chars: Vec<char> = id.chars().rev().take(RECOVERY_CODE_CHARS).collect();
        let groups: Vec<String> =
            chars.chunks(RECOVERY_GROUP_CHARS).map(|group| group.iter().collect()).collect();
        groups.join("-")
    }
}

fn recovery_digest(code: &str) -> Sha256Digest {
    Sha256Digest::of(code.to_ascii_lowercase().as_bytes())
}

/// The step that the code is of: now, or one before or after.
fn matching_step(secret: &str, code: &str, now: Timestamp) -> Option<u64> {
    let secret = Zeroizing::new(BASE64_STANDARD_NO_PAD.decode(secret).ok()?);
    let generator: Generator = Builder::new().with_secret(secret.to_vec()).build().ok()?;
    generator.check(code, u64::try_from(now.as_second()).ok()?)
}

pub(super) fn project_set(projection: &mut Projection<'_>) -> Result<(), journal::Error> {
    let set: Set = projection.fact()?;
    projection.put(&FACTORS, set.person.as_bytes(), &set.factors)?;
    bearers::end_where(projection, set.person, |bearer| bearer.kind == Kind::Session)
}

/// What was used is not good a second time.
pub(super) fn use_up(
    projection: &mut Projection<'_>,
    person: PersonId,
    used: &Used,
) -> Result<(), journal::Error> {
    let Some(mut factors) = projection.get(&FACTORS, person.as_bytes())? else { return Ok(()) };
    match used {
        Used::Code { step } => {
            if let Some(app) = &mut factors.totp {
                app.last_step = app.last_step.max(*step);
            }
        }
        Used::Recovery { digest } => factors.recovery.retain(|left| left != digest),
        Used::Passkey { id, counter } => {
            if let Some(known) = factors.passkeys.iter_mut().find(|known| known.id == *id) {
                known.counter = *counter;
            }
        }
        Used::Before => return Ok(()),
    }
    projection.put(&FACTORS, person.as_bytes(), &factors)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
    use jiff::Timestamp;

    use super::matching_step;

    /// The values of RFC 6238, appendix B, for SHA-1: its last six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = BASE64_STANDARD_NO_PAD.encode("12345678901234567890");
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        for (second, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let step = u64::try_from(second / 30).unwrap();
            assert_eq!(matching_step(&secret, code, at(second)), Some(step), "{second}");
            assert_eq!(matching_step(&secret, code, at(second + 30)), Some(step), "a little late");
            assert_eq!(matching_step(&secret, code, at(second + 90)), None, "too late");
            assert_eq!(matching_step(&secret, code.trim_start_matches('0'), at(second + 900)), None);
        }
    }
}
