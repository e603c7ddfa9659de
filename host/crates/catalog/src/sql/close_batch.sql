-- $1 source, $2 batch, $3 file, $4 offset, $5 GTID set, $6 rows, $7 time of the last event.
-- Returns one row where the batch is open; opened is NULL where the position has not moved. What holds
-- the new position makes room before the insert, which therefore looks at both results.
with batch as (
    select i_id_batch,
           (t_binlog_name, i_binlog_position) is distinct from ($3, $4) as moved
      from sch_chameleon.t_replica_batch
     where i_id_batch = $2 and i_id_source = $1 and not b_processed and not b_replayed
       for update
), gone as (
    delete from sch_chameleon.t_replica_batch
     where i_id_source = $1 and t_binlog_name = $3 and i_binlog_position = $4 and b_replayed
       and exists (select from batch where moved)
    returning i_id_batch
), unplaced as (
    update sch_chameleon.t_replica_batch
       set t_binlog_name = null
     where i_id_source = $1 and t_binlog_name = $3 and i_binlog_position = $4
       and b_processed and not b_replayed
       and exists (select from batch where moved)
    returning i_id_batch
), closed as (
    update sch_chameleon.t_replica_batch b
       set b_started = true, b_processed = true, ts_processed = clock_timestamp()
      from batch
     where b.i_id_batch = batch.i_id_batch and batch.moved
    returning b.i_id_batch
), own as (
    insert into sch_chameleon.t_batch_detail as d (i_id_batch, b_own_rows, i_rows)
    select i_id_batch, true, $6 from closed
        on conflict (i_id_batch) do update
       set b_own_rows = true, i_rows = excluded.i_rows
), opened as (
    insert into sch_chameleon.t_replica_batch
           (i_id_source, t_binlog_name, i_binlog_position, ts_created)
    select $1, $3, $4,
           greatest(clock_timestamp()::timestamp,
                    (select max(ts_created) + interval '1 microsecond'
                       from sch_chameleon.t_replica_batch
                      where i_id_source = $1))
      from closed
     where (select count(*) from gone) >= 0 and (select count(*) from unplaced) >= 0
    returning i_id_batch
), detail as (
    insert into sch_chameleon.t_batch_detail (i_id_batch, t_gtid_set)
    select i_id_batch, $5 from opened
), event as (
    update sch_chameleon.t_sources
       set ts_last_event = to_timestamp($7::double precision / 1000000)
     where i_id_source = $1 and $7::bigint is not null and exists (select from closed)
)
select (select i_id_batch from opened) as opened from batch
