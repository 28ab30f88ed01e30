//! Where on the desk somebody is: which document and page, which item, how large. All of it stands in the address.

use serde::Deserialize;
use url::form_urlencoded;

use crate::domain::{CaseId, DocumentId};

/// How large the page is shown.
pub(super) const ZOOMS: &[&str] = &["page", "width", "150", "200", "300"];

/// What the address asks for, as it comes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::http::pages) struct Asked {
    document: String,
    page: String,
    item: String,
    zoom: String,
    compare: String,
    q: String,
    pub(super) done: String,
}

/// Where somebody is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) document: Option<DocumentId>,
    pub(super) page: u32,
    /// The item of the checklist, by its first kind.
    pub(super) item: String,
    /// One of [`ZOOMS`].
    pub(super) zoom: String,
    /// Whether the page is shown beside that of the document before it.
    pub(super) compare: bool,
    /// What is looked for in the text.
    pub(super) q: String,
}

impl Place {
    /// What the address asks for; what cannot be is left out.
    pub(super) fn of(asked: &Asked) -> Self {
        let zoom = ZOOMS.iter().find(|zoom| **zoom == asked.zoom).unwrap_or(&"width");
        Self {
            document: asked.document.parse().ok(),
            page: asked.page.parse().unwrap_or(1).max(1),
            item: asked.item.clone(),
            zoom: (*zoom).to_owned(),
            compare: asked.compare == "1",
            q: asked.q.trim().to_owned(),
        }
    }

    /// The place that a form was sent from.
    pub(super) fn parse(query: &str) -> Self {
        let mut asked = Asked::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match name.as_ref() {
                "document" => &mut asked.document,
                "page" => &mut asked.page,
                "item" => &mut asked.item,
                "zoom" => &mut asked.zoom,
                "compare" => &mut asked.compare,
                "q" => &mut asked.q,
                _ => continue,
            };
            *field = value.into_owned();
        }
        Self::of(&asked)
    }

    /// The same, as a form keeps it.
    pub(super) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(document) = self.document {
            query.append_pair("document", &document.to_string()).append_pair("page", &self.page.to_string());
        }
        let compare = if self.compare { "1" } else { "" };
        let zoom = if self.zoom == "width" { "" } else { self.zoom.as_str() };
        let pairs = [("item", self.item.as_str()), ("zoom", zoom), ("compare", compare), ("q", &self.q)];
        query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }

    /// The address.
    pub(super) fn href(&self, case: CaseId) -> String {
        format!("/review/{case}?{}", self.query())
    }

    /// Another page, seen the same way.
    pub(super) fn at(&self, document: DocumentId, page: u32) -> Self {
        let other = Some(document) != self.document;
        let item = if other { String::new() } else { self.item.clone() };
        Self { document: Some(document), page, item, compare: self.compare && !other, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_survives_its_address() {
        let query = "document=01arz3ndektsv4rrffq69g5fav&page=3&item=contract&zoom=200&compare=1&q=%E5%90%88";
        let place = Place::parse(query);
        assert_eq!((place.page, place.item.as_str(), place.compare), (3, "contract", true));
        assert_eq!(place.query(), query);
        assert_eq!(Place::parse("page=-1&zoom=9000&document=x").query(), "");
    }
}
