//! The names of a statement that have no schema: which there are, what PostgreSQL finds by them at this moment, and the statement
//! with schemas in front of them.
//!
//! A [`Reading`] is a tree of the raw parser with its names; it lives as long as the memory context it was made in. A statement
//! with schemas is read again, and taken only if it is the same statement but for these schemas: a name that was looked for in
//! the wrong place of the text changes nothing.

use crate::pg::command::name::{Argument, Arguments, How, Name, identifier};
use crate::pg::command::names_in_command;
use crate::pg::command::names_in_query::{Walk, named_by_type};
use crate::pg::command::node::ParseTree;
use crate::pg::command::parser;
use crate::pg::command::visible::{self, Candidate, Kind, Path, Place};
use crate::pg::runtime::transaction::Progress;
use crate::pg::runtime::{list, memory, text};
use pgrx::{PgMemoryContexts, pg_sys};
use statement::{Change, Lone, TokenKind, lone_tokens, qualify};
use std::collections::HashMap;
use std::ffi::CString;

/// So many places in the text are tried for names whose place the parser does not tell.
const TRIES: usize = 64;

/// In a statement that is longer they are not tried.
const LONGEST_TO_TRY: usize = 1 << 18;

/// What PostgreSQL finds by a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The same with and without a schema.
    Implied,
    Schema(String),
    /// Several of its kind in more than one schema.
    Among(Vec<Candidate>),
    Nothing,
    Temporary,
}

/// A statement with its names.
pub struct Reading {
    tree: ParseTree,
    names: Vec<Name>,
    /// The schema that a CREATE SCHEMA makes, with elements; without a name if it is that of a role.
    pub makes_schema: Option<Option<String>>,
    /// The extension that a CREATE EXTENSION makes without saying where.
    pub makes_extension: Option<String>,
}

/// Why a statement cannot be read.
pub const UNKNOWN: &str = "names of a command of this kind are not known";
const UNREADABLE: &str = "the statement cannot be read again";
const NO_PLACE: &str = "where a name stands cannot be told";
const TOO_MANY: &str = "there are too many names";

/// A statement may have so many.
const MOST: usize = 100_000;

/// Runs `f` in a memory context of its own: trees are large, and several are made of one statement.
pub fn within<R>(f: impl FnOnce() -> R) -> R {
    let mut context = PgMemoryContexts::new("names of a statement");
    // SAFETY: what comes out are Rust values; a tree comes out in a reading only, which its maker uses inside.
    unsafe { context.switch_to(|_| f()) }
}

impl Reading {
    /// Reads one statement.
    pub fn of(statement: &[u8], standard_conforming_strings: bool) -> Result<Self, &'static str> {
        memory::require(statement.len().saturating_mul(2));
        let query = text::c_string_of_bytes(statement);
        let tree = parser::parsed(&query, standard_conforming_strings).ok_or(UNREADABLE)?;
        let walked = parser::if_parsed(|| {
            let mut walk = Walk::new(MOST);
            // SAFETY: the tree was made just now.
            let known = unsafe { names_in_command::collect(&mut walk, tree.node()) };
            Some(known.map(|()| walk.names))
        });
        let names = walked.ok_or(UNREADABLE)?.map_err(|_| UNKNOWN)?;
        if names.len() > MOST {
            return Err(TOO_MANY);
        }
        Ok(Reading {
            tree,
            names,
            makes_schema: makes_schema(tree),
            makes_extension: makes_extension(tree),
        })
    }

    fn lone(&self) -> impl Iterator<Item = &Name> {
        self.names.iter().filter(|name| !name.is_qualified())
    }

    /// What each name without a schema means now, in order.
    pub fn meanings(&self, path: &Path) -> Vec<Meaning> {
        let mut known: HashMap<(Kind, &[u8], Arguments, bool), Meaning> = HashMap::new();
        let meanings = self.lone().map(|name| {
            if name.argument.is_some() || matches!(name.arguments, Arguments::Types(_)) {
                return meaning(path, name);
            }
            let key = (
                name.kind.clone(),
                &name.name[..],
                name.arguments.clone(),
                name.is_perhaps,
            );
            known
                .entry(key)
                .or_insert_with(|| meaning(path, name))
                .clone()
        });
        meanings.collect()
    }

    /// How often something of a kind and name is named, with a schema or without.
    pub fn mentions(&self) -> HashMap<Key, usize> {
        let mut mentions = HashMap::new();
        for name in &self.names {
            *mentions
                .entry((name.kind.clone(), name.name.clone()))
                .or_default() += 1;
        }
        mentions
    }

    /// What is to be known of each name without a schema beside what it means, in order.
    pub fn described(&self) -> impl Iterator<Item = Described<'_>> {
        self.lone().map(|name| Described {
            name,
            is_made: name.is_made,
            is_late: name.is_late,
            is_stored: name.is_stored,
            is_perhaps: name.is_perhaps,
            can_be_qualified: name.how != How::Nowhere,
        })
    }

    /// The statement, which this is, with these schemas in front of its names without one, and with the one of an extension.
    pub fn qualified(
        &self,
        statement: &[u8],
        standard_conforming_strings: bool,
        schemas: &[Option<String>],
        of_extension: Option<&str>,
    ) -> Result<Vec<u8>, &'static str> {
        let wanted: Vec<Wanted> = (self.names.iter().enumerate())
            .filter(|(_, name)| !name.is_qualified())
            .zip(schemas)
            .filter_map(|((number, name), schema)| {
                let schema = schema.as_ref()?;
                Some(Wanted {
                    number,
                    name,
                    plain: text::encode(schema).into_owned(),
                    schema: text::encode(&text::quote_identifier(schema)).into_owned(),
                })
            })
            .collect();
        let conforming = standard_conforming_strings;
        let places = self.places(statement, conforming, &wanted);
        let first = |place: &Places| place.tokens.first().copied().ok_or(NO_PLACE);
        let all: Result<Vec<Lone>, _> = places.iter().map(first).collect();
        let build = |of: &[Wanted], tokens: &[Lone]| {
            let changes = of
                .iter()
                .zip(tokens)
                .map(|(Wanted { name, schema, .. }, lone)| {
                    // SAFETY: the tree lives.
                    let constant = unsafe { name.constant_in(schema) };
                    let change = match (name.how, constant) {
                        (_, Some(constant)) => Change::Constant(constant),
                        (How::Wrapped, None) => Change::Operator(schema.clone()),
                        (_, None) => Change::Schema(schema.clone()),
                    };
                    (lone.token, change)
                });
            qualify(statement, changes.collect())
        };
        let with_extension = |mut statement: Vec<u8>| {
            if let Some(schema) = of_extension {
                statement.extend_from_slice(b" SCHEMA ");
                statement.extend_from_slice(&text::encode(&text::quote_identifier(schema)));
            }
            statement
        };
        let mut tokens = all?;
        let candidate = with_extension(build(&wanted, &tokens));
        if self.is_same(&candidate, conforming, &wanted, of_extension.is_some()) {
            return Ok(candidate);
        }
        let doubtful: Vec<usize> = (0..places.len())
            .filter(|&at| places[at].is_doubtful)
            .collect();
        let tries: usize = doubtful.iter().map(|&at| places[at].tokens.len()).sum();
        if doubtful.is_empty() || tries > TRIES || statement.len() > LONGEST_TO_TRY {
            return Err(NO_PLACE);
        }
        for at in doubtful {
            let of = &wanted[at..=at];
            let found = places[at]
                .tokens
                .iter()
                .copied()
                .find(|&token| self.is_same(&build(of, &[token]), conforming, of, false));
            tokens[at] = found.ok_or(NO_PLACE)?;
        }
        let candidate = with_extension(build(&wanted, &tokens));
        if self.is_same(&candidate, conforming, &wanted, of_extension.is_some()) {
            return Ok(candidate);
        }
        Err(NO_PLACE)
    }

    /// Where the names may stand, for each at least the place that is told, or all that are like it.
    fn places(&self, statement: &[u8], conforming: bool, wanted: &[Wanted]) -> Vec<Places> {
        // one place may be told of several names: a type that a function returns as that of its only column
        let mut at_start: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut behind: HashMap<usize, Vec<usize>> = HashMap::new();
        // by what `sort` says
        let mut alike: [HashMap<&[u8], Vec<Lone>>; 3] = Default::default();
        for (index, Wanted { name, .. }) in wanted.iter().enumerate() {
            match name.at {
                Some(at) if name.how == How::Behind => {
                    behind.entry(at).or_default().push(index);
                }
                Some(at) => {
                    at_start.entry(at).or_default().push(index);
                }
                None => {
                    let sort = sort(name.kind == Kind::Operator, name.is_dotted);
                    alike[sort].entry(&name.name[..]).or_default();
                }
            }
        }
        let mut places: Vec<Places> = wanted.iter().map(|_| Places::default()).collect();
        for lone in lone_tokens(statement, conforming) {
            let told = (at_start.get(&lone.token.start))
                .or_else(|| lone.behind.and_then(|before| behind.get(&before)));
            if let Some(told) = told {
                for &index in told {
                    places[index].tokens.push(lone);
                }
                continue;
            }
            if alike.iter().all(HashMap::is_empty) || lone.token.kind == TokenKind::Literal {
                continue;
            }
            let bytes = lone.token.bytes(statement);
            let is_operator = lone.token.kind == TokenKind::Symbol;
            let name = match is_operator {
                // As the scanner has it.
                true if bytes == b"!=" => Some(b"<>".to_vec()),
                true => Some(bytes.to_vec()),
                false => identifier(bytes),
            };
            let alike = &mut alike[sort(is_operator, lone.dotted)];
            let found = name.as_ref().and_then(|name| alike.get_mut(&name[..]));
            if let Some(tokens) = found {
                tokens.push(lone);
            }
        }
        let mut orders: HashMap<(&[u8], usize), usize> = HashMap::new();
        for (place, Wanted { name, .. }) in places.iter_mut().zip(wanted) {
            if name.at.is_some() {
                continue;
            }
            let sort = sort(name.kind == Kind::Operator, name.is_dotted);
            let order = orders.entry((&name.name[..], sort)).or_default();
            let tokens = alike[sort].get(&name.name[..]).map_or(&[][..], |all| all);
            let tokens = tokens.get(*order..).unwrap_or_default();
            // More than are tried is too many.
            place.tokens = tokens[..tokens.len().min(TRIES + 1)].to_vec();
            place.is_doubtful = true;
            *order += 1;
        }
        places
    }

    /// Whether a statement is this one but for the schemas of these names, and perhaps of an extension.
    fn is_same(
        &self,
        statement: &[u8],
        conforming: bool,
        wanted: &[Wanted],
        with_extension: bool,
    ) -> bool {
        within(|| self.is_same_here(statement, conforming, wanted, with_extension))
    }

    fn is_same_here(
        &self,
        statement: &[u8],
        conforming: bool,
        wanted: &[Wanted],
        with_extension: bool,
    ) -> bool {
        let Ok(other) = Reading::of(statement, conforming) else {
            return false;
        };
        if other.names.len() != self.names.len() {
            return false;
        }
        for Wanted { number, plain, .. } in wanted {
            let (mine, its) = (&self.names[*number], &other.names[*number]);
            let has_schema = match &its.schema {
                Some(schema) => schema == plain || its.how == How::Constant,
                None => false,
            };
            if !has_schema || mine.is_qualified() || mine.name != its.name {
                return false;
            }
            // SAFETY: both trees live.
            if unsafe { its.become_like(mine) }.is_none() {
                return false;
            }
        }
        if with_extension && forget_last_option(other.tree).is_none() {
            return false;
        }
        let equal = parser::if_parsed(|| {
            // SAFETY: compares two valid trees.
            let equal = unsafe { pg_sys::equal(self.tree.node().cast(), other.tree.node().cast()) };
            Some(equal)
        });
        equal == Some(true)
    }
}

/// Names that no token of another sort can be: operators, tables of columns, and all others.
fn sort(is_operator: bool, is_dotted: bool) -> usize {
    match (is_operator, is_dotted) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

/// A name that is to get a schema.
struct Wanted<'a> {
    /// Among all names.
    number: usize,
    name: &'a Name,
    /// The schema, and as an identifier.
    plain: Vec<u8>,
    schema: Vec<u8>,
}

/// Where a name may stand.
#[derive(Default)]
struct Places {
    tokens: Vec<Lone>,
    /// The parser does not tell.
    is_doubtful: bool,
}

/// What tells a name from others, whatever arguments come with it.
pub type Key = (Kind, Vec<u8>);

/// A name without a schema, for those who do not look into trees.
pub struct Described<'a> {
    name: &'a Name,
    pub is_made: bool,
    pub is_late: bool,
    pub is_stored: bool,
    /// Most likely it is a column.
    pub is_perhaps: bool,
    pub can_be_qualified: bool,
}

impl Described<'_> {
    /// What it means now.
    pub fn meaning(&self, path: &Path) -> Meaning {
        meaning(path, self.name)
    }

    /// What it is called.
    pub fn text(&self) -> String {
        text::decode(&self.name.name)
    }

    /// What it is and is called.
    pub fn words(&self) -> String {
        format!("{} {}", self.name.kind.word(), self.text())
    }

    pub fn key(&self) -> Key {
        (self.name.kind.clone(), self.name.name.clone())
    }
}

/// Which of several are meant, by what has come to depend on one of them since the command began. `None`: that does not tell, as
/// where PostgreSQL's own is among them, on which nothing depends, beside one of a user's on which something does: unless nothing
/// else of the command can be what needs that one (`is_alone`).
pub fn chosen(
    candidates: &[Candidate],
    path: &Path,
    since: Progress,
    is_alone: bool,
) -> Option<Meaning> {
    let (implied, others): (Vec<&Candidate>, Vec<&Candidate>) =
        (candidates.iter()).partition(|candidate| is_catalog(candidate));
    let mut used = (others.iter())
        .filter(|candidate| visible::is_used_since(candidate, since))
        .map(|candidate| candidate.schema);
    match (used.next(), implied.first()) {
        (None, own) => own.map(|catalog| in_schema(path, catalog.schema)),
        (Some(_), Some(_)) if !is_alone => None,
        (Some(schema), _) => used
            .all(|other| other == schema)
            .then(|| in_schema(path, schema)),
    }
}

/// Whether something has come to depend on one of them since the command began.
pub fn is_any_used(candidates: &[Candidate], since: Progress) -> bool {
    (candidates.iter()).any(|candidate| visible::is_used_since(candidate, since))
}

fn in_schema(path: &Path, schema: pg_sys::Oid) -> Meaning {
    if path.is_implied(schema) {
        return Meaning::Implied;
    }
    // SAFETY: a syscache look-up; NULL where there is none.
    match unsafe { text::string(pg_sys::get_namespace_name(schema)) } {
        Some(name) => Meaning::Schema(name),
        None => Meaning::Nothing,
    }
}

fn meaning(path: &Path, name: &Name) -> Meaning {
    if let Some(argument) = &name.argument {
        return match named_by_argument(path, argument) {
            Some(kind) => of_kind(path, &kind, &name.name, &Arguments::Any),
            None => Meaning::Implied,
        };
    }
    if name.is_perhaps {
        let mut functions = path.functions(&text::c_string_of_bytes(&name.name), Some(1));
        functions.retain(|function| !is_catalog(function));
        if functions.is_empty() {
            return Meaning::Implied;
        }
        return Meaning::Among(functions);
    }
    of_kind(path, &name.kind, &name.name, &name.arguments)
}

fn is_catalog(candidate: &Candidate) -> bool {
    candidate.schema == pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE)
}

fn of_kind(path: &Path, kind: &Kind, name: &[u8], arguments: &Arguments) -> Meaning {
    let name = text::c_string_of_bytes(name);
    let candidates = match (kind, arguments) {
        (Kind::Function, Arguments::Count(count)) => path.functions(&name, Some(*count)),
        (Kind::Function, _) => path.functions(&name, None),
        (Kind::Operator, Arguments::Count(count)) => path.operators(&name, Some(*count)),
        (Kind::Operator, _) => path.operators(&name, None),
        _ => return found(path, path.find(kind, &name)),
    };
    if let Arguments::Types(types) = arguments {
        let types = oids(path, types);
        let exact = candidates.iter().find(|c| c.arguments == types);
        if let Some(exact) = exact {
            return in_schema(path, exact.schema);
        }
        if *kind == Kind::Operator {
            return Meaning::Nothing;
        }
    }
    let Some(first) = candidates.first() else {
        // A type may be called like a function. What is called in another way than is known here is not certain.
        return match (kind, arguments) {
            (Kind::Function, Arguments::Count(count)) => {
                let place = path.find(&Kind::Type, &name);
                let others = path.functions(&name, None);
                if *count == 1 && place != Place::Nowhere {
                    found(path, place)
                } else if others.iter().all(is_catalog) {
                    Meaning::Nothing
                } else {
                    Meaning::Among(others)
                }
            }
            _ => Meaning::Nothing,
        };
    };
    if candidates.iter().all(|other| other.schema == first.schema) {
        return in_schema(path, first.schema);
    }
    Meaning::Among(candidates)
}

fn found(path: &Path, place: Place) -> Meaning {
    match place {
        Place::Nowhere => Meaning::Nothing,
        Place::Temporary => Meaning::Temporary,
        Place::Schema(schema) => in_schema(path, schema),
    }
}

/// What types are by these names; 0 for those that there are not.
fn oids(path: &Path, types: &[Option<*mut pg_sys::TypeName>]) -> Vec<pg_sys::Oid> {
    let oid = |of: &Option<*mut pg_sys::TypeName>| {
        of.map_or(pg_sys::InvalidOid, |of| {
            // SAFETY: a name of a living tree.
            unsafe {
                // The search_path in force may be another one by now, and an error would be ours.
                let names = list::strings((*of).names);
                let oid = match &names[..] {
                    _ if (*of).pct_type => pg_sys::InvalidOid,
                    [name] => path.type_of(&text::c_string(name)),
                    [.., schema, name] => {
                        visible::type_of_schema(&text::c_string(schema), &text::c_string(name))
                    }
                    [] => pg_sys::InvalidOid,
                };
                if (*of).arrayBounds.is_null() {
                    oid
                } else {
                    pg_sys::get_array_type(oid)
                }
            }
        })
    };
    types.iter().map(oid).collect()
}

/// What a function takes a string constant for, if that is a name, whichever function of its name it is.
fn named_by_argument(path: &Path, argument: &Argument) -> Option<Kind> {
    let function = text::c_string_of_bytes(&argument.function);
    let functions = match &argument.schema {
        Some(schema) => {
            let schema: CString = text::c_string_of_bytes(schema);
            visible::functions_in(&schema, &function, argument.count)
        }
        None => path.functions(&function, Some(argument.count)),
    };
    let mut kinds = functions.iter().map(|function| {
        let of = *function.arguments.get(argument.number)?;
        let name = match of {
            pg_sys::REGCLASSOID => "regclass",
            pg_sys::REGCOLLATIONOID => "regcollation",
            pg_sys::REGCONFIGOID => "regconfig",
            pg_sys::REGDICTIONARYOID => "regdictionary",
            pg_sys::REGPROCOID => "regproc",
            pg_sys::REGTYPEOID => "regtype",
            _ => return None,
        };
        named_by_type(name.as_bytes()).map(|(kind, _)| kind)
    });
    let first = kinds.next()??;
    kinds
        .all(|kind| kind.as_ref() == Some(&first))
        .then_some(first)
}

fn makes_schema(tree: ParseTree) -> Option<Option<String>> {
    let make = tree.cast::<pg_sys::CreateSchemaStmt>(pg_sys::NodeTag::T_CreateSchemaStmt)?;
    // SAFETY: the node tag says which type it is.
    unsafe {
        let has_elements = !(*make).schemaElts.is_null();
        has_elements.then(|| text::string((*make).schemaname))
    }
}

fn makes_extension(tree: ParseTree) -> Option<String> {
    let tag = pg_sys::NodeTag::T_CreateExtensionStmt;
    let make = tree.cast::<pg_sys::CreateExtensionStmt>(tag)?;
    // SAFETY: the node tag says which type it is; its options are DefElem nodes.
    unsafe {
        let options = list::pointers::<pg_sys::DefElem>((*make).options);
        let says = (options.into_iter()).any(|o| text::bytes((*o).defname) == b"schema");
        (!says).then(|| text::string((*make).extname))?
    }
}

/// Takes the last option off a CREATE EXTENSION.
fn forget_last_option(tree: ParseTree) -> Option<()> {
    let tag = pg_sys::NodeTag::T_CreateExtensionStmt;
    let make = tree.cast::<pg_sys::CreateExtensionStmt>(tag)?;
    // SAFETY: the node tag says which type it is; a list that has something.
    unsafe {
        if (*make).options.is_null() {
            return None;
        }
        let last = (*(*make).options).length - 1;
        (*make).options = pg_sys::list_delete_nth_cell((*make).options, last);
    }
    Some(())
}
