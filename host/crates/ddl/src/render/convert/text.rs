//! USING expressions from text, ENUM, SET, JSON, UUID and INET.

use chameleon_model::{PgType, TypeKind};

use super::{Conversion, Using, is_bytes, is_integer, is_text};
use crate::mapping::is_json_text;
use crate::render::shape::{literal, literals};

impl Conversion<'_> {
    pub(super) fn text_source(&self) -> Using {
        let name = self.name;
        let (old, new) = (&self.before.ty, &self.after.ty);
        match new.kind {
            // CHAR is read without trailing blanks
            TypeKind::Char if old.kind != TypeKind::Char => {
                self.cast(&format!("rtrim({name}::text, ' ')"))
            }
            to if is_text(to) => self.cast_if_needed(name),
            to if is_bytes(to) => self.text_to_bytes(),
            to if is_integer(to) => self.clamped(&format!("round({name}::text::numeric)")),
            TypeKind::Decimal => self.cast(&format!("round({name}::text::numeric, {})", new.scale)),
            TypeKind::Float | TypeKind::Double => {
                self.cast(&format!("{name}::text::double precision"))
            }
            TypeKind::Enum => self.cast(&format!("{name}::text")),
            TypeKind::Json if is_json_text(self.after) => self.cast(&format!("{name}::text")),
            TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6 => {
                self.cast(&format!("{name}::text"))
            }
            _ => self.refuse(),
        }
    }

    /// From ENUM, SET, JSON, UUID, INET4 and INET6.
    pub(super) fn other_source(&self) -> Using {
        let name = self.name;
        let (from, to) = (self.before.ty.kind, self.after.ty.kind);
        match (from, to) {
            (TypeKind::Enum, TypeKind::Enum) => self.relabelled(),
            (TypeKind::Enum, to) if is_text(to) => self.cast(&format!("{name}::text")),
            (TypeKind::Enum, to) if is_integer(to) => {
                let labels = literals(&self.before.ty.labels);
                let place = format!("array_position(array[{labels}], {name}::text)");
                let index = format!("case when {name} is null then null else coalesce({place}, 0)");
                self.clamped(&format!("{index} end"))
            }
            (TypeKind::Set, TypeKind::Set) => self.relabelled_set(),
            (TypeKind::Set, to) if is_text(to) => match self.from {
                PgType::TextArray => self.cast(&format!("array_to_string({name}, ',')")),
                _ => self.cast(name),
            },
            (TypeKind::Json, TypeKind::Json) => self.cast_if_needed(name),
            (TypeKind::Json, to) if is_text(to) && is_json_text(self.before) => {
                self.cast(&format!("{name}::text"))
            }
            (TypeKind::Uuid, TypeKind::Binary) if self.after.ty.length == 16 => {
                self.cast(&format!("decode(replace({name}::text, '-', ''), 'hex')"))
            }
            (TypeKind::Uuid, to) if is_text(to) => self.cast(&format!("{name}::text")),
            (TypeKind::Inet4 | TypeKind::Inet6, to) if is_text(to) => {
                self.cast(&format!("host({name})"))
            }
            (TypeKind::Uuid | TypeKind::Inet4 | TypeKind::Inet6, to) if from == to => {
                self.cast_if_needed(name)
            }
            _ => self.refuse(),
        }
    }

    /// Values follow their labels, which the source compares without case.
    fn relabelled(&self) -> Using {
        let name = self.name;
        let new = &self.after.ty.labels;
        if self.before.ty.labels == *new && self.from == self.to {
            return Ok(None);
        }
        let mut respelled = String::new();
        for old in self
            .before
            .ty
            .labels
            .iter()
            .filter(|old| !new.contains(old))
        {
            let lower = old.to_lowercase();
            if let Some(label) = new.iter().find(|label| label.to_lowercase() == lower) {
                respelled.push_str(&format!(" when {} then {}", literal(old), literal(label)));
            }
        }
        if respelled.is_empty() {
            return self.cast(&format!("{name}::text"));
        }
        self.cast(&format!(
            "(case {name}::text{respelled} else {name}::text end)"
        ))
    }

    /// Members follow their labels and come in the order of the new declaration.
    fn relabelled_set(&self) -> Using {
        let (old, new) = (&self.before.ty.labels, &self.after.ty.labels);
        if new.starts_with(old) {
            return self.cast_if_needed(self.name);
        }
        if *self.to != PgType::TextArray || *self.from != PgType::TextArray {
            return self.refuse();
        }
        let parts: Vec<String> = new
            .iter()
            .filter(|label| old.contains(label))
            .map(|label| {
                let label = literal(label);
                format!(
                    "case when {label} = any({}) then array[{label}] else '{{}}' end",
                    self.name
                )
            })
            .collect();
        if parts.len() < old.len() {
            return self.refuse();
        }
        let members = parts.join(" || ");
        self.cast(&format!(
            "(case when {} is not null then {members} end)",
            self.name
        ))
    }
}
