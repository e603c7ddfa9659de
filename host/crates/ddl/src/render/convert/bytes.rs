//! USING expressions from and to binary types.

use chameleon_model::TypeKind;

use super::{Conversion, Using, is_bytes, is_text};

/// PostgreSQL's name of a character set whose bytes are the same.
fn encoding(charset: Option<&str>) -> Option<&'static str> {
    match charset? {
        "utf8" | "utf8mb3" | "utf8mb4" | "ascii" => Some("UTF8"),
        "latin1" => Some("WIN1252"),
        _ => None,
    }
}

impl Conversion<'_> {
    pub(super) fn bytes_source(&self) -> Using {
        let name = self.name;
        let (old, new) = (&self.before.ty, &self.after.ty);
        match new.kind {
            to if is_bytes(to) => {
                let fixed = old.kind == TypeKind::Binary && old.length <= new.length;
                let fits = to == TypeKind::Blob || old.length <= new.length;
                let same_width = fixed && old.length == new.length;
                match (fits, to) {
                    (true, TypeKind::Binary) if !same_width => self.cast(&self.padded(name)),
                    (true, _) => self.cast_if_needed(name),
                    (false, TypeKind::Binary) => self.cast(&self.padded(&self.cut())),
                    (false, _) => self.cast(&self.cut()),
                }
            }
            to if is_text(to) => {
                let Some(encoding) = encoding(new.charset.as_deref()) else {
                    return self.refuse();
                };
                let text = format!("convert_from({name}, '{encoding}')");
                match to {
                    TypeKind::Char => self.cast(&format!("rtrim({text}, ' ')")),
                    _ => self.cast(&text),
                }
            }
            TypeKind::Uuid if old.kind == TypeKind::Binary && old.length == 16 => {
                self.cast(&format!("encode({name}, 'hex')"))
            }
            _ => self.refuse(),
        }
    }

    pub(super) fn text_to_bytes(&self) -> Using {
        let Some(encoding) = encoding(self.before.ty.charset.as_deref()) else {
            return self.refuse();
        };
        let bytes = format!("convert_to({}::text, '{encoding}')", self.name);
        match self.after.ty.kind {
            TypeKind::Binary => self.cast(&self.padded(&bytes)),
            TypeKind::VarBinary => self.cast(&format!(
                "substring({bytes} from 1 for {})",
                self.after.ty.length
            )),
            _ => self.cast(&bytes),
        }
    }

    /// The first bytes, as many as the new type has.
    fn cut(&self) -> String {
        format!(
            "substring({} from 1 for {})",
            self.name, self.after.ty.length
        )
    }

    /// BINARY is filled up with zero bytes.
    fn padded(&self, sql: &str) -> String {
        let n = self.after.ty.length;
        format!("substring({sql} || decode(repeat('00', {n}), 'hex') from 1 for {n})")
    }
}
