//! One DDL command of the source, from its announcement to its row.
//!
//! 1. [`in_progress`]: the utility hook announces it, with its text; ddl_command_start adds who runs it and under which settings
//!    ([`context`]), and what can only be asked beforehand ([`untold`], [`names_before`]): [`started`].
//! 2. [`event_trigger`]: the entry points of start, drops, table rewrites and end; and what the hooks call for commands that raise
//!    no event triggers. [`recording`]: whether commands are recorded at all.
//! 3. [`record`]: when it gets its row; [`objects`]: what it touched, and whether another server could repeat that; [`implied`]:
//!    what of that goes without saying.
//! 4. [`render`]: what the row holds. [`stored_text`]: exactly the statement, without its neighbours, without secrets;
//!    [`replayable`], [`create_table`]: what stands for one that could not be repeated; [`also_dropped`]: what went
//!    with temporary objects; [`short_lived`]: what nobody else has;
//!    [`qualified`]: with schemas before its names; [`names`]: what the server chose; [`published`], [`replica_identity`]: how
//!    tables take part in replication.
//! 5. [`row`]: the 14 columns; [`row_limit`]: how large they may be; [`crate::retention`]: old rows. [`repaired`]: rows beside it, of
//!    indexes that have become valid.
//!
//! Between the files, as between the rooms, arrows run one way (`src/tests/rooms.rs`).

pub mod also_dropped;
pub mod context;
pub mod create_table;
pub mod event_trigger;
pub mod implied;
pub mod in_progress;
pub mod names;
pub mod names_before;
pub mod objects;
pub mod published;
pub mod qualified;
pub mod record;
pub mod recording;
pub mod render;
pub mod repaired;
pub mod replayable;
pub mod replica_identity;
pub mod row;
pub mod row_limit;
pub mod short_lived;
pub mod started;
pub mod stored_text;
pub mod untold;
