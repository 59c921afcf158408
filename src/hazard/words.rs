//! Sizes and times in words.

use crate::analyze::estimate;
use crate::catalog::Catalog;
use crate::plan::Work;
use crate::sql::QualifiedName;
use std::time::Duration;

/// The relation, with its size where it is known.
pub(super) fn sized(catalog: &Catalog, name: &QualifiedName) -> String {
    let known = catalog.relation(name).filter(|_| catalog.sizes_known);
    match known {
        Some(relation) if relation.table_bytes > 0 => match relation.estimated_rows {
            Some(rows) if rows > 0 => {
                format!("{name} ({}, about {})", bytes(relation.table_bytes), count(rows))
            }
            _ => format!("{name} ({})", bytes(relation.table_bytes)),
        },
        _ => name.to_string(),
    }
}

/// ` for about 4 s`, or nothing when no time can be told or none worth telling.
pub(super) fn for_about(catalog: &Catalog, work: &[Work]) -> String {
    match estimate(work, catalog) {
        Some(time) if time >= Duration::from_secs(1) => format!(" for {}", about(time)),
        Some(_) | None => String::new(),
    }
}

fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..90 => format!("about {seconds} s"),
        90..5_400 => format!("about {} min", seconds.div_ceil(60)),
        _ => format!("about {} h", seconds.div_ceil(3_600)),
    }
}

/// `1.2 GB`, in PostgreSQL's units (powers of 1024).
// Far below 2^52: exact in a float.
#[allow(clippy::cast_precision_loss)]
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 10.0);
    format!("{value:.digits$} {}", UNITS[unit])
}

fn count(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        0..10_000 => format!("{rows} rows"),
        10_000..1_000_000 => format!("{} thousand rows", rows / 1_000),
        1_000_000..10_000_000 => format!("{:.1} million rows", rows as f64 / 1e6),
        _ => format!("{} million rows", rows / 1_000_000),
    }
}

/// `2,147,483,647`.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// `a, b and 3 more`.
pub(super) fn listed<T: std::fmt::Display>(items: &[T]) -> String {
    const MAX_LISTED: usize = 5;
    let shown: Vec<String> = items.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    match (items.len().saturating_sub(MAX_LISTED), shown.as_slice()) {
        (0, [.., _, _]) => {
            let (last, rest) = (&shown[shown.len() - 1], &shown[..shown.len() - 1]);
            format!("{} and {last}", rest.join(", "))
        }
        (0, _) => shown.concat(),
        (more, _) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_well() {
        assert_eq!(bytes(8_192), "8.0 kB");
        assert_eq!(bytes(3 << 30), "3.0 GB");
        assert_eq!(count(1), "1 row");
        assert_eq!(count(2_500_000), "2.5 million rows");
        assert_eq!(about(Duration::from_secs(600)), "about 10 min");
        assert_eq!(grouped(i64::from(i32::MAX)), "2,147,483,647");
        assert_eq!([grouped(0), grouped(-1_000)], ["0", "-1,000"]);
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&[1, 2, 3, 4, 5, 6, 7]), "1, 2, 3, 4, 5 and 2 more");
    }
}
