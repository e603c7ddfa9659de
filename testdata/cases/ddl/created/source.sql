create table created_model (id int not null auto_increment primary key, e enum('a', 'b'), v varchar(10) not null default 'd', key v (v)) comment 'a model';
insert into created_model (e) values ('a'), ('b');
