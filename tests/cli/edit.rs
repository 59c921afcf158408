//! `edit`: the editor gets the file, and what it leaves is checked.

use crate::project::Project;

/// A project with two revisions, and the program with this editor.
fn edit(project: &Project, editor: &str, target: &str, code: i32) -> (String, String) {
    let mut command = project.command(&["edit", target]);
    command.env_remove("VISUAL").env("EDITOR", editor);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    (stdout, stderr)
}

#[test]
fn what_the_editor_leaves_is_checked() {
    let project = Project::new();
    project.revision("aaaa", "none", "CREATE TABLE a (id int);");
    project.revision("bbbb", "aaaa", "CREATE TABLE b (id int);");
    project.run(&["sum"]).expect(0);
    let sum = project.read("migrations/airlock.sum");
    let (said, _) = edit(&project, "true", "aa", 0);
    assert_eq!(said, "migrations/aaaa.sql was not changed\n");
    let (said, _) = edit(&project, "sed -i 's/id int/id bigint/'", "head", 0);
    assert_eq!(said, "migrations/bbbb.sql is a valid revision\n");
    assert!(project.read("migrations/bbbb.sql").contains("id bigint"));
    assert_eq!(project.read("migrations/airlock.sum"), sum);
    // The header says something else: so does airlock.sum.
    edit(&project, "sed -i 's/^-- parents: aaaa/-- parents: none/'", "bbbb", 0);
    assert!(project.read("migrations/airlock.sum").contains("\nbbbb none\n"));
    project.run(&["sum", "--check"]).expect(0);
    // A mistake is shown with its place, and the file is opened again by its path.
    let (_, said) = edit(&project, "sed -i 's/CREATE TABLE b/CREATE TABEL b/'", "bbbb", 2);
    assert!(said.contains("migrations/bbbb.sql:7"), "{said}");
    edit(&project, "sed -i 's/TABEL/TABLE/'", "bbbb", 0);
    edit(&project, "sed -i 's/^-- message/-- massage/'", "bbbb", 2);
    edit(&project, "true", "bbbb", 2);
    edit(&project, "sed -i 's/^-- massage/-- message/'", "migrations/bbbb.sql", 0);
    // An editor that fails, one that is not there, a target that is none.
    let (_, said) = edit(&project, "false", "bbbb", 1);
    assert!(said.contains("the editor `false` failed"), "{said}");
    edit(&project, "nonesuch-editor", "bbbb", 1);
    edit(&project, "true", "nonesuch", 2);
}
