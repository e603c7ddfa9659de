-- fn_apply_row(jsonb, regclass, jsonb, text, jsonb, jsonb, boolean): applies one row of the relay.
--
-- purpose     exactly: one statement, whose row count is returned. Freely (idempotently), where the
--             change or later ones of the same rows may be there already: what stands in the way in
--             a unique index goes, a row that is missing comes back from the new image.
-- parameters  p_made    statements made so far, by kind and columns
--             p_table   target table
--             p_plan    what fn_table_plan says of it
--             p_event   insert, update, delete
--             p_after   new image; the old one for a delete
--             p_before  old image of an update
--             p_own     the entry is in our encoding
-- returns     rows: how many rows of the target it concerns, 0 where the row was not found
--             made: the statements, with those that were new
-- locks       row locks on the target table
create or replace function sch_chameleon.fn_apply_row(
    inout made jsonb, p_table regclass, p_plan jsonb, p_event text,
    p_after jsonb, p_before jsonb, p_own boolean, out rows bigint)
returns record
language plpgsql
as $body$
declare
    v_free constant boolean := (p_plan ->> 'free')::boolean;
    v_key text[];
    v_after text[];
    v_before text[];
    v_ways text[];
    v_way text;
    v_step text;
    v_name text;
    v_statement text;
begin
    if p_event = 'delete' then
        p_before := p_after;
        p_after := '{}';
    elsif p_event = 'insert' then
        p_before := p_after;
    end if;
    v_after := array(select jsonb_object_keys(p_after));
    v_before := array(select jsonb_object_keys(p_before));
    -- ways to apply it, tried until one of them touches a row; a way is one or several statements
    v_ways := case
        when not v_free then array[p_event]
        when p_event = 'insert' then array['insert_free', 'update_free', 'clear insert']
        when p_event = 'update' then array['update_free', 'delete clear insert']
        else array['delete'] end;
    foreach v_way in array v_ways loop
        if v_way like '% insert' and not (
               -- only a whole image can bring a row back
               select bool_and(a.attname = any (v_after))
                 from pg_catalog.pg_attribute a
                where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped
                  and a.attgenerated = '') then
            v_way := 'update';
        end if;
        foreach v_step in array string_to_array(v_way, ' ') loop
            v_name := concat_ws(' ', p_table::oid, v_step, v_after, v_before);
            v_statement := made ->> v_name;
            if v_statement is null then
                v_key := case when p_plan ->> 'key' is not null
                              then array(select jsonb_array_elements_text(p_plan -> 'key')) end;
                v_statement := sch_chameleon.fn_replay_statement(
                    p_table, v_key, v_step, v_after, v_before, p_own);
                made := made || jsonb_build_object(v_name, v_statement);
            end if;
            execute v_statement using p_after, p_before;
            get diagnostics rows = row_count;
        end loop;
        exit when rows > 0;
    end loop;
end
$body$;
