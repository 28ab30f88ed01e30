//! What a kind of dossier is called and which facts it has, in words: read from its JSON Schema.
//!
//! The schema says what a fact may be; `x-title`, `x-words`, `x-not` and `x-form` say what people read and in which
//! order they are asked. A schema without them works: names then stand for themselves.

use serde_json::{Map, Value};

use super::Title;
use super::schema::{self, Complaint};

/// A kind of dossier.
#[derive(Debug)]
pub struct DossierKind {
    /// What it is called.
    pub title: Title,
    /// The facts that its form asks for, in that order.
    pub form: Vec<FactField>,
    fields: Vec<FactField>,
    schema: Value,
    validator: jsonschema::Validator,
}

/// A fact of a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactField {
    /// Its name in the facts.
    pub name: String,
    /// What it is called.
    pub title: Title,
    /// What it may be.
    pub value: FactValue,
    /// Whether every dossier of the kind has it.
    pub required: bool,
}

/// What a fact may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// A line of text; the type that an input of a page has for it.
    Text(&'static str),
    /// One of these words.
    Choice(Vec<(String, Title)>),
    /// Yes or no. With words for no, it is yes unless somebody says these.
    Flag(Option<Title>),
}

impl DossierKind {
    /// The kind that this schema describes; none when it is not one.
    pub(super) fn read(kind: &str, text: &str) -> Option<Self> {
        let schema: Value = serde_json::from_str(text).ok()?;
        let validator = jsonschema::validator_for(&schema).ok()?;
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let is_required = |name: &str| {
            let required = schema.get("required").and_then(Value::as_array);
            required.is_some_and(|names| names.iter().any(|found| found == name))
        };
        let field = |(name, about): (&String, &Value)| FactField {
            name: name.clone(),
            title: title(about.get("x-title"), name),
            value: value(about),
            required: is_required(name),
        };
        let fields: Vec<FactField> = properties.iter().map(field).collect();
        let find = |name: &str| fields.iter().find(|field| field.name == name).cloned();
        let form = match schema.get("x-form").and_then(Value::as_array) {
            Some(names) => names.iter().filter_map(Value::as_str).filter_map(find).collect(),
            None => {
                let (first, rest): (Vec<_>, Vec<_>) =
                    fields.iter().cloned().partition(|field| field.name == "name");
                first.into_iter().chain(rest).collect()
            }
        };
        Some(Self { title: title(schema.get("x-title"), kind), form, fields, schema, validator })
    }

    /// The fact of this name, if the schema describes it.
    pub fn field(&self, name: &str) -> Option<&FactField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// What the schema says against these facts.
    pub(super) fn complaints(&self, facts: &Map<String, Value>) -> Vec<Complaint> {
        schema::against(&self.validator, &Value::Object(facts.clone()))
    }

    /// Whether a dossier of this kind may have this fact with this value.
    pub(super) fn takes(&self, name: &str, value: &Value) -> bool {
        let described = self.schema.get("properties").and_then(|properties| properties.get(name));
        let rule = described.or_else(|| self.schema.get("additionalProperties"));
        let Some(rule) = rule else { return true };
        jsonschema::validator_for(rule).is_ok_and(|rule| rule.is_valid(value))
    }
}

impl FactField {
    /// A value of this fact as a person reads it; none when that is the value itself.
    pub fn said(&self, value: &Value, lang: &str) -> Option<String> {
        let FactValue::Choice(words) = &self.value else { return None };
        let word = value.as_str()?;
        words.iter().find(|(found, _)| found == word).map(|(_, title)| title.get(lang).to_owned())
    }
}

fn title(about: Option<&Value>, name: &str) -> Title {
    about
        .and_then(|title| serde_json::from_value(title.clone()).ok())
        .unwrap_or_else(|| Title::new(name, name))
}

fn value(about: &Value) -> FactValue {
    if let Some(words) = about.get("enum").and_then(Value::as_array) {
        let said = |word: &str| title(about.get("x-words").and_then(|words| words.get(word)), word);
        let words = words.iter().filter_map(Value::as_str);
        return FactValue::Choice(words.map(|word| (word.to_owned(), said(word))).collect());
    }
    match (about.get("type").and_then(Value::as_str), about.get("format").and_then(Value::as_str)) {
        (Some("boolean"), _) => {
            let no = about.get("x-not").and_then(|title| serde_json::from_value(title.clone()).ok());
            FactValue::Flag(no)
        }
        (_, Some("date")) => FactValue::Text("date"),
        (_, Some("email")) => FactValue::Text("email"),
        (_, Some("phone")) => FactValue::Text("tel"),
        _ => FactValue::Text("text"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DossierKind, FactValue};

    const SCHEMA: &str = r#"{
        "x-title": {"zh": "船", "en": "Ship"}, "type": "object", "required": ["name"], "additionalProperties": false,
        "x-form": ["name", "flag"],
        "properties": {
            "afloat": {"type": "boolean", "x-not": {"zh": "已沉没", "en": "Sunk"}},
            "flag": {"enum": ["cn", "no"], "x-words": {"cn": {"zh": "中国", "en": "China"}}},
            "built": {"type": "string", "format": "date"},
            "name": {"type": "string", "x-title": {"zh": "船名", "en": "Name"}}
        }
    }"#;

    #[test]
    fn words_and_order_are_those_of_the_schema() {
        let kind = DossierKind::read("ship", SCHEMA).unwrap();
        assert_eq!((kind.title.zh.as_str(), kind.title.en.as_str()), ("船", "Ship"));
        let form: Vec<&str> = kind.form.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(form, ["name", "flag"]);
        assert!(kind.field("name").unwrap().required && !kind.field("flag").unwrap().required);
        let flag = kind.field("flag").unwrap();
        assert_eq!(flag.said(&json!("cn"), "zh").as_deref(), Some("中国"));
        assert_eq!(flag.said(&json!("no"), "en").as_deref(), Some("no"), "a word without words is itself");
        assert_eq!(kind.field("built").unwrap().value, FactValue::Text("date"));
        assert_eq!(kind.field("built").unwrap().title.en, "built");
        let FactValue::Flag(Some(no)) = &kind.field("afloat").unwrap().value else { panic!("a flag") };
        assert_eq!(no.en, "Sunk");
        assert!(DossierKind::read("ship", "{").is_none());
    }

    #[test]
    fn single_facts_are_judged_by_their_own_rule() {
        let kind = DossierKind::read("ship", SCHEMA).unwrap();
        assert!(kind.takes("afloat", &json!(true)) && kind.takes("flag", &json!("no")));
        assert!(!kind.takes("afloat", &json!("true")) && !kind.takes("flag", &json!("fr")));
        assert!(!kind.takes("captain", &json!("Ahab")), "the schema allows no other facts");
    }
}
