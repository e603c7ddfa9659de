-- 060_create_log_table.sql: makes {target}, without keys for the time being.
--
-- why     rows go into a bare table several times faster than into one with keys
-- locks   none that matters: the table is new
-- cost    none
-- undoing loses nothing
create table {target} () inherits (sch_chameleon.t_log_replica);
