-- own_tables.sql: tables beside those of 1.3, which its readers do not look at.
--
-- purpose     GTID sets, replay cursor, schema history, held tables, wanted state, heartbeat, copy
--             progress, windows and row errors. Every row hangs on a source or a batch and goes
--             with it, so that drop_source of 1.3 leaves nothing behind. Rows whose meaning
--             depends on a position carry i_id_batch, the batch that was open at that time.
-- parameters  none; runs again on a catalog that has them without changing anything
-- returns     nothing
-- locks       share row exclusive on t_sources and t_replica_batch while foreign keys are added

-- What 1.3 has no column for. A batch without a row here was opened by pg_chameleon 1.x. b_own_rows:
-- the rows were written by us, in our encoding; else as 1.x wrote them.
create table if not exists sch_chameleon.t_batch_detail (
    i_id_batch bigint not null,
    t_gtid_set text,
    b_own_rows boolean not null default false,
    i_rows bigint,
    constraint pk_t_batch_detail primary key (i_id_batch),
    constraint fk_t_batch_detail_i_id_batch foreign key (i_id_batch)
        references sch_chameleon.t_replica_batch (i_id_batch)
        on update restrict on delete cascade
);

-- How far fn_process_batch has come in a batch that is not replayed yet: the last event applied.
create table if not exists sch_chameleon.t_replay_cursor (
    i_id_batch bigint not null,
    i_id_event bigint not null,
    constraint pk_t_replay_cursor primary key (i_id_batch),
    constraint fk_t_replay_cursor_i_id_batch foreign key (i_id_batch)
        references sch_chameleon.t_replica_batch (i_id_batch)
        on update restrict on delete cascade
);

-- Versions of the source's tables. A version is in force from i_id_batch on, up to the next one of
-- the same table; NULL says that the table was dropped.
create table if not exists sch_chameleon.t_schema_history (
    i_id_source bigint not null,
    t_table_schema text not null,
    t_table_name text not null,
    i_id_batch bigint not null,
    jsb_table jsonb,
    ts_created timestamp with time zone not null default clock_timestamp(),
    constraint pk_t_schema_history
        primary key (i_id_source, t_table_schema, t_table_name, i_id_batch),
    constraint fk_t_schema_history_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

-- Tables whose changes are not relayed or not replayed at present. v_table_name: name at the target.
create table if not exists sch_chameleon.t_held_tables (
    i_id_source bigint not null,
    t_table_schema text not null,
    t_table_name text not null,
    v_table_name character varying(100) not null,
    t_state text not null,
    t_code text not null,
    t_reason text not null,
    t_statement text,
    t_first_binlog text,
    i_first_position bigint,
    t_last_binlog text,
    i_last_position bigint,
    i_missed bigint not null default 0,
    ts_held timestamp with time zone not null default clock_timestamp(),
    ts_changed timestamp with time zone not null default clock_timestamp(),
    constraint pk_t_held_tables primary key (i_id_source, t_table_schema, t_table_name),
    constraint ck_t_held_tables_t_state check (t_state in ('held', 'requested', 'syncing')),
    constraint fk_t_held_tables_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

-- What the operator wants of a source; no row means run.
create table if not exists sch_chameleon.t_wanted_state (
    i_id_source bigint not null,
    t_wanted text not null,
    t_by text not null,
    ts_changed timestamp with time zone not null default clock_timestamp(),
    constraint pk_t_wanted_state primary key (i_id_source),
    constraint ck_t_wanted_state_t_wanted check (t_wanted in ('run', 'stop', 'disable')),
    constraint fk_t_wanted_state_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

-- What the host last said of a source.
create table if not exists sch_chameleon.t_heartbeat (
    i_id_source bigint not null,
    t_instance text not null,
    ts_heartbeat timestamp with time zone not null,
    t_read_binlog text,
    i_read_position bigint,
    t_read_gtid text,
    t_replayed_binlog text,
    i_replayed_position bigint,
    t_replayed_gtid text,
    ts_event timestamp with time zone,
    i_lag_micros bigint,
    i_lag_bytes bigint,
    i_unreplayed_rows bigint not null,
    constraint pk_t_heartbeat primary key (i_id_source),
    constraint fk_t_heartbeat_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
) with (fillfactor = 50);

-- The copy that is under way for a source: the whole of init_replica, or tables that are resynced.
create table if not exists sch_chameleon.t_copy_runs (
    i_id_source bigint not null,
    t_method text not null,
    t_staging_schema text not null,
    t_start_binlog text not null,
    i_start_position bigint not null,
    t_start_gtid text,
    jsb_detail jsonb not null,
    ts_started timestamp with time zone not null default clock_timestamp(),
    constraint pk_t_copy_runs primary key (i_id_source),
    constraint fk_t_copy_runs_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

-- One table of the copy that is under way.
create table if not exists sch_chameleon.t_copy_tables (
    i_id_source bigint not null,
    t_table_schema text not null,
    t_table_name text not null,
    t_phase text not null,
    constraint pk_t_copy_tables primary key (i_id_source, t_table_schema, t_table_name),
    constraint ck_t_copy_tables_t_phase check (t_phase in ('loading', 'loaded', 'ready')),
    constraint fk_t_copy_tables_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_copy_runs (i_id_source)
        on update restrict on delete cascade
);

-- One chunk of a table that is copied. low and high: where the source was when the chunk's snapshot
-- was opened; the same for all chunks where there was one snapshot.
create table if not exists sch_chameleon.t_copy_chunks (
    i_id_source bigint not null,
    t_table_schema text not null,
    t_table_name text not null,
    i_chunk integer not null,
    jsb_chunk jsonb not null,
    b_done boolean not null default false,
    i_rows bigint not null default 0,
    i_bytes bigint not null default 0,
    t_low_binlog text,
    i_low_position bigint,
    t_low_gtid text,
    t_high_binlog text,
    i_high_position bigint,
    t_high_gtid text,
    constraint pk_t_copy_chunks
        primary key (i_id_source, t_table_schema, t_table_name, i_chunk),
    constraint fk_t_copy_chunks_table foreign key (i_id_source, t_table_schema, t_table_name)
        references sch_chameleon.t_copy_tables (i_id_source, t_table_schema, t_table_name)
        on update restrict on delete cascade
);

-- How changes of a table are taken after it was copied: not at all up to skip, idempotently up to
-- idempotent, exactly from there on. v_table_name: name at the target.
create table if not exists sch_chameleon.t_table_windows (
    i_id_source bigint not null,
    t_table_schema text not null,
    t_table_name text not null,
    v_table_name character varying(100) not null,
    i_id_batch bigint not null,
    t_skip_binlog text,
    i_skip_position bigint,
    t_skip_gtid text,
    t_idempotent_binlog text,
    i_idempotent_position bigint,
    t_idempotent_gtid text,
    constraint pk_t_table_windows primary key (i_id_source, t_table_schema, t_table_name),
    constraint fk_t_table_windows_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

-- The stream was rewound for tables that have a window; changes of all others are skipped up to
-- here, because they are at the target already.
create table if not exists sch_chameleon.t_stream_floor (
    i_id_source bigint not null,
    i_id_batch bigint not null,
    t_floor_binlog text not null,
    i_floor_position bigint not null,
    t_floor_gtid text,
    constraint pk_t_stream_floor primary key (i_id_source),
    constraint fk_t_stream_floor_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

-- Rows that could not be taken over. Holds no value and no key of the row.
create table if not exists sch_chameleon.t_row_errors (
    i_id_error bigserial not null,
    i_id_source bigint not null,
    t_table_schema text not null,
    t_table_name text not null,
    t_operation text not null,
    t_binlog text,
    i_position bigint,
    t_code text not null,
    t_reason text not null,
    i_rows bigint not null default 1,
    ts_error timestamp with time zone not null default clock_timestamp(),
    constraint pk_t_row_errors primary key (i_id_error),
    constraint fk_t_row_errors_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

create index if not exists idx_t_row_errors_source
    on sch_chameleon.t_row_errors (i_id_source, i_id_error);

-- Changes of XA transactions that are prepared at the source and neither committed nor rolled back.
-- Columns from v_table_name on are those of a log table. i_id_batch: the batch that was open when
-- the transaction was prepared.
create table if not exists sch_chameleon.t_prepared_changes (
    i_id_source bigint not null,
    t_xid text not null,
    i_id_event bigserial not null,
    i_id_batch bigint not null,
    v_table_name character varying(100) not null,
    v_schema_name character varying(100) not null,
    enm_binlog_event sch_chameleon.en_binlog_event not null,
    jsb_event_data jsonb,
    jsb_event_update jsonb,
    constraint pk_t_prepared_changes primary key (i_id_source, t_xid, i_id_event),
    constraint fk_t_prepared_changes_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

-- Which rules a table's rows were written by: its transforms with their configuration, and its type
-- mapping. Where they change, the rows at the target are of the old ones until the table is copied
-- anew.
create table if not exists sch_chameleon.t_table_rules (
    i_id_source bigint not null,
    t_table_schema text not null,
    t_table_name text not null,
    t_fingerprint text not null,
    constraint pk_t_table_rules primary key (i_id_source, t_table_schema, t_table_name),
    constraint fk_t_table_rules_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);
