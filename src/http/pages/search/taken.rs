//! Taking the list of results out, for those who may: a reason, a form of file, and the file.

use axum::extract::State;
use axum::response::Response;

use super::{Asked, Page, refused};
use crate::access::Action;
use crate::http::api::exported::take_list;
use crate::http::pages::form::{Fields, Form};
use crate::http::pages::visit::Signed;
use crate::http::{Door, Problem};
use crate::sheets;
use crate::text::say_with;

/// The form that takes the list out.
pub(super) struct Taking {
    pub(super) reason: String,
    pub(super) csv: bool,
    pub(super) hint: String,
    pub(super) open: bool,
}

/// The form, if there is something to take and the caller may.
pub(super) fn taking(door: &Door, signed: &Signed, total: usize) -> Option<Taking> {
    let may = signed.caller.may(door, Action::ExportSearch).is_ok();
    (may && total > 0).then(|| {
        let hint = say_with(signed.visit.lang, "page-export-hint", &[("total", &total.to_string())]);
        Taking { reason: String::new(), csv: false, hint, open: false }
    })
}

/// `POST /search/export`
pub(in crate::http::pages) async fn take(
    State(door): State<Door>,
    signed: Signed,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let (asked, reason) = (Asked::of(&fields), fields.get("reason"));
    let csv = fields.get("format") == "csv";
    let form = if csv { sheets::Form::Csv } else { sheets::Form::Xlsx };
    let taken = match asked.wanted() {
        Ok(wanted) => take_list(&door, &signed.caller, signed.visit.lang, &wanted, form, reason).await,
        Err(problem) => Err(problem),
    };
    match taken {
        Ok(file) => Ok(file),
        Err(problem) => {
            let typed = |content: &mut Page| {
                if let Some(taking) = &mut content.taking {
                    (taking.reason, taking.csv, taking.open) = (reason.to_owned(), csv, true);
                }
            };
            refused(&door, &signed, &asked, &problem, typed).await
        }
    }
}
