//! A module's plan for a table, checked, and the tables that its rows become rows of.

use std::collections::BTreeSet;

use chameleon_model::{Column, ColumnType, Index, IndexPart, TableName, TableSchema, TypeKind};

use crate::abi::v0_1::{ColumnSource, OpSet, OtherOps, TablePlan, TargetColumn, ValueForm};
use crate::error::TransformError;
use crate::gather::form;
use crate::outcome::Origin;
use crate::pg_type;
use crate::words;

/// PostgreSQL has no more columns in a table.
const MOST_COLUMNS: usize = 1600;
const MOST_ROUTES: usize = 10_000;

/// A plan that can be carried out.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Columns of the output tables.
    pub(crate) columns: Vec<OutColumn>,
    /// The output tables.
    pub(crate) routes: Vec<TableSchema>,
    /// Output rows are as wide as input rows and every passed column keeps its place: rows are
    /// altered in place.
    pub(crate) in_place: bool,
    /// Some column of the key is made by the module.
    pub(crate) makes_key: bool,
    /// Output rows are found by a key, not by all their columns.
    pub(crate) keyed: bool,
}

/// A column of the output tables.
#[derive(Debug)]
pub(crate) struct OutColumn {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) form: ValueForm,
    pub(crate) ty: ColumnType,
    pub(crate) nullable: bool,
    /// Rows are found by it: the old image must have it.
    pub(crate) identity: bool,
}

impl OutColumn {
    /// The module gives its values.
    pub(crate) fn made(&self) -> bool {
        !matches!(self.origin, Origin::Passed(_))
    }
}

/// Checks the plan of a transform for a table of the source, here in the version `table`.
pub(crate) fn check(
    plan: &TablePlan,
    table: &TableSchema,
    transform: &str,
    source: &TableName,
) -> Result<Shape, TransformError> {
    let broken = |reason: String| TransformError::Plan {
        transform: transform.to_owned(),
        table: source.clone(),
        reason,
    };
    check_reads(plan, table).map_err(broken)?;
    check_names(plan).map_err(broken)?;
    let mut columns = Vec::with_capacity(plan.columns.len());
    for column in &plan.columns {
        let refused = |reason: String| TransformError::Type {
            transform: transform.to_owned(),
            table: Box::new(source.clone()),
            column: words::short(&column.name),
            pg_type: words::short(column.pg_type.as_deref().unwrap_or_default()),
            reason,
        };
        let origin = origin(column, table).map_err(broken)?;
        columns.push(output_column(column, origin, table).map_err(refused)?);
    }
    let origins: Vec<Origin> = columns.iter().map(|(_, origin)| *origin).collect();
    let schema = output_table(plan, table, &columns).map_err(broken)?;
    let identity = identity(&schema);
    let makes_key = schema
        .primary_key
        .iter()
        .any(|&n| !matches!(origins[n], Origin::Passed(_)));
    let columns: Vec<OutColumn> = columns
        .into_iter()
        .enumerate()
        .map(|(n, (column, origin))| OutColumn {
            name: column.name,
            origin,
            form: form(&column.ty),
            ty: column.ty,
            nullable: column.nullable,
            identity: identity.contains(&n),
        })
        .collect();
    let identity_made = columns.iter().any(|c| c.identity && c.made());
    check_ops(plan, &columns, identity_made).map_err(broken)?;
    let places = origins.iter().enumerate();
    let in_place = origins.len() == table.columns.len()
        && places.clone().all(|(n, origin)| match origin {
            Origin::Passed(from) | Origin::Replaced(from) => *from == n,
            Origin::Computed => true,
        });
    let routes = plan.routes.iter().map(|route| TableSchema {
        name: TableName::new(&route.table.schema, &route.table.name),
        ..schema.clone()
    });
    Ok(Shape {
        keyed: schema.row_key().is_some(),
        routes: routes.collect(),
        columns,
        in_place,
        makes_key,
    })
}

fn check_reads(plan: &TablePlan, table: &TableSchema) -> Result<(), String> {
    for (name, reads) in [
        ("read-after", &plan.read_after),
        ("read-before", &plan.read_before),
    ] {
        let mut seen = BTreeSet::new();
        for &column in reads {
            if column as usize >= table.columns.len() {
                return Err(format!(
                    "`{name}` has index {column}, the table has {} columns",
                    table.columns.len()
                ));
            }
            if !seen.insert(column) {
                return Err(format!("`{name}` has index {column} twice"));
            }
        }
    }
    Ok(())
}

fn check_names(plan: &TablePlan) -> Result<(), String> {
    if plan.columns.is_empty() || plan.columns.len() > MOST_COLUMNS {
        return Err(format!("{} output columns", plan.columns.len()));
    }
    let mut seen = BTreeSet::new();
    for column in &plan.columns {
        check_name("a column", &column.name)?;
        if !seen.insert(column.name.to_lowercase()) {
            return Err(format!("two columns are called `{}`", column.name));
        }
    }
    if plan.routes.is_empty() || plan.routes.len() > MOST_ROUTES {
        return Err(format!("{} routes", plan.routes.len()));
    }
    let mut seen = BTreeSet::new();
    for route in &plan.routes {
        check_name("the database of a route", &route.table.schema)?;
        check_name("the table of a route", &route.table.name)?;
        if !seen.insert((&route.table.schema, &route.table.name)) {
            let (schema, name) = (&route.table.schema, &route.table.name);
            return Err(format!("two routes go to {schema}.{name}"));
        }
    }
    Ok(())
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err(format!("{what} has no name"));
    }
    if name.len() > 256 || name.chars().any(char::is_control) {
        return Err(format!("{what} has the name `{}`", words::short(name)));
    }
    Ok(())
}

fn origin(column: &TargetColumn, table: &TableSchema) -> Result<Origin, String> {
    let index = |index: u32| {
        let found = table.columns.get(index as usize).map(|_| index as usize);
        found.ok_or_else(|| {
            format!(
                "column `{}` comes from index {index}, the table has {} columns",
                column.name,
                table.columns.len()
            )
        })
    };
    Ok(match column.source {
        ColumnSource::Input(n) => Origin::Passed(index(n)?),
        ColumnSource::Replaced(n) => Origin::Replaced(index(n)?),
        ColumnSource::Computed(_) => Origin::Computed,
    })
}

fn output_column(
    column: &TargetColumn,
    origin: Origin,
    table: &TableSchema,
) -> Result<(Column, Origin), String> {
    let class = column.pg_type.as_deref().map(pg_type::parse).transpose()?;
    let input = origin.source().and_then(|n| table.columns.get(n));
    let mut output = match (input, column.source) {
        (Some(input), _) => input.clone(),
        (None, source) => {
            let form = match source {
                ColumnSource::Computed(form) => form,
                _ => ValueForm::Texts,
            };
            Column::new(
                String::new(),
                pg_type::computed(form, class.as_ref()),
                column.nullable,
            )
        }
    };
    if let Some(class) = &class
        && !pg_type::accepts(&output.ty, class)
    {
        return Err(format!("values of {} do not go there", output.ty.declared));
    }
    output.name.clone_from(&column.name);
    if let Some(asked) = &column.pg_type {
        output.target = Some(asked.trim().to_owned());
    }
    match origin {
        // what passes may be NULL where it was before
        Origin::Passed(_) => output.nullable |= column.nullable,
        _ => {
            output.nullable = column.nullable;
            output.auto_increment = false;
            output.generated = false;
            output.default = None;
        }
    }
    Ok((output, origin))
}

/// The output table under the input's name.
fn output_table(
    plan: &TablePlan,
    table: &TableSchema,
    columns: &[(Column, Origin)],
) -> Result<TableSchema, String> {
    let place = |input: usize| {
        columns
            .iter()
            .position(|(_, origin)| origin.source() == Some(input))
    };
    let primary_key = primary_key(plan, table, columns, &place)?;
    let shared = primary_key
        .iter()
        .any(|&n| matches!(columns[n].1, Origin::Computed));
    let complete = (0..table.columns.len()).all(|n| place(n).is_some());
    let indexes = table.indexes.iter().filter_map(|index| {
        let parts = index.parts.iter().map(|part| {
            let column = match part.column {
                Some(input) => Some(place(input)?),
                None if complete => None,
                None => return None,
            };
            let part = part.clone();
            Some(IndexPart { column, ..part })
        });
        let parts = parts.collect::<Option<Vec<IndexPart>>>()?;
        // two values may have become one, unless they are the key
        let mut places = parts.iter().filter_map(|part| part.column);
        let merged = places
            .any(|n| matches!(columns[n].1, Origin::Replaced(_)) && !primary_key.contains(&n));
        Some(Index {
            name: index.name.clone(),
            // a key with a computed part is there because other rows may have the same values
            unique: index.unique && !shared && !merged,
            kind: index.kind,
            parts,
        })
    });
    let foreign_keys = table.foreign_keys.iter().filter_map(|key| {
        let own = key.columns.iter().map(|name| {
            let place = place(table.column_index(name)?)?;
            Some(columns[place].0.name.clone())
        });
        let columns = own.collect::<Option<Vec<String>>>()?;
        // rows that go several ways leave their references behind
        (plan.routes.len() == 1).then(|| {
            let mut key = key.clone();
            key.columns = columns;
            key
        })
    });
    Ok(TableSchema {
        name: table.name.clone(),
        indexes: indexes.collect(),
        foreign_keys: foreign_keys.collect(),
        columns: columns.iter().map(|(column, _)| column.clone()).collect(),
        primary_key,
        comment: table.comment.clone(),
        charset: table.charset.clone(),
    })
}

fn primary_key(
    plan: &TablePlan,
    table: &TableSchema,
    columns: &[(Column, Origin)],
    place: &impl Fn(usize) -> Option<usize>,
) -> Result<Vec<usize>, String> {
    let key: Vec<usize> = match &plan.key {
        Some(names) => {
            let mut key = Vec::with_capacity(names.len());
            for name in names {
                let found = columns.iter().position(|(c, _)| c.name == *name);
                let found = found.ok_or_else(|| {
                    format!("key column `{}` is no output column", words::short(name))
                })?;
                if key.contains(&found) {
                    return Err(format!("key column `{name}` stands twice"));
                }
                key.push(found);
            }
            key
        }
        None => {
            let mut key = Vec::with_capacity(table.primary_key.len());
            for &input in &table.primary_key {
                key.push(place(input).ok_or_else(|| {
                    let name = table.columns.get(input).map_or("", |c| c.name.as_str());
                    format!("key column `{name}` is left out and no other key is named")
                })?);
            }
            key
        }
    };
    match key.iter().find(|&&n| columns[n].0.nullable) {
        Some(&n) => Err(format!("key column `{}` may be NULL", columns[n].0.name)),
        None => Ok(key),
    }
}

/// Columns that a row is found by: its key, or all.
fn identity(table: &TableSchema) -> BTreeSet<usize> {
    match table.row_key() {
        Some(key) => key.into_iter().collect(),
        None => (0..table.columns.len()).collect(),
    }
}

fn check_ops(plan: &TablePlan, columns: &[OutColumn], identity_made: bool) -> Result<(), String> {
    if plan.other_ops == OtherOps::Drop {
        return Ok(());
    }
    let all = OpSet::INSERT | OpSet::UPDATE | OpSet::DELETE | OpSet::REFRESH;
    let without_delete = OpSet::INSERT | OpSet::UPDATE | OpSet::REFRESH;
    let (needed, why) = if plan.routes.len() > 1 {
        (all, "there are several routes")
    } else if identity_made {
        (all, "it makes columns that rows are found by")
    } else if columns.iter().any(OutColumn::made) {
        (without_delete, "it makes columns")
    } else {
        return Ok(());
    };
    if plan.ops & needed == needed {
        return Ok(());
    }
    Err(format!("rows would pass without it, but {why}"))
}

/// The table as modules see it.
pub(crate) fn describe(table: &TableSchema, id: u32) -> crate::abi::v0_1::Table {
    use crate::abi::v0_1 as abi;
    let columns = table.columns.iter().enumerate().map(|(n, column)| {
        let position = table.primary_key.iter().position(|&key| key == n);
        let key = position.map_or(0, |position| {
            u16::try_from(position + 1).unwrap_or(u16::MAX)
        });
        abi::Column {
            name: column.name.clone(),
            ty: abi::ColumnType {
                kind: kind(column.ty.kind),
                unsigned: column.ty.unsigned,
                length: column.ty.length,
                scale: column.ty.scale,
                collation: column.ty.collation.clone(),
                labels: column.ty.labels.clone(),
                declared: column.ty.declared.clone(),
            },
            nullable: column.nullable,
            key,
            generated: column.generated,
        }
    });
    abi::Table {
        id,
        name: abi::TableName {
            schema: table.name.schema.clone(),
            name: table.name.name.clone(),
        },
        columns: columns.collect(),
    }
}

fn kind(kind: TypeKind) -> crate::abi::v0_1::TypeKind {
    use crate::abi::v0_1::TypeKind as Abi;
    match kind {
        TypeKind::TinyInt => Abi::TinyInt,
        TypeKind::SmallInt => Abi::SmallInt,
        TypeKind::MediumInt => Abi::MediumInt,
        TypeKind::Int => Abi::Int,
        TypeKind::BigInt => Abi::BigInt,
        TypeKind::Decimal => Abi::Decimal,
        TypeKind::Float => Abi::Float,
        TypeKind::Double => Abi::Double,
        TypeKind::Bit => Abi::Bit,
        TypeKind::Year => Abi::Year,
        TypeKind::Date => Abi::Date,
        TypeKind::Time => Abi::Time,
        TypeKind::DateTime => Abi::DateTime,
        TypeKind::Timestamp => Abi::Timestamp,
        TypeKind::Char => Abi::Char,
        TypeKind::VarChar => Abi::VarChar,
        TypeKind::Text => Abi::Text,
        TypeKind::Binary => Abi::Binary,
        TypeKind::VarBinary => Abi::VarBinary,
        TypeKind::Blob => Abi::Blob,
        TypeKind::Enum => Abi::Enum,
        TypeKind::Set => Abi::Set,
        TypeKind::Json => Abi::Json,
        TypeKind::Geometry => Abi::Geometry,
        TypeKind::Uuid => Abi::Uuid,
        TypeKind::Inet4 | TypeKind::Inet6 => Abi::Inet,
        TypeKind::Vector => Abi::Vector,
        TypeKind::Unknown => Abi::Unknown,
    }
}
