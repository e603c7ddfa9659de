-- fn_apply_free(regclass, text[], text, jsonb, jsonb, boolean): applies one row of the relay
-- idempotently.
--
-- purpose     for entries that may have been applied before, with later ones of the same rows: what
--             stands in the way in a unique index goes, a row that is missing comes back from the
--             new image. Applied from an earlier point on, a history so comes to its right end.
-- parameters  p_table   target table
--             p_key     key columns by t_replica_tables, NULL where the table is not there
--             p_event   insert, update, delete
--             p_after   new image; {} for a delete
--             p_before  old image; the new one for an insert
--             p_own     the entry is in our encoding
-- returns     how many rows of the target it concerns
-- locks       row locks on the target table
create or replace function sch_chameleon.fn_apply_free(
    p_table regclass, p_key text[], p_event text, p_after jsonb, p_before jsonb, p_own boolean)
returns bigint
language plpgsql
as $body$
declare
    v_after constant text[] := array(select jsonb_object_keys(p_after));
    v_before constant text[] := array(select jsonb_object_keys(p_before));
    v_rows bigint := 0;
    v_way text;
    v_step text;
begin
    -- ways to apply it, tried until one of them touches a row; a way is one or several statements
    foreach v_way in array case p_event
        when 'insert' then array['insert_free', 'update_free', 'clear insert']
        when 'update' then array['update_free', 'delete clear insert']
        else array['delete'] end
    loop
        if v_way like '% insert' and not (
               -- only a whole image can bring a row back
               select bool_and(a.attname = any (v_after))
                 from pg_catalog.pg_attribute a
                where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped
                  and a.attgenerated = '') then
            v_way := 'update';
        end if;
        foreach v_step in array string_to_array(v_way, ' ') loop
            execute sch_chameleon.fn_replay_statement(
                        p_table, p_key, v_step, v_after, v_before, p_own)
              using p_after, p_before;
            get diagnostics v_rows = row_count;
        end loop;
        exit when v_rows > 0;
    end loop;
    return v_rows;
end
$body$;
