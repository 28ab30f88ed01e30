//! Settings of the inboxes and of what is sent out of the archive.

use serde::{Deserialize, Serialize};

/// How people are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// The address under which people reach the server, such as `https://archive.example.com`: links in calendars
    /// begin with it. Empty: there are none.
    pub public_url: String,
    /// The most streams of live notices at once.
    pub streams: usize,
    /// The most streams of one person at once.
    pub streams_per_person: usize,
    /// How often something is sent over a stream at least, in seconds.
    pub heartbeat_seconds: u64,
}

/// Which webhooks there may be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// The most webhooks that are not disabled.
    pub most: usize,
    /// How long one try may take, in seconds.
    pub timeout_seconds: u64,
    /// Whether a webhook may be without TLS.
    pub allow_http: bool,
    /// Whether a webhook may be in a private network, or on this machine.
    pub allow_private: bool,
}

/// How what is sent is tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboxSettings {
    /// The pauses after tries that failed, in seconds, separated by commas; after the last one a delivery is given up. Each
    /// is lengthened by up to a fifth, so that not all come at once.
    pub retry_seconds: Pauses,
    /// How many deliveries are under way at once.
    pub at_once: usize,
}

/// Pauses in seconds, written with commas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pauses(Vec<u64>);

impl Pauses {
    /// The pause after the try of this number, from 0; none after the last one.
    pub fn after(&self, tries: u32) -> Option<u64> {
        self.0.get(usize::try_from(tries).ok()?).copied()
    }
}

/// The text is not a list of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("numbers of seconds with commas between them are expected")]
pub struct BadPauses;

impl TryFrom<String> for Pauses {
    type Error = BadPauses;

    fn try_from(text: String) -> Result<Self, BadPauses> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::parse).collect::<Result<_, _>>().map(Self).map_err(|_| BadPauses)
    }
}

impl From<Pauses> for String {
    fn from(pauses: Pauses) -> Self {
        let parts: Vec<String> = pauses.0.iter().map(u64::to_string).collect();
        parts.join(",")
    }
}

impl Default for Notices {
    fn default() -> Self {
        Self { public_url: String::new(), streams: 256, streams_per_person: 4, heartbeat_seconds: 15 }
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { most: 20, timeout_seconds: 15, allow_http: false, allow_private: false }
    }
}

impl Default for OutboxSettings {
    fn default() -> Self {
        // The schedule that Standard Webhooks gives as its example.
        let seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        Self { retry_seconds: Pauses(seconds.into()), at_once: 8 }
    }
}

#[cfg(test)]
mod tests {
    use super::{OutboxSettings, Pauses};

    #[test]
    fn pauses_are_read_as_they_are_written() {
        let pauses = Pauses::try_from("1, 20,,300".to_owned()).unwrap();
        let after = [0, 1, 2, 3].map(|tries| pauses.after(tries));
        assert_eq!(
            (after, String::from(pauses).as_str()),
            ([Some(1), Some(20), Some(300), None], "1,20,300")
        );
        assert!(Pauses::try_from("1,soon".to_owned()).is_err());
        let default = OutboxSettings::default().retry_seconds;
        assert_eq!(Pauses::try_from(String::from(default.clone())), Ok(default));
    }
}
