//! A throwaway PostgreSQL cluster from the server programs on this machine: in a temporary folder,
//! on a Unix socket, without TCP, gone when its [`Cluster`] is dropped and also when we are killed.
//!
//! Changes nothing in a server that it has not started itself.

mod binaries;
mod cluster;
mod dump;
mod mirror;
mod postmaster;
mod runas;
mod standby;
mod watchdog;

pub use binaries::{Binaries, find_binaries, test_versions};
pub use cluster::{Cluster, ClusterOptions, SUPERUSER};
pub use mirror::Mirrored;
