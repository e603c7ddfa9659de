-- 045_remove_orphans.sql: takes the quarantined rows out of {relation}, which is kept.
--
-- why     a table that is renamed and not copied would keep them
-- locks   none beyond those held
-- cost    one delete of the rows concerned
-- undoing loses nothing while t_quarantined_rows is there
delete from only {relation} where i_id_batch = any ({batches});
