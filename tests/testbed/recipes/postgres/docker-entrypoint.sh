#!/bin/sh
# The part of the official image's contract that compose files rely on. The first start creates
# POSTGRES_USER as superuser and POSTGRES_DB; each variable may be a file (POSTGRES_PASSWORD_FILE).
# As there, secrets are read as root, the server runs as postgres, and while the first start lasts
# the server answers on its socket but not over TCP.
set -eu

main() {
    case "${1:-}" in
        postgres) shift ;;
        -*) ;;
        *) exec "$@" ;;
    esac
    for name in POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB POSTGRES_INITDB_ARGS; do
        read_file "$name"
    done
    if [ "$(id -u)" = 0 ]; then
        mkdir -p "$PGDATA"
        chmod 700 "$PGDATA"
        find "$PGDATA" /run/postgresql ! -user postgres -exec chown postgres:postgres {} +
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" postgres "$@"
    fi
    [ -s "$PGDATA/PG_VERSION" ] || first_start
    exec postgres "$@"
}

read_file() {
    eval "file=\${$1_FILE:-}"
    [ -n "$file" ] || return 0
    export "$1=$(cat "$file")"
    unset "$1_FILE"
}

first_start() {
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
        echo "Database is uninitialized and superuser password is not specified: set POSTGRES_PASSWORD" >&2
        exit 1
    fi
    password=$(mktemp)
    printf '%s\n' "${POSTGRES_PASSWORD:-}" > "$password"
    # shellcheck disable=SC2086  # several arguments in one variable
    initdb --username="$user" ${POSTGRES_PASSWORD:+--pwfile="$password"} --auth-local=trust \
        ${POSTGRES_INITDB_ARGS:-} > /dev/null
    rm "$password"
    echo "host all all all $method" >> "$PGDATA/pg_hba.conf"
    # Its library is left out of the image, being larger than all the rest.
    echo "jit = off" >> "$PGDATA/postgresql.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    pg_ctl --wait --options="-c listen_addresses=''" start
    [ "$database" = postgres ] || createdb --username="$user" --maintenance-db=postgres "$database"
    run_scripts
    pg_ctl --wait --mode=fast stop > /dev/null
}

run_scripts() {
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
            *.sql) psql --set=ON_ERROR_STOP=1 --username="$user" --dbname="$database" --file="$script" ;;
            *.sh) . "$script" ;;
        esac
    done
}

main "$@"
