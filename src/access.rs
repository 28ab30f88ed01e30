//! Who may do what: Cedar policies of the pack decide, and a [`Permit`] is the proof.
//!
//! Layer 1, pure. A permit can be made nowhere else (an operator's too is made here), names one actor, one action and one subject, and whatever
//! reads or writes a dossier asks for one. What no policy permits is refused. It must never wait or remember.

use std::collections::HashSet;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};

use crate::domain::{Actor, DossierId, PersonId};

/// The schema that every pack's policies are validated against.
const SCHEMA: &str = include_str!("../schemas/access.cedarschema");

/// Something that an actor wants to do. The names are those of `schemas/access.cedarschema`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Open a dossier for a customer.
    OpenDossier,
    /// Search, in whatever the searcher may see.
    Search,
    /// See one's own penalties.
    OwnPenalties,
    /// See everybody's penalties.
    AllPenalties,
    /// See what waits for oneself.
    Queue,
    /// Read the log.
    ReadLog,
    /// Add and disable people and tokens.
    ManagePeople,
    /// List and rotate the archive's keys.
    ManageKeys,
    /// See a dossier's facts.
    ViewDossier,
    /// Hand in a document.
    AddDocument,
    /// See a document's text and pages.
    ViewDocument,
    /// Take a document's original bytes.
    DownloadDocument,
    /// Take a whole dossier out of the archive, in plain files.
    ExportDossier,
    /// Take the list of what a search finds out of the archive, as a file.
    ExportSearch,
    /// Start a case.
    StartCase,
    /// See a case.
    ViewCase,
    /// Act on a case, as far as its definition lets one.
    ActOnCase,
    /// Ask for something about a dossier that one need not see, and follow that question alone.
    AskCase,
    /// Seal a dossier.
    SealDossier,
    /// Open a sealed dossier for a time, with the general manager's passphrase.
    UnsealDossier,
    /// See a sealed dossier while it is open.
    ViewSealed,
    /// Ask for the destruction of a sealed dossier, confirm it, or take the question back.
    DestroyDossier,
}

impl Action {
    /// The name in the schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenDossier => "dossier.open",
            Self::Search => "search",
            Self::OwnPenalties => "penalties.own",
            Self::AllPenalties => "penalties.all",
            Self::Queue => "queue",
            Self::ReadLog => "log.read",
            Self::ManagePeople => "people.manage",
            Self::ManageKeys => "keys.manage",
            Self::ViewDossier => "dossier.view",
            Self::AddDocument => "document.add",
            Self::ViewDocument => "document.view",
            Self::DownloadDocument => "document.download",
            Self::ExportDossier => "dossier.export",
            Self::ExportSearch => "search.export",
            Self::StartCase => "case.start",
            Self::ViewCase => "case.view",
            Self::ActOnCase => "case.act",
            Self::AskCase => "case.ask",
            Self::SealDossier => "dossier.seal",
            Self::UnsealDossier => "dossier.unseal",
            Self::ViewSealed => "dossier.view_sealed",
            Self::DestroyDossier => "dossier.destroy",
        }
    }
}

/// What it is to be done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The archive as a whole.
    Archive,
    /// One dossier, with its documents and cases.
    Dossier {
        /// Which.
        id: DossierId,
        /// Who keeps the customer.
        adviser: PersonId,
        /// What whoever asks was granted.
        granted: Granted,
    },
}

/// Whether somebody was granted to look at a dossier, for a time that is not over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Granted {
    /// They were not.
    #[default]
    No,
    /// They were.
    Plain,
    /// They were, and what they look at is to bear a mark.
    Marked,
}

/// The proof that an actor may do one thing to one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    actor: Actor,
    action: Action,
    subject: Subject,
}

impl Permit {
    /// The permit for what a workflow has ordered because of somebody's action: that they might act was asked then.
    pub(crate) fn of_order(actor: Actor, action: Action, subject: Subject) -> Self {
        Self { actor, action, subject }
    }

    /// The permit of whoever holds the data folder and its key: the archive itself acts, and no policy is asked.
    pub(crate) fn of_operator(operator: Actor, action: Action, subject: Subject) -> Self {
        Self { actor: operator, action, subject }
    }

    /// Who may.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whether this is the permit to do `action` to this dossier.
    pub fn covers(&self, action: Action, dossier: DossierId) -> bool {
        self.action == action && matches!(self.subject, Subject::Dossier { id, .. } if id == dossier)
    }

    /// The dossier, if this is a permit for one.
    pub fn dossier(&self) -> Option<DossierId> {
        match self.subject {
            Subject::Dossier { id, .. } => Some(id),
            Subject::Archive => None,
        }
    }

    /// Whether this is the permit to do `action` to the archive.
    pub fn covers_archive(&self, action: Action) -> bool {
        self.action == action && self.subject == Subject::Archive
    }
}

/// No policy permits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no policy permits {}", .action.name())]
pub struct Denied {
    /// What was asked for.
    pub action: Action,
}

/// The policies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not Cedar.
    #[error("the access policies are not valid Cedar: {0}")]
    Syntax(String),
    /// The policies speak of things that the schema does not have.
    #[error("the access policies do not fit the schema: {0}")]
    Schema(String),
}

/// The policies of a pack.
pub struct Policies {
    policies: PolicySet,
    authorizer: Authorizer,
}

impl Policies {
    /// Reads Cedar policies and validates them strictly against the schema.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let policies = PolicySet::from_str(text).map_err(|error| Error::Syntax(error.to_string()))?;
        let (schema, _warnings) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|error| Error::Schema(error.to_string()))?;
        let result = Validator::new(schema).validate(&policies, ValidationMode::Strict);
        let problems: Vec<_> = result.validation_errors().map(ToString::to_string).collect();
        if !problems.is_empty() {
            return Err(Error::Schema(problems.join("; ")));
        }
        Ok(Self { policies, authorizer: Authorizer::new() })
    }

    /// The permit, if a policy gives it.
    pub fn permit(&self, actor: &Actor, action: Action, subject: Subject) -> Result<Permit, Denied> {
        let denied = Denied { action };
        let (request, entities) = question(actor, action, subject).ok_or(denied)?;
        let answer = self.authorizer.is_authorized(&request, &self.policies, &entities);
        // A policy that cannot be evaluated must not open a door that another one would keep shut.
        if answer.decision() != Decision::Allow || answer.diagnostics().errors().next().is_some() {
            return Err(denied);
        }
        Ok(Permit { actor: actor.clone(), action, subject })
    }

    /// Whether the actor may do `action` to every dossier, whoever keeps it.
    pub fn permits_all(&self, actor: &Actor, action: Action) -> bool {
        let nobody = PersonId::from(crate::domain::RawId::from_bytes([0; 16]));
        let id = DossierId::from(crate::domain::RawId::from_bytes([0; 16]));
        self.permit(actor, action, Subject::Dossier { id, adviser: nobody, granted: Granted::No }).is_ok()
    }
}

fn question(actor: &Actor, action: Action, subject: Subject) -> Option<(Request, Entities)> {
    let principal = uid("Person", &actor.id.to_string())?;
    let roles: HashSet<_> = actor.roles.iter().filter_map(|role| uid("Role", role.as_str())).collect();
    let mut entities: Vec<Entity> = roles.iter().cloned().map(Entity::with_uid).collect();
    entities.push(Entity::new_no_attrs(principal.clone(), roles));
    let resource = match subject {
        Subject::Archive => Entity::with_uid(uid("Archive", "archive")?),
        Subject::Dossier { id, adviser, granted } => {
            let adviser = RestrictedExpression::new_entity_uid(uid("Person", &adviser.to_string())?);
            let is = |answer: bool| RestrictedExpression::new_bool(answer);
            let attributes = [
                ("adviser".to_owned(), adviser),
                ("granted".to_owned(), is(granted != Granted::No)),
                ("watermarked".to_owned(), is(granted == Granted::Marked)),
            ];
            let attributes = attributes.into();
            Entity::new(uid("Dossier", &id.to_string())?, attributes, HashSet::new()).ok()?
        }
    };
    let resource_uid = resource.uid();
    entities.push(resource);
    let request =
        Request::new(principal, uid("Action", action.name())?, resource_uid, Context::empty(), None).ok()?;
    Some((request, Entities::from_entities(entities, None).ok()?))
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    Some(EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind).ok()?, EntityId::new(id)))
}

#[cfg(test)]
mod tests {
    use super::{Action, Granted, Policies, Subject};
    use crate::domain::{Actor, DossierId, PersonId, RawId, Role};

    const BUNDLED: &str = include_str!("../workflows/customer-service/access.cedar");

    fn actor(number: u8, role: &str) -> Actor {
        let id = PersonId::from(RawId::from_bytes([number; 16]));
        Actor { id, name: "x".into(), roles: vec![Role::new(role)] }
    }

    fn dossier_of(adviser: u8) -> Subject {
        granted_of(adviser, Granted::No)
    }

    fn granted_of(adviser: u8, granted: Granted) -> Subject {
        let id = DossierId::from(RawId::from_bytes([9; 16]));
        Subject::Dossier { id, adviser: PersonId::from(RawId::from_bytes([adviser; 16])), granted }
    }

    #[test]
    fn the_bundled_policies_say_what_the_rules_say() {
        let policies = Policies::parse(BUNDLED).unwrap();
        let check = |number, role, action, subject, allowed| {
            let answer = policies.permit(&actor(number, role), action, subject);
            assert_eq!(answer.is_ok(), allowed, "{role} {action:?} {subject:?}");
        };
        check(1, "advisor", Action::ViewDocument, dossier_of(1), true);
        check(1, "advisor", Action::ViewDocument, dossier_of(2), false);
        check(1, "cs_manager", Action::ViewDocument, dossier_of(2), true);
        check(1, "gm", Action::UnsealDossier, dossier_of(2), true);
        check(1, "gm", Action::ViewSealed, dossier_of(2), true);
        check(1, "cs_manager", Action::SealDossier, dossier_of(2), true);
        check(1, "cs_manager", Action::DestroyDossier, dossier_of(2), true);
        check(1, "cs_manager", Action::UnsealDossier, dossier_of(2), false);
        check(1, "cs_manager", Action::ViewSealed, dossier_of(2), false);
        check(1, "advisor", Action::SealDossier, dossier_of(1), false);
        check(1, "admin", Action::DestroyDossier, dossier_of(1), false);
        check(1, "station", Action::AddDocument, dossier_of(2), true);
        check(1, "station", Action::ViewDocument, dossier_of(2), false);
        check(1, "admin", Action::ManagePeople, Subject::Archive, true);
        check(1, "admin", Action::ManageKeys, Subject::Archive, true);
        check(1, "gm", Action::ManageKeys, Subject::Archive, false);
        check(1, "admin", Action::ViewDocument, dossier_of(1), false);
        check(1, "gm", Action::ManagePeople, Subject::Archive, false);
        check(1, "nobody", Action::Search, Subject::Archive, false);
        check(1, "auditor", Action::ReadLog, Subject::Archive, true);
        check(1, "auditor", Action::ViewDocument, dossier_of(1), false);
        check(1, "gm", Action::ExportDossier, dossier_of(2), true);
        check(1, "cs_manager", Action::ExportDossier, dossier_of(2), true);
        check(1, "cs_staff", Action::ExportDossier, dossier_of(2), false);
        check(1, "advisor", Action::ExportDossier, dossier_of(1), false);
        for (role, allowed) in [
            ("gm", true),
            ("cs_manager", true),
            ("cs_staff", false),
            ("advisor", false),
            ("auditor", false),
            ("station", false),
            ("admin", false),
        ] {
            check(1, role, Action::ExportSearch, Subject::Archive, allowed);
        }
        assert!(policies.permits_all(&actor(1, "cs_staff"), Action::ViewDossier));
        assert!(!policies.permits_all(&actor(1, "advisor"), Action::ViewDossier));
    }

    #[test]
    fn a_grant_opens_the_dossier_to_look_and_to_nothing_else() {
        let policies = Policies::parse(BUNDLED).unwrap();
        let may =
            |action, granted| policies.permit(&actor(1, "advisor"), action, granted_of(2, granted)).is_ok();
        for granted in [Granted::Plain, Granted::Marked] {
            assert!(may(Action::ViewDossier, granted) && may(Action::ViewDocument, granted));
            for action in [Action::ActOnCase, Action::AddDocument, Action::StartCase, Action::ExportDossier] {
                assert!(!may(action, granted), "{action:?}");
            }
        }
        assert!(!may(Action::ViewDossier, Granted::No));
        // What bears a mark on the page bears none in the file.
        assert!(
            may(Action::DownloadDocument, Granted::Plain) && !may(Action::DownloadDocument, Granted::Marked)
        );
        assert!(may(Action::AskCase, Granted::No), "anybody of the firm can ask");
    }

    #[test]
    fn a_permit_covers_only_what_it_says() {
        let policies = Policies::parse(BUNDLED).unwrap();
        let permit = policies.permit(&actor(1, "gm"), Action::ViewDocument, dossier_of(2)).unwrap();
        assert!(permit.covers(Action::ViewDocument, DossierId::from(RawId::from_bytes([9; 16]))));
        assert!(!permit.covers(Action::AddDocument, DossierId::from(RawId::from_bytes([9; 16]))));
        assert!(!permit.covers(Action::ViewDocument, DossierId::from(RawId::from_bytes([8; 16]))));
    }

    #[test]
    fn policies_that_do_not_fit_the_schema_are_refused() {
        assert!(
            Policies::parse("permit(principal, action, resource) when { resource.owner == 1 };").is_err()
        );
        assert!(Policies::parse("permit(principal, action == Action::\"fly\", resource);").is_err());
        assert!(Policies::parse("permit(").is_err());
    }
}
