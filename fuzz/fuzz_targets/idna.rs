#![no_main]

#[allow(dead_code)]
#[path = "../../crates/url/tests/fuzz_bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::idna(data));
