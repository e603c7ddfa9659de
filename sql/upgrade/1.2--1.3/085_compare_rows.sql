-- 085_compare_rows.sql: rows of {relation} by batch, to be compared with what there was.
--
-- why     nothing is dropped before the rows of every batch are found in the log tables of its
--         source, as many as there were
-- locks   none beyond those held
-- cost    reads the new tables once
-- undoing loses nothing
select i_id_batch as batch, count(*) as rows
  from only {relation}
 group by i_id_batch;
