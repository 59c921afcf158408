//! Migrations planned against catalogs that are made from SQL, without a server.

use airlock::analyze::analyze;
use airlock::catalog::{Catalog, Dependant, DependantKind, Function, Volatility};
use airlock::hazard::{Checker, Options};
use airlock::plan::{Plan, PlannedRevision};
use airlock::report::estimate::Speed;
use airlock::report::review::{Remark, Review, Subject};
use airlock::report::{html, markdown};
use airlock::rewrite;
use airlock::sql::{QualifiedName, canonical, parse};

pub struct Sample {
    plans: Vec<Plan>,
    catalog: Catalog,
    speed: Speed,
    remarks: Vec<Vec<Remark>>,
    migrations: Vec<String>,
}

const SHOP: &str = "
CREATE TABLE countries (code text PRIMARY KEY);
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL, first_name text NOT NULL,
    last_name text NOT NULL, phone text, country text, last_seen timestamptz, note varchar(40));
CREATE INDEX customers_phone_idx ON customers (phone);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, note text);
";

const MIGRATION: &str = "
ALTER TABLE customers ADD COLUMN status text;
UPDATE customers SET status = CASE WHEN country = 'NO' THEN 'home' ELSE 'abroad' END;
ALTER TABLE customers ALTER COLUMN status SET NOT NULL;
CREATE INDEX customers_country_idx ON customers (country);
ALTER TABLE orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers (id);
ALTER TABLE customers DROP COLUMN last_name;
";

const HOSTILE: &str = r#"
CREATE TABLE "</script><img src=x onerror=alert(1)>" (id bigint PRIMARY KEY, "a|b`c*d" text, "<b>" text);
"#;

const HOSTILE_MIGRATION: &str = r#"
ALTER TABLE "</script><img src=x onerror=alert(1)>" /* </script><script src="http://evil/x.js"></script>
  ``` @everyone [x](http://evil) </style></pre><!-- */ ALTER COLUMN "a|b`c*d" SET NOT NULL;
CREATE INDEX "<img src=http://evil/>" ON "</script><img src=x onerror=alert(1)>" ("<b>");
"#;

impl Sample {
    /// Large tables, everything that hangs on one of them, six statements.
    pub fn shop() -> Self {
        let mut catalog = catalog(SHOP);
        let sizes = [("customers", 42_000_000, 8 << 30), ("orders", 310_000_000, 31 << 30)];
        for (name, rows, bytes) in sizes {
            let relation = catalog.relations.get_mut(&QualifiedName::new("public", name)).unwrap();
            relation.estimated_rows = Some(rows);
            relation.table_bytes = bytes;
            relation.index_bytes = bytes / 4;
            relation.empty = false;
        }
        let customers = QualifiedName::new("public", "customers");
        let dependants = [
            (DependantKind::View, "public.active_customers", &["email", "last_seen"][..]),
            (DependantKind::MaterializedView, "public.by_country", &["country"]),
            (DependantKind::Function, "public.greeting(public.customers)", &[]),
            (DependantKind::Policy, "policy own_orders on public.orders", &["id"]),
            (DependantKind::Publication, "everything", &[]),
        ];
        let relation = catalog.relations.get_mut(&customers).unwrap();
        relation.dependants = dependants
            .into_iter()
            .map(|(kind, name, columns)| Dependant {
                kind,
                name: name.to_owned(),
                relation: None,
                columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            })
            .collect();
        Self::new(
            catalog,
            &[("every customer has a status, and one country to live in", MIGRATION)],
        )
    }

    /// Names and comments that want to be markup.
    pub fn hostile() -> Self {
        let mut catalog = catalog(HOSTILE);
        for relation in catalog.relations.values_mut() {
            relation.estimated_rows = Some(7_000_000);
            relation.table_bytes = 3 << 30;
            relation.empty = false;
            relation.dependants = vec![Dependant {
                kind: DependantKind::View,
                name: "public.\"<script>alert(2)</script>\"".to_owned(),
                relation: None,
                columns: vec!["<b>".to_owned()],
            }];
        }
        let message =
            "</title><script>alert(3)</script> @everyone \u{202e}\u{7} <img src=http://evil>";
        Self::new(catalog, &[(message, HOSTILE_MIGRATION)])
    }

    /// Two migrations on one page.
    pub fn two() -> Self {
        let mut shop = Self::shop();
        let second = "ALTER TABLE orders ADD COLUMN paid boolean NOT NULL DEFAULT false;";
        shop.add("orders know whether they are paid", second);
        shop
    }

    fn new(catalog: Catalog, migrations: &[(&str, &str)]) -> Self {
        let mut sample = Self {
            plans: Vec::new(),
            catalog,
            speed: Speed::default(),
            remarks: Vec::new(),
            migrations: Vec::new(),
        };
        for (message, sql) in migrations {
            sample.add(message, sql);
        }
        sample
    }

    fn add(&mut self, message: &str, sql: &str) {
        let script = parse(sql, 0..sql.len()).unwrap();
        let revision = PlannedRevision {
            id: format!("5a3e0c5d7e{:02}", self.plans.len() + 1),
            parents: Vec::new(),
            message: message.to_owned(),
            digest: canonical::digest(&script),
        };
        let plan = rewrite::plan(&script, &self.catalog, revision, &rewrite::Options::default());
        self.plans.push(plan.unwrap_or_else(|error| panic!("{:?}", error.diagnostics())));
        self.remarks.push(remarks(sql, self.catalog.clone()));
        self.migrations.push(sql.to_owned());
    }

    pub fn without_sizes(mut self) -> Self {
        self.catalog.sizes_known = false;
        let migrations = self.migrations.iter();
        self.remarks = migrations.map(|sql| remarks(sql, self.catalog.clone())).collect();
        self
    }

    pub fn with_speed(mut self, speed: Speed) -> Self {
        self.speed = speed;
        self
    }

    pub fn html(&self) -> String {
        html::page(&self.reviews())
    }

    pub fn markdown(&self) -> String {
        markdown::page(&self.reviews())
    }

    fn reviews(&self) -> Vec<Review<'_>> {
        let subjects = self.plans.iter().zip(&self.remarks);
        subjects
            .map(|(plan, remarks)| {
                let catalog = Some(&self.catalog);
                Review::new(Subject { plan, catalog, speed: self.speed, remarks })
            })
            .collect()
    }
}

fn remarks(sql: &str, mut catalog: Catalog) -> Vec<Remark> {
    let mut checker = Checker::new(Options::default());
    let mut found = Vec::new();
    for statement in parse(sql, 0..sql.len()).unwrap().statements {
        let impact = analyze(&statement, &catalog).unwrap();
        found.extend(checker.statement(&statement, &catalog, &impact));
        catalog.apply(&statement);
    }
    found.extend(checker.end(&catalog));
    let remark = |finding: airlock::hazard::Finding| Remark {
        hazard: finding.hazard,
        severity: finding.hazard.severity,
        statement: finding.statement,
        message: finding.message,
        remedy: finding.remedy,
        allowed: None,
    };
    found.into_iter().map(remark).collect()
}

/// The tables of `sql`, as a database that has been in use for a while.
fn catalog(sql: &str) -> Catalog {
    let mut catalog = Catalog { sizes_known: true, ..Catalog::default() };
    catalog.server.version_num = 180_000;
    catalog.server.role.name = "me".to_owned();
    catalog.server.search_path = vec!["public".to_owned()];
    catalog.schemas.insert("public".to_owned());
    let now = Function {
        schema: "pg_catalog".to_owned(),
        arguments: String::new(),
        volatility: Volatility::Stable,
        language: "internal".to_owned(),
        defaults: None,
        routine: None,
    };
    catalog.functions.insert("now".to_owned(), vec![now]);
    for statement in parse(sql, 0..sql.len()).unwrap().statements {
        analyze(&statement, &catalog).unwrap();
        catalog.apply(&statement);
    }
    for relation in catalog.relations.values_mut() {
        relation.created_here = false;
        relation.owned_by_us = true;
        relation.empty = false;
        relation.table_bytes = 16 << 10;
        relation.estimated_rows = Some(249);
    }
    catalog
}
