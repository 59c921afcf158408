//! Stopping on request. The signal handling is the command line's; this is the handle it turns.

use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A cheap handle, cloned freely. The first request stops the run at the next safe point, the
/// second one cancels the statement in flight.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    soon: CancellationToken,
    now: CancellationToken,
    cancelled_by: Arc<OnceLock<String>>,
}

impl Stop {
    pub fn new() -> Self {
        Self::default()
    }

    /// Both requests at once, by somebody at another terminal.
    pub fn cancel(&self, by: &str) {
        let _ = self.cancelled_by.set(by.to_owned());
        self.soon.cancel();
        self.now.cancel();
    }

    /// Who has cancelled the run from another terminal.
    pub fn cancelled_by(&self) -> Option<String> {
        self.cancelled_by.get().cloned()
    }

    /// One more request.
    pub fn request(&self) {
        if self.soon.is_cancelled() {
            self.now.cancel();
        } else {
            self.soon.cancel();
        }
    }

    /// Whether anybody has asked.
    pub fn requested(&self) -> bool {
        self.soon.is_cancelled()
    }

    /// Whether somebody has asked twice.
    pub fn insisted(&self) -> bool {
        self.now.is_cancelled()
    }

    /// Waits for the first request.
    pub async fn soon(&self) {
        self.soon.cancelled().await;
    }

    /// Waits for the second request.
    pub async fn now(&self) {
        self.now.cancelled().await;
    }

    /// Sleeps, unless asked to stop before: then false.
    pub async fn sleep(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.soon.cancelled() => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stop;

    #[test]
    fn the_second_request_is_the_urgent_one() {
        let stop = Stop::new();
        let handle = stop.clone();
        assert!(!stop.requested());
        handle.request();
        assert!(stop.requested() && !stop.insisted());
        handle.request();
        assert!(stop.insisted());
    }
}
