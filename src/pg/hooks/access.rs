//! What the object access hook sees.

use core::ffi::c_int;
use pgrx::pg_sys;

/// What happens to an object.
pub struct Access {
    pub kind: pg_sys::ObjectAccessType::Type,
    pub class: pg_sys::Oid,
    pub object: pg_sys::Oid,
    pub sub: c_int,
}

impl Access {
    pub fn makes(&self, class: pg_sys::Oid) -> bool {
        self.is(pg_sys::ObjectAccessType::OAT_POST_CREATE, class)
    }

    pub fn alters(&self, class: pg_sys::Oid) -> bool {
        self.is(pg_sys::ObjectAccessType::OAT_POST_ALTER, class)
    }

    pub fn drops(&self, class: pg_sys::Oid) -> bool {
        self.is(pg_sys::ObjectAccessType::OAT_DROP, class)
    }

    /// The object as a whole, not a column of it.
    fn is(&self, kind: pg_sys::ObjectAccessType::Type, class: pg_sys::Oid) -> bool {
        self.kind == kind && self.class == class && self.sub == 0
    }
}
