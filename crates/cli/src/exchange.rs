//! One request on the runtime that was asked for.

use crate::args::{Args, Body, Runtime};
use crate::failure::Failure;
use crate::screen::Screen;
use crate::secret;
use crate::trace::Trace;
use bytes::Bytes;
use nuncio::{Error, Form, Head};

/// A response whose body is still to come, whatever the client that gets it runs on.
pub(crate) enum Incoming {
    Blocking(Box<nuncio::blocking::Streaming>),
    Tokio(tokio::runtime::Runtime, Box<nuncio::Streaming>),
}

/// Both clients take the same lines; their types differ, and where one waits with `.await`.
macro_rules! stream {
    ($runtime:ident, $builder:expr, $args:expr, $password:expr, $listener:expr $(, $wait:tt)*) => {{
        let (args, password) = ($args, $password);
        let mut builder = $builder.trust_env(true);
        if let Some(proxy) = &args.proxy {
            builder = builder.proxy(proxy.as_str());
        }
        if args.no_proxy {
            builder = builder.no_proxy();
        }
        let client = builder
            .danger_accept_invalid_certs(args.no_verify)
            .follow_redirects(args.follow_redirects)
            .http2(args.http2)
            .on_event($listener)
            .build()?;
        let mut request = client.request(args.method(), args.url());
        request = request.query(args.params()).timeout(args.timeout);
        let mut typed = false;
        for (name, value) in args.headers() {
            typed |= name.eq_ignore_ascii_case("content-type");
            request = request.header(name, value);
        }
        for (name, value) in args.cookies() {
            request = request.cookie(name, value);
        }
        if let (Some((user, _)), Some(password)) = (args.auth(), password) {
            request = request.auth((user, password));
        }
        request = match args.body() {
            Body::None => request,
            Body::Text(text) => request.body(text),
            Body::Form(fields) => request.form(fields),
            Body::Files(fields, files) => {
                let mut form = Form::new();
                for (name, path) in files {
                    form = form.part(name, nuncio::$runtime::file_part(path)$(.$wait)*?);
                }
                request.form(fields).multipart(form)
            }
            Body::Json(text) if typed => request.body(text),
            Body::Json(text) => request
                .header("Content-Type", "application/json")
                .body(text),
        };
        request.stream()$(.$wait)*
    }};
}

/// Sends the request and waits for the head of its response. Heads are shown on `screen` as they
/// come.
pub(crate) fn send(args: &Args, screen: Screen) -> Result<Incoming, Failure> {
    let password = args
        .auth()
        .map(|(user, given)| secret::password(user, given));
    let password = password.transpose()?;
    let trace = Trace::new(screen, args.verbose);
    let response = over(args, password, &trace);
    trace.finish()?;
    response
}

fn over(args: &Args, password: Option<String>, trace: &Trace) -> Result<Incoming, Failure> {
    match args.runtime {
        Runtime::Blocking => {
            let builder = nuncio::blocking::Client::builder();
            let response = stream!(blocking, builder, args, password, trace.listener())?;
            Ok(Incoming::Blocking(Box::new(response)))
        }
        Runtime::Tokio => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::other("RuntimeError", format!("no runtime: {error}")))?;
            let response: Result<_, Error> = runtime.block_on(async {
                let builder = nuncio::tokio::builder();
                stream!(tokio, builder, args, password, trace.listener(), await)
            });
            Ok(Incoming::Tokio(runtime, Box::new(response?)))
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
