#!/bin/sh
# Nginx with the names of ALLOWED_HOSTS: separated by commas, without ports, an IPv6 address in brackets; * allows all.
set -euf
names=$(printf '%s' "$ALLOWED_HOSTS" | tr ', ' '\n\n' | sort -u)
: >/run/hosts.map
for name in $names; do
    case $name in
        '*') echo '"~.*" 0;' >>/run/hosts.map ;;
        *) printf '"%s" 0;\n' "$name" >>/run/hosts.map ;;
    esac
done
exec nginx -c /nginx.conf -g 'daemon off;'
