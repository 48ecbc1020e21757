//! What the source has: what stops a target (docs/stock-limits.md), what stays behind, what waits.

use super::report::{Finding, counted, some};
use super::{Found, Look, OF_USERS, names};
use crate::output::{duration as time, size as bytes};

/// A slot is made only when all that run when it is begun have ended, in all databases of the server.
pub fn transactions(look: &mut Look) -> Found {
    let session = &mut look.source;
    let mut found = Vec::new();
    let prepared = session.rows(
        "SELECT format('%s (%s)', quote_literal(gid), database), extract(epoch FROM clock_timestamp() - prepared)::bigint
         FROM pg_prepared_xacts ORDER BY prepared",
    )?;
    if let Some(oldest) = prepared.first() {
        let text = format!(
            "source: {}: {}; start waits for them, the oldest is {} old",
            counted(
                prepared.len(),
                "prepared transaction",
                "prepared transactions"
            ),
            some(&names(&prepared)),
            time(oldest.number(1))
        );
        let remedy = "COMMIT PREPARED or ROLLBACK PREPARED";
        found.push(if oldest.number::<f64>(1) > 60.0 {
            Finding::must("transactions", text, remedy)
        } else {
            Finding::decide("transactions", text, remedy)
        });
    }
    let long = session.rows(
        "SELECT format('process %s of %s in %s (%s)', pid, usename, datname, state),
                extract(epoch FROM clock_timestamp() - xact_start)::bigint, pid
         FROM pg_stat_activity
         WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '10 s'
         ORDER BY xact_start",
    )?;
    if let Some(oldest) = long.first() {
        found.push(Finding::decide(
            "transactions",
            format!(
                "source: start waits for {}, the oldest open since {}: {}",
                counted(long.len(), "transaction", "transactions"),
                time(oldest.number(1)),
                some(&names(&long))
            ),
            format!(
                "let it end, or SELECT pg_terminate_backend({})",
                oldest.text(2)
            ),
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok("transactions", "source: none is open for long"));
    }
    Ok(found)
}

/// Tables `c` that have nothing by which a row is known: neither a key that counts nor an index that was chosen.
const WITHOUT_IDENTITY: &str = "c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND (
    c.relreplident = 'n'
    OR c.relreplident = 'd' AND NOT EXISTS (
      SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate)
    OR c.relreplident = 'i' AND NOT EXISTS (
      SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid AND i.indimmediate))";

pub fn keys(look: &mut Look) -> Found {
    let session = &mut look.source;
    let mut found = Vec::new();
    let generated = names(&session.rows(&format!(
        "SELECT DISTINCT format('%I.%I', n.nspname, c.relname) FROM pg_class c, pg_namespace n, pg_index i, pg_attribute a
         WHERE {OF_USERS} AND c.relkind IN ('r', 'p') AND i.indrelid = c.oid AND a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
           AND a.attgenerated <> ''
           AND (c.relreplident IN ('d', 'f') AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident)
         ORDER BY 1"
    ))?);
    if !generated.is_empty() {
        found.push(Finding::must(
            "keys",
            format!(
                "a generated column is in the key of {}: UPDATE and DELETE of them stop the target",
                some(&generated)
            ),
            format!(
                "ALTER TABLE {} REPLICA IDENTITY USING INDEX (a unique one of other columns)",
                generated[0]
            ),
        ));
    }
    let without = names(&session.rows(&format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c, pg_namespace n
         WHERE {OF_USERS} AND {WITHOUT_IDENTITY} ORDER BY 1"
    ))?);
    // as the server looks for the operator: by the type's default class of operators, of elements, parts and base types as well
    let unequal = names(&session.rows(&format!(
        "WITH RECURSIVE tab AS (
           SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c, pg_namespace n
            WHERE {OF_USERS} AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
              AND (c.relreplident = 'f' OR {WITHOUT_IDENTITY})
              AND NOT EXISTS (
                SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate)
         ), used AS (
           SELECT t.name, a.attname, a.atttypid AS top, a.atttypid AS type FROM tab t JOIN pg_attribute a ON a.attrelid = t.oid
            WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
           UNION
           SELECT u.name, u.attname, u.top, p.part FROM used u JOIN pg_type y ON y.oid = u.type
            CROSS JOIN LATERAL (
              SELECT y.typbasetype AS part WHERE y.typtype = 'd'
              UNION ALL SELECT y.typelem WHERE y.typtype = 'b' AND y.typcategory = 'A'
              UNION ALL SELECT a.atttypid FROM pg_attribute a
               WHERE y.typtype = 'c' AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped) p
         )
         SELECT DISTINCT format('%s (%I)', u.name, u.attname) FROM used u JOIN pg_type y ON y.oid = u.type
          WHERE y.typtype = 'b' AND y.typcategory <> 'A' AND NOT EXISTS (
            SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
             WHERE m.amname IN ('btree', 'hash') AND o.opcdefault AND (o.opcintype = y.oid OR EXISTS (
               SELECT FROM pg_cast k
                WHERE k.castsource = y.oid AND k.casttarget = o.opcintype AND k.castmethod = 'b' AND k.castcontext = 'i')))
          ORDER BY 1"
    ))?);
    if !unequal.is_empty() {
        found.push(Finding::decide(
            "keys",
            format!("no key, and a type without equality: {}: an UPDATE or DELETE of them stops the target", some(&unequal)),
            "ALTER TABLE .. ADD PRIMARY KEY (..), or jsonb instead of json",
        ));
    }
    if !without.is_empty() {
        found.push(Finding::decide(
            "keys",
            format!(
                "{} no usable key: start sets REPLICA IDENTITY FULL (more WAL for UPDATE and DELETE), finish takes it back: {}",
                counted(without.len(), "table has", "tables have"),
                some(&without)
            ),
            format!("to do without: ALTER TABLE {} ADD PRIMARY KEY (..) (one that is DEFERRABLE is none)", without[0]),
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok("keys", "all tables have a key or an identity"));
    }
    Ok(found)
}

pub fn triggers(look: &mut Look) -> Found {
    let always = names(&look.source.rows(&format!(
        "SELECT format('%I on %I.%I', t.tgname, n.nspname, c.relname) FROM pg_trigger t, pg_class c, pg_namespace n
         WHERE {OF_USERS} AND t.tgrelid = c.oid AND t.tgenabled IN ('A', 'R') AND NOT t.tgisinternal ORDER BY 1"
    ))?);
    Ok(vec![if always.is_empty() {
        Finding::ok("triggers", "none fires on the target")
    } else {
        Finding::decide(
            "triggers",
            format!(
                "{} on the target as well (ENABLE ALWAYS, REPLICA): {}",
                counted(always.len(), "fires", "fire"),
                some(&always)
            ),
            "ALTER TABLE .. ENABLE TRIGGER until the switch, if what it writes would come twice",
        )
    }])
}

pub fn rows_that_stay(look: &mut Look) -> Found {
    let session = &mut look.source;
    let mut relations = |condition: &str| {
        session
            .rows(&format!(
                "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c, pg_namespace n
                 WHERE {OF_USERS} AND {condition} ORDER BY 1"
            ))
            .map(|rows| names(&rows))
    };
    let unlogged = relations("c.relkind = 'r' AND c.relpersistence = 'u'")?;
    let foreign = relations("c.relkind = 'f'")?;
    let mut found = Vec::new();
    if !unlogged.is_empty() {
        found.push(Finding::decide(
            "unlogged",
            format!(
                "{} no rows on the target: {}",
                counted(unlogged.len(), "unlogged table has", "unlogged tables have"),
                some(&unlogged)
            ),
            "ALTER TABLE .. SET LOGGED where they matter, or copy them at the switch",
        ));
    }
    if !foreign.is_empty() {
        found.push(Finding::decide(
            "foreign tables",
            format!("{} where the rows are: {}",
                counted(foreign.len(), "foreign table stays", "foreign tables stay"),
                some(&foreign)),
            "see that the target reaches their servers; passwords of user mappings are set there by hand",
        ));
    }
    let objects: u64 = session.rows("SELECT count(*) FROM pg_largeobject_metadata")?[0].number(0);
    if objects > 0 {
        let size: u64 = session.rows("SELECT pg_relation_size('pg_largeobject')")?[0].number(0);
        found.push(Finding::decide(
            "large objects",
            format!(
                "{} not in the stream ({}): what is written after start is missing",
                counted(
                    usize::try_from(objects).unwrap_or(usize::MAX),
                    "large object is",
                    "large objects are"
                ),
                bytes(size)
            ),
            "dts-migrate switch copies them if asked; while it does, nobody writes",
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok(
            "rows",
            "no unlogged or foreign tables, no large objects",
        ));
    }
    Ok(found)
}

/// What the source has to do with others.
pub fn replication(look: &mut Look) -> Found {
    let session = &mut look.source;
    let mut found = Vec::new();
    let subscriptions = names(&session.rows(
        "SELECT s.subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
         WHERE d.datname = current_database() ORDER BY 1",
    )?);
    if !subscriptions.is_empty() {
        found.push(Finding::decide(
            "replication",
            format!(
                "the source itself subscribes ({}): at the switch that has to be moved",
                some(&subscriptions)
            ),
            "make the same subscription on the target after the switch, from the same position",
        ));
    }
    let publications = names(&session.rows(
        "SELECT pubname || CASE WHEN puballtables THEN ' (all tables)' ELSE '' END FROM pg_publication ORDER BY 1",
    )?);
    if !publications.is_empty() {
        found.push(Finding::decide(
            "replication",
            format!(
                "publications and their consumers do not travel: {}",
                some(&publications)
            ),
            "make them on the target after the switch, and new copies for their consumers",
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok(
            "replication",
            "the source has no publications nor subscriptions",
        ));
    }
    Ok(found)
}

pub fn event_triggers(look: &mut Look) -> Found {
    let others = names(&look.source.rows(
        "SELECT e.evtname FROM pg_event_trigger e WHERE e.evtname !~ '^dts_intercept_' AND NOT EXISTS (
           SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
         ORDER BY 1",
    )?);
    Ok(vec![if others.is_empty() {
        Finding::ok("event triggers", "none of others")
    } else {
        Finding::decide(
            "event triggers",
            format!(
                "come with the schema, and fire for what is applied: {}",
                some(&others)
            ),
            "ALTER EVENT TRIGGER .. DISABLE on the target until the switch, if that does harm",
        )
    }])
}

/// What this program does by itself, later.
pub fn later(look: &mut Look) -> Found {
    let rows = look.source.rows(&format!(
        "SELECT count(*) FILTER (WHERE c.relkind = 'S'), count(*) FILTER (WHERE c.relkind = 'm')
         FROM pg_class c, pg_namespace n WHERE {OF_USERS}"
    ))?;
    Ok(vec![
        Finding::ok(
            "sequences",
            format!("{}: switch sets them", rows[0].text(0)),
        ),
        Finding::ok(
            "materialized",
            format!("views: {}: start refreshes them", rows[0].text(1)),
        ),
    ])
}
