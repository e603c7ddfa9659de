//! SRC: the MySQL or MariaDB source.
//!
//! 001-009 connection and statements, 010-029 what `check` finds, 030-049 the binlog, 050-059 the
//! snapshot, 060-069 the binlog's contents.

codes! {
    SRC001 WithBackoff "the source does not answer";
    SRC002 AfterOperatorAction "the source refuses the login";
    SRC003 AfterOperatorAction "the source's database does not exist";
    SRC004 AfterOperatorAction "a right is missing at the source";
    SRC005 Never "the source refuses a statement";
    SRC006 WithBackoff "the source is busy";
    SRC007 Never "the source's answer is not understood";
    SRC010 AfterOperatorAction "the source's version is not supported";
    SRC011 AfterOperatorAction "the source writes no binlog";
    SRC012 AfterOperatorAction "the source's binlog format is not ROW";
    SRC013 AfterOperatorAction "the source's binlog row image is not FULL";
    SRC014 AfterOperatorAction "a server id is used twice";
    SRC015 AfterOperatorAction "the source keeps its binlog too short a time";
    SRC016 AfterOperatorAction "a table has no key";
    SRC017 AfterOperatorAction "a column's type needs care";
    SRC018 AfterOperatorAction "two names become the same at the target";
    SRC019 AfterOperatorAction "a name is shortened at the target";
    SRC020 AfterOperatorAction "no table is selected";
    SRC021 AfterOperatorAction "a configured table does not exist";
    SRC022 AfterOperatorAction "the source's binlog leaves the database out";
    SRC023 AfterOperatorAction "a table's storage engine knows no transactions";
    SRC024 AfterOperatorAction "a setting of the source makes replication weaker";
    SRC025 AfterOperatorAction "a foreign key changes rows unseen";
    SRC026 AfterOperatorAction "XA transactions are prepared at the source";
    SRC030 AfterOperatorAction "the source has purged the binlog that is needed";
    SRC031 AfterOperatorAction "the source does not send its binlog from there";
    SRC032 WithBackoff "a binlog event is damaged";
    SRC033 Never "a binlog event is not understood";
    SRC034 AfterOperatorAction "a table in the binlog differs from its known schema";
    SRC035 AfterOperatorAction "a row of the binlog cannot be decoded";
    SRC036 Never "a GTID set is not understood";
    SRC037 AfterOperatorAction "a table was changed in a way that cannot be followed";
    SRC038 AfterOperatorAction "the position is not in the source's binlog";
    SRC039 AfterOperatorAction "the source lacks transactions that were replicated";
    SRC040 AfterOperatorAction "another server took the source's place while a copy was being completed";
    SRC050 WithBackoff "the tables of the source cannot be locked";
    SRC051 AfterOperatorAction "a table's shape changed during the copy";
    SRC052 AfterOperatorAction "a value of the source cannot be read";
    SRC060 AfterOperatorAction "the source reports that its binlog lacks changes";
    SRC061 AfterOperatorAction "the source logged a change as a statement";
}
