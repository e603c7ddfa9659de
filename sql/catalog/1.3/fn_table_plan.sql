-- fn_table_plan(bigint, bigint, text, text): how fn_process_batch treats one table in one batch.
--
-- purpose     asked once per table and call.
-- parameters  p_source  id of the source
--             p_batch   batch that is being replayed
--             p_schema  schema of the table at the target
--             p_table   its name there
-- returns     {"action", "key", "free"}: action is apply; held (counted, not applied); seen (a copy
--             made later holds it already); keyless (1.x does not replicate it, and wrote the
--             batch). key: key columns by t_replica_tables with commas between, or null. free:
--             entries may have been applied before, so they are applied idempotently.
-- locks       none
create or replace function sch_chameleon.fn_table_plan(
    p_source bigint, p_batch bigint, p_schema text, p_table text)
returns jsonb
language sql
stable
as $body$
    select jsonb_build_object(
        'action', case
            when exists (select from sch_chameleon.t_held_tables h
                          where h.i_id_source = p_source and h.v_table_name = p_table) then 'held'
            when p_batch < w.i_id_batch then 'seen'
            when not o.own_rows and r.key is null then 'keyless'
            else 'apply' end,
        'key', r.key,
        'free', not o.own_rows
                or coalesce((o.file_number, o.file, o.position)
                            < (w.file_number, w.file, w.position),
                            w.file is not null))
      from (select coalesce(d.b_own_rows, false) as own_rows,
                   coalesce(substring(b.t_binlog_name from '\.([0-9]+)$')::numeric, 0)
                       as file_number,
                   b.t_binlog_name collate "C" as file,
                   b.i_binlog_position as position
              from sch_chameleon.t_replica_batch b
              left join sch_chameleon.t_batch_detail d using (i_id_batch)
             where b.i_id_batch = p_batch) o
      left join (select replace(array_to_string(t.v_table_pkey, ','), '"', '') as key
                   from sch_chameleon.t_replica_tables t
                  where t.i_id_source = p_source
                    and t.v_table_name = p_table and t.v_schema_name = p_schema) r on true
      left join (select t.i_id_batch,
                        coalesce(substring(t.t_idempotent_binlog from '\.([0-9]+)$')::numeric, 0)
                            as file_number,
                        t.t_idempotent_binlog collate "C" as file,
                        t.i_idempotent_position as position
                   from sch_chameleon.t_table_windows t
                  where t.i_id_source = p_source and t.v_table_name = p_table) w on true
$body$;
