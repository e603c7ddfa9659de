//! BLT: sizes and bloat of tables and indexes, and what causes it.

codes! {
    BLT001 Never "there is nothing to look at for bloat";
    BLT002 Never "there is no such schema";
    BLT003 AfterOperatorAction "pgstattuple is not to be had";
    BLT010 AfterOperatorAction "something keeps dead tuples from being removed";
    BLT011 AfterOperatorAction "autovacuum is due and does not come";
    BLT012 AfterOperatorAction "autovacuum is blocked or cancelled";
    BLT013 AfterOperatorAction "few updates are heap-only";
    BLT014 AfterOperatorAction "the end of a table is empty";
    BLT015 AfterOperatorAction "the replay of a source is stuck";
    BLT016 AfterOperatorAction "the statistics of a table are stale";
    BLT017 AfterOperatorAction "a table or index is bloated";
    BLT018 AfterOperatorAction "a log table belongs to no source";
}
