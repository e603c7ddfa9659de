-- 020_take_sources_over.sql: sources, their tables and what else 1.2 keeps of them.
--
-- why      1.2 has no log tables per source. A replica that runs would have been refused, so a
--          source that says it is running does not. A held table has missed changes: 1.2 must not
--          go on with it, so it is not registered.
-- locks    none but those on new tables
-- cost     one pass over small tables
-- undoing  loses nothing: all of it is still in the catalog that was set aside
insert into sch_chameleon.t_sources
       (i_id_source, t_source, t_dest_schema, enm_status, ts_last_event)
select i_id_source, t_source, t_dest_schema,
       (case when enm_status::text = 'running' then 'stopped' else enm_status::text end)
           ::sch_chameleon.en_src_status,
       ts_last_event
  from sch_chameleon_aside.t_sources
 order by i_id_source;

insert into sch_chameleon.t_replica_tables
       (i_id_table, i_id_source, v_table_name, v_schema_name, v_table_pkey)
select i_id_table, i_id_source, v_table_name, v_schema_name, v_table_pkey
  from sch_chameleon_aside.t_replica_tables t
 where not exists (select from sch_chameleon_aside.t_held_tables h
                    where h.i_id_source = t.i_id_source and h.v_table_name = t.v_table_name)
 order by i_id_table;

insert into sch_chameleon.t_discarded_rows (i_id_row, i_id_batch, ts_discard, t_row_data)
select i_id_row, i_id_batch, ts_discard, t_row_data
  from sch_chameleon_aside.t_discarded_rows
 order by i_id_row;

insert into sch_chameleon.t_index_def
       (i_id_def, i_id_source, v_schema, v_table, v_index, t_create, t_drop)
select i_id_def, i_id_source, v_schema, v_table, v_index, t_create, t_drop
  from sch_chameleon_aside.t_index_def
 order by i_id_def;
