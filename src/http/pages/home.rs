//! The first page: what waits for whoever signed in, and the few numbers that their role has to watch.
//!
//! Each part is there for those who may see what it leads to; it shows no more than that page would.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, keeps_own, oversees, page};
use super::standing::{self, Standing};
use super::visit::Signed;
use super::words::{self, count};
use super::{mine, overview};
use crate::access::Action;
use crate::domain::{Month, business_date};
use crate::http::api::jobs;
use crate::http::api::penalties;
use crate::http::api::queue::{QueueEntry, waiting};
use crate::http::{Door, Problem};
use crate::text::{say, say_with};

/// So many of the cases that wait are shown; the queue has all.
const MOST_WAITING: usize = 8;

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    frame: Frame,
    today: String,
    /// What keeps the archive from taking documents in, for those who look after it.
    troubles: Vec<String>,
    figures: Vec<Figure>,
    /// What waits for the visitor, if they have a queue.
    waiting: Option<Vec<Standing>>,
    /// How many more wait than are shown.
    more: usize,
    may_open: bool,
    may_upload: bool,
}

/// A number that leads to where it comes from.
struct Figure {
    href: &'static str,
    label: String,
    value: String,
    /// A word on it.
    note: String,
    /// Whether it is one that somebody should see to.
    urgent: bool,
}

/// `GET /`
pub(super) async fn show(State(door): State<Door>, signed: Signed) -> Result<Response, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    let may = |action| caller.may(&door, action).is_ok();
    let entries = if may(Action::Queue) { Some(waiting(&door, caller)?) } else { None };
    let shown = |entries: &Vec<QueueEntry>| -> Result<Vec<Standing>, Problem> {
        entries.iter().take(MOST_WAITING).map(|entry| standing::of_entry(&door, lang, entry)).collect()
    };
    let content = Page {
        frame: Frame::of(&door, &signed.visit, say(lang, "page-home")),
        today: words::day(lang, business_date(door.app.clock.now())),
        troubles: if may(Action::ManagePeople) { troubles(&door, &signed).await } else { Vec::new() },
        figures: figures(&door, &signed, entries.as_deref())?,
        more: entries.as_ref().map_or(0, |entries| entries.len().saturating_sub(MOST_WAITING)),
        waiting: entries.as_ref().map(shown).transpose()?,
        may_open: may(Action::OpenDossier),
        may_upload: super::upload::offers(&door, caller),
    };
    page(StatusCode::OK, &content)
}

async fn troubles(door: &Door, signed: &Signed) -> Vec<String> {
    let said = |trouble: crate::app::Trouble| {
        say(signed.visit.lang, &format!("trouble-{}-{}", trouble.part, trouble.code))
    };
    door.app.troubles().await.into_iter().map(said).collect()
}

fn figures(door: &Door, signed: &Signed, entries: Option<&[QueueEntry]>) -> Result<Vec<Figure>, Problem> {
    let (caller, lang) = (&signed.caller, signed.visit.lang);
    let may = |action| caller.may(door, action).is_ok();
    let mut figures = Vec::new();
    let mut tell = |href, id: &str, value: u64, note: String, urgent: bool| {
        let (label, value) = (words::said(door, lang, id), count(value));
        figures.push(Figure { href, label, value, note, urgent });
    };
    if let Some(entries) = entries {
        let overdue = entries.iter().filter(|entry| entry.overdue).count();
        let note = match overdue {
            0 => say(lang, "page-home-none-overdue"),
            number => say_with(lang, "page-home-overdue", &[("count", &number.to_string())]),
        };
        tell("/queue", "page-queue", entries.len() as u64, note, overdue > 0);
    }
    if keeps_own(door, caller) {
        let cases = mine::own_cases(door, caller)?;
        let returned = cases.iter().filter(|own| own.is_returned()).count();
        let note = match returned {
            0 => String::new(),
            number => say_with(lang, "page-home-returned", &[("count", &number.to_string())]),
        };
        tell("/mine", "page-mine", cases.len() as u64, note, returned > 0);
    }
    if may(Action::OwnPenalties) || may(Action::AllPenalties) {
        let month = Month::of(door.app.clock.now());
        let account = penalties::visible(door, caller, Some(month), None)?;
        let points: i64 = account.totals.values().sum();
        tell(
            "/penalties",
            "page-home-points",
            u64::try_from(points).unwrap_or_default(),
            month.to_string(),
            false,
        );
    }
    if oversees(door, caller) {
        let asked = overview::questions(door, entries.unwrap_or_default())?;
        tell("/overview", "page-home-questions", asked as u64, String::new(), asked > 0);
        let running = crate::dossiers::running_grants(&door.app.records, door.app.clock.now())?;
        tell("/overview", "page-grants", running.len() as u64, String::new(), false);
        tell(
            "/overview",
            "page-sealed-dossiers",
            overview::sealed_count(door, caller)?,
            String::new(),
            false,
        );
    }
    if may(Action::ManagePeople) {
        let jobs = jobs::counts(door)?;
        let note = match jobs.failing + jobs.stuck {
            0 => say(lang, "page-home-none-failing"),
            number => say_with(lang, "page-home-failing", &[("count", &number.to_string())]),
        };
        tell("/admin/jobs", "page-jobs", jobs.waiting + jobs.failing + jobs.stuck, note, jobs.stuck > 0);
    }
    if may(Action::ReadLog) {
        tell("/log", "page-log-entries", door.app.journal.health().size, String::new(), false);
    }
    Ok(figures)
}
