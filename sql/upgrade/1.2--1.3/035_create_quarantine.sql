-- 035_create_quarantine.sql: makes the table for rows whose batch is gone.
--
-- why     it is made only where there are such rows: a catalog has no use for it otherwise
-- locks   none that matters: the table is new
-- cost    none
-- undoing loses the rows in it
create table if not exists sch_chameleon.t_quarantined_rows (
    t_log_table text not null,
    ts_quarantined timestamp with time zone not null default clock_timestamp(),
    i_id_event bigint not null,
    i_id_batch bigint not null,
    v_table_name character varying(100) not null,
    v_schema_name character varying(100) not null,
    enm_binlog_event sch_chameleon.en_binlog_event not null,
    t_binlog_name text,
    i_binlog_position integer,
    ts_event_datetime timestamp without time zone not null,
    jsb_event_data jsonb,
    jsb_event_update jsonb,
    t_query text
);
