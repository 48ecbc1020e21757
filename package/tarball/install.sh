#!/bin/sh
# install.sh [--remove] [PG_CONFIG]: puts the files that lie beside it where the PostgreSQL server of that pg_config (default: the
# first in PATH) looks for them, or removes them from there. The server need not be stopped. DESTDIR is put before these directories.
set -eu
remove=; if [ "${1:-}" = --remove ]; then remove=1; shift; fi
pg_config=${1:-pg_config}; here=$(cd "$(dirname "$0")" && pwd)
major=$("$pg_config" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
[ "$major" = @MAJOR@ ] || { echo "error: these files are for PostgreSQL @MAJOR@, and $pg_config is of $major" >&2; exit 1; }
lib=${DESTDIR:-}$("$pg_config" --pkglibdir) share=${DESTDIR:-}$("$pg_config" --sharedir)/extension
# what an older version has left; scripts only, the rest is replaced
rm -f "$share"/dts_ddl_capture--*.sql
if [ -n "$remove" ]; then rm -f "$lib/dts_ddl_capture.so" "$share/dts_ddl_capture.control"; echo "removed from $lib and $share"; exit; fi
mkdir -p "$lib" "$share"
# beside, then renamed: sessions that run the old library keep their file
put() { cp "$1" "$2/.$(basename "$1").new" && chmod "$3" "$2/.$(basename "$1").new" && mv "$2/.$(basename "$1").new" "$2/$(basename "$1")"; }
put "$here/lib/dts_ddl_capture.so" "$lib" 755
for file in "$here"/extension/*; do put "$file" "$share" 644; done
echo "installed into $lib and $share"
