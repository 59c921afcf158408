//! A number that the user's own query gives, beside the most that it may be.

use super::Measure;
use crate::run::session::{Fault, Session};

/// `[[throttle.query]]`.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// What the number is, for people.
    pub name: String,
    /// One row with one number. Runs read-only, for two seconds at most.
    pub sql: String,
    /// From here on the run waits.
    pub max: f64,
}

impl Query {
    pub(super) fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if name.trim().is_empty() {
            return Err("a query needs a name".to_owned());
        }
        if self.sql.trim().is_empty() {
            return Err(format!("query {name} has no sql"));
        }
        if !(self.max > 0.0 && self.max.is_finite()) {
            return Err(format!("max of query {name} must be above 0"));
        }
        Ok(())
    }
}

pub(super) async fn read(
    query: &Query,
    session: &Session,
) -> Result<Result<Measure, String>, Fault> {
    let body = query.sql.trim().trim_end_matches(';');
    // On lines of its own: it may end in a comment.
    let sql = format!("SELECT q.value::float8 FROM (\n{body}\n) AS q (value) LIMIT 2");
    let rows = session.rows(&query.name, &sql, &[]).await?;
    Ok(match rows.as_slice() {
        [row] => match row.get::<_, Option<f64>>(0) {
            Some(value) => {
                let text = format!("{value} (limit {})", query.max);
                Ok(Measure::of(value, query.max, text))
            }
            None => Err("it gives NULL".to_owned()),
        },
        [] => Err("it gives no row".to_owned()),
        _ => Err("it gives more than one row".to_owned()),
    })
}
