#!/bin/sh
# Entrypoint of the locally made database images. It understands what the tests use of the public images: the
# variables MYSQL_ROOT_PASSWORD, MARIADB_ROOT_PASSWORD and POSTGRES_PASSWORD, and options for the server as the
# command. Users are made without a temporary server: by --init-file (MySQL, MariaDB), by initdb (PostgreSQL).
set -eu

quoted() {
    printf "'%s'" "$(printf '%s' "$1" | sed "s/'/''/g")"
}

start_mysql() {
    server=$1
    password=$2
    shift 2
    data=/var/lib/mysql
    if [ -z "$password" ]; then
        echo "a root password is needed: MYSQL_ROOT_PASSWORD or MARIADB_ROOT_PASSWORD" >&2
        exit 1
    fi
    mkdir -p "$data" /run/mysqld
    if [ ! -d "$data/mysql" ]; then
        cp -a /usr/lib/db-template/. "$data/"
    fi
    cat > "$data/init.sql" <<SQL
set session sql_log_bin = 0;
create user if not exists 'root'@'%' identified by $(quoted "$password");
grant all on *.* to 'root'@'%' with grant option;
alter user 'root'@'localhost' identified by $(quoted "$password");
SQL
    chown -R mysql:mysql "$data" /run/mysqld
    exec "$server" --no-defaults --user=mysql --datadir="$data" --init-file="$data/init.sql" \
        --socket=/run/mysqld/mysqld.sock --pid-file=/run/mysqld/mysqld.pid --bind-address=0.0.0.0 "$@"
}

start_postgres() {
    bin=$(echo /usr/lib/postgresql/*/bin)
    data=/var/lib/postgresql/data
    # Runs a program as the user postgres, in this process.
    as_postgres="start-stop-daemon -S -q -c postgres:postgres -x /usr/bin/env --"
    mkdir -p "$data" /run/postgresql
    chown postgres:postgres "$data" /run/postgresql
    if [ ! -s "$data/PG_VERSION" ]; then
        if [ -z "${POSTGRES_PASSWORD:-}" ]; then
            echo "a password is needed: POSTGRES_PASSWORD" >&2
            exit 1
        fi
        printf '%s\n' "$POSTGRES_PASSWORD" > /run/postgresql/password
        chown postgres /run/postgresql/password
        $as_postgres "$bin/initdb" -D "$data" -U postgres --pwfile=/run/postgresql/password -A scram-sha-256 \
            -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions
        rm /run/postgresql/password
        echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
    fi
    exec $as_postgres "$bin/postgres" -D "$data" -c listen_addresses='*' "$@"
}

case $(cat /etc/db-engine) in
mysql) start_mysql /usr/sbin/mysqld "${MYSQL_ROOT_PASSWORD:-}" "$@" ;;
mariadb) start_mysql /usr/sbin/mariadbd "${MARIADB_ROOT_PASSWORD:-}" "$@" ;;
postgres) start_postgres "$@" ;;
esac
