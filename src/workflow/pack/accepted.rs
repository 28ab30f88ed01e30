//! The warnings that a pack gives a written reason for.

use super::Accepted;
use super::check::Sheet;
use crate::workflow::{Finding, Severity, Title};

/// Gives the warnings their reasons; and E21 for each reason that no warning is there for.
pub(super) fn apply(reasons: &[Accepted], findings: &mut [Finding], sheet: &mut Sheet<'_>) {
    for (i, accepted) in reasons.iter().enumerate() {
        let fits = |found: &&mut Finding| {
            found.severity == Severity::Warning
                && found.code == accepted.code
                && accepted.place == format!("{}:{}", found.file, found.subject)
        };
        let mut fitting: Vec<&mut Finding> = findings.iter_mut().filter(fits).collect();
        if fitting.is_empty() {
            let (code, place) = (&accepted.code, &accepted.place);
            let message = Title::new(
                format!("“{place}”没有 {code}，无须说明理由"),
                format!("there is no {code} at `{place}` that a reason could be given for"),
            );
            sheet.note("E21", &["accepted", &i.to_string()], message);
        }
        fitting.iter_mut().for_each(|found| found.accepted = Some(accepted.reason.clone()));
    }
}
