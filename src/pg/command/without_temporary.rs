//! A table, or what an ALTER TABLE does to it, without what needs temporary objects ([`temporary_need`]): as other servers can
//! have it, so that they take its rows.
//!
//! A column of a temporary type is there, of the type that `temporary_need` says, and a generated one is an ordinary column.
//! Neither has constraints: here it may go at the end of the session, and its constraints with it, and nobody is told.
//! Not promised: what a CREATE TABLE has no words for ([`super::like`]).

use crate::pg::catalog::lookup::{self, Address};
use crate::pg::catalog::{inheritance, relation, temporary_need};
use crate::pg::command::node::{self, ParseTree};
use crate::pg::command::{partition, table_element, temporary_type};
use crate::pg::runtime::session::session_has_temporary_schema;
use crate::pg::runtime::text;
use pgrx::pg_sys;
use std::collections::HashSet;

/// The parts of a CREATE TABLE that `relation::Definition` does not have.
pub struct Shape {
    /// PARTITION OF, or nothing.
    pub of: String,
    pub elements: Vec<String>,
    /// INHERITS, FOR VALUES, PARTITION BY.
    pub behind: String,
    pub left_out: LeftOut,
}

/// What another server does not get, or gets as something else.
#[derive(Default)]
pub struct LeftOut {
    objects: Vec<Address>,
    /// New columns that are empty there in the rows that were there before.
    without_value: Vec<i32>,
}

impl LeftOut {
    fn add(&mut self, class: pg_sys::Oid, object: pg_sys::Oid, sub: i32) {
        self.objects.push(Address { class, object, sub });
    }

    /// Constraints and indexes that no other server has. (A column is another one there, a default perhaps too, and may be
    /// dropped.)
    pub fn missing(&self) -> impl Iterator<Item = Address> + '_ {
        let all = self.objects.iter().copied();
        all.filter(|object| object.class != pg_sys::AttrDefaultRelationId && object.sub == 0)
    }

    pub fn identities(&self) -> Vec<String> {
        let described = self.objects.iter().filter_map(|object| object.describe());
        described
            .map(|described| format!("{} {}", described.object_type, described.identity))
            .collect()
    }
}

/// What is left of a table that a command has just made.
pub fn shape(table: pg_sys::Oid, made: &[pg_sys::Oid], qualify_all: bool) -> Option<Shape> {
    let mut left_out = LeftOut::default();
    let parents = inheritance::parents(table);
    // SAFETY: a syscache look-up.
    let is_partition = unsafe { pg_sys::get_rel_relispartition(table) };
    let parent = (parents.first().copied())
        .filter(|&parent| is_partition && !temporary_need::is_in_partition_key(parent));
    let inherits = !is_partition && !parents.is_empty();
    let columns = relation::columns(table, |relation, attribute| {
        note_column(table, attribute.attnum, &mut left_out);
        // SAFETY: the closure is called with live columns of the open relation.
        unsafe {
            match parent {
                Some(_) => table_element::column_of_partition(relation, attribute),
                None if inherits && !attribute.attislocal => None,
                None => table_element::column(relation, attribute, made, qualify_all),
            }
        }
    })?;
    let mut elements = columns;
    elements.extend(constraints(
        table,
        |constraint| {
            (constraint.is_local || is_partition && parent.is_none()).then(|| constraint.element())
        },
        &mut left_out,
    ));
    let mut behind = String::new();
    let mut of = String::new();
    if let Some(parent) = parent {
        of = format!(" PARTITION OF {}", lookup::qualified_relation_name(parent)?);
        behind = format!(" {}", partition::bound(table)?);
    } else if inherits {
        let names: Option<Vec<String>> = (parents.into_iter())
            .map(lookup::qualified_relation_name)
            .collect();
        behind = format!(" INHERITS ({})", names?.join(", "));
    }
    if lookup::is_partitioned(table) && !temporary_need::is_in_partition_key(table) {
        behind.push_str(&format!(" PARTITION BY {}", partition::key(table)?));
    }
    Some(Shape {
        of,
        elements,
        behind,
        left_out,
    })
}

/// What an ALTER TABLE finds, before it runs, that another server has not, or has otherwise.
#[derive(Default)]
pub struct Before {
    table: Option<pg_sys::Oid>,
    /// Columns that are something else there.
    columns: Vec<String>,
    constraints: Vec<String>,
    /// The names of all constraints, but for those that the command drops.
    stay: HashSet<String>,
    is_typed: bool,
}

impl Before {
    pub fn of(tree: ParseTree) -> Self {
        let alter = tree.cast::<pg_sys::AlterTableStmt>(pg_sys::NodeTag::T_AlterTableStmt);
        let Some(alter) = alter.filter(|_| session_has_temporary_schema()) else {
            return Self::default();
        };
        // SAFETY: the node tag says which type it is; the look-up takes no lock.
        let (table, dropped) = unsafe {
            let table = node::find_quietly((*alter).relation);
            let dropped: Vec<String> = node::alter_table_commands(tree.node())
                .into_iter()
                .filter(|&c| (*c).subtype == pg_sys::AlterTableType::AT_DropConstraint)
                .filter_map(|c| text::string((*c).name))
                .collect();
            (table, dropped)
        };
        if table == pg_sys::InvalidOid || !lookup::is_table(table) {
            return Self::default();
        }
        let columns = relation::columns(table, |_, attribute| {
            temporary_need::is_in_column(table, attribute.attnum)
                // SAFETY: the closure is called with live columns.
                .then(|| unsafe { text::string(attribute.attname.data.as_ptr()) })?
        });
        // SAFETY: the table exists.
        let constraints = unsafe { table_element::constraints(table) };
        let names = constraints.iter().map(|constraint| constraint.name.clone());
        Before {
            stay: names.filter(|name| !dropped.contains(name)).collect(),
            table: Some(table),
            columns: columns.unwrap_or_default(),
            constraints: (constraints.into_iter())
                .filter(table_element::Constraint::needs_temporary)
                .map(|constraint| constraint.name)
                .collect(),
            is_typed: temporary_need::is_of_type(table),
        }
    }
}

/// What takes the place of one command of an ALTER TABLE.
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    Kept,
    LeftOut,
    Instead(String),
}

/// What is left of an ALTER TABLE.
pub struct Altered {
    pub parts: Vec<Part>,
    /// Commands behind them.
    pub more: Vec<String>,
    pub left_out: LeftOut,
}

/// What is left of an ALTER TABLE that has run; `None` if that is all of it.
pub fn altered(
    tree: ParseTree,
    before: &Before,
    attached: Option<pg_sys::Oid>,
    made: &[pg_sys::Oid],
    qualify_all: bool,
) -> Option<Altered> {
    let table = before.table?;
    let mut left_out = LeftOut::default();
    let mut more = Vec::new();
    // SAFETY: the table exists: the command has just altered it.
    let new: Vec<table_element::Constraint> = unsafe { table_element::constraints(table) }
        .into_iter()
        .filter(|constraint| constraint.is_local && !before.stay.contains(&constraint.name))
        .collect();
    // SAFETY: a parse tree is valid while its command runs.
    let commands = unsafe { node::alter_table_commands(tree.node()) };
    let mut command = Command {
        before,
        attached,
        table,
        rebuilds: new.iter().any(table_element::Constraint::needs_temporary),
        made,
        qualify_all,
    };
    // SAFETY: as above.
    command.rebuilds |= (commands.iter()).any(|&alter| unsafe { command.adds_another(&*alter) });
    let parts: Vec<Part> = commands
        .into_iter()
        // SAFETY: as above.
        .map(|alter| unsafe { command.part(&*alter, &mut left_out) })
        .collect();
    let rebuilds = command.rebuilds;
    if rebuilds {
        // Which of them a command has made cannot be told.
        for constraint in new {
            let columns = &left_out.without_value;
            if constraint.needs_temporary() || constraint.needs_value(table, columns) {
                left_out.add(pg_sys::ConstraintRelationId, constraint.oid, 0);
                left_out.objects.extend(index_of(&constraint));
            } else {
                more.push(format!("ADD {}", constraint.element()));
            }
        }
    }
    (rebuilds || parts.iter().any(|part| *part != Part::Kept)).then_some(Altered {
        parts,
        more,
        left_out,
    })
}

/// One command, with what has to be known to judge it.
struct Command<'a> {
    before: &'a Before,
    /// The partition that it attaches.
    attached: Option<pg_sys::Oid>,
    table: pg_sys::Oid,
    /// The constraints are told of apart from what has made them.
    rebuilds: bool,
    /// The relations that the statement has made.
    made: &'a [pg_sys::Oid],
    qualify_all: bool,
}

impl Command<'_> {
    /// # Safety
    /// A command of the ALTER TABLE.
    unsafe fn part(&self, alter: &pg_sys::AlterTableCmd, left_out: &mut LeftOut) -> Part {
        use pg_sys::AlterTableType as kind;
        // SAFETY: the subtype says what the definition is (parsenodes.h, gram.y).
        unsafe {
            let name = text::string(alter.name).unwrap_or_default();
            let was_another = self.before.columns.contains(&name);
            #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
            if alter.subtype == kind::AT_SetExpression {
                return self.expression(&name, was_another, left_out);
            }
            match alter.subtype {
                kind::AT_AddColumn => self.added(alter, left_out),
                kind::AT_AddConstraint if self.rebuilds => Part::LeftOut,
                kind::AT_ColumnDefault if !alter.def.is_null() => self.default(&name, left_out),
                kind::AT_AlterColumnType => {
                    self.retyped(&name, alter.def.cast(), was_another, left_out)
                }
                kind::AT_SetNotNull if self.is_another(&name) => Part::LeftOut,
                kind::AT_DropExpression if was_another => Part::LeftOut,
                kind::AT_DropConstraint if self.before.constraints.contains(&name) => {
                    Part::Instead(drop_constraint(&name, alter.behavior))
                }
                kind::AT_ValidateConstraint if self.before.constraints.contains(&name) => {
                    Part::LeftOut
                }
                kind::AT_AlterConstraint if self.names_constraint(alter.def) => Part::LeftOut,
                kind::AT_ClusterOn if self.is_index_only_here(&name) => Part::LeftOut,
                kind::AT_ReplicaIdentity if self.identifies(alter.def.cast()) => Part::LeftOut,
                kind::AT_AttachPartition | kind::AT_DetachPartition
                    if temporary_need::is_in_partition_key(self.table) =>
                {
                    Part::LeftOut
                }
                kind::AT_AttachPartition => self.attached(alter.def.cast()),
                kind::AT_AddOf if temporary_need::is_of_type(self.table) => Part::LeftOut,
                kind::AT_DropOf if self.before.is_typed => Part::LeftOut,
                kind::AT_EnableTrig
                | kind::AT_EnableAlwaysTrig
                | kind::AT_EnableReplicaTrig
                | kind::AT_DisableTrig
                    if self.is_only_here(pg_sys::TriggerRelationId, &name) =>
                {
                    Part::LeftOut
                }
                kind::AT_EnableRule
                | kind::AT_EnableAlwaysRule
                | kind::AT_EnableReplicaRule
                | kind::AT_DisableRule
                    if self.is_only_here(pg_sys::RewriteRelationId, &name) =>
                {
                    Part::LeftOut
                }
                _ => Part::Kept,
            }
        }
    }

    fn number(&self, column: &str) -> pg_sys::AttrNumber {
        let name = text::c_string(column);
        // SAFETY: a syscache look-up; 0 when there is none.
        unsafe { pg_sys::get_attnum(self.table, name.as_ptr()) }
    }

    fn is_another(&self, column: &str) -> bool {
        temporary_need::is_in_column(self.table, self.number(column))
    }

    /// # Safety
    /// An ADD COLUMN.
    unsafe fn added_number(&self, alter: &pg_sys::AlterTableCmd) -> pg_sys::AttrNumber {
        // SAFETY: the caller's promise.
        let name = unsafe { text::string((*(alter.def as *mut pg_sys::ColumnDef)).colname) };
        name.map_or(0, |name| self.number(&name))
    }

    /// Whether it adds a column that is another one elsewhere, or has another default.
    ///
    /// # Safety
    /// A command of the ALTER TABLE.
    unsafe fn adds_another(&self, alter: &pg_sys::AlterTableCmd) -> bool {
        if alter.subtype != pg_sys::AlterTableType::AT_AddColumn {
            return false;
        }
        // SAFETY: as above.
        let number = unsafe { self.added_number(alter) };
        temporary_need::is_in_column(self.table, number)
            || missing_default(self.table, number).is_some()
    }

    /// # Safety
    /// An ADD COLUMN.
    unsafe fn added(&self, alter: &pg_sys::AlterTableCmd, left_out: &mut LeftOut) -> Part {
        if !self.rebuilds {
            return Part::Kept;
        }
        // SAFETY: the caller's promise.
        let number = unsafe { self.added_number(alter) };
        note_column(self.table, number, left_out);
        let Some(mut column) = self.column(number) else {
            return Part::Kept;
        };
        if missing_default(self.table, number).is_some() && !alter.missing_ok {
            if let Some(value) = self.value_of_rows(number) {
                column = with_default(&column, &value);
            } else {
                left_out.without_value.push(i32::from(number));
                column = column.trim_end_matches(NOT_NULL).to_owned();
            }
        }
        let condition = if alter.missing_ok {
            "IF NOT EXISTS "
        } else {
            ""
        };
        Part::Instead(format!("ADD COLUMN {condition}{column}"))
    }

    /// The value that the rows have which were there before, as a literal, where PostgreSQL keeps one for all.
    fn value_of_rows(&self, number: pg_sys::AttrNumber) -> Option<String> {
        relation::columns(self.table, |relation, attribute| {
            if attribute.attnum != number || !attribute.atthasmissing {
                return None;
            }
            let (mut output, mut is_varlena, mut is_null) = (pg_sys::InvalidOid, false, false);
            // SAFETY: the column of the open relation has such a value; the type's own output function is called.
            unsafe {
                let value = pg_sys::getmissingattr((*relation).rd_att, number.into(), &mut is_null);
                if is_null {
                    return None;
                }
                pg_sys::getTypeOutputInfo(attribute.atttypid, &mut output, &mut is_varlena);
                text::string(pg_sys::OidOutputFunctionCall(output, value))
            }
        })?
        .pop()
        .map(|value| text::quote_literal(&value))
    }

    fn column(&self, number: pg_sys::AttrNumber) -> Option<String> {
        relation::columns(self.table, |relation, attribute| {
            (attribute.attnum == number)
                // SAFETY: the closure is called with live columns of the open relation.
                .then(|| unsafe {
                    table_element::column(relation, attribute, self.made, self.qualify_all)
                })?
        })?
        .pop()
    }

    /// The bound in constants, where it names temporary types.
    ///
    /// # Safety
    /// The definition of an ATTACH PARTITION.
    unsafe fn attached(&self, definition: *mut pg_sys::PartitionCmd) -> Part {
        // SAFETY: the caller's promise.
        if !unsafe { temporary_type::is_in_expression((*definition).bound.cast()) } {
            return Part::Kept;
        }
        let name = self.attached.and_then(lookup::qualified_relation_name);
        match name.zip(self.attached.and_then(partition::bound)) {
            Some((name, bound)) => Part::Instead(format!("ATTACH PARTITION {name} {bound}")),
            None => Part::LeftOut,
        }
    }

    fn default(&self, name: &str, left_out: &mut LeftOut) -> Part {
        match missing_default(self.table, self.number(name)) {
            Some(default) => {
                left_out.add(pg_sys::AttrDefaultRelationId, default, 0);
                Part::Instead(format!(
                    "ALTER COLUMN {} DROP DEFAULT",
                    text::quote_identifier(name)
                ))
            }
            None => Part::Kept,
        }
    }

    #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
    fn expression(&self, name: &str, was_another: bool, left_out: &mut LeftOut) -> Part {
        if was_another {
            return Part::LeftOut;
        }
        let number = self.number(name);
        if !note_column(self.table, number, left_out) {
            return Part::Kept;
        }
        // SAFETY: a syscache look-up.
        if unsafe { pg_sys::get_attgenerated(self.table, number) } as u8 == b's' {
            let name = text::quote_identifier(name);
            Part::Instead(format!("ALTER COLUMN {name} DROP EXPRESSION IF EXISTS"))
        } else {
            Part::LeftOut
        }
    }

    /// # Safety
    /// The definition of an ALTER COLUMN TYPE.
    unsafe fn retyped(
        &self,
        name: &str,
        definition: *mut pg_sys::ColumnDef,
        was_another: bool,
        left_out: &mut LeftOut,
    ) -> Part {
        let number = self.number(name);
        let is_another = note_column(self.table, number, left_out);
        // SAFETY: the caller's promise.
        let (has_using, names_temporary) = unsafe {
            let using = (*definition).raw_default;
            (!using.is_null(), temporary_type::is_in_expression(using))
        };
        let by_text = is_another || was_another && !has_using;
        if !by_text {
            return if names_temporary {
                Part::LeftOut
            } else {
                Part::Kept
            };
        }
        let column = relation::columns(self.table, |_, attribute| {
            (attribute.attnum == number)
                // SAFETY: the closure is called with live columns.
                .then(|| unsafe { relation::column(attribute, self.qualify_all) })?
        });
        let Some(column) = column.and_then(|mut found| found.pop()) else {
            return Part::Kept;
        };
        let collation = column
            .collation
            .map_or(String::new(), |name| format!(" COLLATE {name}"));
        let (name, kind) = (column.name, column.type_name);
        Part::Instead(format!(
            "ALTER COLUMN {name} TYPE {kind}{collation} USING {name}::pg_catalog.text::{kind}"
        ))
    }

    /// # Safety
    /// The definition of an ALTER CONSTRAINT.
    unsafe fn names_constraint(&self, definition: *mut pg_sys::Node) -> bool {
        // SAFETY: the caller's promise: a Constraint up to 17, an ATAlterConstraint from then on.
        unsafe {
            #[cfg(any(feature = "pg18", feature = "pg19"))]
            let name = (*(definition as *mut pg_sys::ATAlterConstraint)).conname;
            #[cfg(not(any(feature = "pg18", feature = "pg19")))]
            let name = (*(definition as *mut pg_sys::Constraint)).conname;
            text::string(name).is_some_and(|name| self.before.constraints.contains(&name))
        }
    }

    /// # Safety
    /// The definition of a REPLICA IDENTITY.
    unsafe fn identifies(&self, definition: *mut pg_sys::ReplicaIdentityStmt) -> bool {
        // SAFETY: the caller's promise.
        unsafe { text::string((*definition).name) }
            .is_some_and(|name| self.is_index_only_here(&name))
    }

    fn is_index_only_here(&self, name: &str) -> bool {
        let name = text::c_string(name);
        // SAFETY: syscache look-ups.
        let index = unsafe {
            pg_sys::get_relname_relid(name.as_ptr(), pg_sys::get_rel_namespace(self.table))
        };
        temporary_need::needs(pg_sys::RelationRelationId, index)
    }

    /// Of a trigger or rule of the table.
    fn is_only_here(&self, class: pg_sys::Oid, name: &str) -> bool {
        let name = text::c_string(name);
        // SAFETY: look-ups that find nothing where there is none.
        let object = unsafe {
            if class == pg_sys::TriggerRelationId {
                pg_sys::get_trigger_oid(self.table, name.as_ptr(), true)
            } else {
                pg_sys::get_rewrite_oid(self.table, name.as_ptr(), true)
            }
        };
        temporary_need::needs(class, object)
    }
}

/// What a column may end in ([`table_element::column`]).
const NOT_NULL: &str = " NOT NULL";

fn with_default(column: &str, value: &str) -> String {
    match column.strip_suffix(NOT_NULL) {
        Some(column) => format!("{column} DEFAULT {value}{NOT_NULL}"),
        None => format!("{column} DEFAULT {value}"),
    }
}

fn drop_constraint(name: &str, behavior: pg_sys::DropBehavior::Type) -> String {
    let cascade = if behavior == pg_sys::DropBehavior::DROP_CASCADE {
        " CASCADE"
    } else {
        ""
    };
    format!(
        "DROP CONSTRAINT IF EXISTS {}{cascade}",
        text::quote_identifier(name)
    )
}

/// The default of a column, where no other server can have it.
fn missing_default(table: pg_sys::Oid, column: pg_sys::AttrNumber) -> Option<pg_sys::Oid> {
    temporary_need::default_of(table, column)
        .filter(|&default| temporary_need::needs(pg_sys::AttrDefaultRelationId, default))
}

/// Notes what another server has otherwise of a column, and whether that is anything.
fn note_column(table: pg_sys::Oid, column: pg_sys::AttrNumber, left_out: &mut LeftOut) -> bool {
    if temporary_need::is_in_column(table, column) {
        left_out.add(pg_sys::RelationRelationId, table, i32::from(column));
        return true;
    }
    let default = missing_default(table, column);
    default
        .inspect(|&oid| left_out.add(pg_sys::AttrDefaultRelationId, oid, 0))
        .is_some()
}

/// What `f` makes of the constraints of a table that other servers can have; the others are noted.
fn constraints(
    table: pg_sys::Oid,
    f: impl Fn(&table_element::Constraint) -> Option<String>,
    left_out: &mut LeftOut,
) -> Vec<String> {
    let mut elements = Vec::new();
    // SAFETY: the table exists.
    for constraint in unsafe { table_element::constraints(table) } {
        if constraint.needs_temporary() {
            left_out.add(pg_sys::ConstraintRelationId, constraint.oid, 0);
            left_out.objects.extend(index_of(&constraint));
        } else {
            elements.extend(f(&constraint));
        }
    }
    elements
}

/// The index that a constraint has made.
fn index_of(constraint: &table_element::Constraint) -> Option<Address> {
    // SAFETY: a syscache look-up.
    let index = unsafe { pg_sys::get_constraint_index(constraint.oid) };
    (index != pg_sys::InvalidOid && constraint.kind != b'f').then(|| Address::relation(index))
}
