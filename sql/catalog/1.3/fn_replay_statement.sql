-- fn_replay_statement(regclass, text[], text, text[], text[], boolean): the statement that applies
-- one kind of relay entry to one table.
--
-- purpose     made once per table, kind and set of columns, and executed per entry with $1 the new
--             image and $2 the old one.
-- parameters  p_table   target table
--             p_key     key columns by t_replica_tables, NULL where the table is not there
--             p_kind    insert, update, delete: exactly
--                       insert_free, update_free: only where no row stands in the way
--                       clear: remove the rows that stand in the way of the new image
--             p_after   columns of the new image
--             p_before  columns of the old image
--             p_own     the entry is in our encoding
-- returns     the statement as SQL
-- locks       none itself
create or replace function sch_chameleon.fn_replay_statement(
    p_table regclass, p_key text[], p_kind text, p_after text[], p_before text[], p_own boolean)
returns text
language plpgsql
stable
as $body$
declare
    v_unknown text;
    v_columns text;
    v_values text;
    v_assignments text;
    v_row text;
begin
    select string_agg(distinct quote_ident(k), ', ') into v_unknown
      from unnest(p_after || p_before) k
     where not exists (select from pg_catalog.pg_attribute a
                        where a.attrelid = p_table and a.attname = k
                          and a.attnum > 0 and not a.attisdropped);
    if v_unknown is not null then
        raise exception 'there is no column %', v_unknown
            using errcode = 'undefined_column';
    end if;
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum),
           string_agg(v.value, ', ' order by a.attnum),
           string_agg(format('%I = %s', a.attname, v.value), ', ' order by a.attnum)
      into v_columns, v_values, v_assignments
      from pg_catalog.pg_attribute a
     cross join lateral sch_chameleon.fn_value_expression(
           a.attname, a.atttypid, '$1', p_own) as v(value)
     where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped
       and a.attgenerated = '' and a.attname = any (p_after);

    if p_kind in ('insert', 'insert_free') then
        return format('insert into %s (%s) overriding system value select %s%s',
                      p_table, v_columns, v_values,
                      case p_kind when 'insert_free' then ' on conflict do nothing' else '' end);
    end if;
    if p_kind = 'clear' then
        return format('delete from %s t where %s', p_table,
                      sch_chameleon.fn_conflict_condition(p_table, p_after, p_own));
    end if;
    v_row := sch_chameleon.fn_row_condition(p_table, p_key, p_before, p_own);
    if p_kind = 'delete' then
        return format('delete from %s t where %s', p_table, v_row);
    end if;
    if p_kind = 'update' then
        return format('update %s t set %s where %s', p_table, v_assignments, v_row);
    end if;
    return format(
        'with found as (select t.tableoid as o, t.ctid as c from %1$s t where %3$s)
         update %1$s t set %2$s from found
          where t.tableoid = found.o and t.ctid = found.c
            and not exists (select from %1$s t
                             where (%4$s) and (t.tableoid, t.ctid) <> (found.o, found.c))',
        p_table, v_assignments, v_row,
        sch_chameleon.fn_conflict_condition(p_table, p_after, p_own));
end
$body$;
