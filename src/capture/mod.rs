//! TODO

pub mod context;
pub mod create_table;
pub mod event_trigger;
pub mod in_progress;
pub mod names;
pub mod objects;
pub mod published;
pub mod record;
pub mod recording;
pub mod render;
pub mod repaired;
pub mod replayable;
pub mod replica_identity;
pub mod retention;
pub mod row;
pub mod row_limit;
pub mod short_lived;
pub mod stored_text;
pub mod untold;
