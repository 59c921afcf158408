//! What people at other terminals have asked for, out of the orders in the journal. Pure.

pub(super) use crate::journal::control::Order;
use crate::journal::control::{CANCEL, PAUSE};
use std::fmt;

/// Orders in force.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::run) struct Control {
    pub pause: Option<Pause>,
    /// Key and value.
    pub tunes: Vec<(String, String)>,
    /// The runner that is to stop, and who says so.
    cancel: Option<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::run) struct Pause {
    reason: String,
    by: String,
    since: jiff::Timestamp,
    until: Option<jiff::Timestamp>,
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "paused by {} at {}", self.by, self.since.strftime("%F %T UTC"))?;
        if let Some(until) = self.until {
            write!(f, " until {}", until.strftime("%F %T UTC"))?;
        }
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}

impl Control {
    pub(in crate::run) fn from_orders(orders: &[Order]) -> Self {
        let mut control = Control::default();
        for order in orders {
            match order.key.as_str() {
                PAUSE => {
                    control.pause = Some(Pause {
                        reason: order.value.clone(),
                        by: order.set_by.clone(),
                        since: order.set_at,
                        until: order.expires_at,
                    });
                }
                CANCEL => control.cancel = Some((order.value.clone(), order.set_by.clone())),
                _ => control.tunes.push((order.key.clone(), order.value.clone())),
            }
        }
        control
    }

    /// Who has cancelled `runner`, if anybody has.
    pub(super) fn cancelled(&self, runner: &str) -> Option<&str> {
        self.cancel.as_ref().filter(|(whom, _)| whom == runner).map(|(_, by)| by.as_str())
    }
}
