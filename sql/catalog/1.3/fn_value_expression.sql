-- fn_value_expression(text, oid, text, boolean): the SQL that takes a column's value from a relay
-- entry.
--
-- purpose     our entries hold every value in PostgreSQL's input syntax, so that ->> and a cast do;
--             the cast is to the type without its length, so that a value that does not fit is
--             refused on assignment and not cut. Entries of pg_chameleon 1.x hold Python's notation.
-- parameters  p_column  name of the column and of the key in the entry
--             p_type    type of the column
--             p_entry   SQL of the jsonb entry: $1 or $2
--             p_own     the entry is in our encoding
-- returns     the expression as SQL
-- locks       none
create or replace function sch_chameleon.fn_value_expression(
    p_column text, p_type oid, p_entry text, p_own boolean)
returns text
language plpgsql
stable
as $body$
declare
    v_text text := format('(%s ->> %L)', p_entry, p_column);
    v_json text := format('(%s -> %L)', p_entry, p_column);
begin
    if p_own then
        return format('%s::%s', v_text, format_type(p_type, -1));
    end if;
    if p_type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then
        -- 1.x writes integers as numbers, so a string of 0 and 1 is a BIT
        return format(
            'case when jsonb_typeof(%1$s) = ''string'' and %2$s ~ ''^[01]{1,64}$''
                  then lpad(%2$s, 64, ''0'')::bit(64)::bigint else %2$s::bigint end',
            v_json, v_text);
    elsif p_type = 'interval'::regtype then
        -- str(timedelta): -1 day, 23:00:00 is one hour before midnight
        return format('make_interval(secs => extract(epoch from %s::interval)::float8)', v_text);
    elsif p_type in ('json'::regtype, 'jsonb'::regtype) then
        -- a document stands in the entry as such, and not as a string that holds it
        return format('nullif(%s, ''null''::jsonb)::%s', v_json, format_type(p_type, -1));
    end if;
    return format('%s::%s', v_text, format_type(p_type, -1));
end
$body$;
