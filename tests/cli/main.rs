//! The program as a user meets it: real binary, real files, real servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adoption;
mod diff;
mod documentation;
mod downgrade;
mod edit;
mod environments;
mod explain;
mod failing;
mod fleet;
mod full_disk;
mod graph;
mod killed;
mod lint;
mod lint_online;
mod offline;
mod offline_back;
mod offline_sql;
mod online;
mod password;
mod project;
mod rehearse;
mod repeatable;
mod report;
mod seed;
mod shipped;
mod site;
mod squash;
mod steering;
mod telemetry;
mod usage;
mod variables;
