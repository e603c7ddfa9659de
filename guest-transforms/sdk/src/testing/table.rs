//! Tables as a test declares them.

use crate::{ColumnType, Table, TypeKind, bindings::chameleon::transform::types as wit};

/// A table of a test, its columns declared as in MySQL.
#[derive(Clone, Debug)]
pub struct TestTable {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) columns: Vec<wit::Column>,
}

impl TestTable {
    /// A table without columns.
    pub fn new(schema: &str, name: &str) -> Self {
        TestTable {
            schema: schema.into(),
            name: name.into(),
            columns: Vec::new(),
        }
    }

    /// Adds a column that may be NULL.
    #[must_use]
    pub fn column(self, name: &str, declared: &str) -> Self {
        self.with(name, declared, |_| {})
    }

    /// Adds a column that may not be NULL.
    #[must_use]
    pub fn not_null(self, name: &str, declared: &str) -> Self {
        self.with(name, declared, |column| column.nullable = false)
    }

    /// Adds the next column of the primary key.
    #[must_use]
    pub fn key(self, name: &str, declared: &str) -> Self {
        let place = self.columns.iter().map(|column| column.key).max();
        self.with(name, declared, |column| {
            column.nullable = false;
            column.key = place.unwrap_or_default() + 1;
        })
    }

    /// Adds a column that the source computes.
    #[must_use]
    pub fn generated(self, name: &str, declared: &str) -> Self {
        self.with(name, declared, |column| column.generated = true)
    }

    /// The table as a transform sees it.
    pub fn table(&self, id: u32) -> Table {
        Table::from(self.wit(id))
    }

    pub(crate) fn wit(&self, id: u32) -> wit::Table {
        wit::Table {
            id,
            name: wit::TableName {
                schema: self.schema.clone(),
                name: self.name.clone(),
            },
            columns: self.columns.clone(),
        }
    }

    fn with(mut self, name: &str, declared: &str, change: impl FnOnce(&mut wit::Column)) -> Self {
        let mut column = wit::Column {
            name: name.into(),
            ty: parse_type(declared),
            nullable: true,
            key: 0,
            generated: false,
        };
        change(&mut column);
        self.columns.push(column);
        self
    }
}

/// The type that MySQL means by `declared`.
///
/// # Panics
/// If it is no type that the harness knows.
fn parse_type(declared: &str) -> ColumnType {
    let (head, rest) = match declared.find(['(', ' ']) {
        Some(end) => declared.split_at(end),
        None => (declared, ""),
    };
    let arguments = rest
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'))
        .map_or("", |(arguments, _)| arguments);
    let Some((kind, default_length)) = kind_of(&head.to_ascii_lowercase()) else {
        panic!("the test declares `{declared}`, which is no type that the harness knows");
    };
    let labelled = matches!(kind, TypeKind::Enum | TypeKind::Set);
    let mut numbers = arguments
        .split(',')
        .map(|number| number.trim().parse().ok());
    let first = if labelled {
        None
    } else {
        numbers.next().flatten()
    };
    let second = if labelled {
        None
    } else {
        numbers.next().flatten()
    };
    let timed = matches!(
        kind,
        TypeKind::Time | TypeKind::Datetime | TypeKind::Timestamp
    );
    let (length, scale) = if timed {
        (0, first.unwrap_or_default())
    } else {
        (first.unwrap_or(default_length), second.unwrap_or_default())
    };
    let texts = matches!(kind, TypeKind::Char | TypeKind::Varchar | TypeKind::Text);
    ColumnType {
        kind,
        unsigned: rest.to_ascii_lowercase().contains("unsigned"),
        length,
        scale: u8::try_from(scale).unwrap_or_default(),
        collation: texts.then(|| "utf8mb4_0900_ai_ci".into()),
        labels: if labelled {
            labels(arguments)
        } else {
            Vec::new()
        },
        declared: declared.into(),
    }
}

fn labels(arguments: &str) -> Vec<String> {
    let quoted = arguments
        .split(',')
        .map(|label| label.trim().trim_matches('\''));
    quoted.map(str::to_owned).collect()
}

fn kind_of(name: &str) -> Option<(TypeKind, u32)> {
    use TypeKind as Kind;
    Some(match name {
        "tinyint" => (Kind::Tinyint, 0),
        "smallint" => (Kind::Smallint, 0),
        "mediumint" => (Kind::Mediumint, 0),
        "int" | "integer" => (Kind::Int, 0),
        "bigint" => (Kind::Bigint, 0),
        "year" => (Kind::Year, 0),
        "bit" => (Kind::Bit, 1),
        "bool" | "boolean" => (Kind::Boolean, 0),
        "decimal" | "numeric" => (Kind::Decimal, 10),
        "float" => (Kind::Float, 0),
        "double" => (Kind::Double, 0),
        "date" => (Kind::Date, 0),
        "time" => (Kind::Time, 0),
        "datetime" => (Kind::Datetime, 0),
        "timestamp" => (Kind::Timestamp, 0),
        "char" => (Kind::Char, 1),
        "varchar" => (Kind::Varchar, 0),
        "tinytext" | "text" | "mediumtext" | "longtext" => (Kind::Text, 0),
        "json" => (Kind::Json, 0),
        "enum" => (Kind::Enum, 0),
        "set" => (Kind::Set, 0),
        "uuid" => (Kind::Uuid, 0),
        "inet4" | "inet6" => (Kind::Inet, 0),
        "binary" => (Kind::Binary, 1),
        "varbinary" => (Kind::Varbinary, 0),
        "tinyblob" | "blob" | "mediumblob" | "longblob" => (Kind::Blob, 0),
        "geometry" | "point" => (Kind::Geometry, 0),
        "vector" => (Kind::Vector, 0),
        _ => return None,
    })
}
