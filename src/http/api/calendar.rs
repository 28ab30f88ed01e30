//! Calendar feeds of deadlines (RFC 5545), under a secret address for each person.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::domain::{Actor, business_date};
use crate::http::api::Query;
use crate::http::{Caller, Door, Problem};
use crate::people::Kind;
use crate::text::{Lang, say, say_with};
use crate::workflow::{Case, Definition};

/// The longest line, in bytes, without its end.
const LINE_BYTES: usize = 75;
/// Calendar programs look again after so long (RFC 7986, 5.7).
const REFRESH: &str = "PT1H";

/// `GET /api/v1/calendar`
pub(super) async fn show(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    let made_at = door.app.notices.feed(caller.actor.id)?.map(|feed| feed.made_at);
    Ok(axum::Json(json!({ "made_at": made_at })).into_response())
}

/// `POST /api/v1/calendar`: a new address, shown only now.
pub(super) async fn make(State(door): State<Door>, caller: Caller) -> Result<Response, Problem> {
    let url = make_feed(&door, &caller).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({ "url": url }))).into_response())
}

/// Makes somebody's feed anew and tells its address. Only they themselves can: what a token reaches must not outlast it.
pub(crate) async fn make_feed(door: &Door, caller: &Caller) -> Result<String, Problem> {
    if caller.bearer.kind != Kind::Session {
        return Err(Problem::new("session_needed"));
    }
    let secret = door.app.notices.make_feed(caller.actor.id).await?;
    let base = door.app.config.notices.public_url.trim_end_matches('/');
    Ok(format!("{base}/calendar/{}.ics", secret.as_str()))
}

/// `DELETE /api/v1/calendar`
pub(super) async fn end(State(door): State<Door>, caller: Caller) -> Result<StatusCode, Problem> {
    door.app.notices.end_feed(caller.actor.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// In which language.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    lang: Lang,
}

/// `GET /calendar/{secret}.ics`
pub(super) async fn feed(
    State(door): State<Door>,
    Path(file): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let unknown = || Problem::new("not_found");
    let secret = file.strip_suffix(".ics").ok_or_else(unknown)?;
    let person = door.app.notices.person_of_feed(secret)?.ok_or_else(unknown)?;
    let actor = door.app.actor_of(person)?.ok_or_else(unknown)?;
    let text = calendar(&door.app, &actor, wanted.lang)?;
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"lantai.ics\""),
    ];
    Ok((headers, text).into_response())
}

fn calendar(app: &App, actor: &Actor, lang: Lang) -> Result<String, Problem> {
    let mut lines = Lines::default();
    lines.add("BEGIN", "VCALENDAR");
    lines.add("VERSION", "2.0");
    lines.add("PRODID", "-//Lantai//Lantai//EN");
    lines.add("CALSCALE", "GREGORIAN");
    lines.add("X-WR-CALNAME", &escaped(&say(lang, "calendar-name")));
    lines.add("REFRESH-INTERVAL;VALUE=DURATION", REFRESH);
    for (case, definition) in app.deadlines_of(actor)? {
        if let Some(deadline) = case.deadline {
            event(&mut lines, app, lang, (&case, definition.as_ref()), deadline);
        }
    }
    lines.add("END", "VCALENDAR");
    Ok(lines.0)
}

/// The deadline of a case, as an event on its last day. It names no customer.
fn event(
    lines: &mut Lines,
    app: &App,
    lang: Lang,
    (case, definition): (&Case, &Definition),
    deadline: Timestamp,
) {
    let state = definition.state(&case.state).map(|state| state.title.get(lang.tag()));
    let (state, workflow) = (state.unwrap_or(&case.state), definition.title.get(lang.tag()));
    let id = case.id.to_string();
    // A term that ends with a day ends on it, not on the next.
    let last = business_date(deadline.checked_sub(SignedDuration::from_secs(1)).unwrap_or(deadline));
    let date = |day: Date| day.strftime("%Y%m%d").to_string();
    let said = say_with(lang, "calendar-deadline", &[("state", state), ("workflow", workflow)]);
    lines.add("BEGIN", "VEVENT");
    lines.add("UID", &format!("{id}-{}@{}", case.state_entry, app.manifest.archive));
    lines.add("DTSTAMP", &case.state_since.strftime("%Y%m%dT%H%M%SZ").to_string());
    lines.add("SEQUENCE", &case.notices.count.to_string());
    lines.add("DTSTART;VALUE=DATE", &date(last));
    lines.add("DTEND;VALUE=DATE", &date(last.tomorrow().unwrap_or(last)));
    lines.add("TRANSP", "TRANSPARENT");
    lines.add("SUMMARY", &escaped(&said));
    lines.add("DESCRIPTION", &escaped(&say_with(lang, "calendar-case", &[("case", &id)])));
    let base = app.config.notices.public_url.trim_end_matches('/');
    if !base.is_empty() {
        lines.add("URL", &format!("{base}/cases/{id}"));
    }
    lines.add("END", "VEVENT");
}

/// Text as a value (RFC 5545, 3.3.11).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Content lines, folded (RFC 5545, 3.1): no line is longer than 75 bytes, and no character is cut.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Adds a property with a value that is escaped as its type wants it.
    fn add(&mut self, name: &str, value: &str) {
        let mut length = 0;
        for c in name.chars().chain([':']).chain(value.chars()) {
            if length + c.len_utf8() > LINE_BYTES {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(c);
            length += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, escaped};

    #[test]
    fn lines_are_folded_and_read_as_they_were_written() {
        for text in ["", "short", &"期限，".repeat(40), &"x".repeat(300), &"a期".repeat(73)] {
            let mut lines = Lines::default();
            lines.add("SUMMARY", text);
            assert!(lines.0.ends_with("\r\n"));
            assert!(lines.0.split("\r\n").all(|line| line.len() <= 75), "{}", lines.0);
            assert_eq!(lines.0.replace("\r\n ", ""), format!("SUMMARY:{text}\r\n"));
        }
    }

    #[test]
    fn nothing_gets_out_of_its_value() {
        assert_eq!(escaped("a,b;c\\d\r\nEND:VEVENT"), "a\\,b\\;c\\\\d\\nEND:VEVENT");
    }
}
