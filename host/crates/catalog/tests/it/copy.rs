//! Progress of a copy.

use chameleon_catalog::chunks::{
    ChunkDone, CopyRun, Phase, end_run, finish, plan, run, set_detail, set_phase, start_run, tables,
};
use chameleon_model::TableName;
use serde_json::json;

use crate::support::{at, at_gtid, with_source};

#[tokio::test]
async fn a_copy_that_was_killed_knows_what_is_stored() {
    with_source(|_, c, row| async move {
        assert_eq!(run(&c, row.id).await.unwrap(), None);
        let mut copy = CopyRun {
            method: "per_chunk".into(),
            staging_schema: "_dest_new".into(),
            start: at_gtid(4, "0-1-2"),
            detail: json!({"workers": 2}),
        };
        start_run(&c, row.id, &copy).await.unwrap();
        copy.detail = json!({"a": "it's \\ \"so\""});
        assert!(set_detail(&c, row.id, &copy.detail).await.unwrap());
        assert_eq!(run(&c, row.id).await.unwrap(), Some(copy.clone()));

        let (t, u) = (TableName::new("shop", "t"), TableName::new("shop", "u"));
        let chunks = [(0, json!({"to": [5]})), (1, json!({"after": [5]}))];
        plan(&c, row.id, &t, &chunks).await.unwrap();
        plan(&c, row.id, &u, &chunks[..1]).await.unwrap();
        let done = ChunkDone {
            rows: 5,
            bytes: 123,
            low: Some(at_gtid(4, "0-1-2")),
            high: Some(at(5_000_000_000)),
        };
        assert!(finish(&c, row.id, &t, 1, &done).await.unwrap());
        assert!(!finish(&c, row.id, &t, 1, &done).await.unwrap(), "twice");
        assert!(
            !finish(&c, row.id, &t, 2, &done).await.unwrap(),
            "not planned"
        );
        assert!(set_phase(&c, row.id, &u, Phase::Ready).await.unwrap());

        let found = tables(&c, row.id).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((&found[0].table, found[0].phase), (&t, Phase::Loading));
        assert_eq!(found[0].chunks.len(), 2);
        assert_eq!(found[0].chunks[0].done, None);
        assert_eq!(found[0].chunks[1].done, Some(done));
        assert_eq!(found[0].chunks[1].chunk, json!({"after": [5]}));
        assert_eq!((&found[1].table, found[1].phase), (&u, Phase::Ready));
        assert_eq!(found[1].chunks.len(), 1);

        // a table is planned anew
        plan(&c, row.id, &t, &chunks[..1]).await.unwrap();
        assert_eq!(tables(&c, row.id).await.unwrap()[0].chunks.len(), 1);
        // a new copy forgets the old one
        start_run(&c, row.id, &copy).await.unwrap();
        assert!(tables(&c, row.id).await.unwrap().is_empty());
        end_run(&c, row.id).await.unwrap();
        assert_eq!(run(&c, row.id).await.unwrap(), None);
        assert!(!set_detail(&c, row.id, &copy.detail).await.unwrap());
    })
    .await;
}
