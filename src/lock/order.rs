//! The one global order in which locks are requested: that in which an application's own statement
//! comes upon the relations. A query locks what it names first, then what that is made of: the tables
//! that a view reads, the children of a parent (`parserOpenTable`, `AcquireRewriteLocks` and
//! `expand_inherited_rtentry` in the server's sources). Whoever asks in another order deadlocks with
//! it sooner or later.

/// An SQL expression for the place of the relation whose oid is `oid` (an expression itself) in that
/// order: the length of the longest way down to it, from a parent to its child and from a view to what
/// it reads. Who asks sorts by this and then by name.
///
/// It is told from the database as it is, not from a plan: a partition may be newer than the plan.
/// Views can come to read each other in a circle by a rule that was made later; 64 steps are far more
/// than any way that ends.
pub fn depth(oid: &str) -> String {
    format!(
        "(WITH RECURSIVE way (oid, depth) AS ( \
            SELECT {oid}, 0 \
            UNION \
            SELECT above.oid, w.depth + 1 FROM way AS w CROSS JOIN LATERAL ( \
                SELECT i.inhparent AS oid FROM pg_catalog.pg_inherits AS i \
                WHERE i.inhrelid = w.oid \
                UNION ALL \
                SELECT r.ev_class FROM pg_catalog.pg_depend AS d \
                JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid AND r.ev_type = '1' \
                WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
                  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
                  AND d.refobjid = w.oid AND r.ev_class <> w.oid \
            ) AS above WHERE w.depth < 64 \
        ) SELECT pg_catalog.max(depth) FROM way)"
    )
}
