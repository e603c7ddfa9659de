//! How the rows of one source table version are written to one target table.
//!
//! Made once per table version from the source's schema and the table found at the target, so that
//! rows go into the column types that are there, whoever made them. Columns go together by name.

use std::collections::HashMap;

use chameleon_model::name::{quote_ident, quote_qualified, target_column_name, target_name};
use chameleon_model::{Cell, CellForm, ChangeBuffer, MappingRules, PgType, TableSchema};
use chameleon_postgres::introspect::{FoundTable, target_table};
use chameleon_postgres::{BinaryCopy, Client, ColumnEncoder, EncodeError, PostgresError};
use tokio_postgres::Statement;
use tokio_postgres::types::Type;

use crate::collapse::{CollapseColumns, Collapsed, collapse};
use crate::error::TargetError;
use crate::statements::{Kind, Sql};

/// One column of the source that the target has too.
#[derive(Debug)]
pub(crate) struct ApplyColumn {
    /// Name at the target.
    pub(crate) name: String,
    /// Index in the source's row images.
    pub(crate) source_index: usize,
    /// Encoder into the type found at the target.
    pub(crate) encoder: ColumnEncoder,
    /// `"name":` as JSON, for the relay.
    pub(crate) json_key: String,
    /// Type to cast a text element to; `None` where elements travel typed.
    pub(crate) cast: Option<String>,
    /// The column may hold NULL.
    pub(crate) nullable: bool,
    /// The type has no equality operator (`json`): it is compared as text.
    pub(crate) compare_as_text: bool,
}

/// A target table with everything that writing to it needs.
#[derive(Debug)]
pub(crate) struct ApplyTable {
    /// Schema at the target.
    pub(crate) schema: String,
    /// Name at the target.
    pub(crate) name: String,
    /// Columns that rows are written to.
    pub(crate) columns: Vec<ApplyColumn>,
    /// Indexes into `columns` of what identifies a row; empty: whole rows are matched.
    pub(crate) key: Vec<usize>,
    /// Source columns of the key.
    pub(crate) key_source: Vec<usize>,
    /// Source columns of other unique indexes.
    pub(crate) unique_source: Vec<usize>,
    /// Columns of the source's row images.
    pub(crate) width: usize,
    /// Some column is an identity.
    pub(crate) identity: bool,
    statements: HashMap<Kind, Statement>,
}

impl ApplyTable {
    /// Looks the target table up and plans every column.
    ///
    /// # Errors
    /// [`TargetError::Shape`] where the target lacks the table or a column,
    /// [`TargetError::Encode`] where a value of the source's type cannot go into the type found.
    pub(crate) async fn load(
        client: &Client,
        source: &TableSchema,
        schema: &str,
        rules: &MappingRules,
        form: CellForm,
    ) -> Result<Self, TargetError> {
        let name = match form {
            CellForm::Source => target_name(&source.name.name),
            CellForm::PgText => source.name.name.clone(),
        };
        let found = target_table(client, schema, &name).await?.ok_or_else(|| {
            let reason = "the table does not exist at the target".to_owned();
            TargetError::Shape {
                table: format!("{schema}.{name}"),
                reason,
            }
        })?;
        Self::plan(source, &found, rules, form)
    }

    pub(crate) fn plan(
        source: &TableSchema,
        found: &FoundTable,
        rules: &MappingRules,
        form: CellForm,
    ) -> Result<Self, TargetError> {
        let table = format!("{}.{}", found.schema, found.name);
        let mut columns = Vec::with_capacity(source.columns.len());
        for (source_index, column) in source.columns.iter().enumerate() {
            let name = target_column_name(&column.name);
            let Some(there) = found.column(&name) else {
                let reason = format!("column {name} does not exist at the target");
                return Err(TargetError::Shape { table, reason });
            };
            if there.generated {
                continue;
            }
            let encoder =
                ColumnEncoder::plan(&column.ty, &there.ty, rules, form).map_err(|source| {
                    TargetError::Encode {
                        table: table.clone(),
                        column: name.clone(),
                        source,
                    }
                })?;
            let typed = form == CellForm::Source && encoder.oid().is_some();
            columns.push(ApplyColumn {
                json_key: format!("{}:", serde_json::Value::from(name.as_str())),
                source_index,
                cast: (!typed).then(|| cast_without_modifier(&there.ty)),
                nullable: there.nullable,
                compare_as_text: there.ty == PgType::Json,
                encoder,
                name,
            });
        }
        let key = key_of(found, &columns);
        let key_source: Vec<usize> = key.iter().map(|&k| columns[k].source_index).collect();
        let unique_source = unique_of(source, found, &columns, &key_source);
        Ok(Self {
            schema: found.schema.clone(),
            name: found.name.clone(),
            key,
            key_source,
            unique_source,
            width: source.columns.len(),
            identity: found.columns.iter().any(|c| c.identity),
            columns,
            statements: HashMap::new(),
        })
    }

    /// `schema.table`, for messages.
    pub(crate) fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// What the changes come to, in the order of the key; `None` where the table has none.
    pub(crate) fn net_effect(&self, buffer: &ChangeBuffer, changes: &[u32]) -> Option<Collapsed> {
        if self.key.is_empty() {
            return None;
        }
        let columns = CollapseColumns {
            key: &self.key_source,
            unique: &self.unique_source,
            width: self.width,
        };
        let mut found = collapse(buffer, changes, &columns);
        if let Collapsed::Sets(sets) = &mut found {
            sets.sort(buffer, &columns);
        }
        Some(found)
    }

    /// `"schema"."table"`, for SQL.
    pub(crate) fn quoted(&self) -> String {
        quote_qualified(&self.schema, &self.name)
    }

    /// Writes a row of the source into a COPY of the columns. After an error it is not in the COPY.
    pub(crate) fn copy_row(
        &self,
        copy: &mut BinaryCopy,
        buffer: &ChangeBuffer,
        cells: &[Cell],
    ) -> Result<(), TargetError> {
        copy.row_with(|out| {
            self.columns.iter().try_for_each(|column| {
                let cell = cells.get(column.source_index).copied();
                let cell = cell.unwrap_or(Cell::Absent);
                let written = column.encoder.binary(buffer, cell, out);
                written.map_err(|error| self.encode_error(&column.name, error))
            })
        })
    }

    /// What the server says of a COPY into the table.
    pub(crate) fn copy_error(&self, error: PostgresError) -> TargetError {
        match error {
            PostgresError::Statement { source, .. } => TargetError::Apply {
                table: self.label(),
                source,
            },
            error => error.into(),
        }
    }

    /// An encoder's refusal with the place where it happened.
    pub(crate) fn encode_error(&self, column: &str, source: EncodeError) -> TargetError {
        TargetError::Encode {
            table: self.label(),
            column: column.to_owned(),
            source,
        }
    }

    /// `copy "s"."t" ("a", "b") from stdin (format binary)`; `None` where a column takes no binary
    /// form.
    pub(crate) fn copy_statement(&self) -> Option<String> {
        if !self.columns.iter().all(|c| c.encoder.copies_binary()) {
            return None;
        }
        let names: Vec<String> = self.columns.iter().map(|c| quote_ident(&c.name)).collect();
        Some(format!(
            "copy {} ({}) from stdin (format binary)",
            self.quoted(),
            names.join(", ")
        ))
    }

    /// The prepared statement of that kind; prepared at its first use.
    pub(crate) async fn statement(
        &mut self,
        client: &Client,
        kind: &Kind,
    ) -> Result<Statement, TargetError> {
        if let Some(statement) = self.statements.get(kind) {
            return Ok(statement.clone());
        }
        let Sql { text, parameters } = crate::statements::render(self, kind);
        let types: Vec<Type> = parameters
            .iter()
            .map(|&column| {
                let oid = self.columns[column].array_oid();
                Type::from_oid(oid).unwrap_or(Type::TEXT_ARRAY)
            })
            .collect();
        let statement =
            client
                .prepare_typed(&text, &types)
                .await
                .map_err(|error| TargetError::Apply {
                    table: self.label(),
                    source: (&error).into(),
                })?;
        self.statements.insert(kind.clone(), statement.clone());
        Ok(statement)
    }
}

impl ApplyColumn {
    /// Array type that the column's values travel in.
    pub(crate) fn array_oid(&self) -> u32 {
        match &self.cast {
            None => self.encoder.array_oid().unwrap_or(Type::TEXT_ARRAY.oid()),
            Some(_) => Type::TEXT_ARRAY.oid(),
        }
    }
}

/// The type without its length. A cast to `varchar(3)` would cut a longer value in silence; without
/// the length it is the assignment to the column that refuses it.
fn cast_without_modifier(ty: &PgType) -> String {
    match ty {
        PgType::Varchar(_) => "varchar".into(),
        PgType::Char(_) => "bpchar".into(),
        PgType::Bit(_) | PgType::Varbit(_) => "varbit".into(),
        PgType::Numeric(_) => "numeric".into(),
        ty => ty.sql(),
    }
}

/// The target's primary key, else its first whole unique index over NOT NULL columns.
fn key_of(found: &FoundTable, columns: &[ApplyColumn]) -> Vec<usize> {
    let indexes = |names: &[String]| -> Option<Vec<usize>> {
        names
            .iter()
            .map(|name| columns.iter().position(|c| &c.name == name))
            .collect()
    };
    if !found.primary_key.is_empty() {
        return indexes(&found.primary_key).unwrap_or_default();
    }
    let mut unique = found
        .unique_indexes
        .iter()
        .filter(|i| !i.expression && !i.partial);
    unique
        .find_map(|index| {
            let key = indexes(&index.columns)?;
            (!key.is_empty() && key.iter().all(|&c| !columns[c].nullable)).then_some(key)
        })
        .unwrap_or_default()
}

/// Source columns that some unique index other than the key covers. An index over an expression
/// may read any column, so it counts for all of them.
fn unique_of(
    source: &TableSchema,
    found: &FoundTable,
    columns: &[ApplyColumn],
    key: &[usize],
) -> Vec<usize> {
    let mut unique: Vec<usize> = source
        .indexes
        .iter()
        .filter(|index| index.unique)
        .flat_map(|index| index.parts.iter().filter_map(|part| part.column))
        .collect();
    for index in &found.unique_indexes {
        if index.expression && source.indexes.is_empty() {
            unique.extend(columns.iter().map(|c| c.source_index));
        }
        let named = columns.iter().filter(|c| index.columns.contains(&c.name));
        unique.extend(named.map(|c| c.source_index));
    }
    unique.sort_unstable();
    unique.dedup();
    unique.retain(|column| !key.contains(column));
    unique
}
