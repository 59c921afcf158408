//! airlock: online schema change for PostgreSQL.
//!
//! An ordinary migration in SQL is parsed with PostgreSQL's own grammar ([`sql`]), read against a
//! plain value of the target's catalog ([`catalog`]), turned into steps that never make the
//! application wait beyond its stall budget ([`analyze`], [`rewrite`]), written down as a plan that
//! people review ([`plan`]), and executed exactly as written there ([`run`], [`journal`]).
//!
//! Data flows one way; `ARCHITECTURE.md` states the invariants and `tests/tidy.rs` holds the tree
//! to them.

pub mod analyze;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod connect;
pub mod demo;
pub mod diff;
pub mod error;
pub mod fleet;
pub mod hazard;
pub mod import;
pub mod journal;
pub mod lint;
pub mod lock;
pub mod observe;
pub mod plan;
pub mod report;
pub mod revision;
pub mod rewrite;
pub mod run;
pub mod sandbox;
pub mod script;
pub mod sql;
pub mod telemetry;
pub mod threads;
pub mod usage;
