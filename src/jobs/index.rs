//! Indexing: pages, the customer's card, and the notes of cases become findable.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::App;
use crate::archive::{self, card_text};
use crate::cases;
use crate::documents::{self, Document};
use crate::domain::{CaseId, DocumentId, DossierId, business_date};
use crate::dossiers::Dossier;
use crate::fields::{self, FieldKind};
use crate::queue::{self, Job};
use crate::reading::Reading;
use crate::records::Batch;
use crate::search::{CARD_KIND, Item, Source};

const JOBS_OF_A_BATCH: usize = 1024;

impl App {
    /// Makes a document's pages findable; its file name belongs to the first.
    pub(super) async fn index_document(&self, id: DocumentId) -> anyhow::Result<()> {
        let Some(document) = documents::get(&self.records, id)? else { return Ok(()) };
        let reading = match self.archive.reading_of(&document).await {
            Ok(reading) => Some(reading),
            Err(archive::Error::NotRead) => None,
            Err(error) => return Err(error.into()),
        };
        let (index, limits) = (self.index.clone(), self.archive.field_limits());
        let indexing = move || index.replace_document(id, &pages_of(&document, reading.as_ref(), &limits));
        Ok(tokio::task::spawn_blocking(indexing).await??)
    }

    /// Makes a dossier's own facts findable.
    pub(super) async fn index_dossier(&self, id: DossierId) -> anyhow::Result<()> {
        let Some(dossier) = self.dossiers.get(id)? else { return Ok(()) };
        self.replace_items(vec![card(&dossier)]).await
    }

    /// Makes the notes of a case findable.
    pub(super) async fn index_case(&self, id: CaseId) -> anyhow::Result<()> {
        let Some(case) = self.cases.get(id)? else { return Ok(()) };
        let note = |note: cases::Note| Item {
            source: Source::Note { case: id, seq: note.seq },
            dossier: case.dossier,
            kind: "note".into(),
            text: note.text,
            title: String::new(),
            date: Some(business_date(note.at)),
            numbers: Vec::new(),
            case: Some(id),
        };
        let items = cases::notes(&self.records, id)?.into_iter().map(note).collect();
        self.replace_items(items).await
    }

    async fn replace_items(&self, items: Vec<Item>) -> anyhow::Result<()> {
        let index = self.index.clone();
        Ok(tokio::task::spawn_blocking(move || index.replace_items(&items)).await??)
    }

    /// Calls for everything to be indexed again, because the index was lost.
    pub(crate) fn reindex_everything(&self) -> Result<(), crate::app::Error> {
        let now = self.clock.now();
        let mut batch = Batch::new();
        for (number, document) in documents::all(&self.records).enumerate() {
            let document = document?;
            if document.reading.is_some() {
                queue::enqueue(&mut batch, &Job::IndexDocument { document: document.id }, now)?;
            }
            self.commit_some(number, &mut batch)?;
        }
        for (number, dossier) in self.dossiers.all().enumerate() {
            let dossier = dossier?.id;
            queue::enqueue(&mut batch, &Job::IndexDossier { dossier }, now)?;
            for case in cases::of_dossier(&self.records, dossier)? {
                queue::enqueue(&mut batch, &Job::IndexCase { case: case.id }, now)?;
            }
            self.commit_some(number, &mut batch)?;
        }
        Ok(self.records.commit(batch)?)
    }

    /// Commits the batch now and then: jobs may be called for twice, and memory has an end.
    fn commit_some(&self, number: usize, batch: &mut Batch) -> Result<(), crate::app::Error> {
        if number % JOBS_OF_A_BATCH == JOBS_OF_A_BATCH - 1 {
            self.records.commit(std::mem::take(batch))?;
        }
        Ok(())
    }
}

/// A document's pages; one without text if it was not read.
fn pages_of(document: &Document, reading: Option<&Reading>, limits: &fields::Limits) -> Vec<Item> {
    let mut numbers: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for field in reading.map(|reading| fields::of_reading(reading, limits)).unwrap_or_default() {
        // What names a person or an account is found when somebody looks for it, and suggested to nobody.
        if matches!(field.kind, FieldKind::ContractNumber | FieldKind::Uscc) {
            numbers.entry(field.page).or_default().insert(field.value);
        }
    }
    let mut item = |page: u32, text: String| Item {
        source: Source::Page { document: document.id, page },
        dossier: document.dossier,
        kind: document.kind.clone(),
        text,
        title: document.filename.clone().filter(|_| page == 1).unwrap_or_default(),
        date: Some(business_date(document.received_at)),
        numbers: numbers.remove(&page).unwrap_or_default().into_iter().collect(),
        case: document.case,
    };
    let pages = reading.map(|reading| reading.pages.as_slice()).unwrap_or_default();
    match pages {
        [] => vec![item(1, String::new())],
        pages => pages.iter().map(|page| item(page.number, page.searchable())).collect(),
    }
}

fn card(dossier: &Dossier) -> Item {
    Item {
        source: Source::Dossier,
        dossier: dossier.id,
        kind: CARD_KIND.into(),
        text: card_text(dossier),
        title: dossier.name().to_owned(),
        date: Some(business_date(dossier.opened_at)),
        numbers: Vec::new(),
        case: None,
    }
}
