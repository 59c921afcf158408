//! Connections: where the database is, how to reach it, TLS, passwords. Never changes anything.
//!
//! [`Target`] is read from a connection string and from what libpq would fill it in with;
//! [`Target::connect`] gives a [`Connection`]. The driver's errors become [`Error`]s in
//! [`database_error`].

mod command;
mod conninfo;
mod endpoint;
mod failure;
mod passfile;
mod session;
mod settings;
mod target;
mod tls;

pub use command::PasswordCommand;
pub use failure::{database_error, is_connection_lost, sqlstate};
pub use session::{Canceller, Connection, ServerVersion};
pub use settings::Environment;
pub use target::Target;
pub use tls::SslMode;

use std::time::Duration;

/// How long an attempt at one host may take, sign-on included, unless `connect_timeout` says
/// otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Oldest server for which plans are made and tested; older ones are served as far as they go.
pub const OLDEST_SUPPORTED_MAJOR: u32 = 14;
