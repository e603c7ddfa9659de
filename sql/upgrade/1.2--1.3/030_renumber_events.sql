-- 030_renumber_events.sql: gives rows of {relation} new event ids, where theirs stand twice.
--
-- why     two rows with one id cannot lie in one log table; the original upgrade lost one of them.
--         The batch that came first keeps its ids. The rows of each later batch from the first such
--         id on get new ones, in order, above all that are in use
-- locks   access exclusive on {relation}, held already
-- cost    one update of the rows concerned and of their keys
-- undoing loses the old ids, which nothing refers to
update only {relation} entry
   set i_id_event = renumbered.i_new
  from unnest({places}, {new_ids}) as renumbered (t_place, i_new)
 where entry.ctid = renumbered.t_place;
