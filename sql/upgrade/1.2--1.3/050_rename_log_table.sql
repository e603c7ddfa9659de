-- 050_rename_log_table.sql: makes {relation} the source's {target}.
--
-- why     with one source all its rows belong there: nothing is copied, nothing is written
-- locks   access exclusive on {relation}, held already
-- cost    none that grows with the rows
-- undoing loses nothing: the name can be changed back
alter table {relation} rename to {target};
alter table sch_chameleon.{target} rename constraint {old_key} to {new_key};
alter table sch_chameleon.{target} rename constraint {old_reference} to {new_reference};
