-- engines: mariadb11.8
create table ty_vector_mariadb (edge varchar(60) character set ascii not null primary key, v vector(3));
insert into ty_vector_mariadb values
    ('plain', vec_fromtext('[1,2.5,-3]')),
    ('small', vec_fromtext('[0.5,0,300000]')),
    ('null', null);
