# make, make install, make uninstall: for PGXN's client, and whoever is used to them. package/from_source does the work.
PG_CONFIG ?= pg_config

all:
	package/from_source build $(PG_CONFIG)

install:
	package/from_source install $(PG_CONFIG)

uninstall:
	package/from_source remove $(PG_CONFIG)

.PHONY: all install uninstall
