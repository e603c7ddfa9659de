-- index_columns.sql: the columns of btree indexes.
--
-- purpose     what an index entry is made of, and whether equal entries may share one posting list:
--             every key column needs an operator class that says so, a deterministic collation, and
--             nothing may be included.
-- parameters  $1  indexes
-- returns     one row per column in order. table_column: 0 for an expression, whose statistics then
--             stand in the row itself. distinct_keys: how many different keys all columns together
--             have, where extended statistics know it.
-- locks       none
select i.indexrelid as index_oid, i.indrelid as table_oid, i.indisunique as is_unique,
       i.indpred is not null as is_partial,
       a.attnum, i.indkey[a.attnum - 1]::integer as table_column, a.attnum <= i.indnkeyatts as is_key,
       a.attlen as length, a.attalign::text as alignment,
       i.indnatts = i.indnkeyatts
           and exists (select from pg_catalog.pg_opclass o
                         join pg_catalog.pg_amproc p
                           on p.amprocfamily = o.opcfamily and p.amproclefttype = o.opcintype
                          and p.amprocrighttype = o.opcintype and p.amprocnum = 4
                        where o.oid = i.indclass[a.attnum - 1])
           and not exists (select from pg_catalog.pg_collation l
                            where l.oid = a.attcollation and not l.collisdeterministic)
           as equal_image,
       s.null_frac::float8 as null_fraction, s.avg_width as width,
       s.n_distinct::float8 as distinct_values, s.correlation::float8 as correlation,
       s.most_common_freqs as common,
       (select max((e.n_distinct::text::jsonb ->> k.numbers)::float8)
          from pg_catalog.pg_stats_ext e
         cross join (select string_agg(u::text, ', ' order by u) as numbers
                       from unnest(i.indkey::smallint[]) with ordinality as w(u, n)
                      where n <= i.indnkeyatts) k
         where e.schemaname = tn.nspname and e.tablename = t.relname) as distinct_keys
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_class t on t.oid = i.indrelid
  join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = i.indexrelid and a.attnum > 0
  left join pg_catalog.pg_stats s
         on i.indkey[a.attnum - 1] = 0 and s.schemaname = n.nspname and s.tablename = c.relname
        and s.attname = a.attname and not s.inherited
 where i.indexrelid = any ($1)
 order by i.indexrelid, a.attnum
