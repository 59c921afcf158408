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
pub(super) static RULES: &[Rule] = rules![
    type_change,
    timestamp_zone,
    type_change_check,
    type_change_index,
    type_change_foreign_key,
    add_column_volatile_default,
    add_column_sequence,
    add_column_generated,
    add_column_domain,
    set_not_null,
    set_expression,
    add_check,
    add_foreign_key,
    add_unique,
    add_exclusion,
    create_index,
    reindex,
    vacuum_full,
    refresh,
    attach_partition,
    default_partition,
    domain_constraint,
    storage_rewrite,
    unbatched_change,
    drop_index,
    detach_partition,
    partition_of,
    foreign_key_locks,
    row_security,
    owner,
    replica_identity,
    no_change_locks,
    trigger_change,
    replace_function,
    lock_table,
    truncate,
    no_lock_timeout + end,
    several_locks,
    ddl_and_backfill,
    validate_together,
    cannot_run_in_transaction,
    enum_value_at_once,
    work_while_locked,
    lock_upgrade,
    transaction_left_open + end,
    invalid_index_kept,
    prepared_select_star,
    drop_column,
    rename_column,
    rename_relation,
    drop_relation,
    drop_cascade,
    drop_unique,
    add_required_column,
    drop_required_default,
    drop_schema,
    rename_type,
    column_without_equality,
    insert_without_columns,
    new_int_key + end,
    int_key_near_end,
    foreign_key_type + end,
    foreign_key_without_index + end,
    opaque,
    unknown,
    change_fires_trigger,
    blocking,
];
