#![no_main]

#[path = "../../crates/connection/tests/proxy_fuzz/target.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::proxy_reply(data));
