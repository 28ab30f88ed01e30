//! Whether a definition's parameters have values that it allows itself.

use serde_json::Value;

use super::check::Sheet;
use crate::workflow::{Span, Title};

/// E00 of the parameters: a duration between its `min` and `max`, a word among its `enum`.
pub(super) fn check(definition: &Value, sheet: &mut Sheet<'_>) {
    let params = definition.get("params").and_then(Value::as_object);
    for (name, param) in params.into_iter().flatten() {
        let text = |key: &str| param.get(key).and_then(Value::as_str);
        let span = |key: &str| text(key).and_then(Span::parse);
        let low = span("min").zip(span("default")).is_some_and(|(min, value)| !at_most(min, value));
        let high = span("default").zip(span("max")).is_some_and(|(value, max)| !at_most(value, max));
        let words = param.get("enum").and_then(Value::as_array);
        let foreign = words.is_some_and(|words| !words.iter().any(|word| word.as_str() == text("default")));
        if low || high || foreign {
            let value = text("default").unwrap_or_default();
            let en = format!("`{value}` is not among the values that the parameter allows");
            let message = Title::new(format!("“{value}”超出参数允许的范围"), en);
            sheet.note("E00", &["params", name, "default"], message);
        }
    }
}

/// Days and working days cannot be compared, so a bound in the other unit bounds nothing and is wrong.
fn at_most(least: Span, most: Span) -> bool {
    match (least, most) {
        (Span::WorkingDays(least), Span::WorkingDays(most)) | (Span::Days(least), Span::Days(most)) => {
            least <= most
        }
        _ => false,
    }
}
