//! Forms: what a workflow orders to be filled in becomes a PDF among the papers of its case.
//!
//! A form is made from the case as it was when it was ordered, however late it is made; what the dossier says of the customer
//! is what it says by then. Without a font it waits. Done again, it is made once: the document has the effect's id as its idempotency key, and that it was
//! made is noted on the condition that it was not.

mod content;

use std::time::Duration;

use bytes::Bytes;

use super::{App, Error};
use crate::access::{Action, Permit};
use crate::archive::NewDocument;
use crate::cases::{self, FormPlace, OrderedForm};
use crate::documents::{self, Document};
use crate::domain::{Actor, CaseId, archive_itself};
use crate::dossiers::{self, Dossier};
use crate::print::{self, Code, Face};
use crate::reading::stack::{FormMark, Mark, runs};
use crate::reading::{chinese_font, usual_font};

use content::Ground;

/// A form waits so long until its papers have been read: it says how many pages they have.
const PATIENCE_SECONDS: i64 = 20;
/// And looks again after so long.
const PAUSE: Duration = Duration::from_millis(50);

impl App {
    /// Makes a form that was ordered, unless it was made already; false if it has to be asked again. Without a font it stays
    /// ordered, until [`App::call_for_forms`] finds one.
    pub async fn make_form(&self, case: CaseId, at: FormPlace) -> Result<bool, Error> {
        let Some(form) = cases::form(&self.records, case, at)?.filter(|form| form.made.is_none()) else {
            return Ok(true);
        };
        let Some(dossier) = dossiers::get(&self.records, form.case.dossier)? else { return Ok(true) };
        let (in_force, definition) = self.packs.definition(&form.case.definition, &form.case.workflow)?;
        let Some(kind) = definition.forms.get(&form.form).and_then(|form| form.kind.clone()) else {
            return Ok(true);
        };
        let document = match self.form_document(&form)? {
            Some(document) => document,
            None if !self.can_print() => {
                tracing::warn!(form = %form.number, "there is no font to print forms with");
                return Ok(true);
            }
            None if self.is_to_wait(&form)? => {
                tokio::time::sleep(PAUSE).await;
                return Ok(false);
            }
            None => {
                let ground = Ground {
                    pack: &in_force.pack,
                    definition: &definition,
                    dossier: &dossier,
                    form: &form,
                    history: cases::history(&self.records, case)?,
                    custody: cases::custody(&self.records, case)?,
                    papers: self.papers(&form)?,
                };
                let mut sheet = content::sheet(&ground);
                sheet.code = form_code(&form);
                let bytes = self.print(sheet).await?;
                self.take_form(&form, &dossier, kind, &content::file_name(&ground), bytes).await?
            }
        };
        self.cases.form_made(&form, &document).await?;
        self.call_workers();
        Ok(true)
    }

    /// Whether there is a font to print forms with.
    pub fn can_print(&self) -> bool {
        self.config.reading_font.as_ref().is_some_and(|path| path.is_file())
            || self.config.reading_font.is_none() && usual_font().is_some()
    }

    /// The document that an earlier try has made.
    fn form_document(&self, form: &OrderedForm) -> Result<Option<Document>, Error> {
        let key = documents::sent_key(&self.archive.lookup, archive_itself(), &idempotency_key(form));
        Ok(documents::sent(&self.records, &key)?)
    }

    /// Whether papers of the form are still being read.
    fn is_to_wait(&self, form: &OrderedForm) -> Result<bool, Error> {
        let age = self.clock.now().duration_since(form.ordered_at).as_secs();
        Ok(age < PATIENCE_SECONDS
            && self.papers(form)?.iter().any(|(document, _)| document.reading.is_none()))
    }

    /// Calls for the forms that waited for a font, if there is one now.
    pub(crate) fn call_for_forms(&self) -> Result<(), Error> {
        if self.can_print() && cases::call_for_forms(&self.records, self.clock.now())? > 0 {
            self.call_workers();
        }
        Ok(())
    }

    /// The papers of the case when the form was ordered, each with the name of whoever sent it.
    fn papers(&self, form: &OrderedForm) -> Result<Vec<(Document, String)>, Error> {
        let mut papers = Vec::new();
        for attached in &form.case.documents {
            let Some(document) = documents::get(&self.records, attached.document)? else { continue };
            let from = self.people.get(document.received_from)?.map(|person| person.name);
            papers.push((document, from.unwrap_or_default()));
        }
        Ok(papers)
    }

    async fn print(&self, sheet: print::Sheet) -> Result<Vec<u8>, Error> {
        let named = self.config.reading_font.clone();
        let printing = tokio::task::spawn_blocking(move || {
            let font = chinese_font(named.as_deref()).ok().flatten();
            let (data, index) = font.ok_or(Error::NoFont)?;
            Ok(print::pdf(&sheet, &Face::new(data, index)?)?)
        });
        // A font that makes the writer panic is one that cannot be used.
        printing.await.unwrap_or(Err(Error::Print(print::Error::Font)))
    }

    async fn take_form(
        &self,
        form: &OrderedForm,
        dossier: &Dossier,
        kind: String,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Document, Error> {
        let actor = Actor::new(archive_itself(), "archive", Vec::new());
        let permit = Permit::of_operator(actor, Action::AddDocument, dossier.subject());
        let new = NewDocument {
            dossier: dossier.id,
            case: Some(form.case.id),
            kind,
            filename: Some(name.to_owned()),
            digest: None,
            idempotency_key: Some(idempotency_key(form)),
            part_of: None,
        };
        let content = futures::stream::iter([Ok(Bytes::from(bytes))]);
        Ok(self.archive.ingest(&permit, new, content).await?.document)
    }
}

fn idempotency_key(form: &OrderedForm) -> String {
    format!("form {}", form.effect)
}

/// The code that leads a scan of the form back to it.
fn form_code(form: &OrderedForm) -> Option<Code> {
    let mark = FormMark::new(&form.case.id.to_string(), &form.number)?;
    let (side, runs) = runs(&Mark::Form(mark).to_string())?;
    Some(Code { side, runs })
}
