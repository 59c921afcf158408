//! The shipped examples: `plans/` holds what `airlock plan` makes of `migrations/`. With
//! `AIRLOCK_UPDATE_DOCS=1` this test writes it.

use crate::project::Project;
use airlock::sandbox::{find_binaries, test_versions};
use std::path::Path;

/// The server version that the shipped plans are for: the one that Debian 12 comes with.
const MAJOR: u32 = 15;

#[test]
fn the_shipped_plans_are_current() {
    // Where that version is not to be had its plans cannot be made.
    if !test_versions().unwrap().contains(&MAJOR) {
        eprintln!("SKIPPED: no PostgreSQL {MAJOR} to make the shipped plans with");
        return;
    }
    let binaries = find_binaries().into_iter().find(|found| found.major == MAJOR).unwrap();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut project = Project::new();
    project.set("AIRLOCK_PG_BIN", binaries.dir.display().to_string());
    let mut migrations: Vec<String> = std::fs::read_dir(package.join("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    migrations.sort();
    assert!(!migrations.is_empty());
    for name in &migrations {
        let text = std::fs::read(package.join("migrations").join(name)).unwrap();
        project.write(&format!("migrations/{name}"), text);
    }
    let update = std::env::var_os("AIRLOCK_UPDATE_DOCS").is_some();
    for name in &migrations {
        let plan = format!("plans/{}", name.replace(".sql", ".toml"));
        project.run(&["plan", &format!("migrations/{name}")]).expect(0);
        if update {
            std::fs::create_dir_all(package.join("plans")).unwrap();
            std::fs::write(package.join(&plan), project.read(&plan)).unwrap();
        } else {
            let shipped = std::fs::read_to_string(package.join(&plan)).unwrap_or_default();
            assert!(
                shipped == project.read(&plan),
                "{plan} is stale: run with AIRLOCK_UPDATE_DOCS=1"
            );
        }
    }
    if !update {
        let shipped = std::fs::read_dir(package.join("plans")).unwrap().count();
        assert_eq!(shipped, migrations.len(), "plans/ has a plan of no migration");
    }
}
