//! C01: what the law may forbid, and what therefore nobody should publish without a written reason.

use serde_json::Value;

use super::check::Sheet;
use crate::workflow::Title;
use crate::workflow::definition::{Definition, Wanted};

/// The class of documents that show who somebody is.
const IDENTITY: &str = "identity";
/// The class of documents by which somebody becomes a customer.
const CONTRACT: &str = "contract";

/// C01: a parameter set to a value that its file warns of; a checklist with contracts and without proof of identity.
pub(super) fn check(def: &Definition, value: &Value, sheet: &mut Sheet<'_>) {
    let params = value.get("params").and_then(Value::as_object);
    let mut warned = Vec::new();
    for (name, param) in params.into_iter().flatten() {
        let chosen = param.get("default").and_then(Value::as_str).unwrap_or_default();
        let Some(code) = param.get("warn").and_then(|warn| warn.get(chosen)).and_then(Value::as_str) else {
            continue;
        };
        warned.push(name.as_str());
        let en = format!("legal warning: `{name}` is `{chosen}`");
        sheet.note(
            code,
            &["params", name, "default"],
            Title::new(format!("法律提示：“{name}”设为“{chosen}”"), en),
        );
    }
    for (name, list) in &def.checklists {
        let unless = value.pointer(&format!("/checklists/{name}/sealed_unless")).and_then(Value::as_object);
        let said = unless.into_iter().flatten().any(|(param, _)| warned.contains(&param.as_str()));
        let all = || list.need.iter().chain(&list.sealed);
        let serves = all().any(|wanted| wanted.kinds().iter().any(|kind| of_class(def, kind, CONTRACT)));
        if serves && !said && !all().any(|wanted| identifies(def, wanted)) {
            let en =
                "legal warning: by this checklist somebody becomes a customer without any proof of identity";
            sheet.note("C01", &["checklists", name], Title::new("法律提示：此清单不要求任何身份证明", en));
        }
    }
}

fn of_class(def: &Definition, kind: &str, class: &str) -> bool {
    def.documents.get(kind).is_some_and(|document| document.class == class)
}

/// Whether what is wanted is proof of identity, whichever of its kinds is handed in, and cannot be waived.
fn identifies(def: &Definition, wanted: &Wanted) -> bool {
    let waived = |kind: &String| def.documents.get(kind).is_some_and(|document| document.waived_by.is_some());
    wanted.kinds().iter().all(|kind| of_class(def, kind, IDENTITY) && !waived(kind))
}
