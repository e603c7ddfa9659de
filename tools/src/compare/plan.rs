//! What is read of a table on either side, and how the two are compared.

use std::collections::BTreeSet;

use chameleon_model::name::{quote_ident, quote_qualified, target_name};
use chameleon_model::{Column, ColumnType, MappingRules, NulPolicy, TableSchema, TypeKind};

use super::canon::Canon;
use super::report::{Problem, ProblemKind};
use super::row::CanonRow;

/// A column of the target as its server describes it.
#[derive(Clone, Debug)]
pub(crate) struct TargetColumn {
    pub(crate) name: String,
    /// Name of the base type in `pg_type`.
    pub(crate) type_name: String,
    /// The type as SQL.
    pub(crate) type_sql: String,
    /// An enum type.
    pub(crate) is_enum: bool,
}

/// A column that both sides have.
#[derive(Clone, Debug)]
pub(crate) struct ColumnPlan {
    pub(crate) name: String,
    pub(crate) target: TargetColumn,
    pub(crate) canon: Canon,
    /// Expression to select at the source.
    pub(crate) source_sql: String,
    /// Expression to select at the target: text or bytea.
    pub(crate) target_sql: String,
    /// Bits of a BIT column.
    pub(crate) width: u32,
    kind: TypeKind,
    /// Character set and collation at the source.
    charset: Option<(String, String)>,
}

/// How rows of a table can be asked for by the first column of their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Integers: by value and by range. Not YEAR, which is compared by rules of its own.
    Integer,
    /// Text: by value.
    Text,
    /// Bytes: by value.
    Bytes,
    /// Not at all: the table is read whole.
    None,
}

/// A table and its counterpart.
#[derive(Clone, Debug)]
pub(crate) struct TablePlan {
    /// Name at the source, for messages.
    pub(crate) name: String,
    /// Name at the target, for messages.
    pub(crate) target_name: String,
    /// Quoted for the source.
    source_table: String,
    /// Quoted for the target.
    pub(crate) target_table: String,
    pub(crate) columns: Vec<ColumnPlan>,
    /// Indexes into `columns`; empty: rows have no key and are compared as a whole.
    pub(crate) key: Vec<usize>,
    /// Differences of the columns themselves.
    pub(crate) problems: Vec<Problem>,
    /// Text is at the target as it is at the source.
    text_is_kept: bool,
}

/// Which rows to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// First key column in `(after, to]`; `None` is an open end.
    Range {
        after: Option<i128>,
        to: Option<i128>,
    },
    /// First key column is one of these canonical values.
    Values(BTreeSet<Vec<u8>>),
}

impl Filter {
    /// The row is asked for. A server's collation may find more than was asked for by value.
    pub(crate) fn takes(&self, plan: &TablePlan, row: &CanonRow) -> bool {
        match (self, plan.key.first()) {
            (Self::Values(values), Some(&lead)) => {
                row.field(lead).is_some_and(|value| values.contains(value))
            }
            _ => true,
        }
    }
}

impl TablePlan {
    /// Pairs the columns by name.
    pub(crate) fn new(
        table: &TableSchema,
        schema: &str,
        found: &[TargetColumn],
        rules: &MappingRules,
    ) -> Self {
        let mut columns = Vec::new();
        let mut problems = Vec::new();
        let mut place = vec![None; table.columns.len()];
        for (index, column) in table.columns.iter().enumerate() {
            let name = target_name(&column.name);
            let problem = |kind| Problem {
                column: column.name.clone(),
                kind,
            };
            match found.iter().find(|c| c.name == name) {
                None => problems.push(problem(ProblemKind::MissingAtTarget)),
                Some(target) => match ColumnPlan::new(column, target, rules) {
                    Some(plan) => {
                        place[index] = Some(columns.len());
                        columns.push(plan);
                    }
                    None => problems.push(problem(ProblemKind::NotComparable)),
                },
            }
        }
        for column in found {
            if !table
                .columns
                .iter()
                .any(|c| target_name(&c.name) == column.name)
            {
                problems.push(Problem {
                    column: column.name.clone(),
                    kind: ProblemKind::OnlyAtTarget,
                });
            }
        }
        let key = table.row_key().unwrap_or_default();
        let key: Option<Vec<usize>> = key.into_iter().map(|column| place[column]).collect();
        let target = target_name(&table.name.name);
        Self {
            name: table.name.name.clone(),
            source_table: format!(
                "{}.{}",
                backtick(&table.name.schema),
                backtick(&table.name.name)
            ),
            target_table: quote_qualified(schema, &target),
            target_name: target,
            columns,
            key: key.unwrap_or_default(),
            problems,
            text_is_kept: rules.nul_character == NulPolicy::Fail,
        }
    }

    /// The first column of the key.
    pub(crate) fn lead(&self) -> Option<&ColumnPlan> {
        self.key.first().map(|&lead| &self.columns[lead])
    }

    /// How rows can be asked for. Only where the canonical value is the stored value on both sides.
    pub(crate) fn lookup(&self) -> Lookup {
        let Some(lead) = self.lead() else {
            return Lookup::None;
        };
        let target = lead.target.type_name.as_str();
        match (&lead.canon, lead.kind) {
            (Canon::Number, kind)
                if is_integer(kind)
                    && kind != TypeKind::Year
                    && matches!(target, "int2" | "int4" | "int8" | "numeric") =>
            {
                Lookup::Integer
            }
            (Canon::Text, TypeKind::Char | TypeKind::VarChar)
                if self.text_is_kept
                    && lead.charset.is_some()
                    && matches!(target, "text" | "varchar") =>
            {
                Lookup::Text
            }
            (Canon::Bytes, TypeKind::Binary | TypeKind::VarBinary) if target == "bytea" => {
                Lookup::Bytes
            }
            _ => Lookup::None,
        }
    }

    /// Query for the source.
    pub(crate) fn source_query(&self, filter: &Filter) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|c| c.source_sql.as_str()).collect();
        let lead = self.lead().map(|lead| backtick(&lead.name));
        let values = |value: &[u8]| match self.lookup() {
            Lookup::Integer => String::from_utf8_lossy(value).into_owned(),
            Lookup::Text => self.source_text(value),
            _ => format!("x'{}'", hex(value)),
        };
        let condition = condition(lead.as_deref(), filter, values, "");
        let columns = if columns.is_empty() {
            "1".to_owned()
        } else {
            columns.join(", ")
        };
        format!("select {columns} from {}{condition}", self.source_table)
    }

    /// Text in the character set and collation of the first key column, so that its index serves.
    /// A word of another collation may be refused (error 1267 or 1270).
    fn source_text(&self, value: &[u8]) -> String {
        let text = format!("_utf8mb4 x'{}'", hex(value));
        match self.lead().and_then(|lead| lead.charset.as_ref()) {
            Some((charset, collation)) => {
                format!("convert({text} using {charset}) collate {collation}")
            }
            None => text,
        }
    }

    /// Query for the number of rows at the source.
    pub(crate) fn source_count(&self) -> String {
        format!("select count(*) from {}", self.source_table)
    }

    /// Query for the target.
    pub(crate) fn target_query(&self, filter: &Filter) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|c| c.target_sql.as_str()).collect();
        let lead = self.lead().map(|lead| quote_ident(&lead.target.name));
        let values = |value: &[u8]| match self.lookup() {
            Lookup::Integer => String::from_utf8_lossy(value).into_owned(),
            Lookup::Text => chameleon_model::name::quote_literal(&String::from_utf8_lossy(value)),
            _ => format!("'\\x{}'::bytea", hex(value)),
        };
        let stray = lead.as_ref().map(|lead| format!(" or {lead} is null"));
        let condition = condition(lead.as_deref(), filter, values, &stray.unwrap_or_default());
        format!(
            "select {} from {}{condition}",
            columns.join(", "),
            self.target_table
        )
    }

    /// Query for the end of a range of so many rows at the source.
    pub(crate) fn boundary_query(&self, after: Option<i128>, rows: u64) -> Option<String> {
        let lead = backtick(&self.lead()?.name);
        let condition = match after {
            Some(after) => format!(" where {lead} > {after}"),
            None => String::new(),
        };
        let table = &self.source_table;
        Some(format!(
            "select cast({lead} as char) from {table}{condition} order by {lead} limit 1 offset {rows}"
        ))
    }
}

/// `stray`: what the range with an open upper end takes besides.
fn condition(
    lead: Option<&str>,
    filter: &Filter,
    value: impl Fn(&[u8]) -> String,
    stray: &str,
) -> String {
    let Some(lead) = lead else {
        return String::new();
    };
    match filter {
        Filter::Range {
            after: None,
            to: None,
        } => String::new(),
        Filter::Range {
            after: Some(after),
            to: None,
        } => {
            format!(" where {lead} > {after}{stray}")
        }
        Filter::Range {
            after: None,
            to: Some(to),
        } => format!(" where {lead} <= {to}"),
        Filter::Range {
            after: Some(after),
            to: Some(to),
        } => {
            format!(" where {lead} > {after} and {lead} <= {to}")
        }
        Filter::Values(values) => {
            let values: Vec<String> = values.iter().map(|v| value(v)).collect();
            format!(" where {lead} in ({})", values.join(", "))
        }
    }
}

impl ColumnPlan {
    fn new(column: &Column, target: &TargetColumn, rules: &MappingRules) -> Option<Self> {
        let canon = canon(&column.ty, target, rules)?;
        Some(Self {
            name: column.name.clone(),
            source_sql: source_sql(&backtick(&column.name), column.ty.kind, &canon),
            target_sql: target_sql(&quote_ident(&target.name), target, &canon),
            target: target.clone(),
            canon,
            width: column.ty.length.max(1),
            kind: column.ty.kind,
            charset: column.ty.charset.clone().zip(column.ty.collation.clone()),
        })
    }
}

/// How a pair of types is compared; `None`: not at all.
fn canon(source: &ColumnType, target: &TargetColumn, rules: &MappingRules) -> Option<Canon> {
    let kind = source.kind;
    let binary = matches!(
        kind,
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
    );
    let hexified = binary && rules.hexified(source).is_some();
    Some(match target.type_name.as_str() {
        "bool" => Canon::Bool,
        "int2" | "int4" | "int8" | "numeric" => Canon::Number,
        "float4" => Canon::Float4,
        "float8" => Canon::Float8,
        "date" => Canon::Date,
        "timestamp" | "timestamptz" => Canon::DateTime,
        "time" | "interval" => Canon::Time,
        "bit" | "varbit" => Canon::Bits,
        "bytea" if kind == TypeKind::Geometry => Canon::Geometry,
        "bytea" if hexified => Canon::HexBytes,
        "bytea" => Canon::Bytes,
        "json" | "jsonb" => Canon::Json,
        "uuid" => Canon::Uuid,
        "inet" | "cidr" => Canon::Inet,
        "_text" | "_varchar" => Canon::Set(source.labels.clone().into()),
        "_float4" | "vector" => Canon::Vector,
        "geometry" | "geography" => Canon::Geometry,
        padded if hexified => match padded {
            "text" | "varchar" | "bpchar" => Canon::HexBytes,
            _ => return None,
        },
        "bpchar" => Canon::PaddedText,
        "text" | "varchar" => as_text(kind)?,
        _ if target.is_enum => Canon::Text,
        _ => as_text(kind)?,
    })
}

/// A target that holds the value as text, or whose text is that of the value.
fn as_text(kind: TypeKind) -> Option<Canon> {
    Some(match kind {
        kind if is_integer(kind) => Canon::Number,
        TypeKind::Decimal => Canon::Number,
        TypeKind::Float | TypeKind::Double => Canon::Float8,
        TypeKind::Bit => Canon::Bits,
        TypeKind::Date => Canon::Date,
        TypeKind::DateTime | TypeKind::Timestamp => Canon::DateTime,
        TypeKind::Time => Canon::Time,
        TypeKind::Json => Canon::Json,
        TypeKind::Inet4 | TypeKind::Inet6 => Canon::Inet,
        TypeKind::Geometry | TypeKind::Vector => return None,
        _ => Canon::Text,
    })
}

fn is_integer(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::TinyInt
            | TypeKind::SmallInt
            | TypeKind::MediumInt
            | TypeKind::Int
            | TypeKind::BigInt
            | TypeKind::Year
    )
}

/// The binary protocol gives integers, floats and bytes as they are; times and text are made by the
/// server.
fn source_sql(column: &str, kind: TypeKind, canon: &Canon) -> String {
    match kind {
        TypeKind::Date | TypeKind::DateTime | TypeKind::Timestamp | TypeKind::Time => {
            format!("cast({column} as char)")
        }
        TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6 => format!("cast({column} as char)"),
        TypeKind::Enum | TypeKind::Set if *canon == Canon::Number => format!("{column} + 0"),
        TypeKind::Bit if *canon == Canon::Number => format!("cast({column} as unsigned)"),
        TypeKind::Char
        | TypeKind::VarChar
        | TypeKind::Text
        | TypeKind::Enum
        | TypeKind::Set
        | TypeKind::Json => format!("cast(convert({column} using utf8mb4) as binary)"),
        _ => column.to_owned(),
    }
}

/// Text, or bytes that the driver hands over as they are.
fn target_sql(column: &str, target: &TargetColumn, canon: &Canon) -> String {
    let type_name = target.type_name.as_str();
    match (canon, type_name) {
        (Canon::Bool, _) => format!("case when {column} then 't' when not {column} then 'f' end"),
        (Canon::Float4, _) => format!("float4send({column})"),
        (Canon::Float8, "float8") => format!("float8send({column})"),
        (Canon::DateTime, "timestamptz") => format!("({column} at time zone 'UTC')::text"),
        (Canon::Time, "interval" | "time") => {
            format!("(extract(epoch from {column}) * 1000000)::bigint::text")
        }
        (Canon::Bytes | Canon::HexBytes | Canon::Geometry, "bytea") => column.to_owned(),
        (Canon::Geometry, "geometry") => format!("st_asewkb({column})"),
        (Canon::Geometry, _) => format!("st_asewkb({column}::geometry)"),
        (Canon::Set(_), _) => format!("array_to_string({column}, ',')"),
        (Canon::Vector, _) => format!(
            "case when {column} is not null then (select string_agg(float4send(f), ''::bytea \
             order by n) from unnest({column}::real[]) with ordinality as u (f, n)) end"
        ),
        (Canon::Inet, "inet" | "cidr") => format!("host({column})"),
        _ => format!("{column}::text"),
    }
}

/// Quotes an identifier for the source.
fn backtick(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    super::canon::push_hex(bytes, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
