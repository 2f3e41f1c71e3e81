//! The origins that `tests/interop/run` starts, and what each of them can do.

use bytes::Bytes;
use http::Version;
use nuncio::{Event, Head};
use nuncio_client::{Client, ClientBuilder};
use nuncio_testkit::checksum::Checksum;
use nuncio_tests::adapters::Adapter;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A protocol, and whether over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Http1,
    Http1Tls,
    /// Found by ALPN.
    Http2,
    /// HTTP/2 in the clear, by prior knowledge.
    Http2Clear,
}

impl Way {
    /// Those for which a client needs to know no more than a URL.
    pub(crate) const USUAL: [Way; 3] = [Way::Http1, Way::Http1Tls, Way::Http2];

    pub(crate) fn version(self) -> Version {
        match self {
            Way::Http1 | Way::Http1Tls => Version::HTTP_11,
            Way::Http2 | Way::Http2Clear => Version::HTTP_2,
        }
    }
}

/// What not all origins do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Can {
    /// Says in `X-Peer` from which port it was asked.
    TellPeer,
    /// `/chunked/`, `/zip/` and `/redirect`.
    Vary,
    /// Takes requests on an HTTP/2 connection where it has refused a body. HAProxy does not give back the
    /// connection's window for what it threw away.
    GoOnRefused,
    /// Goes on with an HTTP/2 download that paused while others were cancelled. HAProxy may send no more
    /// of it, however wide its windows are.
    GoOnCancelled,
    /// Answers HEAD for what is not there. nghttpd sends a body with that.
    MissHead,
    /// May be asked at the very moment when it ends an idle connection. With hypercorn one run in forty
    /// failed then, and which side was wrong was not seen.
    EndInTime,
}

/// A server.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) name: &'static str,
    pub(crate) ways: &'static [Way],
    /// Where it has ports on which connections end after 40 ms of idleness.
    pub(crate) ends: &'static [Way],
    /// Where `/limited` has 413 for whoever still sends. Over HTTP/2, hypercorn ends the connection.
    pub(crate) refuses: &'static [Way],
    /// Where `/trailers` has some.
    pub(crate) trails: &'static [Way],
    pub(crate) can: &'static [Can],
}

use Can::{EndInTime, GoOnCancelled, GoOnRefused, MissHead, TellPeer, Vary};
use Way::{Http1, Http1Tls, Http2, Http2Clear};

const ALL: &[Way] = &[Http1, Http1Tls, Http2, Http2Clear];

pub(crate) static NODE: Origin = Origin {
    name: "NODE",
    ways: ALL,
    ends: ALL,
    refuses: ALL,
    trails: ALL,
    can: &[
        TellPeer,
        Vary,
        GoOnRefused,
        GoOnCancelled,
        MissHead,
        EndInTime,
    ],
};
pub(crate) static NGINX: Origin = Origin {
    name: "NGINX",
    ways: ALL,
    ends: ALL,
    refuses: ALL,
    trails: &[Http1, Http1Tls],
    can: &[
        TellPeer,
        Vary,
        GoOnRefused,
        GoOnCancelled,
        MissHead,
        EndInTime,
    ],
};
pub(crate) static APACHE: Origin = Origin {
    name: "APACHE",
    ways: ALL,
    ends: &[Http1, Http1Tls, Http2],
    refuses: ALL,
    trails: &[],
    can: &[
        TellPeer,
        Vary,
        GoOnRefused,
        GoOnCancelled,
        MissHead,
        EndInTime,
    ],
};
pub(crate) static HAPROXY: Origin = Origin {
    name: "HAPROXY",
    ways: ALL,
    ends: ALL,
    refuses: ALL,
    trails: ALL,
    can: &[TellPeer, Vary, MissHead, EndInTime],
};
pub(crate) static NGHTTPD: Origin = Origin {
    name: "NGHTTPD",
    ways: &[Http2, Http2Clear],
    ends: &[],
    refuses: &[],
    trails: &[Http2, Http2Clear],
    can: &[GoOnCancelled],
};
pub(crate) static HYPERCORN: Origin = Origin {
    name: "HYPERCORN",
    ways: ALL,
    ends: ALL,
    refuses: &[Http1, Http1Tls],
    trails: &[Http2, Http2Clear],
    can: &[TellPeer, Vary, GoOnCancelled, MissHead],
};

/// A test on every adapter, for every origin, of scenarios in the same module.
macro_rules! on_every_origin {
    ($($scenario:ident),+ $(,)?) => {
        $crate::servers::on_origin! { node NODE, $($scenario)+ }
        $crate::servers::on_origin! { nginx NGINX, $($scenario)+ }
        $crate::servers::on_origin! { apache APACHE, $($scenario)+ }
        $crate::servers::on_origin! { haproxy HAPROXY, $($scenario)+ }
        $crate::servers::on_origin! { nghttpd NGHTTPD, $($scenario)+ }
        $crate::servers::on_origin! { hypercorn HYPERCORN, $($scenario)+ }
    };
}

macro_rules! on_origin {
    ($module:ident $origin:ident, $($scenario:ident)+) => {
        mod $module {
            $(
                fn $scenario<A: nuncio_tests::adapters::Adapter>(adapter: &A) {
                    super::$scenario(adapter, &$crate::servers::$origin);
                }
                nuncio_tests::behaviour!(#[ignore = "needs tests/interop/run"] $scenario);
            )+
        }
    };
}

pub(crate) use {on_every_origin, on_origin};

impl Origin {
    pub(crate) fn can(&self, what: Can) -> bool {
        self.can.contains(&what)
    }

    pub(crate) fn url(&self, way: Way, path: &str) -> String {
        self.at(way, "", path)
    }

    /// Where connections do not last.
    pub(crate) fn short_url(&self, way: Way, path: &str) -> String {
        self.at(way, "SHORT_", path)
    }

    pub(crate) fn at(&self, way: Way, prefix: &str, path: &str) -> String {
        let (scheme, entry) = match way {
            Http1 => ("http", "HTTP"),
            Http2Clear => ("http", "H2C"),
            Http1Tls | Http2 => ("https", "HTTPS"),
        };
        let port = variable(&format!("{}_{prefix}{entry}", self.name));
        format!("{scheme}://localhost:{port}{path}")
    }
}

/// A builder of clients that speak to servers in this way, and in no other.
pub(crate) fn builder<A: Adapter>(adapter: &A, way: Way) -> ClientBuilder<A::Driver> {
    let authority = fs::read(variable("CA")).unwrap();
    let builder = adapter.builder().root_certificates(authority);
    match way {
        Http1 | Http1Tls => builder,
        Http2 => builder.http2(true),
        Http2Clear => builder.http2_prior_knowledge(true),
    }
}

pub(crate) fn client<A: Adapter>(adapter: &A, way: Way) -> Client<A::Driver> {
    builder(adapter, way).build().unwrap()
}

/// Such a client, and how many connections it has made.
pub(crate) fn counted<A: Adapter>(
    adapter: &A,
    way: Way,
) -> (Client<A::Driver>, impl Fn() -> usize + use<A>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let client = builder(adapter, way)
        .on_event(move |event: &Event<'_>| {
            if let Event::ConnectComplete { .. } = event {
                count.fetch_add(1, Ordering::SeqCst);
            }
        })
        .build()
        .unwrap();
    (client, move || made.load(Ordering::SeqCst))
}

/// The port that the server was asked from, which is as good as the connection's name.
pub(crate) fn peer(head: &Head) -> u16 {
    let value = head.headers().get("x-peer").unwrap();
    value.to_string().parse().unwrap()
}

pub(crate) fn variable(name: &str) -> String {
    let name = format!("NUNCIO_INTEROP_{name}");
    std::env::var(&name).unwrap_or_else(|_| panic!("{name} is not set: use tests/interop/run"))
}

/// A file that every origin serves.
pub(crate) fn served(name: &str) -> PathBuf {
    PathBuf::from(variable("FILES")).join(name)
}

/// A file's length and checksum.
pub(crate) fn sum_of(path: PathBuf) -> (u64, u64) {
    let mut file = fs::File::open(path).unwrap();
    let mut sum = Checksum::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return (sum.length(), sum.finish()),
            read => sum.update(&buffer[..read]),
        }
    }
}

/// A file in pieces, as a body that is not held in memory.
pub(crate) fn pieces_of(path: PathBuf) -> impl Iterator<Item = io::Result<Bytes>> + Send {
    let mut file = fs::File::open(path).unwrap();
    std::iter::from_fn(move || {
        let mut piece = vec![0; 256 * 1024];
        match file.read(&mut piece) {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some(Ok(piece.into()))
            }
            Err(error) => Some(Err(error)),
        }
    })
}
