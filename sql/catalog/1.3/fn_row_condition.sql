-- fn_row_condition(regclass, text[], text[], boolean): the SQL condition that finds the row of a
-- relay entry by its old image, which is $2.
--
-- purpose     by the primary key of the target table, else by its first unique index over columns
--             that are not null, else by the key that t_replica_tables has, each if the image holds
--             all its columns; else one row that is equal in all columns of the image.
-- parameters  p_table  target table, aliased t in the statement
--             p_key    key columns by t_replica_tables, NULL where the table is not there
--             p_image  columns that the old image holds
--             p_own    the entry is in our encoding
-- returns     the condition as SQL
-- locks       none
create or replace function sch_chameleon.fn_row_condition(
    p_table regclass, p_key text[], p_image text[], p_own boolean)
returns text
language plpgsql
stable
as $body$
declare
    v_key text[];
    v_condition text;
begin
    select k.names into v_key
      from pg_catalog.pg_index i
     cross join lateral (
           select array_agg(a.attname::text order by u.n) as names,
                  bool_and(a.attnotnull) as solid
             from unnest(i.indkey::smallint[]) with ordinality as u(attnum, n)
             join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.attnum
            where u.n <= i.indnkeyatts) k
     where i.indrelid = p_table and i.indisunique and i.indisvalid
       and i.indpred is null and i.indexprs is null and k.solid and k.names <@ p_image
     order by i.indisprimary desc, i.indnkeyatts, i.indexrelid
     limit 1;
    if v_key is null and p_key <@ p_image then
        v_key := p_key;
    end if;
    if v_key is not null then
        select string_agg(
                   format('t.%I = %s', a.attname,
                          sch_chameleon.fn_value_expression(a.attname, a.atttypid, '$2', p_own)),
                   ' and ' order by a.attnum)
          into v_condition
          from pg_catalog.pg_attribute a
         where a.attrelid = p_table and a.attname = any (v_key);
        return v_condition;
    end if;
    -- types without equality are compared by their text
    select string_agg(
               format(case when a.atttypid in ('json'::regtype, 'xml'::regtype)
                           then 'f.%1$I::text is not distinct from (%2$s)::text'
                           else 'f.%1$I is not distinct from %2$s' end,
                      a.attname,
                      sch_chameleon.fn_value_expression(a.attname, a.atttypid, '$2', p_own)),
               ' and ' order by a.attnum)
      into v_condition
      from pg_catalog.pg_attribute a
     where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped
       and a.attname = any (p_image);
    return format(
        '(t.tableoid, t.ctid) = (select f.tableoid, f.ctid from %s f where %s limit 1)',
        p_table, coalesce(v_condition, 'false'));
end
$body$;
