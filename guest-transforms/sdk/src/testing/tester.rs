//! Drives a transform through plans and batches.

use std::collections::BTreeMap;

use super::{Datum, TestTable, check, column};
use crate::{
    Error, Op, Transform, bindings::chameleon::transform::types as wit, guest::Runner,
    value::offset,
};

/// A configured transform in a test.
pub struct Tester<T: Transform> {
    runner: Runner<T>,
    planned: Option<(wit::Table, wit::Plan)>,
    versions: u32,
}

/// A change of a row in a test.
#[derive(Clone, Debug)]
pub struct Change {
    op: Op,
    before: Named,
    after: Named,
    /// What a row that is not named holds.
    rest: Datum,
}

type Named = BTreeMap<String, Datum>;

/// What a transform said of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It is left out.
    Drop,
    /// It is set aside, for this reason.
    Reject(String),
    /// It is deleted at the target.
    Leave,
    /// It is inserted at the target.
    Enter,
}

/// What became of a row.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the transform said of it.
    pub verdict: Verdict,
    /// `schema.table` that its new image goes to.
    pub route: String,
    /// `schema.table` that its old image is at.
    pub before_route: String,
    before: Named,
    after: Named,
}

impl Outcome {
    /// A column of the new image as it goes to the target.
    ///
    /// # Panics
    /// If the target has no such column.
    pub fn after(&self, column: &str) -> &Datum {
        named(&self.after, column)
    }

    /// A column of the old image as it goes to the target.
    ///
    /// # Panics
    /// If the target has no such column.
    pub fn before(&self, column: &str) -> &Datum {
        named(&self.before, column)
    }

    /// The target's columns, ordered by name.
    pub fn columns(&self) -> Vec<&str> {
        self.after.keys().map(String::as_str).collect()
    }
}

fn named<'a>(row: &'a Named, column: &str) -> &'a Datum {
    row.get(column).unwrap_or_else(|| {
        let known: Vec<&String> = row.keys().collect();
        panic!("the target has no column `{column}`, but {known:?}")
    })
}

impl Change {
    /// A new row; columns that are not named are NULL.
    pub fn insert<'a>(after: impl IntoIterator<Item = (&'a str, Datum)>) -> Self {
        Change::new(Op::Insert, [], after, Datum::Null)
    }

    /// A row of the first copy; columns that are not named are NULL.
    pub fn refresh<'a>(after: impl IntoIterator<Item = (&'a str, Datum)>) -> Self {
        Change::new(Op::Refresh, [], after, Datum::Null)
    }

    /// A deleted row; columns that are not named are NULL.
    pub fn delete<'a>(before: impl IntoIterator<Item = (&'a str, Datum)>) -> Self {
        Change::new(Op::Delete, before, [], Datum::Null)
    }

    /// A changed row with full images: the old one, and what is new in the new one.
    pub fn update<'a>(
        before: impl IntoIterator<Item = (&'a str, Datum)>,
        changes: impl IntoIterator<Item = (&'a str, Datum)>,
    ) -> Self {
        let mut change = Change::new(Op::Update, before, [], Datum::Null);
        change.after = change.before.clone();
        change.after.extend(own(changes));
        change
    }

    /// A changed row of a source that logs partial images: what is not named is absent.
    pub fn partial_update<'a>(
        before: impl IntoIterator<Item = (&'a str, Datum)>,
        after: impl IntoIterator<Item = (&'a str, Datum)>,
    ) -> Self {
        Change::new(Op::Update, before, after, Datum::Absent)
    }

    /// A deleted row of a source that logs partial images: what is not named is absent.
    pub fn partial_delete<'a>(before: impl IntoIterator<Item = (&'a str, Datum)>) -> Self {
        Change::new(Op::Delete, before, [], Datum::Absent)
    }

    fn new<'a>(
        op: Op,
        before: impl IntoIterator<Item = (&'a str, Datum)>,
        after: impl IntoIterator<Item = (&'a str, Datum)>,
        rest: Datum,
    ) -> Self {
        Change {
            op,
            before: own(before),
            after: own(after),
            rest,
        }
    }

    fn has(&self, after: bool) -> bool {
        match self.op {
            Op::Insert | Op::Refresh => after,
            Op::Delete => !after,
            Op::Update => true,
        }
    }

    fn get(&self, column: &str, after: bool) -> &Datum {
        if !self.has(after) {
            return &Datum::Absent;
        }
        let image = if after { &self.after } else { &self.before };
        image.get(column).unwrap_or(&self.rest)
    }
}

fn own<'a>(columns: impl IntoIterator<Item = (&'a str, Datum)>) -> Named {
    columns
        .into_iter()
        .map(|(name, datum)| (name.to_owned(), datum))
        .collect()
}

impl<T: Transform> Tester<T> {
    /// Configures the transform with a JSON document.
    ///
    /// # Errors
    /// What the transform says against it.
    pub fn new(config: &str) -> Result<Self, Error> {
        Ok(Tester {
            runner: Runner::configure(config)?,
            planned: None,
            versions: 0,
        })
    }

    /// Plans for a table, or for its next version after a DDL; tells of each target column where it comes from:
    /// `email varchar(100) replaced`.
    ///
    /// # Errors
    /// What the transform says against it.
    ///
    /// # Panics
    /// If the host would refuse the plan.
    pub fn plan(&mut self, table: &TestTable) -> Result<Vec<String>, Error> {
        if let Some((old, _)) = self.planned.take() {
            self.runner.forget_table(old.id);
        }
        self.versions += 1;
        let table = table.wit(self.versions);
        let plan = self.runner.plan_table(table.clone())?;
        let told = match &plan {
            wit::Plan::Pass => vec!["pass".into()],
            wit::Plan::Exclude => vec!["exclude".into()],
            wit::Plan::Apply(plan) => {
                if let Err(what) = check::plan(plan, &table) {
                    panic!("the host would refuse the plan: {what}");
                }
                tell(plan, &table)
            }
        };
        self.planned = Some((table, plan));
        Ok(told)
    }

    /// Transforms rows in one batch.
    ///
    /// # Errors
    /// What the transform says against the batch.
    ///
    /// # Panics
    /// If no table was planned, or the host would refuse the result.
    pub fn run(&mut self, changes: &[Change]) -> Result<Vec<Outcome>, Error> {
        let Some((table, plan)) = self.planned.clone() else {
            panic!("the test runs rows of a table that it did not plan");
        };
        let plan = match plan {
            wit::Plan::Pass => {
                let own = |change| Outcome::untouched(change, &table, None, Verdict::Keep);
                return Ok(changes.iter().map(own).collect());
            }
            wit::Plan::Exclude => {
                let own = |change| Outcome::untouched(change, &table, None, Verdict::Drop);
                return Ok(changes.iter().map(own).collect());
            }
            wit::Plan::Apply(plan) => plan,
        };
        let seen = |change: &&Change| plan.ops.contains(flag(change.op));
        let given: Vec<&Change> = changes.iter().filter(seen).collect();
        let ops: Vec<Op> = given.iter().map(|change| change.op).collect();
        let result = self.runner.transform(batch(&given, &plan, &table))?;
        if let Err(what) = check::result(&result, &plan, &table, &ops) {
            panic!("the host would refuse the result: {what}");
        }
        let mut made = (0..given.len()).map(|row| outcome(given[row], row, &result, &plan, &table));
        let others = match plan.other_ops {
            wit::OtherOps::Pass => Verdict::Keep,
            wit::OtherOps::Drop => Verdict::Drop,
        };
        Ok(changes
            .iter()
            .map(|change| {
                let made = if seen(&change) { made.next() } else { None };
                made.unwrap_or_else(|| {
                    Outcome::untouched(change, &table, Some(&plan), others.clone())
                })
            })
            .collect())
    }
}

fn flag(op: Op) -> wit::OpSet {
    match op {
        Op::Insert => wit::OpSet::INSERT,
        Op::Update => wit::OpSet::UPDATE,
        Op::Delete => wit::OpSet::DELETE,
        Op::Refresh => wit::OpSet::REFRESH,
    }
}

fn tell(plan: &wit::TablePlan, table: &wit::Table) -> Vec<String> {
    let columns = plan.columns.iter().map(|column| {
        let declared = |index: u32| table.columns[index as usize].ty.declared.clone();
        let (ty, how) = match column.source {
            wit::ColumnSource::Input(index) => (declared(index), "passed"),
            wit::ColumnSource::Replaced(index) => {
                let own = column.pg_type.clone();
                (own.unwrap_or_else(|| declared(index)), "replaced")
            }
            wit::ColumnSource::Computed(_) => {
                (column.pg_type.clone().unwrap_or_default(), "computed")
            }
        };
        let null = if column.nullable { "" } else { " not null" };
        format!("{} {ty}{null} {how}", column.name)
    });
    let key = plan.key.iter().map(|key| format!("key {}", key.join(", ")));
    let routes = plan
        .routes
        .iter()
        .map(|route| format!("to {}", full_name(&route.table)));
    columns.chain(key).chain(routes).collect()
}

fn full_name(table: &wit::TableName) -> String {
    format!("{}.{}", table.schema, table.name)
}

fn batch(changes: &[&Change], plan: &wit::TablePlan, table: &wit::Table) -> wit::Batch {
    let side = |indexes: &[u32], after: bool| -> Vec<wit::Vector> {
        let vector = |index: &u32| {
            let source = &table.columns[*index as usize];
            let data: Vec<&Datum> = changes
                .iter()
                .map(|change| change.get(&source.name, after))
                .collect();
            column::encode(*index, &source.ty, &data)
        };
        indexes.iter().map(vector).collect()
    };
    let all = |op: Op| changes.iter().all(|change| change.op == op);
    let plain = all(Op::Insert) || all(Op::Refresh);
    let number = |op: Op| match op {
        Op::Insert => 0,
        Op::Update => 1,
        Op::Delete => 2,
        Op::Refresh => 3,
    };
    wit::Batch {
        table: table.id,
        rows: offset(changes.len()),
        snapshot: !changes.is_empty() && all(Op::Refresh),
        ops: if plain {
            Vec::new()
        } else {
            changes.iter().map(|change| number(change.op)).collect()
        },
        after: side(&plan.read_after, true),
        before: if plain {
            Vec::new()
        } else {
            side(&plan.read_before, false)
        },
        meta: plan.want_meta.then(|| meta(changes.len())),
    }
}

/// Commit times from 2023-11-14 22:13:20 on, a second apart; positions `binlog.000001:0` and so on.
fn meta(rows: usize) -> wit::BatchMeta {
    let mut positions = wit::Pool::default();
    let mut commit_micros = Vec::new();
    let mut time = 1_700_000_000_000_000;
    for row in 0..rows {
        commit_micros.push(time);
        time += 1_000_000;
        positions
            .data
            .extend(format!("binlog.000001:{row}").bytes());
        positions.ends.push(offset(positions.data.len()));
    }
    wit::BatchMeta {
        commit_micros,
        positions,
    }
}

fn outcome(
    change: &Change,
    row: usize,
    result: &wit::ResultBatch,
    plan: &wit::TablePlan,
    table: &wit::Table,
) -> Outcome {
    let verdict = match result.verdicts.get(row) {
        Some(1) => Verdict::Drop,
        Some(2) => {
            let mut rejects = result.rejects.iter();
            let found = rejects.find(|reject| reject.row as usize == row);
            Verdict::Reject(
                found
                    .map(|reject| reject.reason.clone())
                    .unwrap_or_default(),
            )
        }
        Some(3) => Verdict::Leave,
        Some(4) => Verdict::Enter,
        _ => Verdict::Keep,
    };
    let image = |vectors: &[wit::Vector], after: bool| -> Named {
        let columns = (0..).zip(&plan.columns).map(|(index, target)| {
            let vector = vectors.iter().find(|vector| vector.column == index);
            let datum = match target.source {
                wit::ColumnSource::Input(source) => change
                    .get(&table.columns[source as usize].name, after)
                    .clone(),
                wit::ColumnSource::Replaced(source) => {
                    let ty = &table.columns[source as usize].ty;
                    vector.map_or(Datum::Absent, |vector| {
                        column::decode(vector, row, Some(ty))
                    })
                }
                wit::ColumnSource::Computed(_) => {
                    vector.map_or(Datum::Absent, |vector| column::decode(vector, row, None))
                }
            };
            (target.name.clone(), datum)
        });
        columns.collect()
    };
    let route = |routes: &[u16]| routes.get(row).copied().map(usize::from);
    let after = route(&result.routes).unwrap_or_default();
    let before = route(&result.before_routes).unwrap_or(after);
    Outcome {
        verdict,
        route: full_name(&plan.routes[after].table),
        before_route: full_name(&plan.routes[before].table),
        after: image(&result.after, true),
        before: image(&result.before, false),
    }
}

impl Outcome {
    /// A row that the transform did not see.
    fn untouched(
        change: &Change,
        table: &wit::Table,
        plan: Option<&wit::TablePlan>,
        verdict: Verdict,
    ) -> Self {
        let image = |after: bool| -> Named {
            let Some(plan) = plan else {
                let columns = table.columns.iter();
                return columns
                    .map(|column| (column.name.clone(), change.get(&column.name, after).clone()))
                    .collect();
            };
            let columns = plan.columns.iter().map(|target| {
                let datum = match target.source {
                    wit::ColumnSource::Input(index) => change
                        .get(&table.columns[index as usize].name, after)
                        .clone(),
                    _ => Datum::Absent,
                };
                (target.name.clone(), datum)
            });
            columns.collect()
        };
        let route = plan.map_or_else(
            || full_name(&table.name),
            |plan| full_name(&plan.routes[0].table),
        );
        Outcome {
            verdict,
            before_route: route.clone(),
            route,
            before: image(false),
            after: image(true),
        }
    }
}
