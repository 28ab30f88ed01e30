//! The pages: what a clerk, a reviewer and a manager work with, made on the server; they need no script.
//!
//! Layer 7. A handler calls the same functions as the API and puts what comes back into words; it decides nothing.
//! Every form is a plain POST that ends in a redirect, or in the same page with a sentence and what was typed. The
//! words of the department come from its pack, all others from the Fluent files, under ids that begin with `page-`.

mod account;
mod admin;
mod asset;
mod case;
mod cover;
mod delegations;
mod document;
mod dossier;
mod dossiers;
mod form;
mod frame;
mod home;
mod inbox;
mod intake;
mod log;
mod mine;
pub(super) mod missing;
mod offered;
mod outbox;
mod overview;
mod packs;
mod papers;
mod penalties;
mod provider;
mod queue;
mod sealed;
mod search;
mod sign_in;
mod standing;
mod upload;
mod visit;
mod words;
mod workflow;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

use super::Door;

/// The pages' routes.
pub(super) fn routes(door: &Door) -> Router<Door> {
    let uploads = Router::new()
        .route("/cases/{id}/documents", post(intake::into_case).get(visit::to_page))
        .route("/dossiers/{id}/documents", post(intake::into_dossier).get(visit::to_page))
        // The archive's own limit counts; a document is never held in memory as a whole.
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/", get(home::show))
        .route("/mine", get(mine::show))
        .route("/upload", get(upload::show))
        .route("/overview", get(overview::show))
        .route("/overview/cases/{id}/{action}", post(overview::act).get(visit::to_page))
        .route("/admin", get(admin::show))
        .route("/admin/people", post(admin::add).get(visit::to_page))
        .route("/admin/people/{name}/roles", post(admin::change).get(visit::to_page))
        .route("/admin/people/{name}/disable", post(admin::disable).get(visit::to_page))
        .route("/admin/jobs", get(admin::jobs::show))
        .route("/admin/jobs/retry", post(admin::jobs::retry).get(visit::to_page))
        .route("/admin/health", get(admin::health::show))
        .route("/log", get(log::show))
        .route("/queue", get(queue::show))
        .route("/delegations", get(delegations::show).post(delegations::name))
        .route("/delegations/{id}/end", post(delegations::end).get(visit::to_page))
        .route("/inbox", get(inbox::show))
        .route("/inbox/read", post(inbox::read_all).get(visit::to_page))
        .route("/inbox/calendar", post(inbox::calendar).get(visit::to_page))
        .route("/inbox/{id}/open", post(inbox::open).get(visit::to_page))
        .route("/inbox/{id}/read", post(inbox::read_one).get(visit::to_page))
        .route("/outbox", get(outbox::show))
        .route("/outbox/webhooks", post(outbox::add).get(visit::to_page))
        .route("/outbox/webhooks/{id}/disable", post(outbox::disable).get(visit::to_page))
        .route("/outbox/{id}/send", post(outbox::send).get(visit::to_page))
        .route("/sign-in", get(sign_in::ask).post(sign_in::enter))
        .route("/sign-in/code", post(sign_in::second).get(visit::to_page))
        .route("/sign-in/passkey", post(sign_in::passkey).get(visit::to_page))
        .route("/account/passkeys", post(account::passkeys::begin).get(visit::to_page))
        .route("/account/passkeys/confirm", post(account::passkeys::confirm).get(visit::to_page))
        .route("/account/passkeys/remove", post(account::passkeys::remove).get(visit::to_page))
        .route("/sign-in/provider", get(provider::go))
        .route(crate::http::provider::BACK, get(provider::back))
        .route("/account", get(account::show))
        .route("/account/password", post(account::change_password).get(visit::to_page))
        .route("/account/app", post(account::begin_app).get(visit::to_page))
        .route("/account/app/confirm", post(account::confirm_app).get(visit::to_page))
        .route("/account/recovery", post(account::renew_recovery).get(visit::to_page))
        .route("/account/factors/remove", post(account::remove_factors).get(visit::to_page))
        .route("/account/sessions/end", post(account::end_sessions).get(visit::to_page))
        .route("/account/tokens", post(account::make_token).get(visit::to_page))
        .route("/account/tokens/{id}/revoke", post(account::revoke_token).get(visit::to_page))
        .route("/admin/access", get(admin::access::show))
        .route("/admin/access/tokens", post(admin::access::make_token).get(visit::to_page))
        .route("/admin/access/tokens/{id}/revoke", post(admin::access::revoke).get(visit::to_page))
        .route("/admin/access/{name}/{what}", post(admin::access::change).get(visit::to_page))
        .route("/sign-out", post(sign_in::leave).get(visit::to_page))
        .route("/cases/{id}", get(case::show))
        .route("/cases/{id}/actions/{action}", post(case::act).get(visit::to_page))
        .route("/cases/{id}/cover", get(cover::show))
        .route("/cases/{id}/cover.svg", get(cover::code))
        .route("/cases/{id}/custody", post(case::forms::note).get(visit::to_page))
        .route("/cases/{id}/claim", post(case::claim).get(visit::to_page))
        .route("/cases/{id}/release", post(case::release).get(visit::to_page))
        .route("/cases/{id}/attach", post(case::attach).get(visit::to_page))
        .route("/review/next", post(case::review::next).get(visit::to_page))
        .route("/review/{id}", get(case::review::show))
        .route("/review/{id}/claim", post(case::review::claim).get(visit::to_page))
        .route("/review/{id}/release", post(case::review::release).get(visit::to_page))
        .route("/review/{id}/items", post(case::review::judge).get(visit::to_page))
        .route("/review/{id}/marks", post(case::review::mark).get(visit::to_page))
        .route("/review/{id}/marks/{mark}/remove", post(case::review::unmark).get(visit::to_page))
        .route("/review/{id}/pages", post(case::review::turn_or_view).get(visit::to_page))
        .route("/review/{id}/preview/{action}", post(case::review::preview).get(visit::to_page))
        .route("/review/{id}/back/{action}", post(case::review::back).get(visit::to_page))
        .route("/review/{id}/decide/{action}", post(case::review::decide).get(visit::to_page))
        .route("/dossiers", get(dossiers::show))
        .route("/dossiers/new", get(dossiers::ask).post(dossiers::open))
        .route("/dossiers/{id}", get(dossier::show))
        .route("/dossiers/{id}/cases", post(dossier::start_case).get(visit::to_page))
        .route("/dossiers/{id}/seal", post(sealed::seal).get(visit::to_page))
        .route("/dossiers/{id}/unseal", post(sealed::unseal).get(visit::to_page))
        .route("/dossiers/{id}/close", post(sealed::close).get(visit::to_page))
        .route("/dossiers/{id}/destruction", post(sealed::ask).get(visit::to_page))
        .route("/dossiers/{id}/destruction/confirm", post(sealed::confirm).get(visit::to_page))
        .route("/dossiers/{id}/destruction/withdraw", post(sealed::withdraw).get(visit::to_page))
        .route("/documents/{id}", get(document::show))
        .route("/documents/{id}/progress", get(document::progress_now))
        .route("/documents/{id}/found", get(document::found_now))
        .route("/documents/{id}/parts", post(document::send_on).get(visit::to_page))
        .route("/documents/{id}/reread", post(document::reread).get(visit::to_page))
        .route("/search", get(search::show))
        .route("/search/saved", post(search::kept::save).get(visit::to_page))
        .route("/search/saved/{id}/remove", post(search::kept::remove).get(visit::to_page))
        .route("/search/export", post(search::taken::take).get(visit::to_page))
        .route("/penalties", get(penalties::show))
        .route("/workflows/{id}", get(workflow::show))
        .route("/packs", get(packs::show))
        .route("/penalties/export", post(penalties::take).get(visit::to_page))
        .route("/penalties/{id}/reverse", post(penalties::reverse).get(visit::to_page))
        .route("/penalties/{id}/appeal", post(penalties::appeal).get(visit::to_page))
        .merge(uploads)
        .route_layer(middleware::from_fn_with_state(door.clone(), visit::around))
        .route("/static/{file}", get(asset::show))
}

#[cfg(test)]
mod tests;
