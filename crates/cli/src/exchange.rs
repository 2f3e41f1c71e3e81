//! One request on the runtime that was asked for.

use crate::args::{Args, Body, Runtime};
use crate::failure::Failure;
use crate::screen::Screen;
use crate::trace;
use bytes::Bytes;
use nuncio::{Error, Head};

/// A response whose body is still to come, whatever the client that gets it runs on.
pub(crate) enum Incoming {
    Blocking(Box<nuncio::blocking::Streaming>),
    Tokio(tokio::runtime::Runtime, Box<nuncio::Streaming>),
}

/// Both clients take the same lines; their types differ.
macro_rules! stream {
    ($builder:expr, $args:expr, $screen:expr) => {{
        let (args, mut builder) = ($args, $builder);
        builder = builder.danger_accept_invalid_certs(args.no_verify);
        if args.verbose {
            builder = builder.on_event(trace::listener($screen));
        }
        let mut request = builder.build()?.request(args.method(), args.url());
        request = request.query(args.params()).timeout(args.timeout);
        let mut typed = false;
        for (name, value) in args.headers() {
            typed |= name.eq_ignore_ascii_case("content-type");
            request = request.header(name, value);
        }
        match args.body() {
            Body::None => request,
            Body::Text(text) => request.body(text),
            Body::Form(fields) => request.form(fields),
            Body::Json(text) if typed => request.body(text),
            Body::Json(text) => request
                .header("Content-Type", "application/json")
                .body(text),
        }
        .stream()
    }};
}

/// Sends the request and waits for the head of its response.
pub(crate) fn send(args: &Args, screen: Screen) -> Result<Incoming, Failure> {
    match args.runtime {
        Runtime::Blocking => {
            let response = stream!(nuncio::blocking::Client::builder(), args, screen)?;
            Ok(Incoming::Blocking(Box::new(response)))
        }
        Runtime::Tokio => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::other("RuntimeError", format!("no runtime: {error}")))?;
            let response = stream!(nuncio::tokio::builder(), args, screen);
            let response = runtime.block_on(response)?;
            Ok(Incoming::Tokio(runtime, Box::new(response)))
        }
    }
}

impl Incoming {
    pub(crate) fn head(&self) -> &Head {
        match self {
            Incoming::Blocking(response) => response,
            Incoming::Tokio(_, response) => response,
        }
    }

    /// How much of the body came, before decoding.
    pub(crate) fn bytes_downloaded(&self) -> u64 {
        match self {
            Incoming::Blocking(response) => response.bytes_downloaded(),
            Incoming::Tokio(_, response) => response.bytes_downloaded(),
        }
    }

    /// The next piece of the body; none at its end.
    pub(crate) fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Incoming::Blocking(response) => response.chunk(),
            Incoming::Tokio(runtime, response) => runtime.block_on(response.chunk()),
        }
    }
}
