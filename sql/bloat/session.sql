-- session.sql: what a session is doing and who is in its way.
--
-- purpose     why the session that replays a source does not get on.
-- parameters  $1  its process id
-- returns     one row for the session, then one for each that blocks it. name: the table that it
--             waits for
-- locks       none
with own as (
    select a.pid, pg_blocking_pids(a.pid) as blockers from pg_catalog.pg_stat_activity a
     where a.pid = $1
)
select a.pid, a.pid = $1 as is_own, coalesce(nullif(a.application_name, ''), 'unnamed') as name,
       a.usename::text as role, a.state,
       case when a.pid = $1 then a.wait_event_type end as wait,
       extract(epoch from clock_timestamp() -
               case when a.pid = $1 then a.query_start else a.xact_start end)::float8 as seconds,
       case when a.pid = $1 then
            (select n.nspname || '.' || c.relname
               from pg_catalog.pg_locks l
               join pg_catalog.pg_class c on c.oid = l.relation
               join pg_catalog.pg_namespace n on n.oid = c.relnamespace
              where l.pid = $1 and not l.granted limit 1) end as waits_for
  from own
  join pg_catalog.pg_stat_activity a on a.pid = own.pid or a.pid = any (own.blockers)
 order by is_own desc, a.pid
