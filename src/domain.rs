//! The words of the archive: ids, digests, actors, money and time, as plain types.
//!
//! Layer 0. Nothing here waits, remembers, reads a clock or draws randomness.

mod actor;
mod digest;
mod ids;
mod scope;
mod time;

pub use actor::{Actor, Role, archive_itself};
pub use digest::{Fingerprint, Sha256Digest};
pub use ids::{
    CaseId, DelegationId, DeliveryId, DocumentId, DossierId, IdError, JobId, PersonId, RawId, RequestId,
    SearchId, TokenId, WebhookId,
};
pub use scope::{Scope, ScopeError, Scopes};
pub use time::{BUSINESS_ZONE, Month, business_date, business_instant, business_time, end_of_business_date};
