-- fn_refresh_parts(): makes the log tables of every source that are missing.
--
-- purpose     each log table inherits from t_log_replica and has a primary key pk_<table> and a
--             foreign key fk_<table>; with them, a block range index on i_id_batch, because removing
--             a batch looks for its entries in every log table of every source.
-- parameters  none; the tables are those that t_sources.v_log_table names
-- returns     nothing
-- locks       share row exclusive on t_replica_batch for a new table; share on a log table that
--             has no index on i_id_batch yet; none where everything is there
create or replace function sch_chameleon.fn_refresh_parts()
returns void
language plpgsql
as $body$
declare
    v_table text;
    v_index text;
begin
    for v_table in
        select unnest(v_log_table) from sch_chameleon.t_sources order by 1
    loop
        if to_regclass(format('sch_chameleon.%I', v_table)) is null then
            execute format(
                'create table sch_chameleon.%I (
                     constraint %I primary key (i_id_event),
                     constraint %I foreign key (i_id_batch)
                         references sch_chameleon.t_replica_batch (i_id_batch)
                         on update restrict on delete cascade
                 ) inherits (sch_chameleon.t_log_replica)',
                v_table, 'pk_' || v_table, 'fk_' || v_table);
        end if;
        v_index := 'idx_' || v_table || '_i_id_batch';
        if to_regclass(format('sch_chameleon.%I', v_index)) is null then
            execute format(
                'create index %I on sch_chameleon.%I using brin (i_id_batch)
                     with (pages_per_range = 32, autosummarize = on)',
                v_index, v_table);
        end if;
    end loop;
end
$body$;
