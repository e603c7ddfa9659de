-- Who holds locks on the catalog's tables, for a message.
select distinct l.pid, coalesce(a.application_name, '') as name, host(a.client_addr) as address
  from pg_catalog.pg_locks l
  join pg_catalog.pg_class c on c.oid = l.relation
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'relation' and l.granted and n.nspname = 'sch_chameleon'
   and c.relkind in ('r', 'v')
   and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
   and l.pid <> pg_backend_pid()
 order by l.pid
