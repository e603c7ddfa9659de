//! What `testdata/ddl` does not show: errors, names, transaction control, rows.

use super::*;
use crate::statement::{RowStatement, Statement, TransactionControl, Xid};

fn context(dialect: Dialect) -> ParseContext<'static> {
    let version = if dialect == Dialect::MySql {
        80_036
    } else {
        101_106
    };
    ParseContext::new(dialect, version).in_schema("shop")
}

fn one(sql: &str) -> Statement {
    let mut all = parse(sql, &context(Dialect::MySql)).unwrap();
    assert_eq!(all.len(), 1, "{sql}");
    all.remove(0)
}

fn names(tables: &[TableName]) -> String {
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    names.join(" ")
}

#[test]
fn an_error_says_where_and_names_the_tables() {
    let check = |sql: &str, message: &str, tables: &str| {
        let error = parse(sql, &context(Dialect::MySql)).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(names(error.tables()), tables);
    };
    check(
        "alter table a.t1 add column",
        "parse ALTER TABLE at byte 27: a name was expected, the end found",
        "a.t1",
    );
    check(
        "alter table t frobnicate 'secret'",
        "parse ALTER TABLE at byte 14: an action of ALTER TABLE was expected, `frobnicate` found",
        "shop.t",
    );
    check(
        "frobnicate table if exists `x y`, z 'secret'",
        "parse statement at byte 0: a statement was expected, `frobnicate` found",
        "shop.x y shop.z",
    );
    check(
        "rename table a to b, c too d",
        "parse RENAME TABLE at byte 23: TO was expected, `too` found",
        "shop.a shop.b shop.c",
    );
    check(
        "create table n (a int, b 'secret')",
        "parse CREATE TABLE at byte 25: a column type was expected, a string found",
        "shop.n",
    );
    check(
        "create table n (a int default 'open",
        "parse CREATE TABLE at byte 30: a default value was expected, a string without end found",
        "shop.n",
    );
    check(
        "drop table t extra",
        "parse DROP TABLE at byte 13: the end of the statement was expected, `extra` found",
        "shop.t",
    );
}

#[test]
fn names_take_the_default_schema_and_the_servers_case() {
    let mut cx = context(Dialect::MySql);
    let table = |cx: &ParseContext<'_>, sql: &str| match parse(sql, cx).unwrap().remove(0) {
        Statement::TruncateTable(name) => name.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(table(&cx, "truncate Tab"), "shop.Tab");
    assert_eq!(table(&cx, "truncate `Other`.`Tab`"), "Other.Tab");
    assert_eq!(table(&cx, "truncate .Tab"), "shop.Tab");
    cx.lower_case_names = true;
    assert_eq!(table(&cx, "truncate `Other`.`Tab`"), "other.tab");
    cx.default_schema = None;
    assert_eq!(table(&cx, "truncate t"), ".t");
    cx.ansi_quotes = true;
    assert_eq!(table(&cx, "truncate \"A B\""), ".a b");
}

#[test]
fn several_statements_are_read_one_by_one() {
    let kinds = |sql: &str, dialect| -> Vec<&'static str> {
        let all = parse(sql, &context(dialect)).unwrap();
        all.iter().map(Statement::kind).collect()
    };
    let sql = "; drop table a;; /*!50000 truncate b; */ /*!99999 drop table c */ begin";
    let expect = ["DROP TABLE", "TRUNCATE TABLE", "BEGIN"];
    assert_eq!(kinds(sql, Dialect::MySql), expect);
    let body = "create procedure p() begin drop table a; drop table b; end";
    assert_eq!(kinds(body, Dialect::MySql), ["CREATE PROCEDURE"]);
    let cases = [
        ("create or replace view v as select 1", "CREATE VIEW"),
        (
            "create definer=`event`@`%` trigger t after insert on x for each row set @a=1",
            "CREATE TRIGGER",
        ),
        ("drop temporary table t", "DROP TEMPORARY TABLE"),
        (
            "create aggregate function if not exists f(x int) returns int return x",
            "CREATE FUNCTION",
        ),
        ("backup stage end", "BACKUP"),
        ("analyze local table t", "ANALYZE"),
        ("", ""),
    ];
    for (sql, kind) in cases {
        let expect: Vec<&str> = Some(kind).filter(|k| !k.is_empty()).into_iter().collect();
        assert_eq!(kinds(sql, Dialect::MariaDb), expect, "{sql}");
    }
}

#[test]
fn transaction_control_is_told_from_ddl() {
    let check = |sql: &str, expect: TransactionControl| {
        assert_eq!(one(sql), Statement::Transaction(expect), "{sql}");
    };
    check("BEGIN", TransactionControl::Begin);
    check("start transaction read only", TransactionControl::Begin);
    check("COMMIT", TransactionControl::Commit);
    check("rollback and chain", TransactionControl::Rollback);
    check(
        "ROLLBACK TO `s p`",
        TransactionControl::RollbackTo("s p".into()),
    );
    check(
        "rollback work to savepoint a",
        TransactionControl::RollbackTo("a".into()),
    );
    check(
        "SAVEPOINT `s``p`",
        TransactionControl::Savepoint("s`p".into()),
    );
    check(
        "RELEASE SAVEPOINT a",
        TransactionControl::Release("a".into()),
    );
    let xid = |gtrid: &[u8], bqual: &[u8], format| Xid {
        gtrid: gtrid.to_vec(),
        bqual: bqual.to_vec(),
        format,
    };
    check(
        "XA START X'7831',X'',1",
        TransactionControl::XaBegin(xid(b"x1", b"", 1)),
    );
    check("xa end 'a'", TransactionControl::XaEnd(xid(b"a", b"", 1)));
    check(
        "XA PREPARE 'a','b',7",
        TransactionControl::XaPrepare(xid(b"a", b"b", 7)),
    );
    let committed = |one_phase| TransactionControl::XaCommit {
        xid: xid(b"a", b"", 1),
        one_phase,
    };
    check("XA COMMIT X'61',X'',1", committed(false));
    check("xa commit 'a' one phase", committed(true));
    check(
        "XA ROLLBACK 0xFF00",
        TransactionControl::XaRollback(xid(&[255, 0], b"", 1)),
    );
}

#[test]
fn statements_that_change_rows_name_their_tables() {
    let check = |sql: &str, kind: &'static str, tables: &str| match one(sql) {
        Statement::RowStatement(RowStatement {
            kind: got,
            tables: found,
        }) => {
            assert_eq!((got, names(&found).as_str()), (kind, tables), "{sql}");
        }
        other => panic!("{sql}: {other:?}"),
    };
    check("insert into a values ('b;', (1))", "INSERT", "shop.a");
    check("insert ignore x.a select * from b", "INSERT", "x.a");
    check("replace delayed into a () values ()", "REPLACE", "shop.a");
    check("update a set b = 1", "UPDATE", "shop.a");
    check("update a, x.b as c set c.d = 1", "UPDATE", "shop.a x.b");
    check(
        "update (a left join b on f(c, d) = 1) straight_join (select 1 from e) g set h = 1",
        "UPDATE",
        "shop.a shop.b",
    );
    check(
        "delete from a where b in (select c from d)",
        "DELETE",
        "shop.a",
    );
    check(
        "delete a1, b1.* from a a1 join b b1 using (c)",
        "DELETE",
        "shop.a shop.b",
    );
    check(
        "delete from a using a join b",
        "DELETE",
        "shop.a shop.a shop.b",
    );
    check(
        "load data infile 'x' into table a (b, c)",
        "LOAD DATA",
        "shop.a",
    );
    check("with q as (select 1) delete from a", "DELETE", "shop.a");
    check("select f()", "SELECT", "");
}
