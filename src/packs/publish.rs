//! What may be published: nothing that takes the place of something published, and nothing that shuts everybody out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{CURRENT, Error, Fact, Files, InForce, Packs, Publication};
use crate::access::{Action, Permit, Policies, Subject};
use crate::domain::Role;
use crate::journal::{self, Draft};
use crate::people::Person;
use crate::records::{self, Batch};
use crate::workflow::{Definition, Finding, Pack, Severity, Title, gaps, pack};

/// How often a decision is made again because another pack was published meanwhile.
const TRIES: usize = 5;
/// How long a note may be, in characters.
const LONGEST_NOTE: usize = 4000;

/// What somebody must be able to do under every pack: without the one there is no next pack, without the other nobody
/// new.
const NEEDED: [Action; 2] = [Action::PublishPack, Action::ManagePeople];

/// A pack that is published.
pub struct Published {
    /// The pack, read.
    pub in_force: Arc<InForce>,
    /// That it was published.
    pub publication: Publication,
    /// Whether it had been published before: nothing was done.
    pub repeated: bool,
    /// What the check remarks and does not forbid.
    pub warnings: Vec<Finding>,
    /// Roles that people hold and the pack does not have.
    pub roles_gone: Vec<RoleGone>,
}

/// A person holds a role that the pack does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGone {
    /// Who.
    pub person: String,
    /// Which.
    pub role: String,
}

impl RoleGone {
    /// The sentence.
    pub fn title(&self) -> Title {
        let Self { person, role } = self;
        Title::new(
            format!("{person} 的角色“{role}”在此制度包中不存在"),
            format!("{person} has the role `{role}`, which this pack does not have"),
        )
    }
}

impl Packs {
    /// Publishes a pack: new cases start on it from now on, running ones stay on what they started on.
    ///
    /// A published version is immutable, and so is each definition in it. The same pack again is no second entry. Refused is
    /// also what would leave none of these people able to publish packs or to manage people.
    ///
    /// # Errors
    /// What is wrong with it, in words; or the log or the records failed. Nothing was changed then.
    pub async fn publish(
        &self,
        permit: &Permit,
        files: &BTreeMap<String, Vec<u8>>,
        note: Option<&str>,
        people: &[Person],
    ) -> Result<Published, Error> {
        if !permit.covers_archive(Action::PublishPack) {
            return Err(Error::NotPermitted);
        }
        let note = note.map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
        if note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            return Err(Error::LongNote { limit: LONGEST_NOTE });
        }
        let warnings = pack::check(files);
        let pack = Pack::load(files).map_err(Error::Findings)?;
        // What was published needs no second explanation.
        if self.publications()?.iter().all(|(_, published)| published.hash != pack.hash()) {
            explained(&warnings, note.as_deref())?;
        }
        may_go_on(&Policies::parse(pack.access_policies())?, people)?;
        let roles_gone = roles_gone(&pack, people);
        for _ in 0..TRIES {
            let published = self.publications()?;
            if let Some((index, publication)) =
                published.into_iter().rev().find(|(_, p)| p.hash == pack.hash())
            {
                self.journal.published(index).await?;
                let in_force = self.of_hash(pack.hash())?;
                return Ok(Published { in_force, publication, repeated: true, warnings, roles_gone });
            }
            self.fits(&pack)?;
            let fact = Fact { files: texts(&pack)?, note: note.clone() };
            let draft = Draft::new("pack.published", permit.actor().id, &fact)?.expecting(self.unchanged()?);
            let index = match self.journal.commit(draft).await {
                Err(journal::Error::Conflict) => continue,
                other => other?,
            };
            self.journal.published(index).await?;
            let found = self.publications()?.into_iter().find(|(at, _)| *at == index);
            let (_, publication) = found.ok_or(Error::Unknown)?;
            let in_force = self.of_hash(pack.hash())?;
            return Ok(Published { in_force, publication, repeated: false, warnings, roles_gone });
        }
        Err(journal::Error::Conflict.into())
    }

    /// Whether nothing that is published says something else under the same version, and whether every mapping of the pack is
    /// whole for the definitions that it maps.
    fn fits(&self, pack: &Pack) -> Result<(), Error> {
        let mut unmapped = Vec::new();
        for older in self.all_or_none()? {
            let older = &older.pack;
            if older.id == pack.id && older.version == pack.version && older.hash() != pack.hash() {
                return Err(Error::PackTaken { id: pack.id.clone(), version: pack.version.clone() });
            }
            for (id, definition) in pack.definitions() {
                let Some(before) = older.definition(id) else { continue };
                if before.version == definition.version && before.hash != definition.hash {
                    let (id, version) = (id.clone(), definition.version.clone());
                    return Err(Error::DefinitionTaken { id, version });
                }
                for gap in gaps(before, definition) {
                    let found = unmapped_finding(pack, definition, &before.version, &gap.title());
                    if !unmapped.contains(&found) {
                        unmapped.push(found);
                    }
                }
            }
        }
        if unmapped.is_empty() { Ok(()) } else { Err(Error::Findings(unmapped)) }
    }

    /// [`all`](Self::all), also in an archive that is being made.
    fn all_or_none(&self) -> Result<Vec<Arc<InForce>>, Error> {
        match self.records.get(&CURRENT, b"")? {
            None => Ok(Vec::new()),
            Some(_) => self.all(),
        }
    }

    fn unchanged(&self) -> Result<Batch, records::Error> {
        let mut expected = Batch::new();
        match self.records.get(&CURRENT, b"")? {
            Some(hash) => expected.expect(&CURRENT, b"", &hash)?,
            None => expected.expect_absent(&CURRENT, b""),
        }
        Ok(expected)
    }
}

/// Errors stop a pack; a warning needs somebody to have said why it is published all the same: in the pack, or now.
fn explained(findings: &[Finding], note: Option<&str>) -> Result<(), Error> {
    if findings.iter().any(|found| found.severity == Severity::Error) {
        return Err(Error::Findings(findings.to_vec()));
    }
    let open = findings.iter().any(Finding::stops);
    if !open || note.is_some() { Ok(()) } else { Err(Error::Unexplained(findings.to_vec())) }
}

fn texts(pack: &Pack) -> Result<Files, Error> {
    // What the check has read is text; a file that the pack does not name may be anything.
    let text = |path: &str, bytes: &[u8]| {
        let message = Title::new("不是 UTF-8 文本", "this is not UTF-8 text");
        let no_text = |_| Error::Findings(vec![Finding::on_line("E00", path, 1, message)]);
        String::from_utf8(bytes.to_vec()).map_err(no_text)
    };
    let files = pack.files().iter().map(|(path, bytes)| Ok((path.clone(), text(path, bytes)?)));
    Ok(Files { hash: pack.hash(), files: files.collect::<Result<_, Error>>()? })
}

/// Whether by these policies one of these people can do each of the things that keep an archive going.
fn may_go_on(policies: &Policies, people: &[Person]) -> Result<(), Error> {
    for action in NEEDED {
        let mut able = people.iter().filter(|person| !person.disabled);
        if !able.any(|person| policies.permit(&person.actor(), action, Subject::Archive).is_ok()) {
            return Err(Error::LockedOut(action));
        }
    }
    Ok(())
}

fn roles_gone(pack: &Pack, people: &[Person]) -> Vec<RoleGone> {
    let known = |role: &Role| role.as_str() == Role::ADMIN || pack.roles().contains_key(role.as_str());
    let enabled = people.iter().filter(|person| !person.disabled);
    let gone = enabled.flat_map(|person| {
        let roles = person.roles.iter().filter(|role| !known(role));
        roles.map(|role| RoleGone { person: person.name.clone(), role: role.as_str().to_owned() })
    });
    gone.collect()
}

/// A mapping of the definition leaves something of an older version without a way.
fn unmapped_finding(pack: &Pack, definition: &Definition, from: &str, what: &Title) -> Finding {
    let own = format!("id: {}", definition.id);
    let texts =
        pack.files().iter().filter_map(|(path, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)));
    let mut texts = texts.filter(|(_, text)| text.lines().any(|line| line.trim_end() == own));
    let (path, line) = texts.next().map_or((pack::MANIFEST, 1), |(path, text)| {
        let line = text.lines().position(|line| line.starts_with("migrate:")).unwrap_or_default();
        (path.as_str(), u32::try_from(line + 1).unwrap_or(1))
    });
    let message = Title::new(format!("{from}：{}", what.zh), format!("{from}: {}", what.en));
    Finding::on_line("E17", path, line, message)
}

#[cfg(test)]
mod tests {
    use super::{Error, Finding, Title, explained};

    #[test]
    fn a_warning_needs_a_note_and_an_error_is_past_explaining() {
        let error = Finding::on_line("E01", "pack.yaml", 1, Title::default());
        let warning = Finding::on_line("C01", "intake.yaml", 1, Title::default());
        let accepted = Finding { accepted: Some("as the lawyers say".into()), ..warning.clone() };
        assert!(explained(&[], None).is_ok() && explained(&[accepted], None).is_ok());
        assert!(explained(std::slice::from_ref(&warning), Some("as the lawyers say")).is_ok());
        let unexplained = explained(std::slice::from_ref(&warning), None);
        assert!(matches!(unexplained, Err(Error::Unexplained(found)) if found.len() == 1));
        let wrong = explained(&[warning, error], Some("never mind"));
        assert!(matches!(wrong, Err(Error::Findings(found)) if found.len() == 2));
    }
}
