create table po_truncated (edge varchar(60) character set ascii not null primary key, v int)
    partition by range columns (edge) (partition p0 values less than ('m'), partition p1 values less than (maxvalue));
insert into po_truncated values ('a', 1), ('z', 26);
create table po_dropped (edge varchar(60) character set ascii not null primary key, v int)
    partition by range columns (edge) (partition p0 values less than ('m'), partition p1 values less than (maxvalue));
insert into po_dropped values ('a', 1), ('z', 26);
create table po_exchanged (edge varchar(60) character set ascii not null primary key, v int)
    partition by range columns (edge) (partition p0 values less than ('m'), partition p1 values less than (maxvalue));
insert into po_exchanged values ('a', 1), ('z', 26);
create table po_single (edge varchar(60) character set ascii not null primary key, v int);
insert into po_single values ('b', 2);
create table po_reorganised (edge varchar(60) character set ascii not null primary key, v int)
    partition by range columns (edge) (partition p0 values less than ('m'), partition p1 values less than (maxvalue));
insert into po_reorganised values ('a', 1), ('z', 26);
