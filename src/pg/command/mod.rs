//! One DDL command as PostgreSQL has it: text, parse tree, what event triggers are told, what it does to its objects.

pub mod added_value;
pub mod current_setting;
pub mod drop;
pub mod early_lock;
pub mod event;
pub mod eventless;
pub mod grant;
pub mod index;
pub mod like;
pub mod name;
pub mod names;
mod names_in_command;
mod names_in_query;
pub mod needs;
pub mod node;
pub mod parser;
pub mod partition;
pub mod role_clause;
pub mod role_spec;
pub mod sequence_range;
pub mod source;
pub mod table_element;
pub mod tablespace;
pub mod temporary_type;
pub mod visible;
pub mod way;
pub mod without_temporary;
