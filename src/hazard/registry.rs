//! Every hazard, in the order of the codes, and its check.

use super::context::Context;
use super::find::Found;
use super::history::History;
use super::{Hazard, rules};
use crate::catalog::Catalog;
use std::sync::LazyLock;

/// A hazard and how it is found.
pub(super) struct Rule {
    pub(super) hazard: &'static Hazard,
    pub(super) check: fn(&Context<'_>, &mut Found),
    /// What is only known at the end of the file.
    pub(super) end: Option<fn(&History, &Catalog, &mut Found)>,
}

static ALL: LazyLock<Vec<&'static Hazard>> =
    LazyLock::new(|| RULES.iter().map(|rule| rule.hazard).collect());

/// Every hazard, in the order of the codes.
pub fn all() -> &'static [&'static Hazard] {
    &ALL
}

/// The hazard of this code (`AL001`, in any case) or name.
pub fn find(code_or_name: &str) -> Option<&'static Hazard> {
    let wanted = code_or_name.trim();
    all().iter().copied().find(|hazard| {
        hazard.code.eq_ignore_ascii_case(wanted) || hazard.name.eq_ignore_ascii_case(wanted)
    })
}

macro_rules! rules {
    ($($module:ident $(+ $end:ident)?),+ $(,)?) => {
        &[$(Rule {
            hazard: &rules::$module::HAZARD,
            check: rules::$module::check,
            end: rules!(@end $module $($end)?),
        }),+]
    };
    (@end $module:ident $end:ident) => { Some(rules::$module::$end) };
    (@end $module:ident) => { None };
}

/// In the order of the codes, `blocking` last: it speaks when none of the others has.
pub(super) static RULES: &[Rule] = rules![type_change, timestamp_zone, set_not_null, create_index,];
