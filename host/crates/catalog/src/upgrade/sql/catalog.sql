-- What the server and the catalog are. One row.
select current_setting('server_version_num')::integer as server_version,
       current_database()::text as database,
       exists (select from pg_catalog.pg_attribute
                where attrelid = to_regclass('sch_chameleon.t_sources')
                  and attname = 'v_log_table' and not attisdropped) as source_log_table,
       exists (select from pg_catalog.pg_attribute
                where attrelid = to_regclass('sch_chameleon.t_replica_batch')
                  and attname = 'v_log_table' and not attisdropped)
           or exists (select from pg_catalog.pg_attribute
                where attrelid = to_regclass('sch_chameleon.t_replica_batch')
                  and attname = 'i_binlog_position' and atttypid = 'integer'::regtype)
           as narrow_batches,
       coalesce(pg_total_relation_size(to_regclass('sch_chameleon.t_replica_batch')), 0)
           as batch_bytes,
       (select last_value + is_called::integer
          from sch_chameleon.t_log_replica_i_id_event_seq) as next_event
