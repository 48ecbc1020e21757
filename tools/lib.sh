# shellcheck shell=bash
# Shared functions of ./demo, ./test, tools/* and bench/run. Sourced, never run.
#
# What it relies on: bash, coreutils, a Debian-like machine with Rust; tools/setup gets the rest.
# Everything that is got or made lies under one directory, DTS_CACHE; nothing is installed into /usr
# but Debian packages, and a test run never touches a PostgreSQL of the system: it has copies of its own.
#
# Environment:
#   DTS_CACHE         where servers and tools are kept (root: /var/cache/dts_ddl_capture, else ~/.cache/dts_ddl_capture)
#   DTS_USER          the unprivileged user that runs servers when the script is run by root (postgres, or dtstest is created)
#   PG_CONFIGS        pg_config programs of further PostgreSQL installations, separated by spaces
#   CARGO_TARGET_DIR  where Rust builds (./target)

umask 022
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ALL_MAJORS="13 14 15 16 17 18 19"
# the oldest minors of which a server can be had
# shellcheck disable=SC2034   # tools/setup and ./test use it
OLDEST_MINORS="13.6 14.3 15.0 16.1 17.0 18.0"
# Debian packages without which the extension cannot be compiled. (libicu-dev: headers of PostgreSQL include those of ICU.)
# shellcheck disable=SC2034   # tools/setup and ./test use it
BUILD_PACKAGES="gcc libc6-dev pkg-config libclang-dev libicu-dev"
IS_ROOT=; [ "$(id -u)" != 0 ] || IS_ROOT=1
if [ -n "$IS_ROOT" ]; then
  # not below /root: the unprivileged user must be able to reach the servers
  DTS_CACHE=${DTS_CACHE:-/var/cache/dts_ddl_capture}
  DTS_USER=${DTS_USER:-$(getent passwd postgres >/dev/null && echo postgres || echo dtstest)}
else
  DTS_CACHE=${DTS_CACHE:-$HOME/.cache/dts_ddl_capture}
  DTS_USER=$(id -un)
fi
export DTS_CACHE DTS_USER
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}

# pgrx_version: that of Cargo.toml, to the digit.
pgrx_version() { sed -n 's/^pgrx *= *"=\([0-9.]*\)".*/\1/p' "$ROOT/Cargo.toml"; }

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# mirror SUFFIX: prints the address of Debian's archive ("") or security archive ("-security") that this system uses.
mirror() {
  local uri
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E "/debian$1/?\$" | head -1) || true
  echo "${uri:-http://deb.debian.org/debian$1}"
}

# --- the PostgreSQL installations -------------------------------------------------------------------------------

# pg_config_of MAJOR: prints the path of the private copy's pg_config, or fails.
# DTS_WITH_SOURCE (tools/suites.sh): of the copy for which there is a source, where that is another.
# DTS_ONE_PG_CONFIG (proof/assertions): that one, whatever the major.
# (return 0, here and below: in a trap, which stops the servers of a program that failed, a bare return gives the status from before.)
pg_config_of() {
  local d c
  [ -z "${DTS_ONE_PG_CONFIG:-}" ] || { echo "$DTS_ONE_PG_CONFIG"; return 0; }
  for d in ${DTS_WITH_SOURCE:+"$DTS_CACHE/pg-source/$1"} "$DTS_CACHE/pg/$1"; do
    for c in "$d/usr/lib/postgresql/$1/bin/pg_config" "$d/bin/pg_config"; do [ ! -x "$c" ] || { echo "$c"; return 0; }; done
  done
  return 1
}

# bindir_of MAJOR: prints the directory of its server programs: of the private copy, of a server without headers that
# tools/setup --servers has got, or of one that PG_CONFIGS names (where it lies; for 9.4, 9.5 and 9.6 the only way).
bindir_of() {
  local c
  if c=$(pg_config_of "$1"); then "$c" --bindir; return 0; fi
  if [ -x "$DTS_CACHE/pg-only/$1/bin/postgres" ]; then echo "$DTS_CACHE/pg-only/$1/bin"; return 0; fi
  for c in ${PG_CONFIGS:-}; do
    case $("$c" --version 2>/dev/null) in "PostgreSQL $1"[.a-z]*) "$c" --bindir; return 0;; esac
  done
  return 1
}

# majors_available: the majors that tools/setup has made, in order, on one line.
majors_available() {
  local m out=""
  for m in $ALL_MAJORS; do pg_config_of "$m" >/dev/null && out="$out $m"; done
  echo "${out# }"
}

# --- Rust ---------------------------------------------------------------------------------------------------------

# use_toolchain: puts the wrappers that tools/setup has written in front, and pgrx's configuration in place.
# ~/.pgrx stays untouched: PGRX_HOME is ours.
use_toolchain() {
  [ -x "$DTS_CACHE/bin/cargo" ] && [ -x "$DTS_CACHE/bin/cargo-pgrx" ] || die "not set up: run tools/setup"
  export PATH="$DTS_CACHE/bin:$PATH" PGRX_HOME="${DTS_PGRX_HOME:-$DTS_CACHE/pgrx}"
  export CARGO="$DTS_CACHE/bin/cargo" CARGO_PGRX="$DTS_CACHE/bin/cargo-pgrx"
  # pgrx's test framework connects as $USER, which is not set everywhere (containers, cron)
  export USER="${USER:-$(id -un)}"
}

# quietly LOGFILE COMMAND..: output goes to the file; its end is shown when the command fails.
quietly() {
  local log=$1 rc=0; shift; mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || rc=$?
  [ $rc = 0 ] || { tail -40 "$log" >&2; say "failed: $* (all output: $log)"; }
  return $rc
}

# install_extension MAJOR: release build (DTS_PROFILE=dev: the one that cargo pgrx test makes, which is there already when
# ./test asks for it), installed into the private copy of that major.
install_extension() {
  local how=(--release); [ "${DTS_PROFILE:-release}" != dev ] || how=()
  use_toolchain
  (cd "$ROOT" && quietly "$CARGO_TARGET_DIR/logs/install-$1.log" \
    cargo pgrx install "${how[@]}" --no-default-features --features "pg$1" --pg-config "$(pg_config_of "$1")")
}

# --- throw-away clusters --------------------------------------------------------------------------------------------

CLUSTERS=()   # "MAJOR DIRECTORY" of those this process has started and not yet stopped

# as_server COMMAND..: as the unprivileged user when we are root.
# as_server_in DIRECTORY COMMAND..: the same, there. (Not where we are: that user might not be able to enter it.)
as_server() { as_server_in / "$@"; }
as_server_in() {
  (cd "$1" && shift && if [ -n "$IS_ROOT" ]; then runuser -u "$DTS_USER" -- "$@"; else "$@"; fi)
}

# scratch_dir: prints a new directory that belongs to the unprivileged user. /tmp, since the path of a
# Unix socket may have no more than 107 bytes.
scratch_dir() {
  local d; d=$(mktemp -d /tmp/dts.XXXXXX); chmod 755 "$d"
  [ -z "$IS_ROOT" ] || chown "$DTS_USER:" "$d"
  echo "$d"
}

# cluster_start MAJOR [CONFIGURATION LINES]: a new cluster in a directory of its own, reachable by a Unix socket only.
# Sets CLUSTER (the directory; server.log in it) and BIN, and exports PGHOST, PGPORT, PGUSER, PGDATABASE.
# Whatever happens, the process that called it stops and removes it when it ends.
cluster_start() {
  local major=$1; BIN=$(bindir_of "$major") || die "no PostgreSQL $major: run tools/setup"
  CLUSTER=$(scratch_dir); CLUSTERS+=("$major $CLUSTER")
  trap cluster_stop_all EXIT; trap 'exit 130' INT; trap 'exit 143' TERM HUP
  # shellcheck disable=SC2086   # options
  as_server env LC_ALL=C "$BIN/initdb" -D "$CLUSTER/data" -U postgres --no-locale -E UTF8 -A trust -N ${INITDB_OPTIONS:-} >"$CLUSTER/initdb.log" 2>&1 \
    || { cat "$CLUSTER/initdb.log" >&2; die "initdb of PostgreSQL $major failed"; }
  cat >>"$CLUSTER/data/postgresql.conf" <<C
listen_addresses = ''
unix_socket_directories = '$CLUSTER'
port = 5432
fsync = off
${2:-}
C
  # PGHOST: where connections that the server itself makes (dblink, postgres_fdw) find it
  as_server env LC_ALL=C PGHOST="$CLUSTER" "$BIN/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/server.log" -w start >/dev/null \
    || { tail -20 "$CLUSTER/server.log" >&2; die "PostgreSQL $major did not start"; }
  export PGHOST=$CLUSTER PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PGOPTIONS="" PGCONNECT_TIMEOUT=10
}

# cluster_stop MAJOR DIRECTORY: by the process id in the cluster's own pid file (that is what pg_ctl does).
cluster_stop() {
  local bin; bin=$(bindir_of "$1")
  [ ! -f "$2/data/postmaster.pid" ] || as_server "$bin/pg_ctl" -D "$2/data" -m fast -w stop >/dev/null 2>&1 \
    || as_server "$bin/pg_ctl" -D "$2/data" -m immediate -w stop >/dev/null 2>&1 || true
}

# cluster_stop_all: stops and removes every cluster of this process; with DTS_KEEP=1 the directories stay.
cluster_stop_all() {
  local c rc=$?
  for c in ${CLUSTERS[@]+"${CLUSTERS[@]}"}; do
    # shellcheck disable=SC2086
    cluster_stop $c
    if [ -n "${DTS_KEEP:-}" ]; then say "kept: ${c#* }"; else rm -rf "${c#* }"; fi
  done
  CLUSTERS=()
  return $rc
}

# client PROGRAM [options]: psql, pg_dump and the like of the cluster's own version; where that came without them, or is older
# than 10, of 15, which knows all older ones.
client() { local program=$1; shift; "$(client_path "$program")" "$@"; }
client_path() {
  case $("$BIN/$1" --version 2>/dev/null) in ''|*") 9."*) echo "$(bindir_of 15)/$1";; *) echo "$BIN/$1";; esac
}

# sql [psql options]: psql without anybody's .psqlrc, stopping at the first error.
sql() { client psql -X -q -v ON_ERROR_STOP=1 "$@"; }

# --- programs of proof/ and bench/ ---------------------------------------------------------------------------------------------

# proof_run MAJOR PROGRAM [ARGUMENTS]: builds the program and runs it as the unprivileged user, in a directory of its own
# that goes afterwards (DTS_KEEP=1: stays), against the private copy of that major. The extension has to be installed there.
proof_run() {
  local major=$1 program=$2 package=dts_proof dir rc=0; shift 2
  [ "$program" != bench ] || package=bench
  use_toolchain
  (cd "$ROOT" && quietly "$CARGO_TARGET_DIR/logs/proof-$program.log" cargo build --profile proof -p "$package" --bin "$program")
  dir=$(scratch_dir); cp "$CARGO_TARGET_DIR/proof/$program" "$dir/"
  as_server_in "$dir" env LC_ALL=C TMPDIR="$dir" DTS_PROOF_MAJOR="$major" \
    DTS_PROOF_BINDIR="$("$(pg_config_of "$major")" --bindir)" "$dir/$program" "$@" || rc=$?
  if [ -n "${DTS_KEEP:-}" ]; then say "kept: $dir"; else rm -rf "$dir"; fi
  return $rc
}

# migrate_environment MAJOR: for proof_run of the program `migrate`: the server to which it migrates, and dts-migrate, built
# here and copied to where the unprivileged user reaches it.
migrate_environment() {
  use_toolchain
  (cd "$ROOT" && quietly "$CARGO_TARGET_DIR/logs/dts-migrate.log" cargo build --profile proof -p dts_migrate)
  MIGRATE_DIR=$(scratch_dir); cp "$CARGO_TARGET_DIR/proof/dts-migrate" "$MIGRATE_DIR/"
  trap 'rm -rf "$MIGRATE_DIR"' EXIT
  DTS_TO_BINDIR=$(bindir_of "$1")
  export DTS_MIGRATE=$MIGRATE_DIR/dts-migrate DTS_TO_MAJOR=$1 DTS_TO_BINDIR
}
