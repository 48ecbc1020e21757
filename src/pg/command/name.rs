//! One name of a statement, as the raw parser has read it: what it is of, where it stands in the text, and where in the tree.
//!
//! Valid as long as its tree.

use crate::pg::command::parser::{self, raw_parse};
use crate::pg::command::visible::Kind;
use crate::pg::runtime::list::{self, pointers};
use crate::pg::runtime::{memory, text};
use pgrx::pg_sys::{self, NodeTag as tag};

/// How a schema is put before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::pg) enum How {
    /// In front of it.
    Plain,
    /// In front of it; what is known is where the word before it stands.
    Behind,
    /// `OPERATOR(schema.+)`
    Wrapped,
    /// In a string constant.
    Constant,
    /// Not at all: the grammar has other words for it.
    Nowhere,
}

/// What tells several functions or operators of one name apart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::pg) enum Arguments {
    Any,
    Count(usize),
    /// As they are written; None is NONE.
    Types(Vec<Option<*mut pg_sys::TypeName>>),
}

/// A string constant as the argument of a function that may take it for a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::pg) struct Argument {
    pub schema: Option<Vec<u8>>,
    pub function: Vec<u8>,
    pub count: usize,
    /// From 0.
    pub number: usize,
}

/// Where the tree has it.
#[derive(Clone, Copy, Debug)]
pub(in crate::pg) enum Place {
    Range(*mut pg_sys::RangeVar),
    /// The strings of a list from this one on.
    List(*mut pg_sys::List, i32),
    Constant(*mut pg_sys::Node),
    None,
}

#[derive(Clone, Debug)]
pub(in crate::pg) struct Name {
    pub kind: Kind,
    /// Without the schema.
    pub name: Vec<u8>,
    /// Empty where it is part of a constant.
    pub schema: Option<Vec<u8>>,
    /// Offset in the text.
    pub at: Option<usize>,
    pub how: How,
    /// The command makes it.
    pub is_made: bool,
    /// PostgreSQL looks for it when the command has made what it makes.
    pub is_late: bool,
    /// A column's name comes behind it, and a dot between.
    pub is_dotted: bool,
    /// It is written like a column, and most likely is one.
    pub is_perhaps: bool,
    /// PostgreSQL stores it, and that what it makes depends on it.
    pub is_stored: bool,
    pub arguments: Arguments,
    pub argument: Option<Argument>,
    pub place: Place,
}

impl Name {
    pub fn is_qualified(&self) -> bool {
        self.schema.is_some()
    }

    /// The tree has it nowhere as a name.
    pub fn has_no_place(&self) -> bool {
        matches!(self.place, Place::None)
    }

    fn new(kind: Kind, name: &[u8], place: Place) -> Self {
        Name {
            kind,
            name: name.to_vec(),
            schema: None,
            at: None,
            how: How::Plain,
            is_made: false,
            is_late: false,
            is_dotted: false,
            is_perhaps: false,
            is_stored: true,
            arguments: Arguments::Any,
            argument: None,
            place,
        }
    }

    /// # Safety
    /// NULL or a valid RangeVar.
    pub unsafe fn of_range(range: *mut pg_sys::RangeVar) -> Option<Self> {
        if range.is_null() {
            return None;
        }
        // SAFETY: the caller's promise.
        unsafe {
            let name = text::bytes((*range).relname);
            Some(Name {
                schema: (!(*range).schemaname.is_null())
                    .then(|| text::bytes((*range).schemaname).to_vec()),
                at: usize::try_from((*range).location).ok(),
                ..Name::new(Kind::Relation, name, Place::Range(range))
            })
        }
    }

    /// A name in a list behind `skip` others, with `own` parts without its schema, of which the first is the name.
    ///
    /// # Safety
    /// NIL or a valid list.
    pub unsafe fn of_list(
        kind: Kind,
        names: *mut pg_sys::List,
        skip: usize,
        own: usize,
    ) -> Option<Self> {
        // SAFETY: the caller's promise; a string node is looked at as one.
        unsafe {
            let parts: Vec<*mut pg_sys::Node> = pointers(names);
            let of_strings = parts.iter().all(|&part| (*part).type_ == tag::T_String);
            if !of_strings || parts.len() < skip + own {
                return None;
            }
            let name = list::string(parts[parts.len() - own]);
            Some(Name {
                schema: (parts.len() > skip + own)
                    .then(|| list::string(parts[parts.len() - own - 1]).to_vec()),
                ..Name::new(kind, name, Place::List(names, skip as i32))
            })
        }
    }

    /// An operator that a clause of the grammar stands for.
    pub fn implied_operator(name: &[u8]) -> Self {
        Name {
            how: How::Nowhere,
            arguments: Arguments::Count(2),
            ..Name::new(Kind::Operator, name, Place::None)
        }
    }

    /// A function that may be meant by `table.name`.
    ///
    /// # Safety
    /// A valid column or the like.
    pub unsafe fn like_a_column(fields: *mut pg_sys::List, others: usize) -> Option<Self> {
        // SAFETY: the caller's promise; the tag is looked at.
        unsafe {
            let fields: Vec<*mut pg_sys::Node> = pointers(fields);
            let last = *fields.last().filter(|_| fields.len() + others > 1)?;
            ((*last).type_ == tag::T_String).then(|| Name {
                how: How::Nowhere,
                is_perhaps: true,
                arguments: Arguments::Count(1),
                ..Name::new(Kind::Function, list::string(last), Place::None)
            })
        }
    }

    /// What a string constant names, where it is a name.
    ///
    /// # Safety
    /// NULL or a valid node.
    pub unsafe fn of_constant(kind: Kind, constant: *mut pg_sys::Node) -> Option<Self> {
        // SAFETY: the caller's promise.
        let (value, at) = unsafe { string_constant(constant)? };
        // SAFETY: the value is a string node.
        let content = unsafe { list::string(value) };
        let (token, is_qualified) = statement::only_name(content)?;
        let name = identifier(token.bytes(content))?;
        Some(Name {
            schema: is_qualified.then(Vec::new),
            at,
            how: How::Constant,
            ..Name::new(kind, &name, Place::Constant(value))
        })
    }

    /// The constant with a schema.
    ///
    /// # Safety
    /// Its tree is valid.
    pub unsafe fn constant_in(&self, schema: &[u8]) -> Option<Vec<u8>> {
        let Place::Constant(value) = self.place else {
            return None;
        };
        // SAFETY: a string node of the tree.
        let content = unsafe { list::string(value) };
        let content = content.trim_ascii();
        let content = [schema, b".", content].concat();
        let literal = text::quote_literal(&text::decode(&content));
        Some(text::encode(&literal).into_owned())
    }

    /// Takes the schema away that it has and the other has not.
    ///
    /// # Safety
    /// Both trees are valid.
    pub unsafe fn become_like(&self, other: &Name) -> Option<()> {
        // SAFETY: the caller's promise; a list stays what it is as long as something is left in it.
        unsafe {
            match (self.place, other.place) {
                (Place::Range(range), Place::Range(_)) => {
                    (*range).schemaname = core::ptr::null_mut()
                }
                // Two names may share a list; then it has been done.
                (Place::List(names, first), Place::List(before, _)) => {
                    if (*names).length > (*before).length && (*names).length > first + 1 {
                        pg_sys::list_delete_nth_cell(names, first);
                    }
                }
                (Place::Constant(value), Place::Constant(before)) => {
                    list::set_string(value, before)
                }
                _ => return None,
            }
        }
        Some(())
    }
}

/// The string node of a string constant, and where it stands.
///
/// # Safety
/// NULL or a valid node.
unsafe fn string_constant(node: *mut pg_sys::Node) -> Option<(*mut pg_sys::Node, Option<usize>)> {
    // SAFETY: the caller's promise; the value of a constant begins with a node's tag.
    unsafe {
        if node.is_null() || (*node).type_ != tag::T_A_Const {
            return None;
        }
        let constant = node.cast::<pg_sys::A_Const>();
        let value = (&raw mut (*constant).val).cast::<pg_sys::Node>();
        let is_string = (*value).type_ == tag::T_String;
        is_string.then(|| (value, usize::try_from((*constant).location).ok()))
    }
}

/// What an identifier means to PostgreSQL: lower case where it is not quoted, cut where it is too long.
pub fn identifier(token: &[u8]) -> Option<Vec<u8>> {
    match token {
        [b'"', inside @ .., b'"'] => {
            let mut name = Vec::with_capacity(inside.len());
            let mut quotes = 0;
            for &byte in inside {
                quotes = if byte == b'"' { quotes + 1 } else { 0 };
                if quotes != 2 {
                    name.push(byte);
                } else {
                    quotes = 0;
                }
            }
            let most = pg_sys::NAMEDATALEN as usize - 1;
            if name.len() > most {
                name = text::cut(&name, most as u16).to_vec();
            }
            Some(name)
        }
        [b'u' | b'U', b'&', b'"', ..] => escaped(token),
        _ => {
            let length = i32::try_from(token.len()).ok()?;
            memory::require(token.len());
            // SAFETY: reads so many bytes and returns a fresh string.
            unsafe {
                let folded =
                    pg_sys::downcase_truncate_identifier(token.as_ptr().cast(), length, false);
                let name = text::bytes(folded).to_vec();
                pg_sys::pfree(folded.cast());
                Some(name)
            }
        }
    }
}

/// `U&"..."`, perhaps with its UESCAPE clause: as the parser reads it.
fn escaped(token: &[u8]) -> Option<Vec<u8>> {
    let query = text::c_string_of_bytes(&[b"SELECT ", token].concat());
    parser::if_parsed(|| {
        // SAFETY: the parser returns a list of RawStmt, here of a SELECT of one column; each tag is looked at.
        unsafe {
            let statement = *pointers::<pg_sys::RawStmt>(raw_parse(&query)).first()?;
            let select = (*statement).stmt;
            if (*select).type_ != tag::T_SelectStmt {
                return None;
            }
            let targets = (*select.cast::<pg_sys::SelectStmt>()).targetList;
            let target = *pointers::<pg_sys::ResTarget>(targets).first()?;
            let column = (*target).val;
            if column.is_null() || (*column).type_ != tag::T_ColumnRef {
                return None;
            }
            let fields: Vec<*mut pg_sys::Node> =
                pointers((*column.cast::<pg_sys::ColumnRef>()).fields);
            match fields[..] {
                [field] if (*field).type_ == tag::T_String => Some(list::string(field).to_vec()),
                _ => None,
            }
        }
    })
}
