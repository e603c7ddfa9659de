//! Changes of prepared transactions.

use chameleon_catalog::batches::start_at;
use chameleon_catalog::prepared::{self, Commit, PreparedTable};
use chameleon_catalog::{SourceRow, add_source, drop_source, source};
use chameleon_postgres::Client;

use crate::support::{at, lines, run, value, with_source};

async fn keep(c: &Client, row: &SourceRow, xid: &str, table: &str, data: i64) {
    let sql = "insert into sch_chameleon.t_prepared_changes (i_id_source, t_xid, i_id_batch, \
               v_table_name, v_schema_name, enm_binlog_event, jsb_event_data) \
               values ($1, $2, 1, $3::text, 'dest', 'insert', jsonb_build_object('n', $4::bigint))";
    c.execute(sql, &[&row.id.0, &xid, &table, &data])
        .await
        .unwrap();
}

fn of(name: &str, changes: u64) -> PreparedTable {
    PreparedTable {
        name: name.into(),
        changes,
    }
}

#[tokio::test]
async fn a_committed_transaction_goes_into_the_log_in_its_order_without_what_is_left_out() {
    with_source(|_, c, row| async move {
        let batch = start_at(&c, row.id, &at(1)).await.unwrap();
        let (mine, other) = ("X'6127',X'',1", "X'61',X'27',1");
        for (n, table) in (1..).zip(["a", "b", "a", "held", "b"]) {
            keep(&c, &row, mine, table, n).await;
            keep(&c, &row, other, table, n + 10).await;
        }
        let tables = prepared::tables(&c, row.id, mine).await.unwrap();
        assert_eq!(tables, [of("a", 2), of("b", 2), of("held", 1)]);
        let commit = Commit {
            source: row.id,
            xid: mine,
            batch,
            log_table: &row.log_tables[0],
            tables: &["a", "b"],
            first_moment: 820_000_000_000_000,
        };
        assert_eq!(prepared::to_log(&c, &commit).await.unwrap(), 4);
        assert_eq!(prepared::forget(&c, row.id, mine).await.unwrap(), 5);
        let log = format!(
            "select concat_ws(' ', i_id_batch = {batch}, v_table_name, jsb_event_data ->> 'n', \
                    ((extract(epoch from ts_event_datetime - timestamp '2000-01-01') \
                        - 820000000) * 1000000)::bigint) \
             from sch_chameleon.{} order by i_id_event",
            row.log_tables[0]
        );
        let found = lines(&c, &log).await;
        assert_eq!(found, ["t a 1 0", "t b 2 1", "t a 3 2", "t b 5 3"]);
        assert_eq!(prepared::tables(&c, row.id, mine).await.unwrap(), []);
        assert_eq!(
            prepared::all_tables(&c, row.id).await.unwrap(),
            ["a", "b", "held"]
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_is_one_sources_and_goes_with_it() {
    with_source(|_, c, row| async move {
        add_source(&c, "other", "other").await.unwrap();
        let other = source(&c, "other").await.unwrap();
        let third =
            "insert into sch_chameleon.t_sources (t_source, t_dest_schema) values ('x', 'x')";
        run(&c, third).await;
        for source in [&row, &other] {
            keep(&c, source, "X'61',X'',1", "a", 1).await;
            keep(&c, source, "X'62',X'',1", "b", 2).await;
        }
        assert_eq!(prepared::forget_all(&c, row.id).await.unwrap(), 2);
        assert!(prepared::all_tables(&c, row.id).await.unwrap().is_empty());
        let kept = prepared::all_tables(&c, other.id).await.unwrap();
        assert_eq!(kept, ["a", "b"]);
        drop_source(&c, "other").await.unwrap();
        let left: i64 = value(&c, "select count(*) from sch_chameleon.t_prepared_changes").await;
        assert_eq!(left, 0);
    })
    .await;
}
