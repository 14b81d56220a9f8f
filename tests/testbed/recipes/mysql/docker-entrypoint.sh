#!/bin/sh
# The part of the official images' contract that compose files rely on. The first start creates
# root, MYSQL_DATABASE and MYSQL_USER; each variable may be a file (MYSQL_PASSWORD_FILE) and may be
# called MARIADB_*. As there, secrets are read as root, the server runs as mysql, and while the
# first start lasts the server answers on its socket but not over TCP.
set -eu

names="ROOT_PASSWORD ROOT_HOST ALLOW_EMPTY_ROOT_PASSWORD ALLOW_EMPTY_PASSWORD DATABASE USER PASSWORD"
data=/var/lib/mysql

main() {
    case "${1:-}" in
        mysqld | mariadbd) shift ;;
        -*) ;;
        *) exec "$@" ;;
    esac
    read_files
    if [ "$(id -u)" = 0 ]; then
        find "$data" /run/mysqld ! -user mysql -exec chown mysql:mysql {} +
        exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" mysqld "$@"
    fi
    [ -d "$data/mysql" ] || first_start
    exec "$(server)" "$@"
}

server() { command -v mariadbd || command -v mysqld; }

client() { "$(command -v mariadb || command -v mysql)" --user=root "$@"; }

read_files() {
    for prefix in MYSQL MARIADB; do
        for name in $names; do
            eval "file=\${${prefix}_${name}_FILE:-}"
            [ -n "$file" ] || continue
            export "${prefix}_${name}=$(cat "$file")"
            unset "${prefix}_${name}_FILE"
        done
    done
}

setting() { eval "printf '%s' \"\${MARIADB_$1:-\${MYSQL_$1:-}}\""; }

quoted() { setting "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g"; }

first_start() {
    if [ -z "$(setting ROOT_PASSWORD)$(setting ALLOW_EMPTY_PASSWORD)$(setting ALLOW_EMPTY_ROOT_PASSWORD)" ]; then
        echo "Database is uninitialized and password option is not specified: set MYSQL_ROOT_PASSWORD" >&2
        exit 1
    fi
    if command -v mariadb-install-db > /dev/null; then
        mariadb-install-db --auth-root-authentication-method=normal --skip-test-db > /dev/null
    else
        mysqld --initialize-insecure
    fi
    "$(server)" --skip-networking &
    temporary=$!
    until client --execute "SELECT 1" > /dev/null 2>&1; do
        kill -0 "$temporary"
        sleep 0.1
    done
    create_accounts | client
    run_scripts
    kill "$temporary"
    wait "$temporary" || true
}

say() { printf '%s\n' "$1"; }

create_accounts() {
    root="'root'@'$(setting ROOT_HOST | grep . || echo %)'"
    say "CREATE USER $root IDENTIFIED BY '$(quoted ROOT_PASSWORD)';"
    say "GRANT ALL ON *.* TO $root WITH GRANT OPTION;"
    database=$(setting DATABASE | sed 's/`/``/g')
    [ -z "$database" ] || say "CREATE DATABASE \`$database\`;"
    [ -n "$(setting USER)" ] || return 0
    account="'$(quoted USER)'@'%'"
    say "CREATE USER $account IDENTIFIED BY '$(quoted PASSWORD)';"
    [ -z "$database" ] || say "GRANT ALL ON \`$database\`.* TO $account;"
}

run_scripts() {
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
            *.sql) client --database "$(setting DATABASE)" < "$script" ;;
            *.sh) . "$script" ;;
        esac
    done
    say "ALTER USER 'root'@'localhost' IDENTIFIED BY '$(quoted ROOT_PASSWORD)';" | client
}

main "$@"
