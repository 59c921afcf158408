//! Plans made by hand, carried out on real servers: what is promised while they run and after they
//! were cut off.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod backfills;
mod crash;
mod hard;
mod interference;
mod long;
mod lost;
mod network;
mod old_journal;
mod runners;
mod support;
mod throttle;
mod transactions;
