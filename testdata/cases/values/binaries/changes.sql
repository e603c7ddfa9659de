insert into binaries select id + 100, b, v, tb, bl, mb, lb from binaries;
update binaries set b = x'01', v = x'', lb = x'0100' where id in (3, 4);
delete from binaries where id = 106;
update binaries_key set v = v + 10;
update binaries_key set k = x'ff000001' where k = x'ff000000';
delete from binaries_key where k = x'00000000';
