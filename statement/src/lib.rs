//! Work on the text of one SQL statement, in pure Rust on bytes.
//!
//! What it does: finds the tokens of a statement the way PostgreSQL's own scanner does ([`Lexer`]),
//! and on top of that cuts the exact statement out of what the client sent
//! ([`statement_extent`]), hides secrets ([`redact_options`], [`redact_connection`],
//! [`leave_out_passwords`]) and removes single objects from a list of objects
//! ([`remove_list_items`]) or single commands from an ALTER TABLE ([`replace_parts`]), and puts
//! schemas in front of names ([`qualify()`]).
//!
//! What it relies on: the text is in a *server* encoding, where every byte of a multi-byte
//! character is 0x80 or above, and PostgreSQL has already parsed it without an error.
//!
//! What it does not promise: any judgement of whether a statement is valid. Text that PostgreSQL
//! would refuse never makes these functions panic or take more than linear time, but what they
//! return for it has no meaning.

#![forbid(unsafe_code)]

mod default;
mod lexer;
mod patch;
mod qualify;
mod redact;
mod rewrite;
mod splice;
mod trim;

pub use default::{Added, add_with_values};
pub use lexer::{Lexer, Token, TokenKind};
pub use qualify::{Change, Lone, lone_tokens, only_name, qualify};
pub use redact::{OptionRule, leave_out_passwords, redact_connection, redact_options};
pub use rewrite::{
    body_of_function, create_index_if_not_exists, drop_index_if_exists, name_index,
    replace_computed_bound, replace_from_current, replace_likes, restart_behind,
};
pub use splice::{ListPart, ListPlace, remove_list_items, replace_parts};
pub use trim::{explained, statement_extent};
