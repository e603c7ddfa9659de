-- 060_analyze.sql: statistics of the new tables.
--
-- why      without them the first replay of 1.2 is planned blindly
-- locks    share update exclusive on new tables
-- cost     a sample of the waiting rows
-- undoing  loses nothing
analyze sch_chameleon.t_sources, sch_chameleon.t_replica_tables, sch_chameleon.t_replica_batch,
        sch_chameleon.t_log_replica, sch_chameleon.t_log_replica_1, sch_chameleon.t_log_replica_2;
