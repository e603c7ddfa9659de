insert into floats select id + 100, f, d from floats;
update floats set f = f * 0.1, d = d * 0.1 where id in (5, 7, 8);
delete from floats where id = 106;
