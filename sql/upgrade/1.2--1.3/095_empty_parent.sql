-- 095_empty_parent.sql: empties t_log_replica itself, whose rows have been counted in their new
--                       places.
--
-- why     the parent of the log tables holds no row; what was there went to its source's table
-- locks   access exclusive on t_log_replica, held already
-- cost    none
-- undoing loses nothing: the rows are in the log tables of their sources
truncate table only sch_chameleon.t_log_replica;
