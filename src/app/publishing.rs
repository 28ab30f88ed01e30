//! Publishing packs, and which there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{App, Error};
use crate::access::Permit;
use crate::cases;
use crate::packs::{InForce, Publication, Published};
use crate::people;
use crate::workflow::Title;

/// A pack that was published, as a list shows it.
pub struct ListedPack {
    /// The pack.
    pub in_force: Arc<InForce>,
    /// When and by whom; not known of what a folder from before packs were listed holds.
    pub publication: Option<Publication>,
    /// The publisher's name, if it is a person.
    pub by_name: Option<String>,
    /// Whether new cases start on it.
    pub is_current: bool,
    /// Its definitions.
    pub definitions: Vec<ListedDefinition>,
}

/// A definition of a pack, with the cases that are under way on it. Packs that share a definition share its cases.
#[derive(serde::Serialize)]
pub struct ListedDefinition {
    /// Its name.
    pub workflow: String,
    /// Its version.
    pub version: String,
    /// Its reference.
    pub definition: String,
    /// What it is called.
    pub title: Title,
    /// How many cases run on it.
    pub running: u64,
}

impl App {
    /// Publishes a pack; see [`crate::packs::Packs::publish`].
    ///
    /// # Errors
    /// What is wrong with it, or what failed. Nothing was changed then.
    pub async fn publish_pack(
        &self,
        permit: &Permit,
        files: &BTreeMap<String, Vec<u8>>,
        note: Option<&str>,
    ) -> Result<Published, Error> {
        let people = self.people.list()?;
        Ok(self.packs.publish(permit, files, note, &people).await?)
    }

    /// Every pack that was published, the one in force first, then from the newest to the oldest.
    ///
    /// # Errors
    /// The records failed.
    pub fn listed_packs(&self) -> Result<Vec<ListedPack>, Error> {
        let mut running: BTreeMap<String, u64> = BTreeMap::new();
        for case in cases::open_cases(&self.records)? {
            *running.entry(case.definition).or_default() += 1;
        }
        let current = self.packs.current()?.pack.hash();
        let publications = self.packs.publications()?;
        let listed = |in_force: Arc<InForce>| {
            let hash = in_force.pack.hash();
            let publication =
                publications.iter().rev().map(|(_, found)| found).find(|found| found.hash == hash);
            let by_name =
                publication.map(|found| people::name_of(&self.records, found.by)).transpose()?.flatten();
            let definitions = in_force.pack.definitions().values().map(|definition| {
                let reference = definition.reference();
                ListedDefinition {
                    workflow: definition.id.clone(),
                    version: definition.version.clone(),
                    title: definition.title.clone(),
                    running: running.get(&reference).copied().unwrap_or_default(),
                    definition: reference,
                }
            });
            let definitions = definitions.collect();
            let (publication, is_current) = (publication.cloned(), hash == current);
            Ok(ListedPack { in_force, publication, by_name, is_current, definitions })
        };
        self.packs.all()?.into_iter().map(listed).collect()
    }
}
