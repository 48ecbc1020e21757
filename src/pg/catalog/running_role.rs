//! Whose rights the running code has, and as whom the session is authorized, by name: looked up anew when something about roles has
//! changed ([`rights::changes`]).

use crate::pg::catalog::rights::{self, Rights};
use crate::pg::catalog::role::Role;
use std::cell::RefCell;
use std::rc::Rc;

/// Both roles.
pub struct Who {
    /// `None` where it has been dropped meanwhile.
    pub username: Option<String>,
    pub superuser: bool,
    pub rights: Rights,
    pub session_user: Option<String>,
}

/// As of which change, of which two roles.
type Last = (u64, [Role; 2], Rc<Who>);

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

pub fn who() -> Rc<Who> {
    // Before the look-ups, which may bring an announcement.
    let at = rights::changes();
    let roles = [Role::current(), Role::of_session()];
    LAST.with_borrow(|last| match last {
        Some((known_at, known, who)) if (*known_at, *known) == (at, roles) => Some(Rc::clone(who)),
        _ => None,
    })
    .unwrap_or_else(|| {
        let [current, session] = roles;
        let who = Rc::new(Who {
            username: current.name(),
            superuser: current.is_superuser(),
            rights: rights::of(current),
            session_user: session.name(),
        });
        LAST.set(Some((at, roles, Rc::clone(&who))));
        who
    })
}
