//! Saved searches beside the search box: a link each, and a form for the present one.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::{Asked, refused};
use crate::access::Action;
use crate::http::api::Query;
use crate::http::api::searches::forget_saved;
use crate::http::pages::form::{Fields, Form};
use crate::http::pages::visit::Signed;
use crate::http::{Door, Problem};
use crate::search::Order;
use crate::searches::{Saved, Search};
use crate::text::say_with;

/// A saved search on the page.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) remove: String,
    pub(super) remove_label: String,
    /// Whether this is what is shown.
    pub(super) chosen: bool,
}

/// The form that saves the present search.
pub(super) struct Saving {
    pub(super) name: String,
    pub(super) longest: usize,
    pub(super) open: bool,
}

/// The searches that somebody has saved.
pub(super) fn links(door: &Door, signed: &Signed, asked: &Asked) -> Result<Vec<Link>, Problem> {
    let permit = signed.caller.may(door, Action::Search)?;
    // How this page is found again when one of them is removed.
    let here = asked.but(&[]);
    let here = here.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let now = asked.wanted().ok().map(|wanted| wanted.search());
    let link = |saved: Saved| Link {
        href: Asked::from(&saved.search).but(&[]),
        remove: format!("/search/saved/{}/remove?{here}", saved.id),
        remove_label: say_with(signed.visit.lang, "page-remove-search", &[("name", &saved.name)]),
        chosen: now.as_ref() == Some(&saved.search),
        name: saved.name,
    };
    Ok(door.app.searches.list(&permit)?.into_iter().map(link).collect())
}

/// The form for the present search; its words are its name unless somebody says otherwise.
pub(super) fn saving(door: &Door, asked: &Asked) -> Saving {
    let longest = door.app.config.limits.saved_name_chars;
    Saving { name: asked.q.trim().chars().take(longest).collect(), longest, open: false }
}

impl From<&Search> for Asked {
    fn from(search: &Search) -> Self {
        let said = |value: Option<String>| value.unwrap_or_default();
        let sort = match search.sort {
            Order::Relevance => "",
            Order::Newest => "newest",
            Order::Oldest => "oldest",
        };
        Self {
            q: search.q.clone(),
            kind: said(search.kind.clone()),
            from: said(search.from.map(|date| date.to_string())),
            to: said(search.to.map(|date| date.to_string())),
            dossier: said(search.dossier.map(|id| id.to_string())),
            sort: sort.to_owned(),
            ..Self::default()
        }
    }
}

/// `POST /search/saved`
pub(in crate::http::pages) async fn save(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (asked, name) = (Asked::of(&fields), fields.get("name"));
    match try_save(&door, &signed, &asked, name).await {
        Ok(()) => Ok(Redirect::to(&asked.but(&[("done", "saved")])).into_response()),
        Err(problem) => {
            let typed = |content: &mut super::Page| {
                if let Some(saving) = &mut content.saving {
                    (saving.name, saving.open) = (name.to_owned(), true);
                }
            };
            refused(&door, &signed, &asked, &problem, typed).await
        }
    }
}

async fn try_save(door: &Door, signed: &Signed, asked: &Asked, name: &str) -> Result<(), Problem> {
    let permit = signed.caller.may(door, Action::Search)?;
    door.app.searches.save(&permit, name, asked.wanted()?.search(), None).await?;
    Ok(())
}

/// `POST /search/saved/{id}/remove`: one that is gone already is gone.
pub(in crate::http::pages) async fn remove(
    State(door): State<Door>,
    signed: Signed,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    match forget_saved(&door, &signed.caller, &id).await {
        Err(problem) if problem.code() != "unknown_search" => {
            refused(&door, &signed, &asked, &problem, |_| ()).await
        }
        _ => Ok(Redirect::to(&asked.but(&[("done", "forgotten")])).into_response()),
    }
}
