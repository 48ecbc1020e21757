//! The schema of one moment, of which the id of the last DDL command is known, and the tables as they were then.
//!
//! pg_dump reads some of the catalogs as they are, not as they were at its snapshot (ruleutils.c), so that DDL in between would give
//! a dump of no moment at all. It is tried without a lock first, and thrown away when DDL has committed meanwhile; then DDL
//! waits for as long as the dump of the schema takes.
//!
//! The dump is loaded by pg_restore itself. Its text is never cut into commands: names and texts of users are in it.

use super::constraints::CHECK;
use super::{Edition, Work, capture, constraints};
use crate::connection::{Row, Server, Session, Side, literal};
use crate::pair::OWN_SCHEMAS;
use crate::problem::{Problem, words};
use crate::record::qualified;
use crate::schema::dump::without_version;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How often pg_dump is tried while DDL goes on.
const TRIES: u32 = 3;
/// After so many an error that might pass is one that does not.
const LAST_TRY: u32 = 20;
/// Of the archive, for each row of the record.
const PART: usize = 1 << 20;

/// What no migration may find on its target.
pub fn require_empty(target: &Server) -> Result<(), Problem> {
    let mut there = target.connect()?;
    let found = there.ask(&format!(
        "SELECT what FROM (
           SELECT format('%s %I.%I', CASE c.relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END, n.nspname, c.relname)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^(pg_|information_schema$)' AND n.nspname NOT IN {OWN_SCHEMAS}
              AND (n.nspname, c.relname) NOT IN (('public', 'dts_ddl_command'), ('public', 'dts_ddl_command_id_seq'))
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
           UNION ALL
           SELECT format('function %I.%I', n.nspname, p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE p.oid >= 16384 AND n.nspname !~ '^(pg_|information_schema$)' AND n.nspname NOT IN {OWN_SCHEMAS} AND p.proname <> 'dts_capture_ddl'
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
           UNION ALL
           SELECT format('schema %I', nspname) FROM pg_namespace n
            WHERE n.oid >= 16384 AND nspname !~ '^pg_' AND nspname NOT IN {OWN_SCHEMAS}
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
           UNION ALL
           SELECT format('subscription %I', subname) FROM pg_subscription
            WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())) AS f(what)"
    ))?;
    match found.len() {
        0 => Ok(()),
        n => Err(Problem::new(
            format!(
                "the target's database {} is not empty: {}{}; nothing was changed on either side",
                target.dbname(),
                found[0].text(0),
                if n > 1 {
                    format!(" and {} more", n - 1)
                } else {
                    String::new()
                }
            ),
            "name a database that does not exist yet (start makes it), or drop what is there",
        )),
    }
}

/// The columns of a table, what their types are made of (labels of enums, columns of composite types, ..), and what rows must fulfil (unique
/// indexes, CHECK, foreign keys), of the table `c`. What the target has of it when rows are copied is that of the moment.
const COLUMNS: &str = "(SELECT concat(hashtextextended(t, 0), '/', hashtextextended(t, 1)) FROM (SELECT concat_ws('; ', (
    SELECT string_agg(concat_ws(' ', a.attnum, quote_ident(a.attname), a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated, a.attidentity),
      ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), (
    SELECT string_agg(i.indexrelid::text, ' ' ORDER BY i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)), (
    SELECT string_agg(k.oid::text, ' ' ORDER BY k.oid) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f')), (
    WITH RECURSIVE own(oid) AS (
      SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384
      UNION SELECT part.oid FROM own JOIN pg_type y ON y.oid = own.oid, LATERAL (
        SELECT y.typelem WHERE y.typelem >= 16384 UNION ALL SELECT y.typbasetype WHERE y.typbasetype >= 16384
        UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = y.oid AND r.rngsubtype >= 16384
        UNION ALL SELECT f.atttypid FROM pg_attribute f WHERE f.attrelid = y.typrelid AND f.attnum > 0 AND NOT f.attisdropped AND f.atttypid >= 16384
        ) AS part(oid))
    SELECT string_agg(concat_ws(' ', y.oid, y.typelem, y.typbasetype, y.typtypmod, y.typnotnull,
        (SELECT string_agg(quote_literal(e.enumlabel), ' ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = y.oid),
        (SELECT string_agg(concat_ws(' ', f.attnum, quote_ident(f.attname), f.atttypid, f.atttypmod), ' ' ORDER BY f.attnum) FROM pg_attribute f
          WHERE f.attrelid = y.typrelid AND f.attnum > 0 AND NOT f.attisdropped)), ',' ORDER BY y.oid)
      FROM own JOIN pg_type y ON y.oid = own.oid))) AS x(t))";

/// How a table is now, for which the record knows how it was: oid, name, columns, file.
pub fn look_at(oid: &str) -> String {
    format!(
        "SELECT n.nspname, c.relname, {COLUMNS}, pg_relation_filenode(c.oid)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = {oid}"
    )
}

/// Takes the dump and what belongs to its moment into the record.
pub fn moment(work: &mut Work) -> Result<String, Problem> {
    let files = Files::new()?;
    let mut waited = 0.0;
    for attempt in 1.. {
        let locked = attempt > TRIES;
        let mut session = work.source.connect_to_write()?;
        let Some((last, position)) = begin_moment(work, &mut session, locked)? else {
            continue;
        };
        let since = std::time::Instant::now();
        let snapshot = session.ask("SELECT pg_export_snapshot()")?[0]
            .text(0)
            .to_owned();
        let tables = session.ask(&tables())?;
        let foreign_keys = session.ask(FOREIGN_KEYS)?;
        if !dump(work, &snapshot, &files.archive(), attempt < LAST_TRY)? {
            // a table went, or was locked for long
            continue;
        }
        if locked {
            waited = since.elapsed().as_secs_f64();
        } else if newer(work, last)? {
            work.output
                .detail("DDL has committed while pg_dump ran: once more");
            continue;
        }
        session.run("COMMIT")?;
        let kept = keep(work, last, &tables, &foreign_keys, &files, waited)?;
        advance(work, &position)?;
        return Ok(kept);
    }
    unreachable!("the loop ends by return")
}

/// A transaction whose snapshot has the DDL commands up to the id that is returned, and no later ones, and a position in WAL between
/// the commits of these and those. With the lock no DDL commits until it ends. None when DDL that runs for long was in the way.
fn begin_moment(
    work: &mut Work,
    session: &mut Session,
    locked: bool,
) -> Result<Option<(i64, String)>, Problem> {
    let last = match capture::edition(&mut work.here)? {
        Edition::Extension => "dts_ddl.last_id()",
        _ => "(SELECT coalesce(max(id), 0) FROM public.dts_ddl_command)",
    };
    session.run(if locked {
        "BEGIN ISOLATION LEVEL REPEATABLE READ"
    } else {
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SAVEPOINT moment"
    })?;
    if locked && let Err(error) = lock_tables(work, session) {
        work.output
            .detail(&format!("a table is locked ({}): once more", words(&error)));
        std::thread::sleep(std::time::Duration::from_millis(300));
        return Ok(None);
    }
    // Whoever waits for a lock has everybody who wants to run DDL waiting behind it.
    let lock = session
        .execute("SET LOCAL lock_timeout = '2s'; LOCK TABLE public.dts_ddl_command IN SHARE MODE");
    if let Err(error) = lock {
        work.output.detail(&format!(
            "a transaction with DDL is running ({}): once more",
            words(&error)
        ));
        std::thread::sleep(std::time::Duration::from_secs(1));
        return Ok(None);
    }
    // tables that were made before that lock, and are being altered now: their commands wait for us, and pg_dump would for them
    if locked && let Err(error) = lock_tables(work, session) {
        work.output.detail(&format!(
            "a new table is locked ({}): once more",
            words(&error)
        ));
        return Ok(None);
    }
    let rows = session.ask(&format!("SELECT {last}, pg_current_wal_insert_lsn()"))?;
    let moment = (rows[0].number(0), rows[0].text(1).to_owned());
    if !locked {
        // the lock goes, the snapshot stays
        session.run("ROLLBACK TO moment; RELEASE moment")?;
    }
    Ok(Some(moment))
}

/// Before the lock of the capture table: a command that has locked its table waits for that one to write its row, and pg_dump would wait
/// for the command. Given up before PostgreSQL looks for deadlocks, which would end somebody's command.
fn lock_tables(work: &mut Work, session: &mut Session) -> Result<(), postgres::Error> {
    session.rows("SET LOCAL lock_timeout = '500ms'")?;
    let tables = work.here.rows(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384 AND n.nspname !~ '^(dts_ddl|dts_migrate)'
           AND (n.nspname, c.relname) <> ('public', 'dts_ddl_command')",
    )?;
    for some in tables.chunks(200) {
        let names: Vec<String> = some
            .iter()
            .map(|table| format!("ONLY {}", qualified(table.text(0), table.text(1))))
            .collect();
        session.execute(&format!(
            "LOCK TABLE {} IN ACCESS SHARE MODE",
            names.join(", ")
        ))?;
    }
    Ok(())
}

/// The stream begins at the moment: rows from before have columns, and tables, that the schema does not have.
fn advance(work: &mut Work, position: &str) -> Result<(), Problem> {
    loop {
        // no further than WAL is on disk
        let rows = work.here.ask(&format!(
            "SELECT end_lsn >= {0} FROM pg_replication_slot_advance({1}, {0})",
            literal(position),
            literal(work.name())
        ))?;
        if rows[0].is_true(0) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn newer(work: &mut Work, last: i64) -> Result<bool, Problem> {
    Ok(work.here.ask(&format!(
        "SELECT EXISTS (SELECT FROM public.dts_ddl_command WHERE id > {last})"
    ))?[0]
        .is_true(0))
}

/// False when it is worth another try.
fn dump(work: &mut Work, snapshot: &str, archive: &Path, again: bool) -> Result<bool, Problem> {
    let output = run(work
        .source
        .program(&work.programs.path("pg_dump"))
        .args([
            "--format=custom",
            "--schema-only",
            "--no-publications",
            "--no-subscriptions",
            // whom it waits for may wait for us
            "--lock-wait-timeout=2s",
        ])
        .arg(format!("--snapshot={snapshot}"))
        .arg("--file")
        .arg(archive))?;
    if output.status.success() {
        return Ok(true);
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    // of a lock on a table, and of what DDL does to catalogs that are read as they are
    let passing = [
        "statement timeout",
        "lock timeout",
        "does not exist",
        "cache lookup failed",
        "could not open relation",
    ];
    if again && passing.iter().any(|words| text.contains(words)) {
        work.output.detail(&format!("pg_dump: {text}: once more"));
        return Ok(false);
    }
    Err(Problem::new(
        format!("pg_dump of the source failed: {text}"),
        "dts-migrate start again when the cause is mended; nothing is lost",
    ))
}

/// Tables with rows of their own: not partitioned ones, foreign ones or what is ours.
fn tables() -> String {
    format!(
        "SELECT c.oid, n.nspname, c.relname, pg_table_size(c.oid), pg_relation_size(c.oid) / current_setting('block_size')::int, {COLUMNS},
                pg_relation_filenode(c.oid), c.relpersistence = 'p'
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND c.relpersistence IN ('p', 'u') AND n.nspname !~ '^(pg_|information_schema$)'
           AND n.nspname NOT IN ('dts_ddl', 'dts_ddl_portable') AND (n.nspname, c.relname) <> ('public', 'dts_ddl_command')
           AND (c.oid >= 16384)"
    )
}

/// With the tables whose rows they compare, whether one can be added as not valid before 18, and whether a check casts between types of
/// users, by a function that they have written.
const FOREIGN_KEYS: &str = "
    SELECT format('%I.%I', n.nspname, c.relname), k.conname, pg_get_constraintdef(k.oid), c.relkind = 'p',
      to_json(ARRAY(SELECT t.oid::text FROM (
        SELECT k.conrelid UNION SELECT k.confrelid
        UNION SELECT relid::oid FROM pg_partition_tree(k.conrelid) UNION SELECT relid::oid FROM pg_partition_tree(k.confrelid)) AS t(oid))),
      EXISTS (SELECT FROM unnest(k.conkey, k.confkey) AS pair(here, there)
        JOIN pg_attribute h ON h.attrelid = k.conrelid AND h.attnum = pair.here JOIN pg_type ht ON ht.oid = h.atttypid
        JOIN pg_attribute t ON t.attrelid = k.confrelid AND t.attnum = pair.there JOIN pg_type tt ON tt.oid = t.atttypid,
        LATERAL (SELECT CASE WHEN ht.typtype = 'd' THEN ht.typbasetype ELSE ht.oid END, CASE WHEN tt.typtype = 'd' THEN tt.typbasetype ELSE tt.oid END
          ) AS base(h, t)
        WHERE base.h <> base.t AND (base.h >= 16384 OR base.t >= 16384))
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY k.oid";

/// All of it, or nothing.
fn keep(
    work: &mut Work,
    last: i64,
    tables: &[Row],
    foreign_keys: &[Row],
    files: &Files,
    waited: f64,
) -> Result<String, Problem> {
    let archive = std::fs::read(files.archive()).map_err(|error| files.failed(&error))?;
    let session = &mut work.record.session;
    session.run(
        "BEGIN; DELETE FROM dts_migrate.archive; DELETE FROM dts_migrate.\"table\"; DELETE FROM dts_migrate.foreign_key",
    )?;
    for (part, content) in archive.chunks(PART).enumerate() {
        let mut hex = String::with_capacity(2 * content.len());
        for byte in content {
            let _ = write!(hex, "{byte:02x}");
        }
        session.run(&format!(
            "INSERT INTO dts_migrate.archive VALUES ('schema', {part}, '\\x{hex}')"
        ))?;
    }
    for tables in tables.chunks(500) {
        let rows: Vec<String> = tables
            .iter()
            .map(|t| {
                format!(
                    "({}, {}, {}, {}, {}, {}, {}, {}, 'waiting')",
                    t.text(0),
                    literal(t.text(1)),
                    literal(t.text(2)),
                    t.text(3),
                    t.text(4),
                    literal(t.text(5)),
                    t.text(6),
                    t.is_true(7)
                )
            })
            .collect();
        session.run(&format!(
            "INSERT INTO dts_migrate.\"table\" (source_oid, schema, name, bytes, pages, columns, filenode, published, state) VALUES {}",
            rows.join(", ")
        ))?;
    }
    let numbered: Vec<(usize, &Row)> = foreign_keys.iter().enumerate().collect();
    for keys in numbered.chunks(500) {
        let rows: Vec<String> = keys
            .iter()
            .map(|(number, k)| {
                format!(
                    "({number}, {}, {}, {}, {}, ARRAY(SELECT json_array_elements_text({}))::oid[], {}, 'waiting')",
                    literal(k.text(0)),
                    literal(k.text(1)),
                    literal(k.text(2)),
                    k.is_true(3),
                    literal(k.text(4)),
                    k.is_true(5)
                )
            })
            .collect();
        session.run(&format!(
            "INSERT INTO dts_migrate.foreign_key (id, tbl, name, definition, partitioned, tables, casts, state) VALUES {}",
            rows.join(", ")
        ))?;
    }
    session.run(&format!(
        "UPDATE dts_migrate.migration SET last_id = {last}; COMMIT"
    ))?;
    let bytes: u64 = tables.iter().map(|t| t.number::<u64>(3)).sum();
    Ok(format!(
        "{} tables, {}, after DDL command {last}{}",
        tables.len(),
        crate::output::size(bytes),
        if waited > 0.0 {
            format!("; DDL waited for {waited:.1} s")
        } else {
            String::new()
        }
    ))
}

/// Everything that tables need to have rows, in one transaction.
pub fn load(work: &mut Work) -> Result<String, Problem> {
    let loaded = work
        .record
        .all_made()?
        .iter()
        .any(|made| made.kind == "schema");
    // of a start that was killed: it is one transaction, so that it is there or not
    if loaded && require_empty(work.target).is_err() {
        return Ok("was there".to_owned());
    }
    work.record.make(Side::Destination, "schema", "", None)?;
    let files = Files::of_record(work)?;
    // Checks that depend on the table's own type come behind the rows in the archive, where adding them would run code of users with the
    // rights of whoever runs this.
    let mut entries = list(work, &files, "pre-data")?;
    let checks = list(work, &files, "post-data")?;
    entries.extend(
        checks
            .into_iter()
            .filter(|line| constraints::kind(line) == CHECK),
    );
    let list = files.list(&entries)?;
    let mut command = match without_versions(work, &files, &list)? {
        None => {
            let mut command = restore(work);
            command
                .args(["--single-transaction", "--exit-on-error", "--use-list"])
                .arg(list)
                .arg(files.archive());
            command
        }
        Some(script) => {
            let mut command = work.target.program(&work.programs.path("psql"));
            command
                .args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f"])
                .arg(script);
            command
        }
    };
    let output = run(&mut command)?;
    if !output.status.success() {
        return Err(Problem::new(
            format!(
                "the schema could not be loaded into the target, nothing of it is there: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            "mend what it names (an extension that the target lacks, a role, max_locks_per_transaction), then dts-migrate start again",
        ));
    }
    Ok(String::new())
}

/// Some minors give columns an option `pg_attver`, which pg_dump of another major writes out, and other servers refuse. Where the
/// archive has it, the same as a script without, for psql. None where it has not.
///
/// Only a pg_restore that begins its scripts with `\restrict` may have its text read by psql, which else would take lines of users'
/// texts for commands of its own (CVE-2025-8714).
fn without_versions(work: &Work, files: &Files, list: &Path) -> Result<Option<PathBuf>, Problem> {
    let output = run(Command::new(work.programs.path("pg_restore"))
        .args(["--no-publications", "--no-subscriptions", "--file=-"])
        .args(work.target_lacks_tablespaces.then_some("--no-tablespaces"))
        .arg("--use-list")
        .arg(list)
        .arg(files.archive()))?;
    let unread = |why: &str| {
        Problem::new(
            format!("the archive of the schema cannot be made a script: {why}"),
            "use the newest minor of pg_restore (--pg-bin), then dts-migrate start again",
        )
    };
    if !output.status.success() {
        return Err(unread(String::from_utf8_lossy(&output.stderr).trim()));
    }
    // in the encoding of the source: the option itself is ASCII
    let option = b"SET (pg_attver=";
    let lines = output.stdout.split_inclusive(|&byte| byte == b'\n');
    let has = |line: &[u8]| line.windows(option.len()).any(|part| part == option);
    if !lines.clone().any(has) {
        return Ok(None);
    }
    if !lines.clone().any(|line| line.starts_with(b"\\restrict ")) {
        return Err(unread("it has no \\restrict"));
    }
    let mut script = Vec::with_capacity(output.stdout.len());
    for line in lines {
        match std::str::from_utf8(line) {
            Ok(text) if has(line) => {
                if let Some(text) = without_version(text.trim_end()) {
                    script.extend_from_slice(text.as_bytes());
                    script.push(b'\n');
                }
            }
            _ => script.extend_from_slice(line),
        }
    }
    let path = files.0.path().join("schema.sql");
    std::fs::write(&path, script).map_err(|error| files.failed(&error))?;
    Ok(Some(path))
}

/// Whether relations of the source are in a tablespace of which the target has none by this name.
pub fn tablespaces_are_missing(work: &mut Work) -> Result<bool, Problem> {
    let used = work.here.ask(
        "SELECT DISTINCT s.spcname FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE s.spcname <> 'pg_global'",
    )?;
    let there = work.there.ask("SELECT spcname FROM pg_tablespace")?;
    let lacks = |name: &str| !there.iter().any(|row| row.text(0) == name);
    Ok(used.iter().any(|row| lacks(row.text(0))))
}

/// pg_restore into the target's database.
pub fn restore(work: &Work) -> Command {
    let mut command = work.target.program(&work.programs.path("pg_restore"));
    command.args([
        "--no-publications",
        "--no-subscriptions",
        "--dbname",
        &as_connection_string(work.target.dbname()),
    ]);
    if work.target_lacks_tablespaces {
        command.arg("--no-tablespaces");
    }
    command
}

/// A name with `=` in it, or that looks like a URI, would be read as a connection string.
fn as_connection_string(name: &str) -> String {
    let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
    format!("dbname='{quoted}'")
}

/// The entries of a section, in order, one a line, without what the portable edition is made of.
pub fn list(work: &Work, files: &Files, section: &str) -> Result<Vec<String>, Problem> {
    let output = run(Command::new(work.programs.path("pg_restore"))
        .arg("--list")
        .arg(format!("--section={section}"))
        .arg(files.archive()))?;
    if !output.status.success() {
        return Err(Problem::new(
            format!(
                "pg_restore cannot read the archive of the schema: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            "dts-migrate abort, and begin again",
        ));
    }
    let own = |line: &str| {
        [
            " dts_ddl_portable",
            " dts_intercept_",
            " dts_ddl_command ",
            " dts_ddl_command_",
            " dts_capture_ddl(",
        ]
        .iter()
        .any(|name| line.contains(name))
    };
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| !line.starts_with(';') && !own(line))
        .map(str::to_owned)
        .collect())
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    hex.as_bytes()
        .chunks(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?))
        .collect()
}

pub fn run(command: &mut Command) -> Result<std::process::Output, Problem> {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Problem::new(format!("{program} does not start: {error}"), ""))
}

/// A directory that nobody else can read, for as long as this lives, with the archive.
pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new() -> Result<Self, Problem> {
        let made = tempfile::Builder::new().prefix("dts-migrate-").tempdir();
        made.map(Self).map_err(|error| {
            Problem::new(
                format!("no temporary directory can be made: {error}"),
                "name a directory with room in TMPDIR",
            )
        })
    }

    /// With the archive of the record.
    pub fn of_record(work: &mut Work) -> Result<Self, Problem> {
        let files = Self::new()?;
        let mut archive =
            std::fs::File::create(files.archive()).map_err(|error| files.failed(&error))?;
        let parts = work
            .record
            .session
            .ask("SELECT count(*) FROM dts_migrate.archive")?[0]
            .number::<u32>(0);
        for part in 0..parts {
            let rows = work.record.session.ask(&format!(
                "SELECT encode(content, 'hex') FROM dts_migrate.archive WHERE part = {part}"
            ))?;
            let content = rows.first().and_then(|row| unhex(row.text(0)));
            let content = content.ok_or_else(|| {
                Problem::new(
                    "the archive of the schema in the record is not whole",
                    "dts-migrate abort, and begin again",
                )
            })?;
            archive
                .write_all(&content)
                .map_err(|error| files.failed(&error))?;
        }
        Ok(files)
    }

    pub fn archive(&self) -> PathBuf {
        self.0.path().join("schema.dump")
    }

    /// A file for `--use-list`.
    pub fn list(&self, lines: &[String]) -> Result<PathBuf, Problem> {
        let path = self.0.path().join("list");
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, text).map_err(|error| self.failed(&error))?;
        Ok(path)
    }

    fn failed(&self, error: &std::io::Error) -> Problem {
        Problem::new(
            format!("{}: {error}", self.0.path().display()),
            "name a directory with room in TMPDIR, then dts-migrate start again",
        )
    }
}
