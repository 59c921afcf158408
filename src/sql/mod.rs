//! SQL text in, statements out, each with its place in the file.
//!
//! The only module besides `analyze`, `rewrite` and `catalog::apply` that sees pg_query's node
//! types; owns quoting. No I/O.

pub mod canonical;
pub mod deparse;
pub mod diagnostic;
pub mod directive;
pub mod error;
mod gaps;
pub mod grammar;
mod locate;
pub mod name;
pub(crate) mod nearest;
pub mod nesting;
pub mod outline;
pub mod parse;
mod raw_names;
pub mod setting;
pub mod shape;
pub mod variables;
pub mod walk;
pub(crate) mod walk_mut;
pub(crate) mod word;

pub use diagnostic::{Diagnostic, Span};
pub use directive::{Directive, DirectiveKind};
pub use error::SqlError;
pub use name::{NameParts, QualifiedName, derived_name, quote_ident, quote_literal};
pub use outline::{Outline, Piece, outline};
pub use parse::{Script, Statement, decode, parse, parse_expression};
pub use setting::{Setting, setting};
pub use shape::{Shape, shape};

#[cfg(test)]
mod tests;
