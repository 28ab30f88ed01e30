//! Who may do what: Cedar policies of the pack decide, and a [`Permit`] is the proof.
//!
//! Layer 1, pure. A permit can be made nowhere else (an operator's too is made here), names one actor, one action and one subject, and whatever
//! reads or writes a dossier asks for one. What no policy permits is refused. It must never wait or remember.

mod scope;

use std::collections::HashSet;
use std::str::FromStr;

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, Policy, PolicyId, PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};
use miette::Diagnostic;

use crate::domain::{Actor, DossierId, PersonId};

/// The schema that every pack's policies are validated against.
const SCHEMA: &str = include_str!("../schemas/access.cedarschema");

/// What holds beside the policies of a pack that permits nobody by name to publish the next one: packs from before there was
/// this right. Without it, such a pack could never be replaced through a door.
const PUBLISHERS: &str =
    r#"permit (principal in Role::"admin", action == Action::"pack.publish", resource);"#;

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
    /// Publish packs, and move running cases to newer ones.
    PublishPack,
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
            Self::PublishPack => "pack.publish",
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
        let mut policies = PolicySet::from_str(text).map_err(|error| Error::Syntax(error.to_string()))?;
        if !policies.policies().any(permits_publishing) {
            let policy = Policy::parse(Some(PolicyId::new("lantai-publishers")), PUBLISHERS);
            let policy = policy.map_err(|error| Error::Syntax(error.to_string()))?;
            policies.add(policy).map_err(|error| Error::Syntax(error.to_string()))?;
        }
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
        if !actor.scopes.covers(action.scope()) {
            return Err(denied);
        }
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

/// What is wrong with a text of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The first byte that it is about.
    pub byte: usize,
    /// Why.
    pub why: String,
}

/// A policy as its author wrote it: what a check of a pack asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The first byte of the policy.
    pub byte: usize,
    /// The policy without comments and spaces, to be compared: Cedar's JSON.
    pub text: String,
    /// Its `@id`, else its number from 1.
    pub name: String,
    /// The roles that it speaks of.
    pub roles: Vec<String>,
    /// Whether it permits to see documents or to take them.
    pub shows_documents: bool,
    /// The sensitive kinds of documents that its `@sensitive` names, with commas between them.
    pub sensitive: Vec<String>,
}

/// The policies of a text in their order, or everything that is wrong with it: syntax, or names and types that the
/// schema does not have.
pub fn written(text: &str) -> Result<Vec<Written>, Vec<Problem>> {
    let policies = PolicySet::from_str(text)
        .map_err(|errors| errors.iter().map(|error| problem(error, error.to_string())).collect::<Vec<_>>())?;
    let schema = Schema::from_cedarschema_str(SCHEMA);
    let (schema, _warnings) = schema.map_err(|error| vec![Problem { byte: 0, why: error.to_string() }])?;
    let result = Validator::new(schema).validate(&policies, ValidationMode::Strict);
    let problems: Vec<_> =
        result.validation_errors().map(|error| problem(error, error.to_string())).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let starts = statements(text);
    let mut written: Vec<Written> = policies
        .policies()
        .map(|policy| {
            // A set numbers the policies of a text: `policy0`, `policy1`.
            let id = policy.id().to_string();
            let number: usize = id.strip_prefix("policy").and_then(|n| n.parse().ok()).unwrap_or_default();
            let sensitive = policy.annotation("sensitive").unwrap_or_default().split(',').map(str::trim);
            let roles =
                policy.entity_literals().into_iter().filter(|uid| uid.type_name().basename() == "Role");
            Written {
                byte: starts.get(number).copied().unwrap_or_default(),
                text: policy.to_json().map(|json| json.to_string()).unwrap_or_default(),
                name: policy.annotation("id").map_or_else(|| (number + 1).to_string(), str::to_owned),
                roles: roles.map(|uid| uid.id().unescaped().to_owned()).collect(),
                shows_documents: policy.effect() == Effect::Permit
                    && shows_documents(&policy.action_constraint()),
                sensitive: sensitive.filter(|kind| !kind.is_empty()).map(str::to_owned).collect(),
            }
        })
        .collect();
    written.sort_by_key(|policy| policy.byte);
    Ok(written)
}

fn problem(error: &impl Diagnostic, why: String) -> Problem {
    let label = error.labels().and_then(|mut labels| labels.next());
    let why = why.lines().next().unwrap_or_default().chars().take(300).collect();
    Problem { byte: label.map_or(0, |label| label.offset()), why }
}

fn shows_documents(actions: &ActionConstraint) -> bool {
    let shows = |uid: &EntityUid| {
        let name = uid.id().unescaped();
        name == Action::ViewDocument.name() || name == Action::DownloadDocument.name()
    };
    match actions {
        ActionConstraint::Any => true,
        ActionConstraint::In(uids) => uids.iter().any(shows),
        ActionConstraint::Eq(uid) => shows(uid),
    }
}

/// Where each statement of a text begins: the first byte that is neither space nor comment, at the start and after
/// each semicolon.
fn statements(text: &str) -> Vec<usize> {
    let (mut starts, mut begun, mut quoted) = (Vec::new(), false, false);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' => quoted = !quoted,
            _ if quoted => {}
            '/' if chars.peek().is_some_and(|(_, next)| *next == '/') => {
                while chars.next().is_some_and(|(_, c)| c != '\n') {}
            }
            ';' => begun = false,
            _ if !begun && !c.is_whitespace() => {
                begun = true;
                starts.push(at);
            }
            _ => {}
        }
    }
    starts
}

/// Whether the policy permits, by its name, publishing packs.
fn permits_publishing(policy: &Policy) -> bool {
    let named = |action: &EntityUid| action.id().unescaped() == Action::PublishPack.name();
    policy.effect() == Effect::Permit
        && match policy.action_constraint() {
            ActionConstraint::Eq(action) => named(&action),
            ActionConstraint::In(actions) => actions.iter().any(named),
            ActionConstraint::Any => false,
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
    use super::{Action, Granted, Policies, Subject, written};
    use crate::domain::{Actor, DossierId, PersonId, RawId, Role, Scope, Scopes};

    const BUNDLED: &str = include_str!("../workflows/customer-service/access.cedar");

    fn actor(number: u8, role: &str) -> Actor {
        let id = PersonId::from(RawId::from_bytes([number; 16]));
        Actor::new(id, "x", vec![Role::new(role)])
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
        for (role, may) in [("gm", true), ("admin", true), ("cs_manager", false), ("auditor", false)] {
            check(1, role, Action::PublishPack, Subject::Archive, may);
        }
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
    fn policies_are_read_as_they_were_written() {
        let text = "// a; comment\n@id(\"x;\\\"y\")\npermit (principal in Role::\"advisor\", action == \
                    Action::\"document.view\", resource);\n\n@sensitive(\"a, b\")\npermit (principal, action, \
                    resource) when { principal in Role::\"gm\" };\nforbid (principal, action, resource);\n";
        let found = written(text).unwrap();
        let starts: Vec<&str> = found.iter().map(|policy| &text[policy.byte..][..5]).collect();
        assert_eq!(starts, ["@id(\"", "@sens", "forbi"]);
        assert_eq!(found[0].name, "x;\"y");
        assert_eq!((found[1].name.as_str(), found[1].roles.as_slice()), ("2", &["gm".to_owned()][..]));
        assert_eq!(found[1].sensitive, ["a", "b"]);
        assert_eq!(
            found.iter().map(|policy| policy.shows_documents).collect::<Vec<_>>(),
            [true, true, false]
        );
        let wrong = written("permit (principal, action == Action::\"fly\", resource);").unwrap_err();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        let text = "permit (principal, action, resource);\npermit (principal, action);";
        let wrong = written(text).unwrap_err();
        assert!(wrong[0].byte >= text.find('\n').unwrap(), "{wrong:?}");
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
    fn a_token_reaches_no_further_than_its_scope() {
        let policies = Policies::parse(BUNDLED).unwrap();
        let may = |scopes: &[Scope], action, subject| {
            let actor = Actor { scopes: Scopes::of(scopes.iter().copied()), ..actor(1, "gm") };
            policies.permit(&actor, action, subject).is_ok()
        };
        assert!(may(&[], Action::ActOnCase, dossier_of(2)) && may(&[], Action::Search, Subject::Archive));
        let read = [Scope::Read];
        assert!(may(&read, Action::ViewDocument, dossier_of(2)));
        assert!(
            !may(&read, Action::ActOnCase, dossier_of(2)) && !may(&read, Action::Search, Subject::Archive)
        );
        assert!(may(&[Scope::Act], Action::ActOnCase, dossier_of(2)));
        assert!(!may(&[Scope::Act], Action::ViewDocument, dossier_of(2)));
        let admin = Actor { scopes: Scopes::of([Scope::Read]), ..actor(1, "admin") };
        assert!(policies.permit(&admin, Action::ManagePeople, Subject::Archive).is_err());
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
    fn a_pack_that_permits_nobody_to_publish_leaves_it_to_the_administrator() {
        let may = |policies: &str, role: &str| {
            let policies = Policies::parse(policies).unwrap();
            policies.permit(&actor(1, role), Action::PublishPack, Subject::Archive).is_ok()
        };
        let older = BUNDLED.replace("Action::\"pack.publish\"", "Action::\"queue\"");
        assert_ne!(older, BUNDLED);
        assert!(may(&older, "admin") && !may(&older, "gm"));
        // Who forbids it, or speaks of everything, has permitted it to nobody by name.
        for text in [
            "",
            "permit(principal in Role::\"gm\", action == Action::\"search\", resource);",
            "forbid(principal in Role::\"gm\", action == Action::\"pack.publish\", resource);",
        ] {
            assert!(may(text, "admin") && !may(text, "gm"), "{text}");
        }
        let named = "permit(principal in Role::\"gm\", action == Action::\"pack.publish\", resource);";
        assert!(may(named, "gm") && !may(named, "admin"));
        let forbidden = "forbid(principal, action, resource);";
        assert!(!may(forbidden, "admin"));
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
