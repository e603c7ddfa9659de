-- 070_copy_rows.sql: copies rows of one source from a range of blocks of {relation} to its log table.
--
-- why     each source gets the rows of its own batches. The old table is gone through once, window
--         by window, and of each window a source is read only where its batches lie
-- locks   none beyond those held
-- cost    writes each row once, in the table and in the write-ahead log; in parts, so that the
--         progress can be seen
-- undoing loses nothing: the old table is there until its rows are counted
insert into {target}
       (i_id_event, i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name,
        i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query)
select i_id_event, i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name,
       i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query
  from only {relation} log
 where log.ctid >= '{first_place}' and log.ctid < '{next_place}'
   and log.i_id_batch = any ({batches});
