//! Random texts: what holds for all of them. `check` for bytes of any kind, which `any_bytes` makes; `properties` for
//! statements of which it is known what has to come out.

mod any_bytes;
mod check;
mod properties;
