-- A small shop: the sample database of the demo and of the end-to-end tests. It runs on MySQL and on MariaDB.
-- The columns are chosen to need many types; the rows are generated, the same ones every time.

create table customers (
    id int unsigned not null auto_increment,
    email varchar(190) not null,
    full_name varchar(120) not null comment 'as on the invoice',
    -- from the time before Unicode
    short_name varchar(40) character set latin1 not null default '',
    status enum('new', 'active', 'on hold', 'left') not null default 'new',
    interests set('books', 'music', 'garden', 'kitchen', 'toys') not null default '',
    wants_mail tinyint(1) not null default 0,
    born_on date null,
    preferences json null,
    credit_limit decimal(12, 2) not null default 0.00,
    loyalty_points int not null default 0,
    created_at datetime(6) not null,
    updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6),
    primary key (id),
    unique key email (email),
    key status_created (status, created_at)
) engine = InnoDB default charset = utf8mb4 comment = 'who buys';

create table products (
    id bigint unsigned not null auto_increment,
    sku char(12) character set ascii not null,
    name varchar(200) not null,
    description text null,
    price decimal(10, 2) not null,
    weight_kg double null,
    rating float null,
    in_stock mediumint not null default 0,
    flags bit(8) not null default b'0',
    model_year year null,
    picked_from time null,
    thumbnail blob null,
    attributes json null,
    primary key (id),
    unique key sku (sku),
    key name_start (name(24))
) engine = InnoDB default charset = utf8mb4;

create table orders (
    id bigint unsigned not null auto_increment,
    customer_id int unsigned not null,
    placed_at datetime(6) not null,
    ship_on date null,
    state enum('open', 'paid', 'shipped', 'returned') not null default 'open',
    note text null,
    total decimal(14, 2) not null default 0.00,
    primary key (id),
    key customer (customer_id),
    key placed_at (placed_at),
    constraint orders_customer foreign key (customer_id) references customers (id)
) engine = InnoDB default charset = utf8mb4;

create table order_lines (
    order_id bigint unsigned not null,
    line_no tinyint unsigned not null,
    product_id bigint unsigned not null,
    quantity smallint unsigned not null,
    unit_price decimal(10, 2) not null,
    discount decimal(5, 4) not null default 0.0000,
    amount decimal(14, 2) generated always as (round(quantity * unit_price * (1 - discount), 2)) stored,
    primary key (order_id, line_no),
    key product (product_id),
    constraint order_lines_order foreign key (order_id) references orders (id),
    constraint order_lines_product foreign key (product_id) references products (id)
) engine = InnoDB default charset = utf8mb4;

create table payments (
    id binary(16) not null,
    order_id bigint unsigned not null,
    method enum('card', 'transfer', 'cash') not null,
    amount decimal(14, 2) not null,
    paid_at timestamp(3) not null,
    reference varchar(64) character set latin1 null,
    receipt varbinary(255) null,
    primary key (id),
    key order_id (order_id),
    constraint payments_order foreign key (order_id) references orders (id)
) engine = InnoDB default charset = utf8mb4;
