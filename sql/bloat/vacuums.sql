-- vacuums.sql: who vacuums, who waits to, and who is in the way.
--
-- purpose     a lock of share update exclusive or above on a table keeps VACUUM from it; a session
--             that waits for the lock of an autovacuum makes that give up.
-- parameters  $1  tables and TOAST tables
-- returns     what: running (phase, seconds), waiting (a vacuum that waits; blocker), holder (a
--             session that holds a conflicting lock; state, seconds in its transaction), cancelling
--             (a session that waits for an autovacuum's lock)
-- locks       none
with worker as (
    select a.pid from pg_catalog.pg_stat_activity a where a.backend_type = 'autovacuum worker'
), held as (
    select l.relation, l.pid, l.mode, l.granted
      from pg_catalog.pg_locks l
     where l.locktype = 'relation' and l.relation = any ($1)
       and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
       and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                      'ExclusiveLock', 'AccessExclusiveLock')
       and l.pid <> pg_backend_pid()
)
select 'running' as what, v.relid as oid, v.pid, v.phase as state,
       extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds,
       null::text as application, exists (select from worker w where w.pid = v.pid) as automatic
  from pg_catalog.pg_stat_progress_vacuum v
  left join pg_catalog.pg_stat_activity a on a.pid = v.pid
 where v.datname = current_database() and v.relid = any ($1)
union all
select case when h.granted then 'holder'
            when w.pid is not null then 'waiting'
            else 'cancelling' end,
       h.relation, h.pid, coalesce(a.state, h.mode),
       extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.query_start))::float8,
       a.application_name, w.pid is not null
  from held h
  left join pg_catalog.pg_stat_activity a on a.pid = h.pid
  left join worker w on w.pid = h.pid
 where not exists (select from pg_catalog.pg_stat_progress_vacuum v where v.pid = h.pid)
   and (h.granted
        or w.pid is not null
        or exists (select from worker b where b.pid = any (pg_blocking_pids(h.pid))))
 order by 1, 2, 3
