//! Many databases, or tenant schemas of databases, that are taken through the same migrations.
//!
//! A [`Group`] says who they are, [`members`](Members) in which order and waves they come, [`drive`]
//! takes them through one by one or side by side and begins nothing more after a failure. Where each
//! of them stands is in its own journal and nowhere else: the same call goes on where it stopped,
//! from any machine. Knows nothing of revisions and plans; reads and connects to nothing.

mod drive;
mod group;
mod waves;

pub use drive::{Ended, drive};
pub use group::{Group, Pattern, Place, Source};
pub use waves::{Wave, waves};

/// One database, or one schema of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As a person knows it: `eu`, or `eu/tenant_7` for a schema.
    pub name: String,
    /// The name of its database: members of one database are never worked on side by side.
    pub database: String,
    pub schema: Option<String>,
}

impl Member {
    pub fn new(database: &str, schema: Option<&str>) -> Self {
        let name = match schema {
            Some(schema) => format!("{database}/{schema}"),
            None => database.to_owned(),
        };
        Self { name, database: database.to_owned(), schema: schema.map(str::to_owned) }
    }
}
