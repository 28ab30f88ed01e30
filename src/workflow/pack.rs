//! A pack: definitions, calendar, roles, document kinds, dossier schemas and access policies, read from its files.
//!
//! [`Pack::load`] first checks everything and returns the findings if one is an error, so that what is loaded can be
//! run. Nothing here writes; [`Pack::read_dir`] is the only thing in this module that touches a disk.

mod accepted;
mod check;
mod coverage;
mod days;
mod graph;
mod inputs;
mod legal;
mod moves;
mod names;
mod orders;
mod params;
mod policies;
mod walked;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use check::{check, check_with};

use super::schema::DOSSIERS;
use super::yaml::{Node, Place};
use super::{Calendar, Definition, DocumentKind, DossierKind, Finding, Limits, Severity, Title};
use crate::domain::Sha256Digest;

/// The manifest's path in a pack.
pub const MANIFEST: &str = "pack.yaml";

macro_rules! bundled {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../workflows/customer-service/", $path)))),+]
    };
}

const BUNDLED: &[(&str, &[u8])] = bundled![
    "pack.yaml",
    "policy.yaml",
    "access.cedar",
    "calendars/cn-2026.yaml",
    "dossiers/staff.schema.json",
    "intake.yaml",
    "stories/intake.stories.yaml",
    "special-customer.yaml",
    "stories/special-customer.stories.yaml",
    "appointment.yaml",
    "stories/appointment.stories.yaml",
    "archive-access.yaml",
    "stories/archive-access.stories.yaml",
    "reassignment.yaml",
    "stories/reassignment.stories.yaml",
    "sealing.yaml",
    "stories/sealing.stories.yaml",
    "leak-incident.yaml",
    "stories/leak-incident.stories.yaml",
    "staff-departure.yaml",
    "stories/staff-departure.stories.yaml",
    "confidentiality.yaml",
    "stories/confidentiality.stories.yaml",
];

/// The rules that an archive runs on.
#[derive(Debug, Clone)]
pub struct Pack {
    /// Its name.
    pub id: String,
    /// Its version.
    pub version: String,
    /// What it is called.
    pub title: Title,
    files: BTreeMap<String, Vec<u8>>,
    hash: Sha256Digest,
    definitions: BTreeMap<String, Arc<Definition>>,
    order: Vec<String>,
    calendar: Calendar,
    roles: BTreeMap<String, Title>,
    document_kinds: BTreeMap<String, DocumentKind>,
    access_policies: String,
    policy_title: Option<Title>,
    dossiers: BTreeMap<String, Arc<DossierKind>>,
    stories: Vec<Value>,
    values: BTreeMap<String, Value>,
    policy: Option<String>,
}

/// Something in a dossier's facts that its schema does not accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactProblem {
    /// The fact, or empty for the facts as a whole.
    pub path: String,
    /// Why; the value itself is not repeated.
    pub message: String,
}

/// What `pack.yaml` says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Manifest {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) title: Title,
    pub(super) workflows: Vec<String>,
    #[serde(default)]
    pub(super) policy: Option<String>,
    pub(super) calendar: String,
    #[serde(default)]
    pub(super) stories: Vec<String>,
    pub(super) access: String,
    pub(super) dossiers: BTreeMap<String, String>,
    pub(super) roles: BTreeMap<String, Title>,
    #[serde(default)]
    pub(super) accepted: Vec<Accepted>,
}

/// A warning that the pack gives a reason for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Accepted {
    pub(super) code: String,
    /// `FILE:SUBJECT`, as the finding names them.
    #[serde(rename = "where")]
    pub(super) place: String,
    pub(super) reason: String,
}

/// A pack's files, read and each accepted by its schema.
pub(super) struct Parts {
    pub(super) manifest: Manifest,
    pub(super) definitions: Vec<Definition>,
    pub(super) calendar: Calendar,
    pub(super) access: String,
    pub(super) dossiers: BTreeMap<String, DossierKind>,
    pub(super) stories: Vec<Value>,
    /// Every file's canonical value: the parsed YAML, or the text of other files.
    pub(super) values: BTreeMap<String, Value>,
    /// Where everything stands in each YAML file.
    pub(super) nodes: BTreeMap<String, Node>,
}

impl Pack {
    /// The pack of these files, by path; or what is wrong with them, unless that is no more than warnings. Whether it
    /// may be published, [`check`] says.
    pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Finding>> {
        let (parts, findings) = check::read(files, Limits::default());
        match parts {
            Some(parts) if findings.iter().all(|finding| finding.severity == Severity::Warning) => {
                Self::assemble(parts, files)
            }
            _ => Err(findings),
        }
    }

    /// A pack that was published: what a later check finds wrong with its rules does not take them away from those who work
    /// by them.
    pub fn reopen(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Finding>> {
        match check::read(files, Limits::default()) {
            (Some(parts), _) => Self::assemble(parts, files),
            (None, findings) => Err(findings),
        }
    }

    /// The pack in a folder; files with other endings than `.yaml`, `.cedar` and `.json` are left alone.
    pub fn read_dir(path: &Path) -> Result<Self, ReadError> {
        Self::load(&read_files(path, Limits::default())?).map_err(ReadError::Findings)
    }

    /// The pack that comes with the program.
    #[expect(clippy::expect_used, reason = "the files are part of the program, and a test loads them")]
    pub fn bundled() -> Self {
        let files = BUNDLED.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        Self::load(&files).expect("the bundled pack is right")
    }

    /// The workflow of this name.
    pub fn definition(&self, workflow: &str) -> Option<&Arc<Definition>> {
        self.definitions.get(workflow)
    }

    /// All workflows, by name.
    pub fn definitions(&self) -> &BTreeMap<String, Arc<Definition>> {
        &self.definitions
    }

    /// Those that can be started on a dossier of this kind, in the manifest's order.
    pub fn definitions_for(&self, dossier_kind: &str) -> impl Iterator<Item = &Arc<Definition>> {
        let fits = move |found: &&Arc<Definition>| found.fits(dossier_kind);
        self.order.iter().filter_map(|name| self.definitions.get(name)).filter(fits)
    }

    /// Its files as they were given, by path.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// SHA-256 over the canonical JSON (RFC 8785) of its parsed files, by path.
    pub fn hash(&self) -> Sha256Digest {
        self.hash
    }

    /// The text of its Cedar policies.
    pub fn access_policies(&self) -> &str {
        &self.access_policies
    }

    /// What the firm's rules are called, or else the pack: what stands on top of the papers that it makes.
    pub fn rules_title(&self) -> &Title {
        self.policy_title.as_ref().unwrap_or(&self.title)
    }

    /// The roles, by name: the pack's and those of its workflows.
    pub fn roles(&self) -> &BTreeMap<String, Title> {
        &self.roles
    }

    /// The kinds of documents of all workflows, by name.
    pub fn document_kinds(&self) -> &BTreeMap<String, DocumentKind> {
        &self.document_kinds
    }

    /// Whether documents of this kind are contracts: what the others of a basket are compared with.
    pub fn is_contract(&self, kind: &str) -> bool {
        self.document_kinds.get(kind).is_some_and(DocumentKind::is_contract)
    }

    /// Its working days.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The kinds of dossiers, by name.
    pub fn dossier_kinds(&self) -> &BTreeMap<String, Arc<DossierKind>> {
        &self.dossiers
    }

    /// Whether a dossier of this kind may have these facts; if not, what is wrong with each.
    pub fn validate_facts(
        &self,
        dossier_kind: &str,
        facts: &Map<String, Value>,
    ) -> Result<(), Vec<FactProblem>> {
        let Some(kind) = self.dossiers.get(dossier_kind) else {
            let message = "there is no such kind of dossier".to_owned();
            return Err(vec![FactProblem { path: String::new(), message }]);
        };
        let problems: Vec<FactProblem> = kind
            .complaints(facts)
            .into_iter()
            .map(|complaint| FactProblem { path: complaint.path.join("."), message: complaint.why })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    pub(super) fn stories(&self) -> &[Value] {
        &self.stories
    }

    /// The file of a workflow, with its value. Former versions of it can be files of the pack, too.
    pub(super) fn file_of(&self, workflow: &str) -> Option<(&String, &Value)> {
        let definition = self.definition(workflow)?;
        let is = |value: &Value, key: &str, text: &str| value.get(key).is_some_and(|found| found == text);
        let of_workflow = |value: &Value| {
            value.get("states").is_some()
                && is(value, "id", workflow)
                && is(value, "version", &definition.version)
        };
        self.values.iter().find(|(_, value)| of_workflow(value))
    }

    /// Each file's parsed value, by path.
    pub(super) fn values(&self) -> &BTreeMap<String, Value> {
        &self.values
    }

    /// The policy's value; none when the pack has no such file.
    pub(super) fn policy(&self) -> Option<&Value> {
        self.values.get(self.policy.as_ref()?)
    }

    fn assemble(parts: Parts, files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Finding>> {
        let unusable = |error: serde_json::Error| {
            let message = Title::new("无法计算规则包的指纹", error.to_string());
            vec![Finding::new("E00", MANIFEST, Place::START, String::new(), message)]
        };
        let canonical = serde_json_canonicalizer::to_vec(&parts.values).map_err(unusable)?;
        let policy = parts.manifest.policy.as_ref().and_then(|path| parts.values.get(path));
        let policy_title =
            policy.and_then(|policy| serde_json::from_value(policy.get("title")?.clone()).ok());
        let mut roles = parts.manifest.roles.clone();
        let mut document_kinds = BTreeMap::new();
        for definition in &parts.definitions {
            for (role, title) in &definition.roles {
                roles.entry(role.clone()).or_insert_with(|| title.clone());
            }
            for (kind, document) in &definition.documents {
                document_kinds.entry(kind.clone()).or_insert_with(|| document.clone());
            }
        }
        let order = parts.definitions.iter().map(|found| found.id.clone()).collect();
        let definitions =
            parts.definitions.into_iter().map(|found| (found.id.clone(), Arc::new(found))).collect();
        Ok(Self {
            id: parts.manifest.id,
            version: parts.manifest.version,
            title: parts.manifest.title,
            files: files.clone(),
            hash: Sha256Digest::of(&canonical),
            definitions,
            order,
            calendar: parts.calendar,
            roles,
            document_kinds,
            access_policies: parts.access,
            policy_title,
            dossiers: parts.dossiers.into_iter().map(|(kind, found)| (kind, Arc::new(found))).collect(),
            stories: parts.stories,
            values: parts.values,
            policy: parts.manifest.policy,
        })
    }
}

/// A folder could not be read as a pack.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder or a file in it cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is larger than a pack may be.
    #[error("the folder holds more than a pack may")]
    TooLarge,
    /// The pack has mistakes.
    #[error("the pack has {} findings", .0.len())]
    Findings(Vec<Finding>),
}

/// The files of a folder that can belong to a pack, by path with `/`. Links are not followed.
pub fn read_files(folder: &Path, limits: Limits) -> Result<BTreeMap<String, Vec<u8>>, ReadError> {
    let mut files = BTreeMap::new();
    let mut open = vec![(folder.to_path_buf(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < 4 && !name.starts_with('.') {
                open.push((entry.path(), format!("{path}/"), depth + 1));
            } else if kind.is_file() && [".yaml", ".cedar", ".json"].iter().any(|end| name.ends_with(end)) {
                if files.len() >= limits.files || entry.metadata()?.len() > limits.file_bytes as u64 {
                    return Err(ReadError::TooLarge);
                }
                files.insert(path, std::fs::read(entry.path())?);
            }
        }
    }
    Ok(files)
}

/// The engine's own dossier schema of this path.
pub(super) fn own_dossier_schema(path: &str) -> Option<&'static str> {
    DOSSIERS.iter().find(|(name, _)| *name == path).map(|(_, text)| *text)
}
