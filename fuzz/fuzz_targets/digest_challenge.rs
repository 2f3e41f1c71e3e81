#![no_main]

#[path = "../../crates/client/tests/auth/targets.rs"]
#[allow(dead_code)]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::digest_challenge(data));
