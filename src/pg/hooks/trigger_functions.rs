//! The trigger functions of the extension, as PostgreSQL calls them.

use crate::pg::hooks::handlers::{Handlers, Trigger, above};
use crate::pg::hooks::running;
use crate::pg::hooks::trigger::TriggerCall;
use crate::pg::runtime::failure;
use pgrx::pg_sys::{self, Datum};

/// The entry points of one trigger function, as PostgreSQL looks for them: the function and its record (fmgr.h).
macro_rules! entry_points {
    ($name:ident, $symbol:ident, $info:ident) => {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub extern "C" fn $info() -> &'static pg_sys::Pg_finfo_record {
            const RECORD: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
            &RECORD
        }

        #[doc(hidden)]
        #[unsafe(no_mangle)]
        #[pgrx::pg_guard]
        pub extern "C-unwind" fn $symbol(fcinfo: pg_sys::FunctionCallInfo) -> Datum {
            call(fcinfo, stringify!($name), |above| above.$name)
        }
    };
}

entry_points!(apply_once, apply_once_wrapper, pg_finfo_apply_once_wrapper);
entry_points!(apply_row, apply_row_wrapper, pg_finfo_apply_row_wrapper);
entry_points!(
    apply_copied,
    apply_copied_wrapper,
    pg_finfo_apply_copied_wrapper
);
entry_points!(own_rows, own_rows_wrapper, pg_finfo_own_rows_wrapper);

entry_points!(
    script_rows,
    script_rows_wrapper,
    pg_finfo_script_rows_wrapper
);

fn call(fcinfo: pg_sys::FunctionCallInfo, name: &str, function: fn(&Handlers) -> Trigger) -> Datum {
    let Some(call) = TriggerCall::from_fcinfo(fcinfo) else {
        failure::not_a_trigger(name).raise()
    };
    let _own = running::OwnCode::begin();
    function(above())(&call).unwrap_or_else(|failure| failure.raise())
}
