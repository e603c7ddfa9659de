-- complete.sql: makes a catalog that pg_chameleon 1.3 made one of ours.
--
-- purpose     the two corrections of tables.sql: the position of a batch becomes bigint, the unused
--             t_log_replica_1 and _2 go, if they are empty. Own tables and functions follow from
--             their own files.
-- parameters  none; runs again without changing anything
-- returns     nothing
-- locks       access exclusive on t_replica_batch while it is rewritten (it is small), on the two
--             tables while they are dropped
-- undoing     loses nothing below 2 GiB: the position can be made integer again
do $body$
declare
    v_table text;
    v_used boolean;
begin
    if exists (select from pg_catalog.pg_attribute
                where attrelid = 'sch_chameleon.t_replica_batch'::regclass
                  and attname = 'i_binlog_position' and atttypid = 'integer'::regtype) then
        alter table sch_chameleon.t_replica_batch alter column i_binlog_position type bigint;
    end if;
    foreach v_table in array array['t_log_replica_1', 't_log_replica_2'] loop
        if to_regclass('sch_chameleon.' || v_table) is not null then
            execute format('select exists (select from only sch_chameleon.%I)', v_table)
               into v_used;
            if v_used then
                raise exception 'sch_chameleon.% holds rows; the upgrade from 1.2 moves them',
                    v_table using errcode = 'object_not_in_prerequisite_state';
            end if;
            execute format('drop table sch_chameleon.%I', v_table);
        end if;
    end loop;
end
$body$;
