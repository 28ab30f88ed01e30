//! What stands around every page: its language and title, the way to the other pages, who is signed in.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::asset::{
    INBOX_ADDRESS, PASSKEY_ADDRESS, PROGRESS_ADDRESS, SEARCH_ADDRESS, STYLESHEET_ADDRESS, SUGGEST_ADDRESS,
    UPLOAD_ADDRESS, of_desk,
};
use super::visit::Visit;
use super::words;
use crate::access::Action;
use crate::app::UNREAD_COUNTED;
use crate::http::caller::rules;
use crate::http::{Caller, Door, Problem};
use crate::text::{self, Lang};

/// What every template gets as `frame`.
pub(super) struct Frame {
    pub(super) lang: Lang,
    pub(super) title: String,
    pub(super) stylesheet: &'static str,
    pub(super) links: Vec<Link>,
    pub(super) who: Option<Who>,
    /// This page in the other language.
    pub(super) translated: String,
    pub(super) may_search: bool,
    /// What the pack calls whom its dossiers are about, and who keeps them.
    customer: String,
    keeper: String,
    /// How many notices are unread, up to 99 and more.
    pub(super) unread: String,
}

/// A way to another page.
pub(super) struct Link {
    pub(super) href: &'static str,
    pub(super) label: String,
    /// Whether this page is there.
    pub(super) current: bool,
}

/// Who is signed in.
pub(super) struct Who {
    pub(super) name: String,
    pub(super) roles: String,
}

impl Frame {
    /// The frame of a page with this title.
    pub(super) fn of(door: &Door, visit: &Visit, title: impl Into<String>) -> Self {
        let caller = visit.caller.as_deref();
        // Who has something to do first is shown nothing else.
        let complete = caller.filter(|caller| caller.lacks.is_none());
        let links = complete.map(|caller| links(door, caller, visit)).unwrap_or_default();
        Self {
            lang: visit.lang,
            title: title.into(),
            stylesheet: &STYLESHEET_ADDRESS,
            who: caller.map(|caller| who(door, caller, visit.lang)),
            translated: translated(visit),
            customer: words::customer(door, visit.lang),
            keeper: words::keeper(door, visit.lang),
            unread: caller.map(|caller| unread(door, caller)).unwrap_or_default(),
            may_search: links.iter().any(|link| link.href == "/search"),
            links,
        }
    }

    /// The language's tag.
    pub(super) fn tag(&self) -> &'static str {
        match self.lang {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }

    /// The other language's tag.
    pub(super) fn other_tag(&self) -> &'static str {
        match self.lang {
            Lang::Zh => "en",
            Lang::En => "zh-CN",
        }
    }

    /// The address of the script that says how far documents are.
    pub(super) fn progress_script(&self) -> &'static str {
        &PROGRESS_ADDRESS
    }

    /// The address of the script that asks for passkeys.
    pub(super) fn passkey_script(&self) -> &'static str {
        &PASSKEY_ADDRESS
    }

    /// The address of the script that tells what comes into the inbox.
    pub(super) fn inbox_script(&self) -> &'static str {
        &INBOX_ADDRESS
    }

    /// The address of the script that suggests names.
    pub(super) fn suggest_script(&self) -> &'static str {
        &SUGGEST_ADDRESS
    }

    /// The address of a file of the reviewer's desk.
    pub(super) fn asset(&self, file: &str) -> &'static str {
        of_desk(file)
    }

    /// The address of the script that takes documents in one by one.
    pub(super) fn upload_script(&self) -> &'static str {
        &UPLOAD_ADDRESS
    }

    /// The address of the script that searches while somebody types.
    pub(super) fn search_script(&self) -> &'static str {
        &SEARCH_ADDRESS
    }

    /// The sentence of this id. It may name what the pack calls its customers and those who keep them.
    pub(super) fn say(&self, id: &str) -> String {
        let values = [("whom", self.customer.as_str()), ("keeper", &self.keeper)];
        text::say_with(self.lang, id, &values)
    }
}

/// A page of this template.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| {
        tracing::error!(%error, "a page could not be made");
        Problem::new("internal")
    })?;
    Ok((status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}

/// The pages that somebody can use, by what they may do.
fn links(door: &Door, caller: &Caller, visit: &Visit) -> Vec<Link> {
    let may = |action| caller.may(door, action).is_ok();
    let manages = may(Action::ManagePeople);
    let offered = [
        ("/", "page-home", true),
        ("/queue", "page-queue", may(Action::Queue)),
        ("/mine", "page-mine", keeps_own(door, caller)),
        ("/dossiers", "page-dossiers", may(Action::OpenDossier) || sees_all(door, caller)),
        ("/search", "page-search", may(Action::Search)),
        ("/penalties", "page-penalties", may(Action::OwnPenalties) || may(Action::AllPenalties)),
        ("/overview", "page-overview", oversees(door, caller)),
        ("/admin", "page-admin", manages),
        ("/packs", "page-packs", may(Action::PublishPack) && !manages),
        ("/log", "page-log", may(Action::ReadLog) && !manages),
    ];
    let here = visit.here.split('?').next().unwrap_or_default();
    let link = |(href, id, _): (&'static str, &str, bool)| {
        let label = words::said(door, visit.lang, id);
        let inside = manages && href == "/admin" && matches!(here, "/packs" | "/log" | "/outbox");
        let current = here == href || inside || (href != "/" && here.starts_with(&format!("{href}/")));
        Link { href, label, current }
    };
    offered.into_iter().filter(|(.., offered)| *offered).map(link).collect()
}

/// Whether somebody works with the dossiers that they keep, and with no others.
pub(super) fn keeps_own(door: &Door, caller: &Caller) -> bool {
    caller.may(door, Action::Queue).is_ok()
        && rules(door).is_ok_and(|rules| !rules.policies.permits_all(&caller.actor, Action::ActOnCase))
}

/// Whether somebody decides on what is sealed, and so on whatever else waits for the highest decision.
pub(super) fn oversees(door: &Door, caller: &Caller) -> bool {
    rules(door).is_ok_and(|rules| rules.policies.permits_all(&caller.actor, Action::UnsealDossier))
}

/// Whether somebody may see every dossier.
pub(super) fn sees_all(door: &Door, caller: &Caller) -> bool {
    rules(door).is_ok_and(|rules| rules.policies.permits_all(&caller.actor, Action::ViewDossier))
}

/// How many notices are unread; none if that cannot be told.
fn unread(door: &Door, caller: &Caller) -> String {
    match door.app.unread_of(&caller.actor) {
        Ok(count) if count >= UNREAD_COUNTED => "99+".to_owned(),
        Ok(count) => count.to_string(),
        Err(error) => {
            tracing::warn!(%error, "unread notices could not be counted");
            "0".to_owned()
        }
    }
}

fn who(door: &Door, caller: &Caller, lang: Lang) -> Who {
    let roles = caller.actor.roles.iter().map(|role| words::role(door, lang, role.as_str()));
    Who { name: caller.actor.name.clone(), roles: words::list(lang, roles) }
}

fn translated(visit: &Visit) -> String {
    let other = match visit.lang {
        Lang::Zh => Lang::En,
        Lang::En => Lang::Zh,
    };
    let joint = if visit.here.contains('?') { '&' } else { '?' };
    format!("{}{joint}lang={}", visit.here, other.tag())
}
