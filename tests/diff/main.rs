//! Differences between schemas on real servers: what is written leads there, and back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod both_ways;
mod kept;
mod random;
mod rich;
