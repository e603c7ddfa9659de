-- fn_delete_batches(bigint[]): deletes batches, with what is left of them in the log tables.
--
-- purpose     the foreign keys look for entries of each batch in every log table of every source. A
--             source whose replay is stuck may have a large one; the block range index finds
--             nothing there in no time, if it is up to date and if the planner, which may have no
--             statistics of the table yet, uses it. Both are seen to here.
-- parameters  p_batches  ids
-- returns     number of batches deleted
-- locks       share update exclusive on large log tables, not waited for longer than 50 ms; row
--             locks on t_replica_batch and on entries that are deleted
create or replace function sch_chameleon.fn_delete_batches(p_batches bigint[])
returns bigint
language plpgsql
set enable_seqscan = off
as $body$
declare
    c_large_bytes constant bigint := 1048576;
    v_lock_timeout constant text := current_setting('lock_timeout');
    v_index regclass;
    v_deleted bigint;
begin
    if cardinality(p_batches) = 0 then
        return 0;
    end if;
    for v_index in
        select x.indexrelid
          from pg_catalog.pg_inherits i
          join pg_catalog.pg_index x on x.indrelid = i.inhrelid
          join pg_catalog.pg_class c on c.oid = x.indexrelid
          join pg_catalog.pg_am m on m.oid = c.relam
         where i.inhparent = 'sch_chameleon.t_log_replica'::regclass
           and m.amname = 'brin' and pg_relation_size(i.inhrelid) > c_large_bytes
    loop
        begin
            perform set_config('lock_timeout', '50ms', true);
            perform brin_summarize_new_values(v_index);
        exception
            when lock_not_available or insufficient_privilege or undefined_table then
                null;
        end;
        perform set_config('lock_timeout', v_lock_timeout, true);
    end loop;
    delete from sch_chameleon.t_replica_batch where i_id_batch = any (p_batches);
    get diagnostics v_deleted = row_count;
    return v_deleted;
end
$body$;
