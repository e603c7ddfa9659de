-- 100_raise_event_sequence.sql: the next event id is above all that are in use.
--
-- why     a sequence that was set back gives out ids that are in use already
-- locks   share row exclusive on the sequence
-- cost    none
-- undoing loses nothing
alter sequence sch_chameleon.t_log_replica_i_id_event_seq restart with {next_id};
