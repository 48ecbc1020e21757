//! The destination: rows of `public.dts_ddl_command` that logical replication brings are executed as they arrive, in the
//! transaction of the rows around them.
//!
//! A subscription begins with [`subscribe`]. The path of one row: the REPLICA triggers that `dts_ddl.start_apply()` makes
//! ([`triggers`]); the row as the source wrote it ([`recorded`]); whether and as whom it runs ([`command`]); search_path and
//! settings ([`circumstances`]), role and the statement itself ([`crate::pg::hooks::execute`]); how often it is tried
//! ([`tries`]); new tables enter the subscription ([`membership`]), rewritten ones are copied again ([`rewritten`]); what became of it
//! ([`log`]). When its rows differ or went nowhere, the DBA has a table copied anew ([`copy`]). [`trust`]: whether anything runs here at all, for which the publisher is asked
//! ([`source`]); [`names`]: what was made has the source's names; [`script_rows`]: rows of an extension's script; [`stops`]: why
//! it stands still; [`calls`]: what the DBA calls.
//! Relied on: a trigger of the applied row runs before the next row of the stream, in the same transaction, so that command,
//! log and the position in the stream are committed or lost together.
//! Not promised: anything for rows that are inserted by other means than logical replication or CREATE SUBSCRIPTION; they are
//! left alone.

pub mod calls;
mod circumstances;
mod command;
pub mod copy;
mod log;
mod membership;
mod names;
mod recorded;
mod rewritten;
pub mod script_rows;
pub mod source;
pub mod stops;
pub mod subscribe;
mod tries;
pub mod triggers;
pub mod trust;
