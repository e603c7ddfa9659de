//! Questions about a table's values: first of the source, then of the target for the same rows.

use std::time::{Duration, Instant};

use chameleon_model::name::{quote_ident, quote_literal, quote_qualified, target_column_name};
use chameleon_model::{PgType, TableSchema, TypeKind};
use chameleon_mysql::SourceConn;
use chameleon_postgres::introspect::FoundTable;
use chameleon_postgres::tokio_postgres::error::SqlState;
use chameleon_postgres::{Client, PostgresError};
use time::Date;
use time::macros::format_description;

use super::suspect::{Suspect, greatest};
use crate::context::Context;
use crate::error::HostError;

/// No question is begun later than this after the sessions were opened.
const PATIENCE: Duration = Duration::from_secs(60);
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
pub(super) struct Asked {
    /// For each of the first suspects, in order, the rows that show the damage.
    pub(super) answers: Vec<Option<Rows>>,
    /// Why the other suspects were not asked about.
    pub(super) ended: Option<String>,
}

/// Why there is no answer.
enum Unanswered {
    Because(String),
    Failed(HostError),
}

impl Unanswered {
    fn because(reason: impl Into<String>) -> Self {
        Self::Because(reason.into())
    }
}

type Cells = Vec<Option<String>>;

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
    begun: Instant,
}

impl Asker {
    pub(super) async fn connect(cx: &Context) -> Result<Self, HostError> {
        let target = cx.connect_target().await?;
        let set = target.batch_execute(TARGET_SETTINGS).await;
        set.map_err(|error| PostgresError::statement("limit the time of questions", &error))?;
        let mut source = cx.connect_source().await?;
        source.limit_time(LIMIT).await?;
        Ok(Self {
            source,
            target,
            begun: Instant::now(),
        })
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
        let mut answers = Vec::new();
        let ended = match self.answer(table, found, suspects, &mut answers).await {
            Ok(()) => None,
            Err(Unanswered::Because(reason)) => Some(reason),
            Err(Unanswered::Failed(error)) => return Err(error),
        };
        Ok(Asked { answers, ended })
    }

    async fn answer(
        &mut self,
        table: &TableSchema,
        found: &FoundTable,
        suspects: &[Suspect],
        answers: &mut Vec<Option<Rows>>,
    ) -> Result<(), Unanswered> {
        let key = Key::new(table, found)
            .ok_or_else(|| Unanswered::because("its key is of a type that is not compared"))?;
        let too_long = || Unanswered::because("the questions took too long");
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
        if held.is_none() {
            sampled = true;
            rows = key.sample(table, suspects);
            held = self
                .source(&format!("select {conditions} from {rows}"))
                .await?;
        }
        let held = held.ok_or_else(too_long)?;
        for (suspect, held) in suspects
            .iter()
            .zip(held.into_iter().next().unwrap_or_default())
        {
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
            let found = self.source(&sql).await?.ok_or_else(too_long)?;
            let Some(sql) = key.target_question(suspect, &found) else {
                answers.push(None);
                continue;
            };
            let (shown, compared) = self.target(&sql).await?;
            answers.push((shown > 0).then_some(Rows {
                shown,
                compared,
                sampled,
            }));
        }
        Ok(())
    }

    fn must_be_early(&self) -> Result<(), Unanswered> {
        match self.begun.elapsed() > PATIENCE {
            true => Err(Unanswered::because("the time for such questions is over")),
            false => Ok(()),
        }
    }

    /// `None`: the question took too long.
    async fn source(&mut self, sql: &str) -> Result<Option<Vec<Cells>>, Unanswered> {
        self.must_be_early()?;
        let what = "look for values that 1.x damages";
        let answer = self.source.probe(what, sql).await;
        answer.map_err(|error| match error.errno() {
            Some(number) => Unanswered::because(format!(
                "the source refused a question with its error {number}"
            )),
            None => Unanswered::Failed(error.into()),
        })
    }

    /// Rows that show the damage, and rows compared.
    async fn target(&self, sql: &str) -> Result<(i64, i64), Unanswered> {
        self.must_be_early()?;
        let counts = self.target.query_one(sql, &[]).await;
        let counts = counts.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        // the server's words may have a value in them
        counts.map_err(|error| match error.code() {
            Some(&SqlState::QUERY_CANCELED) => {
                Unanswered::because("the target did not answer in time")
            }
            Some(state) => Unanswered::because(format!(
                "the target refused a question with SQLSTATE {}",
                state.code()
            )),
            None => {
                let what = "look for rows that 1.x damaged";
                Unanswered::Failed(PostgresError::statement(what, &error).into())
            }
        })
    }
}

/// The key by which a row is found on both sides.
struct Key {
    /// Columns, quoted for the source.
    source: Vec<String>,
    /// Columns quoted for the target, with their types.
    target: Vec<(String, PgType)>,
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
            key.target
                .push((quote_ident(&there.name), there.ty.clone()));
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
    fn target_question(&self, suspect: &Suspect, rows: &[Cells]) -> Option<String> {
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
            let fits: Vec<bool> = (self.target.iter().zip(parts))
                .map(|((_, ty), part)| part.as_deref().is_some_and(|text| fits(ty, text)))
                .collect();
            if fits.contains(&false) && !suspect.row_is_missing {
                continue;
            }
            // a part that does not fit finds no row, and there is none
            let cells = row.iter().enumerate().map(|(n, cell)| match cell {
                Some(text) if fits.get(n) != Some(&false) => {
                    format!("{}::text", quote_literal(text))
                }
                _ => "null::text".to_owned(),
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
            .map(|((column, ty), name)| format!("t.{column} = v.{name}::{}", ty.sql()))
            .collect();
        let first = &self.target.first()?.0;
        let (shows, compared) = match suspect.row_is_missing {
            true => (format!("t.{first} is null"), "*".to_owned()),
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

/// The target's type can hold that value of a key: 1.x made types that are too narrow for numbers, and
/// the source has days that no calendar has.
fn fits(ty: &PgType, text: &str) -> bool {
    match (ty, greatest(ty)) {
        (_, Some(greatest)) => text
            .parse::<i128>()
            .is_ok_and(|number| number <= i128::from(greatest)),
        (PgType::Date | PgType::Timestamp(_) | PgType::Timestamptz(_), None) => {
            let day = text.get(..10).unwrap_or(text);
            Date::parse(day, format_description!("[year]-[month]-[day]"))
                .is_ok_and(|day| day.year() > 0)
        }
        _ => true,
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

    #[test]
    fn a_key_is_looked_for_where_the_target_can_hold_it() {
        let check = |ty: PgType, text: &str, expect| {
            assert_eq!(fits(&ty, text), expect, "{ty:?} {text}");
        };
        check(PgType::Int4, "2147483647", true);
        check(PgType::Int4, "2147483648", false);
        check(PgType::Int4, "-2147483648", true);
        check(PgType::Int8, "9223372036854775807", true);
        check(PgType::Int8, "18446744073709551615", false);
        check(PgType::Date, "2024-02-29", true);
        check(PgType::Date, "2023-02-29", false);
        check(PgType::Date, "0000-00-00", false);
        check(PgType::Date, "0000-01-01", false);
        check(PgType::Timestamp(0), "9999-12-31 23:59:59", true);
        check(PgType::Timestamp(6), "2024-00-00 00:00:00", false);
        check(PgType::Varchar(Some(9)), "0000-00-00", true);
    }
}
