#!/bin/sh
# The official MariaDB image's health check, as far as it asks whether TCP connections are taken.
exec mariadb-admin --protocol=tcp --host=127.0.0.1 --connect-timeout=2 ping
