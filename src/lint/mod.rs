//! Migrations of any tool, read in order against a catalog that moves along: what each statement
//! locks, scans, rewrites and builds, its verdict and its hazards.
//!
//! [`check()`] turns texts into a [`Report`]; `format` turns that into what people and programs
//! read. Reads no files and talks to no server: that is `cli`'s. Parses on every processor, judges
//! statement by statement in the order of the files.

mod assume;
mod check;
pub mod format;
pub mod input;
mod model;
mod need;
mod ordered;
pub mod statement;
mod stub;
pub mod suppress;

pub use check::check;
pub use model::{
    Allowed, AllowedBy, File, FileReport, Found, Knowledge, Note, Options, Problem, ProblemKind,
    Report, StatementReport, Summary, Unused,
};
pub use need::need;
pub use ordered::{in_order, in_order_by_size};
pub use suppress::Rules;
