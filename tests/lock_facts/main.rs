//! The lock model against servers: against what they once did ([`facts`]), and against what they do
//! now ([`conformance`]).
//!
//! Nothing is skipped silently: a difference is either a failure or in a list that must be exact in
//! both directions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claim;
mod conformance;
mod expand;
mod facts;
mod report;
