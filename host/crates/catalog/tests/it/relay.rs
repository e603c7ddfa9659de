//! A source whose relay a test writes entry by entry.

use chameleon_catalog::batches::{
    Close, OpenBatch, close, open_batch, process, start_at, unreplayed,
};
use chameleon_catalog::{BatchId, SourceRow, tables};
use chameleon_postgres::Client;
use serde_json::Value;

use crate::support::{at, lines, run, value};

/// Writes entries to the relay of the source's open batch.
pub(crate) struct Relay {
    pub(crate) c: Client,
    pub(crate) row: SourceRow,
    pub(crate) open: OpenBatch,
    pub(crate) offset: u64,
}

impl Relay {
    /// A source at offset 1, and a target schema made by that script.
    pub(crate) async fn new(c: Client, row: SourceRow, target: &str) -> Self {
        run(
            &c,
            &format!("create schema dest; set search_path = dest; {target}"),
        )
        .await;
        run(&c, "set search_path = public").await;
        start_at(&c, row.id, &at(1)).await.unwrap();
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        Self {
            c,
            row,
            open,
            offset: 1,
        }
    }

    pub(crate) async fn entry(
        &self,
        event: &str,
        table: &str,
        data: Option<Value>,
        old: Option<Value>,
    ) {
        let sql = format!(
            "insert into sch_chameleon.{} (i_id_batch, v_table_name, v_schema_name, \
             enm_binlog_event, jsb_event_data, jsb_event_update) values ($1, $2, 'dest', \
             $3::text::sch_chameleon.en_binlog_event, $4::text::jsonb, $5::text::jsonb)",
            self.row.log_tables[0]
        );
        let (data, old) = (data.map(|v| v.to_string()), old.map(|v| v.to_string()));
        self.c
            .execute(&sql, &[&self.open.id.0, &table, &event, &data, &old])
            .await
            .unwrap();
    }

    pub(crate) async fn insert(&self, table: &str, new: Value) {
        self.entry("insert", table, Some(new), None).await;
    }

    pub(crate) async fn update(&self, table: &str, old: Value, new: Value) {
        self.entry("update", table, Some(new), Some(old)).await;
    }

    pub(crate) async fn delete(&self, table: &str, old: Value) {
        self.entry("delete", table, Some(old), None).await;
    }

    pub(crate) async fn ddl(&self, table: &str, statement: &str) {
        let sql = format!(
            "insert into sch_chameleon.{} (i_id_batch, v_table_name, v_schema_name, \
             enm_binlog_event, t_query) values ($1, $2, 'dest', 'ddl', $3)",
            self.row.log_tables[0]
        );
        let params: [&(dyn chameleon_postgres::tokio_postgres::types::ToSql + Sync); 3] =
            [&self.open.id.0, &table, &statement];
        self.c.execute(&sql, &params).await.unwrap();
    }

    /// Ends the batch as our host does; returns it.
    pub(crate) async fn close(&mut self) -> BatchId {
        self.offset += 1;
        let batch = self.open.id;
        let close_it = Close {
            source: self.row.id,
            batch,
            next: &at(self.offset),
            rows: 0,
            last_event_micros: None,
        };
        close(&self.c, &close_it).await.unwrap();
        self.open = open_batch(&self.c, self.row.id).await.unwrap().unwrap();
        batch
    }

    /// Ends the batch as pg_chameleon 1.3 does, so that its entries count as written by it.
    pub(crate) async fn close_as_1_x(&mut self) -> BatchId {
        self.offset += 1;
        let batch = self.open.id;
        let sql = format!(
            "insert into sch_chameleon.t_replica_batch \
                    (i_id_source, t_binlog_name, i_binlog_position) \
             values ({}, 'binlog.000001', {}); \
             update sch_chameleon.t_replica_batch set b_processed = true, ts_processed = now() \
              where i_id_batch = {batch}",
            self.row.id, self.offset
        );
        run(&self.c, &sql).await;
        self.open = open_batch(&self.c, self.row.id).await.unwrap().unwrap();
        batch
    }

    /// Replays everything, so many events at a time.
    pub(crate) async fn replay(&self, max_events: u32) {
        while process(&self.c, self.row.id, max_events).await.unwrap() {}
        let waiting = unreplayed(&self.c, self.row.id, 10).await.unwrap();
        assert_eq!(waiting, []);
    }

    pub(crate) async fn register(&self, table: &str, key: &[&str]) {
        let done = tables::register(&self.c, self.row.id, "dest", table, key).await;
        assert!(done.unwrap());
    }

    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        lines(&self.c, sql).await
    }

    /// `i_replayed i_skipped i_ddl` of a batch.
    pub(crate) async fn counts(&self, batch: BatchId) -> String {
        let sql = format!(
            "select concat_ws(' ', i_replayed, i_skipped, i_ddl) \
             from sch_chameleon.t_replica_batch where i_id_batch = {batch}"
        );
        value(&self.c, &sql).await
    }
}
