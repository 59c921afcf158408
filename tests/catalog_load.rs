//! The catalog as it is read from real servers, checked against what the setup created.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock::catalog::{
    Catalog, ConstraintKind, DependantKind, Generated, Identity, Persistence, Relation,
    RelationKind, ReplicaIdentity, TypeDef, Volatility, load, load_relations,
};
use airlock::connect::Connection;
use airlock::sandbox::{Cluster, ClusterOptions, test_versions};
use airlock::sql::QualifiedName;

const WEIRD: &str = "we;rd \"name\"";

fn name(schema: &str, name: &str) -> QualifiedName {
    QualifiedName::new(schema, name)
}

fn relation<'a>(catalog: &'a Catalog, schema: &str, table: &str) -> &'a Relation {
    catalog.relation(&name(schema, table)).unwrap_or_else(|| panic!("{schema}.{table} is missing"))
}

fn cluster(major: u32) -> Cluster {
    Cluster::start(&ClusterOptions { major: Some(major), ..ClusterOptions::default() }).unwrap()
}

async fn rich(cluster: &Cluster, database: &str) -> Connection {
    let target = cluster.create_database(database, None).await.unwrap();
    let connection = target.connect("test").await.unwrap();
    connection.batch_execute(include_str!("catalog/rich.sql")).await.unwrap();
    if cluster.major() >= 15 {
        connection.batch_execute(include_str!("catalog/rich_15.sql")).await.unwrap();
    }
    if cluster.major() >= 18 {
        connection.batch_execute(include_str!("catalog/rich_18.sql")).await.unwrap();
    }
    connection
}

/// `(kind, name, columns)` of every dependant.
fn dependants(relation: &Relation) -> Vec<(DependantKind, &str, Vec<&str>)> {
    relation
        .dependants
        .iter()
        .map(|d| (d.kind, d.name.as_str(), d.columns.iter().map(String::as_str).collect()))
        .collect()
}

#[tokio::test]
async fn everything_is_read_on_every_version() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let connection = rich(&cluster, "rich").await;
        connection
            .batch_execute("SET search_path = nowhere, app, pg_catalog, public")
            .await
            .unwrap();
        let catalog = load(&connection).await.unwrap();
        server(&catalog, major);
        columns(&catalog);
        constraints(&catalog, major);
        indexes(&catalog);
        triggers_rules_and_policies(&catalog);
        partitions(&catalog);
        publications_and_statistics(&catalog, major);
        dependants_of_users(&catalog);
        hostile_names(&catalog, major);
        types_and_functions(&catalog);
        sizes(&catalog);
        if major >= 18 {
            newest(&catalog);
        }

        // The session is as it was, and a second look gives the same.
        let row = connection.query_one("SHOW search_path", &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "nowhere, app, pg_catalog, public");
        assert_eq!(load(&connection).await.unwrap(), catalog);
    }
}

fn server(catalog: &Catalog, major: u32) {
    let server = &catalog.server;
    assert_eq!(server.major(), major);
    assert_eq!(server.database, "rich");
    assert_eq!(server.search_path, ["app", "public"]);
    assert_eq!(server.settings["search_path"], "nowhere, app, pg_catalog, public");
    assert_eq!(server.settings["block_size"], "8192");
    assert_eq!(server.settings["default_table_access_method"], "heap");
    assert!(server.role.superuser && server.role.may_set_replication_role);
    assert!(catalog.schemas.contains("app") && catalog.schemas.contains(WEIRD));
    assert!(!catalog.schemas.contains("pg_catalog") && !catalog.schemas.contains("pg_toast"));
    assert!(catalog.extensions.contains("plpgsql"));
}

fn columns(catalog: &Catalog) {
    let users = relation(catalog, "app", "users");
    assert_eq!(users.kind, RelationKind::Table);
    assert_eq!((users.owner.as_str(), users.owned_by_us), ("postgres", true));
    assert_eq!(users.comment.as_deref(), Some("people"));
    assert_eq!(users.options, ["fillfactor=70"]);
    assert_eq!(users.access_method.as_deref(), Some("heap"));
    let privileges = users.privileges.as_ref().unwrap();
    assert!(privileges.contains(&"reader=r/postgres".to_owned()), "{privileges:?}");
    let seen: Vec<(i16, &str, &str, bool)> = users
        .columns
        .iter()
        .map(|c| (c.position, c.name.as_str(), c.type_name.as_str(), c.not_null))
        .collect();
    assert_eq!(
        seen,
        [
            (1, "id", "bigint", true),
            (2, "email", "app.email", false),
            (3, "name", "character varying(40)", false),
            (4, "moods", "app.mood[]", false),
            (5, "score", "numeric(10,2)", false),
            (6, "ticks", "integer", false),
            (7, "tocks", "integer", false),
            (9, "at", "timestamp(3) with time zone", true),
            (10, "twice", "numeric", false),
            (11, "serial", "integer", true),
        ]
    );
    assert_eq!(users.column("id").unwrap().identity, Some(Identity::Always));
    assert_eq!(users.column("email").unwrap().user_type, Some(name("app", "email")));
    assert_eq!(users.column("moods").unwrap().user_type, Some(name("app", "mood")));
    let named = users.column("name").unwrap();
    assert_eq!(named.collation, Some(name("app", "c")));
    assert_eq!((named.storage, named.compression.as_deref()), (Some('p'), Some("pglz")));
    assert_eq!(named.statistics_target, Some(7));
    assert_eq!(named.privileges, ["reader=w*/postgres"]);
    assert_eq!(named.comment.as_deref(), Some("what they're called"));
    assert_eq!(named.default.as_deref(), Some("'nobody'::character varying"));
    let score = users.column("score").unwrap();
    assert_eq!(score.options, ["n_distinct=-0.5"]);
    assert_eq!((&score.collation, score.storage, &score.compression), (&None, None, &None));
    let volatile: Vec<&str> = users
        .columns
        .iter()
        .filter(|column| column.default_is_volatile)
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(volatile, ["score", "ticks", "serial"]);
    let twice = users.column("twice").unwrap();
    assert_eq!(twice.default, None);
    let expression = "(score * (2)::numeric)".to_owned();
    assert_eq!(twice.generated, Some(Generated { expression, stored: true }));
    assert_eq!(relation(catalog, "app", "fast").persistence, Persistence::Unlogged);
    let sequence = relation(catalog, "app", "users_serial_seq");
    assert_eq!(sequence.owned_by, Some((name("app", "users"), "serial".to_owned())));
}

fn constraints(catalog: &Catalog, major: u32) {
    let users = relation(catalog, "app", "users");
    let later = users.constraint("later").unwrap();
    assert!(!later.validated);
    assert_eq!(later.definition, "CHECK ((ticks < 10))");
    assert_eq!(later.expression.as_deref(), Some("(ticks < 10)"));
    let positive = users.constraint("positive").unwrap();
    assert!(positive.validated && positive.no_inherit);
    assert_eq!(positive.columns, ["score", "ticks"]);
    assert_eq!(positive.comment.as_deref(), Some("why"));
    assert_eq!(users.primary_key().unwrap().index.as_deref(), Some("users_pkey"));
    let not_null = users.constraints.iter().filter(|c| c.kind == ConstraintKind::NotNull).count();
    assert_eq!(not_null, if major >= 18 { 3 } else { 0 });

    let orders = relation(catalog, WEIRD, "Order");
    let key = orders.constraint("f\"k").unwrap();
    assert_eq!(key.kind, ConstraintKind::ForeignKey);
    assert!(key.deferrable && key.initially_deferred && key.validated);
    assert_eq!(key.references, Some(name("app", "users")));
    assert_eq!(
        (key.columns.as_slice(), key.referenced_columns.as_slice()),
        (["user".to_owned()].as_slice(), ["id".to_owned()].as_slice())
    );
    assert_eq!(
        key.definition,
        "FOREIGN KEY (\"user\") REFERENCES app.users(id) ON DELETE CASCADE DEFERRABLE INITIALLY \
         DEFERRED"
    );
    // The copies that a foreign key keeps for each partition are no constraints of their own.
    let references: Vec<&str> =
        relation(catalog, "app", "refs").constraints.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(references, ["refs_d_t_fkey"]);
    let incoming: Vec<_> = catalog
        .incoming_foreign_keys(&users.name)
        .map(|(relation, constraint)| (relation.name.to_string(), constraint.name.as_str()))
        .collect();
    assert_eq!(incoming, [(orders.name.to_string(), "f\"k")]);
}

fn indexes(catalog: &Catalog) {
    let users = relation(catalog, "app", "users");
    let email = users.index("users_email").unwrap();
    assert_eq!(email.keys, [None, Some("name".to_owned())]);
    assert_eq!(email.include, ["at"]);
    assert_eq!(email.columns, ["email", "name", "ticks", "at"]);
    assert_eq!(email.predicate.as_deref(), Some("(ticks > 1)"));
    assert!(email.has_expressions && email.unique && !email.primary && email.valid && email.ready);
    assert_eq!(email.statistics_targets, [(1, 99)]);
    assert_eq!(email.comment.as_deref(), Some("fast"));
    assert_eq!(
        email.definition,
        "CREATE UNIQUE INDEX users_email ON app.users USING btree (lower((email)::text), name DESC \
         NULLS LAST) INCLUDE (at) WHERE (ticks > 1)"
    );
    let at = users.index("users_at").unwrap();
    assert!(at.is_replica_identity && at.is_clustered);
    assert_eq!(users.replica_identity, ReplicaIdentity::Index("users_at".to_owned()));
    assert_eq!(users.index("users_pkey").unwrap().constraint.as_deref(), Some("users_pkey"));
    let leaf = relation(catalog, "app", "events_2025_1");
    let note = leaf.index("events_2025_1_note_idx").unwrap();
    assert_eq!(note.parent, Some(name("app", "events_2025_note_idx")));
}

fn triggers_rules_and_policies(catalog: &Catalog) {
    let users = relation(catalog, "app", "users");
    let [touch, ours] = users.triggers.as_slice() else { panic!("{:?}", users.triggers) };
    assert_eq!((touch.name.as_str(), touch.enabled, touch.ours), ("touch", 'D', false));
    assert_eq!((touch.on_insert, touch.on_update, touch.on_delete), (false, true, false));
    assert!(touch.row && touch.before);
    assert_eq!(touch.function, name("app", "touch"));
    assert_eq!(touch.update_of, ["name", "score"]);
    assert_eq!(touch.columns, ["name", "score", "ticks"]);
    assert!(ours.ours && ours.on_insert && ours.on_delete && !ours.row && !ours.before);
    assert_eq!(users.rules, ["nothing"]);
    assert!(users.row_security && users.force_row_security);
    let [mine] = users.policies.as_slice() else { panic!("{:?}", users.policies) };
    assert_eq!(
        mine.definition,
        "CREATE POLICY mine ON app.users AS RESTRICTIVE FOR SELECT TO PUBLIC USING (((name)::text \
         = CURRENT_USER))"
    );
    assert_eq!(mine.columns, ["name"]);
    // A partition has the trigger of its parent, on every version.
    assert_eq!(relation(catalog, "app", "events_2025_1").triggers[0].name, "evt");
    assert!(relation(catalog, "app", "refs").triggers.is_empty());
}

fn partitions(catalog: &Catalog) {
    let events = relation(catalog, "app", "events");
    assert_eq!(events.kind, RelationKind::PartitionedTable);
    assert_eq!(events.partition_key.as_deref(), Some("RANGE (day)"));
    let leaves: Vec<&str> = catalog.leaves(events).iter().map(|r| r.name.name.as_str()).collect();
    assert_eq!(leaves, ["events_2024", "events_2025_1", "events_rest"]);
    assert!(events.empty && events.index_bytes == 6 * 8192);
    let leaf = relation(catalog, "app", "events_2025_1");
    assert_eq!(leaf.partition_bound.as_deref(), Some("FOR VALUES IN (1, 2)"));
    assert_eq!(leaf.parents, [name("app", "events_2025")]);
    assert!(leaf.columns.iter().all(|column| column.inherited));
    let hashed = relation(catalog, "app", "by_expr");
    assert_eq!(hashed.partition_key.as_deref(), Some("HASH (lower(b), a)"));
    assert_eq!(relation(catalog, "app", "child").parents, [name("app", "parent")]);
    let check = relation(catalog, "app", "child").constraint("parent_a_check").unwrap();
    assert!(check.inherited);
}

fn publications_and_statistics(catalog: &Catalog, major: u32) {
    let of = |table: &str| relation(catalog, "app", table).publications.clone();
    if major >= 15 {
        assert_eq!(of("users"), ["by_schema", "everything"]);
        assert_eq!(of("events_2025_1"), ["by_schema", "chosen", "everything"]);
    } else {
        assert_eq!(of("users"), ["everything"]);
        assert_eq!(of("events_2025_1"), ["chosen", "everything"]);
    }
    assert!(of("named").is_empty() && of("fast").is_empty());
    let [corr, expr] = relation(catalog, "app", "users").statistics.as_slice() else { panic!() };
    assert_eq!(corr.name, name("app", "corr"));
    assert_eq!((corr.target, corr.comment.as_deref()), (Some(50), Some("together")));
    assert_eq!(corr.columns, ["name", "score"]);
    assert_eq!(expr.columns, ["name", "ticks"]);
}

fn dependants_of_users(catalog: &Catalog) {
    use DependantKind::{
        ColumnDefault, ForeignKey, Function, GeneratedColumn, MaterializedView, Other, Policy,
        Sequence, View,
    };
    let order = "\"we;rd \"\"name\"\"\".\"Order\"";
    assert_eq!(
        dependants(relation(catalog, "app", "users")),
        [
            (View, "app.named", vec!["id", "name", "ticks"]),
            (MaterializedView, "app.\"Mat\"", vec![]),
            (Function, "app.body()", vec!["id"]),
            (Function, "app.takes(app.users)", vec![]),
            (Policy, &format!("policy elsewhere on {order}"), vec!["serial"]),
            (GeneratedColumn, "column app.users.twice", vec!["score"]),
            (ForeignKey, &format!("foreign key \"f\"\"k\" on {order}"), vec!["id"]),
            (Sequence, "app.users_id_seq", vec!["id"]),
            (Sequence, "app.users_serial_seq", vec!["serial"]),
            (Other, &format!("column whole of table {order}"), vec![]),
        ]
    );
    assert_eq!(
        dependants(relation(catalog, "app", "numbers")),
        [(ColumnDefault, format!("default of {order}.num").as_str(), vec![])]
    );
    assert_eq!(
        dependants(relation(catalog, "app", "named")),
        [(View, "\"we;rd \"\"name\"\"\".over", vec!["name"])]
    );
    let hashed = relation(catalog, "app", "by_expr");
    assert_eq!(
        dependants(hashed),
        [(DependantKind::PartitionKey, "partition key of app.by_expr", vec!["a", "b"])]
    );
}

fn hostile_names(catalog: &Catalog, major: u32) {
    let orders = relation(catalog, WEIRD, "Order");
    let names: Vec<&str> = orders.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "select",
            "Mixed Case",
            "größe",
            "sixty-three bytes of name that go right up to the very limit 63",
            "user",
            "num",
            "whole",
        ]
    );
    assert_eq!(orders.primary_key().unwrap().columns, ["select", "Mixed Case"]);
    assert_eq!(orders.column("whole").unwrap().user_type, Some(name("app", "users")));
    if major >= 15 {
        assert_eq!(orders.publications, ["everything", "narrow"]);
        let columns = vec!["Mixed Case", "größe", "select"];
        let expected = (DependantKind::Publication, "publication narrow", columns);
        assert!(dependants(orders).contains(&expected), "{:?}", dependants(orders));
    }
    let over = relation(catalog, WEIRD, "over");
    assert!(over.view_definition.as_ref().unwrap().contains("FROM app.named"));
}

fn types_and_functions(catalog: &Catalog) {
    let labels = ["sad", "it's ok", "Happy"].map(str::to_owned).to_vec();
    assert_eq!(catalog.types[&name("app", "mood")], TypeDef::Enum { labels });
    assert_eq!(
        catalog.types[&name("app", "email")],
        TypeDef::Domain {
            base: "text".to_owned(),
            not_null: true,
            default: Some("'a@b'::text".to_owned()),
            checks: vec!["has_at CHECK ((VALUE ~~ '%@%'::text))".to_owned()],
        }
    );
    assert_eq!(catalog.types[&name("app", "pair")], TypeDef::Composite);
    assert_eq!(catalog.types[&name("app", "span")], TypeDef::Range);
    assert!(!catalog.types.contains_key(&name("app", "users")), "row types are not listed");
    assert_eq!(relation(catalog, "app", "pair").kind, RelationKind::CompositeType);
    let of = |function: &str| {
        let [one] = catalog.functions[function].as_slice() else { panic!("{function}") };
        (one.schema.as_str(), one.volatility, one.language.as_str())
    };
    assert_eq!(of("tock"), ("app", Volatility::Stable, "sql"));
    assert_eq!(of("touch"), ("app", Volatility::Volatile, "plpgsql"));
    assert_eq!(of("gen_random_uuid"), ("pg_catalog", Volatility::Volatile, "internal"));
}

fn sizes(catalog: &Catalog) {
    assert!(catalog.sizes_known);
    let parent = relation(catalog, "app", "parent");
    assert_eq!((parent.empty, parent.table_bytes, parent.estimated_rows), (false, 8192, Some(100)));
    let users = relation(catalog, "app", "users");
    assert_eq!((users.empty, users.table_bytes, users.estimated_rows), (true, 0, None));
    assert!(!relation(catalog, "app", "named").empty, "a view holds no blocks, but is not empty");
}

fn newest(catalog: &Catalog) {
    let newest = relation(catalog, "app", "newest");
    let generated = newest.column("c").unwrap().generated.as_ref().unwrap();
    assert!(!generated.stored);
    assert!(!newest.column("b").unwrap().generated.as_ref().unwrap().stored);
    let given = newest.constraint("a_given").unwrap();
    assert_eq!((given.kind, given.validated), (ConstraintKind::NotNull, false));
    assert_eq!(
        (given.columns.as_slice(), given.definition.as_str()),
        (["a".to_owned()].as_slice(), "NOT NULL a")
    );
    assert!(!newest.column("a").unwrap().not_null, "rows that are there may hold NULL");
    assert_eq!(newest.constraint("loose").unwrap().definition, "CHECK ((a > 0)) NOT ENFORCED");
}

#[tokio::test]
async fn some_relations_are_read_as_in_the_whole() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let connection = rich(&cluster, "rich").await;
        let whole = load(&connection).await.unwrap();
        let wanted = [
            name(WEIRD, "Order"),
            name("app", "users"),
            name("app", "missing"),
            name("app", "named"),
        ];
        let some = load_relations(&connection, &wanted).await.unwrap();
        assert_eq!(some.relations.len(), 3);
        for (name, relation) in some.relations.iter() {
            assert_eq!(Some(relation), whole.relation(name));
        }
        assert_eq!((some.types, some.functions), (whole.types, whole.functions));
        // Of a partitioned table whose leaves were not asked for, emptiness is not known.
        let alone = load_relations(&connection, &[name("app", "events")]).await.unwrap();
        assert!(!relation(&alone, "app", "events").empty);
    }
}

#[tokio::test]
async fn a_role_without_rights_sees_the_same_structure() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let connection = rich(&cluster, "rich").await;
        let full = load(&connection).await.unwrap();
        connection.batch_execute("SET ROLE reader").await.unwrap();
        let seen = load(&connection).await.unwrap();
        let role = &seen.server.role;
        assert_eq!(role.name, "reader");
        assert!(!role.superuser && !role.may_set_replication_role && !role.may_create_schema);
        assert!(!role.may_read_all_stats);
        // No USAGE on the schema: names in it do not resolve.
        assert_eq!(seen.server.search_path, ["public"]);
        assert!(seen.relations.values().all(|relation| !relation.owned_by_us));
        let owned = |relation: &Relation| Relation { owned_by_us: true, ..relation.clone() };
        for (name, relation) in seen.relations.iter() {
            assert_eq!(owned(relation), full.relations[name], "{name}");
        }
    }
}

#[tokio::test]
async fn the_journal_and_temporary_tables_are_not_part_of_it() {
    for major in test_versions().unwrap() {
        let cluster = cluster(major);
        let connection = cluster.connect("postgres").await.unwrap();
        connection
            .batch_execute(
                "CREATE SCHEMA airlock; CREATE TABLE airlock.step (id integer);
                 CREATE TYPE airlock.phase AS ENUM ('expand'); CREATE TEMP TABLE t (id integer);
                 CREATE TABLE public.t (id integer)",
            )
            .await
            .unwrap();
        let catalog = load(&connection).await.unwrap();
        let names: Vec<String> = catalog.relations.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["public.t"]);
        assert!(catalog.types.is_empty());
        assert!(!catalog.schemas.contains("airlock"));
    }
}

#[tokio::test]
async fn a_broken_transaction_is_not_left_behind() {
    let cluster = cluster(test_versions().unwrap()[0]);
    let connection = cluster.connect("postgres").await.unwrap();
    connection.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let refused = load(&connection).await.unwrap_err();
    assert!(refused.message.starts_with("could not read the catalog"), "{refused}");
    connection.batch_execute("ROLLBACK").await.unwrap();
    load(&connection).await.unwrap();
    // Nothing is left open.
    connection.batch_execute("CREATE TABLE written (id integer)").await.unwrap();
}
