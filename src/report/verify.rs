//! The end states of a migration as written and as planned, beside each other. Text and JSON.

use super::{BAD, CARE, GOOD, printable, styled};
use crate::catalog::{DataDigest, RelationKind};
use crate::plan::Plan;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most lines that are shown of one kind of difference.
const MAX_SHOWN: usize = 20;

/// What a database holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// A line for each thing in the catalog.
    pub schema: Vec<String>,
    /// The columns of each table in their order.
    pub column_order: Vec<String>,
    /// Rows, or the position of a sequence, by name.
    pub data: BTreeMap<String, (RelationKind, DataDigest)>,
}

impl State {
    /// Leaves out whether an inherited NOT NULL is local too, where the plan has announced that.
    pub fn forget_local_not_null(&mut self) {
        for line in &mut self.schema {
            if line.contains(": NOT NULL ") && !line.contains("; inherited 0;") {
                *line = line.replace("; local t;", "; local f;");
            }
        }
    }
}

/// Both end states.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub written: State,
    pub planned: State,
    /// The plan says that columns end up in another order.
    pub order_announced: bool,
}

impl Comparison {
    pub fn is_equal(&self) -> bool {
        self.only_written().is_empty()
            && self.only_planned().is_empty()
            && self.data_differences().is_empty()
            && (self.order_announced || self.order_differences().is_empty())
    }

    fn only_written(&self) -> Vec<&String> {
        without(&self.written.schema, &self.planned.schema)
    }

    fn only_planned(&self) -> Vec<&String> {
        without(&self.planned.schema, &self.written.schema)
    }

    fn order_differences(&self) -> Vec<(&String, Option<&String>)> {
        let written = without(&self.written.column_order, &self.planned.column_order);
        let planned = without(&self.planned.column_order, &self.written.column_order);
        let table = |line: &str| line.split_once(": ").map(|(table, _)| table.to_owned());
        written
            .into_iter()
            .map(|line| {
                let other = planned.iter().find(|other| table(other) == table(line));
                (line, other.copied())
            })
            .collect()
    }

    fn data_differences(&self) -> Vec<String> {
        let names: BTreeSet<&String> =
            self.written.data.keys().chain(self.planned.data.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| match (self.written.data.get(name), self.planned.data.get(name)) {
                (Some(a), Some(b)) if a == b => None,
                (Some((RelationKind::Sequence, _)), Some(_)) => {
                    Some(format!("sequence {name} stands elsewhere"))
                }
                (Some((_, a)), Some((_, b))) if a.rows != b.rows => {
                    Some(format!("{name} has {} rows as written, {} as planned", a.rows, b.rows))
                }
                (Some(_), Some(_)) => Some(format!("{name} has other values in its rows")),
                (Some(_), None) => Some(format!("{name} is there only as written")),
                (None, _) => Some(format!("{name} is there only as planned")),
            })
            .collect()
    }
}

fn without<'a>(lines: &'a [String], others: &[String]) -> Vec<&'a String> {
    let others: BTreeSet<&String> = others.iter().collect();
    lines.iter().filter(|line| !others.contains(line)).collect()
}

pub fn text(comparison: &Comparison, plan: &Plan) -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        text.push_str(&format!("{}\n", styled(title, BAD)));
        for line in lines.iter().take(MAX_SHOWN) {
            text.push_str(&format!("  {}\n", printable(line)));
        }
        if lines.len() > MAX_SHOWN {
            text.push_str(&format!("  and {} more\n", lines.len() - MAX_SHOWN));
        }
    };
    let cloned = |lines: Vec<&String>| lines.into_iter().cloned().collect::<Vec<_>>();
    section("Only as written:", cloned(comparison.only_written()));
    section("Only as planned:", cloned(comparison.only_planned()));
    section("Rows:", comparison.data_differences());
    let order: Vec<String> = comparison
        .order_differences()
        .into_iter()
        .map(|(written, planned)| {
            let planned = planned.and_then(|line| line.split_once(": ")).map_or("", |(_, c)| c);
            format!("{written}; as planned: {planned}")
        })
        .collect();
    if comparison.order_announced {
        for line in order {
            text.push_str(&format!(
                "{} {}\n",
                styled("As the plan announced:", CARE),
                printable(&line)
            ));
        }
    } else {
        section("Order of columns, which the plan does not announce:", order);
    }
    let size = format!(
        "entries of the catalog {}, tables and sequences {}, steps {}",
        comparison.written.schema.len(),
        comparison.written.data.len(),
        plan.steps.len()
    );
    let summary = if comparison.is_equal() {
        styled(
            &format!("The plan comes to the same end as the migration as written ({size})."),
            GOOD,
        )
    } else {
        styled(&format!("The plan does not come to the same end ({size})."), BAD)
    };
    text.push_str(&format!("{summary}\n"));
    text
}

pub fn json(comparison: &Comparison, plan: &Plan) -> Value {
    let order: Vec<Value> = comparison
        .order_differences()
        .into_iter()
        .map(|(written, planned)| json!({ "written": written, "planned": planned }))
        .collect();
    json!({
        "equal": comparison.is_equal(),
        "steps": plan.steps.len(),
        "only_written": comparison.only_written(),
        "only_planned": comparison.only_planned(),
        "data": comparison.data_differences(),
        "column_order": { "announced": comparison.order_announced, "differences": order },
    })
}
