//! What a table version looks like at the target: the common ground of creating and altering.

use chameleon_model::name::target_name;
use chameleon_model::name::{quote_ident, quote_literal, quote_qualified, target_index_name};
use chameleon_model::{IndexKind, PgType, TableSchema, TargetTable, TypeKind};

use super::LeftOut;
use crate::mapping::{Mapping, primary_key_name};

/// A table at the target with all that hangs on it.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) source: &'a TableSchema,
    pub(super) target: TargetTable,
    /// Labels of each column's enum type.
    pub(super) labels: Vec<Option<Vec<String>>>,
    /// Condition of each column's check, without the column's name ([`Shape::check_sql`]).
    pub(super) checks: Vec<Option<Check>>,
    pub(super) indexes: Vec<IndexShape>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A check that stands in for a type that PostgreSQL lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// CHAR(0), VARCHAR(0).
    Empty,
    /// An enum whose labels are too long for an enum type.
    Labels(Vec<String>),
}

/// An index at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IndexShape {
    pub(super) name: String,
    pub(super) unique: bool,
    pub(super) parts: Vec<PartShape>,
}

/// A part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartShape {
    pub(super) column: usize,
    /// First characters or bytes only.
    pub(super) prefix: Option<u32>,
    pub(super) bytes: bool,
    pub(super) descending: bool,
}

impl<'a> Shape<'a> {
    pub(super) fn new(source: &'a TableSchema, mapping: &Mapping) -> Self {
        let target = mapping.target_table(source);
        let with_empty = |labels: &[String]| {
            let mut all = labels.to_vec();
            if mapping.rules.empty_enum_label && !all.iter().any(String::is_empty) {
                all.insert(0, String::new());
            }
            all
        };
        let mut labels = Vec::new();
        let mut checks = Vec::new();
        for (column, target) in source.columns.iter().zip(&target.columns) {
            let overridden = mapping.is_overridden(source, column);
            labels.push(match target.ty {
                PgType::Enum { .. } => Some(with_empty(&column.ty.labels)),
                _ => None,
            });
            checks.push(match column.ty.kind {
                _ if overridden || target.ty != PgType::Text => None,
                TypeKind::Char | TypeKind::VarChar => Some(Check::Empty),
                TypeKind::Enum => Some(Check::Labels(with_empty(&column.ty.labels))),
                _ => None,
            });
        }
        let mut shape = Self {
            source,
            target,
            labels,
            checks,
            indexes: Vec::new(),
            left_out: Vec::new(),
        };
        shape.plan_indexes();
        shape
    }

    fn plan_indexes(&mut self) {
        for index in &self.source.indexes {
            let planned = match index.kind {
                IndexKind::Btree => self.plan_parts(index),
                IndexKind::FullText => Err("full-text indexes work differently in PostgreSQL"),
                IndexKind::Spatial => Err("spatial indexes need PostGIS"),
                IndexKind::Vector => Err("vector indexes need pgvector"),
            };
            match planned {
                Ok(parts) => self.indexes.push(IndexShape {
                    name: target_index_name(&self.source.name.name, &index.name),
                    unique: index.unique,
                    parts,
                }),
                Err(reason) => self.left_out.push(LeftOut {
                    object: format!("index {}", index.name),
                    reason: reason.into(),
                }),
            }
        }
    }

    fn plan_parts(&self, index: &chameleon_model::Index) -> Result<Vec<PartShape>, &'static str> {
        index
            .parts
            .iter()
            .map(|part| {
                let column = part
                    .column
                    .ok_or("an index on an expression is not translated")?;
                let ty = &self.target.columns[column].ty;
                let bytes = match (part.prefix, ty) {
                    (_, PgType::Json) => {
                        return Err("PostgreSQL has no order for values of type json");
                    }
                    (None, _) => false,
                    (Some(_), PgType::Text | PgType::Varchar(_) | PgType::Char(_)) => false,
                    (Some(_), PgType::Bytea) => true,
                    (Some(_), _) => {
                        return Err("a prefix of a value of this type cannot be indexed");
                    }
                };
                Ok(PartShape {
                    column,
                    prefix: part.prefix,
                    bytes,
                    descending: part.descending,
                })
            })
            .collect()
    }

    /// `"schema"."table"`
    pub(super) fn table(&self) -> String {
        quote_qualified(&self.target.schema, &self.target.name)
    }

    /// `"schema"."name"`
    pub(super) fn in_schema(&self, name: &str) -> String {
        quote_qualified(&self.target.schema, name)
    }

    /// A column's name, quoted.
    pub(super) fn column(&self, n: usize) -> String {
        quote_ident(&self.target.columns[n].name)
    }

    /// Name of a column's enum type, unquoted.
    pub(super) fn enum_name(&self, n: usize) -> Option<&str> {
        match &self.target.columns[n].ty {
            PgType::Enum { name, .. } => Some(name),
            _ => None,
        }
    }

    /// `create type ... as enum`
    pub(super) fn create_type(&self, n: usize) -> Option<String> {
        let labels = self.labels[n].as_ref()?;
        let name = self.enum_name(n)?;
        Some(format!(
            "create type {} as enum ({})",
            self.in_schema(name),
            literals(labels)
        ))
    }

    /// `"c" integer generated by default as identity not null`
    pub(super) fn column_definition(&self, n: usize) -> String {
        let column = &self.target.columns[n];
        let mut sql = format!("{} {}", self.column(n), column.ty.sql());
        if column.identity {
            sql.push_str(" generated by default as identity");
        }
        if !column.nullable {
            sql.push_str(" not null");
        }
        sql
    }

    /// Name of a column's check. It is unique in its table, so it need not hold the table's name.
    pub(super) fn check_name(&self, n: usize) -> String {
        quote_ident(&target_name(&format!(
            "check_{}",
            self.target.columns[n].name
        )))
    }

    /// `constraint "check_c" check (...)`
    pub(super) fn check_sql(&self, n: usize) -> Option<String> {
        let column = self.column(n);
        let condition = match self.checks[n].as_ref()? {
            Check::Empty => format!("{column} = ''"),
            Check::Labels(labels) => format!("{column} in ({})", literals(labels)),
        };
        Some(format!(
            "constraint {} check ({condition})",
            self.check_name(n)
        ))
    }

    /// `alter table ... add constraint ... primary key (...)`
    pub(super) fn add_primary_key(&self) -> Option<String> {
        let columns = self.primary_key_columns()?;
        let (table, name) = (self.table(), quote_ident(&self.primary_key_name()));
        Some(format!(
            "alter table {table} add constraint {name} primary key ({columns})"
        ))
    }

    /// `create unique index` for the primary key.
    pub(super) fn create_primary_index(&self) -> Option<String> {
        let columns = self.primary_key_columns()?;
        let (table, name) = (self.table(), quote_ident(&self.primary_key_name()));
        Some(format!("create unique index {name} on {table} ({columns})"))
    }

    /// Makes that index the primary key.
    pub(super) fn primary_key_from_index(&self) -> Option<String> {
        self.primary_key_columns()?;
        let (table, name) = (self.table(), quote_ident(&self.primary_key_name()));
        Some(format!(
            "alter table {table} add constraint {name} primary key using index {name}"
        ))
    }

    fn primary_key_columns(&self) -> Option<String> {
        let columns: Vec<String> = self
            .source
            .primary_key
            .iter()
            .map(|&n| self.column(n))
            .collect();
        (!columns.is_empty()).then(|| columns.join(", "))
    }

    /// Name of the primary key's constraint, unquoted.
    pub(super) fn primary_key_name(&self) -> String {
        primary_key_name(&self.source.name.name)
    }

    /// `create [unique] index ...`
    pub(super) fn create_index(&self, index: &IndexShape) -> String {
        let parts: Vec<String> = index
            .parts
            .iter()
            .map(|part| {
                let column = self.column(part.column);
                let mut sql = match part.prefix {
                    None => column,
                    Some(n) if part.bytes => format!("(substring({column} from 1 for {n}))"),
                    Some(n) => format!("(left({column}, {n}))"),
                };
                if part.descending {
                    sql.push_str(" desc");
                }
                sql
            })
            .collect();
        format!(
            "create {}index {} on {} ({})",
            if index.unique { "unique " } else { "" },
            quote_ident(&index.name),
            self.table(),
            parts.join(", ")
        )
    }

    /// `comment on column`; without a comment it is taken away.
    pub(super) fn column_comment(&self, n: usize) -> String {
        format!(
            "comment on column {}.{} is {}",
            self.table(),
            self.column(n),
            comment(&self.source.columns[n].comment)
        )
    }

    /// `comment on table`; without a comment it is taken away.
    pub(super) fn table_comment(&self) -> String {
        format!(
            "comment on table {} is {}",
            self.table(),
            comment(&self.source.comment)
        )
    }
}

fn comment(text: &str) -> String {
    if text.is_empty() {
        return "null".into();
    }
    literal(text)
}

/// A literal. U+0000, which PostgreSQL's text cannot hold, is left out.
pub(super) fn literal(text: &str) -> String {
    quote_literal(&text.replace('\0', ""))
        .trim_start()
        .to_owned()
}

/// `'a', 'b'`
pub(super) fn literals(labels: &[String]) -> String {
    labels
        .iter()
        .map(|label| literal(label))
        .collect::<Vec<_>>()
        .join(", ")
}
