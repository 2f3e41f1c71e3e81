//! A peer, or code of the program's, that stops in one phase or the other (SECURITY D2, D3).

use crate::inert::Inert;
use crate::world::{SECOND, Takes, World, builder};
use bytes::Bytes;
use nuncio_client::auth::{AsyncAuthFlow, AsyncAuthScheme, AuthStep};
use nuncio_client::{
    AsyncTransport, Auth, Body, BodyStream, BoxFuture, ClientBuilder, Error, Kind, Limits, Phase,
    Processed, Reply, Request, RequestBuilder, Response, Timeout, Transport,
};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Sets a limit.
type Limit = fn(Timeout) -> Timeout;

/// Where it stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stall {
    Pool,
    LookUp,
    Connect,
    #[cfg(feature = "tls")]
    Handshake,
    Head,
    Body,
    Upload,
    /// The source of the request's body has nothing to give.
    Source,
    /// The body of a redirect that is followed.
    RedirectBody,
    RequestHook,
    ResponseHook,
    Auth,
    Transport,
    #[cfg(feature = "http2")]
    Settings,
    #[cfg(feature = "http2")]
    Window,
    #[cfg(feature = "http2")]
    Http2Body,
}

pub(crate) const ALL: &[Stall] = &[
    Stall::Pool,
    Stall::LookUp,
    Stall::Connect,
    #[cfg(feature = "tls")]
    Stall::Handshake,
    Stall::Head,
    Stall::Body,
    Stall::Upload,
    Stall::Source,
    Stall::RedirectBody,
    Stall::RequestHook,
    Stall::ResponseHook,
    Stall::Auth,
    Stall::Transport,
    #[cfg(feature = "http2")]
    Stall::Settings,
    #[cfg(feature = "http2")]
    Stall::Window,
    #[cfg(feature = "http2")]
    Stall::Http2Body,
];

/// An empty SETTINGS frame.
#[cfg(feature = "http2")]
pub(crate) const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// HEADERS of stream 1 that do not end it: `:status: 200`.
#[cfg(feature = "http2")]
pub(crate) const OK: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];

impl Stall {
    /// The limit of its own that ends it, if it has one, and as what.
    fn own(self) -> Option<(Limit, Kind)> {
        Some(match self {
            Stall::Pool => (|it| it.pool(SECOND * 3), Kind::PoolTimeout),
            Stall::LookUp | Stall::Connect => (|it| it.connect(SECOND * 3), Kind::ConnectTimeout),
            #[cfg(feature = "tls")]
            Stall::Handshake => (|it| it.connect(SECOND * 3), Kind::ConnectTimeout),
            Stall::Head | Stall::Body | Stall::RedirectBody => {
                (|it| it.read(SECOND * 3), Kind::ReadTimeout)
            }
            Stall::Upload => (|it| it.write(SECOND * 3), Kind::WriteTimeout),
            #[cfg(feature = "http2")]
            Stall::Settings | Stall::Http2Body => (|it| it.read(SECOND * 3), Kind::ReadTimeout),
            #[cfg(feature = "http2")]
            Stall::Window => (|it| it.write(SECOND * 3), Kind::WriteTimeout),
            Stall::Source
            | Stall::RequestHook
            | Stall::ResponseHook
            | Stall::Auth
            | Stall::Transport => return None,
        })
    }

    /// What the error of a total limit says, and as which phase.
    fn told(self) -> (&'static str, Option<Phase>) {
        match self {
            Stall::Pool => ("waiting for a connection", Some(Phase::Pool)),
            Stall::LookUp => ("looking the host up", Some(Phase::Connect)),
            Stall::Connect => ("connecting", Some(Phase::Connect)),
            #[cfg(feature = "tls")]
            Stall::Handshake => ("waiting for the TLS handshake", Some(Phase::Connect)),
            Stall::Head => ("waiting for the response's head", Some(Phase::Read)),
            Stall::Body => ("reading the response's body", Some(Phase::Read)),
            Stall::Upload | Stall::Source => ("sending the request", Some(Phase::Write)),
            Stall::RedirectBody => ("the body of an earlier response", Some(Phase::Read)),
            Stall::RequestHook | Stall::ResponseHook | Stall::Auth | Stall::Transport => {
                ("waiting for code of the program's", None)
            }
            #[cfg(feature = "http2")]
            Stall::Settings => ("waiting for the response's head", Some(Phase::Read)),
            #[cfg(feature = "http2")]
            Stall::Window => ("sending the request", Some(Phase::Write)),
            #[cfg(feature = "http2")]
            Stall::Http2Body => ("reading the response's body", Some(Phase::Read)),
        }
    }

    /// Goes on until it stops, and to the end of its limit.
    fn run(self, timeout: Timeout) -> (World, Error) {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
        let moved = "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 9\r\n\r\nabc";
        let mut world = match self {
            Stall::Body | Stall::ResponseHook => World::new().at(SECOND, head),
            Stall::RedirectBody => World::new().at(SECOND, moved),
            #[cfg(feature = "http2")]
            Stall::Http2Body => World::new().at(SECOND, [SETTINGS, OK].concat()),
            #[cfg(feature = "http2")]
            Stall::Window => World::new().at(Duration::ZERO, SETTINGS),
            _ => World::new(),
        };
        world.resolves = self != Stall::LookUp;
        world.connects = self != Stall::Connect;
        if self == Stall::Upload {
            world.takes = Takes::Nothing;
        }
        let client = self.builder(timeout).build().unwrap();
        let url = match self {
            #[cfg(feature = "tls")]
            Stall::Handshake => "https://h.example/",
            _ => "http://h.example/",
        };
        let request = match self {
            Stall::Upload => client.post(url).body("body"),
            // More than the window that every stream begins with.
            #[cfg(feature = "http2")]
            Stall::Window => client.post(url).body(vec![0; 100_000]),
            Stall::Source => client.post(url).body(Body::stream(Never, None)),
            _ => client.get(url),
        };
        let error = match self {
            Stall::Pool => {
                // One that is not done yet.
                let first = world.call(client.get(url).send()).unwrap();
                world.arrivals.push_back((SECOND, head.into()));
                let held = world.head(first).unwrap();
                let error = fail(&mut world, request);
                drop(held);
                error
            }
            _ => fail(&mut world, request),
        };
        (world, error)
    }

    fn builder(self, timeout: Timeout) -> ClientBuilder<Inert> {
        let builder = builder(timeout).follow_redirects(true);
        match self {
            Stall::Pool => builder.limits(Limits {
                max_connections: Some(1),
                ..Limits::default()
            }),
            Stall::RequestHook => {
                builder.on_request_async(|_: &mut Request| Box::pin(std::future::pending()))
            }
            Stall::ResponseHook => builder.on_response_async(|_| Box::pin(std::future::pending())),
            Stall::Auth => builder.auth(Auth::async_scheme(Never)),
            Stall::Transport => builder.transport(Transport::future(Never)),
            #[cfg(feature = "http2")]
            Stall::Settings | Stall::Window | Stall::Http2Body => {
                builder.http2_prior_knowledge(true)
            }
            _ => builder,
        }
    }
}

fn fail(world: &mut World, request: RequestBuilder<Inert>) -> Error {
    match world.send(request.send()) {
        Ok((incoming, body)) => panic!("{} {body:?}", incoming.head().status()),
        Err(error) => error,
    }
}

/// Whatever it is asked for, it never has it.
struct Never;

impl AsyncTransport for Never {
    fn send(&self, _: Request) -> BoxFuture<'static, Result<Reply, Error>> {
        Box::pin(std::future::pending())
    }
}

impl AsyncAuthScheme for Never {
    fn start(&self, _: &Request) -> Result<Box<dyn AsyncAuthFlow>, Error> {
        Ok(Box::new(Never))
    }
}

impl AsyncAuthFlow for Never {
    fn step<'a>(
        &'a mut self,
        _: &'a mut Request,
        _: Option<&'a Response>,
    ) -> BoxFuture<'a, Result<AuthStep, Error>> {
        Box::pin(std::future::pending())
    }
}

impl BodyStream for Never {
    fn poll_chunk(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        Poll::Pending
    }
}

#[test]
fn d02_a_stall_in_any_phase_is_its_error_to_the_nanosecond_and_the_socket_is_closed() {
    for stall in ALL {
        let Some((limit, kind)) = stall.own() else {
            continue;
        };
        let (world, error) = stall.run(limit(Timeout::none()));
        assert_eq!(error.kind(), kind, "{stall:?}: {error}");
        assert!(error.is_timeout());
        let begun = match stall {
            Stall::Pool | Stall::Body | Stall::RedirectBody => SECOND,
            #[cfg(feature = "http2")]
            Stall::Http2Body => SECOND,
            _ => Duration::ZERO,
        };
        assert_eq!(world.elapsed(), begun + SECOND * 3, "{stall:?}");
        let counts = world.counts();
        assert_eq!((counts.connections, counts.waiting), (0, 0), "{stall:?}");
    }
}

#[test]
fn d03_a_stall_in_any_phase_ends_with_the_total_limit_to_the_nanosecond() {
    for stall in ALL {
        // The limits of the phases are longer, and none at all.
        for others in [Timeout::secs(60), Timeout::none()] {
            let (world, error) = stall.run(others.total(SECOND * 3));
            assert_eq!(error.kind(), Kind::TotalTimeout, "{stall:?}: {error}");
            assert!(error.is_timeout() && error.is_transport());
            let begun = match stall {
                // The request before it took a second.
                Stall::Pool => SECOND,
                _ => Duration::ZERO,
            };
            assert_eq!(world.elapsed(), begun + SECOND * 3, "{stall:?}");
            let (doing, phase) = stall.told();
            let told = error.to_string();
            assert!(told.contains("timed out after 3s in all, while"), "{told}");
            assert!(told.contains(doing) && told.contains("h.example"), "{told}");
            assert_eq!(error.phase(), phase, "{stall:?}");
            let counts = world.counts();
            assert_eq!((counts.connections, counts.waiting), (0, 0), "{stall:?}");
            let unsent = matches!(
                stall,
                Stall::Pool | Stall::LookUp | Stall::Connect | Stall::RequestHook | Stall::Auth
            );
            if unsent {
                assert_eq!(error.processed(), Processed::No, "{stall:?}");
            }
        }
    }
}
