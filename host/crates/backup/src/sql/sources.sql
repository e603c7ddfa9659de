-- Where every source stands, in a catalog of 1.2 or 1.3. {applied} leaves out entries that were
-- applied already, where the catalog notes that.
select s.i_id_source as id, s.t_source as name, s.t_dest_schema as dest_schema,
       o.i_id_batch as open_batch, o.t_binlog_name as binlog,
       o.i_binlog_position::bigint as position,
       array(select b.i_id_batch
               from sch_chameleon.t_replica_batch b
              where b.i_id_source = s.i_id_source and not b.b_replayed
              order by 1) as batches,
       coalesce(w.waiting_rows, 0) as waiting_rows
  from sch_chameleon.t_sources s
  left join lateral (select *
                       from sch_chameleon.t_replica_batch b
                      where b.i_id_source = s.i_id_source
                        and not b.b_processed and not b.b_replayed
                      order by b.ts_created desc
                      limit 1) o on true
  left join (select b.i_id_source, count(*) as waiting_rows
               from sch_chameleon.t_log_replica l
               join sch_chameleon.t_replica_batch b using (i_id_batch)
              where not b.b_replayed {applied}
              group by b.i_id_source) w on w.i_id_source = s.i_id_source
 order by 1
