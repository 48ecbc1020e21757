//! What a name without a schema means: the first schema of the search_path that has such an object. Of functions and operators,
//! several of one name may be meant; then it is told which.
//!
//! Reads caches of catalogs only, as PostgreSQL does (namespace.c), and raises no error of its own.
//! Not promised: which of several functions or operators fits the arguments of a call.

use crate::pg::runtime::syscache::cache_number;
use crate::pg::runtime::transaction::Progress;
use crate::pg::runtime::{scan, session, text};
use core::ffi::CStr;
use pgrx::pg_sys::{self, Datum, SysCacheIdentifier as cache};
use std::collections::HashSet;
use std::ffi::CString;

/// What lies in a schema and may be named without it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Relation,
    Type,
    Function,
    Operator,
    Collation,
    Conversion,
    Statistics,
    Parser,
    Dictionary,
    Template,
    Configuration,
    /// With its access method.
    OperatorClass(CString),
    OperatorFamily(CString),
}

impl Kind {
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Relation => "relation",
            Kind::Type => "type",
            Kind::Function => "function",
            Kind::Operator => "operator",
            Kind::Collation => "collation",
            Kind::Conversion => "conversion",
            Kind::Statistics => "statistics object",
            Kind::Parser => "text search parser",
            Kind::Dictionary => "text search dictionary",
            Kind::Template => "text search template",
            Kind::Configuration => "text search configuration",
            Kind::OperatorClass(_) => "operator class",
            Kind::OperatorFamily(_) => "operator family",
        }
    }
}

/// A function or operator that a name may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub class: pg_sys::Oid,
    pub object: pg_sys::Oid,
    pub schema: pg_sys::Oid,
    /// Of a function all that it is called with; of an operator two, where 0 is none.
    pub arguments: Vec<pg_sys::Oid>,
    defaults: usize,
    is_variadic: bool,
}

impl Candidate {
    /// Whether it may be called with so many arguments.
    fn takes(&self, count: usize) -> bool {
        let most = self.arguments.len();
        let least = most - self.defaults.min(most);
        (least..=most).contains(&count) || self.is_variadic && count + 1 >= most
    }
}

/// Where a name without a schema is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Nowhere,
    Temporary,
    Schema(pg_sys::Oid),
}

/// InvalidOid where there is none.
fn schema_of_name(name: &CStr) -> pg_sys::Oid {
    // SAFETY: a look-up.
    unsafe { pg_sys::get_namespace_oid(name.as_ptr(), true) }
}

/// The schemas in which PostgreSQL looks for names, in order.
#[derive(Clone)]
pub struct Path {
    /// Without the session's temporary one.
    schemas: Vec<pg_sys::Oid>,
    temporary: Option<pg_sys::Oid>,
    is_catalog_first: bool,
}

impl Path {
    pub fn of_session() -> Self {
        let mut schemas = vec![pg_sys::InvalidOid; 64];
        loop {
            // SAFETY: writes at most as many OIDs as there is room for, and says how many there are.
            let count = unsafe {
                pg_sys::fetch_search_path_array(schemas.as_mut_ptr(), schemas.len() as i32)
            };
            let count = usize::try_from(count).unwrap_or(0);
            let fits = count <= schemas.len();
            schemas.resize(count, pg_sys::InvalidOid);
            if fits {
                break;
            }
        }
        let catalog = pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE);
        Path {
            is_catalog_first: schemas.first() == Some(&catalog),
            schemas,
            temporary: session::temporary_schema(),
        }
    }

    /// That of a session with this search_path, of which schemas that are not there are left out, and that has no temporary one.
    pub fn of_schemas<'a>(schemas: impl Iterator<Item = &'a str>) -> Self {
        let catalog = pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE);
        let mut schemas: Vec<pg_sys::Oid> = schemas
            .map(|schema| schema_of_name(&text::c_string(schema)))
            .collect();
        schemas.retain(|schema| *schema != pg_sys::InvalidOid);
        if !schemas.contains(&catalog) {
            schemas.insert(0, catalog);
        }
        Path {
            is_catalog_first: schemas.first() == Some(&catalog),
            schemas,
            temporary: None,
        }
    }

    /// The same behind a schema.
    pub fn behind(&self, schema: &str) -> Self {
        let mut path = self.clone();
        let schema = schema_of_name(&text::c_string(schema));
        if schema != pg_sys::InvalidOid {
            path.schemas.insert(0, schema);
        }
        path
    }

    /// Whether what lies in the schema is found everywhere without it: PostgreSQL's own, unless the user looks elsewhere first.
    pub fn is_implied(&self, schema: pg_sys::Oid) -> bool {
        let catalog = pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE);
        // The first schema may be one that a CREATE SCHEMA has made.
        schema == catalog && self.is_catalog_first
    }

    /// Where an object is found that is no function or operator.
    pub fn find(&self, kind: &Kind, name: &CStr) -> Place {
        let is_there = |schema: &pg_sys::Oid| exists(kind, name, *schema);
        let may_be_temporary = matches!(kind, Kind::Relation | Kind::Type);
        if may_be_temporary && self.temporary.as_ref().is_some_and(is_there) {
            return Place::Temporary;
        }
        let found = self.schemas.iter().copied().find(is_there);
        found.map_or(Place::Nowhere, Place::Schema)
    }

    /// The type of a name; 0 where there is none.
    pub fn type_of(&self, name: &CStr) -> pg_sys::Oid {
        let all = self.temporary.iter().chain(&self.schemas);
        all.map(|&schema| type_in(schema, name))
            .find(|&oid| oid != pg_sys::InvalidOid)
            .unwrap_or(pg_sys::InvalidOid)
    }

    /// The functions of a name that may be called with so many arguments, in any schema of the path.
    pub fn functions(&self, name: &CStr, count: Option<usize>) -> Vec<Candidate> {
        let mut all = self.not_hidden(functions(name));
        all.retain(|function| count.is_none_or(|count| function.takes(count)));
        all
    }

    /// The operators of a name with one or two operands, in any schema of the path.
    pub fn operators(&self, name: &CStr, operands: Option<usize>) -> Vec<Candidate> {
        let mut all = self.not_hidden(operators(name));
        all.retain(|operator| {
            let has = (operator.arguments.iter()).filter(|operand| **operand != pg_sys::InvalidOid);
            operands.is_none_or(|operands| operands == has.count())
        });
        all
    }

    /// Those in the schemas of the path that no other with the same arguments in an earlier one hides.
    fn not_hidden(&self, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        let place = |of: &Candidate| self.schemas.iter().position(|schema| *schema == of.schema);
        candidates.retain(|candidate| place(candidate).is_some());
        candidates.sort_by_key(place);
        let mut seen = HashSet::new();
        candidates.retain(|candidate| seen.insert(candidate.arguments.clone()));
        candidates
    }
}

/// The type of this name in this schema; 0 where there is none.
pub fn type_of_schema(schema: &CStr, name: &CStr) -> pg_sys::Oid {
    type_in(schema_of_name(schema), name)
}

fn type_in(schema: pg_sys::Oid, name: &CStr) -> pg_sys::Oid {
    let none = Datum::from(0usize);
    // SAFETY: the keys are those of the cache; 0 where it has none.
    unsafe {
        pg_sys::GetSysCacheOid(
            cache_number(cache::TYPENAMENSP),
            pg_sys::Anum_pg_type_oid as pg_sys::AttrNumber,
            Datum::from(name.as_ptr()),
            Datum::from(schema),
            none,
            none,
        )
    }
}

/// The functions of this name in this schema.
pub fn functions_in(schema: &CStr, name: &CStr, count: usize) -> Vec<Candidate> {
    let schema = schema_of_name(schema);
    let all = functions(name).into_iter();
    all.filter(|function| function.schema == schema && function.takes(count))
        .collect()
}

fn exists(kind: &Kind, name: &CStr, schema: pg_sys::Oid) -> bool {
    let (name, schema) = (Datum::from(name.as_ptr()), Datum::from(schema));
    let none = Datum::from(0usize);
    let of = |id, keys: [Datum; 3]| {
        // SAFETY: the keys are those of the cache: a name is a NUL-terminated string.
        unsafe { pg_sys::SearchSysCacheExists(cache_number(id), keys[0], keys[1], keys[2], none) }
    };
    let by_name = |id| of(id, [name, schema, none]);
    let of_method = |id, method: &CStr| {
        // SAFETY: a look-up; InvalidOid where there is none.
        let method = unsafe { pg_sys::get_am_oid(method.as_ptr(), true) };
        of(id, [Datum::from(method), name, schema])
    };
    match kind {
        Kind::Relation => by_name(cache::RELNAMENSP),
        Kind::Type => by_name(cache::TYPENAMENSP),
        Kind::Conversion => by_name(cache::CONNAMENSP),
        Kind::Statistics => by_name(cache::STATEXTNAMENSP),
        Kind::Parser => by_name(cache::TSPARSERNAMENSP),
        Kind::Dictionary => by_name(cache::TSDICTNAMENSP),
        Kind::Template => by_name(cache::TSTEMPLATENAMENSP),
        Kind::Configuration => by_name(cache::TSCONFIGNAMENSP),
        Kind::Collation => {
            // SAFETY: reads a variable.
            let encoding = unsafe { pg_sys::GetDatabaseEncoding() };
            [-1, encoding]
                .into_iter()
                .any(|encoding| of(cache::COLLNAMEENCNSP, [name, Datum::from(encoding), schema]))
        }
        Kind::OperatorClass(method) => of_method(cache::CLAAMNAMENSP, method),
        Kind::OperatorFamily(method) => of_method(cache::OPFAMILYAMNAMENSP, method),
        Kind::Function | Kind::Operator => false,
    }
}

/// All functions of a name.
fn functions(name: &CStr) -> Vec<Candidate> {
    let mut found = Vec::new();
    each_of_name(cache::PROCNAMEARGSNSP, name, |row| {
        // SAFETY: the cache holds rows of pg_proc, each with as many types of arguments as it says.
        unsafe {
            let form = pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_proc;
            let count = usize::try_from((*form).pronargs).unwrap_or(0);
            let types = core::ptr::addr_of!((*form).proargtypes.values).cast::<pg_sys::Oid>();
            found.push(Candidate {
                class: pg_sys::ProcedureRelationId,
                object: (*form).oid,
                schema: (*form).pronamespace,
                arguments: (0..count).map(|i| types.add(i).read_unaligned()).collect(),
                defaults: usize::try_from((*form).pronargdefaults).unwrap_or(0),
                is_variadic: (*form).provariadic != pg_sys::InvalidOid,
            });
        }
    });
    found
}

/// All operators of a name.
fn operators(name: &CStr) -> Vec<Candidate> {
    let mut found = Vec::new();
    each_of_name(cache::OPERNAMENSP, name, |row| {
        // SAFETY: the cache holds rows of pg_operator.
        unsafe {
            let form = pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_operator;
            found.push(Candidate {
                class: pg_sys::OperatorRelationId,
                object: (*form).oid,
                schema: (*form).oprnamespace,
                arguments: vec![(*form).oprleft, (*form).oprright],
                defaults: 0,
                is_variadic: false,
            });
        }
    });
    found
}

/// Hands the rows of a cache whose first key is a name to `f`.
fn each_of_name(id: cache::Type, name: &CStr, mut f: impl FnMut(pg_sys::HeapTuple)) {
    let zero = Datum::from(0usize);
    // SAFETY: members of a syscache list stay valid until the list is released.
    unsafe {
        let list =
            pg_sys::SearchSysCacheList(cache_number(id), 1, Datum::from(name.as_ptr()), zero, zero);
        for i in 0..(*list).n_members as usize {
            let member = *(*list).members.as_ptr().add(i);
            f(&mut (*member).tuple);
        }
        pg_sys::ReleaseCatCacheList(list);
    }
}

/// Whether something has come to depend on an object since then, in this transaction.
pub fn is_used_since(candidate: &Candidate, since: Progress) -> bool {
    let mut used = false;
    // SAFETY: pg_depend has an index that begins with these columns; a row has a header, and one of the running transaction the
    // number of the command that has written it.
    unsafe {
        scan::each_row(
            pg_sys::DependRelationId,
            pg_sys::DependReferenceIndexId,
            &[
                (pg_sys::Anum_pg_depend_refclassid, candidate.class),
                (pg_sys::Anum_pg_depend_refobjid, candidate.object),
            ],
            |row, _| {
                let header = (*row).t_data;
                let by = (*header).t_choice.t_heap.t_xmin;
                used |= !used
                    && pg_sys::TransactionIdIsCurrentTransactionId(by)
                    && since.is_before(pg_sys::HeapTupleHeaderGetCmin(header));
            },
        );
    }
    used
}

/// The schema in which an extension lies.
pub fn schema_of_extension(name: &CStr) -> Option<String> {
    let mut found = None;
    // SAFETY: reads pg_extension, whose rows have that structure, by its OID.
    unsafe {
        let extension = pg_sys::get_extension_oid(name.as_ptr(), true);
        scan::each_row(
            pg_sys::ExtensionRelationId,
            pg_sys::ExtensionOidIndexId,
            &[(pg_sys::Anum_pg_extension_oid, extension)],
            |row, _| {
                let form = pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_extension;
                found = text::string(pg_sys::get_namespace_name((*form).extnamespace));
            },
        );
    }
    found
}
