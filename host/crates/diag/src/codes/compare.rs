//! CMP: comparing source and target.

codes! {
    CMP001 AfterOperatorAction "source and target differ";
    CMP002 WithBackoff "the source refused a query of the comparison";
    CMP003 WithBackoff "a server sent no row for a long time";
    CMP004 Never "there is no such table to compare";
    CMP005 Never "no table is selected for the comparison";
}
