-- 110_change_batches.sql: t_replica_batch loses its log table and gets wide positions.
--
-- why     the log table is the source's now; a position of integer ends at 2 GiB of a binlog file.
--         The log tables keep integer: nothing reads it, and widening would rewrite them all
-- locks   access exclusive on t_replica_batch, held already
-- cost    rewrites t_replica_batch with its three indexes, a row for each batch that is retained
-- undoing loses the log table's name of each batch, which follows from where its rows lie; a
--         position beyond 2 GiB has no form in 1.2
alter table sch_chameleon.t_replica_batch
    drop column if exists v_log_table,
    alter column i_binlog_position type bigint;
