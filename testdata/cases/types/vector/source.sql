-- engines: mysql
create table ty_vector_mysql (edge varchar(60) character set ascii not null primary key, v vector(3));
insert into ty_vector_mysql values
    ('plain', string_to_vector('[1,2.5,-3]')),
    ('small', string_to_vector('[1e-30,0,3.4e30]')),
    ('null', null);
