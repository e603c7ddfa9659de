-- 060_analyze.sql: statistics of the new tables.
--
-- why      without them the first replay of 1.2 is planned blindly; coarse ones do until autovacuum
--          comes, which sees that the tables are new
-- locks    share update exclusive on new tables
-- cost     a small sample of the waiting rows
-- undoing  loses nothing
set local default_statistics_target = 10;
analyze sch_chameleon.t_sources, sch_chameleon.t_replica_tables, sch_chameleon.t_replica_batch,
        sch_chameleon.t_log_replica, sch_chameleon.t_log_replica_1, sch_chameleon.t_log_replica_2;
