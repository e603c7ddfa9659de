-- server.sql: what the report says of the server, and which methods it can use.
--
-- purpose     version, database, time, autovacuum's workers, and where pgstattuple is.
-- parameters  none
-- returns     one row
-- locks       none
select current_setting('server_version') as version,
       current_setting('server_version_num')::integer as version_number,
       current_setting('block_size')::bigint as block,
       current_database()::text as database,
       to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as taken_at,
       current_setting('autovacuum_max_workers')::integer as max_workers,
       (select count(*) from pg_catalog.pg_stat_activity
         where backend_type = 'autovacuum worker') as busy_workers,
       extract(epoch from current_setting('autovacuum_naptime')::interval)::float8 as nap_seconds,
       e.nspname as extension_schema, e.extversion as extension_version,
       coalesce((select bool_and(has_function_privilege(p.oid, 'execute'))
                   from pg_catalog.pg_proc p
                  where p.pronamespace = e.oid
                    and p.proname in ('pgstattuple', 'pgstattuple_approx', 'pgstatindex')
                    and p.proargtypes[0] = 'regclass'::regtype), false) as may_measure,
       exists (select from pg_catalog.pg_available_extensions where name = 'pgstattuple')
           as is_installable
  from (select) nothing
  left join (select x.extversion, n.nspname, n.oid
               from pg_catalog.pg_extension x
               join pg_catalog.pg_namespace n on n.oid = x.extnamespace
              where x.extname = 'pgstattuple') e on true
