//! Writes a JSON value as TOML that reads well in a review and is the same bytes every time.
//!
//! SQL of several lines becomes a multi-line string; small lists (locks, work) stay on one line
//! each. Knows nothing of plans beyond that.

use serde_json::{Map, Value};

/// Longest line before a list is written one item to a line.
const LINE_CHARS: usize = 100;
/// Longest object of one field that stands on the line of its key: `{ kind = "nothing" }`.
const SMALL_OBJECT_CHARS: usize = 40;

/// `value`, which must be an object without nulls, as a TOML document.
pub(super) fn document(value: &Map<String, Value>) -> String {
    let mut out = String::new();
    table(&mut out, "", value);
    out
}

/// How a value stands in a table.
enum Form<'a> {
    /// `key = value`.
    Inline,
    /// `[path.key]`.
    Table(&'a Map<String, Value>),
    /// `[[path.key]]`, for objects that hold text to be read.
    Tables(Vec<&'a Map<String, Value>>),
}

fn form<'a>(key: &str, value: &'a Value) -> Form<'a> {
    match value {
        Value::Object(fields) if is_small(value, fields) => Form::Inline,
        Value::Object(fields) => Form::Table(fields),
        Value::Array(items) if !items.is_empty() && !matches!(key, "locks" | "work") => {
            let objects: Option<Vec<_>> = items.iter().map(Value::as_object).collect();
            objects.map_or(Form::Inline, Form::Tables)
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Form::Inline
        }
    }
}

fn is_small(value: &Value, fields: &Map<String, Value>) -> bool {
    let mut text = String::new();
    if fields.len() <= 1 {
        inline(&mut text, value);
    }
    !text.is_empty() && text.len() <= SMALL_OBJECT_CHARS && !text.contains('\n')
}

fn table(out: &mut String, path: &str, fields: &Map<String, Value>) {
    let inner = |name: &str| {
        if path.is_empty() { key(name) } else { format!("{path}.{}", key(name)) }
    };
    // TOML takes a key after a table header as that table's own, so plain keys come first.
    for (name, value) in fields {
        if let Form::Inline = form(name, value) {
            out.push_str(&key(name));
            out.push_str(" = ");
            inline(out, value);
            out.push('\n');
        }
    }
    for (name, value) in fields {
        match form(name, value) {
            Form::Inline => {}
            Form::Table(fields) => {
                let path = inner(name);
                // A table of nothing but tables is named by them.
                if fields.iter().any(|(name, value)| matches!(form(name, value), Form::Inline)) {
                    out.push_str(&format!("\n[{path}]\n"));
                }
                table(out, &path, fields);
            }
            Form::Tables(items) => {
                let path = inner(name);
                for fields in items {
                    out.push_str(&format!("\n[[{path}]]\n"));
                    table(out, &path, fields);
                }
            }
        }
    }
}

fn inline(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => string(out, text),
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::Array(items) => array(out, items),
        Value::Object(fields) => {
            if fields.is_empty() {
                return out.push_str("{}");
            }
            out.push_str("{ ");
            for (number, (name, value)) in fields.iter().enumerate() {
                if number > 0 {
                    out.push_str(", ");
                }
                out.push_str(&key(name));
                out.push_str(" = ");
                inline(out, value);
            }
            out.push_str(" }");
        }
        Value::Null => unreachable!("no field of a plan is written as null"),
    }
}

fn array(out: &mut String, items: &[Value]) {
    let items: Vec<String> = items
        .iter()
        .map(|item| {
            let mut text = String::new();
            inline(&mut text, item);
            text
        })
        .collect();
    let length: usize = items.iter().map(|item| item.len() + 2).sum();
    if length <= LINE_CHARS && !items.iter().any(|item| item.contains('\n')) {
        out.push_str(&format!("[{}]", items.join(", ")));
        return;
    }
    out.push_str("[\n");
    for item in items {
        // Not indented further: within a multi-line string every space counts.
        out.push_str(&format!("    {item},\n"));
    }
    out.push(']');
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) {
        return name.to_owned();
    }
    let mut quoted = String::new();
    basic(&mut quoted, name, false);
    quoted
}

fn string(out: &mut String, text: &str) {
    let literal = |c: char| !c.is_control() || c == '\n' || c == '\t';
    let lines = text.contains('\n');
    if lines && text.chars().all(literal) && !text.contains("'''") && !text.ends_with('\'') {
        out.push_str(&format!("'''\n{text}'''"));
    } else if lines {
        basic(out, text, true);
    } else if text.contains(['"', '\\']) && !text.contains('\'') && text.chars().all(literal) {
        out.push_str(&format!("'{text}'"));
    } else {
        basic(out, text, false);
    }
}

/// A string in double quotes with everything escaped that TOML or a reviewer's terminal could take
/// for something else.
fn basic(out: &mut String, text: &str, lines: bool) {
    out.push_str(if lines { "\"\"\"\n" } else { "\"" });
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' if lines => out.push('\n'),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push_str(if lines { "\"\"\"" } else { "\"" });
}
