//! Bytes that libFuzzer makes, by what they reach in the code.

#![no_main]

#[path = "../../tests/text/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    check::check(text, true);
    check::check(text, false);
});
