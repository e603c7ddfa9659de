-- Values of 100 MB: larger than a packet that the server sends by itself.
set global max_allowed_packet = 1073741824;
create table large_values (id int not null primary key, t longtext character set latin1, b longblob);
insert into large_values values (1, 'small', 'small');
