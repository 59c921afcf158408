//! SIGINT and SIGTERM: the first stops at the next safe point, the second cancels the statement in
//! flight.

use super::output::Output;
use crate::error::{Error, Kind};
use crate::run::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits until somebody asks to stop, where there is nothing but to be given up.
///
/// # Errors
/// When the process cannot listen.
pub async fn asked() -> Result<(), Error> {
    let (mut interrupt, mut terminate) = signals()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn signals() -> Result<(Signal, Signal), Error> {
    let failed = |error: std::io::Error| {
        Error::new(Kind::Failed, "cannot listen for signals").detail(format!("{error}."))
    };
    let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok((interrupt, signal(SignalKind::terminate()).map_err(failed)?))
}

/// Listens from now on; what is returned is turned by the signals.
///
/// # Errors
/// When the process cannot listen.
pub fn listen(output: &Output) -> Result<Stop, Error> {
    let (mut interrupt, mut terminate) = signals()?;
    let stop = Stop::new();
    let (handle, output) = (stop.clone(), output.clone());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if handle.insisted() {
                continue;
            }
            output.say(if handle.requested() {
                "cancelling the statement in flight"
            } else {
                "stopping at the next safe point; once more cancels the statement in flight"
            });
            handle.request();
        }
    });
    Ok(stop)
}
