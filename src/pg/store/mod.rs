//! TODO

pub mod row_image;
pub mod sequence;
pub mod stored;
pub mod table;
