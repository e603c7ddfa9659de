//! The two servers: streams of canonical rows.
//!
//! Plain reads outside of any transaction of ours: no locks, and one statement's snapshot at a
//! time. Rows are handed over one by one; neither side is ever held in memory.

use std::time::Duration;

use chameleon_mysql::SourceConn;
use chameleon_postgres::tokio_postgres::types::{FromSql, Type};
use chameleon_postgres::{Client, PostgresError, tokio_postgres};
use futures_util::TryStreamExt;
use mysql_async::prelude::Queryable;

use super::canon::Policies;
use super::plan::{Filter, TablePlan, TargetColumn};
use super::row::CanonRow;
use crate::error::ToolsError;

/// Longest time without any row of an answer.
const NO_ROW: Duration = Duration::from_secs(600);

/// What every session at the target is set to. TimeZone stays the server's own: no expression of
/// the plans depends on it.
const TARGET_SESSION: &str = "set datestyle = 'ISO, YMD'; set intervalstyle = postgres; \
     set statement_timeout = 0; set default_transaction_read_only = on";

/// The source.
pub(crate) struct SourceSide {
    conn: SourceConn,
    policies: Policies,
}

/// The target.
pub(crate) struct TargetSide {
    client: Client,
}

impl SourceSide {
    pub(crate) async fn new(mut conn: SourceConn, policies: Policies) -> Result<Self, ToolsError> {
        let set = "set session transaction read only";
        let done = conn.driver().query_drop(set).await;
        done.map_err(|error| ToolsError::source_failed("set the session up", error))?;
        Ok(Self { conn, policies })
    }

    /// Hands over the rows of a table.
    pub(crate) async fn scan(
        &mut self,
        plan: &TablePlan,
        filter: &Filter,
        mut each: impl FnMut(&CanonRow),
    ) -> Result<(), ToolsError> {
        let failed = |error| ToolsError::source_failed(format!("read {}", plan.name), error);
        let query = plan.source_query(filter);
        let started = self.conn.driver().exec_iter(query, ());
        let mut rows = in_time(&plan.name, started).await?.map_err(failed)?;
        let mut row = CanonRow::default();
        while let Some(found) = in_time(&plan.name, rows.next()).await?.map_err(failed)? {
            row.clear();
            for (index, column) in plan.columns.iter().enumerate() {
                let value = found.as_ref(index).unwrap_or(&mysql_async::Value::NULL);
                row.push(|out| column.canon.source(value, self.policies, out));
            }
            if filter.takes(plan, &row) {
                each(&row);
            }
        }
        rows.drop_result().await.map_err(failed)
    }

    /// The key's first column `rows` rows further on; `None`: there are not so many left.
    pub(crate) async fn boundary(
        &mut self,
        plan: &TablePlan,
        after: Option<i128>,
        rows: u64,
    ) -> Result<Option<i128>, ToolsError> {
        let failed = |error| ToolsError::source_failed(format!("divide {}", plan.name), error);
        let Some(query) = plan.boundary_query(after, rows) else {
            return Ok(None);
        };
        let found = self.conn.driver().query_first::<String, _>(query);
        let found = in_time(&plan.name, found).await?.map_err(failed)?;
        Ok(found.and_then(|text| text.parse().ok()))
    }

    /// Number of rows of a table.
    pub(crate) async fn count(&mut self, plan: &TablePlan) -> Result<u64, ToolsError> {
        let failed = |error| ToolsError::source_failed(format!("count {}", plan.name), error);
        let query = plan.source_count();
        let found = self.conn.driver().query_first::<u64, _>(query);
        Ok(in_time(&plan.name, found)
            .await?
            .map_err(failed)?
            .unwrap_or(0))
    }

    pub(crate) async fn close(self) {
        self.conn.close().await;
    }
}

/// Bytes of a value, whatever its type: the plans ask for text and bytea alone.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl TargetSide {
    pub(crate) async fn new(client: Client) -> Result<Self, ToolsError> {
        let done = client.batch_execute(TARGET_SESSION).await;
        done.map_err(|error| PostgresError::statement("set the session up", &error))?;
        Ok(Self { client })
    }

    /// Tables of a schema: ordinary and partitioned ones, and foreign tables.
    pub(crate) async fn tables(&self, schema: &str) -> Result<Vec<String>, ToolsError> {
        let sql = "select c.relname from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = $1 and c.relkind in ('r', 'p', 'f') and not c.relispartition \
             order by 1";
        let rows = self.client.query(sql, &[&schema]).await;
        let rows = rows.map_err(|error| PostgresError::statement("list the tables", &error))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Columns of a table in order, types without their domains.
    pub(crate) async fn columns(
        &self,
        schema: &str,
        table: &str,
    ) -> Result<Vec<TargetColumn>, ToolsError> {
        let sql = "select a.attname, coalesce(b.typname, t.typname), \
             pg_catalog.format_type(a.atttypid, a.atttypmod), coalesce(b.typtype, t.typtype) = 'e' \
             from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             join pg_catalog.pg_attribute a on a.attrelid = c.oid \
             join pg_catalog.pg_type t on t.oid = a.atttypid \
             left join pg_catalog.pg_type b on b.oid = nullif(t.typbasetype, 0) \
             where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped \
             order by a.attnum";
        let rows = self.client.query(sql, &[&schema, &table]).await;
        let rows = rows.map_err(|error| {
            PostgresError::statement(format!("read the columns of {table}"), &error)
        })?;
        Ok(rows
            .iter()
            .map(|row| TargetColumn {
                name: row.get(0),
                type_name: row.get(1),
                type_sql: row.get(2),
                is_enum: row.get(3),
            })
            .collect())
    }

    /// Hands over the rows of a table.
    pub(crate) async fn scan(
        &self,
        plan: &TablePlan,
        filter: &Filter,
        mut each: impl FnMut(&CanonRow),
    ) -> Result<(), ToolsError> {
        let failed = |error: tokio_postgres::Error| {
            ToolsError::from(PostgresError::statement(
                format!("read {}", plan.target_name),
                &error,
            ))
        };
        let none: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
        let query = plan.target_query(filter);
        let started = self.client.query_raw(query.as_str(), none);
        let rows = in_time(&plan.name, started).await?.map_err(failed)?;
        let mut rows = std::pin::pin!(rows);
        let mut row = CanonRow::default();
        while let Some(found) = in_time(&plan.name, rows.try_next())
            .await?
            .map_err(failed)?
        {
            row.clear();
            for (index, column) in plan.columns.iter().enumerate() {
                let value: Option<Raw<'_>> = found.try_get(index).map_err(failed)?;
                row.push(|out| column.canon.target(value.map(|raw| raw.0), out));
            }
            if filter.takes(plan, &row) {
                each(&row);
            }
        }
        Ok(())
    }

    /// Number of rows of a table.
    pub(crate) async fn count(&self, plan: &TablePlan) -> Result<u64, ToolsError> {
        let sql = format!("select count(*) from {}", plan.target_table);
        let row = self.client.query_one(sql.as_str(), &[]).await;
        let row = row.map_err(|error| {
            PostgresError::statement(format!("count {}", plan.target_name), &error)
        })?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
    }
}

async fn in_time<T>(table: &str, work: impl Future<Output = T>) -> Result<T, ToolsError> {
    let limited = tokio::time::timeout(NO_ROW, work).await;
    limited.map_err(|_| ToolsError::Stalled {
        table: table.to_owned(),
        waited: NO_ROW,
    })
}
