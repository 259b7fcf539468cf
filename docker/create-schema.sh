#!/bin/sh
# Makes Temporal's two databases and brings their schema to the server's version. Doing it again changes nothing.
# POSTGRES_HOST, POSTGRES_PORT and TEMPORAL_SQL_TOOL are for a database and a tool that are elsewhere than in docker-compose.yml.
set -eu
sql() {
  "${TEMPORAL_SQL_TOOL:-temporal-sql-tool}" --plugin postgres12 --endpoint "${POSTGRES_HOST:-postgres}" \
    --port "${POSTGRES_PORT:-5432}" --user temporal --password "$POSTGRES_PASSWORD" --database "$@"
}
for database in temporal temporal_visibility; do
  sql "$database" create
  sql "$database" setup-schema -v 0.0
done
sql temporal update-schema --schema-name postgresql/v12/temporal
sql temporal_visibility update-schema --schema-name postgresql/v12/visibility
