-- verify.sql: all that hangs on the catalog's objects without being among them.
--
-- purpose     beside the listing of the objects themselves (tables, columns, keys, indexes,
--             sequences, types, views, functions): triggers, rules and policies, of which a catalog
--             has none, and the rows in quarantine
-- returns     one line for each
-- locks       access share on PostgreSQL's own catalog
select 'trigger ' || t.tgname || ' on ' || c.relname as line
  from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
 where c.relnamespace = 'sch_chameleon'::regnamespace and not t.tgisinternal
union all
select 'rule ' || r.rulename || ' on ' || c.relname
  from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
 where c.relnamespace = 'sch_chameleon'::regnamespace and c.relkind = 'r'
union all
select 'policy ' || p.polname || ' on ' || c.relname
  from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid
 where c.relnamespace = 'sch_chameleon'::regnamespace
 order by 1;
