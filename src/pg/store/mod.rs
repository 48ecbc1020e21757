//! The capture table and the sequences of the extension, read and written past SQL; rows of any table as bytes
//! ([`row_image`]).

pub mod row_image;
pub mod sequence;
pub mod stored;
pub mod table;
