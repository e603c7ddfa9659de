-- waiting.sql: rows per source that the downgrade must have taken over. Reads only.
select b.i_id_source as id, count(*) as rows
  from sch_chameleon_aside.t_log_replica l
  join sch_chameleon_aside.t_replica_batch b using (i_id_batch)
 where not b.b_replayed
   and b.i_id_batch <> coalesce((select o.i_id_batch
                                   from sch_chameleon_aside.t_replica_batch o
                                  where o.i_id_source = b.i_id_source
                                    and not o.b_processed and not o.b_replayed
                                  order by o.ts_created desc
                                  limit 1), -1)
   and not exists (select from sch_chameleon_aside.t_replay_cursor r
                    where r.i_id_batch = l.i_id_batch and l.i_id_event <= r.i_id_event)
 group by 1
