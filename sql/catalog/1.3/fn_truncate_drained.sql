-- fn_truncate_drained(bigint, bigint, boolean): truncates log tables of a source that hold nothing
-- which is still needed.
--
-- purpose     entries are never deleted one by one; a table is emptied as a whole once all its
--             batches are replayed. A table whose lock is not to be had is left for the next time.
-- parameters  p_source     id of the source
--             p_min_bytes  tables of that size or less are left alone
--             p_given_up   also the table that is being written: its writer has stopped
-- returns     number of tables truncated
-- locks       access exclusive on such a log table, waited for no longer than 50 ms, and then held
--             to the end of the transaction
create or replace function sch_chameleon.fn_truncate_drained(
    p_source bigint, p_min_bytes bigint, p_given_up boolean)
returns integer
language plpgsql
as $body$
declare
    c_newest_waits constant text :=
        'select exists (select from sch_chameleon.t_replica_batch bat
                         where not bat.b_replayed
                           and bat.i_id_batch = (select i_id_batch from only sch_chameleon.%I
                                                  order by i_id_event desc limit 1))';
    c_any_waits constant text :=
        'select exists (select from only sch_chameleon.%I log
                         where log.i_id_batch in (select i_id_batch
                                                    from sch_chameleon.t_replica_batch
                                                   where not b_replayed))';
    v_lock_timeout constant text := current_setting('lock_timeout');
    v_table text;
    v_waits boolean;
    v_writing text;
    v_truncated integer := 0;
begin
    for v_table in
        select unnest(v_log_table) from sch_chameleon.t_sources where i_id_source = p_source
    loop
        continue when to_regclass(format('sch_chameleon.%I', v_table)) is null;
        continue when pg_relation_size(format('sch_chameleon.%I', v_table)::regclass)
                      <= p_min_bytes;
        -- a quick look first, to ask for the lock only where it will be of use
        select v_log_table[1] into v_writing
          from sch_chameleon.t_sources where i_id_source = p_source;
        continue when v_table = v_writing and not p_given_up;
        execute format(c_newest_waits, v_table) into v_waits;
        continue when v_waits;
        begin
            perform set_config('lock_timeout', '50ms', true);
            execute format('lock table only sch_chameleon.%I in access exclusive mode', v_table);
            perform set_config('lock_timeout', v_lock_timeout, true);
            -- under the lock: the writer may have come back to this table in the meantime
            select v_log_table[1] into v_writing
              from sch_chameleon.t_sources where i_id_source = p_source;
            execute format(c_any_waits, v_table) into v_waits;
            if (p_given_up or v_table <> v_writing) and not v_waits then
                execute format('truncate only sch_chameleon.%I', v_table);
                v_truncated := v_truncated + 1;
            end if;
        exception
            when lock_not_available then
                null;
        end;
    end loop;
    return v_truncated;
end
$body$;
