//! A version of a source table, as a transform plans for it.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    ColumnType, Error, Form, TypeKind, bindings::chameleon::transform::types as wit, nearest,
};

/// A version of a table: a new one follows after every DDL.
#[derive(Clone, Debug)]
pub struct Table {
    /// The number that names this version.
    pub id: u32,
    /// The schema, as the source names it.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// The columns in their order.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its place in the table, from 0.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ColumnType,
    /// May it be NULL?
    pub nullable: bool,
    /// Its 1-based place in the primary key, 0 where it is no part of it.
    pub key: u16,
    /// Is it computed by the source?
    pub generated: bool,
}

impl Table {
    /// The column of this name; names of columns know no case.
    ///
    /// # Errors
    /// A schema error that names the table and the nearest known column.
    pub fn column(&self, name: &str) -> Result<&Column, Error> {
        self.find(name).ok_or_else(|| self.no_column(name))
    }

    /// The column that a configuration means: none where it names another table.
    ///
    /// # Errors
    /// As for [`Table::column`].
    pub fn select(&self, name: &ColumnName) -> Result<Option<&Column>, Error> {
        if let Some(column) = self.find(&name.text) {
            return Ok(Some(column));
        }
        match name.text.rsplit_once('.') {
            None => Err(self.no_column(&name.text)),
            Some((table, column)) if self.is_called(table) => self.column(column).map(Some),
            Some(_) => Ok(None),
        }
    }

    /// The columns of the primary key, in the key's order.
    pub fn key(&self) -> Vec<&Column> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|c| c.key > 0).collect();
        key.sort_by_key(|column| column.key);
        key
    }

    /// Is this `name` or `schema.name`?
    pub fn is_called(&self, name: &str) -> bool {
        match name.split_once('.') {
            None => self.name.eq_ignore_ascii_case(name),
            Some((schema, table)) => {
                self.schema.eq_ignore_ascii_case(schema) && self.name.eq_ignore_ascii_case(table)
            }
        }
    }

    fn find(&self, name: &str) -> Option<&Column> {
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| {
            let wanted = name.to_lowercase();
            self.columns
                .iter()
                .find(|column| column.name.to_lowercase() == wanted)
        })
    }

    fn no_column(&self, name: &str) -> Error {
        let known = self.columns.iter().map(|column| column.name.as_str());
        let hint = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", known.collect::<Vec<_>>().join(", ")),
        };
        Error::schema(format!("{self} has no column `{name}`; {hint}"))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.name)
    }
}

impl Column {
    /// How the column's values travel.
    pub fn form(&self) -> Form {
        form_of(&self.ty)
    }

    /// Char, varchar or text: what people write.
    pub fn is_text(&self) -> bool {
        matches!(
            self.ty.kind,
            TypeKind::Char | TypeKind::Varchar | TypeKind::Text
        )
    }

    /// An integer of any size, signed or not.
    pub fn is_integer(&self) -> bool {
        matches!(
            self.ty.kind,
            TypeKind::Tinyint
                | TypeKind::Smallint
                | TypeKind::Mediumint
                | TypeKind::Int
                | TypeKind::Bigint
        )
    }

    /// How many characters or bytes fit into it; none where no limit is declared.
    pub fn limit(&self) -> Option<usize> {
        let limited = matches!(
            self.ty.kind,
            TypeKind::Char | TypeKind::Varchar | TypeKind::Binary | TypeKind::Varbinary
        );
        usize::try_from(self.ty.length)
            .ok()
            .filter(|length| limited && *length > 0)
    }
}

/// How values of a type travel.
pub(crate) fn form_of(ty: &ColumnType) -> Form {
    use TypeKind as Kind;
    match ty.kind {
        Kind::Tinyint | Kind::Smallint | Kind::Mediumint | Kind::Int | Kind::Bigint => {
            if ty.unsigned { Form::Uints } else { Form::Ints }
        }
        Kind::Year | Kind::Boolean => Form::Ints,
        Kind::Bit | Kind::Enum | Kind::Set => Form::Uints,
        Kind::Float | Kind::Double => Form::Floats,
        Kind::Date => Form::Days,
        Kind::Time | Kind::Datetime | Kind::Timestamp => Form::Micros,
        Kind::Decimal
        | Kind::Char
        | Kind::Varchar
        | Kind::Text
        | Kind::Json
        | Kind::Uuid
        | Kind::Inet => Form::Texts,
        Kind::Binary
        | Kind::Varbinary
        | Kind::Blob
        | Kind::Geometry
        | Kind::Vector
        | Kind::Unknown => Form::Blobs,
    }
}

impl From<wit::Table> for Table {
    fn from(table: wit::Table) -> Self {
        let columns = (0..).zip(table.columns).map(|(index, column)| Column {
            index,
            name: column.name,
            ty: column.ty,
            nullable: column.nullable,
            key: column.key,
            generated: column.generated,
        });
        Table {
            id: table.id,
            schema: table.name.schema,
            name: table.name.name,
            columns: columns.collect(),
        }
    }
}

/// The name of a column in a configuration: `column`, or where a transform serves several tables `table.column` or
/// `schema.table.column`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    text: String,
}

impl ColumnName {
    /// As it stands in the configuration.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<&str> for ColumnName {
    fn from(text: &str) -> Self {
        ColumnName { text: text.into() }
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ColumnName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(serde::de::Error::custom("the name of a column is empty"));
        }
        Ok(ColumnName { text })
    }
}

/// One entry of a list of columns in a configuration: the name alone, or a rule `T` with more to say.
///
/// ```
/// use chameleon_transform_sdk::{ColumnName, ColumnRule};
///
/// #[derive(serde::Deserialize)]
/// struct Rule {
///     column: ColumnName,
///     #[serde(default)]
///     keep: usize,
/// }
///
/// impl From<ColumnName> for Rule {
///     fn from(column: ColumnName) -> Self {
///         Rule { column, keep: 0 }
///     }
/// }
///
/// let text = r#"["email", {"column": "phone", "keep": 4}]"#;
/// let rules: Vec<ColumnRule<Rule>> = serde_json::from_str(text).unwrap();
/// assert_eq!(rules[0].0.column.as_str(), "email");
/// assert_eq!(rules[1].0.keep, 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnRule<T>(pub T);

impl<'de, T: Deserialize<'de> + From<ColumnName>> Deserialize<'de> for ColumnRule<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(RuleVisitor(PhantomData))
            .map(ColumnRule)
    }
}

struct RuleVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + From<ColumnName>> Visitor<'de> for RuleVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a column, or an object with a key `column`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        Ok(T::from(ColumnName::from(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestTable;

    fn table() -> Table {
        TestTable::new("shop", "customer")
            .key("id", "int")
            .column("Email", "varchar(100)")
            .table(1)
    }

    #[test]
    fn names_of_columns_know_no_case() {
        assert_eq!(table().column("email").unwrap().index, 1);
    }

    #[test]
    fn a_missing_column_is_named_with_the_nearest_one() {
        let told = table().column("emial").unwrap_err().message;
        assert_eq!(
            told,
            "shop.customer has no column `emial`; did you mean `Email`?"
        );
        let told = table().column("colour").unwrap_err().message;
        assert_eq!(
            told,
            "shop.customer has no column `colour`; it has id, Email"
        );
    }

    #[test]
    fn a_qualified_name_is_for_its_table_alone() {
        let select = |name: &str| table().select(&name.into()).map(|c| c.map(|c| c.index));
        assert_eq!(select("customer.email"), Ok(Some(1)));
        assert_eq!(select("shop.customer.email"), Ok(Some(1)));
        assert_eq!(select("staff.email"), Ok(None));
        assert_eq!(select("other.customer.email"), Ok(None));
        assert!(select("customer.emial").is_err());
        assert!(select("emial").is_err());
    }
}
