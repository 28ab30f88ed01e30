//! The settings of signing in.

use serde::{Deserialize, Serialize};

use super::Secret;

/// How sign-ins last.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// How long a session lasts at most, in hours.
    pub hours: u64,
    /// A session that was not used for so long is over, in minutes.
    pub idle_minutes: u64,
    /// How long a claim on a case lasts, in minutes.
    pub claim_minutes: u64,
}

/// How people sign in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignIn {
    /// The address under which people see the server, such as `https://lantai.example`. With `https` cookies are for
    /// TLS only and browsers are told to stay with it. Empty: plain HTTP, for one machine.
    pub address: String,
    /// The header in which a proxy in front says who calls, such as `x-forwarded-for`; its last element counts. Empty:
    /// there is no proxy, and whoever is connected calls.
    pub client_header: String,
    /// The fewest characters of a password.
    pub password_chars: usize,
    /// How long a one-time password can be used, in hours.
    pub one_time_hours: u64,
    /// Roles that need a second factor, with commas between them; `all` is everybody.
    pub second_factor: String,
    /// Sign-ins from one address within a minute before it has to wait.
    pub address_per_minute: u32,
    /// Passwords that are checked at once (each takes 19 MiB); more wait.
    pub checks_at_once: usize,
    /// How long a name pauses after too many wrong passwords, in seconds; each further one doubles it.
    pub pause_seconds: u64,
    /// The longest such pause, in seconds.
    pub pause_seconds_max: u64,
    /// How long somebody may take for the second step, in seconds.
    pub step_seconds: u64,
    /// How long a token lasts at most that somebody makes for themselves, in days.
    pub own_token_days: u32,
}

/// The firm's own provider of sign-ins (OpenID Connect), if it has one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oidc {
    /// Its address, as it calls itself. Empty: there is none.
    pub issuer: String,
    /// What it knows this archive by.
    pub client_id: String,
    /// The secret that goes with it. It is never shown.
    #[serde(skip_serializing)]
    pub client_secret: Secret,
    /// What it is asked for.
    pub scope: String,
    /// The claim that is somebody's sign-in name here.
    pub claim: String,
    /// What people call it.
    pub title: String,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: Secret::default(),
            scope: "openid profile".into(),
            claim: "preferred_username".into(),
            title: "OpenID Connect".into(),
        }
    }
}

impl SignIn {
    /// Whether people see the server by TLS.
    pub fn is_tls(&self) -> bool {
        self.address.starts_with("https://")
    }

    /// Whether one of these roles needs a second factor.
    pub fn needs_second_factor<'a>(&self, mut roles: impl Iterator<Item = &'a str>) -> bool {
        let mut named = self.second_factor.split(',').map(str::trim).filter(|role| !role.is_empty());
        let named: Vec<&str> = named.by_ref().collect();
        named.contains(&"all") || roles.any(|role| named.contains(&role))
    }
}

impl Default for Session {
    fn default() -> Self {
        Self { hours: 12, idle_minutes: 60, claim_minutes: 15 }
    }
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            address: String::new(),
            client_header: String::new(),
            password_chars: 10,
            one_time_hours: 24,
            second_factor: String::new(),
            address_per_minute: 60,
            checks_at_once: 4,
            pause_seconds: 60,
            pause_seconds_max: 900,
            step_seconds: 300,
            own_token_days: 365,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SignIn;

    #[test]
    fn roles_that_need_a_second_factor_are_named() {
        let needs = |setting: &str, role: &str| {
            let settings = SignIn { second_factor: setting.to_owned(), ..SignIn::default() };
            settings.needs_second_factor([role].into_iter())
        };
        assert!(!needs("", "admin") && !needs(" , ", "") && !needs("administrator", "admin"));
        assert!(needs("clerk, admin", "admin") && !needs("clerk, admin", "other") && needs("all", "other"));
    }
}
