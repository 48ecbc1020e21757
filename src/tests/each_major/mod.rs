//! What may be right on one major and wrong on another: `./test` runs these on every major, and all others on the oldest and the
//! newest only.

mod apply_stream;
pub mod compare;
mod copied_again;
mod replica_identity;
mod same_data;
mod sql;
mod streamed_message;
