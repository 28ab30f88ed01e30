//! Indexing: pages, the customer's card, and the notes of cases become findable.

use crate::app::App;
use crate::archive::{self, card_text};
use crate::cases;
use crate::documents;
use crate::domain::{CaseId, DocumentId, DossierId, business_date};
use crate::dossiers::Dossier;
use crate::queue::{self, Job};
use crate::records::Batch;
use crate::search::{CARD_KIND, Item, Source};

const JOBS_OF_A_BATCH: usize = 1024;

impl App {
    /// Makes a document's pages findable; its file name belongs to the first.
    pub(super) async fn index_document(&self, id: DocumentId) -> anyhow::Result<()> {
        let Some(document) = documents::get(&self.records, id)? else { return Ok(()) };
        let pages = match self.archive.reading_of(&document).await {
            Ok(reading) => reading.pages,
            Err(archive::Error::NotRead) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let date = Some(business_date(document.received_at));
        let item = |page: u32, text: String| Item {
            source: Source::Page { document: id, page },
            dossier: document.dossier,
            kind: document.kind.clone(),
            text,
            title: document.filename.clone().filter(|_| page == 1).unwrap_or_default(),
            date,
        };
        let mut items: Vec<Item> = pages.iter().map(|page| item(page.number, page.searchable())).collect();
        if items.is_empty() {
            items.push(item(1, String::new()));
        }
        let index = self.index.clone();
        Ok(tokio::task::spawn_blocking(move || index.replace_document(id, &items)).await??)
    }

    /// Makes a dossier's own facts findable.
    pub(super) fn index_dossier(&self, id: DossierId) -> anyhow::Result<()> {
        let Some(dossier) = self.dossiers.get(id)? else { return Ok(()) };
        Ok(self.index.replace_items(&[card(&dossier)])?)
    }

    /// Makes the notes of a case findable.
    pub(super) fn index_case(&self, id: CaseId) -> anyhow::Result<()> {
        let Some(case) = self.cases.get(id)? else { return Ok(()) };
        let note = |note: cases::Note| Item {
            source: Source::Note { case: id, seq: note.seq },
            dossier: case.dossier,
            kind: "note".into(),
            text: note.text,
            title: String::new(),
            date: Some(business_date(note.at)),
        };
        let items: Vec<Item> = cases::notes(&self.records, id)?.into_iter().map(note).collect();
        Ok(self.index.replace_items(&items)?)
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

fn card(dossier: &Dossier) -> Item {
    Item {
        source: Source::Dossier,
        dossier: dossier.id,
        kind: CARD_KIND.into(),
        text: card_text(dossier),
        title: dossier.name().to_owned(),
        date: Some(business_date(dossier.opened_at)),
    }
}
