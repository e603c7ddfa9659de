-- tables.sql: schema, types, tables and label of catalog version 1.3.
--
-- purpose     what pg_chameleon 1.3 and its readers expect: names, types, defaults and orders are
--             a contract. Two differences, both on purpose: i_binlog_position of t_replica_batch is
--             bigint (positions beyond 2 GiB), and the unused t_log_replica_1 and _2 are not made.
-- parameters  none
-- returns     nothing
-- locks       none that matters: everything is new

create schema sch_chameleon;

create view sch_chameleon.v_version as
    select '1.3'::text as t_version;

create type sch_chameleon.en_src_status as enum
    ('ready', 'initialising', 'initialised', 'stopped', 'running', 'error');

create type sch_chameleon.en_binlog_event as enum
    ('delete', 'update', 'insert', 'ddl');

create table sch_chameleon.t_sources (
    i_id_source bigserial,
    t_source text not null,
    t_dest_schema text not null,
    enm_status sch_chameleon.en_src_status not null default 'ready',
    ts_last_event timestamp without time zone,
    v_log_table character varying[],
    constraint pk_t_sources primary key (i_id_source)
);

create unique index idx_t_sources_t_source
    on sch_chameleon.t_sources (t_source);

create unique index idx_t_sources_t_dest_schema
    on sch_chameleon.t_sources (t_dest_schema);

create table sch_chameleon.t_replica_batch (
    i_id_batch bigserial not null,
    i_id_source bigint not null,
    t_binlog_name text,
    i_binlog_position bigint,
    b_started boolean not null default false,
    b_processed boolean not null default false,
    b_replayed boolean not null default false,
    ts_created timestamp without time zone not null default clock_timestamp(),
    ts_processed timestamp without time zone,
    ts_replayed timestamp without time zone,
    i_replayed bigint,
    i_skipped bigint,
    i_ddl bigint,
    constraint pk_t_batch primary key (i_id_batch),
    constraint fk_t_replica_batch_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

create unique index idx_t_replica_batch_binlog_name_position
    on sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position);

create unique index idx_t_replica_batch_ts_created
    on sch_chameleon.t_replica_batch (i_id_source, ts_created);

-- The parent of every log table. It holds no row itself.
create table sch_chameleon.t_log_replica (
    i_id_event bigserial not null,
    i_id_batch bigserial not null,
    v_table_name character varying(100) not null,
    v_schema_name character varying(100) not null,
    enm_binlog_event sch_chameleon.en_binlog_event not null,
    t_binlog_name text,
    i_binlog_position integer,
    ts_event_datetime timestamp without time zone not null default clock_timestamp(),
    jsb_event_data jsonb,
    jsb_event_update jsonb,
    t_query text,
    constraint pk_log_replica primary key (i_id_event),
    constraint fk_replica_batch foreign key (i_id_batch)
        references sch_chameleon.t_replica_batch (i_id_batch)
        on update restrict on delete cascade
);

create table sch_chameleon.t_replica_tables (
    i_id_table bigserial not null,
    i_id_source bigint not null,
    v_table_name character varying(100) not null,
    v_schema_name character varying(100) not null,
    v_table_pkey character varying(100)[] not null,
    constraint pk_t_replica_tables primary key (i_id_table),
    constraint fk_t_replica_tables_i_id_source foreign key (i_id_source)
        references sch_chameleon.t_sources (i_id_source)
        on update restrict on delete cascade
);

create unique index idx_t_replica_tables_table_schema
    on sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name);

create table sch_chameleon.t_discarded_rows (
    i_id_row bigserial,
    i_id_batch bigint not null,
    ts_discard timestamp with time zone not null default clock_timestamp(),
    t_row_data text,
    constraint pk_t_discarded_rows primary key (i_id_row)
);

create table sch_chameleon.t_index_def (
    i_id_def bigserial not null,
    i_id_source bigint not null,
    v_schema character varying(100),
    v_table character varying(100),
    v_index character varying(100),
    t_create text,
    t_drop text,
    constraint pk_t_index_def primary key (i_id_def)
);

create unique index idx_schema_table_source
    on sch_chameleon.t_index_def (i_id_source, v_schema, v_table, v_index);
