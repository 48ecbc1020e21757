//! The captured commands as a script for psql (`dts_ddl.script()`).
//!
//! Nothing of a row is ever a psql command or a psql variable: statements are dollar-quoted constants that `\gexec` runs
//! as they are, one by one; names are quoted identifiers; everything else is in comments, of which each line begins with
//! `--`. psql looks for variables, backslash commands and semicolons in none of these.
//!
//! Each command runs in a transaction of its own, with SET LOCAL for role, search_path and the settings that it had, so
//! that nothing of it is left for the next one, whether it succeeded or not. What cannot run in a transaction block
//! gets SET and RESET instead. Settings that a row does not name had PostgreSQL's built-in default: the head of the
//! script makes that the destination's, too. Locales are names of the operating system, which may not know them: they
//! are set for the session when they change, and one that is missing is a warning, not the end. So is what a setting
//! names and the destination does not have, where the command can do without.
//!
//! What event triggers of the source did is in the rows. Those of the destination that fire in the ordinary way would
//! do it once more: they are kept from it as in live apply, by session_replication_role. That changes nothing of DDL:
//! PostgreSQL checks the rows of a new foreign key by a query or by calling the function itself (tablecmds.c:
//! validateForeignKeyConstraint).
//!
//! psql may go on after an error (no ON_ERROR_STOP). Then, too, nothing runs as another role than its own: an error inside of
//! a transaction ends that (without ON_ERROR_ROLLBACK, which the head turns off); outside of one psql asks who it is first.
//! What the script needs of its own in the destination lies in a schema whose name nobody can know beforehand, and is made
//! under ON_ERROR_STOP.

mod beside;
mod circumstances;
mod frame;
mod psql;

use self::beside::Beside;
use self::circumstances::{Author, Session, add_if_known};
use self::frame::{QUIET, REMOVE_WALLS, WALL, foot, head};
use self::psql::*;
use crate::document::settings::{self, Settings};
use crate::document::{self, Document, Made, Object, Operation};
use crate::error::Failure;
use crate::pg::command::needs::{Needs, needs_of};
use crate::pg::command::partition;
use crate::pg::command::way::{Way, way_of};
use crate::pg::runtime::value;
use crate::pg::runtime::{memory, session, text};
use crate::pg::store::sequence::{PRUNED_SEQUENCE, sequence_value};
use crate::pg::store::stored::{self, StoredRow};
use core::ops::Range;
use statement::{Lexer, Token, TokenKind};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

/// So much is read at a time.
const ROWS: usize = 500;
const BYTES: usize = 1 << 20;

/// Tags of the statements that may be unable to run in a transaction block.
const PERHAPS_ALONE: [&str; 6] = [
    "CREATE INDEX",
    "DROP INDEX",
    "ALTER TABLE",
    "REINDEX",
    "CLUSTER",
    "REPACK",
];

/// Commands after which there may be event triggers that were not there before.
const MAKES_EVENT_TRIGGERS: [&str; 2] = ["CREATE EXTENSION", "ALTER EXTENSION"];

/// Commands after which a role, or what it owns, may be gone.
const TAKES_WALLS: [&str; 3] = ["DROP ROLE", "DROP OWNED", "REASSIGN OWNED"];

/// In the place of a command that stands alone, where the session has not become its role; of constants only.
const NOT_RUN: &str = "DO 'BEGIN RAISE insufficient_privilege USING MESSAGE = ''not run: the session is not its role''; END';\n";

fn is_new_with_access_method(object: &Object) -> bool {
    object.op == Operation::Create && ["table", "materialized view"].contains(&&*object.object_type)
}

/// The script, command by command.
pub struct Script {
    /// What is handed out next.
    ready: VecDeque<Vec<u8>>,
    next_id: i64,
    last_id: i64,
    is_complete: bool,
    /// What the script has set so far of [`settings::LOCALES`].
    locales: [String; 3],
    /// Ordinary roles that have run something, numbered.
    roles: BTreeMap<Vec<u8>, usize>,
    beside: Option<Beside>,
}

impl Script {
    /// The commands with ids above `after_id` and up to `up_to_id`; of these `without` those of consumers and command tags.
    pub fn new(
        after_id: i64,
        up_to_id: Option<i64>,
        without: Option<&[String]>,
    ) -> Result<Self, Failure> {
        if let Some(encoding) = session::encoding_with_other_backslashes() {
            return Err(Failure::encoding_unfit(encoding));
        }
        let last_id = up_to_id.unwrap_or(i64::MAX);
        if last_id < after_id {
            return Err(Failure::range_backwards(after_id, last_id));
        }
        let next_id = after_id.saturating_add(1);
        refuse_pruned(next_id, last_id)?;
        Ok(Script {
            ready: VecDeque::from([head()]),
            next_id,
            last_id,
            is_complete: false,
            locales: [settings::DEFAULT_LOCALE; 3].map(str::to_owned),
            roles: BTreeMap::new(),
            beside: without.map(Beside::of).transpose()?,
        })
    }

    fn read_on(&mut self) -> Result<(), Failure> {
        let rows = if self.next_id > self.last_id {
            Vec::new()
        } else {
            stored::read(self.next_id, self.last_id, ROWS, BYTES)?
        };
        match rows.last() {
            Some(row) => self.next_id = row.id.saturating_add(1),
            None => {
                self.is_complete = true;
                self.ready.push_back(foot());
            }
        }
        for row in &rows {
            let lines = self.command(row)?;
            if lines.len() > value::MAX_LENGTH {
                return Err(Failure::text_too_large(lines.len()));
            }
            if !lines.is_empty() {
                self.ready.push_back(lines);
            }
        }
        Ok(())
    }

    fn command(&mut self, row: &StoredRow) -> Result<Vec<u8>, Failure> {
        let mut recorded = recorded(row)?;
        let Some(statement) = row.ddl_text.as_deref() else {
            return Err(Failure::row_unreadable(
                row.id,
                "Its \"ddl_text\" is NULL.".to_owned(),
            ));
        };
        let tag = tag(row);
        if self
            .beside
            .as_ref()
            .is_some_and(|beside| beside.leaves_out(tag))
        {
            return Ok(Vec::new());
        }
        if tag == "CREATE FUNCTION" || tag == "CREATE PROCEDURE" {
            // A body may name what only the source's session had (temporary tables); it was checked there.
            recorded.settings.insert("check_function_bodies", "off");
        }
        // As a comment each line may become four bytes longer.
        memory::require(statement.len().saturating_mul(4));
        let mut script = Vec::with_capacity(statement.len() + 256);
        add(&mut script, &format!("\n-- {} {tag}\n", row.id));
        let (true, Some(username)) = (recorded.replay != Some(false), &row.username) else {
            let reason = recorded.replay_reason.as_deref();
            let reason = reason.unwrap_or(match row.username {
                Some(_) => "not known",
                None => document::ROLE_DROPPED,
            });
            add_comment(&mut script, &text::encode(&format!("not run: {reason}")));
            add_comment(&mut script, statement);
            script.pop();
            add_default_identities(&mut script, &recorded);
            return Ok(script);
        };
        if let Some(secrets) = document::secrets_missing(tag, recorded.redacted) {
            add_comment(&mut script, secrets.as_bytes());
        }
        self.set_locales(&mut script, &recorded.settings);
        // Tells, when psql stops, with which command.
        add(&mut script, &format!("\\echo {} {tag}\n", row.id));
        let author = Author::new(username, &recorded);
        // What the role of a view owns keeps it from being dropped, or goes with it.
        let may_take_walls = TAKES_WALLS.contains(&tag);
        if may_take_walls {
            self.remove_walls(&mut script);
        }
        let mut guards = None;
        if self.beside.is_some() {
            // what others need, too, is made whether this command runs or not
            if !author.superuser {
                self.wall_of(&mut script, &author.role);
            }
            guards = Some(beside::Guards::of(statement, &recorded)?);
        }
        if let Some(guards) = &guards {
            guards.begin(&mut script);
        }
        self.add_command(&mut script, statement, tag, &recorded, &author);
        if let Some(guards) = &guards {
            guards.end(&mut script);
        }
        if may_take_walls {
            add(&mut script, "\n");
            self.remove_walls(&mut script);
            script.pop();
        }
        add_default_identities(&mut script, &recorded);
        if MAKES_EVENT_TRIGGERS.contains(&tag) {
            add(&mut script, "\n");
            add(&mut script, QUIET);
            script.pop();
        }
        Ok(script)
    }

    fn add_command(
        &mut self,
        script: &mut Vec<u8>,
        statement: &[u8],
        tag: &str,
        recorded: &Document<'_>,
        author: &Author<'_>,
    ) {
        let conforming = settings::standard_conforming_strings(&recorded.settings);
        let session_user = recorded
            .session_user
            .as_deref()
            .filter(|_| mentions_session_user(statement, conforming));
        let context = Session {
            settings: &recorded.settings,
            search_path: &recorded.search_path,
            session_user: session_user.map(|user| text::encode(user).into_owned()),
            needs_access_method: needs_access_method(tag, recorded, statement, conforming),
            author,
            is_own: (!author.superuser).then(|| self.wall_of(script, &author.role)),
        };
        let query = text::c_string_of_bytes(statement);
        let needs = if PERHAPS_ALONE.contains(&tag) {
            needs_of(&query, conforming).unwrap_or(Needs::Nothing)
        } else {
            Needs::Nothing
        };
        if let Some(is_own) = &context.is_own
            && let Way::Inside(settings) = way_of(&query, conforming)
        {
            let (plain, clauses) = without(statement, &settings);
            let first = recorded.objects.first();
            let identity = first.and_then(|object| object.identity.as_ref());
            let alter = identity.filter(|_| !clauses.is_empty()).map(|identity| {
                let mut alter = b"ALTER ROUTINE ".to_vec();
                alter.extend_from_slice(&text::encode(identity));
                alter.extend_from_slice(&clauses);
                alter
            });
            // What was put together must be what it looks like: else all of it stays inside.
            let is_outside = |alter: &Vec<u8>| {
                matches!(
                    way_of(&text::c_string_of_bytes(alter), conforming),
                    Way::Outside
                )
            };
            let (plain, alter) = match alter {
                Some(alter) if is_outside(&alter) => (plain, Some(alter)),
                Some(_) => (statement.to_vec(), None),
                None => (plain, None),
            };
            let plain = plain_form(&plain, &needs, conforming, recorded.major);
            in_transaction(script, &context, recorded, |script| {
                add_inside(script, is_own, &author.role, &plain);
                if let Some(alter) = &alter {
                    add_statement(script, alter);
                }
            });
            return;
        }
        match needs {
            // What has to be renamed is found in the transaction that made it.
            Needs::NoTransaction if !recorded.made.is_empty() => {
                let plain = plain_form(statement, &needs, conforming, recorded.major);
                in_transaction(script, &context, recorded, |script| {
                    add_statement(script, &plain);
                });
            }
            Needs::Nothing => {
                in_transaction(script, &context, recorded, |script| {
                    add_statement(script, statement);
                });
            }
            Needs::NoTransaction => alone(script, &context, statement),
            Needs::BegunDetach => alone(script, &context, &detach(statement, conforming)),
        }
    }

    /// Those who need one again make it anew.
    fn remove_walls(&mut self, script: &mut Vec<u8>) {
        if !self.roles.is_empty() {
            add(script, REMOVE_WALLS);
            self.roles.clear();
        }
    }

    /// Makes what an ordinary role's statements need to be run inside the wall; the psql variable that tells whether they need
    /// none of it.
    fn wall_of(&mut self, script: &mut Vec<u8>, role: &[u8]) -> String {
        let number = self.roles.len();
        let (number, is_new) = match self.roles.entry(role.to_vec()) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(free) => (*free.insert(number), true),
        };
        // Without a value psql takes it for false.
        let variable = format!("dts_is_{number}");
        if is_new {
            add(script, "SELECT session_user OPERATOR(pg_catalog.=) ");
            add_constant(script, role);
            add(
                script,
                &format!(" AS {variable} \\gset\n\\if :{variable}\n\\else\n"),
            );
            add(script, WALL);
            let mut view = b":\"dts_schema\".".to_vec();
            add_identifier(&mut view, role);
            let mut name = Vec::new();
            add_identifier(&mut name, role);
            for (before, what, after) in [
                (
                    "BEGIN;\nCREATE MATERIALIZED VIEW ",
                    &view,
                    " AS SELECT :\"dts_schema\".run() WITH NO DATA;\n",
                ),
                ("GRANT CREATE ON SCHEMA :\"dts_schema\" TO ", &name, ";\n"),
                ("ALTER MATERIALIZED VIEW ", &view, " OWNER TO "),
                ("", &name, ";\n"),
                (
                    "REVOKE CREATE ON SCHEMA :\"dts_schema\" FROM ",
                    &name,
                    ";\nCOMMIT;\n\\endif\n",
                ),
            ] {
                add(script, before);
                script.extend_from_slice(what);
                add(script, after);
            }
        }
        variable
    }

    fn set_locales(&mut self, script: &mut Vec<u8>, settings: &Settings) {
        for (name, current) in settings::LOCALES.iter().zip(&mut self.locales) {
            let wanted = settings
                .get(*name)
                .map_or(settings::DEFAULT_LOCALE, String::as_str);
            if wanted == current {
                continue;
            }
            add_if_known(script, name, &text::encode(wanted), false);
            wanted.clone_into(current);
        }
    }
}

impl Iterator for Script {
    type Item = Result<Vec<u8>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && !self.is_complete
            && let Err(failure) = self.read_on()
        {
            return Some(Err(failure));
        }
        self.ready.pop_front().map(Ok)
    }
}

/// Fails when rows from `first` to `last` are gone.
///
/// What is known is the highest id that was ever deleted. When the transaction that did it was rolled back, that row is
/// still there, and the highest id that is really gone lies below it; rows go from the oldest on. Missing ids beyond that
/// are commands that were rolled back.
fn refuse_pruned(first: i64, last: i64) -> Result<(), Failure> {
    let pruned = sequence_value(PRUNED_SEQUENCE)?;
    // The first id is 1.
    let first = first.max(1);
    if pruned < first || last < first {
        return Ok(());
    }
    let gone = if stored::first_missing_id(pruned, pruned)?.is_none() {
        let lowest = stored::lowest_id(i64::MIN)?.unwrap_or(pruned);
        let below = (lowest - 1).min(last);
        (first <= below).then_some((first, below))
    } else {
        let last = pruned.min(last);
        stored::first_missing_id(first, last)?.map(|missing| (missing, last))
    };
    match gone {
        Some((first, last)) => Err(Failure::rows_pruned(first, last)),
        None => Ok(()),
    }
}

fn in_transaction(
    script: &mut Vec<u8>,
    context: &Session<'_>,
    recorded: &Document<'_>,
    statements: impl FnOnce(&mut Vec<u8>),
) {
    add(script, "BEGIN;\n");
    context.ask(script);
    context.set(script, "SET LOCAL");
    statements(script);
    add_renames(script, &recorded.made);
    for table in &recorded.replica_identity {
        let full = format!("ALTER TABLE {table} REPLICA IDENTITY FULL");
        add_statement(script, &text::encode(&full));
    }
    add(script, "COMMIT;");
}

/// Gives what the command's transaction has made the names that it has on the source. The first column of a new
/// relation is that transaction's. In order: where the numbers differ an error; other names for those whose name
/// another one is to have; names. It runs as the command's role, without the wall: nothing here is found by the
/// search_path, and a name is changed without anybody's code. (NULLIF, IN, CASE x WHEN and IS DISTINCT FROM would look
/// for an operator.)
fn add_renames(script: &mut Vec<u8>, made: &[Made]) {
    if made.is_empty() {
        return;
    }
    // as the source had it when it wrote the definitions
    add(script, "SET LOCAL search_path TO pg_catalog, pg_temp;\n");
    add(script, RENAME.0);
    for (number, one) in made.iter().enumerate() {
        add(script, if number > 0 { ",\n    (" } else { "(" });
        add(script, &format!("{number}, "));
        for text in [&one.object_type, one.table.as_deref().unwrap_or_default()] {
            add_constant(script, &text::encode(text));
            add(script, ", ");
        }
        add_constant(script, &text::encode(&one.name));
        add(script, ", ");
        let definition = one.definition.as_deref().unwrap_or_default();
        add_constant(script, &text::encode(definition));
        add(script, &format!(", {})", one.later));
    }
    add(script, RENAME.1);
}

/// Around the list. Sequences have no relation: 0; a table that is not there is none.
const RENAME: (&str, &str) = (
    "WITH list (number, kind, shown, name, definition, later) AS (VALUES ",
    "),
  wanted AS (SELECT w.*, pg_catalog.row_number() OVER (PARTITION BY w.kind, w.relation, w.definition ORDER BY w.number) AS place
    FROM (SELECT l.*, CASE WHEN l.shown OPERATOR(pg_catalog.=) '' THEN 0::pg_catalog.oid
        ELSE COALESCE(pg_catalog.to_regclass(l.shown)::pg_catalog.oid, 1::pg_catalog.oid) END AS relation FROM list l) w),
  made AS (SELECT m.*, pg_catalog.row_number() OVER (PARTITION BY m.kind, m.relation, m.definition ORDER BY m.oid) AS place
    FROM (SELECT c.oid, n.nspname, c.relname, r.relation, r.kind, CASE WHEN r.kind OPERATOR(pg_catalog.=) 'index' THEN
          pg_catalog.concat(pg_catalog.replace(pg_catalog.pg_get_indexdef(r.oid), pg_catalog.format('%I ON ', c.relname), 'ON '),
            (SELECT pg_catalog.concat(' CONSTRAINT ', pg_catalog.pg_get_constraintdef(o.oid)) FROM pg_catalog.pg_constraint o
              WHERE o.conindid OPERATOR(pg_catalog.=) r.oid AND o.contype OPERATOR(pg_catalog.<>) 'f')) ELSE '' END AS definition
      FROM (SELECT i.indexrelid AS oid, i.indrelid AS relation, 'index' AS kind FROM pg_catalog.pg_index i
          JOIN (SELECT DISTINCT w.relation FROM wanted w) w ON w.relation OPERATOR(pg_catalog.=) i.indrelid
        UNION ALL SELECT s.oid, 0::pg_catalog.oid, 'sequence' FROM pg_catalog.pg_class s
          WHERE s.relkind OPERATOR(pg_catalog.=) 'S'
            AND EXISTS (SELECT FROM wanted w WHERE w.kind OPERATOR(pg_catalog.=) 'sequence')) r
        JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) r.oid AND a.attnum OPERATOR(pg_catalog.=) 1
        JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.oid
        JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
      WHERE a.xmin::pg_catalog.text::pg_catalog.int8
        OPERATOR(pg_catalog.=) (pg_catalog.txid_current() OPERATOR(pg_catalog.&) 4294967295)) m),
  pair AS (SELECT COALESCE(w.kind, m.kind) AS kind, COALESCE(w.relation, m.relation) AS relation, m.oid, m.nspname, m.relname,
      w.name, w.later, pg_catalog.format('dts_script_%s', m.oid) AS other
    FROM wanted w FULL JOIN made m ON m.kind OPERATOR(pg_catalog.=) w.kind
      AND m.relation OPERATOR(pg_catalog.=) w.relation AND m.definition OPERATOR(pg_catalog.=) w.definition
      AND m.place OPERATOR(pg_catalog.=) w.place),
  changed AS (SELECT p.*, EXISTS (SELECT FROM pair q WHERE q.nspname OPERATOR(pg_catalog.=) p.nspname
      AND q.name OPERATOR(pg_catalog.=) p.relname::pg_catalog.text) AS is_wanted
    FROM pair p WHERE p.relname::pg_catalog.text OPERATOR(pg_catalog.<>) p.name)
SELECT s.statement FROM (
  SELECT 0, pg_catalog.format('DO %L', pg_catalog.format('BEGIN RAISE duplicate_object USING MESSAGE = %L; END', pg_catalog.format(
      'the command did not make the same number of objects here as on the source: %s %s', w.kind, w.shown)))
    FROM (SELECT DISTINCT w.kind, w.shown FROM wanted w JOIN pair p ON p.kind OPERATOR(pg_catalog.=) w.kind
      AND p.relation OPERATOR(pg_catalog.=) w.relation WHERE p.oid IS NULL AND NOT p.later) w
  UNION ALL SELECT 1, pg_catalog.format('ALTER %s %I.%I RENAME TO %I', c.kind, c.nspname, c.relname, c.other)
    FROM changed c WHERE c.is_wanted
  UNION ALL SELECT 2, pg_catalog.format('ALTER %s %I.%I RENAME TO %I', c.kind, c.nspname,
      CASE WHEN c.is_wanted THEN c.other ELSE c.relname::pg_catalog.text END, c.name) FROM changed c
) s (step, statement) ORDER BY s.step \\gexec
",
);

/// Runs a statement by the view of its role, where the session's role is another one.
fn add_inside(script: &mut Vec<u8>, is_own: &str, role: &[u8], statement: &[u8]) {
    add(script, "SELECT pg_catalog.set_config('dts_ddl.statement', ");
    add_dollar_quoted(script, statement);
    add(
        script,
        &format!(
            ", true), pg_catalog.set_config('dts_ddl.search_path', pg_catalog.current_setting('search_path'), true) AS path \\gset dts_
\\if :{is_own}
SELECT pg_catalog.current_setting('dts_ddl.statement') \\gexec
\\else
REFRESH MATERIALIZED VIEW :\"dts_schema\"."
        ),
    );
    add_identifier(script, role);
    add(script, ";\n\\endif\n");
}

/// The text without these parts, and the parts.
fn without(statement: &[u8], parts: &[Range<usize>]) -> (Vec<u8>, Vec<u8>) {
    let (mut rest, mut taken, mut at) = (Vec::with_capacity(statement.len()), Vec::new(), 0);
    for part in parts {
        rest.extend_from_slice(&statement[at..part.start]);
        taken.push(b' ');
        taken.extend_from_slice(&statement[part.clone()]);
        at = part.end;
    }
    rest.extend_from_slice(&statement[at..]);
    (rest, taken)
}

/// A statement that a function can run: CREATE INDEX and DETACH PARTITION without CONCURRENTLY. The constraint that the latter left
/// up to 18 is made by a statement of its own. The parser has said what it needs.
fn plain_form(statement: &[u8], needs: &Needs, conforming: bool, major: Option<u32>) -> Vec<u8> {
    if matches!(needs, Needs::Nothing) {
        return statement.to_vec();
    }
    let tokens: Vec<Token> = Lexer::new(statement, conforming).collect();
    let word = |token: &Token, word: &str| token.is_word(statement, word);
    let detached = tokens
        .windows(2)
        .find(|pair| word(&pair[0], "detach") && word(&pair[1], "partition"))
        .zip(tokens.last());
    let Some((detach, last)) =
        detached.filter(|(_, last)| word(last, "concurrently") || word(last, "finalize"))
    else {
        let place = tokens
            .iter()
            .take(4)
            .find(|token| word(token, "concurrently"));
        let place = place.map(|place| place.start..place.end);
        return without(statement, place.as_slice()).0;
    };
    let plain = &statement[..last.start];
    if major.is_none_or(|major| major >= partition::WITHOUT_CONSTRAINT) {
        return plain.to_vec();
    }
    let mut block = DETACH.0.as_bytes().to_vec();
    add_dollar_quoted(&mut block, &statement[detach[1].end..last.start]);
    add(&mut block, DETACH.1);
    add_dollar_quoted(&mut block, plain);
    add(&mut block, DETACH.2);
    let mut statement = b"DO ".to_vec();
    add_dollar_quoted(&mut statement, &block);
    statement
}

/// Around the partition's name and the plain statement. Of a hash partition PostgreSQL's constraint would name the parent by
/// its OID. Who owns the parent need not own the partition: then it stays without the constraint.
const DETACH: (&str, &str, &str) = (
    "DECLARE
  partition constant pg_catalog.regclass := ",
    "::pg_catalog.regclass;
  definition pg_catalog.text := CASE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i, pg_catalog.pg_partitioned_table p
    WHERE i.inhrelid OPERATOR(pg_catalog.=) partition AND p.partrelid OPERATOR(pg_catalog.=) i.inhparent
      AND p.partstrat OPERATOR(pg_catalog.=) 'h') THEN pg_catalog.pg_get_partition_constraintdef(partition) END;
BEGIN
  IF definition IS NOT NULL THEN
    BEGIN
      EXECUTE pg_catalog.format('ALTER TABLE %s ADD CHECK (%s)', partition, definition);
    EXCEPTION WHEN insufficient_privilege THEN
      NULL;
    END;
  END IF;
  EXECUTE ",
    ";
END",
);

/// Outside of a transaction no error keeps psql from the statement: the session must have become its role.
fn alone(script: &mut Vec<u8>, context: &Session<'_>, statement: &[u8]) {
    context.set(script, "SET");
    add(script, "\\set dts_ok off\n");
    if let Some(is_own) = &context.is_own {
        add(script, &format!("\\if :{is_own}\n"));
        context.ask_role(script, false);
        add(script, "\\else\n");
        context.ask_role(script, true);
        add(script, "\\endif\n");
    } else {
        context.ask_role(script, false);
    }
    add(script, "\\if :dts_ok\n");
    add_statement(script, statement);
    add(script, "\\else\n");
    add(script, NOT_RUN);
    add(script, "\\endif\n");
    context.reset(script);
    // the newline that ends the row
    script.pop();
}

/// `ALTER TABLE .. DETACH PARTITION .. FINALIZE` as the command that it finished: it was interrupted on the source, so
/// that it left no row. It does the same, including the constraint that stays on the partition.
fn detach(statement: &[u8], conforming: bool) -> Vec<u8> {
    match Lexer::new(statement, conforming).last() {
        Some(last) => {
            let mut detach = statement[..last.start].to_vec();
            detach.extend_from_slice(b"CONCURRENTLY");
            detach.extend_from_slice(&statement[last.end..]);
            detach
        }
        None => statement.to_vec(),
    }
}

/// What capture did to tables whose owner did not run the command, perhaps: as the script's own role.
fn add_default_identities(script: &mut Vec<u8>, recorded: &Document<'_>) {
    for table in &recorded.replica_identity_default {
        let default = format!("ALTER TABLE {table} REPLICA IDENTITY DEFAULT");
        add(script, "\n");
        add_statement(script, &text::encode(&default));
        script.pop();
    }
}

fn recorded(row: &StoredRow) -> Result<Document<'static>, Failure> {
    let unreadable = |detail: String| Failure::row_unreadable(row.id, detail);
    let Some(message) = row.message.as_deref() else {
        return Err(unreadable("Its \"message\" is NULL.".to_owned()));
    };
    let username = row.username.as_deref().map(text::decode);
    let recorded =
        Document::read(&text::decode(message), username.as_deref()).map_err(unreadable)?;
    if recorded.v == 0 {
        return Err(unreadable(
            "Its \"message\" is not the JSON document: missing field `v`.".to_owned(),
        ));
    }
    Ok(recorded)
}

/// The command tag, where it is one: letters and spaces only.
fn tag(row: &StoredRow) -> &str {
    row.tag
        .as_deref()
        .filter(|tag| tag.iter().all(|b| b.is_ascii_uppercase() || *b == b' '))
        .and_then(|tag| core::str::from_utf8(tag).ok())
        .unwrap_or("?")
}

/// Whether a command makes something of the access method that is set: then another one is no help.
fn needs_access_method(
    tag: &str,
    recorded: &Document<'_>,
    statement: &[u8],
    conforming: bool,
) -> bool {
    if !recorded.settings.contains_key(settings::ACCESS_METHOD) {
        return false;
    }
    if tag.starts_with("ALTER ") {
        // SET ACCESS METHOD DEFAULT
        let tokens: Vec<Token> = Lexer::new(statement, conforming).collect();
        return tag == "ALTER EXTENSION"
            || tokens.windows(3).any(|words| {
                let expected = ["access", "method", "default"];
                (words.iter().zip(expected)).all(|(token, word)| token.is_word(statement, word))
            });
    }
    let makes = recorded.objects.iter().any(is_new_with_access_method);
    makes || tag == "CREATE EXTENSION"
}

/// Whether the role of the session matters to the statement itself (not to a body that is a string constant).
fn mentions_session_user(statement: &[u8], conforming: bool) -> bool {
    const WORD: &str = "session_user";
    let may = statement
        .windows(WORD.len())
        .any(|window| window.eq_ignore_ascii_case(WORD.as_bytes()));
    may && Lexer::new(statement, conforming)
        .any(|token| token.kind == TokenKind::Word && token.is_word(statement, WORD))
}
