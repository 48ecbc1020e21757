//! Strings of statements in all spellings: each row's text is the statement as it was sent, to the byte.
//!
//! What is expected comes from two sides that know nothing of the extension: the generator puts strings together from
//! pieces that it knows; and psql, which splits the same string by itself, sends it statement by statement to a second
//! database. A bare database beside them tells how the server answers without the extension, to these strings and to
//! garbage made of them: answer for answer the same, with SQLSTATE, position and all other fields.
//!
//! The databases have different encodings, and clients speak others than their server, also some (SJIS, GBK, BIG5) whose
//! characters hold the bytes of a backslash or a brace; SQL_ASCII gets bytes that are no characters at all.

use super::dice::Dice;
use super::{Findings, Plan, connect_patiently, directory, replica, shortened};
use harness::cluster::Cluster;
use harness::server;
use harness::wire::{Lost, Reply, Wire};

/// Encoding of a server, of a client, and strings beyond ASCII that go forth and back unharmed.
const ENCODINGS: &[(&str, &str, &[&[u8]])] = &[
    (
        "UTF8",
        "UTF8",
        &[
            "größe".as_bytes(),
            "表".as_bytes(),
            "😀".as_bytes(),
            "e\u{301}".as_bytes(),
            "\u{a0}".as_bytes(),
            "\u{2028}".as_bytes(),
        ],
    ),
    ("UTF8", "LATIN1", &[b"gr\xf6\xdfe", b"\xa0\xbb", b"\xff"]),
    (
        "UTF8",
        "SJIS",
        &[
            b"\x95\x5c",
            b"\x83\x5c",
            b"\x93\xfa\x96\x7b",
            b"\x83\x5c\x5c",
        ],
    ),
    ("UTF8", "GBK", &[b"\xd5\x5c", b"\xb1\xed"]),
    ("UTF8", "BIG5", &[b"\xa5\x5c", b"\xaa\xed"]),
    ("UTF8", "EUC_JP", &[b"\xc9\xbd", b"\xc6\xfc\xcb\xdc"]),
    ("LATIN1", "LATIN1", &[b"gr\xf6\xdfe", b"\xa0\xbb", b"\xff"]),
    ("LATIN1", "UTF8", &["größe".as_bytes(), "ÿ".as_bytes()]),
    ("EUC_JP", "EUC_JP", &[b"\xc9\xbd", b"\xc6\xfc\xcb\xdc"]),
    (
        "EUC_JP",
        "SJIS",
        &[b"\x95\x5c", b"\x83\x5c", b"\x93\xfa\x96\x7b"],
    ),
    ("EUC_JP", "UTF8", &["表".as_bytes(), "日本".as_bytes()]),
    (
        "SQL_ASCII",
        "SQL_ASCII",
        &[b"\xff\xfe", b"\xc3", b"\xe8\xa1", b"\x80;\x80", b"\xf0\x9f"],
    ),
];

const STRINGS_PER_ROUND: usize = 12;

pub fn run(plan: &Plan, findings: &Findings) {
    let cluster = server::fresh();
    let names = plan.seed.is_multiple_of(2);
    cluster.start(&format!(
        "-c dts_ddl_capture.max_rows=0 -c max_connections=30 -c dts_ddl_capture.qualify_names={names}"
    ));
    let mut topic = Topic {
        plan,
        cluster: &cluster,
        directory: directory(&cluster),
        findings,
        strings: 0,
        rejected: 0,
        rows: 0,
        garbage: 0,
        garbage_accepted: 0,
        bytes: 0,
    };
    if let Err(lost) = topic.rounds() {
        findings.violation(format!("the server did not answer: {lost}"));
    }
    let Topic {
        strings,
        rejected,
        rows,
        garbage,
        garbage_accepted,
        bytes,
        ..
    } = topic;
    findings.fact(format!(
        "{strings} strings ({bytes} bytes, {} pairs of encodings), {rejected} of them rejected by the server; {rows} texts as the \
         generator and psql have them; {garbage} strings of garbage ({garbage_accepted} accepted) answered as by a bare database",
        ENCODINGS.len()
    ));
    cluster.stop("fast");
}

struct Topic<'a> {
    plan: &'a Plan,
    cluster: &'a Cluster,
    directory: std::path::PathBuf,
    findings: &'a Findings,
    strings: usize,
    rejected: usize,
    rows: usize,
    garbage: usize,
    garbage_accepted: usize,
    bytes: usize,
}

/// What is sent, and the texts of the rows that must come of it.
struct Sent {
    bytes: Vec<u8>,
    texts: Vec<Vec<u8>>,
    extended: bool,
}

/// Database with the extension, second one that psql fills, bare one.
fn databases(encoding: &str) -> [String; 3] {
    ["whole", "split", "bare"].map(|name| format!("{name}_{}", encoding.to_lowercase()))
}

impl Topic<'_> {
    fn rounds(&mut self) -> Result<(), Lost> {
        let mut admin = connect_patiently(self.cluster, "postgres");
        for encoding in ["UTF8", "LATIN1", "EUC_JP", "SQL_ASCII"] {
            for (number, database) in databases(encoding).iter().enumerate() {
                admin.rows(&format!(
                    "CREATE DATABASE {database} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
                ))?;
                let mut wire = connect_patiently(self.cluster, database);
                if number < 2 {
                    wire.rows("CREATE EXTENSION dts_ddl_capture")?;
                }
                wire.rows(
                    "CREATE TABLE base (id int, a text, j jsonb);
                     CREATE FUNCTION run(text) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE $1; RETURN 1; END'",
                )?;
            }
        }
        let mut number = 0;
        while !self.plan.is_over() && !self.findings.are_enough() {
            number += 1;
            self.round(number)?;
        }
        for encoding in ["UTF8", "LATIN1", "EUC_JP", "SQL_ASCII"] {
            let mut wire = connect_patiently(self.cluster, &databases(encoding)[0]);
            // JSON of any statement is JSON; a text is one statement of its tag, by PostgreSQL's own parser
            wire.rows("SELECT count(message::jsonb) FROM public.dts_ddl_command")?;
            wire.rows(
                "SET dts_ddl_capture.enabled = off;
                 CREATE FUNCTION pg_temp.verdict(sql text, tag text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
                   RETURN nullif(dts_ddl.statement_tags(sql)::text, ARRAY[tag]::text);
                   EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END $$",
            )?;
            let other = wire.rows(
                "SELECT * FROM (SELECT id, tag, ddl_text, pg_temp.verdict(ddl_text, tag) AS verdict FROM public.dts_ddl_command
                   WHERE NOT coalesce(message::jsonb -> 'settings' ? 'standard_conforming_strings', false)) x WHERE verdict IS NOT NULL",
            )?;
            for row in other.iter().take(3) {
                self.findings.violation(format!(
                    "not one statement of its tag, in {encoding}: {row:?}"
                ));
            }
        }
        Ok(())
    }

    fn round(&mut self, number: u64) -> Result<(), Lost> {
        let mut dice = Dice::new(self.plan.seed, 1000 + number);
        let (server, client, characters) = *dice.pick(ENCODINGS);
        let major = self.cluster.installation.major;
        // backslashes in plain strings: not for encodings whose characters hold them
        let conforming =
            major >= 19 || matches!(client, "SJIS" | "GBK" | "BIG5") || !dice.one_in(4);
        let mut writer = Writer {
            serial: number * 10_000,
            dice,
            characters,
            conforming,
            major,
        };
        let [whole, split, bare] = databases(server);
        let settings = [
            ("client_encoding", client),
            (
                "standard_conforming_strings",
                if conforming { "on" } else { "off" },
            ),
            ("escape_string_warning", "off"),
            ("lc_messages", "C"),
        ];
        let settings = if major >= 19 {
            [settings[0], settings[0], settings[0], settings[3]]
        } else {
            settings
        };
        let connect =
            |database: &str| Wire::connect(&self.directory, "postgres", database, &settings);
        let (mut left, mut right) = (connect(&whole)?, connect(&bare)?);
        let mut reader = connect(&whole)?;
        let (mut file, mut expected) = (Vec::new(), Vec::new());
        let mut last = last_id(&mut reader)?;
        let mut splitter = connect(&split)?;
        let last_split = last_id(&mut splitter)?;
        for _ in 0..STRINGS_PER_ROUND {
            if writer.dice.one_in(3) {
                // the first DDL of a session finds its text in other ways
                (left, right) = (connect(&whole)?, connect(&bare)?);
            }
            let sent = writer.string();
            self.strings += 1;
            self.bytes += sent.bytes.len();
            let reply = send(&mut left, &sent)?;
            let other = send(&mut right, &sent)?;
            self.expect_same(&sent, &reply, &other);
            let texts = texts_above(&mut reader, last)?;
            last = last_id(&mut reader)?;
            if reply.succeeded() {
                if texts != sent.texts {
                    self.tell(
                        &sent,
                        &format!(
                            "rows {}\n  expected {}",
                            shown_all(&texts),
                            shown_all(&sent.texts)
                        ),
                        server,
                        client,
                    );
                }
                self.rows += texts.len();
                file.extend_from_slice(&sent.bytes);
                file.extend_from_slice(b"\n;\n");
                expected.extend(texts);
            } else {
                self.rejected += 1;
                for wire in [&mut left, &mut right] {
                    wire.query("ROLLBACK")?;
                }
            }
            let garbage = writer.garbage(&sent.bytes);
            self.garbage += 1;
            let mut replies = Vec::new();
            for wire in [&mut left, &mut right] {
                wire.query("BEGIN")?;
                replies.push(send(wire, &garbage)?);
                wire.query("ROLLBACK")?;
            }
            self.garbage_accepted += usize::from(replies[0].succeeded());
            self.expect_same(&garbage, &replies[0], &replies[1]);
            last = last_id(&mut reader)?.max(last);
        }
        let path = self.plan.directory.join("strings.sql");
        let mut head = format!("SET client_encoding = '{client}';\n").into_bytes();
        if !conforming {
            head.extend_from_slice(
                b"SET standard_conforming_strings = off; SET escape_string_warning = off;\n",
            );
        }
        std::fs::write(&path, [head, file].concat())?;
        let (done, _, problem) = replica::run(
            self.cluster,
            "psql",
            &[
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &split,
                "-f",
                &path.display().to_string(),
            ],
            None,
        );
        let texts = texts_above(&mut splitter, last_split)?;
        // Up to 14 psql does not send comments that begin with two dashes.
        let as_expected = if harness::server::server().major < 15 {
            texts.len() == expected.len()
        } else {
            texts == expected
        };
        if !done || !as_expected {
            let at = texts
                .iter()
                .zip(&expected)
                .position(|(l, r)| l != r)
                .unwrap_or(texts.len().min(expected.len()));
            self.findings.violation(format!(
                "psql's pieces ({server}, client {client}) differ at row {at}: whole string {:?}, psql {:?} {}",
                expected.get(at).map(|text| shown(text)),
                texts.get(at).map(|text| shown(text)),
                shortened(&problem, 500)
            ));
        }
        Ok(())
    }

    /// The same answer with and without the extension.
    fn expect_same(&self, sent: &Sent, with: &Reply, without: &Reply) {
        let tags = |reply: &Reply| reply.results.clone();
        if with.error != without.error
            || with.notices != without.notices
            || tags(with) != tags(without)
            || with.status != without.status
        {
            self.findings.violation(format!(
                "answers differ to {}\n  with:    {:?} {:?} {:?}\n  without: {:?} {:?} {:?}",
                shown(&sent.bytes),
                with.error,
                with.notices,
                with.results,
                without.error,
                without.notices,
                without.results
            ));
        }
    }

    fn tell(&self, sent: &Sent, what: &str, server: &str, client: &str) {
        let protocol = if sent.extended { "extended" } else { "simple" };
        self.findings.violation(format!(
            "server {server}, client {client}, {protocol} protocol, string {}\n  {what}",
            shown(&sent.bytes)
        ));
    }
}

fn send(wire: &mut Wire, sent: &Sent) -> Result<Reply, Lost> {
    if sent.extended {
        wire.extended(&sent.bytes, 1)
    } else {
        wire.query(&sent.bytes)
    }
}

fn last_id(wire: &mut Wire) -> Result<i64, Lost> {
    Ok(wire
        .value("SELECT coalesce(max(id), 0) FROM public.dts_ddl_command")?
        .parse()
        .unwrap_or(0))
}

fn texts_above(wire: &mut Wire, after: i64) -> Result<Vec<Vec<u8>>, Lost> {
    let reply = wire.query(format!(
        "SELECT coalesce(message::jsonb #>> '{{original,text}}', ddl_text) FROM public.dts_ddl_command WHERE id > {after} ORDER BY id"
    ))?;
    if let Some(error) = &reply.error {
        return Err(Lost {
            fatal: Some(error.clone()),
            reason: "while texts were read".to_owned(),
        });
    }
    Ok(reply
        .rows()
        .iter()
        .map(|row| row[0].clone().unwrap_or_default())
        .collect())
}

fn shown(bytes: &[u8]) -> String {
    shortened(&bytes.escape_ascii().to_string(), 1500)
}

fn shown_all(texts: &[Vec<u8>]) -> String {
    texts
        .iter()
        .map(|text| shown(text))
        .collect::<Vec<_>>()
        .join("\n    | ")
}

/// Writes strings of statements.
struct Writer {
    serial: u64,
    dice: Dice,
    characters: &'static [&'static [u8]],
    conforming: bool,
    major: u32,
}

/// A piece of a string: one statement, and the texts that it leaves.
struct Piece {
    sql: Vec<u8>,
    texts: Vec<Vec<u8>>,
}

/// Puts `?` in the places of the parts.
fn filled(template: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut parts = parts.iter();
    let mut out = Vec::new();
    for byte in template.bytes() {
        match byte {
            b'?' => out.extend_from_slice(parts.next().copied().unwrap_or_default()),
            _ => out.push(byte),
        }
    }
    out
}

impl Writer {
    fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn odd(&mut self) -> Vec<u8> {
        if self.dice.one_in(2) {
            return self.dice.pick(self.characters).to_vec();
        }
        let odd: &[&str] = &[
            ";",
            "--",
            "/*",
            "*/",
            "$$",
            "$1",
            "$x$",
            ":a",
            ":'a'",
            "begin atomic",
            "end;",
            "\n",
            "\r",
            "\t",
            "\u{c}",
            "(",
            ")",
            "E",
            "U&",
            "\u{1}",
            "{",
            "}",
            "%s",
            "?",
            "@",
            "create",
            "select",
            " ",
        ];
        self.dice.pick(odd).as_bytes().to_vec()
    }

    /// White space and comments, at least something.
    fn blank(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..1 + self.dice.roll(2) {
            match self.dice.roll(if self.major >= 16 { 12 } else { 11 }) {
                0..=4 => out.push(b' '),
                5 => out.extend_from_slice(b"\r\n"),
                6 => out.extend_from_slice(b"\t\x0c"),
                7 => out.extend_from_slice(b"/* /* ; ' */ \" $$ */"),
                8 => {
                    let odd = self.dice.pick(self.characters).to_vec();
                    out.extend_from_slice(&[b"/*", &odd[..], b";*/"].concat());
                }
                9 => {
                    let odd = self.dice.pick(self.characters).to_vec();
                    out.extend_from_slice(&[b"-- it's; $$ /* ", &odd[..], b"\n"].concat());
                }
                10 => out.extend_from_slice(b"--\n"),
                _ => out.push(0x0b),
            }
        }
        out
    }

    /// Blanks in all places of a template that `~` marks.
    fn spread(&mut self, template: Vec<u8>) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in template {
            match byte {
                b'~' => out.extend(self.blank()),
                _ => out.push(byte),
            }
        }
        out
    }

    /// An identifier that is there only once.
    fn name(&mut self) -> Vec<u8> {
        let serial = self.serial();
        let odd = self.odd();
        match self.dice.roll(6) {
            0 => format!("n{serial}").into_bytes(),
            1 => format!("N_{serial}$a$").into_bytes(),
            2 if !odd.is_ascii() && odd.iter().all(|b| !b.is_ascii()) => {
                [&odd[..], format!("{serial}").as_bytes()].concat()
            }
            3 if self.conforming => format!("U&\"d\\0061t\\+000061;{serial}\"").into_bytes(),
            4 => format!("\"a\"\"{serial}\"").into_bytes(),
            _ => [b"\"", &odd[..], serial.to_string().as_bytes(), b"\""].concat(),
        }
    }

    /// A string constant.
    fn string_constant(&mut self) -> Vec<u8> {
        let (a, b) = (self.odd(), self.odd());
        let serial = self.serial();
        match self.dice.roll(9) {
            0 => [b"'", &a[..], b"''", &b, b"'"].concat(),
            1 => [b"E'\\'", &a[..], b"\\\\", &b, b";\\n'"].concat(),
            2 if !a.contains(&b'$') && !b.contains(&b'$') => {
                [b"$$", &a[..], b"';--", &b, b"$$"].concat()
            }
            3 => [
                format!("$q{serial}$").as_bytes(),
                &a,
                b"$q$ $$ '",
                &b,
                format!("$q{serial}$").as_bytes(),
            ]
            .concat(),
            4 if self.conforming => [b"U&'\\0041;\\\\", &a[..], b"'"].concat(),
            5 => [b"'", &a[..], b"'\n'", &b, b"'"].concat(),
            6 => [b"'", &a[..], b"' -- it's;\n\t'", &b, b"'"].concat(),
            7 if !self.conforming => [b"'\\';\\\\", &a[..], b"\\''"].concat(),
            _ => [b"'", &a[..], b"'"].concat(),
        }
    }

    /// One plain DDL command; the objects that it needs are there.
    fn ddl(&mut self) -> Vec<u8> {
        let (n, m, s, t) = (
            self.name(),
            self.name(),
            self.string_constant(),
            self.string_constant(),
        );
        let tag = format!("$b{}$", self.serial());
        let tag = tag.as_bytes();
        let operator: String = (0..3)
            .map(|_| {
                *self
                    .dice
                    .pick(&['<', '>', '~', '!', '@', '#', '%', '^', '&', '|', '`'])
            })
            .collect();
        let schema = format!("o{}", self.serial());
        let template = match self.dice.roll(if self.major >= 14 { 24 } else { 22 }) {
            0 => filled("CREATE~TABLE~?~(~?~text~DEFAULT~?~,b~int)", &[&n, &m, &s]),
            1 => filled("COMMENT~ON~TABLE~base~IS~?", &[&s]),
            2 => filled(
                "create~or~replace~view~?~as~select~?~::text~as~?",
                &[&n, &s, &m],
            ),
            3 => filled(
                "CREATE~FUNCTION~?()~RETURNS~text~LANGUAGE~sql~AS~?~SELECT ?;-- ;\nSELECT ?~?",
                &[&n, tag, &s, &t, tag],
            ),
            4 => filled(
                "CREATE~RULE~?~AS~ON~INSERT~TO~base~DO~ALSO~(NOTIFY~a;~SELECT~?~;;~DELETE~FROM~base~WHERE~a=?~)",
                &[&n, &s, &t],
            ),
            5 => filled(
                "CREATE~SCHEMA~?~CREATE~TABLE~x~(a~text~DEFAULT~?)~CREATE~VIEW~v~AS~SELECT~a~FROM~x~WHERE~a<>?",
                &[&n, &s, &t],
            ),
            6 => filled("CREATE~DOMAIN~?~AS~text~CHECK~(VALUE~<>~?)", &[&n, &s]),
            7 => filled("CREATE~INDEX~ON~base~((a~||~?))~WHERE~a~<>~?", &[&s, &t]),
            8 => {
                let out = filled(
                    "CREATE~OPERATOR~public.%O~(PROCEDURE=texteq,LEFTARG=?,RIGHTARG=text)",
                    &[b"text"],
                );
                let out = String::from_utf8_lossy(&out).replace(
                    "%O",
                    &format!("{operator}{}", "<>".repeat(self.dice.roll(8))),
                );
                return self.spread(out.into_bytes());
            }
            9 => filled("CREATE~TYPE~?~AS~ENUM~('a;',~'b''')", &[&n]),
            10 => filled("CREATE~TYPE~?~AS~(~?~text)", &[&n, &m]),
            11 => filled("CREATE~SEQUENCE~?~START~2", &[&n]),
            12 => filled("GRANT~SELECT(~a~)~ON~base~TO~PUBLIC", &[]),
            13 => filled("CREATE~POLICY~?~ON~base~USING~(a~=~?)", &[&n, &s]),
            14 => filled("ALTER~TABLE~base~ALTER~a~SET~DEFAULT~?", &[&s]),
            15 => filled(
                "CREATE~VIEW~?~AS~SELECT~(ARRAY[1,2,3])[1:2]~AS~a,~j->>?~AS~b,~j~@>~'{}'::jsonb~AS~c~FROM~base",
                &[&n, &s],
            ),
            16 => filled("ALTER~FUNCTION~run(text)~SET~\"x.y\"~=~?", &[&s]),
            17 => filled(
                "CREATE~AGGREGATE~?~(text)~(SFUNC=textcat,STYPE=text,INITCOND=?)",
                &[&n, &s],
            ),
            18 => filled(
                "CREATE~TABLE~?~(a~int,~CHECK~(a~<~-~-1~AND~a~>~1-~-~2))",
                &[&n],
            ),
            19 => filled("CREATE~TABLE~?~AS~SELECT~?::text~AS~?", &[&n, &s, &m]),
            20 => filled("SELECT~?::text~AS~?~INTO~TABLE~?~FROM~base", &[&s, &m, &n]),
            21 => filled(
                "CREATE~MATERIALIZED~VIEW~?~AS~SELECT~?::text~AS~a",
                &[&n, &s],
            ),
            22 => filled(
                "CREATE~FUNCTION~?()~RETURNS~text~LANGUAGE~sql~BEGIN~ATOMIC~SELECT~?::text;~SELECT~CASE~WHEN~true~THEN~?::text~END;~END",
                &[&n, &s, &t],
            ),
            _ => filled(
                "CREATE~OR~REPLACE~PROCEDURE~?()~LANGUAGE~sql~BEGIN~ATOMIC~INSERT~INTO~base(a)~VALUES~(?);~END",
                &[schema.as_bytes(), &s],
            ),
        };
        self.spread(template)
    }

    /// Something between that leaves no row.
    fn no_ddl(&mut self) -> Vec<u8> {
        let (s, n) = (self.string_constant(), self.name());
        let template = match self.dice.roll(7) {
            0 => filled("SELECT~?::text~AS~?", &[&s, &n]),
            1 => filled("INSERT~INTO~base~(a)~VALUES~(~?~)", &[&s]),
            2 => b"".to_vec(),
            3 => b"~;~;~".to_vec(),
            4 => filled("CREATE~TEMP~TABLE~?~(a~int)", &[&n]),
            5 => filled("SET~LOCAL~\"x.z\"~=~?", &[&s]),
            _ => filled("DELETE~FROM~base~WHERE~a~=~?", &[&s]),
        };
        self.spread(template)
    }

    fn piece(&mut self) -> Piece {
        let own = |sql: Vec<u8>| Piece {
            texts: vec![sql.clone()],
            sql,
        };
        let tag = format!("$d{}$", self.serial());
        let tag = tag.as_bytes();
        let within = format!("$e{}$", self.serial());
        let within = within.as_bytes();
        match self.dice.roll(24) {
            0..=13 => own(self.ddl()),
            14..=16 => Piece {
                sql: self.no_ddl(),
                texts: Vec::new(),
            },
            17 | 18 => {
                let Sent { bytes, texts, .. } = self.list(3);
                Piece {
                    sql: filled("DO~? BEGIN EXECUTE ?", &[tag, within])
                        .into_iter()
                        .chain([&bytes[..], within, b"; END ", tag].concat())
                        .collect(),
                    texts,
                }
            }
            19 => {
                let Sent { bytes, texts, .. } = self.list(3);
                Piece {
                    sql: [b"SELECT run(", within, &bytes, within, b")"].concat(),
                    texts,
                }
            }
            20 => {
                // static SQL of PL/pgSQL
                let (inner, more) = (self.ddl(), self.ddl());
                let (before, after) = (self.blank(), self.blank());
                if [&inner, &more].iter().any(|sql| is_into(sql)) {
                    return own(self.ddl());
                }
                let sql = [
                    b"DO ", tag, b" BEGIN", &before, &inner, &after, b";\n", &more, b"; END ", tag,
                ]
                .concat();
                Piece {
                    sql,
                    texts: vec![inner, more],
                }
            }
            21 => {
                let n = self.serial();
                let (inner, more) = (self.ddl(), self.ddl());
                let (before, after) = (self.blank(), self.blank());
                let body = [&before[..], &inner, &after, b";", &more].concat();
                let create = [
                    b"CREATE FUNCTION g",
                    n.to_string().as_bytes(),
                    b"() RETURNS void LANGUAGE sql AS ",
                    tag,
                    &body,
                    tag,
                ]
                .concat();
                let sql = [&create[..], b";SELECT g", n.to_string().as_bytes(), b"()"].concat();
                Piece {
                    sql,
                    texts: vec![create, inner, more],
                }
            }
            _ => {
                let n = self.name();
                let (s, t) = (self.string_constant(), self.string_constant());
                let first = filled("CREATE~TABLE~?~(a~text~DEFAULT~?)", &[&n, &s]);
                let first = self.spread(first);
                let second = filled("COMMENT~ON~TABLE~?~IS~?", &[&n, &t]);
                let second = self.spread(second);
                let third = filled("DROP~TABLE~?~CASCADE", &[&n]);
                let third = self.spread(third);
                Piece {
                    sql: [&first[..], b";", &second, b" ;", &third].concat(),
                    texts: vec![first, second, third],
                }
            }
        }
    }

    fn list(&mut self, most: usize) -> Sent {
        let (mut bytes, mut texts) = (Vec::new(), Vec::new());
        for _ in 0..1 + self.dice.roll(most) {
            let sql = self.ddl();
            if is_into(&sql) {
                continue;
            }
            bytes.extend(self.blank());
            bytes.extend_from_slice(&sql);
            bytes.extend(self.blank());
            bytes.push(b';');
            texts.push(sql);
        }
        if texts.is_empty() {
            bytes.extend_from_slice(b"SELECT 1");
        } else if self.dice.one_in(2) {
            bytes.pop();
        }
        Sent {
            bytes,
            texts,
            extended: false,
        }
    }

    fn string(&mut self) -> Sent {
        if self.dice.one_in(4) {
            let (before, after, sql) = (self.blank(), self.blank(), self.ddl());
            let end: &[u8] = if self.dice.one_in(2) { b";" } else { b"" };
            let bytes = [&before[..], &sql, &after, end].concat();
            return Sent {
                bytes,
                texts: vec![sql],
                extended: true,
            };
        }
        let (mut bytes, mut texts) = (Vec::new(), Vec::new());
        let block = self.dice.one_in(6);
        if block {
            bytes.extend_from_slice(b"BEGIN ;");
        }
        for _ in 0..1 + self.dice.roll(6) {
            bytes.extend(self.blank());
            let piece = self.piece();
            bytes.extend_from_slice(&piece.sql);
            bytes.extend(self.blank());
            bytes.push(b';');
            texts.extend(piece.texts);
        }
        if block {
            bytes.extend_from_slice(b"/*;*/COMMIT");
        } else if self.dice.one_in(2) {
            bytes.pop();
        }
        if self.dice.one_in(3) {
            bytes.extend_from_slice(b"-- the end; CREATE TABLE no (a int)");
        }
        Sent {
            bytes,
            texts,
            extended: false,
        }
    }

    /// The string, damaged.
    fn garbage(&mut self, from: &[u8]) -> Sent {
        let mut bytes = from.to_vec();
        let odd: &[&[u8]] = &[
            b"'",
            b"\"",
            b"$$",
            b"/*",
            b"*/",
            b"--",
            b";",
            b"(",
            b")",
            b"\\",
            b"E'",
            b"U&'\\",
            b"$x$",
            b"\xff",
            b"\xc3",
            b" CREATE ",
            b" ON ",
            b",",
            b"\0",
        ];
        for _ in 0..1 + self.dice.roll(3) {
            let at = self.dice.roll(bytes.len().max(1)).min(bytes.len());
            match self.dice.roll(4) {
                0 => bytes.truncate(at),
                1 => {
                    let end = (at + 1 + self.dice.roll(8)).min(bytes.len());
                    bytes.drain(at..end);
                }
                2 => {
                    let piece = self.dice.pick(&odd[..odd.len() - 1]).to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => {
                    let from = self.dice.roll(bytes.len().max(1)).min(bytes.len());
                    let end = (from + self.dice.roll(20)).min(bytes.len());
                    let piece = bytes[from..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        // it is rolled back afterwards, on both sides
        let lower = bytes.to_ascii_lowercase();
        if [&b"commit"[..], b"begin ;", b"end"]
            .iter()
            .any(|word| lower.windows(word.len()).any(|w| w == *word))
        {
            bytes = b"CREATE TABEL x".to_vec();
        }
        Sent {
            bytes,
            texts: Vec::new(),
            extended: self.dice.one_in(4),
        }
    }
}

/// SELECT INTO is something else in PL/pgSQL.
fn is_into(sql: &[u8]) -> bool {
    sql.starts_with(b"SELECT")
}
