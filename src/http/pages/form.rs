//! The body of a plain form.

use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::http::{Door, Problem};

/// What a form holds; what does not fit is a problem like any other.
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Door> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, door: &Door) -> Result<Self, Problem> {
        match axum::Form::<T>::from_request(request, door).await {
            Ok(axum::Form(value)) => Ok(Self(value)),
            Err(FormRejection::BytesRejection(error)) if error.status().as_u16() == 413 => {
                Err(Problem::new("too_large").value("limit", door.app.config.limits.request_bytes))
            }
            Err(error) => Err(Problem::bad_request(error.body_text())),
        }
    }
}

/// The fields of a form in their order; one name may stand there several times.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first value of this name without the blanks around it; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// The same, if something was typed.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// Every field, in the order of the form.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All values of this name.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.clone()).collect()
    }
}

/// One of several answers.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}
