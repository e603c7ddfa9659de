-- fn_process_batch(integer, integer): replays entries of a source's oldest waiting batch.
--
-- purpose     the contract of pg_chameleon 1.3, whose reader calls it, and the way to replay from a
--             session in plain SQL. Reads our encoding and that of 1.x. Entries are applied in the
--             order of i_id_event, which is the order in which the one writer of a source wrote
--             them. Entries are not deleted: how far a batch is, t_replay_cursor says; drained
--             log tables are truncated as a whole.
-- parameters  $1  how many entries at most, 1 or more
--             $2  id of the source
-- returns     true while there is more to replay
-- errors      an entry that PostgreSQL refuses: its SQLSTATE, with the table in the message, batch
--             and event in the detail, and without any value; nothing of the call is kept and
--             nothing is skipped.
--             lock_not_available: another session replays the source.
-- counts      i_replayed: rows applied. i_skipped: rows of held tables, of tables that a later copy
--             holds, of tables that 1.x does not replicate (these are held from here on), and
--             changes whose row was not found (noted in t_row_errors as CAT014). i_ddl: statements.
-- locks       advisory lock (1128813145, source id) to the end of the transaction, not waited for;
--             row locks on the target tables, and what DDL entries take; for at most 50 ms access
--             exclusive on a drained log table
create or replace function sch_chameleon.fn_process_batch(integer, integer)
returns boolean
language plpgsql
as $body$
declare
    p_max_events alias for $1;
    p_source alias for $2;
    c_replay_lock constant integer := 1128813145;
    c_small_bytes constant bigint := 65536;
    c_unique_violation constant text := '23505';
    c_apply_freely constant text := 'CH001';
    v_search_path constant text := current_setting('search_path');
    v_log_tables text[];
    v_dest_schema text;
    v_batch bigint;
    v_own boolean;
    v_cursor bigint;
    v_sql text;
    v_freely boolean;
    v_free boolean := false;
    v_entry record;
    v_event bigint;
    v_schema text;
    v_table text;
    v_name text;
    v_after jsonb;
    v_before jsonb;
    v_kind text;
    v_statement text;
    v_plan jsonb;
    v_plans jsonb;
    v_made jsonb;
    v_rows bigint;
    v_seen bigint;
    v_replayed bigint;
    v_skipped bigint;
    v_ddl bigint;
    v_missed jsonb;
    v_lost jsonb;
    v_state text;
    v_message text;
    v_constraint text;
    v_column text;
begin
    if p_max_events is null or p_max_events < 1 then
        raise exception 'the number of events is %, it must be 1 or more', p_max_events
            using errcode = 'invalid_parameter_value';
    end if;
    select v_log_table::text[], t_dest_schema into v_log_tables, v_dest_schema
      from sch_chameleon.t_sources where i_id_source = p_source;
    if not found then
        return false;
    end if;
    if not pg_try_advisory_xact_lock(c_replay_lock, p_source) then
        raise exception 'another session replays the batches of source %', p_source
            using errcode = 'lock_not_available';
    end if;

    select b.i_id_batch, coalesce(d.b_own_rows, false), r.i_id_event
      into v_batch, v_own, v_cursor
      from only sch_chameleon.t_replica_batch b
      left join sch_chameleon.t_batch_detail d using (i_id_batch)
      left join sch_chameleon.t_replay_cursor r using (i_id_batch)
     where b.i_id_source = p_source and b.b_started and b.b_processed and not b.b_replayed
     order by b.ts_created
     limit 1;
    if not found then
        perform sch_chameleon.fn_truncate_drained(p_source, c_small_bytes, false);
        return false;
    end if;

    -- the parent holds entries only where somebody wrote them there by hand
    select string_agg(format(
               'select i_id_event, v_table_name::text, v_schema_name::text, enm_binlog_event::text,
                       t_binlog_name, i_binlog_position, jsb_event_data, jsb_event_update, t_query
                  from only sch_chameleon.%I where i_id_batch = $1 and i_id_event > $2', t),
               ' union all ')
      into v_sql
      from unnest('t_log_replica'::text || v_log_tables) t;
    -- a batch that is begun lies where its cursor says; another one has to be looked for
    v_sql := format('select * from (%s %s) entry order by i_id_event limit $3',
                    v_sql, case when v_cursor is null then 'offset 0' end);

    -- exactly at first; freely where that shows that entries were applied before
    <<attempts>>
    for v_freely in select unnest(array[false, true]) loop
        v_seen := 0;
        v_replayed := 0;
        v_skipped := 0;
        v_ddl := 0;
        v_missed := '{}';
        v_lost := '{}';
        v_plans := '{}';
        v_made := '{}';
        begin
            for v_entry in
                execute v_sql using v_batch, coalesce(v_cursor, 0), p_max_events
            loop
                v_seen := v_seen + 1;
                v_event := v_entry.i_id_event;
                v_schema := v_entry.v_schema_name;
                v_table := v_entry.v_table_name;
                v_name := format('%I.%I', v_schema, v_table);
                v_plan := v_plans -> v_name;
                if v_plan is null then
                    v_plan := sch_chameleon.fn_table_plan(p_source, v_batch, v_schema, v_table);
                    v_plans := v_plans || jsonb_build_object(v_name, v_plan);
                end if;
                if v_plan ->> 'action' <> 'apply' then
                    v_skipped := v_skipped + 1;
                    if v_plan ->> 'action' <> 'seen' then
                        v_missed := v_missed || jsonb_build_object(
                            v_table, coalesce((v_missed ->> v_table)::bigint, 0) + 1);
                    end if;
                    continue;
                elsif v_entry.enm_binlog_event = 'ddl' then
                    perform set_config('search_path', quote_ident(v_schema), true);
                    execute v_entry.t_query;
                    -- statements of 1.x set it for the session
                    perform set_config('search_path', v_search_path, false);
                    v_ddl := v_ddl + 1;
                    v_plans := '{}';
                    v_made := '{}';
                    continue;
                end if;

                v_after := v_entry.jsb_event_data;
                v_before := v_after;
                if v_entry.enm_binlog_event = 'update' then
                    v_before := v_entry.jsb_event_update;
                elsif v_entry.enm_binlog_event = 'delete' then
                    v_after := '{}';
                end if;
                v_free := (v_plan ->> 'free')::boolean;
                if v_free and v_freely then
                    v_rows := sch_chameleon.fn_apply_free(
                        v_name::regclass, string_to_array(v_plan ->> 'key', ','),
                        v_entry.enm_binlog_event, v_after, v_before, v_own);
                else
                    v_kind := concat_ws(' ', v_entry.enm_binlog_event, v_name,
                        jsonb_path_query_array(v_after, '$.keyvalue().key'),
                        jsonb_path_query_array(v_before, '$.keyvalue().key'));
                    v_statement := v_made ->> v_kind;
                    if v_statement is null then
                        v_statement := sch_chameleon.fn_replay_statement(
                            v_name::regclass, string_to_array(v_plan ->> 'key', ','),
                            v_entry.enm_binlog_event, array(select jsonb_object_keys(v_after)),
                            array(select jsonb_object_keys(v_before)), v_own);
                        v_made := v_made || jsonb_build_object(v_kind, v_statement);
                    end if;
                    execute v_statement using v_after, v_before;
                    get diagnostics v_rows = row_count;
                end if;
                if v_rows > 0 then
                    v_replayed := v_replayed + 1;
                    continue;
                end if;
                if v_free and not v_freely and v_entry.enm_binlog_event = 'update' then
                    raise exception 'the row is not there' using errcode = c_apply_freely;
                end if;
                v_skipped := v_skipped + 1;
                if not v_free then
                    v_kind := v_table || ' ' || v_entry.enm_binlog_event;
                    v_lost := v_lost || jsonb_build_object(v_kind, jsonb_build_object(
                        'table', v_table, 'event', v_entry.enm_binlog_event,
                        'binlog', v_entry.t_binlog_name, 'position', v_entry.i_binlog_position,
                        'rows', coalesce((v_lost -> v_kind ->> 'rows')::bigint, 0) + 1));
                end if;
            end loop;
            exit attempts;
        exception when others then
            get stacked diagnostics v_state = returned_sqlstate, v_message = message_text,
                v_constraint = constraint_name, v_column = column_name;
            continue attempts when v_free and not v_freely
                               and v_state in (c_apply_freely, c_unique_violation);
            -- messages of class 22 quote the value, and those of triggers may
            raise exception 'table %.%: %', v_schema, v_table,
                case when v_state like '22%' then 'a value is not accepted'
                     when v_state like 'P0%' then 'a trigger or function refuses the row'
                     else v_message end
                using errcode = v_state, detail = format('batch %s, event %s', v_batch, v_event),
                      constraint = v_constraint, column = v_column,
                      schema = v_schema, table = v_table;
        end;
    end loop;

    perform sch_chameleon.fn_note_losses(p_source, v_batch, v_missed, v_lost);
    update only sch_chameleon.t_replica_batch
       set b_replayed = v_seen < p_max_events,
           ts_replayed = clock_timestamp(),
           i_replayed = coalesce(i_replayed, 0) + v_replayed,
           i_skipped = coalesce(i_skipped, 0) + v_skipped,
           i_ddl = coalesce(i_ddl, 0) + v_ddl
     where i_id_batch = v_batch;
    if v_seen < p_max_events then
        delete from sch_chameleon.t_replay_cursor where i_id_batch = v_batch;
        perform sch_chameleon.fn_truncate_drained(p_source, c_small_bytes, false);
    else
        insert into sch_chameleon.t_replay_cursor (i_id_batch, i_id_event)
        values (v_batch, v_event)
            on conflict (i_id_batch) do update set i_id_event = excluded.i_id_event;
    end if;
    return exists (select from only sch_chameleon.t_replica_batch
                    where i_id_source = p_source
                      and b_started and b_processed and not b_replayed);
end
$body$;
