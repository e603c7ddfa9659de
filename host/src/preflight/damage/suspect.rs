//! Which columns of a table that 1.x made may be damaged, and what to ask about them.

use chameleon_diag::{ErrorCode, Severity, codes};
use chameleon_model::name::{quote_ident, target_column_name};
use chameleon_model::{Column, MappingRules, PgType, TableSchema, TypeKind};
use chameleon_postgres::introspect::{FoundColumn, FoundTable};

use super::ask::backtick;

/// Character sets that have characters beyond U+FFFF.
const WIDE_CHARSETS: [&str; 4] = ["utf8mb4", "utf16", "utf16le", "utf32"];
/// Hex digits of a value that are compared.
const DIGITS: u32 = 512;

/// Damage that the types tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Certain {
    pub(super) code: ErrorCode,
    pub(super) severity: Severity,
    /// Column with its types.
    pub(super) column: String,
    pub(super) what: &'static str,
}

/// A column of which values must be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suspect {
    pub(super) code: ErrorCode,
    /// Name at the source.
    pub(super) column: String,
    pub(super) what: &'static str,
    /// Condition at the source: the row holds a value that 1.x does not carry over.
    pub(super) holds: String,
    /// Expression at the source that the target's condition takes as `v.val`.
    pub(super) value: String,
    /// Condition at the target for the row `t` of the same key: it shows the damage.
    pub(super) shows: String,
    /// The damage is that there is no such row.
    pub(super) row_is_missing: bool,
}

/// What the types of a table tell, and what they leave open.
pub(super) fn of_table(
    table: &TableSchema,
    found: &FoundTable,
    rules: &MappingRules,
) -> (Vec<Certain>, Vec<Suspect>) {
    let (mut certain, mut suspects) = (Vec::new(), Vec::new());
    for column in table.columns.iter().filter(|column| !column.generated) {
        if let Some(there) = found.column(&target_column_name(&column.name)) {
            let place = Place {
                column,
                there,
                hexified: rules.hexified(&column.ty).is_some(),
            };
            certain.extend(place.certain());
            suspects.extend(place.suspects());
        }
    }
    (certain, suspects)
}

/// A column on both sides.
struct Place<'a> {
    column: &'a Column,
    there: &'a FoundColumn,
    hexified: bool,
}

impl Place<'_> {
    fn certain(&self) -> Option<Certain> {
        let ty = &self.column.ty;
        let one = |code, severity, what| Certain {
            code,
            severity,
            column: format!(
                "{} ({} for {})",
                self.column.name,
                self.there.ty.sql(),
                ty.declared
            ),
            what,
        };
        match (&self.there.ty, ty.kind) {
            (PgType::Numeric(Some((_, scale))), TypeKind::Decimal)
                if *scale < u16::from(ty.scale) =>
            {
                let what = "values were rounded to fewer decimal places than the source has";
                Some(one(codes::TGT041, Severity::Warning, what))
            }
            (PgType::Bytea, TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob)
                if self.hexified =>
            {
                let what = "bytes are kept as the text of their hex digits, as hexify asks";
                Some(one(codes::TGT042, Severity::Info, what))
            }
            _ => None,
        }
    }

    fn suspects(&self) -> Vec<Suspect> {
        let ty = &self.column.ty;
        let mut suspects = Vec::new();
        match ty.kind {
            TypeKind::Time => suspects.extend(self.time()),
            TypeKind::Char | TypeKind::VarChar | TypeKind::Text | TypeKind::Json => {
                suspects.extend(self.wide_characters());
                suspects.extend(self.word_null());
            }
            TypeKind::Enum | TypeKind::Set => suspects.extend(self.word_null()),
            TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
                if self.there.ty == PgType::Bytea =>
            {
                suspects.extend(self.hex_digits());
                suspects.extend(self.padding());
            }
            TypeKind::Bit if ty.length > 1 => suspects.extend(self.bits()),
            _ if ty.unsigned => suspects.extend(self.too_great()),
            _ => {}
        }
        suspects
    }

    fn suspect(&self, code: ErrorCode, what: &'static str, holds: &str, shows: &str) -> Suspect {
        let c = backtick(&self.column.name);
        let t = format!("t.{}", quote_ident(&self.there.name));
        Suspect {
            code,
            column: self.column.name.clone(),
            what,
            holds: holds.replace("{c}", &c),
            value: "null".into(),
            shows: shows.replace("{t}", &t),
            row_is_missing: false,
        }
    }

    fn time(&self) -> Option<Suspect> {
        let what = "times beyond 24 hours, or below zero, wrapped";
        let holds = "({c} < '00:00:00' or {c} > '24:00:00')";
        let one = self.suspect(codes::TGT043, what, holds, "{t} is not null");
        matches!(self.there.ty, PgType::Time(_)).then_some(one)
    }

    fn wide_characters(&self) -> Option<Suspect> {
        let charset = self.column.ty.charset.as_deref();
        // JSON of MySQL names none, and is utf8mb4
        let wide = charset.is_none_or(|charset| WIDE_CHARSETS.contains(&charset));
        let what = "characters beyond U+FFFF became question marks";
        let holds = "(cast(convert(convert({c} using utf8mb3) using utf8mb4) as binary) \
                      <> cast(convert({c} using utf8mb4) as binary))";
        // in UTF-8 they begin with a byte from f0; the server may have another encoding
        let shows = "encode(convert_to({t}::text, 'UTF8'), 'hex') !~ '^(..)*f[0-4]'";
        wide.then(|| self.suspect(codes::TGT044, what, holds, shows))
    }

    fn word_null(&self) -> Option<Suspect> {
        let what = "the text NULL became NULL";
        let holds = "(cast(convert({c} using utf8mb4) as binary) = 'NULL')";
        let one = self.suspect(codes::TGT046, what, holds, "{t} is null");
        self.there.nullable.then_some(one)
    }

    fn hex_digits(&self) -> Option<Suspect> {
        let what = "values are the text of hex digits, and hexify does not name the type: new \
                    values would be the bytes themselves";
        let shows = format!("left(upper(encode({{t}}, 'escape')), {DIGITS}) = v.val");
        let mut one = self.suspect(codes::TGT042, what, "(length({c}) > 0)", &shows);
        one.value = format!("left(hex({}), {DIGITS})", backtick(&self.column.name));
        (!self.hexified).then_some(one)
    }

    fn padding(&self) -> Option<Suspect> {
        let ty = &self.column.ty;
        let what = "zero bytes at the end are missing";
        let length = ty.length.saturating_mul(if self.hexified { 2 } else { 1 });
        let shows = format!("octet_length({{t}}) < {length}");
        let one = self.suspect(codes::TGT045, what, "(hex(right({c}, 1)) = '00')", &shows);
        (ty.kind == TypeKind::Binary).then_some(one)
    }

    fn bits(&self) -> Option<Suspect> {
        let what = "bits were stored as a decimal number of the same digits";
        let shows = "{t}::numeric <> v.val::numeric";
        let mut one = self.suspect(codes::TGT048, what, "({c} + 0 > 1)", shows);
        one.value = format!("{} + 0", backtick(&self.column.name));
        greatest(&self.there.ty).map(|_| one)
    }

    fn too_great(&self) -> Option<Suspect> {
        let greatest = greatest(&self.there.ty)?;
        let needed = match self.column.ty.kind {
            TypeKind::Int => i64::from(u32::MAX),
            TypeKind::BigInt => i64::MAX,
            _ => return None,
        };
        let what = "rows are missing whose number is too great for the column";
        let holds = format!("({{c}} > {greatest})");
        let mut one = self.suspect(codes::TGT047, what, &holds, "true");
        one.row_is_missing = true;
        (needed > greatest || self.column.ty.kind == TypeKind::BigInt).then_some(one)
    }
}

/// Greatest number of an integer type.
pub(super) fn greatest(ty: &PgType) -> Option<i64> {
    match ty {
        PgType::Int2 => Some(i64::from(i16::MAX)),
        PgType::Int4 => Some(i64::from(i32::MAX)),
        PgType::Int8 => Some(i64::MAX),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chameleon_model::{ColumnType, TableName};

    /// Codes of what is certain and what is suspected of a column.
    fn check(declared: &str, change: fn(&mut ColumnType), there: PgType, expect: &str) {
        let mut ty = ColumnType::new(TypeKind::Unknown, declared);
        change(&mut ty);
        let table = TableSchema {
            primary_key: vec![0],
            ..TableSchema::new(TableName::new("db", "t"), vec![Column::new("c", ty, true)])
        };
        let found = FoundTable {
            schema: "s".into(),
            name: "t".into(),
            columns: vec![FoundColumn {
                name: "c".into(),
                ty: there,
                nullable: true,
                identity: false,
                generated: false,
            }],
            primary_key: vec!["c".into()],
            primary_key_name: None,
            unique_indexes: Vec::new(),
        };
        let rules = MappingRules {
            hexify: vec!["blob".into()],
            ..MappingRules::default()
        };
        let (certain, suspects) = of_table(&table, &found, &rules);
        let certain = certain.iter().map(|one| one.code.as_str().to_owned());
        let suspected = suspects.iter().map(|one| format!("{}?", one.code));
        let codes: Vec<String> = certain.chain(suspected).collect();
        assert_eq!(codes.join(" "), expect, "{declared}");
    }

    #[test]
    fn types_tell_what_is_lost_and_what_is_to_be_asked() {
        let decimal = |ty: &mut ColumnType| {
            (ty.kind, ty.length, ty.scale) = (TypeKind::Decimal, 10, 2);
        };
        let numeric = |scale| PgType::Numeric(Some((10, scale)));
        check("decimal(10,2)", decimal, numeric(0), "TGT041");
        check("decimal(10,2)", decimal, numeric(2), "");
        check("decimal(10,2)", decimal, PgType::Numeric(None), "");
        let blob = |ty: &mut ColumnType| ty.kind = TypeKind::Blob;
        check("blob", blob, PgType::Bytea, "TGT042");
        check("longblob", blob, PgType::Bytea, "TGT042?");
        check("blob", blob, PgType::Text, "");
        let binary = |ty: &mut ColumnType| (ty.kind, ty.length) = (TypeKind::Binary, 4);
        check("binary(4)", binary, PgType::Bytea, "TGT042? TGT045?");
        let time = |ty: &mut ColumnType| ty.kind = TypeKind::Time;
        check("time", time, PgType::Time(6), "TGT043?");
        check("time", time, PgType::Interval(6), "");
        let text = |ty: &mut ColumnType| {
            (ty.kind, ty.charset) = (TypeKind::Text, Some("utf8mb4".into()));
        };
        check("text", text, PgType::Text, "TGT044? TGT046?");
        let narrow = |ty: &mut ColumnType| {
            (ty.kind, ty.charset) = (TypeKind::VarChar, Some("latin1".into()));
        };
        check("varchar(9)", narrow, PgType::Varchar(Some(9)), "TGT046?");
        let int = |ty: &mut ColumnType| (ty.kind, ty.unsigned) = (TypeKind::Int, true);
        check("int unsigned", int, PgType::Int4, "TGT047?");
        check("int unsigned", int, PgType::Int8, "");
        let big = |ty: &mut ColumnType| (ty.kind, ty.unsigned) = (TypeKind::BigInt, true);
        check("bigint unsigned", big, PgType::Int8, "TGT047?");
        let bit = |ty: &mut ColumnType| (ty.kind, ty.length) = (TypeKind::Bit, 8);
        check("bit(8)", bit, PgType::Int4, "TGT048?");
        check("bit(8)", bit, PgType::Bit(8), "");
    }
}
