//! What a client does, seen from outside, on every adapter: real sockets on loopback, against the
//! testkit's servers and scripted peers. Each scenario is written once.

mod bad_input;
mod bodies;
mod cancel;
mod coded;
mod concurrency;
mod decoding;
mod downloads;
mod echo;
mod errors;
mod events;
mod files;
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
mod streaming;
mod timeouts;
mod tls;
mod tower;
mod unsendable;
mod uploads;
