//! What a client does, seen from outside, on every adapter: real sockets on loopback, against the
//! testkit's servers and scripted peers. Each scenario is written once.

mod auth;
mod bad_input;
mod bodies;
mod calls;
mod cancel;
mod coded;
mod concurrency;
mod cookies;
mod decoding;
mod downloads;
mod echo;
mod errors;
mod events;
mod files;
mod hooks;
mod http2;
mod injection;
mod kinds;
mod mocks;
mod mounts;
mod multipart;
mod policy;
mod pool;
mod redirects;
mod requests;
mod responses;
mod runtimes;
mod scripts;
mod secrets;
mod streaming;
mod timeouts;
mod tls;
mod tower;
mod unsendable;
mod uploads;
