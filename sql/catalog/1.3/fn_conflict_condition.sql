-- fn_conflict_condition(regclass, text[], boolean): the SQL condition that finds the rows which stand
-- in the way of a relay entry's new image, which is $1, in any unique index.
--
-- purpose     where a change may have been applied before, a row with one of its unique values may
--             stand under another key; it comes back with a later entry.
-- parameters  p_table  target table, aliased t in the statement
--             p_image  columns that the new image holds
--             p_own    the entry is in our encoding
-- returns     the condition as SQL; false where no unique index is covered by the image
-- locks       none
create or replace function sch_chameleon.fn_conflict_condition(
    p_table regclass, p_image text[], p_own boolean)
returns text
language sql
stable
as $body$
    with image as (
        select a.attnum, a.attname,
               sch_chameleon.fn_value_expression(a.attname, a.atttypid, '$1', p_own) as value,
               format_type(a.atttypid, a.atttypmod) as type
          from pg_catalog.pg_attribute a
         where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped
           and a.attname = any (p_image)
    ), part as (
        select i.indexrelid, u.n, m.attname, m.value,
               pg_get_indexdef(i.indexrelid, u.n::integer, false) as expression,
               u.attnum = 0 as computed
          from pg_catalog.pg_index i
         cross join lateral unnest(i.indkey::smallint[]) with ordinality as u(attnum, n)
          left join image m on m.attnum = u.attnum
         where i.indrelid = p_table and i.indisunique and i.indisvalid and i.indpred is null
           and u.n <= i.indnkeyatts
    ), index as (
        select string_agg(
                   case when computed
                        -- the index's own expression, once over the row and once over the image
                        then format('(select %1$s from (select t.*) row_) = '
                                    '(select %1$s from (select %2$s) image_)',
                                    expression,
                                    (select string_agg(format('(%s)::%s as %I', value, type,
                                                              attname), ', ')
                                       from image))
                        else format('t.%I = %s', attname, value)
                   end, ' and ' order by n) as condition
          from part
         group by indexrelid
        having bool_and(computed or attname is not null)
    )
    select coalesce(string_agg('(' || condition || ')', ' or '), 'false') from index
$body$;
