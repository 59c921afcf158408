//! The canonical form of a migration and its digest: comments and layout do not change it.

use super::{Script, deparse};
use sha2::{Digest, Sha256};

/// SHA-256, lower-case hexadecimal, over the deparsed statements and their directives.
///
/// Every part is hashed with its length in front, so that no two scripts share a byte stream.
pub fn digest(script: &Script) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    for statement in &script.statements {
        // Inside a function's body line ends are kept, but a checkout may have changed them.
        part(&deparse::statement(&statement.node).replace("\r\n", "\n"));
        for directive in statement.directives.iter().filter(|d| d.kind.matters_to_plan()) {
            let kind = serde_json::to_string(&directive.kind.canonical())
                .expect("a directive has no keys that JSON lacks");
            part(&kind);
        }
        part("");
    }
    hex(&hash.finalize())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::digest;
    use crate::sql::parse;

    fn of(sql: &str) -> String {
        digest(&parse(sql, 0..sql.len()).unwrap())
    }

    #[test]
    fn layout_and_comments_do_not_matter_but_meaning_does() {
        let plain = of("UPDATE t SET a = 1;");
        assert_eq!(plain, of("-- why\nupdate  T\n set a=1 /* x */"));
        assert_ne!(plain, of("UPDATE t SET a = 2;"));
        assert_ne!(plain, of("UPDATE \"T\" SET a = 1;"));
        assert_ne!(plain, of("UPDATE t SET a = 1; UPDATE t SET a = 1;"));
        assert_ne!(of("SELECT 'a'"), of("SELECT 'b'"));
    }

    #[test]
    fn directives_matter_but_not_their_layout() {
        let with = |comment: &str| of(&format!("{comment}\nALTER TABLE t ADD c int NOT NULL;"));
        let one = with("-- airlock: backfill t.c = a+1");
        assert_eq!(one, with("/* airlock:   backfill  T.c=a + 1 */"));
        assert_ne!(one, with("-- airlock: backfill t.c = a + 2"));
        assert_ne!(one, with("-- an ordinary comment"));
    }
}
