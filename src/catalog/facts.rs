//! Readable facts about relations and functions: what a plan relies on and what `run` compares.
//!
//! Only structure: no size, no comment, no privilege, and nothing that airlock itself puts on a
//! table, so that the facts of a table are the same before a rollout and in the middle of it.

use super::{
    Catalog, Column, Constraint, Dependant, DependantKind, Function, Identity, Index, Persistence,
    Relation, RelationKind, ReplicaIdentity, Routine, RoutineKind, Trigger, Volatility,
};
use crate::plan::Fact;
use crate::sql::{QualifiedName, quote_ident};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The value of the fact about a relation that is not there.
pub const ABSENT: &str = "absent";

/// Every structural fact about `relations` (columns, constraints, indexes, triggers, dependants),
/// sorted. A relation that is absent gives the fact that it is.
pub fn facts(catalog: &Catalog, relations: &[QualifiedName]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for name in relations {
        match catalog.relation(name) {
            Some(relation) => of_relation(relation, &mut facts),
            None => facts.push(fact(format!("relation {name}"), ABSENT)),
        }
    }
    facts.sort();
    facts.dedup();
    facts
}

/// How the facts about a function begin: all of it, or only how it is called and what it gives.
pub const FUNCTION: [&str; 2] = ["function ", "signature of function "];

/// What facts say of a function: its name and the types of its arguments.
pub fn function_name(name: &QualifiedName, routine: &Routine) -> String {
    format!("{name}({})", routine.inputs.join(", "))
}

/// The facts about the functions that `abouts` name, as they are in `catalog`; sorted.
pub fn of_functions(catalog: &Catalog, abouts: &BTreeSet<String>) -> Vec<Fact> {
    if abouts.is_empty() {
        return Vec::new();
    }
    let mut there: BTreeMap<String, (&Function, &Routine)> = BTreeMap::new();
    for (name, functions) in &catalog.functions {
        for function in functions {
            let Some(routine) = function.routine.as_deref() else { continue };
            let name = QualifiedName::new(&*function.schema, &**name);
            there.insert(function_name(&name, routine), (function, routine));
        }
    }
    let value = |about: &String| {
        let [whole, signature] = FUNCTION;
        let short = about.strip_prefix(signature);
        let found = short.or_else(|| about.strip_prefix(whole)).and_then(|name| there.get(name));
        found.map_or(ABSENT.to_owned(), |(function, routine)| {
            self::function(function, routine, short.is_none())
        })
    };
    abouts.iter().map(|about| fact(about.clone(), value(about))).collect()
}

fn function(function: &Function, routine: &Routine, whole: bool) -> String {
    let kind = match routine.kind {
        RoutineKind::Function => "function",
        RoutineKind::Procedure => "procedure",
        RoutineKind::Aggregate => "aggregate",
        RoutineKind::Window => "window function",
    };
    let mut text = format!("{kind} ({})", routine.declared);
    if let Some(result) = &routine.result {
        text.push_str(&format!(" returns {result}"));
    }
    if whole {
        let volatility = match function.volatility {
            Volatility::Immutable => "immutable",
            Volatility::Stable => "stable",
            Volatility::Volatile => "volatile",
        };
        let strict = if routine.strict { " strict" } else { "" };
        let (language, body) = (&function.language, &routine.body);
        text.push_str(&format!(" language {language} {volatility}{strict}, body {body}"));
    }
    one_line(&text)
}

fn fact(about: String, value: impl Into<String>) -> Fact {
    Fact { about, value: value.into() }
}

fn of_relation(relation: &Relation, facts: &mut Vec<Fact>) {
    let name = &relation.name;
    let mut add = |about: String, value: String| facts.push(Fact { about, value });
    add(format!("relation {name}"), kind(relation));
    let owner = if relation.owned_by_us { "ours" } else { "not ours" };
    add(format!("ownership of {name}"), owner.to_owned());
    for c in &relation.columns {
        add(format!("column {name}.{}", quote_ident(&c.name)), column(c));
    }
    for c in &relation.constraints {
        add(format!("constraint {} on {name}", quote_ident(&c.name)), constraint(c));
    }
    for i in &relation.indexes {
        add(format!("index {} on {name}", quote_ident(&i.name)), index(i));
    }
    for t in relation.triggers.iter().filter(|trigger| !trigger.ours) {
        add(format!("trigger {} on {name}", quote_ident(&t.name)), trigger(t));
    }
    for policy in &relation.policies {
        add(format!("policy {} on {name}", quote_ident(&policy.name)), policy.definition.clone());
    }
    for rule in &relation.rules {
        add(format!("rule {} on {name}", quote_ident(rule)), "present".to_owned());
    }
    for object in &relation.statistics {
        add(format!("statistics {} on {name}", object.name), object.definition.clone());
    }
    for d in &relation.dependants {
        add(dependant_name(d, name), dependant(d));
    }
    let is_table = matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable);
    if is_table {
        add(format!("replica identity of {name}"), replica_identity(relation));
        add(format!("row security of {name}"), row_security(relation).to_owned());
    }
    for (what, list) in [("parents", &relation.parents), ("children", &relation.children)] {
        if !list.is_empty() {
            let names: Vec<String> = list.iter().map(ToString::to_string).collect();
            add(format!("{what} of {name}"), names.join(", "));
        }
    }
    if !relation.publications.is_empty() {
        add(format!("publications of {name}"), relation.publications.join(", "));
    }
    for entry in &relation.published {
        let rows = entry.condition.as_deref().unwrap_or("all");
        let columns =
            if entry.columns.is_empty() { "all".into() } else { entry.columns.join(", ") };
        let about = format!("what {} publishes of {name}", quote_ident(&entry.publication));
        add(about, format!("columns {columns}; rows {rows}"));
    }
    for (what, text) in [
        ("partition key", &relation.partition_key),
        ("partition bound", &relation.partition_bound),
        ("definition", &relation.view_definition),
    ] {
        if let Some(text) = text {
            add(format!("{what} of {name}"), one_line(text));
        }
    }
}

fn kind(relation: &Relation) -> String {
    let persistence = match relation.persistence {
        Persistence::Permanent => "",
        Persistence::Unlogged => "unlogged ",
        Persistence::Temporary => "temporary ",
    };
    let kind = match relation.kind {
        RelationKind::Table => "table",
        RelationKind::PartitionedTable => "partitioned table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized view",
        RelationKind::ForeignTable => "foreign table",
        RelationKind::Sequence => "sequence",
        RelationKind::CompositeType => "composite type",
    };
    format!("{persistence}{kind}")
}

fn column(column: &Column) -> String {
    let mut text = column.type_name.clone();
    if let Some(collation) = &column.collation {
        text.push_str(&format!(" collate {collation}"));
    }
    if column.not_null {
        text.push_str(" not null");
    }
    if let Some(default) = &column.default {
        text.push_str(&format!(" default {default}"));
    }
    if let Some(generated) = &column.generated {
        let kind = if generated.stored { "stored" } else { "virtual" };
        text.push_str(&format!(" generated always as ({}) {kind}", generated.expression));
    }
    match column.identity {
        Some(Identity::Always) => text.push_str(" generated always as identity"),
        Some(Identity::ByDefault) => text.push_str(" generated by default as identity"),
        None => {}
    }
    one_line(&text)
}

fn constraint(constraint: &Constraint) -> String {
    let valid = if constraint.validated { "" } else { " not valid" };
    one_line(&format!("{}{valid}", constraint.definition))
}

fn index(index: &Index) -> String {
    let valid = if index.valid { "" } else { " (invalid)" };
    one_line(&format!("{}{valid}", index.definition))
}

fn trigger(trigger: &Trigger) -> String {
    let enabled = match trigger.enabled {
        'D' => " (disabled)",
        'R' => " (replica only)",
        'A' => " (always)",
        _ => "",
    };
    one_line(&format!("{}{enabled}", trigger.definition))
}

fn dependant_name(dependant: &Dependant, on: &QualifiedName) -> String {
    // Most names say what they are, in words.
    let kind = match dependant.kind {
        DependantKind::View => "view ",
        DependantKind::MaterializedView => "materialized view ",
        DependantKind::Function => "function ",
        DependantKind::Sequence => "sequence ",
        DependantKind::Policy
        | DependantKind::GeneratedColumn
        | DependantKind::ColumnDefault
        | DependantKind::Trigger
        | DependantKind::Rule
        | DependantKind::ForeignKey
        | DependantKind::Publication
        | DependantKind::PartitionKey
        | DependantKind::Other => "",
    };
    format!("dependant {kind}{} of {on}", dependant.name)
}

fn dependant(dependant: &Dependant) -> String {
    if dependant.columns.is_empty() {
        return "the whole relation".to_owned();
    }
    dependant.columns.iter().map(|column| quote_ident(column)).collect::<Vec<_>>().join(", ")
}

fn replica_identity(relation: &Relation) -> String {
    match &relation.replica_identity {
        ReplicaIdentity::Default => "default".to_owned(),
        ReplicaIdentity::Nothing => "nothing".to_owned(),
        ReplicaIdentity::Full => "full".to_owned(),
        ReplicaIdentity::Index(index) => format!("index {}", quote_ident(index)),
    }
}

fn row_security(relation: &Relation) -> &'static str {
    match (relation.row_security, relation.force_row_security) {
        (false, false) => "off",
        (true, false) => "on",
        (false, true) => "off, forced",
        (true, true) => "on, forced",
    }
}

/// Line breaks of printed definitions as spaces; a break inside a literal is kept apart as `\n`.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut in_literal = false;
    let mut after_space = false;
    for c in text.trim().chars() {
        in_literal ^= c == '\'';
        match c {
            '\n' if in_literal => line.push_str("\\n"),
            c if c.is_whitespace() && !in_literal => {
                if !after_space {
                    line.push(' ');
                }
            }
            c => line.push(c),
        }
        after_space = c.is_whitespace() && !in_literal;
    }
    line
}

/// What is different between two lists of facts, both sorted: a sentence without full stop for each
/// thing. Of a relation that is gone, or new, only that is said.
pub fn differences(expected: &[Fact], found: &[Fact]) -> Vec<String> {
    let absent: Vec<&str> = expected
        .iter()
        .chain(found)
        .filter(|fact| fact.value == ABSENT)
        .filter_map(|fact| fact.about.strip_prefix("relation "))
        .collect();
    let told = |fact: &Fact| {
        fact.about.starts_with("relation ")
            || !absent.iter().any(|relation| is_about(&fact.about, relation))
    };
    let mut sentences = Vec::new();
    let (mut old, mut new) = (expected.iter().peekable(), found.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.about.cmp(&new.about),
        };
        let was = if order == Ordering::Greater { None } else { old.next() };
        let is = if order == Ordering::Less { None } else { new.next() };
        match (was, is) {
            (Some(was), Some(is)) if was.value == is.value => {}
            (Some(was), Some(is)) => {
                sentences.push(format!("{}: was `{}`, is now `{}`", was.about, was.value, is.value))
            }
            (Some(was), None) if told(was) => sentences.push(format!("{} is gone", was.about)),
            (None, Some(is)) if told(is) => {
                sentences.push(format!("{} is new: `{}`", is.about, is.value));
            }
            _ => {}
        }
    }
    sentences
}

/// Whether a fact is about the relation or something in it.
pub fn is_about(about: &str, relation: &str) -> bool {
    let at_end = about.strip_suffix(relation).is_some_and(|rest| rest.ends_with(' '));
    let column = about.strip_prefix("column ").and_then(|rest| rest.strip_prefix(relation));
    at_end || column.is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RelationKind;

    fn catalog(sql: &str) -> Catalog {
        let mut catalog = Catalog::default();
        catalog.server.version_num = 150_000;
        catalog.server.search_path = vec!["public".to_owned()];
        catalog.schemas = ["public".to_owned()].into();
        let script = crate::sql::parse(sql, 0..sql.len()).unwrap();
        script.statements.iter().for_each(|statement| catalog.apply(statement));
        catalog
    }

    fn of(sql: &str) -> Vec<Fact> {
        facts(&catalog(sql), &[QualifiedName::new("public", "t")])
    }

    const T: &str = "CREATE TABLE t (id int PRIMARY KEY, \"E mail\" text NOT NULL DEFAULT 'x'); \
        CREATE INDEX i ON t (\"E mail\"); CREATE VIEW v AS SELECT \"E mail\" FROM t;";

    #[test]
    fn facts_read_as_sentences() {
        let facts = of(T);
        let value = |about: &str| {
            &facts
                .iter()
                .find(|fact| fact.about == about)
                .unwrap_or_else(|| panic!("{about}"))
                .value
        };
        assert_eq!(value("relation public.t"), "table");
        assert_eq!(value("column public.t.id"), "integer not null");
        assert_eq!(value("column public.t.\"E mail\""), "text not null default 'x'");
        assert_eq!(value("constraint t_pkey on public.t"), "PRIMARY KEY (id)");
        assert_eq!(
            value("index i on public.t"),
            "CREATE INDEX i ON public.t USING btree (\"E mail\")"
        );
        assert_eq!(value("dependant view public.v of public.t"), "\"E mail\"");
        assert_eq!(value("replica identity of public.t"), "default");
        assert_eq!(value("row security of public.t"), "off");
        assert!(facts.is_sorted());
    }

    #[test]
    fn nothing_of_airlock_and_no_size_is_a_fact() {
        let mut catalog = catalog(
            "CREATE TABLE t (id int); CREATE TRIGGER \"~airlock t\" AFTER INSERT ON t EXECUTE FUNCTION f()",
        );
        let name = QualifiedName::new("public", "t");
        let before = facts(&catalog, std::slice::from_ref(&name));
        let relation = catalog.relations.get_mut(&name).unwrap();
        relation.table_bytes = 1 << 40;
        relation.empty = false;
        relation.estimated_rows = Some(5);
        relation.triggers.clear();
        assert_eq!(before, facts(&catalog, &[name]));
    }

    #[test]
    fn differences_name_what_changed() {
        let changed = T
            .replace("text NOT NULL DEFAULT 'x'", "varchar(100)")
            .replace("CREATE INDEX i ", "CREATE INDEX j ");
        assert_eq!(
            differences(&of(T), &of(&changed)),
            [
                "column public.t.\"E mail\": was `text not null default 'x'`, is now `character \
                 varying(100)`",
                "index i on public.t is gone",
                "index j on public.t is new: `CREATE INDEX j ON public.t USING btree (\"E mail\")`",
            ]
        );
        assert!(differences(&of(T), &of(T)).is_empty());
    }

    #[test]
    fn of_a_relation_that_is_gone_only_that_is_said() {
        let gone = differences(&of(T), &of("CREATE TABLE t2 (id int)"));
        assert_eq!(gone, ["relation public.t: was `table`, is now `absent`"]);
        let new = differences(&of("CREATE TABLE t2 (id int)"), &of(T));
        assert_eq!(new, ["relation public.t: was `absent`, is now `table`"]);
    }

    #[test]
    fn a_line_break_in_a_literal_is_not_a_space() {
        assert_eq!(one_line(" SELECT a,\n    'x\ny'\n   FROM t"), "SELECT a, 'x\\ny' FROM t");
        let relation = Relation::new(QualifiedName::new("s", "t"), RelationKind::Table);
        assert_eq!(kind(&relation), "table");
    }
}
