//! What airlock knows of a database: a plain value ([`Catalog`]), loaded once and then moved
//! forward statement by statement.
//!
//! [`model`] is the value, [`load`](mod@load) the only part that talks to a server, [`apply`] the
//! pure function that gives the catalog after a statement, [`facts`](mod@facts) the readable facts
//! that a plan relies on, [`expression`] what can be seen in an expression, [`Need`] which part of a
//! database a migration can meet.

pub mod acl;
pub mod apply;
mod builtin;
pub mod expression;
pub mod facts;
mod foreign;
pub mod load;
mod lookup;
pub mod model;
pub mod names;
mod need;
mod overload;
mod publication;
pub mod relations;
mod result;
mod routine;
mod sequence;
pub mod type_name;
pub mod user_code;
pub mod volatility;

pub use apply::schema_elements;
pub use facts::{differences, facts};
pub use foreign::ForeignServer;
pub use load::{
    DataDigest, column_order, data_digest, fingerprint, load, load_needed, load_relations,
};
pub use model::*;
pub use need::Need;
pub use publication::{Changes, Published};
pub use relations::Relations;
pub use routine::{Function, Routine, RoutineKind, Volatility};
pub use sequence::Sequence;
pub use type_name::{type_name, user_type};
