create table ty_geometry (edge varchar(60) character set ascii not null primary key, v geometry);
insert into ty_geometry values
    ('point', ST_GeomFromText('POINT(1 -2.5)')),
    ('line', ST_GeomFromText('LINESTRING(0 0, 1 1, 2 0)')),
    ('polygon', ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 1))')),
    ('points', ST_GeomFromText('MULTIPOINT((0 0), (1 1))')),
    ('lines', ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))')),
    ('polygons', ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))')),
    ('collection', ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))')),
    ('empty collection', ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')),
    ('null', null);
create table ty_geometry_srid (edge varchar(60) character set ascii not null primary key, v geometry);
insert into ty_geometry_srid values
    ('point', ST_GeomFromText('POINT(1 -2.5)', 4326)),
    ('line', ST_GeomFromText('LINESTRING(0 0, 1 1, 2 0)', 4326)),
    ('polygon', ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 1))', 4326)),
    ('other reference', ST_GeomFromText('POINT(1 2)', 3857)),
    ('null', null);
create table ty_point (edge varchar(60) character set ascii not null primary key, v point);
insert into ty_point values
    ('point', ST_GeomFromText('POINT(1 -2.5)')),
    ('null', null);
create table ty_linestring (edge varchar(60) character set ascii not null primary key, v linestring);
insert into ty_linestring values
    ('line', ST_GeomFromText('LINESTRING(0 0, 1 1, 2 0)')),
    ('null', null);
create table ty_polygon (edge varchar(60) character set ascii not null primary key, v polygon);
insert into ty_polygon values
    ('polygon', ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 1))')),
    ('null', null);
create table ty_multipoint (edge varchar(60) character set ascii not null primary key, v multipoint);
insert into ty_multipoint values
    ('points', ST_GeomFromText('MULTIPOINT((0 0), (1 1))')),
    ('null', null);
create table ty_multilinestring (edge varchar(60) character set ascii not null primary key, v multilinestring);
insert into ty_multilinestring values
    ('lines', ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))')),
    ('null', null);
create table ty_multipolygon (edge varchar(60) character set ascii not null primary key, v multipolygon);
insert into ty_multipolygon values
    ('polygons', ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))')),
    ('null', null);
