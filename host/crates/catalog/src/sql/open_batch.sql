-- $1 source. The newest batch that is neither processed nor replayed is the open one. Older ones of
-- that kind are complete: 1.x saves the next position only after the rows are in the relay.
with unfinished as (
    select i_id_batch, ts_created
      from sch_chameleon.t_replica_batch
     where i_id_source = $1 and not b_processed and not b_replayed
), newest as (
    select i_id_batch from unfinished order by ts_created desc limit 1
), recovered as (
    update sch_chameleon.t_replica_batch b
       set b_started = true, b_processed = true, ts_processed = clock_timestamp()
      from unfinished u
     where b.i_id_batch = u.i_id_batch
       and u.i_id_batch not in (select i_id_batch from newest)
    returning b.i_id_batch
), started as (
    update sch_chameleon.t_replica_batch b
       set b_started = true
      from newest n
     where b.i_id_batch = n.i_id_batch and not b.b_started
)
select b.i_id_batch as id, b.t_binlog_name as binlog, b.i_binlog_position::bigint as position,
       d.t_gtid_set as gtid, d.i_id_batch is null as by_predecessor,
       (select count(*) from recovered) as recovered
  from newest n
  join sch_chameleon.t_replica_batch b using (i_id_batch)
  left join sch_chameleon.t_batch_detail d using (i_id_batch)
