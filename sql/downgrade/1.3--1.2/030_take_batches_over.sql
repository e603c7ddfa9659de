-- 030_take_batches_over.sql: batches with their positions of now.
--
-- why      1.2 reads from the newest batch that is neither processed nor replayed, and wants a log
--          table of its two in every batch: they alternate, as 1.2 alternates them. An older batch
--          in that state is complete, but 1.2 would pass it over: it is marked as processed. Of
--          batches that are not open nobody reads the position; one beyond 2 GiB is left out.
-- locks    none but those on new tables
-- cost     one pass over a small table
-- undoing  loses nothing: all of it is still in the catalog that was set aside
insert into sch_chameleon.t_replica_batch
       (i_id_batch, i_id_source, t_binlog_name, i_binlog_position, b_started, b_processed,
        b_replayed, ts_created, ts_processed, ts_replayed, v_log_table, i_replayed, i_skipped,
        i_ddl)
select i_id_batch, i_id_source, t_binlog_name,
       case when i_binlog_position <= 2147483647 then i_binlog_position::integer end,
       b_started or is_passed_over, b_processed or is_passed_over, b_replayed, ts_created,
       coalesce(ts_processed, case when is_passed_over then localtimestamp end), ts_replayed,
       case when number % 2 = 1 then 't_log_replica_1' else 't_log_replica_2' end,
       i_replayed, i_skipped, i_ddl
  from (select b.*,
               row_number() over (partition by i_id_source order by ts_created) as number,
               not b_processed and not b_replayed
                   and ts_created < max(ts_created)
                           filter (where not b_processed and not b_replayed)
                           over (partition by i_id_source) as is_passed_over
          from sch_chameleon_aside.t_replica_batch b) batch
 order by i_id_batch;
