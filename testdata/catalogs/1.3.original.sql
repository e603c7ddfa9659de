-- The tables of a catalog that pg_chameleon 1.3 made, with one source registered; its functions are
-- stubs. Written by pg_dump from a live catalog.
CREATE SCHEMA sch_chameleon;
CREATE TYPE sch_chameleon.en_binlog_event AS ENUM (
    'delete',
    'update',
    'insert',
    'ddl'
);
CREATE TYPE sch_chameleon.en_src_status AS ENUM (
    'ready',
    'initialising',
    'initialised',
    'stopped',
    'running',
    'error'
);
CREATE FUNCTION sch_chameleon.fn_process_batch(integer, integer) RETURNS boolean LANGUAGE sql AS $$select false$$;
CREATE FUNCTION sch_chameleon.fn_refresh_parts() RETURNS void LANGUAGE sql AS $$$$;
CREATE TABLE sch_chameleon.t_discarded_rows (
    i_id_row bigint NOT NULL,
    i_id_batch bigint NOT NULL,
    ts_discard timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    t_row_data text
);
CREATE SEQUENCE sch_chameleon.t_discarded_rows_i_id_row_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sch_chameleon.t_discarded_rows_i_id_row_seq OWNED BY sch_chameleon.t_discarded_rows.i_id_row;
CREATE TABLE sch_chameleon.t_index_def (
    i_id_def bigint NOT NULL,
    i_id_source bigint NOT NULL,
    v_schema character varying(100),
    v_table character varying(100),
    v_index character varying(100),
    t_create text,
    t_drop text
);
CREATE SEQUENCE sch_chameleon.t_index_def_i_id_def_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sch_chameleon.t_index_def_i_id_def_seq OWNED BY sch_chameleon.t_index_def.i_id_def;
CREATE TABLE sch_chameleon.t_log_replica (
    i_id_event bigint NOT NULL,
    i_id_batch bigint NOT NULL,
    v_table_name character varying(100) NOT NULL,
    v_schema_name character varying(100) NOT NULL,
    enm_binlog_event sch_chameleon.en_binlog_event NOT NULL,
    t_binlog_name text,
    i_binlog_position integer,
    ts_event_datetime timestamp without time zone DEFAULT clock_timestamp() NOT NULL,
    jsb_event_data jsonb,
    jsb_event_update jsonb,
    t_query text
);
CREATE TABLE sch_chameleon.t_log_replica_1 (
)
INHERITS (sch_chameleon.t_log_replica);
CREATE TABLE sch_chameleon.t_log_replica_1_src_1 (
)
INHERITS (sch_chameleon.t_log_replica);
CREATE TABLE sch_chameleon.t_log_replica_2 (
)
INHERITS (sch_chameleon.t_log_replica);
CREATE TABLE sch_chameleon.t_log_replica_2_src_1 (
)
INHERITS (sch_chameleon.t_log_replica);
CREATE SEQUENCE sch_chameleon.t_log_replica_i_id_batch_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sch_chameleon.t_log_replica_i_id_batch_seq OWNED BY sch_chameleon.t_log_replica.i_id_batch;
CREATE SEQUENCE sch_chameleon.t_log_replica_i_id_event_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sch_chameleon.t_log_replica_i_id_event_seq OWNED BY sch_chameleon.t_log_replica.i_id_event;
CREATE TABLE sch_chameleon.t_replica_batch (
    i_id_batch bigint NOT NULL,
    i_id_source bigint NOT NULL,
    t_binlog_name text,
    i_binlog_position integer,
    b_started boolean DEFAULT false NOT NULL,
    b_processed boolean DEFAULT false NOT NULL,
    b_replayed boolean DEFAULT false NOT NULL,
    ts_created timestamp without time zone DEFAULT clock_timestamp() NOT NULL,
    ts_processed timestamp without time zone,
    ts_replayed timestamp without time zone,
    i_replayed bigint,
    i_skipped bigint,
    i_ddl bigint
);
CREATE SEQUENCE sch_chameleon.t_replica_batch_i_id_batch_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sch_chameleon.t_replica_batch_i_id_batch_seq OWNED BY sch_chameleon.t_replica_batch.i_id_batch;
CREATE TABLE sch_chameleon.t_replica_tables (
    i_id_table bigint NOT NULL,
    i_id_source bigint NOT NULL,
    v_table_name character varying(100) NOT NULL,
    v_schema_name character varying(100) NOT NULL,
    v_table_pkey character varying(100)[] NOT NULL
);
CREATE SEQUENCE sch_chameleon.t_replica_tables_i_id_table_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sch_chameleon.t_replica_tables_i_id_table_seq OWNED BY sch_chameleon.t_replica_tables.i_id_table;
CREATE TABLE sch_chameleon.t_sources (
    i_id_source bigint NOT NULL,
    t_source text NOT NULL,
    t_dest_schema text NOT NULL,
    enm_status sch_chameleon.en_src_status DEFAULT 'ready'::sch_chameleon.en_src_status NOT NULL,
    ts_last_event timestamp without time zone,
    v_log_table character varying[]
);
CREATE SEQUENCE sch_chameleon.t_sources_i_id_source_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sch_chameleon.t_sources_i_id_source_seq OWNED BY sch_chameleon.t_sources.i_id_source;
CREATE VIEW sch_chameleon.v_version AS
 SELECT '1.3'::text AS t_version;
ALTER TABLE ONLY sch_chameleon.t_discarded_rows ALTER COLUMN i_id_row SET DEFAULT nextval('sch_chameleon.t_discarded_rows_i_id_row_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_index_def ALTER COLUMN i_id_def SET DEFAULT nextval('sch_chameleon.t_index_def_i_id_def_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica ALTER COLUMN i_id_event SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_event_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica ALTER COLUMN i_id_batch SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_batch_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_1 ALTER COLUMN i_id_event SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_event_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_1 ALTER COLUMN i_id_batch SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_batch_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_1 ALTER COLUMN ts_event_datetime SET DEFAULT clock_timestamp();
ALTER TABLE ONLY sch_chameleon.t_log_replica_1_src_1 ALTER COLUMN i_id_event SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_event_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_1_src_1 ALTER COLUMN i_id_batch SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_batch_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_1_src_1 ALTER COLUMN ts_event_datetime SET DEFAULT clock_timestamp();
ALTER TABLE ONLY sch_chameleon.t_log_replica_2 ALTER COLUMN i_id_event SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_event_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_2 ALTER COLUMN i_id_batch SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_batch_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_2 ALTER COLUMN ts_event_datetime SET DEFAULT clock_timestamp();
ALTER TABLE ONLY sch_chameleon.t_log_replica_2_src_1 ALTER COLUMN i_id_event SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_event_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_2_src_1 ALTER COLUMN i_id_batch SET DEFAULT nextval('sch_chameleon.t_log_replica_i_id_batch_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica_2_src_1 ALTER COLUMN ts_event_datetime SET DEFAULT clock_timestamp();
ALTER TABLE ONLY sch_chameleon.t_replica_batch ALTER COLUMN i_id_batch SET DEFAULT nextval('sch_chameleon.t_replica_batch_i_id_batch_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_replica_tables ALTER COLUMN i_id_table SET DEFAULT nextval('sch_chameleon.t_replica_tables_i_id_table_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_sources ALTER COLUMN i_id_source SET DEFAULT nextval('sch_chameleon.t_sources_i_id_source_seq'::regclass);
ALTER TABLE ONLY sch_chameleon.t_log_replica
    ADD CONSTRAINT pk_log_replica PRIMARY KEY (i_id_event);
ALTER TABLE ONLY sch_chameleon.t_log_replica_1
    ADD CONSTRAINT pk_log_replica_1 PRIMARY KEY (i_id_event);
ALTER TABLE ONLY sch_chameleon.t_log_replica_2
    ADD CONSTRAINT pk_log_replica_2 PRIMARY KEY (i_id_event);
ALTER TABLE ONLY sch_chameleon.t_replica_batch
    ADD CONSTRAINT pk_t_batch PRIMARY KEY (i_id_batch);
ALTER TABLE ONLY sch_chameleon.t_discarded_rows
    ADD CONSTRAINT pk_t_discarded_rows PRIMARY KEY (i_id_row);
ALTER TABLE ONLY sch_chameleon.t_index_def
    ADD CONSTRAINT pk_t_index_def PRIMARY KEY (i_id_def);
ALTER TABLE ONLY sch_chameleon.t_log_replica_1_src_1
    ADD CONSTRAINT pk_t_log_replica_1_src_1 PRIMARY KEY (i_id_event);
ALTER TABLE ONLY sch_chameleon.t_log_replica_2_src_1
    ADD CONSTRAINT pk_t_log_replica_2_src_1 PRIMARY KEY (i_id_event);
ALTER TABLE ONLY sch_chameleon.t_replica_tables
    ADD CONSTRAINT pk_t_replica_tables PRIMARY KEY (i_id_table);
ALTER TABLE ONLY sch_chameleon.t_sources
    ADD CONSTRAINT pk_t_sources PRIMARY KEY (i_id_source);
CREATE UNIQUE INDEX idx_schema_table_source ON sch_chameleon.t_index_def USING btree (i_id_source, v_schema, v_table, v_index);
CREATE UNIQUE INDEX idx_t_replica_batch_binlog_name_position ON sch_chameleon.t_replica_batch USING btree (i_id_source, t_binlog_name, i_binlog_position);
CREATE UNIQUE INDEX idx_t_replica_batch_ts_created ON sch_chameleon.t_replica_batch USING btree (i_id_source, ts_created);
CREATE UNIQUE INDEX idx_t_replica_tables_table_schema ON sch_chameleon.t_replica_tables USING btree (i_id_source, v_table_name, v_schema_name);
CREATE UNIQUE INDEX idx_t_sources_t_dest_schema ON sch_chameleon.t_sources USING btree (t_dest_schema);
CREATE UNIQUE INDEX idx_t_sources_t_source ON sch_chameleon.t_sources USING btree (t_source);
ALTER TABLE ONLY sch_chameleon.t_log_replica
    ADD CONSTRAINT fk_replica_batch FOREIGN KEY (i_id_batch) REFERENCES sch_chameleon.t_replica_batch(i_id_batch) ON UPDATE RESTRICT ON DELETE CASCADE;
ALTER TABLE ONLY sch_chameleon.t_log_replica_1
    ADD CONSTRAINT fk_replica_batch_1 FOREIGN KEY (i_id_batch) REFERENCES sch_chameleon.t_replica_batch(i_id_batch) ON UPDATE RESTRICT ON DELETE CASCADE;
ALTER TABLE ONLY sch_chameleon.t_log_replica_2
    ADD CONSTRAINT fk_replica_batch_2 FOREIGN KEY (i_id_batch) REFERENCES sch_chameleon.t_replica_batch(i_id_batch) ON UPDATE RESTRICT ON DELETE CASCADE;
ALTER TABLE ONLY sch_chameleon.t_log_replica_1_src_1
    ADD CONSTRAINT fk_t_log_replica_1_src_1 FOREIGN KEY (i_id_batch) REFERENCES sch_chameleon.t_replica_batch(i_id_batch) ON UPDATE RESTRICT ON DELETE CASCADE;
ALTER TABLE ONLY sch_chameleon.t_log_replica_2_src_1
    ADD CONSTRAINT fk_t_log_replica_2_src_1 FOREIGN KEY (i_id_batch) REFERENCES sch_chameleon.t_replica_batch(i_id_batch) ON UPDATE RESTRICT ON DELETE CASCADE;
ALTER TABLE ONLY sch_chameleon.t_replica_batch
    ADD CONSTRAINT fk_t_replica_batch_i_id_source FOREIGN KEY (i_id_source) REFERENCES sch_chameleon.t_sources(i_id_source) ON UPDATE RESTRICT ON DELETE CASCADE;
ALTER TABLE ONLY sch_chameleon.t_replica_tables
    ADD CONSTRAINT fk_t_replica_tables_i_id_source FOREIGN KEY (i_id_source) REFERENCES sch_chameleon.t_sources(i_id_source) ON UPDATE RESTRICT ON DELETE CASCADE;
insert into sch_chameleon.t_sources (t_source, t_dest_schema, v_log_table)
    values ('src1', 'dest1', '{t_log_replica_1_src_1,t_log_replica_2_src_1}');
