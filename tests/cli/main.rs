//! The program as a user meets it: real binary, real files, real servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documentation;
<<<<<<< HEAD
mod full_disk;
=======
mod explain;
>>>>>>> 4c766f5 (Hazards: 65 checks with their pages, airlock explain, sequence positions in the catalog)
mod killed;
mod lint;
mod lint_online;
mod offline;
mod online;
mod project;
mod shipped;
mod site;
