#![no_main]

#[path = "../../crates/http1/tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::fuzz::body(data));
