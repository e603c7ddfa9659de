-- Sessions of ours that read or replay a source: holders of the locks whose first keys are given.
select distinct l.pid, coalesce(a.application_name, '') as name, host(a.client_addr) as address
  from pg_catalog.pg_locks l
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'advisory' and l.granted and l.objsubid = 2
   and l.classid = any ($1)
   and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
   and l.pid <> pg_backend_pid()
 order by l.pid
