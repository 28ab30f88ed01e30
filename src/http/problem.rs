//! Problems: the one form of everything that goes wrong (RFC 9457). Only this file knows status codes.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Asked;
use crate::app::MigrationError;
use crate::archive::Refused;
use crate::domain::business_date;
use crate::objects::ErrorKind;
use crate::sealing::Stub;
use crate::stacks::Waits;
use crate::text::{Lang, say_with};
use crate::workflow::{Refusal, Title};
use crate::{
    access, app, archive, cases, delegations, dossiers, journal, keys, manifest, notices, objects, packs,
    people, records, sealing, search, searches, vault,
};

/// Something that went wrong, before it is put into words.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static str,
    /// Name, Chinese, English.
    values: Vec<(&'static str, String, String)>,
    members: Map<String, Value>,
    refusal: Option<Box<Refusal>>,
}

impl Problem {
    /// A problem of this stable code.
    pub fn new(code: &'static str) -> Self {
        Self { code, values: Vec::new(), members: Map::new(), refusal: None }
    }

    /// A problem that is over after so many seconds.
    pub fn wait(code: &'static str, seconds: u64) -> Self {
        Self::new(code).value("seconds", seconds).member("retry_after_seconds", seconds)
    }

    /// The request cannot be understood.
    pub fn bad_request(what: impl ToString) -> Self {
        Self::new("bad_request").value("what", what)
    }

    /// A value that the sentence names.
    pub fn value(mut self, name: &'static str, value: impl ToString) -> Self {
        let value = value.to_string();
        self.values.push((name, value.clone(), value));
        self
    }

    /// A value that the sentence names and that has words of its own.
    pub fn title(mut self, name: &'static str, title: &Title) -> Self {
        self.values.push((name, title.zh.clone(), title.en.clone()));
        self
    }

    /// A further member of the answer, for programs.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The workflow's refusal, if that is what went wrong.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_deref()
    }

    /// A member of the answer.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The sentence.
    pub fn sentence(&self, lang: Lang) -> String {
        let values: Vec<(&str, &str)> = self
            .values
            .iter()
            .map(|(name, zh, en)| (*name, if lang == Lang::Zh { zh } else { en }.as_str()))
            .collect();
        say_with(lang, &format!("problem-{}", self.code), &values)
    }

    /// The status that goes with the code.
    pub fn status(&self) -> StatusCode {
        match self.code {
            "unauthenticated"
            | "wrong_password"
            | "wrong_code"
            | "second_factor_needed"
            | "wrong_passkey"
            | "provider_refused" => StatusCode::UNAUTHORIZED,
            "forbidden"
            | "cross_site"
            | "role"
            | "four_eyes"
            | "wrong_passphrase"
            | "same_person"
            | "not_held"
            | "out_of_scope"
            | "password_change_needed"
            | "enrolment_needed"
            | "session_needed"
            | "unknown_at_provider" => StatusCode::FORBIDDEN,
            "dossier_sealed" => StatusCode::LOCKED,
            "dossier_destroyed" => StatusCode::GONE,
            "not_found" | "unknown_dossier" | "unknown_document" | "unknown_case" | "unknown_person"
            | "unknown_search" | "no_target" | "unknown_notice" | "unknown_webhook" | "unknown_delivery"
            | "unknown_token" | "unknown_pack" | "unknown_penalty" | "unknown_mark"
            | "unknown_delegation" | "not_split" | "not_read" | "no_page" | "no_picture" => {
                StatusCode::NOT_FOUND
            }
            "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
            "bad_request" | "wrong_digest" | "broken" => StatusCode::BAD_REQUEST,
            "conflict" | "verifying" | "claimed" | "name_taken" | "stale_version" | "wrong_state"
            | "guard" | "pack_taken" | "definition_taken" | "migration_refused" | "counter_entry"
            | "already_reversed" | "already_appealed" | "not_sealed" | "not_asked" | "already_asked"
            | "no_manager_key" | "last_manager" | "not_claimed" | "items_open" | "not_dead" => {
                StatusCode::CONFLICT
            }
            "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            "bad_range" => StatusCode::RANGE_NOT_SATISFIABLE,
            "too_many_uploads" | "too_many_attempts" | "too_many_streams" => StatusCode::TOO_MANY_REQUESTS,
            "store_unavailable" | "not_durable" | "records_failed" | "provider_unavailable" => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            "store_full" => StatusCode::INSUFFICIENT_STORAGE,
            "damaged" | "internal" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// The answer in words.
    pub(super) fn render(self, asked: Asked, headers: HeaderMap) -> Response {
        let status = self.status();
        let detail = self.sentence(asked.lang);
        let mut body = json!({
            "type": format!("urn:lantai:problem:{}", self.code),
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "code": self.code,
            "detail": detail,
            "request_id": asked.request_id.to_string(),
        });
        if let Some(object) = body.as_object_mut() {
            object.extend(self.members);
        }
        let wait = body.get("retry_after_seconds").and_then(Value::as_u64).unwrap_or(5);
        let mut response = (status, Json(body)).into_response();
        let kept = headers.into_iter().filter_map(|(name, value)| name.map(|name| (name, value)));
        response.headers_mut().extend(kept.filter(|(name, _)| name != header::CONTENT_LENGTH));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status.as_u16(), 429 | 503) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// The dossier is sealed or destroyed: who did it, when and why.
    pub fn sealed(stub: &Stub) -> Self {
        let code = if stub.destroyed { "dossier_destroyed" } else { "dossier_sealed" };
        let day = business_date(stub.at);
        let problem =
            Self::new(code).value("day", day).value("name", &stub.by_name).value("why", &stub.reason);
        problem
            .member("dossier", stub.dossier.to_string())
            .member("sealed_at", stub.at.to_string())
            .member("sealed_by", stub.by_name.clone())
            .member("reason", stub.reason.clone())
    }

    fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a request failed inside");
        Self::new("internal")
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem; the layer around every request puts it into words.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<access::Denied> for Problem {
    fn from(_: access::Denied) -> Self {
        Self::new("forbidden")
    }
}

impl From<records::Error> for Problem {
    fn from(error: records::Error) -> Self {
        match error {
            records::Error::Conflict => Self::new("conflict"),
            records::Error::Full => Self::new("store_full"),
            error => {
                tracing::error!(%error, "the local records failed");
                Self::new("records_failed")
            }
        }
    }
}

impl From<objects::Error> for Problem {
    fn from(error: objects::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::Corrupt => {
                tracing::error!(%error, "an object is missing or damaged");
                Self::new("damaged")
            }
            ErrorKind::Denied | ErrorKind::Unavailable | ErrorKind::ClockSkew | ErrorKind::WrongBucket => {
                Self::new("store_unavailable")
            }
            ErrorKind::Full => Self::new("store_full"),
            ErrorKind::Broken => Self::new("broken"),
            ErrorKind::Misused => Self::internal(&error),
        }
    }
}

impl From<keys::Error> for Problem {
    fn from(error: keys::Error) -> Self {
        match error {
            keys::Error::Objects(error) => error.into(),
            keys::Error::Records(error) => error.into(),
            keys::Error::Vault(_) | keys::Error::Foreign => {
                tracing::error!(%error, "a dossier's key cannot be opened");
                Self::new("damaged")
            }
        }
    }
}

impl From<journal::Error> for Problem {
    fn from(error: journal::Error) -> Self {
        match error {
            journal::Error::Conflict => Self::new("conflict"),
            journal::Error::Closed => {
                Self::new("dossier_sealed").value("day", "—").value("name", "—").value("why", "—")
            }
            journal::Error::Unavailable => Self::new("store_unavailable"),
            journal::Error::NotDurable => Self::new("not_durable"),
            journal::Error::Records(error) => error.into(),
            journal::Error::Keys(error) => error.into(),
            journal::Error::Objects(error) => error.into(),
            journal::Error::TooLarge => Self::bad_request("too much text for one entry of the log"),
            error => {
                tracing::error!(%error, "the local copy of the log failed");
                Self::new("records_failed")
            }
        }
    }
}

impl From<dossiers::Error> for Problem {
    fn from(error: dossiers::Error) -> Self {
        match error {
            dossiers::Error::NotPermitted => Self::new("forbidden"),
            dossiers::Error::Keys(error) => error.into(),
            dossiers::Error::Journal(error) => error.into(),
            dossiers::Error::Records(error) => error.into(),
        }
    }
}

impl From<archive::Error> for Problem {
    fn from(error: archive::Error) -> Self {
        match error {
            archive::Error::NotPermitted => Self::new("forbidden"),
            archive::Error::Refused(Refused::Empty) => Self::new("empty"),
            archive::Error::Refused(Refused::TooLarge { limit_bytes }) => {
                Self::new("too_large").value("limit", limit_bytes)
            }
            archive::Error::Refused(Refused::WrongDigest) => Self::new("wrong_digest"),
            archive::Error::Refused(Refused::Broken) => Self::new("broken"),
            archive::Error::KeyReused => Self::new("key_reused"),
            archive::Error::NotRead => Self::new("not_read"),
            archive::Error::NoPage => Self::new("no_page"),
            archive::Error::NoPicture => Self::new("no_picture"),
            archive::Error::NotOpenedYet => Self::new("not_opened_yet"),
            archive::Error::NoReason => Self::new("reason_needed"),
            archive::Error::TooManyRows { rows, limit } => {
                let problem = Self::new("too_many_rows").value("rows", rows).value("limit", limit);
                problem.member("rows", rows).member("limit", limit)
            }
            archive::Error::BadRange => Self::new("bad_range"),
            archive::Error::Damaged => Self::new("damaged"),
            archive::Error::Objects(error) => error.into(),
            archive::Error::Keys(error) => error.into(),
            archive::Error::Journal(error) => error.into(),
            archive::Error::Records(error) => error.into(),
            archive::Error::Search(error) => error.into(),
        }
    }
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Objects(error) => error.into(),
            app::Error::Keys(error) => error.into(),
            app::Error::Journal(error) | app::Error::Manifest(manifest::Error::Journal(error)) => {
                error.into()
            }
            app::Error::Manifest(manifest::Error::Objects(error)) => error.into(),
            app::Error::Records(error) => error.into(),
            app::Error::Search(error) => error.into(),
            app::Error::Sealing(error) => error.into(),
            app::Error::Vault(vault::Error::Locked) => Self::new("wrong_passphrase"),
            app::Error::NoManager => Self::new("no_manager_key"),
            app::Error::Archive(error) => error.into(),
            app::Error::Cases(error) => error.into(),
            app::Error::Notices(error) => error.into(),
            app::Error::Packs(error) => error.into(),
            app::Error::PartWaits(waits) => part_waits(waits),
            app::Error::Migration(refused) => refused.into(),
            app::Error::People(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<MigrationError> for Problem {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::UnknownVersion { workflow, version } => {
                Self::new("unknown_version").value("workflow", workflow).value("version", version)
            }
            MigrationError::NoMapping { from, to } => {
                Self::new("no_migration").value("from", from).value("to", to)
            }
            MigrationError::Refused(migration) => {
                let problem = Self::new("migration_refused").value("refused", migration.refused());
                problem.value("cases", migration.cases.len()).member("cases", json!(migration.cases))
            }
        }
    }
}

/// Why a part of a stack did not go where it was sent.
fn part_waits(waits: Waits) -> Problem {
    Problem::new(match waits {
        Waits::NotPermitted => "forbidden",
        Waits::UnknownCase => "unknown_case",
        Waits::CannotSplit => "cannot_split",
        Waits::NoPages => "no_pages",
        Waits::NoCover | Waits::Unsure | Waits::NotTaken => "part_not_taken",
    })
}

impl From<sealing::Error> for Problem {
    fn from(error: sealing::Error) -> Self {
        match error {
            sealing::Error::NotPermitted => Self::new("forbidden"),
            sealing::Error::Unknown => Self::new("unknown_dossier"),
            sealing::Error::Sealed(stub) | sealing::Error::Destroyed(stub) => Self::sealed(&stub),
            sealing::Error::NotSealed => Self::new("not_sealed"),
            sealing::Error::AlreadyAsked => Self::new("already_asked"),
            sealing::Error::NotAsked => Self::new("not_asked"),
            sealing::Error::SamePerson => Self::new("same_person"),
            sealing::Error::NoReason => Self::new("reason_needed"),
            sealing::Error::Journal(error) => error.into(),
            sealing::Error::Records(error) => error.into(),
        }
    }
}

impl From<search::Error> for Problem {
    fn from(error: search::Error) -> Self {
        match error {
            search::Error::Full => Self::new("store_full"),
            other => Self::internal(&other),
        }
    }
}

impl From<searches::Error> for Problem {
    fn from(error: searches::Error) -> Self {
        match error {
            searches::Error::NotPermitted => Self::new("forbidden"),
            searches::Error::BadName { limit } => Self::new("bad_search_name").value("limit", limit),
            searches::Error::Empty => Self::new("empty_search"),
            searches::Error::TooLong { limit } => Self::new("long_search").value("limit", limit),
            searches::Error::TooMany { limit } => Self::new("too_many_searches").value("limit", limit),
            searches::Error::KeyReused => Self::new("key_reused"),
            searches::Error::Unknown => Self::new("unknown_search"),
            searches::Error::Journal(error) => error.into(),
            searches::Error::Records(error) => error.into(),
        }
    }
}

impl From<packs::Error> for Problem {
    fn from(error: packs::Error) -> Self {
        match error {
            packs::Error::NotPermitted => Self::new("forbidden"),
            packs::Error::Findings(findings) => {
                let problem = Self::new("bad_pack").value("count", findings.len());
                problem.member("findings", json!(findings))
            }
            packs::Error::Unexplained(findings) => {
                let problem = Self::new("unexplained").value("count", findings.len());
                problem.member("findings", json!(findings))
            }
            packs::Error::PackTaken { id, version } => {
                Self::new("pack_taken").value("id", id).value("version", version)
            }
            packs::Error::DefinitionTaken { id, version } => {
                Self::new("definition_taken").value("id", id).value("version", version)
            }
            packs::Error::LockedOut(action) => {
                Self::new("locked_out").value("action", action.name()).member("action", action.name())
            }
            packs::Error::LongNote { limit } => Self::new("long_note").value("limit", limit),
            packs::Error::Journal(error) => error.into(),
            packs::Error::Records(error) => error.into(),
            // The check of a pack has read its policies before.
            packs::Error::Access(_) | packs::Error::Unknown => Self::internal(&error),
        }
    }
}

impl From<people::Error> for Problem {
    fn from(error: people::Error) -> Self {
        match error {
            people::Error::NameTaken => Self::new("name_taken"),
            people::Error::BadName => Self::new("bad_name"),
            people::Error::WeakPassword { shortest_chars } => {
                Self::new("weak_password").value("limit", shortest_chars)
            }
            people::Error::CommonPassword => Self::new("common_password"),
            people::Error::WrongCode => Self::new("wrong_code"),
            people::Error::BadPasskey => Self::new("wrong_passkey"),
            people::Error::TooManyPasskeys => Self::new("too_many_passkeys"),
            people::Error::UnknownToken => Self::new("unknown_token"),
            people::Error::BadEnd => Self::new("bad_end"),
            people::Error::Unknown => Self::new("unknown_person"),
            people::Error::Journal(error) => error.into(),
            people::Error::Records(error) => error.into(),
        }
    }
}

impl From<delegations::Error> for Problem {
    fn from(error: delegations::Error) -> Self {
        match error {
            delegations::Error::NotHeld { role } => {
                Self::new("not_held").value("role", &role).member("role", role)
            }
            delegations::Error::NoDeputy => Self::new("no_deputy"),
            delegations::Error::BadDays { longest } => Self::new("bad_days").value("limit", longest),
            delegations::Error::NoReason => Self::new("reason_needed"),
            delegations::Error::Unknown => Self::new("unknown_delegation"),
            delegations::Error::NotPermitted => Self::new("forbidden"),
            delegations::Error::Journal(error) => error.into(),
            delegations::Error::Records(error) => error.into(),
            delegations::Error::People(error) => error.into(),
        }
    }
}

impl From<notices::Error> for Problem {
    fn from(error: notices::Error) -> Self {
        match error {
            notices::Error::Unknown => Self::new("unknown_notice"),
            notices::Error::BadUrl => Self::new("bad_webhook"),
            notices::Error::TooMany { limit } => Self::new("too_many_webhooks").value("limit", limit),
            notices::Error::NotDead => Self::new("not_dead"),
            notices::Error::Journal(error) => error.into(),
            notices::Error::Records(error) => error.into(),
        }
    }
}

impl From<cases::Error> for Problem {
    fn from(error: cases::Error) -> Self {
        match error {
            cases::Error::NotPermitted => Self::new("forbidden"),
            cases::Error::Unknown => Self::new("unknown_case"),
            cases::Error::Refused(refusal) => (*refusal).into(),
            cases::Error::Claimed(claim) => {
                Self::new("claimed").value("name", &claim.name).member("claimed_by", claim.name.clone())
            }
            cases::Error::NotClaimed => Self::new("not_claimed"),
            cases::Error::UnknownMark => Self::new("unknown_mark"),
            cases::Error::TooManyDocuments => Self::new("too_many_documents"),
            error @ cases::Error::Hindered(_) => Self::internal(&error),
            cases::Error::UnknownLine => Self::new("unknown_penalty"),
            cases::Error::CounterEntry => Self::new("counter_entry"),
            cases::Error::Reversed => Self::new("already_reversed"),
            cases::Error::Appealed => Self::new("already_appealed"),
            cases::Error::NoReason => Self::new("reason_needed"),
            cases::Error::TooLong { limit } => Self::new("long_words").value("limit", limit),
            cases::Error::Journal(error) => error.into(),
            cases::Error::Records(error) => error.into(),
        }
    }
}

impl From<Refusal> for Problem {
    /// Every refusal names its cause, in words and in members.
    fn from(refusal: Refusal) -> Self {
        let mut problem = Self::new(refusal.code());
        problem.refusal = Some(Box::new(refusal.clone()));
        match refusal {
            Refusal::Role { needed } => problem.value("roles", needed.join(", ")).member("needed", needed),
            Refusal::FourEyes => problem,
            Refusal::Guard { guard, values } => {
                let said: Vec<String> =
                    values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                let members: Map<String, Value> = values.into_iter().collect();
                problem
                    .value("guard", &guard)
                    .value("values", said.join(", "))
                    .member("guard", guard)
                    .member("values", members)
            }
            Refusal::Missing { inputs } => {
                problem.value("inputs", inputs.join(", ")).member("inputs", inputs)
            }
            Refusal::BadValue { input, why } => {
                problem.value("input", &input).title("why", &why).member("input", input)
            }
            Refusal::WrongState { state, offered } => {
                problem.value("state", &state).member("state", state).member("offered", offered)
            }
            Refusal::StaleVersion { current } => problem.value("current", current).member("version", current),
            Refusal::UnknownReason { reason, known } => {
                problem.value("reason", &reason).member("reason", reason).member("known", known)
            }
        }
    }
}
