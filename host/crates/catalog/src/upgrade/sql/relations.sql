-- The log tables: the parent, those that inherit from it, and the two shared ones of 1.2.
-- t_misfit: why a table is not what 1.2 makes; null where it is.
with parent as (
    select c.oid, c.relnamespace
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'sch_chameleon' and c.relname = 't_log_replica'
), log as (
    select c.*, i.inhparent is not null as inherits
      from parent p
      join pg_catalog.pg_class c on c.relnamespace = p.relnamespace and c.relkind in ('r', 'p')
      left join pg_catalog.pg_inherits i on i.inhrelid = c.oid and i.inhparent = p.oid
     where c.oid = p.oid or i.inhparent is not null
        or c.relname in ('t_log_replica_1', 't_log_replica_2')
), columns as (
    select a.attrelid,
           array_agg(format('%s %s %s %s', a.attname, format_type(a.atttypid, a.atttypmod),
                            a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) order by a.attnum)
               as t_columns,
           array_agg(a.attname::text order by a.attnum) as t_names,
           bool_and(not a.attislocal) as b_inherited
      from pg_catalog.pg_attribute a
      left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attnum > 0 and not a.attisdropped and a.attrelid in (select oid from log)
     group by a.attrelid
), keys as (
    select k.conrelid,
           max(k.conname::text) filter (where k.contype = 'p' and column_name.t = 'i_id_event')
               as t_key,
           max(k.conname::text) filter (
               where k.contype = 'f' and column_name.t = 'i_id_batch' and k.confupdtype = 'r'
                 and k.confdeltype = 'c' and k.convalidated and not k.condeferrable
                 and k.confrelid = to_regclass('sch_chameleon.t_replica_batch'))
               as t_reference,
           count(*) filter (where k.contype <> 'n') as i_keys
      from pg_catalog.pg_constraint k
      left join lateral (
            select max(a.attname::text) as t from pg_catalog.pg_attribute a
             where a.attrelid = k.conrelid and a.attnum = any (k.conkey)
               and cardinality(k.conkey) = 1
           ) column_name on true
     where k.conrelid in (select oid from log)
     group by k.conrelid
)
select log.relname::text as name,
       pg_total_relation_size(log.oid) as total_bytes,
       columns.t_names @> (select t_names from columns where attrelid = parent.oid) as complete,
       keys.t_key as key,
       keys.t_reference as reference,
       case when not log.inherits then 'it does not inherit from t_log_replica'
            when columns.t_columns is distinct from
                 (select t_columns from columns where attrelid = parent.oid)
                 or not columns.b_inherited then 'its columns are not those of t_log_replica'
            when keys.t_key is null or keys.t_reference is null or keys.i_keys <> 2
                 then 'its keys are not those that 1.2 makes'
            when log.relpersistence <> 'p' or log.reltablespace <> 0 or log.relkind <> 'r'
                 or log.reloptions is not null or log.relrowsecurity
                 then 'its storage is not that which 1.2 makes'
            when (select count(*) from pg_catalog.pg_index x where x.indrelid = log.oid) <> 1
                 then 'it has other indexes than its key'
            when exists (select from pg_catalog.pg_trigger t
                          where t.tgrelid = log.oid and not t.tgisinternal)
                 or exists (select from pg_catalog.pg_rewrite r where r.ev_class = log.oid)
                 then 'it has triggers or rules'
       end as misfit
  from log
 cross join parent
  left join columns on columns.attrelid = log.oid
  left join keys on keys.conrelid = log.oid
 order by log.relname
