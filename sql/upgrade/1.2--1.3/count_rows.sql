-- count_rows.sql: rows of {relation} by batch, with the ids and the blocks that they span.
--
-- purpose     read before the move, to know what belongs where
-- returns     batch; source (null: the batch, or its source, is gone); waits: not replayed yet;
--             created, in microseconds; rows, first and last event id, first and last row's place
-- locks       access share on {relation}
select entry.i_id_batch as batch,
       source.i_id_source as source,
       coalesce(not batch.b_replayed, true) as waits,
       (extract(epoch from batch.ts_created) * 1000000)::bigint as created,
       entry.i_rows as rows,
       entry.i_first as first_event,
       entry.i_last as last_event,
       entry.t_first as first_place,
       entry.t_last as last_place
  from (
        select i_id_batch, count(*) as i_rows, min(i_id_event) as i_first,
               max(i_id_event) as i_last, {first_place} as t_first, {last_place} as t_last
          from only {relation}
         group by i_id_batch
       ) entry
  left join sch_chameleon.t_replica_batch batch using (i_id_batch)
  left join sch_chameleon.t_sources source on source.i_id_source = batch.i_id_source
 order by batch.ts_created, entry.i_id_batch;
