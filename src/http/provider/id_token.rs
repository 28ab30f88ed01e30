//! ID tokens (OpenID Connect Core 1.0, 3.1.3.7): signed JSON (RFC 7515) of a provider, believed only if everything fits.
//!
//! Signatures are `ring`'s: RS256, ES256 and EdDSA. A token that names another algorithm, or none, is refused, and so is
//! a key that is not of its kind.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jiff::Timestamp;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Clocks may differ by so many seconds.
const SKEW_SECONDS: i64 = 60;

/// What a token must say to be one of this sign-in.
pub(super) struct Expected<'a> {
    /// Who has to have issued it.
    pub(super) issuer: &'a str,
    /// For whom.
    pub(super) client_id: &'a str,
    /// For which sign-in.
    pub(super) nonce: &'a str,
    /// Now.
    pub(super) now: Timestamp,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It is not three parts of base64 with JSON in them.
    #[error("it is no signed JSON")]
    Malformed,
    /// The algorithm is none of those that are taken, or there is no key for it.
    #[error("there is no key for it")]
    NoKey,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// It is somebody else's, for somebody else, or for another sign-in.
    #[error("it is not for this sign-in")]
    NotForUs,
    /// Its time is over, or has not come.
    #[error("its time is over")]
    Time,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

/// A key of the provider's (RFC 7517).
#[derive(Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

/// The claims of a token, if it is signed by one of these keys and is for this sign-in.
pub(super) fn verify(
    token: &str,
    keys: &Value,
    expected: &Expected<'_>,
) -> Result<Map<String, Value>, Refused> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Refused::Malformed)?;
    let signature = decode(signature)?;
    check_signature(&header, keys, signed.as_bytes(), &signature)?;
    let claims = serde_json::from_slice(&decode(payload)?).map_err(|_| Refused::Malformed)?;
    check_claims(&claims, expected)?;
    Ok(claims)
}

fn check_signature(header: &Header, keys: &Value, signed: &[u8], signature: &[u8]) -> Result<(), Refused> {
    let keys = keys.get("keys").and_then(Value::as_array).ok_or(Refused::NoKey)?;
    // A key of a kind that is not known is none of ours.
    let keys = keys.iter().filter_map(|key| Key::deserialize(key).ok());
    let mut fitting = keys.filter(|key| fits(header, key)).peekable();
    if fitting.peek().is_none() {
        return Err(Refused::NoKey);
    }
    match fitting.any(|key| is_signed(&key, signed, signature)) {
        true => Ok(()),
        false => Err(Refused::Signature),
    }
}

fn fits(header: &Header, key: &Key) -> bool {
    let kind = match header.alg.as_str() {
        "RS256" => key.kty == "RSA",
        "ES256" => key.kty == "EC" && key.crv.as_deref() == Some("P-256"),
        "EdDSA" => key.kty == "OKP" && key.crv.as_deref() == Some("Ed25519"),
        _ => false,
    };
    kind && (header.kid.is_none() || key.kid.is_none() || header.kid == key.kid)
        && key.usage.as_deref().is_none_or(|usage| usage == "sig")
        && key.alg.as_deref().is_none_or(|alg| alg == header.alg)
}

fn is_signed(key: &Key, signed: &[u8], signature: &[u8]) -> bool {
    let part = |text: &str| decode(text).unwrap_or_default();
    let verified = match key.kty.as_str() {
        "RSA" => RsaPublicKeyComponents { n: part(&key.n), e: part(&key.e) }.verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed,
            signature,
        ),
        "EC" => {
            let point = [&[4_u8][..], part(&key.x).as_slice(), part(&key.y).as_slice()].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
        }
        _ => UnparsedPublicKey::new(&ED25519, part(&key.x)).verify(signed, signature),
    };
    verified.is_ok()
}

fn check_claims(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Refused> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let party = match text("azp") {
        Some(party) => party == expected.client_id,
        None => audience.len() == 1,
    };
    let ours = text("iss") == Some(expected.issuer)
        && audience.contains(&expected.client_id)
        && party
        && text("nonce") == Some(expected.nonce);
    if !ours {
        return Err(Refused::NotForUs);
    }
    let second = |name: &str| claims.get(name).and_then(Value::as_f64);
    let now = expected.now.as_second();
    let (Some(expires), Some(issued)) = (second("exp"), second("iat")) else { return Err(Refused::Time) };
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 have room in an f64")]
    let (earliest, latest) = ((now - SKEW_SECONDS) as f64, (now + SKEW_SECONDS) as f64);
    let begun = second("nbf").is_none_or(|begins| begins <= latest);
    if expires > earliest && issued <= latest && begun { Ok(()) } else { Err(Refused::Time) }
}

fn decode(text: &str) -> Result<Vec<u8>, Refused> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Malformed)
}
