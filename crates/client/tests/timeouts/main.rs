//! Limits on time, to the nanosecond: whole calls on a clock that stands still unless it is waited for.

mod expect;
#[path = "../inert/mod.rs"]
mod inert;
mod interim;
mod low_speed;
mod stalls;
mod total;
mod world;
mod zero;
