//! The behaviour of `nuncio-http2`, held from outside: against frames written by hand and against
//! the server of the `h2` crate, without any runtime. Names begin with the row of SECURITY.

mod bodies;
mod chaos;
mod echo;
mod ending;
mod exchange;
mod heap;
mod hostile;
mod raw;
mod split;
mod windows;
