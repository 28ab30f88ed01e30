//! Everything that sees key material: identities, keys of dossiers, sealing and opening.

mod seal;

pub use seal::Sealed;
