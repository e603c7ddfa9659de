-- columns.sql: the stored columns of tables, with what ANALYZE noted of them.
--
-- purpose     width, alignment and nulls of each column give the length of a row. Of values only
--             lengths leave the server.
-- parameters  $1  tables
-- returns     one row per column, dropped ones too, in the order of storage. stored: false for what
--             new rows keep as null (dropped columns, virtual generated columns). same_length: all
--             values that ANALYZE noted are equally long. null_fraction is NULL without statistics.
-- locks       none
select a.attrelid as table_oid, a.attnum, a.attname as name, a.attlen as length,
       a.attalign::text as alignment, a.attstorage::text as storage,
       not a.attisdropped and a.attgenerated <> 'v' as stored,
       s.null_frac::float8 as null_fraction, s.avg_width as width,
       s.n_distinct::float8 as distinct_values, s.correlation::float8 as correlation,
       s.most_common_freqs as common,
       case when a.atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype,
                                'bytea'::regtype)
            then (select min(octet_length(v)) = max(octet_length(v))
                    from unnest(coalesce(s.most_common_vals::text::text[], '{}')
                                || coalesce(s.histogram_bounds::text::text[], '{}')) v)
       end as same_length
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_stats s
         on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname
        and not s.inherited and not a.attisdropped
 where a.attrelid = any ($1) and a.attnum > 0
 order by a.attrelid, a.attnum
