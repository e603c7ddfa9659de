-- 050_set_sequences.sql: sequences go on where they stood.
--
-- why      an id that was given out is never given out again
-- locks    none but those on new sequences
-- cost     one index lookup per sequence
-- undoing  loses nothing
do $body$
declare
    v_sequence record;
    v_used bigint;
    v_given bigint;
begin
    for v_sequence in
        select s.oid::regclass as name, t.oid::regclass as tab, t.relname, a.attname
          from pg_catalog.pg_class s
          join pg_catalog.pg_depend d
            on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i')
          join pg_catalog.pg_class t on t.oid = d.refobjid
          join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
          join pg_catalog.pg_class old
            on old.relnamespace = 'sch_chameleon_aside'::regnamespace and old.relname = t.relname
         where s.relnamespace = 'sch_chameleon'::regnamespace and s.relkind = 'S'
    loop
        execute format('select max(%I) from %s', v_sequence.attname, v_sequence.tab) into v_used;
        v_given := null;
        if pg_get_serial_sequence(format('sch_chameleon_aside.%I', v_sequence.relname),
                                  v_sequence.attname) is not null then
            execute format('select case when is_called then last_value end from %s',
                           pg_get_serial_sequence(
                               format('sch_chameleon_aside.%I', v_sequence.relname),
                               v_sequence.attname)) into v_given;
        end if;
        if coalesce(v_used, v_given) is not null then
            perform setval(v_sequence.name, greatest(v_used, v_given));
        end if;
    end loop;
end
$body$;
