//! Sealing, opening and destroying a dossier, with all that follows from it: key object, index, caches.
//!
//! The entry comes first and is durable before the key object changes: a crash in between leaves a dossier that is sealed
//! in the log and still wrapped to the archive, and a job that finishes it. The reverse would leave a dossier that nobody
//! knows to be sealed and the archive cannot open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::{App, Error};
use crate::access::{Action, Permit};
use crate::archive::Archive;
use crate::cases::{self, HistoryItem};
use crate::domain::{Actor, CaseId, DossierId, archive_itself};
use crate::dossiers;
use crate::objects::Key;
use crate::records::Records;
use crate::sealing::{self, Asked, Certificate, Stub};
use crate::vault::{self, Identity};
use crate::workflow::Effect;

/// A sealed dossier that is open for a time. It can be looked at, not searched and not changed.
pub struct OpenDossier {
    /// Its rows, in memory.
    pub records: Records,
    /// The archive, looking at this dossier alone.
    pub archive: Archive,
    /// Until when it is open.
    pub until: Timestamp,
    /// Who opened it.
    pub by_name: String,
}

/// The dossiers that are open now. Their keys are in memory only.
#[derive(Default)]
pub struct OpenDossiers(Mutex<HashMap<DossierId, Arc<OpenDossier>>>);

impl OpenDossiers {
    fn get(&self, id: DossierId, now: Timestamp) -> Option<Arc<OpenDossier>> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&id).filter(|open| now < open.until).cloned()
    }

    fn put(&self, id: DossierId, open: OpenDossier) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(open));
    }

    fn remove(&self, id: DossierId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id).is_some()
    }

    fn take_expired(&self, now: Timestamp) -> Vec<DossierId> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.extract_if(|_, dossier| now >= dossier.until).map(|(id, _)| id).collect()
    }
}

impl App {
    /// Seals a dossier: from the moment this returns only the general manager's and the recovery keys open it.
    pub async fn seal_dossier(&self, permit: &Permit, id: DossierId, reason: &str) -> Result<Stub, Error> {
        self.described()?.manager_recipient.ok_or(Error::NoManager)?;
        if let Some(stub) = sealing::stub(&self.records, id)? {
            return Err(sealing::Error::Sealed(Box::new(stub)).into());
        }
        let recipient = self.keys.open(id).await?.recipient().to_string();
        let stub = self.sealing.seal(permit, id, reason, &recipient).await?;
        self.carry_out_seal(id).await?;
        Ok(stub)
    }

    /// Seals a dossier because a case of it has ordered that, in the name of whoever acted. It may be called again: a
    /// dossier that is sealed stays as it is.
    pub async fn seal_as_ordered(&self, id: DossierId, case: CaseId) -> Result<(), Error> {
        let Some(dossier) = dossiers::get(&self.records, id)? else { return Ok(()) };
        let orders =
            |item: &HistoryItem| item.effects.iter().any(|effect| matches!(effect, Effect::Seal { .. }));
        let Some(order) = cases::history(&self.records, case)?.into_iter().rev().find(orders) else {
            return Ok(());
        };
        let actor = Actor::new(order.by, order.by_name, Vec::new());
        let permit = Permit::of_order(actor, Action::SealDossier, dossier.subject());
        let reason = order.input.note.unwrap_or_else(|| format!("{case} {}", order.action));
        match self.seal_dossier(&permit, id, &reason).await {
            Err(Error::Sealing(sealing::Error::Sealed(_))) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Makes true what the log says of a sealed or destroyed dossier. It may be called again.
    pub async fn carry_out_seal(&self, id: DossierId) -> Result<(), Error> {
        let Some(stub) = sealing::stub(&self.records, id)? else { return Ok(()) };
        // Without the entry in the bucket, a dossier that the archive does not open would be a mystery.
        self.journal.published(stub.log_index).await?;
        self.keys.forget(id);
        let papers = sealing::papers(&self.records, id)?;
        self.archive.texts.forget(papers.iter().map(|paper| paper.document));
        let index = self.index.clone();
        let purging = move || index.remove_dossier(id).and_then(|()| index.rest());
        tokio::task::spawn_blocking(purging).await.map_err(|_| crate::search::Error::Lost)??;
        if !stub.destroyed {
            return self.take_key_away(id).await;
        }
        self.opened.remove(id);
        self.keys.destroy(id).await?;
        for paper in papers {
            let (dossier, document) = (id, paper.document);
            self.objects.delete(&Key::Original { dossier, document }).await?;
            for (key, _, _) in paper.derived(dossier) {
                self.objects.delete(&key).await?;
            }
        }
        Ok(())
    }

    async fn take_key_away(&self, id: DossierId) -> Result<(), Error> {
        let manager = self.described()?.manager_recipient.ok_or(Error::NoManager)?;
        let mut recipients = vec![manager.parse()?];
        recipients.extend(self.keys.keyring().recovery_recipients());
        Ok(self.keys.seal_away(id, &recipients).await?)
    }

    /// Opens a sealed dossier with the general manager's passphrase for some minutes, within the limits of the settings.
    pub async fn unseal_dossier(
        &self,
        permit: &Permit,
        id: DossierId,
        passphrase: SecretString,
        minutes: Option<u32>,
    ) -> Result<Timestamp, Error> {
        let stub = self.sealed(id)?;
        let identity = self.manager_identity(passphrase).await?;
        let key = self.keys.open_sealed(id, &identity).await?;
        if key.recipient().to_string() != stub.recipient {
            return Err(vault::Error::WrongKey.into());
        }
        let minutes = minutes.unwrap_or(self.config.sealing.open_minutes);
        let minutes = minutes.clamp(1, self.config.sealing.open_minutes_max.max(1));
        let until = self.clock.now().checked_add(SignedDuration::from_mins(minutes.into()));
        let until = until.unwrap_or(Timestamp::MAX);
        let records = Records::in_memory(&Identity::generate().derive("records"), &self.clock)?;
        self.journal.reopen(id, &key, &records).await?;
        self.sealing.note_unsealed(permit, id, until).await?;
        let archive = self.archive.looking_at(id, key, records.clone());
        self.opened.put(id, OpenDossier { records, archive, until, by_name: permit.actor().name.clone() });
        Ok(until)
    }

    /// The dossier, if it is sealed and open now.
    pub fn opened(&self, id: DossierId) -> Option<Arc<OpenDossier>> {
        self.opened.get(id, self.clock.now())
    }

    /// Closes an opened dossier before its time is over.
    pub async fn close_dossier(&self, permit: &Permit, id: DossierId) -> Result<(), Error> {
        self.sealed(id)?;
        if self.opened.remove(id) {
            self.sealing.note_closed(permit.actor().id, id, false).await?;
        }
        Ok(())
    }

    /// Drops the keys of dossiers whose time is over, and notes it; tells how many there were.
    pub async fn close_expired(&self) -> Result<usize, Error> {
        let expired = self.opened.take_expired(self.clock.now());
        for id in &expired {
            self.sealing.note_closed(archive_itself(), *id, true).await?;
        }
        Ok(expired.len())
    }

    /// Asks for the destruction of a sealed dossier.
    pub async fn ask_destruction(
        &self,
        permit: &Permit,
        id: DossierId,
        reason: &str,
    ) -> Result<Asked, Error> {
        let time = SignedDuration::from_hours(self.config.sealing.destroy_hours.into());
        Ok(self.sealing.ask_destruction(permit, id, reason, time).await?)
    }

    /// Destroys a sealed dossier that somebody else has asked to be destroyed. When this returns, key and papers are gone.
    pub async fn destroy_dossier(&self, permit: &Permit, id: DossierId) -> Result<Certificate, Error> {
        let certificate = self.sealing.confirm_destruction(permit, id).await?;
        self.carry_out_seal(id).await?;
        Ok(certificate)
    }

    /// The stub of a dossier that is sealed and not destroyed.
    fn sealed(&self, id: DossierId) -> Result<Stub, Error> {
        match sealing::stub(&self.records, id)? {
            None => Err(sealing::Error::NotSealed.into()),
            Some(stub) if stub.destroyed => Err(sealing::Error::Destroyed(Box::new(stub)).into()),
            Some(stub) => Ok(stub),
        }
    }

    /// Carries out what was decided and cut off.
    pub(super) async fn finish_seals(&self) -> Result<(), Error> {
        for stub in sealing::all(&self.records).collect::<Result<Vec<_>, _>>()? {
            if !stub.destroyed && self.keys.archive_opens(stub.dossier).await? == Some(true) {
                self.take_key_away(stub.dossier).await?;
            }
        }
        Ok(())
    }
}
