-- 040_take_waiting_rows_over.sql: rows and DDL entries that are not applied yet.
--
-- why      those of replayed batches are done with, and those of the open batch will be read again.
--          What was applied of a batch that is begun, the replay cursor tells. Entries of our own
--          are readable by 1.2 as they are, but for two things that whoever reads them as rows of
--          1.x expects: a document stands as such and not as a string that holds it, and there is
--          an empty image where there is none.
-- locks    none but those on new tables
-- cost     two passes over the log tables; disk and WAL for the rows that wait
-- undoing  loses nothing: all of it is still in the catalog that was set aside
analyze sch_chameleon.t_replica_batch, sch_chameleon.t_replica_tables;

create function pg_temp.as_document(value jsonb) returns jsonb
language plpgsql
as $body$
begin
    if jsonb_typeof(value) <> 'string' or (value #>> '{}')::jsonb = 'null' then
        return value;
    end if;
    return (value #>> '{}')::jsonb;
exception
    -- a document that jsonb cannot hold stays a string, which 1.2 reads as well
    when others then
        return value;
end
$body$;

create function pg_temp.with_documents(image jsonb, names text[]) returns jsonb
language sql
as $body$
    select coalesce(jsonb_object_agg(
               key, case when key = any (names) then pg_temp.as_document(value) else value end),
               '{}')
      from jsonb_each(image)
$body$;

create temporary view waiting_rows as
select l.i_id_event, l.i_id_batch, l.v_table_name, l.v_schema_name,
       l.enm_binlog_event::text::sch_chameleon.en_binlog_event as enm_binlog_event,
       l.t_binlog_name, l.i_binlog_position, l.ts_event_datetime,
       case when l.enm_binlog_event = 'ddl' or j.documents is null or d.b_own_rows is not true
            then l.jsb_event_data
            else pg_temp.with_documents(l.jsb_event_data, j.documents)
       end as jsb_event_data,
       case when l.enm_binlog_event = 'ddl' then l.jsb_event_update
            when j.documents is null or d.b_own_rows is not true then coalesce(l.jsb_event_update, '{}')
            else pg_temp.with_documents(l.jsb_event_update, j.documents)
       end as jsb_event_update,
       l.t_query, b.v_log_table
  from sch_chameleon_aside.t_log_replica l
  join sch_chameleon.t_replica_batch b using (i_id_batch)
  left join sch_chameleon_aside.t_batch_detail d using (i_id_batch)
  left join sch_chameleon_aside.t_replay_cursor r using (i_id_batch)
  left join (select t.i_id_source, t.v_schema_name, t.v_table_name,
                    array_agg(a.attname::text) as documents
               from sch_chameleon.t_replica_tables t
               join pg_catalog.pg_attribute a
                 on a.attrelid = to_regclass(format('%I.%I', t.v_schema_name, t.v_table_name))
              where a.atttypid in ('json'::regtype, 'jsonb'::regtype)
              group by 1, 2, 3) j
    on j.i_id_source = b.i_id_source and j.v_schema_name = l.v_schema_name
   and j.v_table_name = l.v_table_name
 where b.b_processed and not b.b_replayed
   and (r.i_id_event is null or l.i_id_event > r.i_id_event);

insert into sch_chameleon.t_log_replica_1
       (i_id_event, i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name,
        i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query)
select i_id_event, i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name,
       i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query
  from pg_temp.waiting_rows
 where v_log_table = 't_log_replica_1';

insert into sch_chameleon.t_log_replica_2
       (i_id_event, i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name,
        i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query)
select i_id_event, i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name,
       i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query
  from pg_temp.waiting_rows
 where v_log_table = 't_log_replica_2';

drop view pg_temp.waiting_rows;
drop function pg_temp.with_documents(jsonb, text[]);
drop function pg_temp.as_document(jsonb);
