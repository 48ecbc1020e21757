//! What the catalogs say of objects and roles, and the few changes made in them: by OID or in a named schema, never through the
//! user's search_path.

pub(in crate::pg) mod deparse;
pub mod dependency;
pub(in crate::pg) mod expression;
pub mod inheritance;
pub mod lookup;
pub mod own;
pub mod relation;
pub mod rights;
pub mod role;
pub mod running_role;
pub mod search_path;
pub mod spi;
pub mod temporary_need;
pub mod view;
