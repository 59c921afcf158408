//! The hazards, one file each: page and check together.

pub(super) mod create_index;
pub(super) mod set_not_null;
pub(super) mod timestamp_zone;
pub(super) mod type_change;

use super::Hazard;
use super::Severity::Error;
use super::alter::Subcommand;
use super::context::Context;
use super::find::Found;
