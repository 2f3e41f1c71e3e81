//! What the tests of the workspace as a whole share: the rules of its structure, and the one way in
//! which a scenario is run on every adapter.
//!
//! [`adapters`] lets a scenario that is written once run on blocking and on tokio; `tests/behaviour`
//! and `tests/interop` are made of such scenarios.
//!
//! [`web`] is a web in memory, for scenarios about many origins.
//!
//! `docs/ARCHITECTURE.md` says which crate may stand on which, and what the crates below the adapters
//! may not do. [`arrows`] holds the first against the manifests, [`purity`] the second against the
//! sources, as [`source`] reads them. `tests/structure.rs` applies them, and plants a violation of each
//! kind to see it caught. [`conformance`] holds `docs/CONFORMANCE.md` against the specification and the
//! tests that there are; `tests/conformance.rs` applies it in the same way.

pub mod adapters;
pub mod arrows;
pub mod conformance;
pub mod purity;
pub mod source;
pub mod web;
