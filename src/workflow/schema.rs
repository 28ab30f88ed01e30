//! The formats' JSON Schemas, compiled once, and what they say about a file.

use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// A file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pack,
    Definition,
    Policy,
    Calendar,
    Stories,
}

macro_rules! compiled {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Option<Validator>> =
            LazyLock::new(|| compile(include_str!(concat!("../../schemas/", $file))));
    };
}

compiled!(PACK, "pack.schema.json");
compiled!(DEFINITION, "definition.schema.json");
compiled!(POLICY, "policy.schema.json");
compiled!(CALENDAR, "calendar.schema.json");
compiled!(STORIES, "stories.schema.json");

/// The engine's own dossier schemas, by the path at which a pack names them.
pub(super) const DOSSIERS: &[(&str, &str)] = &[
    ("dossier/customer.schema.json", include_str!("../../schemas/dossier/customer.schema.json")),
    ("dossier/inbox.schema.json", include_str!("../../schemas/dossier/inbox.schema.json")),
];

/// The most complaints about one file.
const MOST: usize = 50;

/// Something that a schema does not accept: the path to it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) path: Vec<String>,
    pub(super) why: String,
}

/// What the format's schema says against a value.
pub(super) fn complaints(format: Format, value: &Value) -> Vec<Complaint> {
    let validator = match format {
        Format::Pack => &PACK,
        Format::Definition => &DEFINITION,
        Format::Policy => &POLICY,
        Format::Calendar => &CALENDAR,
        Format::Stories => &STORIES,
    };
    match validator.as_ref() {
        Some(validator) => against(validator, value),
        None => vec![Complaint { path: Vec::new(), why: "the schema of this format cannot be used".into() }],
    }
}

/// What a compiled schema says against a value.
pub(super) fn against(validator: &Validator, value: &Value) -> Vec<Complaint> {
    let complaints = |error: jsonschema::ValidationError<'_>| -> Vec<Complaint> {
        let path = error.instance_path().to_string();
        let path = path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
        let path: Vec<String> = path.collect();
        if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
            // What is wrong is the key, not what it stands in.
            let why = || "there is no such key here".to_owned();
            let at = |key: &String| [path.as_slice(), std::slice::from_ref(key)].concat();
            return unexpected.iter().map(|key| Complaint { path: at(key), why: why() }).collect();
        }
        // The value itself may be personal: it is masked.
        vec![Complaint { path, why: error.masked().to_string().chars().take(200).collect() }]
    };
    validator.iter_errors(value).take(MOST).flat_map(complaints).take(MOST).collect()
}

/// A schema of this text; none when it is not one.
pub(super) fn compile(text: &str) -> Option<Validator> {
    let schema: Value = serde_json::from_str(text).ok()?;
    jsonschema::validator_for(&schema).ok()
}

#[cfg(test)]
mod tests {
    use super::{DOSSIERS, Format, compile, complaints};

    #[test]
    fn every_schema_compiles() {
        for format in [Format::Pack, Format::Definition, Format::Policy, Format::Calendar, Format::Stories] {
            let found = complaints(format, &serde_json::json!({}));
            assert!(
                found.iter().any(|complaint| complaint.why.contains("required")),
                "{format:?}: {found:?}"
            );
        }
        for (name, text) in DOSSIERS {
            assert!(compile(text).is_some(), "{name}");
        }
    }
}
