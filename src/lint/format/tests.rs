//! Every form over texts that try to break out of it.

use super::{Form, render};
use crate::catalog::Catalog;
use crate::lint::input::Tool;
use crate::lint::{self, File, Knowledge, Options, Report, Rules};

/// A name that is markup in every form.
const HOSTILE: &str =
    "ALTER TABLE \"<b>`|*%0A::,]]>\n\u{7}\u{202e}\" ALTER COLUMN a SET NOT NULL;\nSELEC `|;\n";

fn report(path: &str, text: &str) -> Report {
    let file =
        File { path: path.into(), text: text.into(), tool: Tool::Sql, linted: true, problem: None };
    let options =
        Options { knowledge: Knowledge::Files, rules: Rules::default(), whole_folder: true };
    lint::check(vec![file], Catalog::assumed(18), &options)
}

fn hostile(form: Form) -> String {
    render(&report("a b/<x>,1:2.sql", HOSTILE), form)
}

#[test]
fn control_characters_do_not_reach_a_person() {
    for form in [Form::Terminal, Form::Markdown, Form::Junit] {
        let text = hostile(form);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(!text.contains(['\u{7}', '\x1b']), "{form:?}: {text}");
    }
    assert!(!hostile(Form::Terminal).contains('\u{202e}'));
}

#[test]
fn a_workflow_command_is_one_line_with_its_properties_escaped() {
    let text = hostile(Form::Github);
    for line in text.lines() {
        assert!(
            line.starts_with("::") && line.contains(" file=a b/<x>%2C1%3A2.sql,line="),
            "{line}"
        );
    }
    assert!(text.contains("line=3,endLine=3,col=1,endColumn=5"), "{text}");
}

#[test]
fn xml_and_markdown_keep_their_structure() {
    let xml = hostile(Form::Junit);
    assert!(!xml.contains("<b>") && !xml.contains("<x>") && !xml.contains("]]>"), "{xml}");
    let markdown = hostile(Form::Markdown);
    let outside = markdown.split("```").step_by(2).collect::<String>();
    assert!(!outside.contains("<b>\n"), "{markdown}");
    let table = markdown.lines().filter(|line| line.starts_with("| `"));
    for row in table {
        let columns = row.replace("\\|", "").matches('|').count();
        assert_eq!(columns, 6, "{row}");
    }
}

#[test]
fn sarif_places_count_characters_and_paths_are_references() {
    let text = render(&report("ü/x.sql", "SELECT 'ü'; SELEC;"), Form::Sarif);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let place = &value["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "%C3%BC/x.sql");
    assert_eq!(place["region"]["startColumn"], 13);
    assert_eq!(value["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn gitlab_tells_repeated_findings_apart() {
    let text = render(&report("x.sql", "SELEC;\nSELEC;\nSELEC;\n"), Form::Gitlab);
    let found: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut prints: Vec<&str> = found.iter().filter_map(|f| f["fingerprint"].as_str()).collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), 3);
}

#[test]
fn nothing_gives_an_empty_but_whole_document() {
    for form in [Form::Json, Form::Sarif, Form::Gitlab] {
        serde_json::from_str::<serde_json::Value>(&render(&report("x.sql", ""), form)).unwrap();
    }
    assert_eq!(render(&report("x.sql", ""), Form::Github), "");
    assert!(render(&report("x.sql", ""), Form::Terminal).contains("nothing hazardous"));
}
