-- obstacles.sql: what does not fit into 1.2. Reads only.
--
-- returns  kind    position, copy, window, floor, prepared, row, held, disabled, unkeyed
--          source  name of the source
--          object  table or position
--          rows    how many rows are concerned
--          detail  what is wrong
with open as (
    select distinct on (i_id_source) i_id_source, i_id_batch, t_binlog_name, i_binlog_position
      from sch_chameleon.t_replica_batch
     where not b_processed and not b_replayed
     order by i_id_source, ts_created desc
), oldest as (
    -- where the oldest batch begins that is not replayed: the target is that far
    select distinct on (i_id_source) i_id_source, t_binlog_name, i_binlog_position
      from sch_chameleon.t_replica_batch
     where not b_replayed and t_binlog_name is not null
     order by i_id_source, ts_created
), waiting as (
    select b.i_id_source, l.v_schema_name, l.v_table_name, l.enm_binlog_event::text as event,
           case when l.enm_binlog_event = 'update' then l.jsb_event_update
                else l.jsb_event_data end as image
      from sch_chameleon.t_replica_batch b
      join sch_chameleon.t_batch_detail d using (i_id_batch)
      join sch_chameleon.t_log_replica l using (i_id_batch)
      left join sch_chameleon.t_replay_cursor r using (i_id_batch)
     where b.b_processed and not b.b_replayed and d.b_own_rows
       -- read first: rows that 1.x left are not even looked at
       and l.i_id_batch = any (array(select o.i_id_batch
                                       from sch_chameleon.t_batch_detail o
                                       join sch_chameleon.t_replica_batch w using (i_id_batch)
                                      where o.b_own_rows and w.b_processed and not w.b_replayed))
       and (r.i_id_event is null or l.i_id_event > r.i_id_event)
       and not exists (select from sch_chameleon.t_held_tables h
                        where h.i_id_source = b.i_id_source and h.v_table_name = l.v_table_name)
), judged as (
    select w.i_id_source, format('%s.%s', w.v_schema_name, w.v_table_name) as object,
           case when t.i_id_table is null
                then 'version 1.2 has no key of the table and leaves its rows out'
                when w.event in ('update', 'delete') and exists (
                    select from unnest(string_to_array(
                                    replace(array_to_string(t.v_table_pkey, ','), '"', ''), ',')) k
                     where strpos(coalesce(w.image ->> k, ''''), '''') > 0)
                then 'a key holds a quote, which version 1.2 does not escape'
           end as detail
      from waiting w
      left join sch_chameleon.t_replica_tables t
        on t.i_id_source = w.i_id_source and t.v_table_name = w.v_table_name
       and t.v_schema_name = w.v_schema_name
), found as (
    select 'position' as kind, i_id_source,
           format('%s:%s', t_binlog_name, i_binlog_position) as object, 0::bigint as rows,
           'the position is beyond 2 GiB' as detail
      from open
     where i_binlog_position > 2147483647
    union all
    select 'copy', i_id_source, t_staging_schema, 0, 'a copy is under way'
      from sch_chameleon.t_copy_runs
    union all
    select 'window', w.i_id_source, w.v_table_name, 0,
           'a copy or a batch of it is not complete'
      from sch_chameleon.t_table_windows w
      join oldest o using (i_id_source)
     where (length(o.t_binlog_name), o.t_binlog_name, o.i_binlog_position)
           < (length(w.t_skip_binlog), w.t_skip_binlog, w.i_skip_position)
        or (length(o.t_binlog_name), o.t_binlog_name, o.i_binlog_position)
           < (length(w.t_idempotent_binlog), w.t_idempotent_binlog, w.i_idempotent_position)
    union all
    select 'floor', f.i_id_source, format('%s:%s', f.t_floor_binlog, f.i_floor_position), 0,
           'the stream was set back for a table that was copied'
      from sch_chameleon.t_stream_floor f
      join oldest o using (i_id_source)
     where (length(o.t_binlog_name), o.t_binlog_name, o.i_binlog_position)
           < (length(f.t_floor_binlog), f.t_floor_binlog, f.i_floor_position)
    union all
    select 'prepared', p.i_id_source, p.t_xid, count(*),
           'a prepared XA transaction is not committed yet, and 1.2 would lose it'
      from sch_chameleon.t_prepared_changes p
     group by p.i_id_source, p.t_xid
    union all
    select 'row', i_id_source, object, count(*), detail
      from judged
     where detail is not null
     group by i_id_source, object, detail
    union all
    select case when t.i_id_table is null then 'unkeyed' else 'held' end, h.i_id_source,
           format('%s.%s', s.t_dest_schema, h.v_table_name), h.i_missed, h.t_code
      from sch_chameleon.t_held_tables h
      join sch_chameleon.t_sources s using (i_id_source)
      left join sch_chameleon.t_replica_tables t
        on t.i_id_source = h.i_id_source and t.v_table_name = h.v_table_name
    union all
    select 'disabled', i_id_source, '', 0, ''
      from sch_chameleon.t_wanted_state
     where t_wanted = 'disable'
)
select f.kind, s.t_source as source, f.object, f.rows, f.detail
  from found f
  join sch_chameleon.t_sources s using (i_id_source)
 order by f.kind, s.t_source, f.object
