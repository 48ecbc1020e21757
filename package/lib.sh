# shellcheck shell=bash disable=SC2034   # what others use
# Shared by package/build and package/check: names, version and time of what is packaged. Sourced, never run.
#
# The one place of the version is Cargo.toml. Everything here derives from it, pgrx writes it into the control file, and
# META.json, which PGXN wants to find in the sources, is compared with it before anything is built.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

DIST=${DTS_DIST:-$ROOT/dist}   # where packages go

# version_of TREE: the version in its Cargo.toml.
version_of() { sed -n 's/^version = "\(.*\)"/\1/p' "$1/Cargo.toml" | head -1; }

# time_of TREE [COMMIT]: what all files of a package are dated: the last commit, or without git the newest file's time.
time_of() {
  git -C "$1" log -1 --format=%ct "${2:-HEAD}" 2>/dev/null || find "$1" -maxdepth 2 -type f -not -path '*/target/*' -printf '%Ts\n' | sort -n | tail -1
}

# released: the versions that users may have installed, one a line, with their commits: what an upgrade starts from.
released() { grep -v '^#' "$ROOT/package/released"; }

deb_name() { echo "postgresql-$1-dts-ddl-capture"; }
deb_file() { echo "$(deb_name "$1")_$2-1_$(dpkg --print-architecture).deb"; }   # MAJOR VERSION
tar_name() { echo "dts_ddl_capture-$2-pg$1-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)"; }
migrate_deb() { echo "dts-migrate_$1-1_$(dpkg --print-architecture).deb"; }   # VERSION
migrate_tar() { echo "dts-migrate-$1-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)"; }

# check_versions: everything that names the version names that of Cargo.toml. (package/check reads META.json with PGXN's validator.)
check_versions() {
  local version; version=$(version_of "$ROOT")
  [ "$(sed -n 's/^ *"version": *"\(.*\)".*/\1/p' "$ROOT/META.json" | paste -sd' ')" = "$version $version 1.0.0" ] \
    || die "META.json must name version $version of Cargo.toml, for itself and for what it provides"
  grep -qx 'version.workspace = true' "$ROOT/migrate/Cargo.toml" || die "migrate/Cargo.toml must have the version of Cargo.toml: version.workspace = true"
  [ -f "$ROOT/sql/dts_ddl_capture--$version.sql" ] || compgen -G "$ROOT/sql/dts_ddl_capture--*--$version.sql" >/dev/null \
    || die "no script in sql/ makes version $version of Cargo.toml"
  [ "$(sed -n 's/^## \([0-9][^ ]*\) .*/\1/p' "$ROOT/CHANGELOG.md" | head -1)" = "$version" ] || die "CHANGELOG.md must begin with version $version of Cargo.toml"
  grep -q "dts_ddl_portable.own SET version = '$version'" "$ROOT/sql/portable/install.sql" \
    || die "sql/portable/install.sql must name version $version of Cargo.toml"
  grep -q "dts_ddl_apply.own SET version = '$version'" "$ROOT/sql/portable/apply.sql" \
    || die "sql/portable/apply.sql must name version $version of Cargo.toml"
}
