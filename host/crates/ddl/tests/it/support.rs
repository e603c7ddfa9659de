//! A scratch database, and a replica in it that follows statements.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chameleon_ddl::{Mapping, ParseContext, SchemaChange, parse, render, resolve};
use chameleon_model::{TableName, TableSchema};
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database of its own, which [`Database::drop`] removes.
pub(crate) struct Database {
    url: String,
    name: String,
    client: Client,
}

/// The server's words and the statements.
fn shown(error: &Error, sql: &str) -> String {
    match error.as_db_error() {
        Some(error) => format!("{error}\n{sql}"),
        None => format!("{error}\n{sql}"),
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Database {
    pub(crate) async fn create() -> Self {
        let url = std::env::var("CHAMELEON_TEST_POSTGRES_URL").expect(
            "CHAMELEON_TEST_POSTGRES_URL names no server: run the tests with `cargo xtask test`",
        );
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("chameleon_ddl_{}_{number}", std::process::id());
        let admin = connect(&url).await;
        let create = format!("create database {name}");
        admin.batch_execute(&create).await.unwrap();
        let (server, _) = url.rsplit_once('/').unwrap();
        let client = connect(&format!("{server}/{name}")).await;
        client
            .batch_execute("set client_min_messages = warning")
            .await
            .unwrap();
        Self { url, name, client }
    }

    /// Executes statements; the error shows them.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), String> {
        let done = self.client.batch_execute(sql).await;
        done.map_err(|error| shown(&error, sql))
    }

    /// Executes statements in a transaction that they roll back, and gives the rows that they
    /// select.
    pub(crate) async fn differing(&self, sql: &str) -> Result<Vec<String>, String> {
        let messages = match self.client.simple_query(sql).await {
            Ok(messages) => messages,
            Err(error) => {
                self.execute("rollback").await?;
                return Err(shown(&error, sql));
            }
        };
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let fields = (0..row.len()).map(|n| row.get(n).unwrap_or("null"));
                Some(fields.collect::<Vec<_>>().join(" | "))
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    pub(crate) async fn drop(self) {
        let admin = connect(&self.url).await;
        let drop = format!("drop database {} with (force)", self.name);
        admin.batch_execute(&drop).await.unwrap();
    }
}

/// The tables of one source in the schema `altered`.
pub(crate) struct Replica<'a> {
    database: &'a Database,
    mapping: Mapping,
    tables: BTreeMap<TableName, Arc<TableSchema>>,
    /// Changes that could not be translated or that PostgreSQL refused.
    pub(crate) refused: Vec<String>,
}

impl<'a> Replica<'a> {
    pub(crate) async fn new(database: &'a Database, mapping: Mapping) -> Self {
        let replica = Self {
            database,
            mapping,
            tables: BTreeMap::new(),
            refused: Vec::new(),
        };
        replica
            .execute("drop schema if exists altered cascade")
            .await
            .unwrap();
        replica
            .execute("drop schema if exists fresh cascade")
            .await
            .unwrap();
        replica.execute("create schema altered").await.unwrap();
        replica
    }

    async fn execute(&self, sql: &str) -> Result<(), String> {
        self.database.execute(sql).await
    }

    /// Follows a statement of the source. What cannot be translated is made anew, as a new copy
    /// would.
    pub(crate) async fn apply(&mut self, sql: &str, cx: &ParseContext<'_>) {
        for statement in parse(sql, cx).unwrap() {
            for change in resolve(&statement, cx, &self.tables).unwrap() {
                let outcome = match render::change(&change, &self.mapping) {
                    Ok(statements) => {
                        let all = format!("begin; {};", statements.join("; "));
                        let done = self.execute(&all).await;
                        let end = if done.is_ok() { "commit" } else { "rollback" };
                        self.execute(end).await.unwrap();
                        done
                    }
                    Err(error) => Err(error.to_string()),
                };
                if let Err(error) = outcome {
                    self.refused.push(error);
                    self.make_anew(&change).await;
                }
                self.note(&change);
            }
        }
    }

    async fn make_anew(&self, change: &SchemaChange) {
        let SchemaChange::Alter { before, after, .. } = change else {
            return;
        };
        let drop = SchemaChange::Drop {
            before: Arc::clone(before),
        };
        let create = SchemaChange::Create {
            after: Arc::clone(after),
        };
        for change in [drop, create] {
            let statements = render::change(&change, &self.mapping).unwrap();
            self.execute(&statements.join(";")).await.unwrap();
        }
    }

    fn note(&mut self, change: &SchemaChange) {
        if let SchemaChange::Drop { before } | SchemaChange::Rename { before, .. } = change {
            self.tables.remove(&before.name);
        }
        if let Some(after) = change.after() {
            self.tables.insert(after.name.clone(), Arc::clone(after));
            self.mapping.learn([&**after]);
        }
    }

    /// What the altered schema looks like, and what one made at once from the tables' last
    /// versions does.
    pub(crate) async fn both_schemas(&self) -> (String, String) {
        self.execute("create schema fresh").await.unwrap();
        let mut mapping = self.mapping.clone();
        mapping.dest_schema = "fresh".into();
        let mut made = Ok(());
        for table in self.tables.values() {
            for statement in render::create(table, &mapping).statements() {
                made = made.and(self.execute(&statement).await);
            }
        }
        let fresh = match made {
            Ok(()) => self.describe("fresh").await,
            Err(error) => error,
        };
        let altered = self.describe("altered").await;
        self.execute("drop schema fresh cascade").await.unwrap();
        (altered, fresh)
    }

    async fn describe(&self, schema: &str) -> String {
        let rows = self
            .database
            .client
            .query(DESCRIBE, &[&schema])
            .await
            .unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let quoted = format!("{schema}.");
        lines
            .iter()
            .map(|line| format!("{}\n", line.replace(&quoted, "")))
            .collect()
    }
}

/// Columns, constraints, indexes, enum types and comments of a schema, one a line.
const DESCRIBE: &str = r"
with tables as (
  select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relkind = 'r'
)
select line from (
  select format('column %s.%s %s %s %s %s', t.relname, a.attname,
    format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' else 'null' end,
    a.attidentity, col_description(t.oid, a.attnum)
  ) || coalesce(pg_get_expr(d.adbin, d.adrelid), '') as line
  from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
  union all
  select format('table %s %s', t.relname, obj_description(t.oid, 'pg_class')) from tables t
  union all
  select format('constraint %s.%s %s', t.relname, k.conname, pg_get_constraintdef(k.oid))
  from tables t join pg_constraint k on k.conrelid = t.oid where k.contype <> 'n'
  union all
  select pg_get_indexdef(i.indexrelid) from tables t join pg_index i on i.indrelid = t.oid
  union all
  select format('type %s %s', y.typname,
    (select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum e
     where e.enumtypid = y.oid))
  from pg_type y join pg_namespace n on n.oid = y.typnamespace
  where n.nspname = $1 and y.typtype = 'e'
) all_lines order by line";
