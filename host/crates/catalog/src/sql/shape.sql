-- What of which version is in the schema. One row.
with wanted(relation, attribute) as (values
    ('t_sources', 'i_id_source'), ('t_sources', 't_source'), ('t_sources', 't_dest_schema'),
    ('t_sources', 'enm_status'), ('t_sources', 'ts_last_event'),
    ('t_replica_batch', 'i_id_batch'), ('t_replica_batch', 'i_id_source'),
    ('t_replica_batch', 't_binlog_name'), ('t_replica_batch', 'i_binlog_position'),
    ('t_replica_batch', 'b_started'), ('t_replica_batch', 'b_processed'),
    ('t_replica_batch', 'b_replayed'), ('t_replica_batch', 'ts_created'),
    ('t_log_replica', 'i_id_event'), ('t_log_replica', 'i_id_batch'),
    ('t_log_replica', 'jsb_event_data'), ('t_log_replica', 'jsb_event_update'),
    ('t_log_replica', 't_query'),
    ('t_replica_tables', 'i_id_table'), ('t_replica_tables', 'v_table_pkey'),
    ('t_discarded_rows', 'i_id_row'), ('t_index_def', 'i_id_def')
), own(relation) as (values
    ('t_batch_detail'), ('t_replay_cursor'), ('t_schema_history'), ('t_held_tables'),
    ('t_wanted_state'), ('t_heartbeat'), ('t_copy_runs'), ('t_copy_tables'), ('t_copy_chunks'),
    ('t_table_windows'), ('t_stream_floor'), ('t_row_errors'),
    ('t_prepared_changes'), ('t_table_rules')
), found as (
    select c.relname::text as relation, a.attname::text as attribute, a.atttypid as type, c.relkind
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid
     where n.nspname = 'sch_chameleon' and c.relkind in ('r', 'p', 'v')
       and a.attnum > 0 and not a.attisdropped
)
select exists (select from pg_catalog.pg_namespace where nspname = 'sch_chameleon') as has_schema,
       exists (select from found where relkind = 'v' and relation = 'v_version'
                and attribute = 't_version') as has_label,
       not exists (select relation, attribute from wanted
                   except select relation, attribute from found where relkind = 'r') as core,
       exists (select from found
                where relation = 't_sources'
                  and attribute not in ('i_id_source', 't_source', 't_dest_schema', 'enm_status',
                                        'ts_last_event', 'v_log_table')) as later,
       exists (select from found
                where (relation, attribute) = ('t_sources', 'v_log_table')) as source_log_table,
       exists (select from found
                where (relation, attribute) = ('t_replica_batch', 'v_log_table'))
           as batch_log_table,
       exists (select from found
                where relation in ('t_log_replica_1', 't_log_replica_2')) as old_log_tables,
       exists (select from found
                where (relation, attribute) = ('t_replica_batch', 'i_binlog_position')
                  and type = 'bigint'::regtype) as wide_position,
       not exists (select relation from own except select relation from found) as own
