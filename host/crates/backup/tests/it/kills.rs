//! A rollback that is ended at any moment leaves a whole catalog.

use chameleon_backup::rollback::{Request, replaced, rollback};
use chameleon_backup::table_sums;
use chameleon_catalog::{CatalogState, version};

use crate::support::{after_upgrade, run};

const ROUNDS: u32 = 24;
/// Looks at the server per round, before the kill.
const LOOKS: u32 = 12;

#[tokio::test]
async fn killed_at_any_moment_the_catalog_is_of_one_version_and_whole() {
    after_upgrade(|place, backup| async move {
        let moved = "update sch_chameleon.t_replica_batch set i_binlog_position = 401 \
             where i_id_batch = 4";
        run(&place.c, moved).await;
        let living = table_sums(&place.c).await.unwrap();
        let killer = place.session("killer").await;
        let (mut old, mut new) = (0, 0);
        for round in 0..ROUNDS {
            let mut options = place.options.clone();
            options.application_name = format!("rollback {round}");
            let kill = async {
                // looks are the clock: the moments spread over the whole of a rollback
                for _ in 0..round * LOOKS {
                    run(&killer, "select count(*) from pg_stat_activity").await;
                }
                let sql = format!(
                    "select pg_terminate_backend(pid) from pg_stat_activity \
                      where application_name = 'rollback {round}'"
                );
                run(&killer, &sql).await;
            };
            let (ended, ()) = tokio::join!(rollback(&options, &backup, Request::default()), kill);
            let aside = replaced(&place.c).await.unwrap();
            match version(&place.c).await.unwrap() {
                CatalogState::V13 => {
                    assert!(ended.is_err());
                    assert_eq!(aside, []);
                    assert_eq!(table_sums(&place.c).await.unwrap(), living);
                    new += 1;
                }
                CatalogState::V12 => {
                    assert_eq!(ended.unwrap().replaced, aside[0].schema);
                    assert_eq!(aside.len(), 1);
                    let back = format!(
                        "drop schema sch_chameleon cascade; \
                         alter schema {} rename to sch_chameleon",
                        aside[0].schema
                    );
                    run(&place.c, &back).await;
                    assert_eq!(table_sums(&place.c).await.unwrap(), living);
                    old += 1;
                }
                state => panic!("round {round}: {state:?}"),
            }
        }
        assert_eq!(old + new, ROUNDS);
        assert!(new > 0, "some were killed");
        let left = "select count(*) from pg_namespace where nspname = 'sch_chameleon_aside'";
        assert_eq!(place.value::<i64>(left).await, 0);
    })
    .await;
}
