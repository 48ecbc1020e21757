//! The names in DDL commands of the raw parser, in each field that has one (parsenodes.h, gram.y). Of a command that is not known
//! here it is told that it is not.
//!
//! Not promised: names of objects without a schema, and those that lie in the schema of another object that is named (an index in
//! CLUSTER ON, a constraint); and what options of storage, of foreign tables or of dictionaries may name.

use crate::pg::command::name::{Arguments, How, Name};
use crate::pg::command::names_in_query::Walk;
use crate::pg::command::visible::Kind;
use crate::pg::runtime::list::pointers;
use crate::pg::runtime::text;
use pgrx::pg_sys::{self, NodeTag as tag, ObjectType as object};

/// What of a command is of no kind that is known here.
pub(in crate::pg) struct Unknown;

/// A node as the type that its tag says.
macro_rules! of {
    ($node:expr, $type:ident) => {
        &*($node).cast::<pg_sys::$type>()
    };
}

/// Collects the names of a command.
///
/// # Safety
/// A valid raw tree of a statement.
pub(in crate::pg) unsafe fn collect(
    walk: &mut Walk,
    node: *mut pg_sys::Node,
) -> Result<(), Unknown> {
    // SAFETY: the caller's promise; the node tag says which type it is, and that what its fields are.
    unsafe {
        match (*node).type_ {
            tag::T_CreateStmt => walk.table(of!(node, CreateStmt))?,
            tag::T_CreateForeignTableStmt => {
                walk.table(&(of!(node, CreateForeignTableStmt)).base)?
            }
            tag::T_AlterTableStmt => {
                let s = of!(node, AlterTableStmt);
                walk.relation(s.relation);
                for command in pointers::<pg_sys::AlterTableCmd>(s.cmds) {
                    walk.alteration(&*command)?;
                }
            }
            tag::T_IndexStmt => {
                let s = of!(node, IndexStmt);
                let method = text::bytes(s.accessMethod);
                walk.relation(s.relation);
                walk.keys(s.indexParams, method);
                walk.query(s.whereClause);
            }
            tag::T_ViewStmt => {
                let s = of!(node, ViewStmt);
                walk.made_relation(s.view);
                walk.query(s.query);
            }
            tag::T_CreateTableAsStmt => {
                let s = of!(node, CreateTableAsStmt);
                walk.made_relation((*s.into).rel);
                walk.query(s.query);
            }
            tag::T_RefreshMatViewStmt => walk.relation((of!(node, RefreshMatViewStmt)).relation),
            tag::T_RuleStmt => {
                let s = of!(node, RuleStmt);
                walk.relation(s.relation);
                walk.query(s.whereClause);
                walk.queries(s.actions);
            }
            tag::T_CreateTrigStmt => {
                let s = of!(node, CreateTrigStmt);
                walk.relation(s.relation);
                walk.relation(s.constrrel);
                walk.query(s.whenClause);
                walk.trigger_function(s.funcname);
            }
            tag::T_CreateEventTrigStmt => {
                walk.trigger_function((of!(node, CreateEventTrigStmt)).funcname)
            }
            tag::T_CreatePolicyStmt => {
                let s = of!(node, CreatePolicyStmt);
                walk.relation(s.table);
                walk.query(s.qual);
                walk.query(s.with_check);
            }
            tag::T_AlterPolicyStmt => {
                let s = of!(node, AlterPolicyStmt);
                walk.relation(s.table);
                walk.query(s.qual);
                walk.query(s.with_check);
            }
            tag::T_CreateSeqStmt => {
                let s = of!(node, CreateSeqStmt);
                walk.made_relation(s.sequence);
                walk.sequence_options(s.options);
            }
            tag::T_AlterSeqStmt => {
                let s = of!(node, AlterSeqStmt);
                walk.relation(s.sequence);
                walk.sequence_options(s.options);
            }
            tag::T_CreateStatsStmt => {
                let s = of!(node, CreateStatsStmt);
                walk.made(Kind::Statistics, s.defnames);
                for part in pointers::<pg_sys::Node>(s.exprs) {
                    #[cfg(not(feature = "pg13"))]
                    if (*part).type_ == tag::T_StatsElem {
                        walk.query((of!(part, StatsElem)).expr);
                        continue;
                    }
                    walk.query(part);
                }
                walk.queries(s.relations);
            }
            tag::T_AlterStatsStmt => {
                walk.list(Kind::Statistics, (of!(node, AlterStatsStmt)).defnames)
            }
            tag::T_CreateDomainStmt => {
                let s = of!(node, CreateDomainStmt);
                walk.made(Kind::Type, s.domainname);
                walk.type_name(s.typeName);
                walk.collation(s.collClause);
                walk.constraints(s.constraints);
            }
            tag::T_AlterDomainStmt => {
                let s = of!(node, AlterDomainStmt);
                walk.list(Kind::Type, s.typeName);
                if !s.def.is_null() && (*s.def).type_ == tag::T_Constraint {
                    walk.constraint(of!(s.def, Constraint));
                } else {
                    walk.query(s.def);
                }
            }
            tag::T_CreateEnumStmt => walk.made(Kind::Type, (of!(node, CreateEnumStmt)).typeName),
            tag::T_AlterEnumStmt => walk.list(Kind::Type, (of!(node, AlterEnumStmt)).typeName),
            tag::T_CompositeTypeStmt => {
                let s = of!(node, CompositeTypeStmt);
                walk.made_relation(s.typevar);
                walk.elements(s.coldeflist)?;
            }
            tag::T_CreateRangeStmt => {
                let s = of!(node, CreateRangeStmt);
                walk.made(Kind::Type, s.typeName);
                walk.definition(object::OBJECT_TYPE, s.params);
            }
            tag::T_AlterTypeStmt => {
                let s = of!(node, AlterTypeStmt);
                walk.list(Kind::Type, s.typeName);
                walk.definition(object::OBJECT_TYPE, s.options);
            }
            tag::T_DefineStmt => walk.define(of!(node, DefineStmt))?,
            tag::T_CreateFunctionStmt => {
                let s = of!(node, CreateFunctionStmt);
                walk.made(Kind::Function, s.funcname);
                walk.parameters(s.parameters);
                walk.returned(s.returnType, s.parameters);
                walk.function_options(s.options);
                #[cfg(not(feature = "pg13"))]
                walk.query(s.sql_body);
            }
            tag::T_AlterFunctionStmt => {
                let s = of!(node, AlterFunctionStmt);
                walk.with_arguments(Kind::Function, s.func);
                walk.function_options(s.actions);
            }
            tag::T_CreateCastStmt => {
                let s = of!(node, CreateCastStmt);
                walk.type_name(s.sourcetype);
                walk.type_name(s.targettype);
                walk.with_arguments(Kind::Function, s.func);
            }
            tag::T_CreateConversionStmt => {
                let s = of!(node, CreateConversionStmt);
                walk.made(Kind::Conversion, s.conversion_name);
                walk.list(Kind::Function, s.func_name);
            }
            tag::T_CreateTransformStmt => {
                let s = of!(node, CreateTransformStmt);
                walk.type_name(s.type_name);
                walk.with_arguments(Kind::Function, s.fromsql);
                walk.with_arguments(Kind::Function, s.tosql);
            }
            tag::T_CreateOpClassStmt => {
                let s = of!(node, CreateOpClassStmt);
                let method = text::c_string_of_bytes(text::bytes(s.amname));
                walk.made(Kind::OperatorClass(method.clone()), s.opclassname);
                walk.list(Kind::OperatorFamily(method), s.opfamilyname);
                walk.type_name(s.datatype);
                walk.class_items(s.items, s.datatype);
            }
            tag::T_CreateOpFamilyStmt => {
                let s = of!(node, CreateOpFamilyStmt);
                let method = text::c_string_of_bytes(text::bytes(s.amname));
                walk.made(Kind::OperatorFamily(method), s.opfamilyname);
            }
            tag::T_AlterOpFamilyStmt => {
                let s = of!(node, AlterOpFamilyStmt);
                let method = text::c_string_of_bytes(text::bytes(s.amname));
                walk.list(Kind::OperatorFamily(method), s.opfamilyname);
                walk.class_items(s.items, core::ptr::null_mut());
            }
            tag::T_AlterOperatorStmt => {
                let s = of!(node, AlterOperatorStmt);
                walk.with_arguments(Kind::Operator, s.opername);
                let operands: Vec<*mut pg_sys::TypeName> = pointers((*s.opername).objargs);
                let operands = operands.iter().map(|&of| (!of.is_null()).then_some(of));
                walk.definition_of_operator(s.options, operands.collect());
            }
            tag::T_AlterTSDictionaryStmt => walk.list(
                Kind::Dictionary,
                (of!(node, AlterTSDictionaryStmt)).dictname,
            ),
            tag::T_AlterTSConfigurationStmt => {
                let s = of!(node, AlterTSConfigurationStmt);
                walk.list(Kind::Configuration, s.cfgname);
                for names in pointers(s.dicts) {
                    walk.list(Kind::Dictionary, names);
                }
            }
            tag::T_AlterCollationStmt => {
                walk.list(Kind::Collation, (of!(node, AlterCollationStmt)).collname)
            }
            tag::T_CommentStmt => {
                let s = of!(node, CommentStmt);
                walk.object(s.objtype, s.object);
            }
            tag::T_SecLabelStmt => {
                let s = of!(node, SecLabelStmt);
                walk.object(s.objtype, s.object);
            }
            tag::T_RenameStmt => {
                let s = of!(node, RenameStmt);
                walk.relation(s.relation);
                walk.object(s.renameType, s.object);
            }
            tag::T_AlterObjectSchemaStmt => {
                let s = of!(node, AlterObjectSchemaStmt);
                walk.relation(s.relation);
                walk.object(s.objectType, s.object);
            }
            tag::T_AlterOwnerStmt => {
                let s = of!(node, AlterOwnerStmt);
                walk.relation(s.relation);
                walk.object(s.objectType, s.object);
            }
            tag::T_AlterObjectDependsStmt => {
                let s = of!(node, AlterObjectDependsStmt);
                walk.relation(s.relation);
                walk.object(s.objectType, s.object);
            }
            tag::T_AlterExtensionContentsStmt => {
                let s = of!(node, AlterExtensionContentsStmt);
                walk.object(s.objtype, s.object);
            }
            tag::T_DropStmt => {
                let s = of!(node, DropStmt);
                for object in pointers(s.objects) {
                    walk.object(s.removeType, object);
                }
            }
            tag::T_GrantStmt => {
                let s = of!(node, GrantStmt);
                if s.targtype == pg_sys::GrantTargetType::ACL_TARGET_OBJECT {
                    for object in pointers(s.objects) {
                        walk.object(s.objtype, object);
                    }
                }
            }
            tag::T_CreateFdwStmt => walk.handlers((of!(node, CreateFdwStmt)).func_options),
            tag::T_AlterFdwStmt => walk.handlers((of!(node, AlterFdwStmt)).func_options),
            tag::T_CreatePLangStmt => {
                let s = of!(node, CreatePLangStmt);
                for names in [s.plhandler, s.plinline, s.plvalidator] {
                    walk.list(Kind::Function, names);
                }
            }
            tag::T_CreateAmStmt => {
                walk.list(Kind::Function, (of!(node, CreateAmStmt)).handler_name)
            }
            #[cfg(not(feature = "pg19"))]
            tag::T_ClusterStmt => walk.relation((of!(node, ClusterStmt)).relation),
            tag::T_ReindexStmt => walk.relation((of!(node, ReindexStmt)).relation),
            tag::T_CreateSchemaStmt => {
                for element in pointers::<pg_sys::Node>((of!(node, CreateSchemaStmt)).schemaElts) {
                    collect(walk, element)?;
                }
            }
            // Names in the foreign schema are of another server.
            tag::T_ImportForeignSchemaStmt
            | tag::T_AlterDatabaseSetStmt
            | tag::T_AlterDefaultPrivilegesStmt
            | tag::T_AlterEventTrigStmt
            | tag::T_AlterExtensionStmt
            | tag::T_AlterForeignServerStmt
            | tag::T_AlterRoleSetStmt
            | tag::T_AlterRoleStmt
            | tag::T_AlterTableMoveAllStmt
            | tag::T_AlterUserMappingStmt
            | tag::T_CreateExtensionStmt
            | tag::T_CreateForeignServerStmt
            | tag::T_CreateRoleStmt
            | tag::T_CreateUserMappingStmt
            | tag::T_DropOwnedStmt
            | tag::T_DropRoleStmt
            | tag::T_DropUserMappingStmt
            | tag::T_GrantRoleStmt
            | tag::T_ReassignOwnedStmt => {}
            _ => return Err(Unknown),
        }
    }
    Ok(())
}

/// Safety of all of these: valid parts of a raw tree.
impl Walk {
    unsafe fn made_relation(&mut self, range: *mut pg_sys::RangeVar) {
        // SAFETY: see the impl.
        let name = unsafe { Name::of_range(range) };
        self.push(name.map(|name| Name {
            is_made: true,
            ..name
        }));
    }

    unsafe fn trigger_function(&mut self, names: *mut pg_sys::List) {
        // SAFETY: see the impl.
        let name = unsafe { Name::of_list(Kind::Function, names, 0, 1) };
        self.push(name.map(|name| Name {
            arguments: Arguments::Count(0),
            ..name
        }));
    }

    unsafe fn made(&mut self, kind: Kind, names: *mut pg_sys::List) {
        // SAFETY: see the impl.
        let name = unsafe { Name::of_list(kind, names, 0, 1) };
        self.push(name.map(|name| Name {
            is_made: true,
            ..name
        }));
    }

    unsafe fn table(&mut self, s: &pg_sys::CreateStmt) -> Result<(), Unknown> {
        // SAFETY: see the impl.
        unsafe {
            self.made_relation(s.relation);
            self.elements(s.tableElts)?;
            self.queries(s.inhRelations);
            self.type_name(s.ofTypename);
            self.constraints(s.constraints);
            if !s.partspec.is_null() {
                for part in pointers::<pg_sys::PartitionElem>((*s.partspec).partParams) {
                    let part = &*part;
                    // Of hash partitions it is one of hash, which no other has a name with.
                    let is_hash = is_hash(&*s.partspec);
                    let method: &[u8] = if is_hash { b"hash" } else { b"btree" };
                    self.column_of_key(part.expr, part.collation, part.opclass, method);
                }
            }
            self.bound(s.partbound);
        }
        Ok(())
    }

    unsafe fn bound(&mut self, bound: *mut pg_sys::PartitionBoundSpec) {
        // SAFETY: see the impl.
        unsafe {
            if !bound.is_null() {
                // They are computed, and the values stored.
                self.is_stored = false;
                self.queries((*bound).listdatums);
                self.queries((*bound).lowerdatums);
                self.queries((*bound).upperdatums);
                self.is_stored = true;
            }
        }
    }

    /// Columns, constraints and LIKE clauses.
    unsafe fn elements(&mut self, elements: *mut pg_sys::List) -> Result<(), Unknown> {
        // SAFETY: see the impl.
        unsafe {
            for element in pointers::<pg_sys::Node>(elements) {
                match (*element).type_ {
                    tag::T_ColumnDef => self.column(of!(element, ColumnDef)),
                    tag::T_Constraint => self.constraint(of!(element, Constraint)),
                    tag::T_TableLikeClause => {
                        self.relation((of!(element, TableLikeClause)).relation)
                    }
                    _ => return Err(Unknown),
                }
            }
        }
        Ok(())
    }

    unsafe fn column(&mut self, column: &pg_sys::ColumnDef) {
        // SAFETY: see the impl.
        unsafe {
            self.type_name(column.typeName);
            self.query(column.raw_default);
            self.collation(column.collClause);
            self.constraints(column.constraints);
        }
    }

    unsafe fn constraints(&mut self, constraints: *mut pg_sys::List) {
        // SAFETY: see the impl.
        unsafe {
            for constraint in pointers::<pg_sys::Node>(constraints) {
                match (*constraint).type_ {
                    tag::T_Constraint => self.constraint(of!(constraint, Constraint)),
                    tag::T_CollateClause => self.collation(constraint.cast()),
                    _ => {}
                }
            }
        }
    }

    unsafe fn constraint(&mut self, constraint: &pg_sys::Constraint) {
        // SAFETY: see the impl.
        unsafe {
            self.query(constraint.raw_expr);
            let referenced = Name::of_range(constraint.pktable);
            self.push(referenced.map(|name| Name {
                is_late: true,
                ..name
            }));
            let method = text::bytes(constraint.access_method);
            for exclusion in pointers::<pg_sys::List>(constraint.exclusions) {
                if let [column, operator] = pointers::<pg_sys::Node>(exclusion)[..] {
                    self.key(column, method);
                    self.list(Kind::Operator, operator.cast());
                }
            }
            self.query(constraint.where_clause);
            if constraint.contype == pg_sys::ConstrType::CONSTR_IDENTITY {
                self.sequence_options(constraint.options);
            }
        }
    }

    unsafe fn keys(&mut self, keys: *mut pg_sys::List, method: &[u8]) {
        // SAFETY: see the impl.
        unsafe {
            for key in pointers::<pg_sys::Node>(keys) {
                self.key(key, method);
            }
        }
    }

    unsafe fn key(&mut self, key: *mut pg_sys::Node, method: &[u8]) {
        // SAFETY: see the impl.
        unsafe {
            let key = of!(key, IndexElem);
            self.column_of_key(key.expr, key.collation, key.opclass, method);
        }
    }

    unsafe fn alteration(&mut self, command: &pg_sys::AlterTableCmd) -> Result<(), Unknown> {
        use pg_sys::AlterTableType as kind;
        let def = command.def;
        if def.is_null() {
            return Ok(());
        }
        // SAFETY: see the impl.
        unsafe {
            match (*def).type_ {
                tag::T_ColumnDef if command.subtype == kind::AT_AlterColumnType => {
                    let column = of!(def, ColumnDef);
                    self.type_name(column.typeName);
                    self.collation(column.collClause);
                    self.is_stored = false;
                    self.query(column.raw_default);
                    self.is_stored = true;
                }
                tag::T_ColumnDef => self.column(of!(def, ColumnDef)),
                tag::T_Constraint => self.constraint(of!(def, Constraint)),
                tag::T_RangeVar => self.relation(def.cast()),
                tag::T_TypeName => self.type_name(def.cast()),
                tag::T_PartitionCmd => {
                    let partition = of!(def, PartitionCmd);
                    self.relation(partition.name);
                    self.bound(partition.bound);
                }
                // Of an identity column; other options have no names.
                tag::T_List if command.subtype == kind::AT_SetIdentity => {
                    self.sequence_options(def.cast())
                }
                // An index of the table, options, a number: no name that is looked for.
                tag::T_List | tag::T_ReplicaIdentityStmt | tag::T_Integer | tag::T_String => {}
                _ => match command.subtype {
                    kind::AT_ColumnDefault => self.query(def),
                    #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
                    kind::AT_SetExpression => self.query(def),
                    #[cfg(any(feature = "pg18", feature = "pg19"))]
                    kind::AT_AlterConstraint => {}
                    _ => return Err(Unknown),
                },
            }
        }
        Ok(())
    }

    unsafe fn sequence_options(&mut self, options: *mut pg_sys::List) {
        // SAFETY: see the impl.
        unsafe {
            for option in pointers::<pg_sys::DefElem>(options) {
                let argument = (*option).arg;
                match text::bytes((*option).defname) {
                    b"as" => self.type_name(argument.cast()),
                    b"owned_by" => {
                        let name = Name::of_list(Kind::Relation, argument.cast(), 0, 2);
                        self.push(name.map(|name| Name {
                            is_dotted: true,
                            ..name
                        }));
                    }
                    b"sequence_name" => self.made(Kind::Relation, argument.cast()),
                    _ => {}
                }
            }
        }
    }

    unsafe fn parameters(&mut self, parameters: *mut pg_sys::List) {
        // SAFETY: see the impl.
        unsafe {
            for parameter in pointers::<pg_sys::FunctionParameter>(parameters) {
                self.type_name((*parameter).argType);
                self.query((*parameter).defexpr);
            }
        }
    }

    /// The type that a function returns. Of RETURNS TABLE with one column it is that column's, which stands with the parameters.
    unsafe fn returned(&mut self, of: *mut pg_sys::TypeName, parameters: *mut pg_sys::List) {
        // SAFETY: see the impl.
        unsafe {
            let from = self.names.len();
            self.type_name(of);
            let mut parameters = pointers::<pg_sys::FunctionParameter>(parameters).into_iter();
            let table = pg_sys::FunctionParameterMode::FUNC_PARAM_TABLE;
            if let Some(column) = parameters.find(|&column| (*column).mode == table) {
                let at = usize::try_from((*(*column).argType).location).ok();
                for name in &mut self.names[from..] {
                    name.at = at;
                }
            }
        }
    }

    unsafe fn function_options(&mut self, options: *mut pg_sys::List) {
        // SAFETY: see the impl.
        unsafe {
            for option in pointers::<pg_sys::DefElem>(options) {
                let argument = (*option).arg;
                match text::bytes((*option).defname) {
                    b"support" => self.list(Kind::Function, argument.cast()),
                    b"transform" => {
                        for of in pointers(argument.cast()) {
                            self.type_name(of);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    unsafe fn handlers(&mut self, options: *mut pg_sys::List) {
        // SAFETY: see the impl.
        unsafe {
            for option in pointers::<pg_sys::DefElem>(options) {
                self.list(Kind::Function, (*option).arg.cast());
            }
        }
    }

    /// What an operator class, for a type, or a family has; operators without operands are of that type (opclasscmds.c).
    unsafe fn class_items(&mut self, items: *mut pg_sys::List, of_type: *mut pg_sys::TypeName) {
        // SAFETY: see the impl.
        unsafe {
            for item in pointers::<pg_sys::CreateOpClassItem>(items) {
                let item = &*item;
                let kind = if item.itemtype == pg_sys::OPCLASS_ITEM_OPERATOR as i32 {
                    Kind::Operator
                } else {
                    Kind::Function
                };
                let from = self.names.len();
                let is_bare = kind == Kind::Operator && !item.name.is_null();
                let is_bare = is_bare && (*item.name).objargs.is_null() && !of_type.is_null();
                self.with_arguments(kind, item.name);
                if is_bare {
                    for name in &mut self.names[from..] {
                        name.arguments = Arguments::Types(vec![Some(of_type); 2]);
                    }
                }
                self.list(Kind::OperatorFamily(c"btree".to_owned()), item.order_family);
                for of in pointers(item.class_args) {
                    self.type_name(of);
                }
                self.type_name(item.storedtype);
            }
        }
    }

    /// A function or operator, perhaps with the types of its arguments.
    unsafe fn with_arguments(&mut self, kind: Kind, named: *mut pg_sys::ObjectWithArgs) {
        // SAFETY: see the impl.
        unsafe {
            if named.is_null() {
                return;
            }
            let types: Vec<*mut pg_sys::TypeName> = pointers((*named).objargs);
            let name = Name::of_list(kind, (*named).objname, 0, 1);
            let told = !(*named).args_unspecified;
            let arguments = types.iter().map(|&of| (!of.is_null()).then_some(of));
            let arguments = told.then(|| Arguments::Types(arguments.collect()));
            let from = self.names.len();
            self.push(name.map(|name| Name {
                arguments: arguments.unwrap_or(Arguments::Any),
                ..name
            }));
            // Where the types do not tell, nothing does.
            for name in &mut self.names[from..] {
                name.is_stored &= !told;
            }
            // Those of OUT are among these.
            #[cfg(not(feature = "pg13"))]
            if !(*named).objfuncargs.is_null() {
                self.parameters((*named).objfuncargs);
                return;
            }
            for of in types {
                self.type_name(of);
            }
        }
    }

    /// CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH ..
    unsafe fn define(&mut self, s: &pg_sys::DefineStmt) -> Result<(), Unknown> {
        let kind = match s.kind {
            object::OBJECT_AGGREGATE => Kind::Function,
            object::OBJECT_OPERATOR => Kind::Operator,
            object::OBJECT_TYPE => Kind::Type,
            object::OBJECT_COLLATION => Kind::Collation,
            object::OBJECT_TSPARSER => Kind::Parser,
            object::OBJECT_TSDICTIONARY => Kind::Dictionary,
            object::OBJECT_TSTEMPLATE => Kind::Template,
            object::OBJECT_TSCONFIGURATION => Kind::Configuration,
            _ => return Err(Unknown),
        };
        // SAFETY: see the impl.
        unsafe {
            self.made(kind, s.defnames);
            if s.kind == object::OBJECT_AGGREGATE {
                // The parameters, and how many of them are direct.
                if let Some(&parameters) = pointers::<pg_sys::List>(s.args).first() {
                    self.parameters(parameters);
                }
            }
            if s.kind == object::OBJECT_OPERATOR {
                let operands = operands(s.definition);
                self.definition_of_operator(s.definition, operands);
            } else {
                self.definition(s.kind, s.definition);
            }
        }
        Ok(())
    }

    /// That of an operator with these operands. Other operators that it names are of the same, or of the same the other way
    /// round; PostgreSQL makes those that are not there, and stores no dependency on them (pg_operator.c: get_other_operator).
    unsafe fn definition_of_operator(
        &mut self,
        parts: *mut pg_sys::List,
        operands: Vec<Option<*mut pg_sys::TypeName>>,
    ) {
        let from = self.names.len();
        // SAFETY: see the impl.
        unsafe {
            self.definition(object::OBJECT_OPERATOR, parts);
            let others = self.names[from..].iter_mut();
            let mut others = others.filter(|name| name.kind == Kind::Operator);
            for part in pointers::<pg_sys::DefElem>(parts) {
                let word = text::bytes((*part).defname);
                let is_other = [&b"commutator"[..], b"negator"].contains(&word);
                let is_list = !(*part).arg.is_null() && (*(*part).arg).type_ == tag::T_List;
                if is_other
                    && is_list
                    && let Some(name) = others.next()
                {
                    let mut operands = operands.clone();
                    if word == b"commutator" {
                        operands.reverse();
                    }
                    name.is_late = true;
                    name.arguments = Arguments::Types(operands);
                }
            }
        }
    }

    /// What the parts of such a definition name.
    unsafe fn definition(&mut self, of: object::Type, parts: *mut pg_sys::List) {
        // SAFETY: see the impl.
        unsafe {
            for part in pointers::<pg_sys::DefElem>(parts) {
                let word = text::decode(text::bytes((*part).defname));
                let Some(kind) = named_by_part(of, &word) else {
                    continue;
                };
                let value = (*part).arg;
                if value.is_null() {
                    continue;
                }
                let (names, at) = match (*value).type_ {
                    tag::T_TypeName => {
                        if kind == Kind::Type {
                            let is_made = word == "multirange_type_name";
                            let from = self.names.len();
                            self.type_name(value.cast());
                            for name in &mut self.names[from..] {
                                name.is_made = is_made;
                            }
                            continue;
                        }
                        let of = of!(value, TypeName);
                        (of.names, usize::try_from(of.location).ok())
                    }
                    tag::T_List => (value.cast(), None),
                    _ => continue,
                };
                let is_operator = kind == Kind::Operator;
                let name = Name::of_list(kind, names, 0, 1);
                self.push(name.map(|name| Name {
                    at,
                    how: if is_operator {
                        How::Wrapped
                    } else {
                        How::Plain
                    },
                    ..name
                }));
            }
        }
    }

    /// An object as COMMENT, DROP, GRANT and others name it.
    unsafe fn object(&mut self, kind: object::Type, node: *mut pg_sys::Node) {
        if node.is_null() {
            return;
        }
        // SAFETY: see the impl.
        unsafe {
            let names: *mut pg_sys::List = node.cast();
            match (*node).type_ {
                tag::T_RangeVar => return self.relation(node.cast()),
                tag::T_TypeName => return self.type_name(node.cast()),
                tag::T_ObjectWithArgs => {
                    let kind = if kind == object::OBJECT_OPERATOR {
                        Kind::Operator
                    } else {
                        Kind::Function
                    };
                    return self.with_arguments(kind, node.cast());
                }
                tag::T_List => {}
                _ => return,
            }
            let method = || {
                let first = pointers::<pg_sys::Node>(names)[0];
                text::c_string_of_bytes(crate::pg::runtime::list::string(first))
            };
            match kind {
                object::OBJECT_TABLE
                | object::OBJECT_VIEW
                | object::OBJECT_MATVIEW
                | object::OBJECT_INDEX
                | object::OBJECT_SEQUENCE
                | object::OBJECT_FOREIGN_TABLE => self.list(Kind::Relation, names),
                object::OBJECT_COLUMN
                | object::OBJECT_TABCONSTRAINT
                | object::OBJECT_TRIGGER
                | object::OBJECT_RULE
                | object::OBJECT_POLICY => {
                    let name = Name::of_list(Kind::Relation, names, 0, 2);
                    self.push(name.map(|name| Name {
                        is_dotted: kind == object::OBJECT_COLUMN,
                        ..name
                    }));
                }
                object::OBJECT_TYPE | object::OBJECT_DOMAIN => self.list(Kind::Type, names),
                // A constraint of a domain, or the two types of a cast.
                object::OBJECT_DOMCONSTRAINT | object::OBJECT_CAST | object::OBJECT_TRANSFORM => {
                    for part in pointers::<pg_sys::Node>(names) {
                        if (*part).type_ == tag::T_TypeName {
                            self.type_name(part.cast());
                        }
                    }
                    if kind == object::OBJECT_DOMCONSTRAINT {
                        self.list(Kind::Type, names);
                    }
                }
                object::OBJECT_OPCLASS => {
                    self.push(Name::of_list(Kind::OperatorClass(method()), names, 1, 1))
                }
                object::OBJECT_OPFAMILY => {
                    self.push(Name::of_list(Kind::OperatorFamily(method()), names, 1, 1))
                }
                object::OBJECT_COLLATION => self.list(Kind::Collation, names),
                object::OBJECT_CONVERSION => self.list(Kind::Conversion, names),
                object::OBJECT_STATISTIC_EXT => self.list(Kind::Statistics, names),
                object::OBJECT_TSPARSER => self.list(Kind::Parser, names),
                object::OBJECT_TSDICTIONARY => self.list(Kind::Dictionary, names),
                object::OBJECT_TSTEMPLATE => self.list(Kind::Template, names),
                object::OBJECT_TSCONFIGURATION => self.list(Kind::Configuration, names),
                _ => {}
            }
        }
    }
}

/// Left and right operand of the operator that is defined.
///
/// # Safety
/// A valid list of DefElem nodes.
unsafe fn operands(parts: *mut pg_sys::List) -> Vec<Option<*mut pg_sys::TypeName>> {
    let of = |wanted: &[u8]| {
        // SAFETY: the caller's promise; the tag is looked at.
        unsafe {
            let mut parts = pointers::<pg_sys::DefElem>(parts).into_iter();
            let part = parts.find(|&part| text::bytes((*part).defname) == wanted)?;
            let value = (*part).arg;
            let is_type = !value.is_null() && (*value).type_ == tag::T_TypeName;
            is_type.then(|| value.cast())
        }
    };
    vec![of(b"leftarg"), of(b"rightarg")]
}

fn is_hash(spec: &pg_sys::PartitionSpec) -> bool {
    #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
    // SAFETY: a string of the tree.
    return unsafe { text::bytes(spec.strategy) }.eq_ignore_ascii_case(b"hash");
    #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
    return spec.strategy == pg_sys::PartitionStrategy::PARTITION_STRATEGY_HASH;
}

/// What a part of a definition names, if anything that lies in a schema.
fn named_by_part(of: object::Type, word: &str) -> Option<Kind> {
    Some(match (of, word) {
        (
            object::OBJECT_AGGREGATE,
            "sfunc" | "sfunc1" | "finalfunc" | "combinefunc" | "serialfunc" | "deserialfunc"
            | "msfunc" | "minvfunc" | "mfinalfunc",
        ) => Kind::Function,
        (object::OBJECT_AGGREGATE, "stype" | "stype1" | "mstype" | "basetype") => Kind::Type,
        (object::OBJECT_AGGREGATE, "sortop") => Kind::Operator,
        (object::OBJECT_OPERATOR, "function" | "procedure" | "restrict" | "join") => Kind::Function,
        (object::OBJECT_OPERATOR, "leftarg" | "rightarg") => Kind::Type,
        (object::OBJECT_OPERATOR, "commutator" | "negator") => Kind::Operator,
        (
            object::OBJECT_TYPE,
            "input" | "output" | "receive" | "send" | "typmod_in" | "typmod_out" | "analyze"
            | "analyse" | "subscript" | "canonical" | "subtype_diff",
        ) => Kind::Function,
        (object::OBJECT_TYPE, "element" | "like" | "subtype" | "multirange_type_name") => {
            Kind::Type
        }
        (object::OBJECT_TYPE, "subtype_opclass") => Kind::OperatorClass(c"btree".to_owned()),
        (object::OBJECT_TYPE, "collation") => Kind::Collation,
        (object::OBJECT_COLLATION, "from") => Kind::Collation,
        (object::OBJECT_TSPARSER, "start" | "gettoken" | "end" | "headline" | "lextypes") => {
            Kind::Function
        }
        (object::OBJECT_TSTEMPLATE, "init" | "lexize") => Kind::Function,
        (object::OBJECT_TSDICTIONARY, "template") => Kind::Template,
        (object::OBJECT_TSCONFIGURATION, "parser") => Kind::Parser,
        (object::OBJECT_TSCONFIGURATION, "copy") => Kind::Configuration,
        _ => return None,
    })
}
