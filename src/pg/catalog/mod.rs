//! TODO

pub mod dependency;
pub mod empty;
pub mod lookup;
pub mod own;
pub mod relation;
pub mod rights;
pub mod role;
pub mod spi;
pub mod temporary_need;
