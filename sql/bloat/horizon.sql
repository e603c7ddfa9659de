-- horizon.sql: what keeps dead tuples from being removed, oldest first.
--
-- purpose     VACUUM removes what no snapshot of these can see. A vacuum's own snapshot does not
--             count. The text of a statement is not asked for: it may hold values.
-- parameters  none
-- returns     kind: session, prepared, slot, standby. age: transactions since. seconds: how long
--             the transaction is open, NULL where that is not known. local: it is of this database,
--             or of all
-- locks       none
with holder as (
    select 'session' as kind, coalesce(nullif(a.application_name, ''), 'unnamed') as name, a.pid,
           greatest(age(a.backend_xmin), age(a.backend_xid)) as age,
           extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds,
           a.state, a.usename::text as role, a.datname::text as database
      from pg_catalog.pg_stat_activity a
     where (a.backend_xmin is not null or a.backend_xid is not null)
       and a.pid <> pg_backend_pid() and a.backend_type <> 'walsender'
       and not exists (select from pg_catalog.pg_stat_progress_vacuum v where v.pid = a.pid)
    union all
    select 'prepared', p.gid, null, age(p.transaction),
           extract(epoch from clock_timestamp() - p.prepared)::float8, null, p.owner::text,
           p.database::text
      from pg_catalog.pg_prepared_xacts p
    union all
    select 'slot', s.slot_name::text, s.active_pid, greatest(age(s.xmin), age(s.catalog_xmin)),
           null,
           case when s.xmin is null then 'holds the system catalog only'
                when s.active then 'in use' else 'nobody reads it' end,
           null, s.database::text
      from pg_catalog.pg_replication_slots s
     where s.xmin is not null or s.catalog_xmin is not null
    union all
    select 'standby', coalesce(nullif(r.application_name, ''), 'unnamed'), r.pid,
           age(r.backend_xmin), null, r.state, r.usename::text, null
      from pg_catalog.pg_stat_replication r
     where r.backend_xmin is not null
)
select kind, name, pid, age::bigint as age, seconds, state, role, database,
       coalesce(database = current_database(), true) or kind = 'slot' as local
  from holder
 order by age desc nulls last, seconds desc nulls last
