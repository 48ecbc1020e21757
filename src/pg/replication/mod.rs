//! TODO

pub mod identity;
pub mod logical_message;
pub mod publication;
pub mod publisher;
pub mod subscription;
pub mod wal;
