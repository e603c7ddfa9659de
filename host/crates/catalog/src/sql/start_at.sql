-- $1 source, $2 file, $3 offset, $4 GTID set, $5 batches that are given up. What holds the position
-- goes before the insert, which therefore looks at the result.
with gone as materialized (
    select sch_chameleon.fn_delete_batches(array(
               select i_id_batch
                 from sch_chameleon.t_replica_batch
                where i_id_source = $1
                  and (i_id_batch = any ($5) or (t_binlog_name, i_binlog_position) = ($2, $3))))
           as batches
), opened as (
    insert into sch_chameleon.t_replica_batch
           (i_id_source, t_binlog_name, i_binlog_position, ts_created)
    select $1, $2, $3,
           greatest(clock_timestamp()::timestamp,
                    (select max(ts_created) + interval '1 microsecond'
                       from sch_chameleon.t_replica_batch
                      where i_id_source = $1))
      from gone
     where gone.batches >= 0
    returning i_id_batch
), detail as (
    insert into sch_chameleon.t_batch_detail (i_id_batch, t_gtid_set)
    select i_id_batch, $4 from opened
)
select i_id_batch as id from opened
