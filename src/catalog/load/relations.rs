//! Rows into relations and their columns. Knows the queries' column names, sends nothing.

use crate::catalog::{
    Catalog, Column, Generated, Identity, Persistence, Relation, RelationKind, ReplicaIdentity,
    volatility,
};
use crate::sql::QualifiedName;
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::Row;

/// The relations read so far, by OID.
pub(super) struct Loaded {
    relations: HashMap<u32, Relation>,
}

/// Schema and name from two columns, when there is something in them.
pub(super) fn qualified(row: &Row, schema: &str, name: &str) -> Option<QualifiedName> {
    let schema: Option<String> = row.get(schema);
    let name: Option<String> = row.get(name);
    Some(QualifiedName::new(schema?, name?))
}

/// One of the model's letters (`"char"` columns are read as text).
pub(super) fn letter(row: &Row, column: &str) -> Option<char> {
    row.get::<_, Option<&str>>(column).and_then(|text| text.chars().next())
}

pub(super) fn bytes(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

impl Loaded {
    pub(super) fn new(rows: &[Row]) -> Self {
        let relations = rows.iter().map(|row| (row.get("oid"), relation(row))).collect();
        Self { relations }
    }

    /// The relation that a row of another query belongs to.
    pub(super) fn of(&mut self, row: &Row, column: &str) -> Option<&mut Relation> {
        self.relations.get_mut(&row.get::<_, u32>(column))
    }

    pub(super) fn columns(&mut self, rows: &[Row], catalog: &Catalog) {
        let mut volatile: HashMap<String, bool> = HashMap::new();
        for row in rows {
            let Some(relation) = self.relations.get_mut(&row.get::<_, u32>("relation")) else {
                continue;
            };
            let mut column = column(row);
            if let Some(default) = &column.default {
                column.default_is_volatile = match volatile.get(default) {
                    Some(known) => *known,
                    None => {
                        let found = volatility::text_is_volatile(default, catalog);
                        volatile.insert(default.clone(), found);
                        found
                    }
                };
            }
            relation.columns.push(column);
        }
        for relation in self.relations.values_mut() {
            relation.columns.sort_unstable_by_key(|column| column.position);
        }
    }

    pub(super) fn inheritance(&mut self, rows: &[Row]) {
        for row in rows {
            let parent = qualified(row, "parent_schema", "parent_name");
            let child = qualified(row, "child_schema", "child_name");
            let (Some(parent), Some(child)) = (parent, child) else { continue };
            if let Some(relation) = self.of(row, "child") {
                relation.parents.push(parent);
            }
            if let Some(relation) = self.of(row, "parent") {
                relation.children.push(child);
            }
        }
    }

    /// The model's map. A partitioned table gets the sums of its leaves, as far as all are here.
    pub(super) fn finish(self) -> BTreeMap<QualifiedName, Relation> {
        let mut relations: BTreeMap<QualifiedName, Relation> = self
            .relations
            .into_values()
            .map(|mut relation| {
                sort_members(&mut relation);
                relation.index_bytes = relation.indexes.iter().map(|index| index.bytes).sum();
                (relation.name.clone(), relation)
            })
            .collect();
        let partitioned: Vec<QualifiedName> = relations
            .values()
            .filter(|relation| relation.kind == RelationKind::PartitionedTable)
            .map(|relation| relation.name.clone())
            .collect();
        for name in partitioned {
            let total = Total::of(&relations, &name);
            if let Some(relation) = relations.get_mut(&name) {
                relation.table_bytes = total.table_bytes;
                relation.index_bytes = total.index_bytes;
                relation.empty = total.empty;
                relation.estimated_rows = relation.estimated_rows.or(total.rows);
            }
        }
        relations
    }
}

/// Brings everything but the columns, and the parents, whose order means something, into the order
/// of names.
fn sort_members(relation: &mut Relation) {
    relation.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    relation.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    relation.triggers.sort_by(|a, b| a.name.cmp(&b.name));
    relation.policies.sort_by(|a, b| a.name.cmp(&b.name));
    relation.statistics.sort_by(|a, b| a.name.cmp(&b.name));
    relation.rules.sort();
    relation.publications.sort();
    relation.published.sort();
    relation.children.sort();
    relation.dependants.sort();
}

/// What the leaves of a partitioned table hold together.
struct Total {
    table_bytes: u64,
    index_bytes: u64,
    rows: Option<u64>,
    empty: bool,
}

impl Total {
    fn of(relations: &BTreeMap<QualifiedName, Relation>, name: &QualifiedName) -> Self {
        let Some(relation) = relations.get(name) else {
            // Not loaded, so nothing is known of it.
            return Self { table_bytes: 0, index_bytes: 0, rows: None, empty: false };
        };
        if relation.kind != RelationKind::PartitionedTable {
            return Self {
                table_bytes: relation.table_bytes,
                index_bytes: relation.index_bytes,
                rows: relation.estimated_rows,
                empty: relation.empty,
            };
        }
        let start = Self { table_bytes: 0, index_bytes: 0, rows: Some(0), empty: true };
        relation.children.iter().map(|child| Self::of(relations, child)).fold(start, |sum, leaf| {
            Self {
                table_bytes: sum.table_bytes + leaf.table_bytes,
                index_bytes: sum.index_bytes + leaf.index_bytes,
                rows: sum.rows.zip(leaf.rows).map(|(a, b)| a + b),
                empty: sum.empty && leaf.empty,
            }
        })
    }
}

fn relation(row: &Row) -> Relation {
    let main_bytes: Option<i64> = row.get("main_bytes");
    let mut options: Vec<String> = row.get::<_, Option<_>>("options").unwrap_or_default();
    options.extend(row.get::<_, Option<Vec<String>>>("toast_options").unwrap_or_default());
    Relation {
        name: QualifiedName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")),
        kind: match row.get::<_, &str>("kind") {
            "p" => RelationKind::PartitionedTable,
            "v" => RelationKind::View,
            "m" => RelationKind::MaterializedView,
            "f" => RelationKind::ForeignTable,
            "S" => RelationKind::Sequence,
            "c" => RelationKind::CompositeType,
            _ => RelationKind::Table,
        },
        owner: row.get("owner"),
        owned_by_us: row.get("owned_by_us"),
        persistence: match row.get::<_, &str>("persistence") {
            "u" => Persistence::Unlogged,
            "t" => Persistence::Temporary,
            _ => Persistence::Permanent,
        },
        // A float in the catalog; the fraction means nothing.
        estimated_rows: row
            .get::<_, Option<f64>>("estimated_rows")
            .filter(|rows| *rows >= 0.0)
            .map(|rows| rows as u64),
        table_bytes: bytes(main_bytes.unwrap_or(0) + row.get::<_, i64>("toast_bytes")),
        index_bytes: 0,
        empty: main_bytes == Some(0),
        created_here: false,
        assumed: false,
        columns: Vec::new(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        triggers: Vec::new(),
        rules: Vec::new(),
        policies: Vec::new(),
        row_security: row.get("row_security"),
        force_row_security: row.get("force_row_security"),
        replica_identity: match row.get::<_, &str>("replica_identity") {
            "n" => ReplicaIdentity::Nothing,
            "f" => ReplicaIdentity::Full,
            // The name comes with the indexes.
            "i" => ReplicaIdentity::Index(String::new()),
            _ => ReplicaIdentity::Default,
        },
        publications: Vec::new(),
        publishes_updates: false,
        publishes_deletes: false,
        published: Vec::new(),
        statistics: Vec::new(),
        privileges: row.get("privileges"),
        options,
        comment: row.get("comment"),
        access_method: row.get("access_method"),
        tablespace: row.get("tablespace"),
        parents: Vec::new(),
        children: Vec::new(),
        partition_bound: row.get("partition_bound"),
        partition_key: row.get("partition_key"),
        view_definition: None,
        dependants: Vec::new(),
        owned_by: None,
        of_identity: false,
        unpopulated: row.get("unpopulated"),
        sequence: None,
    }
}

fn column(row: &Row) -> Column {
    let expression: Option<String> = row.get("expression");
    let generated = match (row.get::<_, &str>("generated"), &expression) {
        ("s", Some(text)) => Some(Generated { expression: text.clone(), stored: true }),
        ("v", Some(text)) => Some(Generated { expression: text.clone(), stored: false }),
        _ => None,
    };
    Column {
        name: row.get("name"),
        position: row.get("position"),
        type_name: row.get("type_name"),
        user_type: qualified(row, "user_type_schema", "user_type_name"),
        not_null: row.get("not_null"),
        default: if generated.is_some() { None } else { expression },
        default_is_volatile: false,
        generated,
        identity: match row.get::<_, &str>("identity") {
            "a" => Some(Identity::Always),
            "d" => Some(Identity::ByDefault),
            _ => None,
        },
        collation: qualified(row, "collation_schema", "collation_name"),
        storage: letter(row, "storage"),
        compression: row.get("compression"),
        statistics_target: row.get("statistics_target"),
        options: row.get::<_, Option<_>>("options").unwrap_or_default(),
        privileges: row.get::<_, Option<_>>("privileges").unwrap_or_default(),
        comment: row.get("comment"),
        inherited: row.get("inherited"),
        own_too: row.get("own_too"),
    }
}
