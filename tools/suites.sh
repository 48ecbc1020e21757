# shellcheck shell=bash
# PostgreSQL's own suites (core, isolation, contrib) on a throw-away cluster, and how the results of two runs differ.
# Sourced by tools/regress-suite, proof/invisible, proof/fidelity and proof/assertions, after tools/lib.sh; never run.
#
# What it relies on: suites_setup has been called for the major; pg_regress and pg_isolation_regress came with the
# server's headers; the contrib modules that can be tested are those that the server came with.
# Each suite runs in a directory $CLUSTER/run/SUITE (core, isolation, contrib/NAME, contrib/NAME/isolation) with results/
# and the output of pg_regress in regress.log.

EXPECTED=$ROOT/tools/regress-expected-differences.txt
# Settings that leave users' tables and messages alone, and keep every row.
# shellcheck disable=SC2034
QUIET_CAPTURE="dts_ddl_capture.replica_identity = off
dts_ddl_capture.max_rows = 0
dts_ddl_capture.warn_on_rewrite = off"

# suites_setup "MAJOR .." [--whole-source]: gets servers and sources. From here on these servers are used, which may be of another
# minor than those of other tests; the extension is built for them aside. Ends the program, with status 77, when there are none.
suites_setup() {
  local m
  "$ROOT/tools/setup" --only "$1" "${2:---source}"
  for m in $1; do
    [ -d "$DTS_CACHE/pg-source/$m" ] && [ -z "${DTS_WITH_SOURCE:-}" ] || continue
    export DTS_WITH_SOURCE=1 CARGO_TARGET_DIR=$CARGO_TARGET_DIR/with-source
  done
}

# suites_use MAJOR [PG_CONFIG]: which PostgreSQL and which source
suites_use() {
  SUITE_MAJOR=$1 PGC=${2:-$(pg_config_of "$1")}; SUITE_SOURCE=$DTS_CACHE/src/$1
  LIB=$("$PGC" --pkglibdir); SUITE_TOOLS=$(dirname "$("$PGC" --pgxs)")/../test
  [ -x "$SUITE_TOOLS/regress/pg_regress" ] || die "PostgreSQL $1 came without pg_regress"
}

# suite_cluster LIBRARIES [CONFIGURATION LINES]: a cluster that preloads these libraries
suite_cluster() {
  SUITE_LIBRARIES=$1
  cluster_start "$SUITE_MAJOR" "max_connections = 60
max_prepared_transactions = 5
shared_preload_libraries = '$1'
${2:-}
include_if_exists 'suite.conf'"
  mkdir -p "$CLUSTER/run"
}

# suite_configure [FILE [LIBRARIES]]: the server again, with the configuration that a suite asks for, or without any.
# What the suite preloads goes together with the LIBRARIES of the cluster, whose place is '%' in LIBRARIES ("%" alone: after).
suite_configure() {
  local own="" libs
  : >"$CLUSTER/data/suite.conf"
  if [ -n "${1:-}" ]; then
    cat "$1" >"$CLUSTER/data/suite.conf"
    own=$(sed -n "s/^shared_preload_libraries *= *'\(.*\)'.*/\1/p" "$1")
  fi
  libs=$own,$SUITE_LIBRARIES; [ "${2:-}" != before ] || libs=$SUITE_LIBRARIES,$own
  libs=${libs#,}; libs=${libs%,}
  echo "shared_preload_libraries = '$libs'" >>"$CLUSTER/data/suite.conf"
  as_server env LC_ALL=C PGHOST="$CLUSTER" "$BIN/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/server.log" -m fast -w restart >/dev/null \
    || { tail -20 "$CLUSTER/server.log" >&2; die "PostgreSQL $SUITE_MAJOR did not start again"; }
}

# suite_run NAME SOURCE-DIRECTORY PROGRAM [OPTIONS and TESTS]: one suite. Prints its result.
suite_run() {
  local name=$1 in=$CLUSTER/run/$1 source=$2 program=$3 rc=0; shift 3
  mkdir -p "$in"; cp -r "$source/." "$in/"; mkdir -p "$in/results" "$in/testtablespace"
  [ -z "$IS_ROOT" ] || chown -R "$DTS_USER:" "$CLUSTER/run"
  as_server_in "$in" env -i PATH="$BIN:/usr/bin:/bin" LC_ALL=C PGTZ=PST8PDT PGDATESTYLE='Postgres, MDY' PGUSER=postgres \
    "$program" --inputdir="$in" --outputdir="$in" --dlpath="$CLUSTER/run" --bindir="$BIN" --host="$CLUSTER" --port=5432 --user=postgres \
    "$@" >"$in/regress.log" 2>&1 || rc=$?
  grep -aE '^( *All [0-9]+ tests|# All [0-9]+ tests| *[0-9]+ of [0-9]+ tests|# [0-9]+ of [0-9]+ tests)' "$in/regress.log" \
    | sed "s#^[# ]*#  $name: #" >&2 || { tail -20 "$in/regress.log" >&2; die "the suite $name did not run (exit $rc)"; }
}

# regress_library: regress.so of the core suite; nothing else of the tree has to be built
regress_library() {
  local dir=$SUITE_SOURCE/src/test/regress
  gcc -O2 -fPIC -shared -I"$("$PGC" --includedir-server)" -I"$dir" -o "$CLUSTER/run/regress.so" "$dir/regress.c"
  cp "$LIB/autoinc.so" "$LIB/refint.so" "$CLUSTER/run/" 2>/dev/null || true
}

suite_core() { # [pg_regress options]
  regress_library
  suite_run core "$SUITE_SOURCE/src/test/regress" "$SUITE_TOOLS/regress/pg_regress" --max-concurrent-tests=20 \
    --schedule="$SUITE_SOURCE/src/test/regress/parallel_schedule" "$@"
}

suite_isolation() { # [pg_regress options]
  suite_run isolation "$SUITE_SOURCE/src/test/isolation" "$SUITE_TOOLS/isolation/pg_isolation_regress" \
    --schedule="$SUITE_SOURCE/src/test/isolation/isolation_schedule" "$@"
}

# contrib_variable NAME VARIABLE: what the module's Makefile says
contrib_variable() {
  make -s --no-print-directory -C "$SUITE_SOURCE/contrib/$1" USE_PGXS=1 PG_CONFIG="$PGC" -f Makefile -f <(echo "tell: ; @echo \$($2)") tell 2>/dev/null
}

# contrib_modules: the names of those that have tests and that this server came with. (sepgsql needs SELinux.)
contrib_modules() {
  local dir m file share; share=$("$PGC" --sharedir)/extension
  for dir in "$SUITE_SOURCE"/contrib/*/Makefile; do
    m=$(basename "$(dirname "$dir")")
    grep -qE '^(REGRESS|ISOLATION) *\+?=' "$dir" && [ "$m" != sepgsql ] || continue
    file=$(contrib_variable "$m" EXTENSION); file=${file%% *}
    if [ -n "$file" ]; then [ -e "$share/$file.control" ] || continue
    else
      file=$(contrib_variable "$m" "MODULES) \$(MODULE_big"); file=${file%% *}
      [ -z "$file" ] || [ -e "$LIB/${file%.so}.so" ] || continue
    fi
    echo "$m"
  done
}

# suite_contrib NAME before|after [pg_regress options]: the tests of one module; whether what the cluster preloads comes
# before or after what the module preloads
suite_contrib() {
  local m=$1 order=$2 kind options tests conf own; shift 2
  [ -e "$CLUSTER/run/regress.so" ] || regress_library
  for kind in REGRESS ISOLATION; do
    tests=$(contrib_variable "$m" $kind); [ -n "$tests" ] || continue
    options=$(contrib_variable "$m" "${kind}_OPTS")
    own=$(grep -oE -e '--load-extension=[a-z_]+' <<<"$options" || true)
    conf=$(sed -nE 's#.*--temp-config[ =]([^ ]*/)?([^ /]+).*#\2#p' <<<"$options")
    [ -z "$conf" ] || suite_configure "$SUITE_SOURCE/contrib/$m/$conf" "$order"
    # shellcheck disable=SC2086   # lists
    if [ $kind = REGRESS ]; then
      suite_run "contrib/$m" "$SUITE_SOURCE/contrib/$m" "$SUITE_TOOLS/regress/pg_regress" --dbname=contrib_regression $own "$@" $tests
    else
      suite_run "contrib/$m/isolation" "$SUITE_SOURCE/contrib/$m" "$SUITE_TOOLS/isolation/pg_isolation_regress" \
        --dbname=isolation_regression $own "$@" $tests
    fi
    [ -z "$conf" ] || suite_configure
  done
}

# --- what came of it ----------------------------------------------------------------------------------------------------

# failed DIRECTORY: the names of the tests that failed there, by either of pg_regress's output formats
failed() {
  sed -nE -e 's/^not ok +[0-9]+ +[-+]? *([A-Za-z0-9_-]+) .*/\1/p' -e 's/^(test|    ) +([A-Za-z0-9_-]+) +\.\.\. +FAILED.*/\2/p' "$1/regress.log" | sort -u
}

# normal FILE: the width of psql's columns does not count, or one longer name would change a whole table
normal() { [ ! -e "$1" ] || sed -E -e 's/-{3,}/---/g' -e 's/ +/ /g' -e 's/ $//' "$1"; }

# suite_compare NAME DIRECTORY-A DIRECTORY-B: the tests that do not say the same in both, where one of the two failed (some
# tests have several right outputs). All differences must be expected ones (STRICT: there must be none). Prints them; adds
# their number to DIFFERING; UNEXPECTED becomes 1 when one is not expected.
# shellcheck disable=SC2034
suite_compare() {
  local name=$1 a=$2 b=$3 t tmp; tmp=$(scratch_dir)
  for t in $({ failed "$a"; failed "$b"; } | sort -u); do
    { diff -a <(normal "$a/results/$t.out") <(normal "$b/results/$t.out") || true; } | grep -a '^[<>]' >"$tmp/diff" || continue
    DIFFERING=$((DIFFERING + 1))
    # what remains of the difference when all that is expected is taken away
    if [ -n "${STRICT:-}" ]; then : >"$tmp/allowed"; else awk -F'\t' -v t="$name/$t" '!/^#/ && match(t, "^(" $1 ")$") { print $2 }' "$EXPECTED" >"$tmp/allowed"; fi
    if grep -avxE -f "$tmp/allowed" "$tmp/diff" >"$tmp/unexpected"; then
      echo "differs: $name/$t"; head -40 "$tmp/unexpected" | sed 's/^/    /'; UNEXPECTED=1
    else echo "differs as expected: $name/$t ($(awk -F'\t' -v t="$name/$t" '!/^#/ && match(t, "^(" $1 ")$") { print $3; exit }' "$EXPECTED"))"; fi
  done
  rm -rf "$tmp"
}

# crashed LOG: prints what the server's log says of crashes; true when it says something
crashed() { grep -aE 'was terminated by (signal|exception)|^[^:]*PANIC:|TRAP: ' "$1" | head -5 | grep -a ''; }
