-- 060_create_log_table.sql: makes {target}, without keys for the time being.
--
-- why     rows go into a bare table several times faster than into one with keys. It is made with
--         the key, which goes at once: from PostgreSQL 18 on a key leaves a NOT NULL constraint of
--         the table's own behind, and a new catalog has it
-- locks   none that matters: the table is new
-- cost    none
-- undoing loses nothing
create table {target} (constraint pk_for_a_moment primary key (i_id_event))
    inherits (sch_chameleon.t_log_replica);
alter table {target} drop constraint pk_for_a_moment;
