//! What every room needs of a backend: memory, errors, text, settings, transactions, raw access to catalogs.

pub mod compat;
pub mod custom_settings;
pub mod error_context;
pub mod failure;
pub mod finally;
pub mod list;
pub mod memory;
pub(in crate::pg) mod plain;
pub(in crate::pg) mod raw;
pub mod report;
pub mod scan;
pub mod session;
pub mod setting;
pub mod short_error;
pub mod subtransaction;
pub mod syscache;
pub mod text;
pub mod transaction;
pub mod value;
