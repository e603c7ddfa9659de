-- fn_note_losses(bigint, bigint, jsonb, jsonb): notes what fn_process_batch did not apply.
--
-- purpose     nothing is left out silently: entries of held tables are counted there, a table that
--             1.x does not replicate is held from now on, changes without a row are row errors.
-- parameters  p_source  id of the source
--             p_batch   batch that was replayed
--             p_missed  {table at the target: entries}
--             p_lost    {any: {"table", "event", "binlog", "position", "rows"}}
-- returns     nothing
-- locks       row locks on t_held_tables
create or replace function sch_chameleon.fn_note_losses(
    p_source bigint, p_batch bigint, p_missed jsonb, p_lost jsonb)
returns void
language plpgsql
as $body$
declare
    -- names of tables are kept as the source has them; 1.x does not say its database
    v_schema constant text := coalesce(
        (select min(t_table_schema) from sch_chameleon.t_schema_history
          where i_id_source = p_source),
        (select t_dest_schema from sch_chameleon.t_sources where i_id_source = p_source));
begin
    if p_missed <> '{}' then
        update sch_chameleon.t_held_tables h
           set i_missed = h.i_missed + m.value::bigint
          from jsonb_each_text(p_missed) m
         where h.i_id_source = p_source and h.v_table_name = m.key;
        insert into sch_chameleon.t_held_tables
               (i_id_source, t_table_schema, t_table_name, v_table_name, t_state, t_code, t_reason,
                t_first_binlog, i_first_position, i_missed)
        select p_source, v_schema, m.key, m.key, 'held', 'CAT015',
               'it has no key, and pg_chameleon 1.x does not replicate such a table',
               b.t_binlog_name, b.i_binlog_position, m.value::bigint
          from jsonb_each_text(p_missed) m, sch_chameleon.t_replica_batch b
         where b.i_id_batch = p_batch
           and not exists (select from sch_chameleon.t_held_tables h
                            where h.i_id_source = p_source and h.v_table_name = m.key);
    end if;
    if p_lost <> '{}' then
        insert into sch_chameleon.t_row_errors
               (i_id_source, t_table_schema, t_table_name, t_operation, t_binlog, i_position,
                t_code, t_reason, i_rows)
        select p_source, v_schema, l.value ->> 'table', l.value ->> 'event',
               l.value ->> 'binlog', (l.value ->> 'position')::bigint,
               'CAT014', 'the row is not in the target table', (l.value ->> 'rows')::bigint
          from jsonb_each(p_lost) l
         order by l.key;
    end if;
end
$body$;
