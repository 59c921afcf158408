//! The catalog as a plain value: what a statement can meet in a database.
//!
//! No I/O and no pg_query nodes. Expressions and definitions are kept as the server prints them
//! (`pg_get_expr`, `pg_get_constraintdef`, `pg_get_indexdef`, `format_type`).

use super::ForeignServer;
use super::publication::Published;
use super::relations::Relations;
use super::routine::Function;
use super::sequence::Sequence;
use super::user_code::UserCode;
use crate::sql::QualifiedName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a plan may rely on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Catalog {
    pub server: Server,
    /// False when the catalog comes from a replay of migrations: then no size and no emptiness in
    /// it says anything about the real tables.
    pub sizes_known: bool,
    /// True when it comes from files alone: what is not in it may exist all the same.
    #[serde(default)]
    pub assumed: bool,
    pub schemas: BTreeSet<String>,
    pub relations: Relations,
    /// Types that are not built in: enums, domains, composites, ranges.
    pub types: BTreeMap<QualifiedName, TypeDef>,
    /// Every function that can be called, `pg_catalog` included, by bare name.
    pub functions: BTreeMap<String, Vec<Function>>,
    pub extensions: BTreeSet<String>,
    /// What they brought, by extension. Missing for one that the catalog only knows by its name: it
    /// was made by a statement, and its script is not known.
    #[serde(default)]
    pub extension_members: BTreeMap<String, ExtensionMembers>,
    /// Foreign servers by name. `None` when nobody has looked for them.
    #[serde(default)]
    pub foreign_servers: Option<BTreeMap<String, ForeignServer>>,
    /// Somebody has made casts beside those of the server, an extension perhaps.
    #[serde(default)]
    pub user_casts: bool,
    #[serde(default, skip_serializing_if = "UserCode::is_empty")]
    pub user_code: UserCode,
}

/// What belongs to an extension (`pg_depend.deptype = 'e'`), as far as relations care.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ExtensionMembers {
    pub relations: BTreeSet<QualifiedName>,
    pub types: BTreeSet<QualifiedName>,
    /// Whether anything that is no member depends on a member: `DROP … CASCADE` takes that along.
    pub needed: bool,
}

/// The server, and the role that looks at it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Server {
    /// `server_version_num`, for example 150018.
    pub version_num: u32,
    pub database: String,
    /// The effective `search_path`, `pg_catalog` and temporary schemas left out.
    pub search_path: Vec<String>,
    /// Settings that change what a statement does or how long it may wait, as `SHOW` prints them.
    pub settings: BTreeMap<String, String>,
    pub role: Role,
}

impl Server {
    /// The major version: 15 for 150018.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// What the connected role may do, as far as the engine needs to know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub superuser: bool,
    /// May `SET session_replication_role` (superuser, or granted on 15 and later).
    pub may_set_replication_role: bool,
    /// `CREATE` on the database, which creating schema `airlock` needs.
    pub may_create_schema: bool,
    /// Member of `pg_read_all_stats`: sees the age and query of other roles' transactions.
    pub may_read_all_stats: bool,
    #[serde(default)]
    pub bypasses_row_security: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationKind {
    Table,
    PartitionedTable,
    View,
    MaterializedView,
    ForeignTable,
    Sequence,
    CompositeType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Persistence {
    #[default]
    Permanent,
    Unlogged,
    Temporary,
}

/// A table, view, sequence or anything else in `pg_class` but indexes, which hang on their table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    pub name: QualifiedName,
    pub kind: RelationKind,
    pub owner: String,
    /// Whether the connected role is, or is a member of, the owner.
    pub owned_by_us: bool,
    pub persistence: Persistence,
    /// Live rows as the planner estimates them; `None` when never analyzed.
    pub estimated_rows: Option<u64>,
    /// Main fork plus TOAST, bytes; of all leaves for a partitioned table, as this and the next two.
    pub table_bytes: u64,
    /// All indexes, bytes.
    pub index_bytes: u64,
    /// The main fork holds no block: the table is certainly empty.
    pub empty: bool,
    /// Created by the migration that is being planned: nobody else can be using it.
    pub created_here: bool,
    /// Known by name alone, because a file names it: what is missing here may exist all the same.
    #[serde(default)]
    pub assumed: bool,
    /// In order of their position; dropped ones are left out.
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    pub indexes: Vec<Index>,
    pub triggers: Vec<Trigger>,
    pub rules: Vec<String>,
    pub policies: Vec<Policy>,
    pub row_security: bool,
    pub force_row_security: bool,
    pub replica_identity: ReplicaIdentity,
    /// Publications that contain the relation, by `FOR ALL TABLES` and schema too.
    pub publications: Vec<String>,
    /// One of them publishes updates; deletes.
    #[serde(default)]
    pub publishes_updates: bool,
    #[serde(default)]
    pub publishes_deletes: bool,
    /// What publications say of the relation alone: columns, rows.
    #[serde(default)]
    pub published: Vec<Published>,
    /// Extended statistics objects.
    pub statistics: Vec<StatisticsObject>,
    /// `relacl` as text items; `None` for the default privileges.
    pub privileges: Option<Vec<String>>,
    /// `reloptions`.
    pub options: Vec<String>,
    pub comment: Option<String>,
    pub access_method: Option<String>,
    pub tablespace: Option<String>,
    /// Table inheritance parents, or the partitioned table that this is a partition of.
    pub parents: Vec<QualifiedName>,
    pub children: Vec<QualifiedName>,
    /// `FOR VALUES …` or `DEFAULT`, for a partition.
    pub partition_bound: Option<String>,
    /// `pg_get_partkeydef`, for a partitioned table.
    pub partition_key: Option<String>,
    /// Query of a view or materialized view, as `pg_get_viewdef` prints it.
    pub view_definition: Option<String>,
    /// For a materialized view: it was never filled, and cannot be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpopulated: bool,
    /// Objects outside the relation that would stop or follow a change of it: views, functions,
    /// policies of other tables, generated columns, and so on, from `pg_depend`.
    pub dependants: Vec<Dependant>,
    /// For a sequence: `table.column` that owns it.
    pub owned_by: Option<(QualifiedName, String)>,
    /// For a sequence: it is the one of an identity column, not merely owned by the column.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_identity: bool,
    /// For a sequence: where it stands. `None` when that is not known.
    #[serde(default)]
    pub sequence: Option<Sequence>,
}

impl Relation {
    /// A permanent relation of `kind` with nothing in it and nothing known of it.
    pub fn new(name: QualifiedName, kind: RelationKind) -> Self {
        Self {
            name,
            kind,
            owner: String::new(),
            owned_by_us: true,
            persistence: Persistence::Permanent,
            estimated_rows: None,
            table_bytes: 0,
            index_bytes: 0,
            empty: false,
            created_here: false,
            assumed: false,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            rules: Vec::new(),
            policies: Vec::new(),
            row_security: false,
            force_row_security: false,
            replica_identity: ReplicaIdentity::Default,
            publications: Vec::new(),
            publishes_updates: false,
            publishes_deletes: false,
            published: Vec::new(),
            statistics: Vec::new(),
            privileges: None,
            options: Vec::new(),
            comment: None,
            access_method: None,
            tablespace: None,
            parents: Vec::new(),
            children: Vec::new(),
            partition_bound: None,
            partition_key: None,
            view_definition: None,
            dependants: Vec::new(),
            owned_by: None,
            of_identity: false,
            unpopulated: false,
            sequence: None,
        }
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn constraint(&self, name: &str) -> Option<&Constraint> {
        self.constraints.iter().find(|constraint| constraint.name == name)
    }

    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)
    }

    /// Whether `column` cannot hold NULL: marked so, or part of the primary key.
    pub fn is_not_null(&self, column: &str) -> bool {
        self.column(column).is_some_and(|column| column.not_null)
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// `attnum`, 1 for the first; columns added by the migration go on counting.
    pub position: i16,
    /// `format_type`, for example `character varying(10)` or `"My Schema".mood[]`.
    pub type_name: String,
    /// Schema-qualified name of the domain or enum, when the type is not built in.
    pub user_type: Option<QualifiedName>,
    /// No row holds NULL. False as long as the constraint is `NOT VALID` (18), although NULL is
    /// refused for new rows then.
    pub not_null: bool,
    /// The default expression as `pg_get_expr` prints it; `None` for generated columns.
    pub default: Option<String>,
    /// The default calls a volatile function.
    pub default_is_volatile: bool,
    pub generated: Option<Generated>,
    pub identity: Option<Identity>,
    /// Only when it is not the collation of the type.
    pub collation: Option<QualifiedName>,
    /// `attstorage`: `p`, `e`, `m` or `x`, only when it is not the type's own.
    pub storage: Option<char>,
    /// `attcompression`: `pglz` or `lz4`, when set.
    pub compression: Option<String>,
    /// `attstattarget` when set.
    pub statistics_target: Option<i32>,
    /// The documented `attoptions` (`n_distinct`, `n_distinct_inherited`).
    pub options: Vec<String>,
    /// `attacl` as text items.
    pub privileges: Vec<String>,
    pub comment: Option<String>,
    /// Inherited from a parent (`attinhcount > 0`).
    pub inherited: bool,
    /// Inherited and a column of its own all the same (`attislocal`), as after `ALTER TABLE … INHERIT`.
    #[serde(default)]
    pub own_too: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    pub expression: String,
    /// True for `STORED`, false for `VIRTUAL` (18).
    pub stored: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    Always,
    ByDefault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConstraintKind {
    Check,
    /// Only in `pg_constraint` on 18 and later; before, `Column::not_null` alone tells.
    NotNull,
    ForeignKey,
    PrimaryKey,
    Unique,
    Exclude,
    Trigger,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    pub name: String,
    pub kind: ConstraintKind,
    /// Constrained columns in key order (for a check: every column it reads).
    pub columns: Vec<String>,
    /// `pg_get_constraintdef`, without `NOT VALID`.
    pub definition: String,
    /// The checked expression, for a check constraint.
    pub expression: Option<String>,
    pub validated: bool,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub no_inherit: bool,
    /// For a foreign key: the table it points to.
    pub references: Option<QualifiedName>,
    /// For a foreign key: the columns it points to, in key order.
    pub referenced_columns: Vec<String>,
    /// Index behind a primary key, unique or exclusion constraint; for a foreign key the index of
    /// the referenced key.
    pub index: Option<String>,
    pub comment: Option<String>,
    /// Came from a parent (`coninhcount > 0`).
    pub inherited: bool,
    /// And is the table's own beside that (`conislocal`).
    #[serde(default)]
    pub own_too: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub name: String,
    /// `pg_get_indexdef`: the complete statement.
    pub definition: String,
    pub method: String,
    /// Key columns in order; `None` where the key is an expression.
    pub keys: Vec<Option<String>>,
    /// `INCLUDE` columns.
    pub include: Vec<String>,
    /// Every column that keys, expressions, INCLUDE or predicate read.
    pub columns: Vec<String>,
    pub predicate: Option<String>,
    pub has_expressions: bool,
    pub unique: bool,
    pub primary: bool,
    /// `indisvalid`.
    pub valid: bool,
    pub ready: bool,
    pub is_replica_identity: bool,
    pub is_clustered: bool,
    /// Constraint that owns it.
    pub constraint: Option<String>,
    /// Index of a partitioned table that it is attached to.
    pub parent: Option<QualifiedName>,
    pub bytes: u64,
    pub comment: Option<String>,
    /// Statistics targets set on expression columns, by position from 1.
    pub statistics_targets: Vec<(i16, i32)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    pub name: String,
    /// `pg_get_triggerdef`.
    pub definition: String,
    /// `tgenabled`: `O` origin, `D` disabled, `R` replica, `A` always.
    pub enabled: char,
    pub function: QualifiedName,
    pub on_insert: bool,
    pub on_update: bool,
    pub on_delete: bool,
    pub row: bool,
    pub before: bool,
    /// `UPDATE OF` columns.
    pub update_of: Vec<String>,
    /// Every column that the definition itself depends on (`UPDATE OF`, `WHEN`).
    pub columns: Vec<String>,
    /// Made by airlock.
    pub ours: bool,
    #[serde(default)]
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub name: String,
    pub definition: String,
    pub columns: Vec<String>,
    #[serde(default)]
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplicaIdentity {
    #[default]
    Default,
    Nothing,
    Full,
    Index(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatisticsObject {
    pub name: QualifiedName,
    /// `pg_get_statisticsobjdef`.
    pub definition: String,
    pub columns: Vec<String>,
    pub target: Option<i32>,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependantKind {
    View,
    MaterializedView,
    Function,
    Policy,
    GeneratedColumn,
    ColumnDefault,
    Trigger,
    Rule,
    /// A foreign key of another table that points here.
    ForeignKey,
    Publication,
    Sequence,
    PartitionKey,
    Other,
}

/// Something outside the relation itself that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependant {
    pub kind: DependantKind,
    /// As a person would name it, quoted: `public.active_users`, `policy p on public.t`.
    pub name: String,
    /// The relation that it is or belongs to, where it has one.
    pub relation: Option<QualifiedName>,
    /// Columns of the relation that it reads; empty when it hangs on the relation as a whole.
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TypeDef {
    Enum { labels: Vec<String> },
    Domain { base: String, not_null: bool, default: Option<String>, checks: Vec<String> },
    Composite,
    Range,
    Other,
}
