-- $1 source, $2 batch, $3 file, $4 offset, $5 GTID set, $6 time of the last event.
-- Returns one row where the batch is open.
with batch as (
    select i_id_batch
      from sch_chameleon.t_replica_batch
     where i_id_batch = $2 and i_id_source = $1 and not b_processed and not b_replayed
       for update
), gone as (
    delete from sch_chameleon.t_replica_batch
     where i_id_source = $1 and t_binlog_name = $3 and i_binlog_position = $4 and b_replayed
       and exists (select from batch)
    returning i_id_batch
), unplaced as (
    update sch_chameleon.t_replica_batch
       set t_binlog_name = null
     where i_id_source = $1 and t_binlog_name = $3 and i_binlog_position = $4
       and b_processed and not b_replayed
       and exists (select from batch)
    returning i_id_batch
), moved as (
    update sch_chameleon.t_replica_batch b
       set t_binlog_name = $3, i_binlog_position = $4
      from batch
     where b.i_id_batch = batch.i_id_batch
       and (select count(*) from gone) >= 0 and (select count(*) from unplaced) >= 0
       and (b.t_binlog_name, b.i_binlog_position) is distinct from ($3, $4)
), detail as (
    insert into sch_chameleon.t_batch_detail as d (i_id_batch, t_gtid_set)
    select i_id_batch, $5 from batch
        on conflict (i_id_batch) do update
       set t_gtid_set = excluded.t_gtid_set
     where d.t_gtid_set is distinct from excluded.t_gtid_set
), event as (
    update sch_chameleon.t_sources
       set ts_last_event = to_timestamp($6::double precision / 1000000)
     where i_id_source = $1 and $6::bigint is not null and exists (select from batch)
)
select i_id_batch from batch
