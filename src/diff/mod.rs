//! Two schemas and the SQL that leads from one to the other.
//!
//! [`load`](mod@load) reads a whole schema from a connection as a plain value ([`model`]); [`compare`]
//! says what differs, [`order`] in which order that can be changed, [`write`](mod@write) with which
//! statements; [`rename`] finds what may have been renamed and never decides it. [`settle`] is the
//! only part that runs anything, and only in databases of a throwaway server: it executes the
//! statements on a copy, looks at what is still different, and at the end holds the fingerprints of
//! both beside each other. So a difference that this module cannot write is said, never passed over.

pub mod compare;
pub mod load;
pub mod model;
pub mod order;
pub mod rename;
pub mod settle;
pub mod write;

pub use load::load;
pub use model::{Key, Kind, Object, Schema};
pub use rename::Rename;
pub use settle::{Difference, Options, settle};
