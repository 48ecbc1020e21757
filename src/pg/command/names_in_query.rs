//! The names in queries and expressions of the raw parser: relations, types, functions, operators, collations, and string
//! constants that are read as names. What a WITH clause names is no relation.
//!
//! Relied on: PostgreSQL's walker of raw trees (nodeFuncs.c), which raises an error for a node that it does not know, and for a
//! tree that is too deep.
//! Not promised: constants that PostgreSQL compares with a column of such a type (`oid = 't'`).

use crate::pg::command::name::{Argument, Arguments, How, Name};
use crate::pg::command::visible::Kind;
use crate::pg::runtime::list::{self, pointers};
use crate::pg::runtime::text;
use core::ffi::c_void;
use pgrx::pg_sys::{self, NodeTag as tag};
use std::collections::HashSet;

/// Types whose values are names, and of what.
pub(in crate::pg) fn named_by_type(name: &[u8]) -> Option<(Kind, How)> {
    Some(match name {
        b"regclass" => (Kind::Relation, How::Constant),
        b"regcollation" => (Kind::Collation, How::Constant),
        b"regconfig" => (Kind::Configuration, How::Constant),
        b"regdictionary" => (Kind::Dictionary, How::Constant),
        b"regproc" => (Kind::Function, How::Constant),
        b"regtype" => (Kind::Type, How::Constant),
        // They have types in them.
        b"regprocedure" => (Kind::Function, How::Nowhere),
        b"regoper" | b"regoperator" => (Kind::Operator, How::Nowhere),
        _ => return None,
    })
}

/// What has been found so far.
pub(in crate::pg) struct Walk {
    pub names: Vec<Name>,
    /// Names of WITH clauses that are in sight.
    with: Vec<Vec<u8>>,
    /// What is looked at now is stored.
    pub is_stored: bool,
    /// One more than these says that there are too many.
    most: usize,
    /// Those without a place, of which one of a name is enough.
    without_place: HashSet<(Kind, Vec<u8>)>,
}

impl Walk {
    pub fn new(most: usize) -> Self {
        Walk {
            names: Vec::new(),
            with: Vec::new(),
            is_stored: true,
            most,
            without_place: HashSet::new(),
        }
    }

    pub fn push(&mut self, name: Option<Name>) {
        let Some(name) = name.filter(|_| self.names.len() <= self.most) else {
            return;
        };
        if name.has_no_place()
            && !self
                .without_place
                .insert((name.kind.clone(), name.name.clone()))
        {
            return;
        }
        self.names.push(Name {
            is_stored: self.is_stored,
            ..name
        });
    }

    /// # Safety
    /// NULL or a valid raw tree of a query or expression.
    pub unsafe fn query(&mut self, node: *mut pg_sys::Node) {
        // SAFETY: the caller's promise; the context is this walk.
        unsafe { look_at(node, core::ptr::from_mut(self).cast()) };
    }

    /// # Safety
    /// NIL or a valid list of such.
    pub unsafe fn queries(&mut self, nodes: *mut pg_sys::List) {
        // SAFETY: the caller's promise.
        unsafe { self.query(nodes.cast()) }
    }

    /// # Safety
    /// NULL or a valid RangeVar.
    pub unsafe fn relation(&mut self, range: *mut pg_sys::RangeVar) {
        // SAFETY: the caller's promise.
        self.push(unsafe { Name::of_range(range) });
    }

    /// A type, or a column whose type is meant.
    ///
    /// # Safety
    /// NULL or a valid TypeName.
    pub unsafe fn type_name(&mut self, of: *mut pg_sys::TypeName) {
        // SAFETY: the caller's promise.
        unsafe {
            if of.is_null() {
                return;
            }
            let is_column = (*of).pct_type;
            let (kind, own) = if is_column {
                (Kind::Relation, 2)
            } else {
                (Kind::Type, 1)
            };
            let name = Name::of_list(kind, (*of).names, 0, own);
            self.push(name.map(|name| Name {
                at: usize::try_from((*of).location).ok(),
                is_dotted: is_column,
                ..name
            }));
        }
    }

    /// A name of one part without a place in the text.
    ///
    /// # Safety
    /// NIL or a valid list.
    pub unsafe fn list(&mut self, kind: Kind, names: *mut pg_sys::List) {
        // SAFETY: the caller's promise.
        self.push(unsafe { Name::of_list(kind, names, 0, 1) });
    }

    /// # Safety
    /// NULL or a valid CollateClause.
    pub unsafe fn collation(&mut self, clause: *mut pg_sys::CollateClause) {
        // SAFETY: the caller's promise.
        unsafe {
            if clause.is_null() {
                return;
            }
            let name = Name::of_list(Kind::Collation, (*clause).collname, 0, 1);
            self.push(name.map(|name| Name {
                at: usize::try_from((*clause).location).ok(),
                how: How::Behind,
                ..name
            }));
        }
    }

    /// Collation and operator class of a column of an index or of a partition key.
    ///
    /// # Safety
    /// Valid lists or NIL.
    pub unsafe fn column_of_key(
        &mut self,
        expression: *mut pg_sys::Node,
        collation: *mut pg_sys::List,
        class: *mut pg_sys::List,
        method: &[u8],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            self.query(expression);
            self.list(Kind::Collation, collation);
            let method = text::c_string_of_bytes(method);
            self.list(Kind::OperatorClass(method), class);
        }
    }

    /// # Safety
    /// A valid function call.
    unsafe fn call(&mut self, call: *mut pg_sys::FuncCall) {
        // SAFETY: the caller's promise.
        unsafe {
            let arguments: Vec<*mut pg_sys::Node> = pointers((*call).args);
            let ordered = if (*call).agg_within_group {
                pointers::<pg_sys::Node>((*call).agg_order).len()
            } else {
                0
            };
            let count = arguments.len() + ordered;
            let Some(name) = Name::of_list(Kind::Function, (*call).funcname, 0, 1) else {
                return;
            };
            let parts = list::strings((*call).funcname);
            for (number, &node) in arguments.iter().enumerate() {
                let constant = Name::of_constant(Kind::Relation, node);
                let schema = (parts.len() > 1).then(|| text::encode(&parts[0]).into_owned());
                self.push(constant.map(|constant| Name {
                    argument: Some(Argument {
                        // A catalog's name may stand before it; then it is PostgreSQL's business.
                        schema,
                        function: name.name.clone(),
                        count,
                        number,
                    }),
                    ..constant
                }));
            }
            self.push(Some(Name {
                at: usize::try_from((*call).location).ok(),
                arguments: Arguments::Count(count),
                ..name
            }));
        }
    }

    /// # Safety
    /// A valid A_Expr.
    unsafe fn operation(&mut self, operation: *mut pg_sys::A_Expr) {
        use pg_sys::A_Expr_Kind as kind;
        // SAFETY: the caller's promise.
        unsafe {
            match (*operation).kind {
                kind::AEXPR_OP | kind::AEXPR_OP_ANY | kind::AEXPR_OP_ALL => {
                    let operands = if (*operation).lexpr.is_null() || (*operation).rexpr.is_null() {
                        1
                    } else {
                        2
                    };
                    let name = Name::of_list(Kind::Operator, (*operation).name, 0, 1);
                    self.push(name.map(|name| Name {
                        at: usize::try_from((*operation).location).ok(),
                        how: How::Wrapped,
                        arguments: Arguments::Count(operands),
                        ..name
                    }));
                }
                kind::AEXPR_BETWEEN | kind::AEXPR_BETWEEN_SYM => self.imply(&[b">=", b"<="]),
                kind::AEXPR_NOT_BETWEEN | kind::AEXPR_NOT_BETWEEN_SYM => self.imply(&[b"<", b">"]),
                kind::AEXPR_DISTINCT
                | kind::AEXPR_NOT_DISTINCT
                | kind::AEXPR_NULLIF
                | kind::AEXPR_IN
                | kind::AEXPR_LIKE
                | kind::AEXPR_ILIKE
                | kind::AEXPR_SIMILAR => {
                    let name = list::strings((*operation).name).pop().unwrap_or_default();
                    self.imply(&[&text::encode(&name)]);
                }
                _ => {}
            }
        }
    }

    fn imply(&mut self, operators: &[&[u8]]) {
        for operator in operators {
            self.push(Some(Name::implied_operator(operator)));
        }
    }

    /// `'x'::regclass`
    ///
    /// # Safety
    /// A valid cast.
    unsafe fn cast(&mut self, cast: *mut pg_sys::TypeCast) {
        // SAFETY: the caller's promise.
        unsafe {
            let to = (*cast).typeName;
            if to.is_null() || !(*to).arrayBounds.is_null() {
                return;
            }
            let names = list::strings((*to).names);
            let named = match &names[..] {
                [name] => named_by_type(name.as_bytes()),
                [schema, name] if schema == "pg_catalog" => named_by_type(name.as_bytes()),
                _ => None,
            };
            if let Some((kind, how)) = named {
                let constant = Name::of_constant(kind, (*cast).arg);
                self.push(constant.map(|constant| Name { how, ..constant }));
            }
        }
    }
}

/// Looks at a statement with its WITH clause: the rest of it by PostgreSQL's walker, which gets a copy without that clause. (Copies
/// are large: not in the frame of [`look_at`].)
macro_rules! with_clause {
    ($name:ident, $type:ident $(, $target:ident)?) => {
        #[inline(never)]
        unsafe fn $name(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
            // SAFETY: a node of this type; the context is a walk.
            unsafe {
                let mut copy = *node.cast::<pg_sys::$type>();
                let clause = copy.withClause;
                copy.withClause = core::ptr::null_mut();
                let before = (*context.cast::<Walk>()).with.len();
                visit_with(clause, context);
                $(
                    // never one of the WITH clause (parse_clause.c: setTargetTable)
                    let target = core::mem::replace(&mut copy.$target, core::ptr::null_mut());
                    let with = core::mem::take(&mut (*context.cast::<Walk>()).with);
                    look_at(target.cast(), context);
                    (*context.cast::<Walk>()).with = with;
                )?
                let copy: *mut pg_sys::Node = (&raw mut copy).cast();
                pg_sys::raw_expression_tree_walker(copy, Some(visit), context);
                (*context.cast::<Walk>()).with.truncate(before);
            }
            false
        }
    };
}

with_clause!(select, SelectStmt);
with_clause!(insert, InsertStmt, relation);
with_clause!(update, UpdateStmt, relation);
with_clause!(delete, DeleteStmt, relation);
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
with_clause!(merge, MergeStmt, relation);

/// # Safety
/// NULL or a valid WITH clause; the context is a [`Walk`].
unsafe fn visit_with(clause: *mut pg_sys::WithClause, context: *mut c_void) {
    // SAFETY: the caller's promise; a WITH clause is a list of its queries.
    unsafe {
        if clause.is_null() {
            return;
        }
        let queries: Vec<*mut pg_sys::CommonTableExpr> = pointers((*clause).ctes);
        let name = |query: *mut pg_sys::CommonTableExpr| text::bytes((*query).ctename).to_vec();
        if (*clause).recursive {
            let all = queries.iter().map(|&query| name(query));
            (*context.cast::<Walk>()).with.extend(all);
        }
        for query in queries {
            look_at((*query).ctequery, context);
            #[cfg(not(feature = "pg13"))]
            if !(*query).cycle_clause.is_null() {
                look_at((*(*query).cycle_clause).cycle_mark_value, context);
                look_at((*(*query).cycle_clause).cycle_mark_default, context);
            }
            if !(*clause).recursive {
                (*context.cast::<Walk>()).with.push(name(query));
            }
        }
    }
}

/// What PostgreSQL's walker calls. Nobody else may: an error would pass by whoever catches it.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: the walker hands out nodes of the tree, and the context is a walk.
    unsafe { look_at(node, context) }
}

/// Looks at a node and all below it; false, so that the walk goes on.
///
/// # Safety
/// NULL or a valid node; the context is a [`Walk`].
unsafe fn look_at(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if note(node, context) {
            pg_sys::raw_expression_tree_walker(node, Some(visit), context);
        }
    }
    false
}

/// Notes the names of a node; whether others may be below it. (Apart from [`look_at`], whose frame is one for each level.)
///
/// # Safety
/// A valid node; the context is a [`Walk`].
#[inline(never)]
unsafe fn note(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: the node's tag says what it is. The context is a walk, which nothing else looks at meanwhile.
    unsafe {
        let walk = context.cast::<Walk>();
        match (*node).type_ {
            tag::T_RangeVar => {
                let name = Name::of_range(node.cast());
                let is_with =
                    |name: &Name| !name.is_qualified() && (*walk).with.contains(&name.name);
                (*walk).push(name.filter(|name| !is_with(name)));
                return false;
            }
            tag::T_TypeName => {
                (*walk).type_name(node.cast());
                return false;
            }
            // The tables that it names are those of the query.
            tag::T_LockingClause => return false,
            tag::T_SelectStmt => return select(node, context),
            tag::T_InsertStmt => return insert(node, context),
            tag::T_UpdateStmt => return update(node, context),
            tag::T_DeleteStmt => return delete(node, context),
            #[cfg(not(any(feature = "pg13", feature = "pg14")))]
            tag::T_MergeStmt => return merge(node, context),
            #[cfg(not(feature = "pg13"))]
            tag::T_ReturnStmt => {
                return look_at((*node.cast::<pg_sys::ReturnStmt>()).returnval, context);
            }
            tag::T_NotifyStmt => return false,
            tag::T_ColumnRef => {
                let fields = (*node.cast::<pg_sys::ColumnRef>()).fields;
                (*walk).push(Name::like_a_column(fields, 0));
                return false;
            }
            tag::T_A_Indirection => {
                let fields = (*node.cast::<pg_sys::A_Indirection>()).indirection;
                (*walk).push(Name::like_a_column(fields, 1));
            }
            tag::T_FuncCall => (*walk).call(node.cast()),
            tag::T_A_Expr => (*walk).operation(node.cast()),
            tag::T_CollateClause => (*walk).collation(node.cast()),
            tag::T_TypeCast => (*walk).cast(node.cast()),
            tag::T_SubLink => {
                let link = node.cast::<pg_sys::SubLink>();
                let name = Name::of_list(Kind::Operator, (*link).operName, 0, 1);
                (*walk).push(name.map(|name| Name {
                    at: usize::try_from((*link).location).ok(),
                    how: How::Wrapped,
                    arguments: Arguments::Count(2),
                    ..name
                }));
                if (*link).subLinkType == pg_sys::SubLinkType::ANY_SUBLINK
                    && (*link).operName.is_null()
                {
                    (*walk).imply(&[b"="]);
                }
            }
            tag::T_SortBy => {
                let operator = (*node.cast::<pg_sys::SortBy>()).useOp;
                let name = Name::of_list(Kind::Operator, operator, 0, 1);
                (*walk).push(name.map(|name| Name {
                    how: How::Wrapped,
                    ..name
                }));
            }
            tag::T_CaseExpr if !(*node.cast::<pg_sys::CaseExpr>()).arg.is_null() => {
                (*walk).imply(&[b"="])
            }
            tag::T_JoinExpr => {
                let join = node.cast::<pg_sys::JoinExpr>();
                if (*join).isNatural || !(*join).usingClause.is_null() {
                    (*walk).imply(&[b"="]);
                }
            }
            tag::T_RangeTableSample => {
                (*walk).list(
                    Kind::Function,
                    (*node.cast::<pg_sys::RangeTableSample>()).method,
                );
            }
            tag::T_IndexElem => {
                let column = node.cast::<pg_sys::IndexElem>();
                let (collation, class) = ((*column).collation, (*column).opclass);
                (*walk).column_of_key(core::ptr::null_mut(), collation, class, b"btree");
            }
            _ => {}
        }
        true
    }
}
