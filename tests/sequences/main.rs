//! What people do who follow a guide, from the first revision to the last way back, each on a database of
//! its own of one real server. A sequence is a file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the project of the command-line tests is shared as it is")]

mod cents;
mod ci;
mod deploy;
mod email_rollout;
mod enum_status;
mod first_week;
mod graphs;
mod merge_heads;
mod place;
#[path = "../cli/project.rs"]
mod project;
mod rename_both;
mod required_phone;
mod seeding;
mod split_name;
mod thousand;
mod three_containers;
mod uuid_users;
