//! What the tests of the workspace as a whole share. So far: the rules of its structure.
//!
//! `docs/ARCHITECTURE.md` says which crate may stand on which, and what the crates below the adapters
//! may not do. [`arrows`] holds the first against the manifests, [`purity`] the second against the
//! sources, as [`source`] reads them. `tests/structure.rs` applies them, and plants a violation of each
//! kind to see it caught.

pub mod arrows;
pub mod purity;
pub mod source;
