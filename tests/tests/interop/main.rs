//! Against servers that others wrote, which `tests/interop/run` starts: see `tests/interop/README.md`.
//!
//! What every origin answers alike is in [`contract`], and [`load`] has many requests at once; both are
//! written once and run against each. What one of them has to itself is in a file of its name.
//!
//! [`proxies`] goes through each proxy, and [`names`] looks names up where dnsmasq has them.

mod command;
mod contract;
mod load;
mod names;
mod nginx;
mod proxies;
mod servers;
mod tls;
#[cfg(unix)]
mod unix;
