//! The configuration: defaults, then `lantai.toml`, then `LANTAI_*` variables. The only reader of the environment.
//!
//! Layer 0. Every key `a.b` is also the variable `LANTAI_A_B`. An unknown key is an error: a limit that is
//! misspelt must not silently be the default. `schemas/config.schema.json` and docs/operations.md list all keys.

mod sending;
mod sign_in;

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use sending::{BadPauses, Notices, OutboxSettings, Pauses, Webhooks};
pub use sign_in::{Oidc, Session, SignIn};

/// All settings of a server or a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data folder: key, records, index. Everything in it but the key can be rebuilt from the bucket.
    pub data: PathBuf,
    /// Where the server listens.
    pub listen: String,
    /// The object store's URL: `file:///dir` or `s3://bucket/prefix?endpoint=..&region=..`. Empty: a folder beside the records.
    pub objects: String,
    /// A file with the passphrase of the key file, if that is locked.
    pub passphrase_file: Option<PathBuf>,
    /// The program that reads documents in its children, by its absolute path. Unset: this program itself.
    pub reading_program: Option<PathBuf>,
    /// The font for Chinese, Japanese and Korean text whose font a PDF does not bring along. Unset: one of those that
    /// Debian's packages put into `/usr/share/fonts`.
    pub reading_font: Option<PathBuf>,
    /// How long damaged records or a damaged index that were set aside are kept, in days.
    pub set_aside_days: u64,
    /// How pictures of text are read.
    pub ocr: Ocr,
    /// Access to an S3 store.
    pub s3: S3,
    /// How long what is written is held, where the object store can.
    pub retention: Retention,
    /// What is at most taken.
    pub limits: Limits,
    /// How the log is written.
    pub log: Log,
    /// How the journal waits.
    pub journal: JournalSettings,
    /// How sign-ins last.
    pub session: Session,
    /// How people sign in.
    pub sign_in: SignIn,
    /// The firm's own provider of sign-ins.
    pub oidc: Oidc,
    /// How dossiers are sealed, opened and destroyed.
    pub sealing: Sealing,
    /// How what is stored is looked at again.
    pub verify: Verify,
    /// How people are told.
    pub notices: Notices,
    /// Which webhooks there may be.
    pub webhooks: Webhooks,
    /// How what is sent is tried.
    pub outbox: OutboxSettings,
}

/// How pictures of text are read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ocr {
    /// The folder of the models. Unset: `lantai/models` in the user's cache folder. Without models in it OCR is off.
    pub models: Option<PathBuf>,
    /// Threads that share the work on a page.
    pub threads: u32,
    /// The longest time for one page, in seconds.
    pub page_seconds: u64,
    /// The longest time for one document, in seconds.
    pub document_seconds: u64,
}

/// Access to an S3 store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3 {
    /// The access key's id.
    pub access_key: String,
    /// The secret key. It is never shown.
    #[serde(skip_serializing)]
    pub secret_key: Secret,
    /// Objects larger than this go up in parts of this size, in bytes (S3 wants at least 5 MiB).
    pub part_bytes: usize,
    /// How many parts of one object are under way at once.
    pub parts_in_flight: usize,
    /// How often one call is tried.
    pub attempts: u32,
    /// How long one try may take, in seconds.
    pub timeout_seconds: u64,
    /// How long one call may take with all its tries, in seconds.
    pub patience_seconds: u64,
}

/// How long originals and the finished parts of the log are held: neither deleted nor changed by anybody, as far as
/// the object store has Object Lock.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// From the moment of writing, in days; 0 is not at all.
    pub days: u32,
    /// Who may lift it.
    pub mode: RetentionMode,
}

/// Who may lift a hold before its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionMode {
    /// Whoever the store gives that right.
    #[default]
    Governance,
    /// Nobody.
    Compliance,
}

/// A setting that is never shown.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// What is at most taken. Each is answered with 413, 422 or 429 when passed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest document, in bytes.
    pub document_bytes: u64,
    /// The largest JSON or form body, in bytes.
    pub request_bytes: usize,
    /// The most pages that are read of a document.
    pub pages: u32,
    /// The most pixels of one image.
    pub pixels: u64,
    /// The longest time a document may be read, in seconds.
    pub reading_seconds: u64,
    /// The memory that reading a document may take, in bytes.
    pub reading_memory_bytes: u64,
    /// The largest document that is read, in bytes; a larger one is archived unread.
    pub reading_bytes: u64,
    /// The longest time that drawing a document's pages may take, in seconds; later pages are not drawn.
    pub picture_seconds: u64,
    /// The most that the pictures of a document's pages may take, in bytes; later pages are not drawn.
    pub pictures_bytes: u64,
    /// The most fields that are offered of one page.
    pub page_fields: usize,
    /// How much of a document's text is looked through for fields, in characters.
    pub field_chars: usize,
    /// The most documents of one case.
    pub case_documents: usize,
    /// The longest search query, in characters.
    pub query_chars: usize,
    /// The most entries of one page of a list.
    pub list_entries: usize,
    /// How many moments of the search index are kept for those who page through a list.
    pub search_views: usize,
    /// How long such a moment is kept, in seconds.
    pub search_view_seconds: u64,
    /// Hits of more cases than this are not counted by the state that those stand in.
    pub facet_cases: usize,
    /// The most searches that one person may have saved.
    pub saved_searches: usize,
    /// The longest name of a saved search, in characters.
    pub saved_name_chars: usize,
    /// The most rows of a list of results that is taken out as a file.
    pub export_rows: usize,
    /// How many uploads may be under way at once; more wait or get 429.
    pub uploads: usize,
    /// The largest cache of decrypted index chunks, in bytes.
    pub index_cache_bytes: u64,
    /// What is kept of which items somebody may find, in bytes.
    pub index_scopes_bytes: u64,
    /// What is gathered in memory before a part of the index is written, in bytes; less than 15 MB counts as 15 MB.
    pub index_writer_bytes: u64,
    /// The largest cache of the record store, in bytes.
    pub records_cache_bytes: u64,
    /// The longest time between two pieces of a request's body, in seconds.
    pub body_idle_seconds: u64,
    /// Wrong passwords for one name before it pauses.
    pub wrong_passwords: u32,
}

/// How the log is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub form: String,
    /// A filter such as `info` or `lantai=debug`.
    pub filter: String,
}

/// How the journal waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSettings {
    /// How long a client waits for the object store before it is told that its change is not durable yet, in seconds.
    pub patience_seconds: u64,
}

/// How dossiers are sealed, opened and destroyed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sealing {
    /// How long a sealed dossier is opened for, unless somebody says otherwise, in minutes.
    pub open_minutes: u32,
    /// The longest time that it can be opened for, in minutes.
    pub open_minutes_max: u32,
    /// How long a second person may confirm that a dossier is to be destroyed, in hours.
    pub destroy_hours: u32,
    /// The fewest characters of the general manager's passphrase.
    pub passphrase_chars: usize,
}

impl Default for Sealing {
    fn default() -> Self {
        Self { open_minutes: 30, open_minutes_max: 480, destroy_hours: 72, passphrase_chars: 12 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "./lantai-data".into(),
            listen: "127.0.0.1:7070".into(),
            objects: String::new(),
            passphrase_file: None,
            reading_program: None,
            reading_font: None,
            set_aside_days: 7,
            ocr: Ocr::default(),
            s3: S3::default(),
            retention: Retention::default(),
            limits: Limits::default(),
            log: Log::default(),
            journal: JournalSettings::default(),
            session: Session::default(),
            sign_in: SignIn::default(),
            oidc: Oidc::default(),
            sealing: Sealing::default(),
            verify: Verify::default(),
            notices: Notices::default(),
            webhooks: Webhooks::default(),
            outbox: OutboxSettings::default(),
        }
    }
}

impl Default for Ocr {
    fn default() -> Self {
        Self { models: None, threads: 2, page_seconds: 120, document_seconds: 1800 }
    }
}

impl Default for S3 {
    fn default() -> Self {
        Self {
            access_key: String::new(),
            secret_key: Secret::default(),
            part_bytes: 5 << 20,
            parts_in_flight: 2,
            attempts: 4,
            timeout_seconds: 60,
            patience_seconds: 120,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 4 << 30,
            request_bytes: 1 << 20,
            pages: 2_000,
            pixels: 200_000_000,
            reading_seconds: 60,
            reading_memory_bytes: 3 << 29,
            reading_bytes: 256 << 20,
            picture_seconds: 600,
            pictures_bytes: 256 << 20,
            page_fields: 200,
            field_chars: 2_000_000,
            case_documents: 500,
            query_chars: 1_000,
            list_entries: 200,
            search_views: 8,
            search_view_seconds: 900,
            facet_cases: 20_000,
            saved_searches: 100,
            saved_name_chars: 60,
            export_rows: 10_000,
            uploads: 64,
            index_cache_bytes: 32 << 20,
            index_scopes_bytes: 8 << 20,
            index_writer_bytes: 16_000_000,
            records_cache_bytes: 16 << 20,
            body_idle_seconds: 60,
            wrong_passwords: 10,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { form: "text".into(), filter: "info".into() }
    }
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { patience_seconds: 30 }
    }
}

/// How what is stored is looked at again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verify {
    /// How many documents a verification reads at once.
    pub at_once: usize,
    /// How often a verification notes how far it is, in seconds: so much is lost when it is interrupted.
    pub save_seconds: u64,
    /// How often a running server looks at some documents by itself, in seconds; 0: never.
    pub sample_seconds: u64,
    /// A document that came in or was looked at so lately is not looked at by itself, in seconds.
    pub again_seconds: u64,
    /// How much it reads each time, in bytes.
    pub sample_bytes: u64,
}

impl Default for Verify {
    fn default() -> Self {
        Self {
            at_once: 2,
            save_seconds: 2,
            sample_seconds: 60,
            again_seconds: 86_400,
            sample_bytes: 16 << 20,
        }
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or variable has a value or key that does not fit.
    #[error("{origin}: {message}")]
    Invalid {
        /// Where the setting stands.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Config {
    /// Defaults, then the file (`lantai.toml` if none is named and there is one), then the environment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn load(file: Option<&Path>) -> Result<Self, Error> {
        let default_file = Path::new("lantai.toml");
        let file = file.or_else(|| default_file.exists().then_some(default_file));
        Self::from_sources(file, std::env::vars())
    }

    fn from_sources(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let mut settings = match file {
            Some(path) => read_file(path)?,
            None => Map::new(),
        };
        let shape = serde_json::to_value(Self::default()).unwrap_or_default();
        let paths = setting_paths(&shape);
        let (mut cache, mut home) = (None, None);
        for (name, text) in environment {
            match name.as_str() {
                "XDG_CACHE_HOME" => cache = Some(PathBuf::from(text)),
                "HOME" => home = Some(PathBuf::from(text)),
                _ if name.starts_with("LANTAI_") => set_variable(&mut settings, &paths, &name, &text)?,
                _ => {}
            }
        }
        let origin = file.map_or_else(|| "configuration".to_owned(), |path| path.display().to_string());
        let config = serde_json::from_value(Value::Object(settings));
        let mut config: Self =
            config.map_err(|error| Error::Invalid { origin, message: error.to_string() })?;
        // As the XDG base directory specification has it: a folder that is not absolute counts for nothing.
        let cache = cache.filter(|path| path.is_absolute()).or_else(|| Some(home?.join(".cache")));
        config.ocr.models = config.ocr.models.or_else(|| Some(cache?.join("lantai/models")));
        Ok(config)
    }

    /// The passphrase of the key file, if one is set.
    pub fn passphrase(&self) -> Result<Option<SecretString>, Error> {
        let Some(path) = &self.passphrase_file else { return Ok(None) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned())))
    }

    /// The object store's URL, which is a folder in the data folder unless it is set.
    pub fn objects_url(&self) -> String {
        if self.objects.is_empty() {
            let folder =
                std::path::absolute(self.data.join("objects")).unwrap_or_else(|_| self.data.join("objects"));
            format!("file://{}", folder.display())
        } else {
            self.objects.clone()
        }
    }
}

fn read_file(path: &Path) -> Result<Map<String, Value>, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|error| Error::Invalid { origin: path.display().to_string(), message: error.to_string() })
}

/// The paths of all settings, with an example value each.
fn setting_paths(shape: &Value) -> Vec<(Vec<String>, Value)> {
    // Those that are never shown.
    let hidden = [["s3", "secret_key"], ["oidc", "client_secret"]];
    let mut paths =
        hidden.map(|path| (path.map(str::to_owned).to_vec(), Value::String(String::new()))).to_vec();
    let mut open = vec![(Vec::new(), shape)];
    while let Some((path, value)) = open.pop() {
        match value.as_object() {
            Some(object) => open.extend(
                object.iter().map(|(key, value)| ([path.clone(), vec![key.clone()]].concat(), value)),
            ),
            None => paths.push((path, value.clone())),
        }
    }
    paths
}

/// Other variables of our prefix (those of the tests, for instance) are none of ours.
fn set_variable(
    settings: &mut Map<String, Value>,
    paths: &[(Vec<String>, Value)],
    name: &str,
    text: &str,
) -> Result<(), Error> {
    if let Some((path, example)) = paths.iter().find(|(path, _)| variable(path) == name) {
        let value = parse(text, example).ok_or_else(|| Error::Invalid {
            origin: name.to_owned(),
            message: "a number or true/false is expected".into(),
        })?;
        set(settings, path, value);
    }
    Ok(())
}

fn variable(path: &[String]) -> String {
    format!("LANTAI_{}", path.join("_").to_uppercase())
}

fn parse(text: &str, example: &Value) -> Option<Value> {
    match example {
        Value::Number(_) => text.parse::<u64>().ok().map(Value::from),
        Value::Bool(_) => text.parse::<bool>().ok().map(Value::from),
        _ => Some(Value::from(text)),
    }
}

fn set(settings: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            settings.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = settings.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Some(inner) = inner.as_object_mut() {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, RetentionMode};

    fn from_environment(variables: &[(&str, &str)]) -> Result<Config, super::Error> {
        Config::from_sources(None, variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn every_setting_is_also_a_variable() {
        let config = from_environment(&[
            ("LANTAI_OBJECTS", "file:///x"),
            ("LANTAI_LIMITS_DOCUMENT_BYTES", "77"),
            ("LANTAI_S3_SECRET_KEY", "hidden"),
            ("LANTAI_PASSPHRASE_FILE", "/p"),
            ("LANTAI_RETENTION_DAYS", "30"),
            ("LANTAI_RETENTION_MODE", "compliance"),
            ("LANTAI_WEBHOOKS_ALLOW_HTTP", "true"),
            ("LANTAI_OUTBOX_RETRY_SECONDS", "1,2"),
            ("LANTAI_REQUIRE", "garage"),
        ]);
        let config = config.unwrap();
        assert_eq!(config.objects_url(), "file:///x");
        assert_eq!(config.limits.document_bytes, 77);
        assert_eq!(config.limits.pages, 2_000);
        assert_eq!(config.s3.secret_key.expose(), "hidden");
        assert_eq!((config.retention.days, config.retention.mode), (30, RetentionMode::Compliance));
        assert!(config.webhooks.allow_http);
        assert_eq!(
            (config.outbox.retry_seconds.after(1), config.outbox.retry_seconds.after(2)),
            (Some(2), None)
        );
        assert_eq!(config.s3.attempts, 4, "setting one key of a section keeps the others");
        assert!(!format!("{config:?}").contains("hidden"));
        assert!(from_environment(&[("LANTAI_LIMITS_PAGES", "many")]).is_err());
    }

    #[test]
    fn unknown_keys_in_the_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lantai.toml");
        std::fs::write(&path, "[limits]\ndocument_byte = 1\n").unwrap();
        assert!(Config::from_sources(Some(&path), std::iter::empty()).is_err());
        std::fs::write(&path, "[limits]\npages = 3\n").unwrap();
        assert_eq!(Config::from_sources(Some(&path), std::iter::empty()).unwrap().limits.pages, 3);
    }

    #[test]
    fn models_are_in_the_cache_folder_unless_it_is_said_otherwise() {
        let models = |variables: &[(&str, &str)]| from_environment(variables).unwrap().ocr.models;
        let path = |text: &str| Some(std::path::PathBuf::from(text));
        let (home, cache) = (("HOME", "/h"), ("XDG_CACHE_HOME", "/c"));
        assert_eq!(models(&[home]), path("/h/.cache/lantai/models"));
        assert_eq!(models(&[cache, home]), path("/c/lantai/models"));
        assert_eq!(models(&[("XDG_CACHE_HOME", "c"), home]), path("/h/.cache/lantai/models"));
        assert_eq!(models(&[cache, home, ("LANTAI_OCR_MODELS", "/m")]), path("/m"));
        assert_eq!(models(&[]), None);
    }
}
