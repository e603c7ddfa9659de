-- engines: mysql
create table ty_json_opaque (edge varchar(60) character set ascii not null primary key, v json);
insert into ty_json_opaque values
    ('date', json_array(cast('2020-01-02' as date))),
    ('time', json_array(cast('-12:13:14.5' as time(6)))),
    ('datetime', json_array(cast('2020-01-02 03:04:05.000001' as datetime(6)))),
    ('decimal', json_array(cast(12.50 as decimal(10,2)), cast(-0.000000001 as decimal(30,9)))),
    ('blob', json_array(cast(x'00ff' as binary))),
    ('double', json_array(1e300, -1e-300, 1.5e0)),
    ('unsigned', json_array(cast(18446744073709551615 as unsigned))),
    ('year', json_array(cast(2024 as year))),
    ('bool', json_array(true, false));
