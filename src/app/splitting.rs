//! Splitting a stack: its cover sheets say which pages belong to which case, and each part becomes a document there.
//!
//! A part goes only where whoever sends it may add documents, and where the case takes it; all others wait for a person,
//! with the reason. Done again, it makes no part twice: each has an idempotency key.

use std::ops::ControlFlow;

use futures::TryFutureExt;
use tokio_util::io::StreamReader;

use super::{App, Error};
use crate::access::{Action, Permit};
use crate::archive::{self, NewDocument, Refused};
use crate::cases::{self, Ground, OrderedForm};
use crate::documents::{self, Document, PartOf};
use crate::domain::{Actor, CaseId, DocumentId, PersonId, Sha256Digest, archive_itself};
use crate::dossiers::{self, Dossier};
use crate::journal::Draft;
use crate::reading::stack::{self, Mark, PageSeen, Sides};
use crate::reading::{Page, Reading};
use crate::stacks::{self, Part, Split, Waits};
use crate::workflow::Attached;

/// Where a part goes.
struct Way {
    permit: Permit,
    dossier: Dossier,
    case: CaseId,
    kind: String,
    /// The form that comes back signed. It is no paper of the basket: whatever state the case is in, it belongs to it.
    form: Option<OrderedForm>,
}

impl App {
    /// Splits a document that has cover sheets, in the name of whoever sent it. What it is stays as it is.
    pub async fn split_stack(&self, id: DocumentId) -> Result<(), Error> {
        let Some(stack) = documents::get(&self.records, id)? else { return Ok(()) };
        if stacks::get(&self.records, id)?.is_some() {
            return Ok(());
        }
        let reading = self.archive.reading_of(&stack).await?;
        let plan = stack::plan(&seen(&reading), Sides::Unknown);
        let sender = self.people.get(stack.received_from)?.filter(|person| !person.disabled);
        let sender = sender.map(|person| person.actor());
        let mut parts = Vec::with_capacity(plan.parts.len());
        for planned in &plan.parts {
            let (case, kind, form) = match &planned.mark {
                Some(Mark::Cover(cover)) => (cover.case().parse().ok(), Some(cover.kind().to_owned()), None),
                Some(Mark::Form(form)) => (form.case().parse().ok(), None, Some(form.number().to_owned())),
                _ => (None, None, None),
            };
            let kind = kind.or(self.kind_of_form(case, form.as_deref())?);
            let (pages, blank) = (planned.pages.clone(), planned.blank.clone());
            let part = Part { pages, blank, case, kind, form, document: None, waits: None };
            parts.push(match planned.unsure {
                true => Part { waits: Some(Waits::Unsure), ..part },
                false => self.send_on(&stack, reading.page_count, part, sender.as_ref()).await?,
            });
        }
        let split = Split { document: id, parts, left_out: plan.left_out };
        self.note_split(&stack, archive_itself(), &split).await?;
        Ok(())
    }

    /// Sends a part of a stack on by hand: these pages become a document of this kind in this case. Tells what has become
    /// of the stack by then.
    pub async fn send_part_on(
        &self,
        actor: &Actor,
        stack: &Document,
        pages: &[u32],
        case: CaseId,
        kind: &str,
    ) -> Result<Split, Error> {
        let page_count = stack.reading.as_ref().map_or(0, |reading| reading.pages);
        let mut split = stacks::get(&self.records, stack.id)?.unwrap_or_else(|| Split {
            document: stack.id,
            parts: Vec::new(),
            left_out: Vec::new(),
        });
        let at = split.parts.iter().position(|part| part.pages == pages);
        if at.is_some_and(|at| split.parts[at].document.is_some()) {
            return Ok(split);
        }
        let (kind, blank) = (Some(kind.to_owned()), at.map(|at| split.parts[at].blank.clone()));
        let blank = blank.unwrap_or_default();
        let (pages, case) = (pages.to_vec(), Some(case));
        let part = Part { pages, blank, case, kind, form: None, document: None, waits: None };
        let part = self.send_on(stack, page_count, part, Some(actor)).await?;
        if let Some(waits) = part.waits {
            return Err(Error::PartWaits(waits));
        }
        match at {
            Some(at) => split.parts[at] = part,
            None => split.parts.push(part),
        }
        self.note_split(stack, actor.id, &split).await?;
        Ok(split)
    }

    async fn note_split(&self, stack: &Document, by: PersonId, split: &Split) -> Result<(), Error> {
        let draft = Draft::new("stack.split", by, split)?;
        let index = self.journal.commit(draft.dossier(stack.dossier).document(stack.id)).await?;
        self.journal.published(index).await?;
        self.call_workers();
        Ok(())
    }

    /// The part as a document of its case, or with the reason why it waits.
    async fn send_on(
        &self,
        stack: &Document,
        page_count: u32,
        part: Part,
        sender: Option<&Actor>,
    ) -> Result<Part, Error> {
        let way = match self.way(stack, &part, sender)? {
            ControlFlow::Continue(way) => way,
            ControlFlow::Break(waits) => return Ok(Part { waits: Some(waits), ..part }),
        };
        let Some(document) = self.take_part(stack, page_count, &part, &way).await? else {
            return Ok(Part { waits: Some(Waits::CannotSplit), ..part });
        };
        let attached = match &way.form {
            Some(form) => self.cases.form_signed(&way.permit, form, &document).err_into().await,
            None => self.attach_part(&way, &document).await.map(drop),
        };
        let waits = match attached {
            Ok(()) => None,
            Err(Error::Cases(cases::Error::Refused(_) | cases::Error::TooManyDocuments)) => {
                Some(Waits::NotTaken)
            }
            Err(error) => return Err(error),
        };
        Ok(Part { document: Some(document.id), waits, ..part })
    }

    /// Where a part goes, or why it waits.
    fn way(
        &self,
        stack: &Document,
        part: &Part,
        sender: Option<&Actor>,
    ) -> Result<ControlFlow<Waits, Way>, Error> {
        let waits = |waits| Ok(ControlFlow::Break(waits));
        let (Some(case), Some(kind)) = (part.case, &part.kind) else { return waits(Waits::NoCover) };
        if part.pages.is_empty() {
            return waits(Waits::NoPages);
        }
        let Some(case) = self.cases.get(case)? else { return waits(Waits::UnknownCase) };
        let dossier = dossiers::get(&self.records, case.dossier)?;
        let Some(dossier) = dossier else { return waits(Waits::UnknownCase) };
        let rules = self.packs.current()?;
        let permit = sender
            .and_then(|sender| rules.policies.permit(sender, Action::AddDocument, dossier.subject()).ok());
        let Some(permit) = permit else { return waits(Waits::NotPermitted) };
        if let Some(number) = &part.form {
            let forms = cases::forms_of(&self.records, case.id)?;
            let Some(form) = forms.into_iter().find(|form| form.number == *number) else {
                return waits(Waits::UnknownCase);
            };
            let (case, kind, form) = (case.id, kind.clone(), Some(form));
            return Ok(ControlFlow::Continue(Way { permit, dossier, case, kind, form }));
        }
        let (in_force, definition) = self.packs.definition(&case.definition, &case.workflow)?;
        let ground = Ground::of(&definition, &in_force.pack);
        let (document, sha256) = (stack.id, Sha256Digest::from_bytes([0; 32]));
        let probe = Attached { document, kind: kind.clone(), sha256 };
        let full = case.documents.len() >= self.config.limits.case_documents;
        if full || self.cases.may_attach(&permit, ground, &case, probe).is_err() {
            return waits(Waits::NotTaken);
        }
        Ok(ControlFlow::Continue(Way { permit, dossier, case: case.id, kind: kind.clone(), form: None }))
    }

    /// The kind of document that the form of this number is.
    fn kind_of_form(&self, case: Option<CaseId>, number: Option<&str>) -> Result<Option<String>, Error> {
        let (Some(case), Some(number)) = (case, number) else { return Ok(None) };
        let forms = cases::forms_of(&self.records, case)?;
        let Some(form) = forms.into_iter().find(|form| form.number == number) else { return Ok(None) };
        let (_, definition) = self.packs.definition(&form.case.definition, &form.case.workflow)?;
        Ok(definition.forms.get(&form.form).and_then(|form| form.kind.clone()))
    }

    /// Makes a document of the part; none if the stack's file cannot be taken apart.
    async fn take_part(
        &self,
        stack: &Document,
        page_count: u32,
        part: &Part,
        way: &Way,
    ) -> Result<Option<Document>, Error> {
        let content = StreamReader::new(self.archive.open_original(stack, None).await?);
        let pages = part.pages.clone();
        let pieces = self.reader.extract(stack.size_bytes, content, page_count, pages).await?;
        let Some(pieces) = pieces else { return Ok(None) };
        let pages: Vec<String> = part.pages.iter().map(ToString::to_string).collect();
        let new = NewDocument {
            dossier: way.dossier.id,
            case: Some(way.case),
            kind: way.kind.clone(),
            filename: stack.filename.as_deref().map(|name| name_of_part(name, &part.pages)),
            digest: None,
            idempotency_key: Some(format!("stack {} pages {} case {}", stack.id, pages.join(","), way.case)),
            part_of: Some(PartOf { document: stack.id, pages: part.pages.clone() }),
        };
        match self.archive.ingest_undurably(&way.permit, new, pieces).await {
            Ok(ingested) => Ok(Some(ingested.document)),
            Err(archive::Error::Refused(Refused::TooLarge { .. } | Refused::Empty)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn attach_part(&self, way: &Way, document: &Document) -> Result<u64, Error> {
        let case = self.cases.get(way.case)?.ok_or(cases::Error::Unknown)?;
        let (in_force, definition) = self.packs.definition(&case.definition, &case.workflow)?;
        let ground = Ground::of(&definition, &in_force.pack);
        let limit = self.config.limits.case_documents;
        self.cases.attach(&way.permit, ground, way.case, document, limit).err_into().await
    }
}

/// What the plan needs to know of each page.
fn seen(reading: &Reading) -> Vec<PageSeen> {
    let marks = |page: &Page| page.codes.iter().filter_map(|code| stack::parse(&code.text)).collect();
    reading.pages.iter().map(|page| PageSeen { marks: marks(page), blank: page.looks_blank() }).collect()
}

/// The stack's name with the part's pages.
fn name_of_part(name: &str, pages: &[u32]) -> String {
    let (stem, end) = name.rsplit_once('.').map_or((name, ""), |(stem, end)| (stem, end));
    let pages = match pages {
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    };
    let stem: String = stem.chars().take(200).collect();
    if end.is_empty() { format!("{stem} p{pages}") } else { format!("{stem} p{pages}.{end}") }
}

#[cfg(test)]
mod tests {
    use super::name_of_part;

    #[test]
    fn a_part_is_named_after_its_stack() {
        assert_eq!(name_of_part("批次.pdf", &[2, 3, 4]), "批次 p2-4.pdf");
        assert_eq!(name_of_part("scan.tif", &[7]), "scan p7.tif");
        assert_eq!(name_of_part("scan", &[7, 9]), "scan p7-9");
    }
}
