-- 090_drop_log_table.sql: drops {relation}, whose rows have been counted in their new places.
--
-- why     1.3 has no log table that sources share
-- locks   access exclusive on {relation}, held already
-- cost    none; its disk space is free after the commit
-- undoing loses nothing: the rows are in the log tables of their sources
drop table {relation};
