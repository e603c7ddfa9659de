//! Existing values when a column's type changes: the USING expression.
//!
//! The rule is that an expression gives exactly what the source gives, or that there is none and
//! the table is held. Values that the source would have refused or cut (without strict mode) are
//! clamped or cut alike, or PostgreSQL refuses the statement.

mod bytes;
mod text;

use chameleon_model::{Column, PgType, TypeKind};

use super::time::{fewer_digits, zone_sql};
use crate::change::SessionFacts;
use crate::context::Dialect;

/// A column before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion<'a> {
    pub(super) before: &'a Column,
    pub(super) after: &'a Column,
    pub(super) from: &'a PgType,
    pub(super) to: &'a PgType,
    /// The column's name, quoted.
    pub(super) name: &'a str,
    pub(super) session: &'a SessionFacts,
    /// Overrides or `hexify` decide what the target holds.
    pub(super) special: bool,
}

/// An expression, or `None` where values stay as they are.
pub(super) type Using = Result<Option<String>, String>;

fn is_integer(kind: TypeKind) -> bool {
    use TypeKind::{BigInt, Int, MediumInt, SmallInt, TinyInt};
    matches!(kind, TinyInt | SmallInt | MediumInt | Int | BigInt)
}

fn is_text(kind: TypeKind) -> bool {
    matches!(kind, TypeKind::Char | TypeKind::VarChar | TypeKind::Text)
}

fn is_bytes(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
    )
}

impl Conversion<'_> {
    /// The USING expression. An error says why there is none.
    pub(super) fn using(&self) -> Using {
        if self.special {
            if self.from == self.to && self.before.ty.kind == self.after.ty.kind {
                return Ok(None);
            }
            return Err("an override or hexify decides what the target holds".into());
        }
        let (from, to) = (self.before.ty.kind, self.after.ty.kind);
        match (from, to) {
            _ if is_integer(from) || from == TypeKind::Year => self.integer_source(),
            (TypeKind::Decimal, _) => self.decimal_source(),
            (TypeKind::Float | TypeKind::Double, _) => self.float_source(),
            (TypeKind::Bit, _) => self.bit_source(),
            (TypeKind::Date | TypeKind::DateTime | TypeKind::Timestamp, _) => self.date_source(),
            (TypeKind::Time, TypeKind::Time) => self.time(),
            (TypeKind::Geometry | TypeKind::Vector | TypeKind::Unknown, _) if from == to => {
                self.cast_if_needed(self.name)
            }
            _ if is_text(from) => self.text_source(),
            _ if is_bytes(from) => self.bytes_source(),
            _ => self.other_source(),
        }
    }

    fn refuse(&self) -> Using {
        let word = |declared: &str| declared.split(['(', ' ']).next().map(str::to_owned);
        Err(format!(
            "values are not turned from {} to {} as the source does it",
            word(&self.before.ty.declared).unwrap_or_default(),
            word(&self.after.ty.declared).unwrap_or_default()
        ))
    }

    fn cast(&self, sql: &str) -> Using {
        Ok(Some(format!("{sql}::{}", self.to.sql())))
    }

    fn cast_if_needed(&self, sql: &str) -> Using {
        if self.from == self.to && sql == self.name {
            return Ok(None);
        }
        self.cast(sql)
    }

    /// Range of an integer type of the source.
    fn range(column: &Column) -> (i128, i128) {
        let bits = match column.ty.kind {
            TypeKind::TinyInt => 8,
            TypeKind::SmallInt => 16,
            TypeKind::MediumInt => 24,
            TypeKind::Int => 32,
            TypeKind::Year => return (0, 2155),
            _ => 64,
        };
        if column.ty.unsigned {
            (0, (1 << bits) - 1)
        } else {
            (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        }
    }

    /// A numeric expression cut to the range of the new integer type. Limits that the old integer
    /// type cannot pass, or the target's type cannot hold, are left out.
    fn clamped(&self, sql: &str) -> Using {
        let (least, most) = Self::range(self.after);
        let from_integer = is_integer(self.before.ty.kind) || self.before.ty.kind == TypeKind::Year;
        let old = from_integer.then(|| Self::range(self.before));
        let mut limits = String::new();
        // least() and greatest() would turn NULL into a limit
        if old.is_none_or(|(low, _)| low < least) {
            limits.push_str(&format!(" when {sql} < {least} then {least}"));
        }
        let held = *self.to != PgType::Int8 || most <= i128::from(i64::MAX);
        if held && old.is_none_or(|(_, high)| high > most) {
            limits.push_str(&format!(" when {sql} > {most} then {most}"));
        }
        if limits.is_empty() {
            return self.cast_if_needed(sql);
        }
        self.cast(&format!("(case{limits} else {sql} end)"))
    }

    /// A whole number as bits. What does not fit, negative numbers too, is all ones.
    fn bits(&self) -> Using {
        let name = self.name;
        let sql = match self.after.ty.length {
            bits @ 0..=63 => {
                let most = (1_u64 << bits) - 1;
                format!("(case when {name} < 0 or {name} > {most} then {most} else {name} end)")
            }
            _ => name.to_owned(),
        };
        match (self.from, self.to) {
            (PgType::Numeric(_), _) => self.refuse(),
            (_, PgType::Bit(_)) => self.cast(&format!("{sql}::bigint")),
            (_, PgType::Numeric(_)) => self.refuse(),
            _ => self.cast(&sql),
        }
    }

    fn integer_source(&self) -> Using {
        let (from, to) = (self.before.ty.kind, self.after.ty.kind);
        let name = self.name;
        match to {
            TypeKind::Year if from != TypeKind::Year => self.refuse(),
            TypeKind::Year => self.cast_if_needed(name),
            _ if is_integer(to) => self.clamped(name),
            TypeKind::Decimal | TypeKind::Float | TypeKind::Double => self.cast(name),
            TypeKind::Bit => self.bits(),
            _ if is_text(to) && from == TypeKind::Year => {
                self.cast(&format!("lpad({name}::text, 4, '0')"))
            }
            _ if is_text(to) && !self.before.ty.declared.contains("zerofill") => {
                self.cast(&format!("{name}::text"))
            }
            _ => self.refuse(),
        }
    }

    fn decimal_source(&self) -> Using {
        let name = self.name;
        let (old, new) = (&self.before.ty, &self.after.ty);
        match new.kind {
            TypeKind::Decimal if new.scale < old.scale => {
                self.cast(&format!("round({name}, {})", new.scale))
            }
            TypeKind::Decimal => self.cast_if_needed(name),
            TypeKind::Float | TypeKind::Double => self.cast(&format!("{name}::double precision")),
            to if is_integer(to) => self.clamped(&format!("round({name})")),
            to if is_text(to) && !old.declared.contains("zerofill") => {
                self.cast(&format!("{name}::text"))
            }
            _ => self.refuse(),
        }
    }

    fn float_source(&self) -> Using {
        let name = self.name;
        let (old, new) = (&self.before.ty, &self.after.ty);
        let shown_digits = |declared: &str| declared.contains('(').then(|| declared.to_owned());
        match new.kind {
            TypeKind::Float | TypeKind::Double
                if shown_digits(&new.declared).is_some_and(|d| d != old.declared) =>
            {
                self.refuse()
            }
            TypeKind::Float if old.kind == TypeKind::Double => self.cast(&format!("{name}::real")),
            TypeKind::Float | TypeKind::Double => self.cast_if_needed(name),
            TypeKind::Decimal => {
                let exact = format!("{name}::double precision::text::numeric");
                self.cast(&format!("round({exact}, {})", new.scale))
            }
            to if is_integer(to) && !matches!(self.to, PgType::Numeric(_)) => {
                self.clamped(&format!("round({name}::double precision)"))
            }
            _ => self.refuse(),
        }
    }

    fn bit_source(&self) -> Using {
        let name = self.name;
        let (old, new) = (&self.before.ty, &self.after.ty);
        match (new.kind, self.from, self.to) {
            (TypeKind::Bit, _, _) if new.length == old.length => self.cast_if_needed(name),
            (TypeKind::Bit, _, _) if new.length < old.length => self.refuse(),
            (TypeKind::Bit, PgType::Bit(_), PgType::Bit(_)) => {
                self.cast(&format!("{name}::bigint"))
            }
            (TypeKind::Bit, _, _) => self.cast_if_needed(name),
            (to, PgType::Bit(1..=63), _) if is_integer(to) => {
                self.clamped(&format!("{name}::bigint"))
            }
            (to, PgType::Int4 | PgType::Int8, _) if is_integer(to) => self.clamped(name),
            _ => self.refuse(),
        }
    }

    fn date_source(&self) -> Using {
        let (old, new) = (&self.before.ty, &self.after.ty);
        // TIMESTAMP without time zone at the target: whose clock it shows is not known here
        let stamps = [(old.kind, self.from), (new.kind, self.to)];
        let unzoned = stamps
            .iter()
            .any(|(kind, ty)| *kind == TypeKind::Timestamp && matches!(ty, PgType::Timestamp(_)));
        if unzoned && old.kind != new.kind {
            return self.refuse();
        }
        // as timestamp on the session's clock face
        let local = match (old.kind, new.kind) {
            (TypeKind::Timestamp, TypeKind::Timestamp) => self.name.to_owned(),
            (TypeKind::Timestamp, _) => {
                format!("({} at time zone {})", self.name, zone_sql(self.session)?)
            }
            (TypeKind::Date, TypeKind::Date) => return self.cast_if_needed(self.name),
            (TypeKind::Date, _) => format!("{}::timestamp", self.name),
            _ => self.name.to_owned(),
        };
        match new.kind {
            TypeKind::Date if old.scale > 0 && self.session.dialect == Dialect::MySql => {
                self.cast(&format!("({local} + interval '0.5 second')"))
            }
            TypeKind::Date => self.cast(&local),
            TypeKind::DateTime => self.with_digits(local, "timestamp"),
            // to TIMESTAMP: hours that a clock passes twice and years that do not fit differ
            TypeKind::Timestamp if old.kind == TypeKind::Timestamp => {
                let zoned = matches!(self.from, PgType::Timestamptz(_));
                self.with_digits(local, if zoned { "timestamptz" } else { "timestamp" })
            }
            TypeKind::Time if old.kind != TypeKind::Date && new.scale >= old.scale => {
                self.cast(&format!("({local} - date_trunc('day', {local}))"))
            }
            _ => self.refuse(),
        }
    }

    /// Cuts or rounds digits of a second where the new type has fewer.
    fn with_digits(&self, sql: String, ty: &str) -> Using {
        let (old, new) = (&self.before.ty, &self.after.ty);
        if new.scale < old.scale {
            return self.cast(&fewer_digits(&sql, new.scale, ty, self.session.dialect));
        }
        self.cast_if_needed(&sql)
    }

    fn time(&self) -> Using {
        let (old, new) = (&self.before.ty, &self.after.ty);
        if new.scale >= old.scale {
            return self.cast_if_needed(self.name);
        }
        let cut = match self.session.dialect {
            Dialect::MySql => "round",
            Dialect::MariaDb => "trunc",
        };
        let seconds = format!(
            "{cut}(extract(epoch from {})::numeric, {})",
            self.name, new.scale
        );
        self.cast(&format!(
            "make_interval(secs => {seconds}::double precision)"
        ))
    }
}
