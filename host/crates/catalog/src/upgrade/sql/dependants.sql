-- What hangs on the two shared log tables or on t_replica_batch.v_log_table, and is not theirs.
select distinct coalesce(
           (select format('view %s', v.oid::regclass)
              from pg_catalog.pg_rewrite r join pg_catalog.pg_class v on v.oid = r.ev_class
             where d.classid = 'pg_rewrite'::regclass and r.oid = d.objid and v.oid <> d.refobjid),
           (select format('foreign key %s of %s', k.conname, k.conrelid::regclass)
              from pg_catalog.pg_constraint k
             where d.classid = 'pg_constraint'::regclass and k.oid = d.objid
               and k.conrelid <> d.refobjid)) as object,
       on_what.t_name as relation
  from pg_catalog.pg_depend d
  join (
        select c.oid, 0 as i_column, c.relname::text as t_name
          from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'sch_chameleon'
           and c.relname in ('t_log_replica_1', 't_log_replica_2')
        union all
        select a.attrelid, a.attnum, 't_replica_batch.v_log_table'
          from pg_catalog.pg_attribute a
         where a.attrelid = to_regclass('sch_chameleon.t_replica_batch')
           and a.attname = 'v_log_table' and not a.attisdropped
       ) on_what on on_what.oid = d.refobjid
                and (on_what.i_column = 0 or on_what.i_column = d.refobjsubid)
 where d.refclassid = 'pg_class'::regclass
   and d.classid in ('pg_rewrite'::regclass, 'pg_constraint'::regclass)
 order by 1
