//! What was read, for those who would type it: the fields of documents, compared with the dossier and with the contracts of
//! the same basket. Offered and never written: what becomes of it is for a person to say.

use std::collections::BTreeSet;

use futures::{FutureExt, StreamExt, TryStreamExt};
use serde::Serialize;

use super::{Archive, Error};
use crate::access::{Action, Permit};
use crate::cases;
use crate::documents::{self, Document};
use crate::domain::{DocumentId, business_date};
use crate::dossiers::Dossier;
use crate::fields::{self, Field, FieldKind, Known, Observation};

/// So many documents are opened at once.
const AT_ONCE: usize = 4;

/// What was found in a document.
#[derive(Debug, Serialize)]
pub struct Offer {
    /// The document.
    pub document: DocumentId,
    /// In the order of its pages.
    pub fields: Vec<Field>,
    /// What a person should look at.
    pub observations: Vec<Observation>,
}

impl Archive {
    /// The fields of a document; what it is compared with are the dossier, and the contracts of the case that it belongs to.
    pub async fn offer(
        &self,
        permit: &Permit,
        dossier: &Dossier,
        document: &Document,
        is_contract: impl Fn(&Document) -> bool,
    ) -> Result<Offer, Error> {
        let mut all = vec![document.clone()];
        all.extend(self.beside(document)?.into_iter().filter(&is_contract));
        let offers = self.offers(permit, dossier, all, is_contract).await?;
        offers.into_iter().find(|offer| offer.document == document.id).ok_or(Error::NotRead)
    }

    /// The fields of the documents of one basket. Those that have no text are left out.
    ///
    /// That they were looked at is in the log, as a look at each.
    pub async fn offers(
        &self,
        permit: &Permit,
        dossier: &Dossier,
        documents: Vec<Document>,
        is_contract: impl Fn(&Document) -> bool,
    ) -> Result<Vec<Offer>, Error> {
        if !permit.covers(Action::ViewDocument, dossier.id) {
            return Err(Error::NotPermitted);
        }
        let looks: Vec<_> = documents.iter().map(|document| self.fields(permit, document).boxed()).collect();
        let found: Vec<Option<Vec<Field>>> =
            futures::stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        let found: Vec<(&Document, Vec<Field>)> =
            documents.iter().zip(found).filter_map(|(document, fields)| Some((document, fields?))).collect();
        let contracts =
            found.iter().filter(|(document, _)| is_contract(document)).flat_map(|(_, fields)| fields);
        let of_contracts = known(dossier, contracts);
        // A contract is not compared with itself.
        let of_dossier =
            Known { amounts_fen: Vec::new(), contract_numbers: Vec::new(), ..of_contracts.clone() };
        let today = business_date(self.clock.now());
        let offer = |(document, fields): (&Document, Vec<Field>)| {
            let known = if is_contract(document) { &of_dossier } else { &of_contracts };
            let observations = fields::observations(&fields, known, today);
            Offer { document: document.id, fields, observations }
        };
        Ok(found.into_iter().map(offer).collect())
    }

    /// The fields of a document; none if it has no text.
    async fn fields(&self, permit: &Permit, document: &Document) -> Result<Option<Vec<Field>>, Error> {
        let reading = match self.look(permit, document, "fields").await {
            Ok(reading) => reading,
            Err(Error::NotRead) => return Ok(None),
            Err(error) => return Err(error),
        };
        let limits = self.field_limits();
        let found = tokio::task::spawn_blocking(move || fields::of_reading(&reading, &limits)).await;
        Ok(Some(found.unwrap_or_default()))
    }

    /// How much of a document is looked through for fields.
    pub(crate) fn field_limits(&self) -> fields::Limits {
        fields::Limits {
            fields: self.limits.page_fields,
            document_characters: self.limits.field_chars,
            ..fields::Limits::default()
        }
    }

    /// The other documents of the case that a document belongs to.
    fn beside(&self, document: &Document) -> Result<Vec<Document>, Error> {
        let of_case =
            |case: &crate::workflow::Case| case.documents.iter().any(|one| one.document == document.id);
        let case = cases::of_dossier(&self.records, document.dossier)?.into_iter().find(of_case);
        let mut beside = Vec::new();
        for one in case.into_iter().flat_map(|case| case.documents).filter(|one| one.document != document.id)
        {
            beside.extend(documents::get(&self.records, one.document)?);
        }
        Ok(beside)
    }
}

/// What the dossier and its contracts say.
fn known<'a>(dossier: &Dossier, contracts: impl Iterator<Item = &'a Field>) -> Known {
    let fact = |name: &str| dossier.facts.get(name).and_then(|fact| fact.as_str()).map(str::to_owned);
    let (mut amounts, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for field in contracts {
        match field.kind {
            FieldKind::Amount => amounts.extend(field.value.parse::<i64>().ok()),
            FieldKind::ContractNumber => {
                numbers.insert(field.value.clone());
            }
            _ => {}
        }
    }
    Known {
        name: fact("name"),
        id_number: fact("id_number"),
        amounts_fen: amounts.into_iter().collect(),
        contract_numbers: numbers.into_iter().collect(),
    }
}
