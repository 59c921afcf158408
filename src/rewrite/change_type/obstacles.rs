//! What makes the recipe impossible, said before anything is planned.

use super::conversion::Obstacle;
use super::keys::{self, Key};
use super::recognise::{Request, Rollout};
use super::{Table, family, hangs, materialized, views};
use crate::catalog::{Catalog, ConstraintKind, DependantKind, TypeDef};
use crate::plan::{Phase, Work, WorkKind};
use crate::rewrite::alternatives;
use crate::rewrite::draft::Draft;
use crate::sql::{Diagnostic, quote_ident};

/// Refuses the rollout where something is in its way; says whether it did.
pub(super) fn refuse(
    draft: &mut Draft<'_>,
    rollout: &Rollout,
    tables: &[Table],
    keys: &[Key],
) -> bool {
    let mut refused = false;
    for table in tables {
        let mut reasons = of_table(draft, table);
        reasons.extend(family::obstacle(draft, table));
        reasons.extend(keys.iter().filter_map(|key| keys::obstacle(draft, key)));
        reasons.sort();
        reasons.dedup();
        let request = rollout.requests.iter().find(|r| r.relation == table.top);
        if let Some(request) = request.filter(|_| !reasons.is_empty()) {
            self::reject(draft, request, &reasons.join("; "));
            refused = true;
        }
    }
    refused
}

/// Refuses a column whose values cannot be converted as the migration says.
pub(super) fn refuse_conversion(draft: &mut Draft<'_>, request: &Request, obstacle: Obstacle) {
    match obstacle {
        Obstacle::Reason(reason) => reject(draft, request, &reason),
        Obstacle::NoReverse => {
            let column = quote_ident(&request.before.name);
            draft.refuse(
                Diagnostic::new(
                    format!(
                        "how {} of {} becomes {} again cannot be told from its USING",
                        request.before.name, request.relation, request.before.type_name
                    ),
                    request.span,
                )
                .label("no way back")
                .detail("After the switch the old column is kept in step, so that it can be taken back until contract.")
                .hint(format!(
                    "Write `-- airlock: reverse {}.{column} = <expression>` above the statement: the old value, from the new {column} (NULL when there is none).",
                    request.relation
                )),
            );
        }
    }
}

fn reject(draft: &mut Draft<'_>, request: &Request, reasons: &str) {
    draft.refuse(
        Diagnostic::new(
            format!(
                "{} of {} cannot get another type online",
                request.before.name, request.relation
            ),
            request.span,
        )
        .label("this statement blocks the application while it works")
        .detail(format!("The reason: {reasons}."))
        .hint("Take that away first, in a revision of its own, or allow the statement as it is with `-- airlock: allow blocking \"why\"` for a time when the application can wait."),
    );
}

fn of_table(draft: &Draft<'_>, table: &Table) -> Vec<String> {
    let found = &table.found;
    let mut reasons = Vec::new();
    if draft.floor() == Phase::Contract {
        reasons.push(
            "an earlier statement of the migration is complete only after contract (a DROP of a materialized view that reads the column is not needed: it is built anew by itself)".to_owned(),
        );
    }
    for change in &table.changes {
        let name = &change.before.name;
        if change.before.generated.is_some() {
            reasons.push(format!("{name} is a generated column"));
        }
        if is_constrained_domain(&change.after.user_type, &draft.catalog) {
            let quoted = quote_ident(name);
            let same = change.after.user_type.as_ref().and_then(|domain| {
                let (base, checks) = alternatives::without_domain(draft, domain, &quoted)?;
                Some(format!("; the same rule online: ALTER TABLE {} ALTER COLUMN {quoted} TYPE {base}{checks}", found.name))
            });
            reasons.push(format!(
                "{} is a domain with constraints: the server checks and writes every row when a column of it is added, even where it is NULL{}",
                change.after.type_name,
                same.unwrap_or_default()
            ));
        }
        if let Some(default) = draft.catalog.default_by_domain(&change.after) {
            reasons.push(format!(
                "{} is a domain with a default, {default}, which the server would write into a new column of it",
                change.after.type_name
            ));
        }
        for constraint in found.constraints.iter().filter(|c| c.columns.contains(name)) {
            if constraint.kind == ConstraintKind::Exclude {
                let work = [Work { kind: WorkKind::IndexBuild, relation: found.name.clone() }];
                let time = alternatives::cost(draft, &work);
                let time = time.map(|time| format!(", {time} here")).unwrap_or_default();
                reasons.push(format!(
                    "constraint {} cannot be built again online: an exclusion constraint has no concurrent build and no USING INDEX. Dropped in a revision before this one, and added again in a window after it, it blocks for the build of its one index{time}, and not for the rewrite of the table; until then a trigger that looks for a conflicting row under an advisory lock keeps rows apart",
                    constraint.name
                ));
            }
        }
        if let Err(why) = views::over(&draft.catalog, [(found, name.as_str())]) {
            reasons.push(why);
        }
        for dependant in found.dependants.iter().filter(|d| d.columns.contains(name)) {
            if hangs::is_published(found, &dependant.name) {
                continue;
            }
            if let (DependantKind::MaterializedView, Some(view)) =
                (dependant.kind, &dependant.relation)
            {
                reasons.extend(materialized::known(&draft.catalog, view).err());
                continue;
            }
            let hinders = match dependant.kind {
                DependantKind::MaterializedView
                | DependantKind::Function
                | DependantKind::Policy
                | DependantKind::GeneratedColumn
                | DependantKind::Trigger
                | DependantKind::Rule
                | DependantKind::Publication
                | DependantKind::PartitionKey
                | DependantKind::Other => true,
                DependantKind::View
                | DependantKind::ColumnDefault
                | DependantKind::Sequence
                | DependantKind::ForeignKey => false,
            };
            if hinders {
                reasons.push(format!("{} depends on {name}", dependant.name));
            }
        }
        let numbered = change.before.identity.is_none()
            || !table.is_top()
            || draft.catalog.relations.values().any(|sequence| {
                sequence.sequence.is_some()
                    && sequence
                        .owned_by
                        .as_ref()
                        .is_some_and(|(table, column)| *table == found.name && column == name)
            });
        if !numbered {
            reasons.push(format!("the sequence behind {name} is not known"));
        }
    }
    reasons
}

fn is_constrained_domain(name: &Option<crate::sql::QualifiedName>, catalog: &Catalog) -> bool {
    match name.as_ref().and_then(|name| catalog.types.get(name)) {
        Some(TypeDef::Domain { not_null, checks, base, .. }) => {
            *not_null
                || !checks.is_empty()
                || catalog.types.iter().any(|(inner, of)| {
                    *base == inner.to_string()
                        && matches!(of, TypeDef::Domain { .. })
                        && is_constrained_domain(&Some(inner.clone()), catalog)
                })
        }
        _ => false,
    }
}
