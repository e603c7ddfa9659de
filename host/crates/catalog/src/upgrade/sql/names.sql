-- Tables that the catalog names and the database has not, and what cannot be a name: object and fault.
select format('source %s', t_source) as object,
       'its schema has a name of more than 63 bytes' as fault
  from sch_chameleon.t_sources where octet_length(t_dest_schema) > 63
union all
select format('source %s', t_source), 'its name begins or ends with a space, or holds a control character'
  from sch_chameleon.t_sources where t_source ~ '(^\s|\s$|[[:cntrl:]])' or t_source = ''
union all
select format('table %s.%s', v_schema_name, v_table_name), 'it is registered and not in this database'
  from sch_chameleon.t_replica_tables t
 where exists (select from pg_catalog.pg_namespace where nspname = v_schema_name)
   and not exists (select from pg_catalog.pg_class c
                     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                    where n.nspname = v_schema_name and c.relname = v_table_name
                      and c.relkind in ('r', 'p'))
 order by 1, 2
