//! The capture table and the sequences of the extension, read and written past SQL.

pub mod row_image;
pub mod sequence;
pub mod stored;
pub mod table;
