-- 010_lock_catalog.sql: keeps everybody else out of the tables that change.
--
-- why     what is counted must be what is moved; a reader that comes in between waits
-- locks   access exclusive on {relations}; waits at most {wait_ms} ms for them
-- cost    none by itself; held to the end of the transaction, whose later statements wait no longer
--         than that for anything either
-- undoing loses nothing
set local lock_timeout = '{wait_ms}ms';
lock table {relations} in access exclusive mode;
