//! Types and their edge values: which of them came through unchanged, and on which path.
//!
//! A table with the columns `edge` and `v` holds the edge values of one type, one row each, named by `edge`. Each
//! gets a twin without a key, in which every row is there twice. While the replica follows, all rows are inserted
//! again, changed and deleted, so that every value goes through every image of a row event. At the target the
//! copied and the streamed value must be the same text, byte for byte; oracle and source say that it is the right
//! one. The table of all that was seen is printed when the last scenario has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use anyhow::{Result, bail};
use mysql_async::{Conn, prelude::Queryable};

use super::stage::{Mode, Stage};

/// The ways by which a value reaches the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    Copy,
    Relay,
    Direct,
    Sync,
}

const ROUTES: [Route; 4] = [Route::Copy, Route::Relay, Route::Direct, Route::Sync];

impl From<Mode> for Route {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Relay => Route::Relay,
            Mode::Direct => Route::Direct,
        }
    }
}

/// A table of edge values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EdgeTable {
    name: String,
    /// The column type as the source shows it.
    declared: String,
    edges: Vec<String>,
}

impl EdgeTable {
    fn twin(&self) -> String {
        format!("{}_nokey", self.name)
    }
}

/// All tables of edge values in the source database.
pub(super) async fn edge_tables(connection: &mut Conn, database: &str) -> Result<Vec<EdgeTable>> {
    let found: Vec<(String, String, String)> = connection
        .exec(
            "select table_name, max(case when column_name = 'v' then column_type end), \
                 max(case when column_name = 'v' then character_set_name end) \
             from (select table_name, column_name, column_type, \
                     coalesce(character_set_name, '') as character_set_name, \
                     count(*) over (partition by table_name) as columns_in_all \
                   from information_schema.columns where table_schema = ?) c \
             where columns_in_all = 2 and column_name in ('edge', 'v') \
             group by table_name having count(*) = 2 order by table_name",
            (database,),
        )
        .await?;
    let mut tables = Vec::new();
    for (name, declared, charset) in found {
        let question = format!("select edge from `{name}` order by edge");
        let edges = connection.query(question).await?;
        let declared = match charset.as_str() {
            "" | "utf8mb4" => declared,
            other => format!("{declared} {other}"),
        };
        tables.push(EdgeTable {
            name,
            declared,
            edges,
        });
    }
    Ok(tables)
}

/// Names of all tables, as `sync_tables` takes them.
pub(super) async fn all_names(stage: &Stage) -> Result<String> {
    let mut connection = stage.source.mysql().await?;
    let names: Vec<String> = connection
        .exec(
            "select table_name from information_schema.tables where table_schema = ? \
             and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') and table_name not like '%.%'",
            (&stage.source.database,),
        )
        .await?;
    connection.disconnect().await?;
    Ok(names.join(","))
}

/// Makes the twins without a key.
pub(super) async fn make_twins(connection: &mut Conn, tables: &[EdgeTable]) -> Result<()> {
    connection.query_drop("set sql_mode = ''").await?;
    for table in tables {
        let (name, twin) = (&table.name, table.twin());
        connection
            .query_drop(format!("create table {twin} like {name}"))
            .await?;
        connection
            .query_drop(format!("alter table {twin} drop primary key"))
            .await?;
        for _ in 0..2 {
            connection
                .query_drop(format!("insert into {twin} select edge, v from {name}"))
                .await?;
        }
    }
    Ok(())
}

/// Sends every value through inserts, updates and deletes, with a key and without.
pub(super) async fn change(connection: &mut Conn, tables: &[EdgeTable]) -> Result<()> {
    connection.query_drop("set sql_mode = ''").await?;
    for table in tables {
        let name = &table.name;
        for name in [name.clone(), table.twin()] {
            for word in ["again", "gone", "moved"] {
                connection
                    .query_drop(format!(
                        "insert into {name} select concat('{word}: ', edge), v from {name} where edge not like '%: %'"
                    ))
                    .await?;
            }
            for sql in [
                format!("delete from {name} where edge like 'gone: %'"),
                format!(
                    "update {name} set edge = concat('now: ', edge) where edge like 'moved: %'"
                ),
            ] {
                connection.query_drop(sql).await?;
            }
        }
        // one of two equal rows goes
        for edge in &table.edges {
            connection
                .query_drop(format!(
                    "delete from {} where edge = 'again: {edge}' limit 1",
                    table.twin()
                ))
                .await?;
        }
    }
    Ok(())
}

/// At the target, the copied value and the streamed value of each edge must be the same text.
pub(super) async fn must_be_alike(stage: &Stage, tables: &[EdgeTable]) -> Result<()> {
    let client = stage.target.postgres().await?;
    client
        .batch_execute("set timezone = 'UTC'; set extra_float_digits = 1")
        .await?;
    let schema = stage.dest_schema();
    let mut unlike = Vec::new();
    for table in tables {
        let name = &table.name;
        let question = format!(
            "select a.edge from {schema}.{name} a left join {schema}.{name} b on b.edge = 'again: ' || a.edge \
             left join {schema}.{name} c on c.edge = 'now: moved: ' || a.edge \
             where a.edge not like '%: %' and (b.edge is null or c.edge is null \
               or a.v::text is distinct from b.v::text or a.v::text is distinct from c.v::text)"
        );
        for row in client.query(&question, &[]).await? {
            unlike.push(format!("{name} {}", row.get::<_, String>(0)));
        }
    }
    if unlike.is_empty() {
        return Ok(());
    }
    bail!(
        "the copy and the stream have written different values:\n  {}",
        unlike.join("\n  ")
    )
}

/// What was seen equal: source engine and type, edge, routes.
type Seen = BTreeMap<(String, String), BTreeMap<String, BTreeSet<Route>>>;

static SEEN: Mutex<Seen> = Mutex::new(Seen::new());

/// Notes that all edges of these tables came through.
pub(super) fn note(source: &str, tables: &[EdgeTable], route: Route) {
    let Ok(mut seen) = SEEN.lock() else { return };
    for table in tables {
        let edges = seen
            .entry((source.to_owned(), table.declared.clone()))
            .or_default();
        for edge in &table.edges {
            edges.entry(edge.clone()).or_default().insert(route);
        }
    }
}

/// The table of types, edges and paths of this run; empty where no case ran.
pub(super) fn report() -> String {
    let Ok(seen) = SEEN.lock() else {
        return String::new();
    };
    render(&seen)
}

fn render(seen: &Seen) -> String {
    const WIDEST_TYPE: usize = 44;
    let mut text = String::new();
    let mut source = "";
    for ((engine, declared), edges) in seen {
        if engine != source {
            source = engine;
            text.push_str(&format!(
                "\n{engine:<WIDEST_TYPE$} copy  relay direct sync   edges\n"
            ));
        }
        let count = |route: Route| {
            let equal = edges
                .values()
                .filter(|routes| routes.contains(&route))
                .count();
            match equal {
                0 => "-".to_owned(),
                equal => format!("{equal}/{}", edges.len()),
            }
        };
        let counts: Vec<String> = ROUTES
            .into_iter()
            .map(|route| format!("{:<6}", count(route)))
            .collect();
        let names: Vec<&str> = edges.keys().map(String::as_str).collect();
        let mut declared = declared.clone();
        if declared.chars().count() > WIDEST_TYPE - 1 {
            declared = declared.chars().take(WIDEST_TYPE - 4).collect::<String>() + "...";
        }
        text.push_str(&format!(
            "{declared:<WIDEST_TYPE$} {} {}\n",
            counts.join(""),
            names.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_counts_edges_by_route() {
        let mut seen = Seen::new();
        let key = ("mysql9".to_owned(), "bit(3)".to_owned());
        let edges = seen.entry(key).or_default();
        edges.insert("all".into(), BTreeSet::from([Route::Copy, Route::Sync]));
        edges.insert("none".into(), BTreeSet::from([Route::Copy]));
        let text = render(&seen);
        let line = text.lines().last().expect("a line");
        assert!(line.starts_with("bit(3) "), "{line}");
        assert!(
            line.ends_with("2/2   -     -     1/2    all, none"),
            "{line}"
        );
    }
}
