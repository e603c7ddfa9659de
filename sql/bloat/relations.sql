-- relations.sql: every table, TOAST table and index of some schemas, with its size and what the
-- server counted.
--
-- purpose     the list that everything else is asked about. The size of a relation under an access
--             exclusive lock cannot be asked for without waiting; there it is what VACUUM or
--             ANALYZE last noted.
-- parameters  $1  schemas
-- returns     one row per relation with storage; ages in seconds
-- locks       access share on each relation, for a moment
with setting as (
    select current_setting('block_size')::bigint as block,
           current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean
               as autovacuum,
           current_setting('autovacuum_vacuum_threshold')::float8 as vacuum_threshold,
           current_setting('autovacuum_vacuum_scale_factor')::float8 as vacuum_scale,
           nullif(current_setting('autovacuum_vacuum_max_threshold', true)::float8, -1)
               as vacuum_max
), scope as (
    select t.oid, t.reltoastrelid, n.nspname, t.relname, o.options
      from pg_catalog.pg_class t
      join pg_catalog.pg_namespace n on n.oid = t.relnamespace
     cross join lateral (select jsonb_object_agg(option_name, option_value) as options
                           from pg_catalog.pg_options_to_table(t.reloptions)) o
     where n.nspname = any ($1) and t.relkind in ('r', 'm')
       and not pg_catalog.pg_is_other_temp_schema(n.oid)
), stored as (
    select s.*, s.oid as relation, 'table' as kind from scope s
    union all
    select s.*, s.reltoastrelid, 'toast' from scope s where s.reltoastrelid <> 0
    union all
    select s.*, i.indexrelid, 'index'
      from scope s join pg_catalog.pg_index i on i.indrelid = s.oid
    union all
    select s.*, i.indexrelid, 'toast_index'
      from scope s join pg_catalog.pg_index i on i.indrelid = s.reltoastrelid
), sized as (
    select s.*, c.relname as name, n.nspname as schema, m.amname, c.relpages, c.reltuples,
           c.relallvisible, o.options as own_options,
           l.relation is not null as locked,
           case when l.relation is null then pg_catalog.pg_relation_size(c.oid)
                else c.relpages::bigint * setting.block end as bytes,
           setting.*
      from stored s
      join pg_catalog.pg_class c on c.oid = s.relation
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      left join pg_catalog.pg_am m on m.oid = c.relam
      left join (select distinct relation from pg_catalog.pg_locks
                  where mode = 'AccessExclusiveLock' and locktype = 'relation'
                    and database = (select oid from pg_catalog.pg_database
                                     where datname = current_database())) l
             on l.relation = c.oid
     cross join lateral (select jsonb_object_agg(option_name, option_value) as options
                           from pg_catalog.pg_options_to_table(c.reloptions)) o
     cross join setting
)
select s.relation as oid, s.schema, s.name, s.kind, s.oid as table_oid, s.nspname as table_schema,
       s.relname as table_name, s.amname as method, s.bytes, s.locked,
       s.relpages::bigint as noted_pages, s.relallvisible::bigint as visible_pages,
       nullif(s.reltuples, -1)::float8 as noted_tuples,
       (s.own_options ->> 'fillfactor')::integer as fillfactor,
       coalesce((s.own_options ->> 'deduplicate_items')::boolean, true) as deduplicate,
       coalesce((s.own_options ->> 'vacuum_truncate')::boolean,
                current_setting('vacuum_truncate', true)::boolean, true) as may_truncate,
       s.autovacuum and coalesce((s.own_options ->> 'autovacuum_enabled')::boolean,
                                 (s.options ->> 'autovacuum_enabled')::boolean, true) as autovacuum,
       least(coalesce((s.own_options ->> 'autovacuum_vacuum_threshold')::float8,
                      (s.options ->> 'autovacuum_vacuum_threshold')::float8, s.vacuum_threshold)
             + coalesce((s.own_options ->> 'autovacuum_vacuum_scale_factor')::float8,
                        (s.options ->> 'autovacuum_vacuum_scale_factor')::float8, s.vacuum_scale)
               * greatest(s.reltuples, 0),
             s.vacuum_max) as vacuum_threshold,
       x.n_live_tup as live, x.n_dead_tup as dead, x.n_mod_since_analyze as modified,
       x.n_tup_upd as updated, x.n_tup_hot_upd as hot_updated,
       x.autovacuum_count,
       extract(epoch from clock_timestamp() - greatest(x.last_vacuum, x.last_autovacuum))::float8
           as vacuum_age,
       extract(epoch from clock_timestamp() - greatest(x.last_analyze, x.last_autoanalyze))::float8
           as analyze_age
  from sized s
  left join pg_catalog.pg_stat_all_tables x on x.relid = s.relation
 where s.bytes is not null
 order by s.nspname, s.relname, s.oid,
          array_position(array['table', 'toast', 'toast_index', 'index'], s.kind), s.name
