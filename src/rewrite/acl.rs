//! Privileges as the catalog keeps them (`aclitem` texts), as `GRANT` statements.
//!
//! What is made anew must be open to exactly those to whom the old one was. `ALTER DEFAULT PRIVILEGES`
//! gives a new object privileges that the old one may never have had, and may have been said after the plan was
//! made: what the new one has is looked up where it was made ([`exactly`]).

use super::draft::Draft;
use super::text::dollar_quoted;
use crate::catalog::Relation;
use crate::catalog::acl::AclItem;
use crate::plan::NoteKind;
use crate::sql::{QualifiedName, quote_ident, quote_literal};

/// Privileges on tables and views; the last from version 17 on.
pub(super) const OF_TABLES: [&str; 8] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];

/// Privileges on columns.
pub(super) const OF_COLUMNS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "REFERENCES"];

/// Privileges on sequences.
const OF_SEQUENCES: [&str; 3] = ["USAGE", "SELECT", "UPDATE"];

/// `GRANT`s that give `object` what `items` say, restricted to the privileges `wanted`. `columns` is put behind
/// each privilege: empty, or ` (a, b)`. What another role than `owner` gave is given by that role where the one that
/// runs may act as it.
pub(super) fn grants(
    items: &[String],
    owner: &str,
    object: &str,
    columns: &str,
    wanted: &[&str],
) -> Vec<String> {
    let items = items.iter().filter_map(|item| AclItem::parse(item)).collect();
    let mut statements = Vec::new();
    for item in in_order(items, owner) {
        let grantee = item.grantee.as_deref().map_or("PUBLIC".to_owned(), quote_ident);
        for with_option in [false, true] {
            let words: Vec<String> = item
                .words()
                .filter(|(word, option)| *option == with_option && wanted.contains(word))
                .map(|(word, _)| format!("{word}{columns}"))
                .collect();
            if words.is_empty() {
                continue;
            }
            let option = if with_option { " WITH GRANT OPTION" } else { "" };
            let grant = format!("GRANT {} ON {object} TO {grantee}{option}", words.join(", "));
            statements.push(match item.grantor.as_str() {
                by if by.is_empty() || by == owner => grant,
                by => given_by(by, &grant),
            });
        }
    }
    statements
}

/// The same without those of the owner itself, for something that stands beside the object.
pub(super) fn grants_to_others(
    items: &[String],
    owner: &str,
    object: &str,
    columns: &str,
    wanted: &[&str],
) -> Vec<String> {
    let owns = |item: &&String| is_for(item, std::slice::from_ref(&owner.to_owned()));
    let items: Vec<String> = items.iter().filter(|item| !owns(item)).cloned().collect();
    grants(&items, owner, object, columns, wanted)
}

/// A role must have a grant option before it can give anything on.
fn in_order(mut items: Vec<AclItem>, owner: &str) -> Vec<AclItem> {
    let mut ordered: Vec<AclItem> = Vec::new();
    while !items.is_empty() {
        let may = |item: &AclItem| {
            item.grantor.is_empty()
                || item.grantor == owner
                || ordered.iter().any(|before| {
                    before.privileges.iter().any(|(_, option)| *option)
                        && before.grantee.as_ref() == Some(&item.grantor)
                })
        };
        let place = items.iter().position(may).unwrap_or_default();
        ordered.push(items.remove(place));
    }
    ordered
}

/// The server takes the role that is current for the one that gives. Where it may not be, the owner gives.
fn given_by(role: &str, grant: &str) -> String {
    let (role, grant) = (quote_literal(role), quote_literal(grant));
    format!(
        "DO {}",
        dollar_quoted(&format!(
            "\nDECLARE\n  airlock_role text := pg_catalog.current_setting('role');\nBEGIN\n  \
             PERFORM pg_catalog.set_config('role', {role}, true);\n  EXECUTE {grant};\n  \
             PERFORM pg_catalog.set_config('role', airlock_role, true);\n\
             EXCEPTION WHEN insufficient_privilege THEN\n  EXECUTE {grant};\nEND\n"
        ))
    )
}

/// What an object is, for the words of the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A table, a view or a materialized view.
    Table,
    Sequence,
}

/// The statements that open `name`, which has just been made in the place of `found`, to exactly those to whom `found`
/// is open, itself and its columns, whatever default privileges gave it.
pub(super) fn exactly(
    draft: &Draft<'_>,
    found: &Relation,
    name: &QualifiedName,
    kind: Kind,
) -> Vec<String> {
    let (object, letter, wanted): (String, char, &[&str]) = match kind {
        Kind::Table => (name.to_string(), 'r', &OF_TABLES),
        Kind::Sequence => (format!("SEQUENCE {name}"), 's', &OF_SEQUENCES),
    };
    let wanted = match draft.major() {
        17.. => wanted,
        _ => wanted.strip_suffix(&["MAINTAIN"]).unwrap_or(wanted),
    };
    let owner = found.owner.as_str();
    let items = found.privileges.as_deref();
    // The owner has everything as long as nobody says otherwise.
    let all_of_owner = items.is_none_or(|items| {
        items.iter().filter_map(|item| AclItem::parse(item)).any(|item| {
            let has = |word: &&str| item.words().any(|known| known == (word, false));
            item.grantee.as_deref() == Some(owner)
                && item.grantor == owner
                && wanted.iter().all(has)
        })
    });
    let mut sql = vec![emptied(name, &object, owner, letter, all_of_owner)];
    let items = items.unwrap_or_default();
    let given = if all_of_owner { grants_to_others } else { grants };
    sql.extend(given(items, owner, &object, "", wanted));
    for column in &found.columns {
        let on = format!(" ({})", quote_ident(&column.name));
        sql.extend(grants(&column.privileges, owner, &object, &on, &OF_COLUMNS));
    }
    sql
}

/// Takes from everyone what they have of a new object. With `keeps` the owner has everything afterwards.
fn emptied(name: &QualifiedName, object: &str, owner: &str, letter: char, keeps: bool) -> String {
    let oid = format!("{}::pg_catalog.regclass", quote_literal(&name.to_string()));
    let found = if keeps {
        "c.relacl".to_owned()
    } else {
        format!("coalesce(c.relacl, pg_catalog.acldefault('{letter}', c.relowner))")
    };
    let (revoke, grant) = (
        quote_literal(&format!("REVOKE ALL ON {object} FROM ")),
        quote_literal(&format!("GRANT ALL ON {object} TO {}", quote_ident(owner))),
    );
    let keep = if keeps {
        format!(
            "  IF EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = {oid} AND c.relacl IS NOT NULL) THEN\n    \
             EXECUTE {grant};\n  END IF;\n"
        )
    } else {
        String::new()
    };
    let body = format!(
        "\nDECLARE\n  airlock_role text;\nBEGIN\n  \
         FOR airlock_role IN\n    \
         SELECT DISTINCT coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC')\n    \
         FROM pg_catalog.pg_class AS c\n    \
         CROSS JOIN LATERAL pg_catalog.aclexplode({found}) AS a\n    \
         LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee\n    \
         WHERE c.oid = {oid}\n  LOOP\n    \
         EXECUTE {revoke} || airlock_role;\n  END LOOP;\n{keep}END\n"
    );
    format!("DO {}", dollar_quoted(&body))
}

/// Says where the role that runs may be unable to keep who gave a privilege on `found`, or on `columns` alone
/// where there are any.
pub(super) fn note_grantors(draft: &mut Draft<'_>, found: &Relation, columns: &[&str]) {
    if draft.catalog.server.role.superuser {
        return;
    }
    let on_all = found.privileges.iter().flatten().filter(|_| columns.is_empty());
    let named = |name: &str| columns.is_empty() || columns.contains(&name);
    let of_columns = found.columns.iter().filter(|column| named(&column.name));
    let items = on_all.chain(of_columns.flat_map(|column| &column.privileges));
    let others: std::collections::BTreeSet<String> = items
        .filter_map(|item| AclItem::parse(item))
        .map(|item| item.grantor)
        .filter(|grantor| !grantor.is_empty() && *grantor != found.owner)
        .collect();
    if others.is_empty() {
        return;
    }
    let others: Vec<String> = others.into_iter().collect();
    draft.note(
        NoteKind::Information,
        format!(
            "privileges on {} that {} gave on are given by {} where the role that runs is no member of theirs",
            found.name,
            super::text::listed(&others),
            found.owner
        ),
    );
}

/// Whether `item` gives anything to one of `roles`.
pub(super) fn is_for(item: &str, roles: &[String]) -> bool {
    AclItem::parse(item)
        .is_some_and(|item| item.grantee.is_some_and(|grantee| roles.contains(&grantee)))
}

/// Whether `item` gives `privilege` to anyone.
pub(super) fn gives(item: &str, privilege: &str) -> bool {
    AclItem::parse(item).is_some_and(|item| item.words().any(|(word, _)| word == privilege))
}

#[cfg(test)]
mod tests {
    use super::{OF_TABLES, grants, grants_to_others};

    #[test]
    fn items_become_grants() {
        let items = [
            "owner=arwdDxt/owner".to_owned(),
            "last=r/app".to_owned(),
            "app=ar*wDtm/owner".to_owned(),
            "=r/owner".to_owned(),
            "\"we\"\"ird=x\"=d/owner".to_owned(),
        ];
        let given = |grant: &str| {
            format!(
                "DO $airlock$\nDECLARE\n  airlock_role text := pg_catalog.current_setting('role');\n\
                 BEGIN\n  PERFORM pg_catalog.set_config('role', 'app', true);\n  EXECUTE '{grant}';\n  \
                 PERFORM pg_catalog.set_config('role', airlock_role, true);\n\
                 EXCEPTION WHEN insufficient_privilege THEN\n  EXECUTE '{grant}';\nEND\n$airlock$"
            )
        };
        let others = [
            "GRANT INSERT, UPDATE, TRUNCATE, TRIGGER, MAINTAIN ON public.t TO app".to_owned(),
            "GRANT SELECT ON public.t TO app WITH GRANT OPTION".to_owned(),
            given("GRANT SELECT ON public.t TO last"),
            "GRANT SELECT ON public.t TO PUBLIC".to_owned(),
            "GRANT DELETE ON public.t TO \"we\"\"ird=x\"".to_owned(),
        ];
        assert_eq!(grants_to_others(&items, "owner", "public.t", "", &OF_TABLES), others);
        assert_eq!(
            grants(&items, "owner", "public.t", "", &OF_TABLES)[0],
            "GRANT INSERT, SELECT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON public.t TO owner"
        );
        assert_eq!(
            grants(&items[2..3], "owner", "public.t", " (b)", &["SELECT"]),
            ["GRANT SELECT (b) ON public.t TO app WITH GRANT OPTION"]
        );
    }
}
