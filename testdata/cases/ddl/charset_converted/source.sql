create table charset_converted (id int not null primary key, v varchar(30), t text, e enum('a', 'b')) default charset = latin1;
insert into charset_converted values (1, 'äöü €', 'ÿ', 'a'), (2, '', null, 'b');
