-- $1 batch, $2 rows replayed, $3 rows skipped, $4 DDL entries.
update sch_chameleon.t_replica_batch
   set b_replayed = true,
       ts_replayed = clock_timestamp(),
       i_replayed = coalesce(i_replayed, 0) + $2,
       i_skipped = coalesce(i_skipped, 0) + $3,
       i_ddl = coalesce(i_ddl, 0) + $4
 where i_id_batch = $1 and b_processed and not b_replayed
