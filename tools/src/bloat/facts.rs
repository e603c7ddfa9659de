//! What the server knows of its relations: sizes, counters, columns, indexes. Reads only.

use std::collections::HashMap;

use chameleon_postgres::tokio_postgres::Row;
use chameleon_postgres::tokio_postgres::types::{FromSql, ToSql, Type};
use chameleon_postgres::{Class, Client, PostgresError};

use super::btree;
use super::layout::{Column, Values};
use super::number::fraction;

/// How often the list of relations is asked for anew, where one was locked in between.
const ATTEMPTS: u32 = 5;

/// Runs one of the queries of this report.
pub(crate) async fn query(
    client: &Client,
    attempt: &str,
    sql: &str,
    params: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>, PostgresError> {
    client
        .query_typed(sql, params)
        .await
        .map_err(|error| PostgresError::statement(attempt, &error))
}

/// A column of an answer.
pub(crate) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Result<T, PostgresError> {
    row.try_get(column).map_err(|error| PostgresError::Answer {
        attempt: format!("read the column {column}"),
        what: error.to_string(),
    })
}

/// A column that counts something; nothing below zero.
pub(crate) fn count(row: &Row, column: &str) -> Result<u64, PostgresError> {
    Ok(u64::try_from(get::<i64>(row, column)?).unwrap_or(0))
}

fn count_opt(row: &Row, column: &str) -> Result<Option<u64>, PostgresError> {
    Ok(get::<Option<i64>>(row, column)?.map(|v| u64::try_from(v).unwrap_or(0)))
}

/// The server, and how it can be measured.
#[derive(Clone, Debug)]
pub(crate) struct ServerFacts {
    pub(crate) version: String,
    pub(crate) database: String,
    pub(crate) taken_at: String,
    /// Bytes of a page.
    pub(crate) block: f64,
    pub(crate) max_workers: i32,
    pub(crate) busy_workers: i64,
    /// Seconds between two rounds of autovacuum.
    pub(crate) nap_seconds: f64,
    /// Where pgstattuple is, quoted; `None` where it is not there or not allowed.
    pub(crate) extension: Option<String>,
    /// Why there is none.
    pub(crate) no_extension: Option<String>,
}

impl ServerFacts {
    /// Asks.
    pub(crate) async fn read(client: &Client) -> Result<Self, PostgresError> {
        let attempt = "look at the server";
        let sql = include_str!("../../../sql/bloat/server.sql");
        let rows = query(client, attempt, sql, &[]).await?;
        let row = rows.first().ok_or_else(|| PostgresError::Answer {
            attempt: attempt.into(),
            what: "no row".into(),
        })?;
        let schema: Option<String> = get(row, "extension_schema")?;
        let may: bool = get(row, "may_measure")?;
        let installable: bool = get(row, "is_installable")?;
        let no_extension = match (&schema, may, installable) {
            (Some(_), true, _) => None,
            (Some(_), false, _) => Some("this role may not call pgstattuple".to_owned()),
            (None, _, true) => {
                Some("the extension pgstattuple is not created in this database".to_owned())
            }
            (None, _, false) => {
                Some("the extension pgstattuple is not installed at the server".to_owned())
            }
        };
        Ok(Self {
            version: get(row, "version")?,
            database: get(row, "database")?,
            taken_at: get(row, "taken_at")?,
            block: fraction(count(row, "block")?),
            max_workers: get(row, "max_workers")?,
            busy_workers: get(row, "busy_workers")?,
            nap_seconds: get(row, "nap_seconds")?,
            extension: schema
                .filter(|_| may)
                .map(|s| chameleon_postgres::quote_ident(&s)),
            no_extension,
        })
    }
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Table,
    Toast,
    ToastIndex,
    Index,
}

impl Kind {
    /// As it stands in the report.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Toast => "toast",
            Self::ToastIndex => "toast index",
            Self::Index => "index",
        }
    }

    /// It holds rows, not entries.
    pub(crate) fn is_heap(self) -> bool {
        matches!(self, Self::Table | Self::Toast)
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "table" => Self::Table,
            "toast" => Self::Toast,
            "toast_index" => Self::ToastIndex,
            "index" => Self::Index,
            _ => return None,
        })
    }
}

/// One relation with storage of its own.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The table that it belongs to; itself for a table.
    pub(crate) table_oid: u32,
    pub(crate) table_schema: String,
    pub(crate) table_name: String,
    pub(crate) method: Option<String>,
    pub(crate) bytes: u64,
    /// Somebody holds it exclusively; `bytes` is what was noted last.
    pub(crate) locked: bool,
    pub(crate) noted_pages: u64,
    pub(crate) visible_pages: u64,
    pub(crate) noted_tuples: Option<f64>,
    pub(crate) fillfactor: Option<i32>,
    pub(crate) deduplicate: bool,
    pub(crate) may_truncate: bool,
    pub(crate) autovacuum: bool,
    pub(crate) vacuum_threshold: f64,
    /// Counters; `None` for indexes.
    pub(crate) counters: Option<Counters>,
}

/// What the server counted of a table or TOAST table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    pub(crate) live: u64,
    pub(crate) dead: u64,
    pub(crate) modified: u64,
    pub(crate) updated: u64,
    pub(crate) hot_updated: u64,
    pub(crate) autovacuums: u64,
    pub(crate) vacuum_age: Option<f64>,
    pub(crate) analyze_age: Option<f64>,
}

impl Relation {
    /// `"schema"."name"`.
    pub(crate) fn quoted(&self) -> String {
        chameleon_postgres::quote_qualified(&self.schema, &self.name)
    }

    /// The same of its table.
    pub(crate) fn quoted_table(&self) -> String {
        chameleon_postgres::quote_qualified(&self.table_schema, &self.table_name)
    }

    /// The fill factor that is set, or the default of its kind.
    pub(crate) fn fillfactor(&self) -> u16 {
        let default = if self.kind.is_heap() {
            100
        } else {
            btree::FILLFACTOR
        };
        let set = self.fillfactor.and_then(|f| u16::try_from(f).ok());
        set.unwrap_or(default)
    }

    fn read(row: &Row) -> Result<Self, PostgresError> {
        let kind: String = get(row, "kind")?;
        let live = count_opt(row, "live")?;
        let counters = match live {
            Some(live) => Some(Counters {
                live,
                dead: count(row, "dead")?,
                modified: count(row, "modified")?,
                updated: count(row, "updated")?,
                hot_updated: count(row, "hot_updated")?,
                autovacuums: count(row, "autovacuum_count")?,
                vacuum_age: get(row, "vacuum_age")?,
                analyze_age: get(row, "analyze_age")?,
            }),
            None => None,
        };
        Ok(Self {
            oid: get(row, "oid")?,
            schema: get(row, "schema")?,
            name: get(row, "name")?,
            kind: Kind::parse(&kind).unwrap_or(Kind::Table),
            table_oid: get(row, "table_oid")?,
            table_schema: get(row, "table_schema")?,
            table_name: get(row, "table_name")?,
            method: get(row, "method")?,
            bytes: count(row, "bytes")?,
            locked: get(row, "locked")?,
            noted_pages: count(row, "noted_pages")?,
            visible_pages: count(row, "visible_pages")?,
            noted_tuples: get(row, "noted_tuples")?,
            fillfactor: get(row, "fillfactor")?,
            deduplicate: get(row, "deduplicate")?,
            may_truncate: get(row, "may_truncate")?,
            autovacuum: get(row, "autovacuum")?,
            vacuum_threshold: get(row, "vacuum_threshold")?,
            counters,
        })
    }
}

/// The relations of some schemas, by table.
pub(crate) async fn relations(
    client: &Client,
    schemas: &[String],
) -> Result<Vec<Relation>, PostgresError> {
    let sql = include_str!("../../../sql/bloat/relations.sql");
    let mut attempt = 1;
    loop {
        let params = [(&schemas as _, Type::NAME_ARRAY)];
        match query(client, "list the relations", sql, &params).await {
            Ok(rows) => return rows.iter().map(Relation::read).collect(),
            // one was locked between the look at the locks and the question for its size
            Err(error) if error.class() == Class::Lock && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A column of a table, with the statistics that only indexes need.
#[derive(Clone, Debug)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) number: i32,
    pub(crate) layout: Column,
    pub(crate) keys: Option<KeyStatistics>,
}

/// How often values occur, as `pg_stats` has it.
#[derive(Clone, Debug)]
pub(crate) struct KeyStatistics {
    pub(crate) distinct: f64,
    pub(crate) correlation: Option<f64>,
    pub(crate) common: Vec<f64>,
}

fn layout(row: &Row, toastable: bool, stored: bool) -> Result<Column, PostgresError> {
    let length: i16 = get(row, "length")?;
    let alignment: String = get(row, "alignment")?;
    let nulls: Option<f64> = get(row, "null_fraction")?;
    let width: Option<i32> = get(row, "width")?;
    let length = u16::try_from(length).ok();
    let values = nulls.zip(width).map(|(nulls, width)| Values {
        nulls,
        width: f64::from(width),
        same_length: length.is_some(),
    });
    Ok(Column {
        length,
        align: match alignment.as_str() {
            "c" => 1,
            "s" => 2,
            "i" => 4,
            _ => 8,
        },
        toastable,
        stored,
        values,
    })
}

fn keys(row: &Row) -> Result<Option<KeyStatistics>, PostgresError> {
    let distinct: Option<f64> = get(row, "distinct_values")?;
    let common: Option<Vec<f32>> = get(row, "common")?;
    let correlation = get(row, "correlation")?;
    Ok(distinct.map(|distinct| KeyStatistics {
        distinct,
        correlation,
        common: common
            .unwrap_or_default()
            .into_iter()
            .map(f64::from)
            .collect(),
    }))
}

/// Columns of tables, by the tables' oids.
pub(crate) async fn columns(
    client: &Client,
    tables: &[u32],
) -> Result<HashMap<u32, Vec<TableColumn>>, PostgresError> {
    let sql = include_str!("../../../sql/bloat/columns.sql");
    let params = [(&tables as _, Type::OID_ARRAY)];
    let mut found: HashMap<u32, Vec<TableColumn>> = HashMap::new();
    for row in query(client, "read the columns", sql, &params).await? {
        let storage: String = get(&row, "storage")?;
        let same_length: Option<bool> = get(&row, "same_length")?;
        let mut layout = layout(&row, storage != "p", get(&row, "stored")?)?;
        if let (None, Some(values)) = (layout.length, &mut layout.values) {
            values.same_length = same_length == Some(true);
            if !values.same_length {
                // the server cuts the mean off
                values.width += 0.5;
            }
        }
        let column = TableColumn {
            name: get(&row, "name")?,
            number: i32::from(get::<i16>(&row, "attnum")?),
            layout,
            keys: keys(&row)?,
        };
        found
            .entry(get(&row, "table_oid")?)
            .or_default()
            .push(column);
    }
    Ok(found)
}

/// A btree index.
#[derive(Clone, Debug)]
pub(crate) struct IndexFacts {
    pub(crate) unique: bool,
    pub(crate) partial: bool,
    pub(crate) columns: Vec<IndexColumn>,
    /// Operator classes and collations allow posting lists.
    pub(crate) equal_image: bool,
    /// Different keys, where extended statistics know it.
    pub(crate) distinct_keys: Option<f64>,
}

/// A column of an index.
#[derive(Clone, Debug)]
pub(crate) struct IndexColumn {
    /// Number of the table's column; 0 for an expression.
    pub(crate) table_column: i32,
    pub(crate) key: bool,
    /// As the index stores it; without values but for an expression.
    pub(crate) layout: Column,
    pub(crate) keys: Option<KeyStatistics>,
}

/// Btree indexes, by their oids.
pub(crate) async fn indexes(
    client: &Client,
    oids: &[u32],
) -> Result<HashMap<u32, IndexFacts>, PostgresError> {
    let sql = include_str!("../../../sql/bloat/index_columns.sql");
    let params = [(&oids as _, Type::OID_ARRAY)];
    let mut found: HashMap<u32, IndexFacts> = HashMap::new();
    for row in query(client, "read the columns of the indexes", sql, &params).await? {
        let index = found.entry(get(&row, "index_oid")?).or_insert(IndexFacts {
            unique: get(&row, "is_unique")?,
            partial: get(&row, "is_partial")?,
            columns: Vec::new(),
            equal_image: true,
            distinct_keys: get(&row, "distinct_keys")?,
        });
        let key: bool = get(&row, "is_key")?;
        index.equal_image &= !key || get::<bool>(&row, "equal_image")?;
        index.columns.push(IndexColumn {
            table_column: get(&row, "table_column")?,
            key,
            layout: layout(&row, false, true)?,
            keys: keys(&row)?,
        });
    }
    Ok(found)
}
