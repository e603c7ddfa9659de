-- 040_quarantine_rows.sql: keeps the rows of {relation} whose batch is gone.
--
-- why     no batch, no source: nothing will ever replay them. The original upgrade dropped them
-- locks   none beyond those held
-- cost    one copy of the rows concerned
-- undoing loses nothing while t_quarantined_rows is there
insert into sch_chameleon.t_quarantined_rows
       (t_log_table, i_id_event, i_id_batch, v_table_name, v_schema_name, enm_binlog_event,
        t_binlog_name, i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update,
        t_query)
select {relation_text}, i_id_event, i_id_batch, v_table_name, v_schema_name, enm_binlog_event,
       t_binlog_name, i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update,
       t_query
  from only {relation}
 where i_id_batch = any ({batches})
 order by i_id_event;
