//! Wanted state, heartbeat, row errors.

use chameleon_catalog::control::{Heartbeat, Wanted, heartbeat, heartbeats, set_wanted, wanted};
use chameleon_catalog::row_errors::{self, Operation, RowError};
use chameleon_catalog::{BatchId, batches, drop_source};
use chameleon_diag::codes;
use chameleon_model::{BinlogPosition, Op, TableName};

use crate::support::{at, at_gtid, value, with_source};

#[tokio::test]
async fn what_is_wanted_is_run_until_somebody_says_otherwise() {
    with_source(|_, c, row| async move {
        assert_eq!(wanted(&c, row.id).await.unwrap(), Wanted::Run);
        for word in [Wanted::Stop, Wanted::Disable, Wanted::Run] {
            set_wanted(&c, row.id, word, "me@here").await.unwrap();
            assert_eq!(wanted(&c, row.id).await.unwrap(), word);
        }
    })
    .await;
}

#[tokio::test]
async fn the_last_heartbeat_is_found_with_its_age() {
    with_source(|_, c, row| async move {
        let mut beat = Heartbeat {
            source: row.id,
            instance: "host 17 0.1.0".into(),
            read: None,
            replayed: None,
            last_event_micros: None,
            lag_micros: None,
            lag_bytes: None,
            unreplayed_rows: 0,
        };
        heartbeat(&c, &beat).await.unwrap();
        beat.read = Some(at_gtid(5_000_000_000, "0-1-2"));
        beat.replayed = Some(at(4));
        beat.last_event_micros = Some(1_700_000_000_123_456);
        beat.lag_micros = Some(250_000);
        beat.lag_bytes = Some(77);
        beat.unreplayed_rows = 12;
        heartbeat(&c, &beat).await.unwrap();
        let found = heartbeats(&c).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].beat, beat);
        assert!((0..60_000_000).contains(&found[0].age_micros));
        drop_source(&c, "shop").await.unwrap();
        heartbeat(&c, &beat).await.unwrap();
        assert!(heartbeats(&c).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn row_errors_are_kept_without_the_row() {
    with_source(|_, c, row| async move {
        let (t, u) = (TableName::new("shop", "t"), TableName::new("shop", "u"));
        let errors = [
            RowError {
                table: &t,
                operation: Operation::Change(Op::Update),
                position: Some(BinlogPosition::new("binlog.000001", 5_000_000_000)),
                code: codes::RPL001,
                reason: "not accepted",
            },
            RowError {
                table: &u,
                operation: Operation::Copy,
                position: None,
                code: codes::RPL001,
                reason: "it's \\ odd",
            },
        ];
        row_errors::record(&c, row.id, &errors).await.unwrap();
        row_errors::record(&c, row.id, &[]).await.unwrap();
        let found = row_errors::list(&c, row.id, 10).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((&found[0].table, found[0].operation.as_str()), (&u, "copy"));
        assert_eq!(
            (&found[1].table, found[1].operation.as_str()),
            (&t, "update")
        );
        assert_eq!(found[1].position, errors[0].position);
        assert_eq!((found[1].code.as_str(), found[1].rows), ("RPL001", 1));
        assert_eq!(row_errors::list(&c, row.id, 1).await.unwrap().len(), 1);
        assert_eq!(row_errors::forget(&c, row.id, &t).await.unwrap(), 1);
        assert_eq!(row_errors::list(&c, row.id, 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn discarded_rows_are_stored_as_1_3_stores_them() {
    with_source(|_, c, row| async move {
        let batch = batches::start_at(&c, row.id, &at(1)).await.unwrap();
        let long = "größe ".repeat(40);
        row_errors::discard(&c, batch, &long).await.unwrap();
        row_errors::discard(&c, BatchId(batch.0 + 99), "x")
            .await
            .unwrap();
        let found = row_errors::discarded(&c, row.id, 10).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].batch, batch);
        let text: String = value(
            &c,
            "select convert_from(decode(t_row_data, 'base64'), 'UTF8') \
             from sch_chameleon.t_discarded_rows order by i_id_row limit 1",
        )
        .await;
        assert_eq!(text, long);
    })
    .await;
}
