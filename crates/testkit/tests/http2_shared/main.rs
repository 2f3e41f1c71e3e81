//! One HTTP/2 connection, shared: by plain threads without any runtime, and by tasks.

#![cfg(unix)]

mod server;
mod tasks;
mod threads;
mod work;
