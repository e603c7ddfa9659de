-- $1 source, $2 instance, $3-$5 read, $6-$8 replayed, $9 last event, $10 lag in microseconds,
-- $11 lag in bytes, $12 unreplayed rows.
insert into sch_chameleon.t_heartbeat
       (i_id_source, t_instance, ts_heartbeat, t_read_binlog, i_read_position, t_read_gtid,
        t_replayed_binlog, i_replayed_position, t_replayed_gtid, ts_event, i_lag_micros,
        i_lag_bytes, i_unreplayed_rows)
select i_id_source, $2, clock_timestamp(), $3, $4, $5, $6, $7, $8,
       to_timestamp($9::double precision / 1000000), $10, $11, $12
  from sch_chameleon.t_sources
 where i_id_source = $1
    on conflict (i_id_source) do update
   set t_instance = excluded.t_instance,
       ts_heartbeat = excluded.ts_heartbeat,
       t_read_binlog = excluded.t_read_binlog,
       i_read_position = excluded.i_read_position,
       t_read_gtid = excluded.t_read_gtid,
       t_replayed_binlog = excluded.t_replayed_binlog,
       i_replayed_position = excluded.i_replayed_position,
       t_replayed_gtid = excluded.t_replayed_gtid,
       ts_event = excluded.ts_event,
       i_lag_micros = excluded.i_lag_micros,
       i_lag_bytes = excluded.i_lag_bytes,
       i_unreplayed_rows = excluded.i_unreplayed_rows
