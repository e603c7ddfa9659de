//! Failures told apart by SQLSTATE, never by message text.
//!
//! Source of the codes: PostgreSQL documentation, appendix "PostgreSQL Error Codes".

use std::error::Error as _;

use tokio_postgres::error::DbError;

use crate::error::{Failure, Said};

/// Constraint that refused a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// 23505.
    Unique,
    /// 23503.
    ForeignKey,
    /// 23502.
    NotNull,
    /// 23514.
    Check,
    /// 23P01 and the rest of class 23.
    Other,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The connection was lost or cannot be had now: classes 08 and 57P, too many connections, and
    /// whatever the network says.
    Connection,
    /// Another session was in the way: lock not available, deadlock, serialization failure,
    /// cancelled while waiting.
    Lock,
    /// A value is not accepted: class 22.
    Data,
    /// A constraint is violated: class 23.
    Constraint(Constraint),
    /// Disk or memory has run out: 53000, 53100, 53200, 58030.
    Disk,
    /// A right is missing, or the login is refused: 42501, class 28.
    Privilege,
    /// A table, column, type, schema, function or database does not exist.
    UndefinedObject,
    /// The server is read-only, as a standby is: 25006.
    ReadOnly,
    /// Anything else.
    Other,
}

/// The class of a driver error.
pub fn classify(error: &tokio_postgres::Error) -> Class {
    if let Some(state) = error.code() {
        return class_of(state.code());
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return Class::Connection;
        }
        cause = inner.source();
    }
    if error.is_closed() {
        Class::Connection
    } else {
        Class::Other
    }
}

/// The class of a SQLSTATE.
pub fn class_of(sqlstate: &str) -> Class {
    match sqlstate {
        "23505" => Class::Constraint(Constraint::Unique),
        "23503" => Class::Constraint(Constraint::ForeignKey),
        "23502" => Class::Constraint(Constraint::NotNull),
        "23514" => Class::Constraint(Constraint::Check),
        "55P03" | "40P01" | "40001" | "55006" | "57014" => Class::Lock,
        "53100" | "53200" | "53000" | "58030" => Class::Disk,
        "42501" => Class::Privilege,
        "25006" => Class::ReadOnly,
        "53300" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Class::Connection,
        "42P01" | "42703" | "42704" | "42883" | "3F000" | "3D000" | "57P04" => {
            Class::UndefinedObject
        }
        _ => match sqlstate.get(..2) {
            Some("08") => Class::Connection,
            Some("22") => Class::Data,
            Some("23") => Class::Constraint(Constraint::Other),
            Some("28") => Class::Privilege,
            _ => Class::Other,
        },
    }
}

/// A driver error without its values.
pub(crate) fn failure(error: &tokio_postgres::Error) -> Failure {
    if let Some(db) = error.as_db_error() {
        return server_failure(db);
    }
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    let said = Said {
        message,
        ..Said::default()
    };
    Failure::new(classify(error), said)
}

fn server_failure(db: &DbError) -> Failure {
    let sqlstate = db.code().code();
    let raised = db.routine() == Some("exec_stmt_raise");
    let message =
        substitute(sqlstate, raised).map_or_else(|| db.message().to_owned(), ToOwned::to_owned);
    let table = db.table().map(|table| match db.schema() {
        Some(schema) => format!("{schema}.{table}"),
        None => table.to_owned(),
    });
    let said = Said {
        sqlstate: Some(sqlstate.to_owned()),
        message,
        constraint: db.constraint().map(ToOwned::to_owned),
        table,
        column: db.column().map(ToOwned::to_owned),
    };
    Failure::new(class_of(sqlstate), said)
}

/// Words in place of a message that may quote a value: those of data exceptions do (`invalid input
/// syntax for type integer: "..."`), and those that a function raises may.
fn substitute(sqlstate: &str, raised: bool) -> Option<&'static str> {
    if raised || sqlstate.starts_with("P0") {
        return Some("a function or trigger raised an exception");
    }
    if !sqlstate.starts_with("22") {
        return None;
    }
    Some(match sqlstate {
        "22001" => "a value is too long for its type",
        "22003" => "a number is out of range",
        "22004" | "22002" => "a null value is not allowed here",
        "22007" => "a date or time is malformed",
        "22008" => "a date or time is out of range",
        "22009" => "a time zone displacement is invalid",
        "22012" => "a division by zero",
        "22021" => "a byte sequence is invalid in the encoding",
        "22026" => "a bit string has the wrong length",
        "22030" | "22032" => "a JSON document is malformed",
        "22P02" => "a text is malformed for its type",
        "22P03" => "a binary value is malformed for its type",
        "22P04" => "the COPY data is malformed",
        "22P05" => "a character cannot be converted between the encodings",
        _ => "a value is not accepted",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_follows_from_the_sqlstate() {
        let check = |state: &str, class: Class| assert_eq!(class_of(state), class, "{state}");
        check("23505", Class::Constraint(Constraint::Unique));
        check("23P01", Class::Constraint(Constraint::Other));
        check("22P02", Class::Data);
        check("22003", Class::Data);
        check("08006", Class::Connection);
        check("57P01", Class::Connection);
        check("57014", Class::Lock);
        check("53300", Class::Connection);
        check("53100", Class::Disk);
        check("28P01", Class::Privilege);
        check("25006", Class::ReadOnly);
        check("42P01", Class::UndefinedObject);
        check("42601", Class::Other);
        check("", Class::Other);
    }

    #[test]
    fn messages_that_may_quote_a_value_are_replaced() {
        assert!(substitute("22P02", false).is_some());
        assert!(substitute("22ZZZ", false).is_some());
        assert!(substitute("P0001", false).is_some());
        assert!(substitute("23514", true).is_some());
        assert_eq!(substitute("23505", false), None);
        assert_eq!(substitute("42P01", false), None);
    }
}
