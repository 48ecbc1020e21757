//! TODO

pub mod context;
pub mod create_table;
pub mod event_trigger;
pub mod in_progress;
pub mod joined_table;
pub mod names;
pub mod new_table;
pub mod objects;
pub mod record;
pub mod repaired;
pub mod replayable;
pub mod replica_identity;
pub mod restore;
pub mod retention;
pub mod row;
pub mod row_limit;
pub mod short_lived;
pub mod stored_text;
