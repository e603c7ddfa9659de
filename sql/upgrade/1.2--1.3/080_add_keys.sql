-- 080_add_keys.sql: gives {target} its keys.
--
-- why     building them after the copy sorts once, instead of once a row
-- locks   share row exclusive on t_replica_batch, held stronger already
-- cost    reads the new table twice, writes the key's index
-- undoing loses nothing
alter table {target}
    add constraint {new_key} primary key (i_id_event),
    add constraint {new_reference} foreign key (i_id_batch)
        references sch_chameleon.t_replica_batch (i_id_batch)
        on update restrict on delete cascade;
