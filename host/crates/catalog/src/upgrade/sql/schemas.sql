-- Sources whose destination schema the database has not: object and fault.
select format('source %s', t_source) as object,
       format('its schema %s is not in this database', t_dest_schema) as fault
  from sch_chameleon.t_sources
 where not exists (select from pg_catalog.pg_namespace where nspname = t_dest_schema)
 order by 1
