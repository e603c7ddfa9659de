create table ty_set (edge varchar(60) character set ascii not null primary key, v set('red','green','it''s','ünï')) default charset = utf8mb4;
insert into ty_set values
    ('empty', ''),
    ('one', 'red'),
    ('all', 'red,green,it''s,ünï'),
    ('last', 'ünï'),
    ('null', null);
create table ty_set_64 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15','m16','m17','m18','m19','m20','m21','m22','m23','m24','m25','m26','m27','m28','m29','m30','m31','m32','m33','m34','m35','m36','m37','m38','m39','m40','m41','m42','m43','m44','m45','m46','m47','m48','m49','m50','m51','m52','m53','m54','m55','m56','m57','m58','m59','m60','m61','m62','m63'));
insert into ty_set_64 values
    ('none', ''),
    ('all', 18446744073709551615),
    ('last', 'm63'),
    ('33rd', 'm32'),
    ('null', null);
create table ty_set_8 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7'));
insert into ty_set_8 values
    ('last', 'm7'),
    ('all', 255);
create table ty_set_9 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7','m8'));
insert into ty_set_9 values
    ('last', 'm8'),
    ('all', 511);
create table ty_set_16 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15'));
insert into ty_set_16 values
    ('last', 'm15'),
    ('all', 65535);
create table ty_set_17 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15','m16'));
insert into ty_set_17 values
    ('last', 'm16'),
    ('all', 131071);
create table ty_set_24 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15','m16','m17','m18','m19','m20','m21','m22','m23'));
insert into ty_set_24 values
    ('last', 'm23'),
    ('all', 16777215);
create table ty_set_25 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15','m16','m17','m18','m19','m20','m21','m22','m23','m24'));
insert into ty_set_25 values
    ('last', 'm24'),
    ('all', 33554431);
create table ty_set_32 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15','m16','m17','m18','m19','m20','m21','m22','m23','m24','m25','m26','m27','m28','m29','m30','m31'));
insert into ty_set_32 values
    ('last', 'm31'),
    ('all', 4294967295);
create table ty_set_33 (edge varchar(60) character set ascii not null primary key, v set('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15','m16','m17','m18','m19','m20','m21','m22','m23','m24','m25','m26','m27','m28','m29','m30','m31','m32'));
insert into ty_set_33 values
    ('last', 'm32'),
    ('all', 8589934591);
