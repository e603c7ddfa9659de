-- Shape of the schema sch_chameleon, one object or part of one a line, in a fixed order.
select line
  from (
    select 'table ' || c.relname
           || coalesce(' inherits ' || (select string_agg(p.relname, ', ' order by i.inhseqno)
                                          from pg_inherits i join pg_class p on p.oid = i.inhparent
                                         where i.inhrelid = c.oid), '') as line,
           c.relname::text as o, 0 as k, 0 as n
      from pg_class c where c.relnamespace = 'sch_chameleon'::regnamespace and c.relkind = 'r'
    union all
    select format('table %s column %s %s%s%s', c.relname, a.attname,
                  format_type(a.atttypid, a.atttypmod),
                  case when a.attnotnull then ' not null' else '' end,
                  coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')),
           c.relname, 1, row_number() over (partition by c.oid order by a.attnum)
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relnamespace = 'sch_chameleon'::regnamespace and c.relkind = 'r'
       and a.attnum > 0 and not a.attisdropped
    union all
    select format('table %s constraint %s %s', c.relname, k.conname, pg_get_constraintdef(k.oid)),
           c.relname, 2, row_number() over (partition by c.oid order by k.conname)
      from pg_class c join pg_constraint k on k.conrelid = c.oid
     where c.relnamespace = 'sch_chameleon'::regnamespace and k.contype <> 'n'
    union all
    select format('table %s index %s', c.relname, pg_get_indexdef(i.indexrelid)),
           c.relname, 3, row_number() over (partition by c.oid order by i.indexrelid::regclass::text)
      from pg_class c join pg_index i on i.indrelid = c.oid
     where c.relnamespace = 'sch_chameleon'::regnamespace and c.relkind = 'r'
    union all
    select format('sequence %s of %s', c.relname, d.refobjid::regclass), 'z1' || c.relname, 0, 0
      from pg_class c
      join pg_depend d on d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'a'
     where c.relnamespace = 'sch_chameleon'::regnamespace and c.relkind = 'S'
    union all
    select format('view %s: %s', c.relname,
                  regexp_replace(pg_get_viewdef(c.oid), '\s+', ' ', 'g')), 'z2', 0, 0
      from pg_class c where c.relnamespace = 'sch_chameleon'::regnamespace and c.relkind = 'v'
    union all
    select format('type %s: %s', t.typname, string_agg(e.enumlabel, ', ' order by e.enumsortorder)),
           'z3' || t.typname, 0, 0
      from pg_type t join pg_enum e on e.enumtypid = t.oid
     where t.typnamespace = 'sch_chameleon'::regnamespace group by t.oid, t.typname
    union all
    select format('function %s(%s) returns %s', p.proname, oidvectortypes(p.proargtypes),
                  format_type(p.prorettype, null)), 'z4' || p.proname, 0, 0
      from pg_proc p where p.pronamespace = 'sch_chameleon'::regnamespace
  ) shape
 order by o collate "C", k, n
