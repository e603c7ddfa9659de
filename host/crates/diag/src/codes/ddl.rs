//! DDL: statements that change the source's tables.

codes! {
    DDL001 AfterOperatorAction "the statement cannot be translated";
    DDL002 AfterOperatorAction "the statement cannot be parsed";
    DDL003 AfterOperatorAction "the statement does not fit the known table";
    DDL004 AfterOperatorAction "only the source knows the new values of existing rows";
}
