-- What the role may not do that the upgrade does: the object and its owner.
select 'schema sch_chameleon' as object, pg_get_userbyid(n.nspowner)::text as owner
  from pg_catalog.pg_namespace n
 where n.nspname = 'sch_chameleon' and not has_schema_privilege(n.oid, 'create')
union all
select case c.relkind when 'v' then 'view ' when 'S' then 'sequence ' else 'table ' end
           || c.relname, pg_get_userbyid(c.relowner)
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = 'sch_chameleon' and c.relkind in ('r', 'p', 'v', 'S')
   and not pg_has_role(c.relowner, 'usage')
union all
select 'function ' || p.proname, pg_get_userbyid(p.proowner)
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
 where n.nspname = 'sch_chameleon' and not pg_has_role(p.proowner, 'usage')
 order by 1
