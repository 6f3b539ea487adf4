#!/bin/sh
# In PostgreSQL's container: the databases of MLflow and Prefect, each with a user of its own and its present password.
set -eu
for name in mlflow prefect; do
    secret=${SECRETS_DIR:-/run/secrets}/POSTGRES_PASSWORD_$(printf %s "$name" | tr a-z A-Z)
    # By standard input, for command lines can be read; the passwords are hexadecimal (containers/secrets.sh).
    psql --quiet --no-psqlrc --username postgres --set ON_ERROR_STOP=1 <<END_OF_SQL
SELECT 'CREATE ROLE $name' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$name') \gexec
ALTER ROLE $name LOGIN PASSWORD '$(cat "$secret")';
SELECT 'CREATE DATABASE $name OWNER $name' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$name') \gexec
REVOKE ALL ON DATABASE $name FROM PUBLIC;
END_OF_SQL
done
