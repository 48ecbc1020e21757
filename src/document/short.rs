//! The short form in which a document is written, and the full one in which it is read.
//!
//! Not written is what the columns of the row or other keys say: who the session is, names that an identity has in it, that an
//! object was not named by the command, that nothing was around it; and settings of which nothing asks. Destinations up to 1.7.0 do
//! not complete it, and do not look at the version either. So what they need is written though it could be told: types and
//! identities, search_path, the session's role where code may ask for it.

use super::settings::{Reach, Told};
use super::{Document, Object, Operation, VERSION};
use std::borrow::Cow;

impl Document<'_> {
    /// Leaves out what can be told, and settings that do not matter to the command. `username` is the column of the row.
    pub fn shorten(&mut self, username: Option<&str>, statement: &[u8], calls_functions: bool) {
        let reach = Reach::of(statement, calls_functions);
        self.settings.reach = reach;
        if reach < Reach::Functions {
            self.reset = Told::default();
        }
        let is_itself = username.is_some() && self.session_user.as_deref() == username;
        if is_itself && reach < Reach::Functions && !mentions_session_user(statement) {
            self.session_user = None;
        }
        for object in &mut self.objects {
            object.original = object.original.filter(|named| *named);
            // Up to 1.7.0 what was made is looked for by its name.
            if self.made.is_empty() {
                object.leave_out_names();
            }
        }
    }
}

impl Document<'static> {
    /// The document of a row in its full form, or what is wrong with it. `username` is the column of the row.
    pub fn read(message: &str, username: Option<&str>) -> Result<Self, String> {
        let mut read: Self = serde_json::from_str(message)
            .map_err(|error| format!("Its \"message\" is not the JSON document: {error}."))?;
        if read.v > VERSION {
            return Err(format!(
                "Its \"message\" has version {}; this version of the extension knows version {VERSION}.",
                read.v
            ));
        }
        if read.session_user.is_none() {
            read.session_user = username.map(|name| Cow::Owned(name.to_owned()));
        }
        read.objects.iter_mut().for_each(Object::complete);
        Ok(read)
    }
}

impl Object {
    fn leave_out_names(&mut self) {
        if self.is_schema_and_name() {
            (self.schema, self.name) = (None, None);
            return;
        }
        let Some((schema, name)) = self.identity.as_deref().and_then(names_in) else {
            return;
        };
        // PostgreSQL tells no name of a function that was dropped.
        let is_named_so = self.name.is_none() || self.name.as_deref() == Some(&*name);
        if is_named_so && self.schema.as_deref() == schema.as_deref() {
            (self.schema, self.name) = (None, None);
        }
    }

    /// Whether the identity is both, without quotes: the usual case.
    fn is_schema_and_name(&self) -> bool {
        let (Some(identity), Some(schema), Some(name)) = (&self.identity, &self.schema, &self.name)
        else {
            return false;
        };
        let rest = identity.strip_prefix(&**schema);
        rest.and_then(|rest| rest.strip_prefix('.')) == Some(name) && !identity.contains('"')
    }

    fn complete(&mut self) {
        if self.op == Operation::Drop {
            self.original.get_or_insert(false);
        }
        if self.schema.is_some() || self.name.is_some() {
            return;
        }
        let names = self.identity.as_deref().and_then(names_in);
        let names = names.map(|(schema, name)| (schema.map(Cow::into_owned), name.into_owned()));
        if let Some((schema, name)) = names {
            (self.schema, self.name) = (schema, Some(name));
        }
    }
}

/// Schema and name, where an identity begins with them, with the relation between them perhaps, or is that of a part `on` a relation.
fn names_in(identity: &str) -> Option<(Option<Cow<'_, str>>, Cow<'_, str>)> {
    let (mut name, mut rest) = identifier(identity)?;
    if let Some(relation) = rest.strip_prefix(" on ") {
        let (schema, rest) = identifier(relation)?;
        let (_, rest) = identifier(rest.strip_prefix('.')?)?;
        return rest.is_empty().then_some((Some(schema), name));
    }
    let mut schema = None;
    while let Some(next) = rest.strip_prefix('.') {
        let (part, behind) = identifier(next)?;
        schema.get_or_insert(std::mem::replace(&mut name, part));
        rest = behind;
    }
    // the arguments of a function
    (rest.is_empty() || rest.starts_with('(')).then_some((schema, name))
}

/// The name in the identity of a relation.
pub fn name_in(identity: &str) -> Option<String> {
    names_in(identity).map(|(_, name)| name.into_owned())
}

/// The name with which a text begins, quoted or not, and what is behind it.
fn identifier(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let is_end = |&byte: &u8| matches!(byte, b'.' | b'(' | b' ' | b'"');
        let end = text.as_bytes().iter().position(is_end);
        let end = end.unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (end > 0).then_some((Cow::Borrowed(name), rest));
    };
    let mut end = quoted.find('"')?;
    while quoted[end + 1..].starts_with('"') {
        end += 2 + quoted[end + 2..].find('"')?;
    }
    let (name, rest) = (&quoted[..end], &quoted[end + 1..]);
    let name = if name.contains('"') {
        Cow::Owned(name.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(name)
    };
    Some((name, rest))
}

/// Whether a statement may name the role of the session.
fn mentions_session_user(statement: &[u8]) -> bool {
    const WORD: &[u8] = b"session_user";
    const UNDERSCORE: usize = 7;
    memchr::memchr_iter(b'_', statement).any(|at| {
        let word = at
            .checked_sub(UNDERSCORE)
            .and_then(|begin| statement.get(begin..begin + WORD.len()));
        word.is_some_and(|word| word.eq_ignore_ascii_case(WORD))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Made, Nesting, Object, Operation, RunAs};
    use super::*;

    fn object(op: Operation, kind: &str, identity: &str, names: [Option<&str>; 2]) -> Object {
        let [schema, name] = names.map(|name| name.map(str::to_owned));
        Object {
            op,
            object_type: kind.to_owned().into(),
            identity: Some(identity.to_owned()),
            schema,
            name,
            original: (op == Operation::Drop).then_some(false),
        }
    }

    /// What an identity says is not written, and comes back; what it does not say stays.
    #[test]
    fn names_of_objects() {
        for (kind, identity, schema, name, is_left_out) in [
            ("table", "app.customer", Some("app"), Some("customer"), true),
            (
                "table",
                r#""A.""b"."c (d""#,
                Some("A.\"b"),
                Some("c (d"),
                true,
            ),
            ("schema", "app", None, Some("app"), true),
            ("schema", r#""a.b""#, None, Some("a.b"), true),
            (
                "function",
                "app.f(integer, app.t)",
                Some("app"),
                Some("f"),
                true,
            ),
            (
                "operator",
                "app.=(integer,integer)",
                Some("app"),
                Some("="),
                true,
            ),
            ("table column", "app.t.c", Some("app"), Some("c"), true),
            (
                "trigger",
                r#""T on" on app."a b""#,
                Some("app"),
                Some("T on"),
                true,
            ),
            (
                "table constraint",
                "k on app.t",
                Some("app"),
                Some("k"),
                true,
            ),
            (
                "operator class",
                "app.o USING btree",
                Some("app"),
                Some("o"),
                false,
            ),
            ("type", "app.t[]", Some("app"), Some("_t"), false),
            ("user mapping", "bob on server s", None, Some("s"), false),
            ("table", "app.t", Some("other"), Some("t"), false),
            ("table", "t", Some("app"), Some("t"), false),
            ("table", r#""t"#, None, Some("t"), false),
        ] {
            let full = object(Operation::Create, kind, identity, [schema, name]);
            let mut short = full.clone();
            short.leave_out_names();
            assert_eq!(short.name.is_none(), is_left_out, "{identity}");
            assert_eq!(
                short.schema.is_none(),
                is_left_out || schema.is_none(),
                "{identity}"
            );
            short.complete();
            assert_eq!(
                (short.schema, short.name),
                (full.schema, full.name),
                "{identity}"
            );
        }
        for identity in [
            "(pg_catalog.text AS app.t)",
            "",
            "a..b",
            "a on b",
            "\"\"\"",
            "a.b c",
            "a on b.c.d",
        ] {
            assert!(names_in(identity).is_none(), "{identity}");
        }
    }

    /// Written in the short form, a document is read as it was; and so is one in the long form.
    #[test]
    fn short_and_full() {
        let full = || Document {
            v: VERSION,
            objects: vec![
                object(Operation::Drop, "view", "app.v", [Some("app"), Some("v")]),
                Object {
                    original: Some(true),
                    ..object(Operation::Drop, "table", "app.t", [Some("app"), Some("t")])
                },
            ],
            session_user: Some("me".into()),
            search_path: vec!["app".to_owned()].into(),
            nesting: Cow::Owned(Nesting::top()),
            ..Document::default()
        };
        let text = |document: &Document<'_>| serde_json::to_string(document).expect("JSON");
        let mut short = full();
        short.shorten(Some("me"), b"DROP TABLE app.t CASCADE", false);
        assert_eq!(
            text(&short),
            r#"{"v":1,"objects":[{"op":"drop","type":"view","identity":"app.v"},{"op":"drop","type":"table","identity":"app.t","original":true}],"search_path":["app"]}"#
        );
        let read = |message: &str| text(&Document::read(message, Some("me")).expect("a document"));
        assert_eq!(read(&text(&short)), text(&full()));
        assert_eq!(read(&text(&full())), text(&full()));
        // as it was written up to 1.7.0
        let long = text(&full()).replacen(
            "\"search_path\"",
            "\"nesting\":{\"level\":\"top\"},\"search_path\"",
            1,
        );
        assert_eq!(read(&long), text(&full()));
        // another session, one that matters, and what was made
        let mut another = full();
        another.shorten(Some("you"), b"", false);
        assert_eq!(another.session_user.as_deref(), Some("me"));
        let mut matters = full();
        matters.shorten(Some("me"), b"", true);
        assert_eq!(matters.session_user.as_deref(), Some("me"));
        let mut named = full();
        named.shorten(
            Some("me"),
            b"ALTER TABLE app.t OWNER TO SESSION_USER",
            false,
        );
        assert_eq!(named.session_user.as_deref(), Some("me"));
        let mut made = full();
        made.made = vec![Made::default()];
        made.shorten(Some("me"), b"", false);
        assert_eq!(made.objects[0].name.as_deref(), Some("v"));
        let mut nobody = full();
        (nobody.session_user, nobody.run_as) = (None, Some(RunAs::default()));
        nobody.shorten(None, b"", false);
        assert!(nobody.session_user.is_none());
    }

    /// Settings are told as far as the command depends on its session.
    #[test]
    fn settings_that_matter() {
        let names = [
            "TimeZone",
            "default_tablespace",
            "default_text_search_config",
        ];
        let settings = || names.iter().map(|name| ((*name).into(), "x".to_owned()));
        for (statement, calls_functions, want) in [
            ("CREATE TABLE a (b int)", false, &names[1..2]),
            ("CREATE TABLE a (b int DEFAULT '1')", false, &names[..2]),
            ("COMMENT ON TABLE a IS $$b$$", false, &names[..2]),
            ("CREATE INDEX ON a (f(b))", true, &names[..]),
        ] {
            let mut document = Document {
                settings: Told::new(Cow::Owned(settings().collect())),
                reset: Told::new(Cow::Owned(settings().take(1).collect())),
                ..Document::default()
            };
            document.shorten(None, statement.as_bytes(), calls_functions);
            let told = serde_json::to_value(&document).expect("JSON");
            let settings = told["settings"].as_object().expect("settings");
            assert_eq!(settings.keys().collect::<Vec<_>>(), want, "{statement}");
            assert_eq!(told.get("reset").is_some(), calls_functions, "{statement}");
        }
    }

    /// A form that is not known yet is not taken for this one.
    #[test]
    fn of_another_version() {
        let error = Document::read(r#"{"v":2}"#, None).err().expect("an error");
        assert!(error.contains("has version 2"), "{error}");
        let error = Document::read("[", None).err().expect("an error");
        assert!(error.contains("is not the JSON document"), "{error}");
    }

    #[test]
    fn session_user_in_a_statement() {
        for (statement, want) in [
            ("ALTER TABLE a OWNER TO SESSION_USER", true),
            ("session_user", true),
            ("Session_User_", true),
            ("ession_user", false),
            ("session_use", false),
            ("_a_session", false),
            ("", false),
        ] {
            assert_eq!(
                mentions_session_user(statement.as_bytes()),
                want,
                "{statement}"
            );
        }
    }
}
