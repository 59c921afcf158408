//! The schema while it is being drawn: enough of it that most statements make sense.

use airlock::sql::quote_ident;

#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub schema: Option<String>,
    pub columns: Vec<Column>,
    /// Columns of the primary key.
    pub key: Vec<String>,
    pub indexes: Vec<String>,
    pub checks: Vec<String>,
    pub partitioned: bool,
    pub rows: u32,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub not_null: bool,
    /// Rows hold NULL.
    pub nulls: bool,
    pub default: bool,
    pub generated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Int,
    BigInt,
    Text,
    Varchar,
    Numeric,
    Boolean,
    Date,
    Json,
    Array,
    Mood,
    Code,
    Uuid,
}

impl Kind {
    pub const ALL: [Kind; 12] = [
        Kind::Int,
        Kind::BigInt,
        Kind::Text,
        Kind::Varchar,
        Kind::Numeric,
        Kind::Boolean,
        Kind::Date,
        Kind::Json,
        Kind::Array,
        Kind::Mood,
        Kind::Code,
        Kind::Uuid,
    ];

    pub fn sql(self) -> &'static str {
        match self {
            Kind::Int => "int",
            Kind::BigInt => "bigint",
            Kind::Text => "text",
            Kind::Varchar => "varchar(30)",
            Kind::Numeric => "numeric(12,2)",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Json => "json",
            Kind::Array => "text[]",
            Kind::Mood => "mood",
            Kind::Code => "code",
            Kind::Uuid => "uuid",
        }
    }

    /// A value of row `i`, different for each `i` up to a hundred where the type allows it.
    pub fn value(self) -> &'static str {
        match self {
            Kind::Int | Kind::BigInt => "i",
            Kind::Text => "'t' || i",
            Kind::Varchar => "('v' || i)::varchar",
            Kind::Numeric => "i * 1.5",
            Kind::Boolean => "i % 2 = 0",
            Kind::Date => "date '2024-01-01' + i",
            Kind::Json => "json_build_object('i', i)",
            Kind::Array => "ARRAY['a' || i, NULL]",
            Kind::Mood => "(ARRAY['sad', 'ok', 'happy']::mood[])[i % 3 + 1]",
            Kind::Code => "'c' || i",
            Kind::Uuid => "md5(i::text)::uuid",
        }
    }

    pub fn constant(self) -> &'static str {
        match self {
            Kind::Int | Kind::BigInt => "7",
            Kind::Text | Kind::Varchar | Kind::Code => "'none'",
            Kind::Numeric => "1.50",
            Kind::Boolean => "false",
            Kind::Date => "'2020-02-02'",
            Kind::Json => "'{\"a\": 1}'",
            Kind::Array => "'{}'",
            Kind::Mood => "'ok'",
            Kind::Uuid => "'00000000-0000-0000-0000-000000000001'",
        }
    }

    /// A condition that every value above and the constant meet.
    pub fn condition(self, column: &str) -> String {
        match self {
            Kind::Int | Kind::BigInt | Kind::Numeric => format!("{column} >= 0"),
            Kind::Text | Kind::Varchar | Kind::Code => format!("{column} <> ''"),
            Kind::Boolean => format!("{column} IN (true, false)"),
            Kind::Date => format!("{column} > '2000-01-01'"),
            Kind::Json => format!("{column}::text <> ''"),
            Kind::Array => format!("cardinality({column}) >= 0"),
            Kind::Mood => format!("{column} <= 'happy'"),
            Kind::Uuid => format!("{column} IS NOT NULL"),
        }
    }

    /// Whether an index, a key or a comparison can be made of it.
    pub fn ordered(self) -> bool {
        self != Kind::Json
    }

    /// Whether every row has another value.
    pub fn distinct(self) -> bool {
        self.ordered() && !matches!(self, Kind::Boolean | Kind::Mood)
    }
}

impl Table {
    pub fn sql(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quote_ident(schema), quote_ident(&self.name)),
            None => quote_ident(&self.name),
        }
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    pub fn sql(&self) -> String {
        quote_ident(&self.name)
    }
}
