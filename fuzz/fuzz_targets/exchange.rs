#![no_main]

#[path = "../../crates/client/tests/exchange/mod.rs"]
#[allow(dead_code)]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::exchange(data));
