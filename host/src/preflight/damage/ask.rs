//! Questions about a table's values: first of the source, then of the target for the same rows.

use std::time::Duration;

use chameleon_model::name::{quote_ident, quote_literal, quote_qualified, target_column_name};
use chameleon_model::{TableSchema, TypeKind};
use chameleon_mysql::SourceConn;
use chameleon_postgres::introspect::FoundTable;
use chameleon_postgres::{Client, PostgresError};

use super::suspect::Suspect;
use crate::context::Context;
use crate::error::HostError;

/// Longest time of one question at the source.
const LIMIT: Duration = Duration::from_secs(3);
/// The same at the target, which is asked by key; and nothing is written there.
const TARGET_SETTINGS: &str =
    "set statement_timeout = '5s'; set default_transaction_read_only = on";
/// Rows at either end of the key that a sample takes.
const SAMPLE: u32 = 5_000;
/// Rows of a column that are compared.
const COMPARED: u32 = 100;

/// What became of the questions about a table.
pub(super) enum Asked {
    /// For each suspect, in order, the rows that show the damage.
    Answers(Vec<Option<Rows>>),
    /// They could not be asked, for that reason.
    Nothing(String),
}

/// Rows that show damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    shown: i64,
    compared: i64,
    sampled: bool,
}

impl std::fmt::Display for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} rows compared", self.shown, self.compared)?;
        match self.sampled {
            true => write!(f, ", from a sample of the first and last {SAMPLE} by key"),
            false => Ok(()),
        }
    }
}

/// Sessions at both sides for questions alone.
pub(super) struct Asker {
    source: SourceConn,
    target: Client,
}

impl Asker {
    pub(super) async fn connect(cx: &Context) -> Result<Self, HostError> {
        let target = cx.connect_target().await?;
        let set = target.batch_execute(TARGET_SETTINGS).await;
        set.map_err(|error| PostgresError::statement("limit the time of questions", &error))?;
        let mut source = cx.connect_source().await?;
        source.limit_time(LIMIT).await?;
        Ok(Self { source, target })
    }

    pub(super) async fn close(self) {
        self.source.close().await;
    }

    /// Asks about the suspects of a table.
    pub(super) async fn ask(
        &mut self,
        table: &TableSchema,
        found: &FoundTable,
        suspects: &[Suspect],
    ) -> Result<Asked, HostError> {
        let Some(key) = Key::new(table, found) else {
            return Ok(Asked::Nothing(
                "its key is of a type that is not compared".into(),
            ));
        };
        let conditions: Vec<String> = suspects
            .iter()
            .map(|s| format!("coalesce(max({}), 0)", s.holds))
            .collect();
        let conditions = conditions.join(", ");
        let mut sampled = false;
        let mut rows = key.all_rows(table);
        let mut held = self
            .source(&format!("select {conditions} from {rows}"))
            .await?;
        if matches!(&held, Answer::TimeIsUp) {
            sampled = true;
            rows = key.sample(table, suspects);
            held = self
                .source(&format!("select {conditions} from {rows}"))
                .await?;
        }
        let held = match held {
            Answer::Rows(rows) => rows.into_iter().next().unwrap_or_default(),
            Answer::TimeIsUp => return Ok(Asked::Nothing("the questions took too long".into())),
            Answer::Refused(reason) => return Ok(Asked::Nothing(reason)),
        };
        let mut answers = Vec::new();
        for (suspect, held) in suspects.iter().zip(held) {
            if held.as_deref() != Some("1") {
                answers.push(None);
                continue;
            }
            let sql = format!(
                "select {}, {} from {rows} where {} limit {COMPARED}",
                key.source.join(", "),
                suspect.value,
                suspect.holds
            );
            let found = match self.source(&sql).await? {
                Answer::Rows(found) => found,
                Answer::TimeIsUp => {
                    return Ok(Asked::Nothing("the questions took too long".into()));
                }
                Answer::Refused(reason) => return Ok(Asked::Nothing(reason)),
            };
            let Some(sql) = key.target_question(suspect, &found) else {
                answers.push(None);
                continue;
            };
            let counts = self.target.query_one(&sql, &[]).await;
            let counts = counts.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
            let Ok((shown, compared)) = counts else {
                return Ok(Asked::Nothing("the target did not answer in time".into()));
            };
            answers.push((shown > 0).then_some(Rows {
                shown,
                compared,
                sampled,
            }));
        }
        Ok(Asked::Answers(answers))
    }

    async fn source(&mut self, sql: &str) -> Result<Answer, HostError> {
        match self
            .source
            .probe("look for values that 1.x damages", sql)
            .await
        {
            Ok(Some(rows)) => Ok(Answer::Rows(rows)),
            Ok(None) => Ok(Answer::TimeIsUp),
            Err(error) => match error.errno() {
                Some(number) => Ok(Answer::Refused(format!(
                    "the source refused a question with its error {number}"
                ))),
                None => Err(error.into()),
            },
        }
    }
}

enum Answer {
    Rows(Vec<Vec<Option<String>>>),
    TimeIsUp,
    Refused(String),
}

/// The key by which a row is found on both sides.
struct Key {
    /// Columns, quoted for the source.
    source: Vec<String>,
    /// Columns quoted for the target, with their types.
    target: Vec<(String, String)>,
    /// Table, quoted for the target.
    table: String,
}

impl Key {
    /// `None`: a part is of a type whose text is another at the target.
    fn new(table: &TableSchema, found: &FoundTable) -> Option<Self> {
        let mut key = Self {
            source: Vec::new(),
            target: Vec::new(),
            table: quote_qualified(&found.schema, &found.name),
        };
        for &index in &table.primary_key {
            let column = table.columns.get(index)?;
            let there = found.column(&target_column_name(&column.name))?;
            if !has_same_text(column.ty.kind) {
                return None;
            }
            key.source.push(backtick(&column.name));
            key.target.push((quote_ident(&there.name), there.ty.sql()));
        }
        (!key.source.is_empty()).then_some(key)
    }

    fn all_rows(&self, table: &TableSchema) -> String {
        let name = &table.name;
        format!("{}.{}", backtick(&name.schema), backtick(&name.name))
    }

    fn sample(&self, table: &TableSchema, suspects: &[Suspect]) -> String {
        let mut columns = self.source.clone();
        for suspect in suspects {
            let column = backtick(&suspect.column);
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let (columns, rows) = (columns.join(", "), self.all_rows(table));
        let order = |direction: &str| {
            let parts = self.source.iter().map(|part| format!("{part}{direction}"));
            parts.collect::<Vec<_>>().join(", ")
        };
        format!(
            "((select {columns} from {rows} order by {} limit {SAMPLE}) union all \
              (select {columns} from {rows} order by {} limit {SAMPLE})) sample",
            order(""),
            order(" desc")
        )
    }

    /// How many of the rows show the damage, and how many were compared. `None`: there is none to
    /// ask about.
    fn target_question(&self, suspect: &Suspect, rows: &[Vec<Option<String>>]) -> Option<String> {
        let names = (0..self.target.len()).map(|n| format!("k{n}"));
        let names: Vec<String> = names.chain(["val".to_owned()]).collect();
        let mut values = Vec::new();
        for row in rows {
            let parts = row.get(..self.target.len()).unwrap_or_default();
            // a text with a NUL character is not at the target
            if parts
                .iter()
                .any(|part| part.as_deref().is_none_or(|text| text.contains('\0')))
            {
                continue;
            }
            let cells = row.iter().map(|cell| match cell {
                Some(text) => format!("{}::text", quote_literal(text)),
                None => "null::text".to_owned(),
            });
            values.push(format!("({})", cells.collect::<Vec<_>>().join(", ")));
        }
        if values.is_empty() {
            return None;
        }
        let same: Vec<String> = self
            .target
            .iter()
            .zip(&names)
            .map(|((column, ty), name)| format!("t.{column} = v.{name}::{ty}"))
            .collect();
        let first = &self.target.first()?.0;
        let (shows, compared) = match suspect.row_is_missing {
            true => (format!("t.{first} is null"), "v.k0".to_owned()),
            false => {
                let there = format!("t.{first}");
                (format!("{there} is not null and {}", suspect.shows), there)
            }
        };
        Some(format!(
            "select count(*) filter (where {shows}), count({compared}) \
               from (values {}) v ({}) left join {} t on {}",
            values.join(", "),
            names.join(", "),
            self.table,
            same.join(" and ")
        ))
    }
}

/// The text of a value of that type finds the row at the target.
fn has_same_text(kind: TypeKind) -> bool {
    use TypeKind::{
        BigInt, Char, Date, DateTime, Enum, Int, MediumInt, SmallInt, TinyInt, VarChar, Year,
    };
    matches!(
        kind,
        TinyInt
            | SmallInt
            | MediumInt
            | Int
            | BigInt
            | Year
            | Char
            | VarChar
            | Date
            | DateTime
            | Enum
    )
}

/// Quotes an identifier for the source.
pub(super) fn backtick(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_named_as_one() {
        let mut rows = Rows {
            shown: 3,
            compared: 7,
            sampled: false,
        };
        assert_eq!(rows.to_string(), "3 of 7 rows compared");
        rows.sampled = true;
        assert!(rows.to_string().contains("a sample"), "{rows}");
    }
}
