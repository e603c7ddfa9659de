//! How source types and values become the target's: profile, overrides and value policies.

use crate::schema::ColumnType;

/// Which default mapping of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TypeProfile {
    /// Lossless.
    #[default]
    Lossless,
    /// What pg_chameleon 1.x made, where that loses nothing.
    PgChameleon,
}

/// What becomes of zero and partial dates (`0000-00-00`, `2020-00-15`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ZeroDatePolicy {
    /// NULL; a NOT NULL column then loses NOT NULL.
    #[default]
    Null,
    /// 1970-01-01.
    Epoch,
    /// `-infinity`.
    MinusInfinity,
    /// The row is refused.
    Fail,
}

/// What becomes of U+0000 in text, which PostgreSQL cannot store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum NulPolicy {
    /// The row is refused.
    #[default]
    Fail,
    /// Left out.
    Strip,
    /// Replaced by U+FFFD.
    Replace,
}

/// `type_override` of the configuration: one entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeOverride {
    /// What it matches: an exact declared type (`tinyint(1)`), a base type (`tinyint`), or
    /// `table.column`. Compared without case.
    pub source: String,
    /// PostgreSQL type as SQL.
    pub target: String,
    /// Tables it is for; `*` is all.
    pub tables: Vec<String>,
}

/// All rules of one source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MappingRules {
    /// Default mapping.
    pub profile: TypeProfile,
    /// Exceptions to it; they win over the profile.
    pub overrides: Vec<TypeOverride>,
    /// Zero and partial dates.
    pub zero_date: ZeroDatePolicy,
    /// U+0000 in text.
    pub nul_character: NulPolicy,
    /// Base types (`blob`, `binary`, ...) whose bytes a catalog taken over from 1.x holds as hex
    /// text in `bytea`, and goes on to.
    pub hexify: Vec<String>,
    /// Enum types have the label `''`, which the source stores for values that are no label. Without
    /// it such a value is refused.
    pub empty_enum_label: bool,
    /// What the target has beyond PostgreSQL's own types.
    pub extensions: ExtensionTypes,
}

impl MappingRules {
    /// The base type by which `hexify` names the type, where it does: the first word of the
    /// declaration.
    pub fn hexified<'a>(&self, ty: &'a ColumnType) -> Option<&'a str> {
        let base = ty.declared.split(['(', ' ']).next().unwrap_or_default();
        let named = |name: &String| name.eq_ignore_ascii_case(base);
        self.hexify.iter().any(named).then_some(base)
    }
}

/// Types of extensions that are installed in the target database, as SQL without a modifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct ExtensionTypes {
    /// PostGIS: what spatial types become.
    pub geometry: Option<String>,
    /// pgvector: what VECTOR becomes.
    pub vector: Option<String>,
}

impl Default for MappingRules {
    fn default() -> Self {
        Self {
            profile: TypeProfile::default(),
            overrides: Vec::new(),
            zero_date: ZeroDatePolicy::default(),
            nul_character: NulPolicy::default(),
            hexify: Vec::new(),
            empty_enum_label: true,
            extensions: ExtensionTypes::default(),
        }
    }
}
