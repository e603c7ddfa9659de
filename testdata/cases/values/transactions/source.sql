create table transactions_one (id int not null primary key, v varchar(50));
create table transactions_two (id int not null primary key, v varchar(50));
insert into transactions_one values (1, 'a'), (2, 'b');
