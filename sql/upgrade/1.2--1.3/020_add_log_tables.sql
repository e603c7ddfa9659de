-- 020_add_log_tables.sql: t_sources names the two log tables of each source.
--
-- why     in 1.3 every source has log tables of its own; the first name is the one being written
-- locks   access exclusive on t_sources, held already
-- cost    a change of PostgreSQL's catalog and one update of a few rows
-- undoing loses nothing: the names follow from the source's id
alter table sch_chameleon.t_sources add column if not exists v_log_table character varying[];
update sch_chameleon.t_sources
   set v_log_table = array[format('t_log_replica_1_src_%s', i_id_source),
                           format('t_log_replica_2_src_%s', i_id_source)]
 where v_log_table is null
    or cardinality(v_log_table) <> 2
    or array_position(v_log_table, null) is not null;
