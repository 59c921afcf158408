//! `airlock explain`.

use crate::project::Project;

#[test]
fn the_list_and_the_pages_agree() {
    let project = Project::empty();
    let list = project.run(&["explain", "--format", "json"]).expect(0).json();
    let list = list["hazards"].as_array().unwrap();
    assert!(list.len() >= 60);
    for hazard in list {
        let code = hazard["code"].as_str().unwrap();
        let page = project.run(&["explain", code, "--format", "json"]).expect(0).json();
        for field in ["code", "name", "severity", "summary"] {
            assert_eq!(page[field], hazard[field], "{code}");
        }
        for field in ["effect", "remedy", "bad", "good", "source"] {
            assert!(!page[field].as_str().unwrap().is_empty(), "{code} {field}");
        }
    }
    let text = project.run(&["explain"]).expect(0).stdout;
    assert_eq!(text.lines().filter(|line| line.starts_with("AL")).count(), list.len());
}

#[test]
fn a_hazard_is_found_by_code_in_any_case_and_by_name() {
    let project = Project::empty();
    let by_code = project.run(&["explain", "al010"]).expect(0).stdout;
    let by_name = project.run(&["explain", "set-not-null-scans"]).expect(0).stdout;
    assert_eq!(by_code, by_name);
    assert!(by_code.contains("VALIDATE CONSTRAINT"), "{by_code}");
    let ran = project.run(&["explain", "set-not-nul-scans"]).expect(2);
    assert!(ran.stderr.contains("Did you mean set-not-null-scans?"), "{}", ran.stderr);
    project.run(&["explain", ""]).expect(2);
    project.run(&["explain", "a", "b"]).expect(2);
}
