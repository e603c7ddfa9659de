//! Says what a transform does with a table: which columns it reads and makes, and where rows go.

use crate::{
    Column, Error, Form, Input, Odd, Op, Output, Table, TypeKind,
    bindings::chameleon::transform::types as wit,
    layout::{InputColumn, Layout, OutputColumn},
};

pub use wit::OtherOps as Others;

/// What a transform does with one version of a table. `T` is what the transform keeps for the table.
pub struct Plan<T> {
    pub(crate) kind: Kind<T>,
}

pub(crate) enum Kind<T> {
    Pass,
    Exclude,
    Apply(Box<Applied<T>>),
}

pub(crate) struct Applied<T> {
    pub(crate) plan: wit::TablePlan,
    pub(crate) layout: Layout,
    pub(crate) state: T,
}

impl<T> Plan<T> {
    /// The table is none of the transform's business: its rows cost nothing.
    pub fn pass() -> Self {
        Plan { kind: Kind::Pass }
    }

    /// Nothing of the table is replicated.
    pub fn exclude() -> Self {
        Plan {
            kind: Kind::Exclude,
        }
    }
}

/// Operations on rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ops(wit::OpSet);

impl Ops {
    /// These operations.
    pub fn of(ops: &[Op]) -> Self {
        let flags = ops.iter().map(|op| match op {
            Op::Insert => wit::OpSet::INSERT,
            Op::Update => wit::OpSet::UPDATE,
            Op::Delete => wit::OpSet::DELETE,
            Op::Refresh => wit::OpSet::REFRESH,
        });
        Ops(flags.fold(wit::OpSet::empty(), wit::OpSet::union))
    }

    /// All of them.
    pub fn all() -> Self {
        Ops::of(&[Op::Insert, Op::Update, Op::Delete, Op::Refresh])
    }
}

/// Makes a plan. At first every column passes under its own name to a table of the same name.
pub struct Planner {
    table: Table,
    targets: Vec<Target>,
    inputs: Vec<InputColumn>,
    outputs: Vec<Made>,
    key: Option<Vec<String>>,
    routes: Vec<wit::Route>,
    meta: bool,
    ops: Ops,
    others: Others,
}

struct Target {
    name: String,
    source: Source,
}

enum Source {
    Passed(u32),
    Made(usize),
}

/// A column that the transform makes.
struct Made {
    form: Form,
    pg_type: Option<String>,
    nullable: bool,
    odd: Odd,
    /// The input that it is made from.
    source: Option<usize>,
    /// Has it another type than the column it replaces?
    own_type: bool,
}

impl Planner {
    /// A plan for this table.
    pub fn new(table: &Table) -> Self {
        let passed = |column: &Column| Target {
            name: column.name.clone(),
            source: Source::Passed(column.index),
        };
        Planner {
            table: table.clone(),
            targets: table.columns.iter().map(passed).collect(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            key: None,
            routes: Vec::new(),
            meta: false,
            ops: Ops::all(),
            others: Others::Pass,
        }
    }

    /// Reads a column of the new image. Where the plan makes a column of the key, the old image's too.
    ///
    /// # Errors
    /// A schema error if the table has no such column.
    pub fn read(&mut self, name: &str) -> Result<Input, Error> {
        let column = self.table.column(name)?;
        let known = |input: &InputColumn| input.index == column.index;
        if let Some(place) = self.inputs.iter().position(known) {
            return Ok(Input(place));
        }
        self.inputs.push(InputColumn {
            index: column.index,
            name: column.name.clone(),
            labels: column.ty.labels.clone(),
            before: false,
        });
        Ok(Input(self.inputs.len() - 1))
    }

    /// Reads a column of both images, as filters and routes must that look at columns which may change.
    ///
    /// # Errors
    /// As for [`Planner::read`].
    pub fn read_both(&mut self, name: &str) -> Result<Input, Error> {
        let input = self.read(name)?;
        self.inputs[input.0].before = true;
        Ok(input)
    }

    /// Makes a column anew, with the type that it has: every value must fit it.
    ///
    /// # Errors
    /// As for [`Planner::read`].
    pub fn replace(&mut self, name: &str) -> Result<Output, Error> {
        let source = self.read(name)?;
        let index = self.inputs[source.0].index;
        let mine = |target: &&mut Target| matches!(target.source, Source::Passed(i) if i == index);
        let made = self.outputs.len();
        match self.targets.iter_mut().find(mine) {
            Some(target) => target.source = Source::Made(made),
            None => {
                let name = &self.inputs[source.0].name;
                let message = format!("`{name}` of {} is made or dropped already", self.table);
                return Err(Error::config(message));
            }
        }
        let column = self.table.column(name)?;
        self.outputs.push(Made {
            form: column.form(),
            pg_type: None,
            nullable: column.nullable,
            odd: Odd::Reject,
            source: Some(source.0),
            own_type: false,
        });
        Ok(Output(made))
    }

    /// Adds a column at the end, of a type of PostgreSQL. Rows that do not set it have NULL there.
    ///
    /// # Errors
    /// A schema error if the table has a column of this name.
    pub fn add(&mut self, name: &str, form: Form, pg_type: &str) -> Result<Output, Error> {
        self.check_new(name)?;
        self.targets.push(Target {
            name: name.into(),
            source: Source::Made(self.outputs.len()),
        });
        self.outputs.push(Made {
            form,
            pg_type: Some(pg_type.into()),
            nullable: true,
            odd: Odd::Reject,
            source: None,
            own_type: true,
        });
        Ok(Output(self.outputs.len() - 1))
    }

    /// Gives a made column another type at the target. With the form of the column it replaces its values must fit
    /// that column still, and it keeps its indexes; with another form it is a column of its own.
    pub fn set_type(&mut self, output: Output, form: Form, pg_type: &str) {
        let made = &mut self.outputs[output.0];
        made.own_type |= form != made.form;
        made.form = form;
        made.pg_type = Some(pg_type.into());
    }

    /// The values of a made column need not fit the column that it replaces, whose indexes it then has not.
    pub fn set_unbound(&mut self, output: Output) {
        self.outputs[output.0].own_type = true;
    }

    /// May a made column be NULL?
    pub fn set_nullable(&mut self, output: Output, nullable: bool) {
        self.outputs[output.0].nullable = nullable;
    }

    /// What becomes of values that the column's type cannot hold; without it the row is rejected.
    pub fn set_odd(&mut self, output: Output, odd: Odd) {
        let made = &mut self.outputs[output.0];
        made.nullable |= odd == Odd::Null;
        made.odd = odd;
    }

    /// Gives a column another name at the target.
    ///
    /// # Errors
    /// A schema error if the table has no such column, or another one of the new name.
    pub fn rename(&mut self, name: &str, new_name: &str) -> Result<(), Error> {
        let index = self.table.column(name)?.index;
        let Some(place) = self.place_of(index) else {
            return Err(self.gone(name));
        };
        if self.targets[place].name == new_name {
            return Ok(());
        }
        // A change of case alone meets only the column itself.
        let old = std::mem::take(&mut self.targets[place].name);
        if let Err(error) = self.check_new(new_name) {
            self.targets[place].name = old;
            return Err(error);
        }
        self.targets[place].name = new_name.into();
        Ok(())
    }

    /// Leaves a column out at the target.
    ///
    /// # Errors
    /// A schema error if the table has no such column.
    pub fn drop_column(&mut self, name: &str) -> Result<(), Error> {
        let index = self.table.column(name)?.index;
        match self.place_of(index) {
            Some(place) if matches!(self.targets[place].source, Source::Passed(_)) => {
                self.targets.remove(place);
                Ok(())
            }
            _ => Err(self.gone(name)),
        }
    }

    /// Names the key's columns at the target; without it the source's key stays.
    pub fn key<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) {
        self.key = Some(names.into_iter().map(Into::into).collect());
    }

    /// A table that rows may go to. The first one is the default and replaces the table of the same name; each row
    /// takes the route of the number that it is given.
    pub fn route(&mut self, schema: &str, table: &str) -> u16 {
        self.routes.push(wit::Route {
            table: wit::TableName {
                schema: schema.into(),
                name: table.into(),
            },
        });
        u16::try_from(self.routes.len() - 1).unwrap_or(u16::MAX)
    }

    /// Reads the commit time and the position of each row.
    pub fn with_meta(&mut self) {
        self.meta = true;
    }

    /// Only these operations are handed over; what becomes of the others is `others`.
    pub fn only(&mut self, ops: Ops, others: Others) {
        self.ops = ops;
        self.others = others;
    }

    /// Warns in the host's log of generated columns that pass: the source may make them of columns that are replaced
    /// here, and show what is hidden. For transforms that hide something.
    pub fn warn_of_generated(&self) {
        for target in &self.targets {
            let Source::Passed(index) = target.source else {
                continue;
            };
            let column = &self.table.columns[index as usize];
            if column.generated {
                let message = format!(
                    "`{}` of {} is generated: if it is made of a hidden column, hide it too",
                    column.name, self.table
                );
                crate::host::log(crate::host::Level::Warn, &message);
            }
        }
    }

    /// The plan, with what the transform keeps for the table.
    ///
    /// # Errors
    /// A schema error if the plan has no column, or drops a column of the key without naming another key.
    pub fn apply<T>(mut self, state: T) -> Result<Plan<T>, Error> {
        if self.targets.is_empty() {
            return Err(Error::schema(format!("nothing is left of {}", self.table)));
        }
        let key = self.output_key()?;
        let names_whole_row = key.is_empty();
        let layout_outputs: Vec<OutputColumn> = self
            .outputs
            .iter()
            .enumerate()
            .map(|(place, made)| {
                let (index, name) = self.place_of_made(place);
                let source = made.source.map(|input| &self.inputs[input]);
                let column = source.and_then(|input| self.table.column(&input.name).ok());
                OutputColumn {
                    index,
                    form: made.form,
                    source: made.source,
                    labels: source.map(|input| input.labels.clone()).unwrap_or_default(),
                    set: column.is_some_and(|column| column.ty.kind == TypeKind::Set),
                    odd: made.odd.clone(),
                    before: names_whole_row || key.contains(&name),
                    name,
                }
            })
            .collect();
        if layout_outputs.iter().any(|output| output.before) {
            for input in &mut self.inputs {
                input.before = true;
            }
        }
        let plan = self.table_plan(&key);
        let layout = Layout {
            inputs: self.inputs,
            outputs: layout_outputs,
        };
        Ok(Plan {
            kind: Kind::Apply(Box::new(Applied {
                plan,
                layout,
                state,
            })),
        })
    }

    fn table_plan(&self, key: &[String]) -> wit::TablePlan {
        let own = wit::Route {
            table: wit::TableName {
                schema: self.table.schema.clone(),
                name: self.table.name.clone(),
            },
        };
        let routes = if self.routes.is_empty() {
            vec![own]
        } else {
            self.routes.clone()
        };
        let columns = self.targets.iter().map(|target| self.target(target));
        let before = self.inputs.iter().filter(|input| input.before);
        let source_key = self.table.key();
        // The host knows by itself which column a key's column became, unless it is one of its own.
        let own_type = |name: &String| {
            let mut targets = self.targets.iter().filter(|target| target.name == *name);
            targets.any(
                |target| matches!(target.source, Source::Made(made) if self.outputs[made].own_type),
            )
        };
        let same_key = key.len() == source_key.len()
            && key
                .iter()
                .zip(&source_key)
                .all(|(new, old)| *new == old.name)
            && !key.iter().any(own_type);
        wit::TablePlan {
            read_after: self.inputs.iter().map(|input| input.index).collect(),
            read_before: before.map(|input| input.index).collect(),
            want_meta: self.meta,
            columns: columns.collect(),
            key: (!same_key).then(|| key.to_vec()),
            routes,
            ops: self.ops.0,
            other_ops: self.others,
            deterministic: true,
        }
    }

    fn target(&self, target: &Target) -> wit::TargetColumn {
        let name = target.name.clone();
        match target.source {
            Source::Passed(index) => wit::TargetColumn {
                name,
                pg_type: None,
                nullable: self.table.columns[index as usize].nullable,
                source: wit::ColumnSource::Input(index),
            },
            Source::Made(place) => {
                let made = &self.outputs[place];
                let source = match made.source {
                    Some(input) if !made.own_type => {
                        wit::ColumnSource::Replaced(self.inputs[input].index)
                    }
                    _ => wit::ColumnSource::Computed(made.form),
                };
                wit::TargetColumn {
                    name,
                    pg_type: made.pg_type.clone(),
                    nullable: made.nullable,
                    source,
                }
            }
        }
    }

    /// The names of the key's columns at the target; none where the table has no key.
    fn output_key(&self) -> Result<Vec<String>, Error> {
        if let Some(key) = &self.key {
            for name in key {
                if !self.targets.iter().any(|target| target.name == *name) {
                    let message = format!(
                        "`{name}` is to be in the key of {}, but is no column",
                        self.table
                    );
                    return Err(Error::schema(message));
                }
            }
            return Ok(key.clone());
        }
        let key = self.table.key().into_iter().map(|column| {
            let place = self.place_of(column.index);
            place
                .map(|place| self.targets[place].name.clone())
                .ok_or_else(|| {
                    Error::schema(format!(
                        "`{}` is part of the key of {} and cannot be dropped",
                        column.name, self.table
                    ))
                })
        });
        key.collect()
    }

    /// Where a column of the source stands at the target.
    fn place_of(&self, index: u32) -> Option<usize> {
        self.targets.iter().position(|target| match target.source {
            Source::Passed(passed) => passed == index,
            Source::Made(made) => self.outputs[made]
                .source
                .is_some_and(|input| self.inputs[input].index == index),
        })
    }

    fn place_of_made(&self, made: usize) -> (u32, String) {
        let mine = |target: &Target| matches!(target.source, Source::Made(m) if m == made);
        let mut targets = (0..).zip(&self.targets);
        let found = targets.find(|(_, target)| mine(target));
        found.map_or((u32::MAX, String::new()), |(index, target)| {
            (index, target.name.clone())
        })
    }

    fn check_new(&self, name: &str) -> Result<(), Error> {
        let taken = |target: &Target| target.name.eq_ignore_ascii_case(name);
        if self.targets.iter().any(taken) {
            let message = format!("{} has a column `{name}` already", self.table);
            return Err(Error::schema(message));
        }
        Ok(())
    }

    fn gone(&self, name: &str) -> Error {
        Error::config(format!(
            "`{name}` of {} is made or dropped already",
            self.table
        ))
    }
}
