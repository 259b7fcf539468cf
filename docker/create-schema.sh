#!/bin/sh
# Makes Temporal's two databases and brings their schema to the server's version. Doing it again changes nothing.
set -eu
sql() {
  temporal-sql-tool --plugin postgres12 --endpoint postgres --port 5432 --user temporal --password "$POSTGRES_PASSWORD" --database "$@"
}
for database in temporal temporal_visibility; do
  sql "$database" create
  sql "$database" setup-schema -v 0.0
done
sql temporal update-schema --schema-name postgresql/v12/temporal
sql temporal_visibility update-schema --schema-name postgresql/v12/visibility
