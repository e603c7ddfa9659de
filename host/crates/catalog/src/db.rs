//! Statements on the catalog: parsed, bound and executed in one round trip, errors named.

use chameleon_model::{BinlogPosition, GtidSet, SourcePosition};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{GenericClient, Row};

use crate::error::CatalogError;

/// Parameters with their types, which spares the round trip that would ask for them.
pub(crate) type Params<'a> = [(&'a (dyn ToSql + Sync), Type)];

/// Runs a statement and returns its rows.
pub(crate) async fn query(
    c: &impl GenericClient,
    attempt: &str,
    sql: &str,
    params: &Params<'_>,
) -> Result<Vec<Row>, CatalogError> {
    c.query_typed(sql, params)
        .await
        .map_err(|e| CatalogError::statement(attempt, &e))
}

/// Runs a statement that returns at most one row.
pub(crate) async fn query_opt(
    c: &impl GenericClient,
    attempt: &str,
    sql: &str,
    params: &Params<'_>,
) -> Result<Option<Row>, CatalogError> {
    Ok(query(c, attempt, sql, params).await?.into_iter().next())
}

/// Runs a statement that returns one row.
pub(crate) async fn query_one(
    c: &impl GenericClient,
    attempt: &str,
    sql: &str,
    params: &Params<'_>,
) -> Result<Row, CatalogError> {
    query_opt(c, attempt, sql, params)
        .await?
        .ok_or_else(|| CatalogError::Unreadable {
            what: attempt.to_owned(),
            reason: "the answer has no row".into(),
        })
}

/// Runs a statement and returns the number of rows it touched.
pub(crate) async fn execute(
    c: &impl GenericClient,
    attempt: &str,
    sql: &str,
    params: &Params<'_>,
) -> Result<u64, CatalogError> {
    c.execute_typed(sql, params)
        .await
        .map_err(|e| CatalogError::statement(attempt, &e))
}

/// Runs a script without parameters.
pub(crate) async fn batch(
    c: &impl GenericClient,
    attempt: &str,
    sql: &str,
) -> Result<(), CatalogError> {
    c.batch_execute(sql)
        .await
        .map_err(|e| CatalogError::statement(attempt, &e))
}

/// A column of an answer.
pub(crate) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Result<T, CatalogError> {
    row.try_get(column).map_err(|e| CatalogError::Unreadable {
        what: format!("column {column}"),
        reason: e.to_string(),
    })
}

/// A column that counts something.
pub(crate) fn get_count(row: &Row, column: &str) -> Result<u64, CatalogError> {
    let value: i64 = get(row, column)?;
    u64::try_from(value).map_err(|_| CatalogError::Unreadable {
        what: format!("column {column}"),
        reason: "it is negative".into(),
    })
}

/// A column that counts something and may be NULL.
pub(crate) fn get_count_opt(row: &Row, column: &str) -> Result<Option<u64>, CatalogError> {
    let value: Option<i64> = get(row, column)?;
    value
        .map(|v| {
            u64::try_from(v).map_err(|_| CatalogError::Unreadable {
                what: format!("column {column}"),
                reason: "it is negative".into(),
            })
        })
        .transpose()
}

/// A count or an offset as PostgreSQL stores it; saturates, because nothing real is that large.
pub(crate) fn int8(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A position from the columns `{prefix}binlog`, `{prefix}position`; `None` where the file is NULL.
pub(crate) fn get_binlog(row: &Row, prefix: &str) -> Result<Option<BinlogPosition>, CatalogError> {
    let file: Option<String> = get(row, &format!("{prefix}binlog"))?;
    let Some(file) = file else { return Ok(None) };
    let offset = get_count_opt(row, &format!("{prefix}position"))?;
    let offset = offset.ok_or_else(|| CatalogError::Unreadable {
        what: format!("column {prefix}position"),
        reason: "the file is there, the offset is NULL".into(),
    })?;
    Ok(Some(BinlogPosition::new(file, offset)))
}

/// A position with its GTID set from `{prefix}binlog`, `{prefix}position`, `{prefix}gtid`.
pub(crate) fn get_position(
    row: &Row,
    prefix: &str,
) -> Result<Option<SourcePosition>, CatalogError> {
    let Some(binlog) = get_binlog(row, prefix)? else {
        return Ok(None);
    };
    let text: Option<String> = get(row, &format!("{prefix}gtid"))?;
    let gtids = text.map(|t| parse_gtids(&t)).transpose()?;
    Ok(Some(SourcePosition { binlog, gtids }))
}

/// A stored GTID set. An empty MySQL set is stored as `:`, an empty MariaDB set as the empty text.
pub(crate) fn parse_gtids(text: &str) -> Result<GtidSet, CatalogError> {
    if text == ":" {
        return Ok(GtidSet::MySql(std::collections::BTreeMap::new()));
    }
    GtidSet::parse(text).map_err(|e| CatalogError::Unreadable {
        what: "a GTID set".into(),
        reason: e.to_string(),
    })
}

/// The text under which a GTID set is stored; see [`parse_gtids`].
pub(crate) fn gtid_text(position: &SourcePosition) -> Option<String> {
    position.gtids.as_ref().map(|set| match set {
        GtidSet::MySql(members) if members.is_empty() => ":".to_owned(),
        set => set.to_string(),
    })
}

/// File, offset and GTID set of a position as parameters.
pub(crate) struct Place {
    pub(crate) file: Option<String>,
    pub(crate) offset: Option<i64>,
    pub(crate) gtids: Option<String>,
}

impl Place {
    pub(crate) fn of(position: Option<&SourcePosition>) -> Self {
        Self {
            file: position.map(|p| p.binlog.file.to_string()),
            offset: position.map(|p| int8(p.binlog.offset)),
            gtids: position.and_then(gtid_text),
        }
    }

    pub(crate) fn of_binlog(position: Option<&BinlogPosition>) -> Self {
        Self {
            file: position.map(|p| p.file.to_string()),
            offset: position.map(|p| int8(p.offset)),
            gtids: None,
        }
    }
}
