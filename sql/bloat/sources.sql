-- sources.sql: the sources of a catalog, which log tables they fill, and how their replay stands.
--
-- purpose     says whose rows keep a log table large. Works on a catalog of 1.3 and of 1.2, where
--             the sources share two log tables and each batch names the one it is in.
-- parameters  none
-- returns     one row per source; ages in seconds. log_tables: those it fills, the one being written
--             first
-- locks       none
select s.i_id_source as id, s.t_source as source, s.enm_status::text as status,
       case when to_jsonb(s) ? 'v_log_table'
            then array(select jsonb_array_elements_text(nullif(to_jsonb(s) -> 'v_log_table', 'null')))
            else array(select distinct to_jsonb(b) ->> 'v_log_table'
                         from sch_chameleon.t_replica_batch b
                        where b.i_id_source = s.i_id_source and not b.b_replayed
                          and to_jsonb(b) ->> 'v_log_table' is not null) end as log_tables,
       w.batches, w.oldest_batch,
       extract(epoch from localtimestamp - w.oldest)::float8 as oldest_seconds,
       (select extract(epoch from localtimestamp - max(b.ts_replayed))::float8
          from sch_chameleon.t_replica_batch b
         where b.i_id_source = s.i_id_source and b.b_replayed) as replayed_seconds
  from sch_chameleon.t_sources s
 cross join lateral (
       select count(*) as batches, min(coalesce(b.ts_processed, b.ts_created)) as oldest,
              min(b.i_id_batch) as oldest_batch
         from sch_chameleon.t_replica_batch b
        where b.i_id_source = s.i_id_source and b.b_started and b.b_processed and not b.b_replayed) w
 order by s.t_source
