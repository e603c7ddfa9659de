-- $1 source, $2 seconds to keep, $3 batches at most.
with newest as (
    select i_id_batch
      from sch_chameleon.t_replica_batch
     where i_id_source = $1 and b_replayed
     order by ts_created desc
     limit 1
), old as (
    select i_id_batch
      from sch_chameleon.t_replica_batch
     where i_id_source = $1 and b_started and b_processed and b_replayed
       and localtimestamp - ts_replayed > make_interval(secs => $2)
       and i_id_batch not in (select i_id_batch from newest)
     order by ts_created
     limit $3
), oldest_needed as (
    select min(i_id_batch) as id
      from sch_chameleon.t_replica_batch
     where i_id_source = $1 and not b_replayed
), superseded as (
    delete from sch_chameleon.t_schema_history h
     using oldest_needed o
     where h.i_id_source = $1
       and exists (select from sch_chameleon.t_schema_history later
                    where later.i_id_source = h.i_id_source
                      and later.t_table_schema = h.t_table_schema
                      and later.t_table_name = h.t_table_name
                      and later.i_id_batch > h.i_id_batch
                      and later.i_id_batch <= o.id)
)
select sch_chameleon.fn_delete_batches(array(select i_id_batch from old)) as removed
