//! SIGINT, SIGTERM and, when the terminal goes, SIGHUP: the first stops at the next safe point, the second
//! cancels the statement in flight.

use super::output::Output;
use crate::error::{Error, Kind};
use crate::run::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits until somebody asks to stop, where there is nothing but to be given up.
///
/// # Errors
/// When the process cannot listen.
pub async fn asked() -> Result<(), Error> {
    Signals::new()?.next().await;
    Ok(())
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            Error::new(Kind::Failed, "cannot listen for signals").detail(format!("{error}."))
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            hangup: match hangup_is_ignored() {
                Some(false) => Some(signal(SignalKind::hangup()).map_err(failed)?),
                _ => None,
            },
        })
    }

    async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether we were started to outlive the terminal (`nohup`); `None` where that cannot be known, and SIGHUP
/// does what it does without us.
///
/// Source: `proc_pid_status(5)`, `SigIgn`, a mask in which SIGHUP is the lowest bit.
fn hangup_is_ignored() -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    Some(u64::from_str_radix(mask.trim(), 16).ok()? & 1 == 1)
}

/// Listens from now on; what is returned is turned by the signals.
///
/// # Errors
/// When the process cannot listen.
pub fn listen(output: &Output) -> Result<Stop, Error> {
    let mut signals = Signals::new()?;
    let stop = Stop::new();
    let (handle, output) = (stop.clone(), output.clone());
    tokio::spawn(async move {
        loop {
            signals.next().await;
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
