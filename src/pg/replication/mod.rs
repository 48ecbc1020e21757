//! Logical replication: publications and who is in them, subscriptions, the publisher, WAL.

pub mod copies;
pub mod empty;
pub mod identity;
pub mod publication;
pub mod publisher;
pub mod subscription;
pub mod wal;
