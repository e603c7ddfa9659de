-- 010_set_catalog_aside.sql: gives the living catalog another name.
--
-- why      the tables of 1.2 are made anew from the backup, under the name that 1.2 looks for; the
--          replaced catalog stays as it is, own tables included. The last step gives it a name with
--          the time.
-- locks    on the schema alone; its tables are locked access exclusive before
-- cost     none
-- undoing  renaming it back loses nothing
alter schema sch_chameleon rename to sch_chameleon_aside;
