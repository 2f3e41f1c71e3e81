//! Every proxy that `tests/interop/run` starts, on the way to nginx: in the clear, over TLS, and with
//! HTTP/2 by ALPN; with the right credentials, with wrong ones and with none.

use crate::servers::{NGINX, NODE, Way, builder, peer, pieces_of, served, sum_of, variable};
use bytes::Bytes;
use http::Version;
use nuncio::{Error, Event, Kind, Proxy, Resolver};
use nuncio_client::{Client, ClientBuilder};
use nuncio_testkit::checksum::Checksum;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};

/// A wrong password: no text may tell it.
const WRONG: &str = "W00RD";

/// A proxy.
#[derive(Debug)]
struct Between {
    /// Its variable.
    port: &'static str,
    schemes: &'static [&'static str],
    wants: Wants,
    /// Whether a connection takes a second request that is forwarded. tinyproxy ends it after the answer
    /// without a word of that, and does not read what comes with a request that it refuses.
    keeps: bool,
    /// What it says to wrong credentials, if HTTP.
    wrong: u16,
}

/// What it asks of whoever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Nothing,
    Basic,
    Digest,
    /// That of SOCKS5 (RFC 1929).
    Password,
}

static SQUID_OPEN: Between = Between {
    port: "SQUID_OPEN",
    schemes: &["http"],
    wants: Wants::Nothing,
    keeps: true,
    wrong: 407,
};
static SQUID_BASIC: Between = Between {
    port: "SQUID_BASIC",
    schemes: &["http"],
    wants: Wants::Basic,
    keeps: true,
    wrong: 407,
};
static TINYPROXY: Between = Between {
    port: "TINYPROXY_BASIC",
    schemes: &["http"],
    wants: Wants::Basic,
    keeps: false,
    wrong: 401,
};
static APACHE_DIGEST: Between = Between {
    port: "DIGEST_PROXY",
    schemes: &["http"],
    wants: Wants::Digest,
    keeps: true,
    wrong: 407,
};
/// stunnel in front of tinyproxy.
static STUNNEL: Between = Between {
    port: "STUNNEL_PROXY",
    schemes: &["https"],
    wants: Wants::Basic,
    keeps: false,
    wrong: 401,
};
static DANTE: Between = Between {
    port: "DANTE_SOCKS",
    schemes: &["socks5", "socks5h", "socks4"],
    wants: Wants::Nothing,
    keeps: true,
    wrong: 407,
};
static MICROSOCKS: Between = Between {
    port: "MICROSOCKS_SOCKS",
    schemes: &["socks5", "socks5h"],
    wants: Wants::Password,
    keeps: true,
    wrong: 407,
};

/// A test on every adapter, through every proxy, of scenarios in this module.
macro_rules! through_every_proxy {
    ($($scenario:ident),+ $(,)?) => {
        through_proxy! { squid_open SQUID_OPEN, $($scenario)+ }
        through_proxy! { squid_with_basic SQUID_BASIC, $($scenario)+ }
        through_proxy! { tinyproxy TINYPROXY, $($scenario)+ }
        through_proxy! { apache_with_digest APACHE_DIGEST, $($scenario)+ }
        through_proxy! { stunnel STUNNEL, $($scenario)+ }
        through_proxy! { dante DANTE, $($scenario)+ }
        through_proxy! { microsocks MICROSOCKS, $($scenario)+ }
    };
}

macro_rules! through_proxy {
    ($module:ident $proxy:ident, $($scenario:ident)+) => {
        mod $module {
            $(
                fn $scenario<A: nuncio_tests::adapters::Adapter>(adapter: &A) {
                    super::$scenario(adapter, &super::$proxy);
                }
                nuncio_tests::behaviour!(#[ignore = "needs tests/interop/run"] $scenario);
            )+
        }
    };
}

through_every_proxy!(
    requests_arrive_and_connections_are_kept,
    requests_arrive_side_by_side,
    others_than_the_known_are_refused,
    what_the_proxy_cannot_reach_is_told,
);

impl Between {
    /// `localhost` is what the certificate of an https proxy is for.
    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}", variable(self.port))
    }

    /// Itself for those who give no credentials.
    fn open(&self, scheme: &str) -> Proxy {
        let proxy = Proxy::new(self.url(scheme));
        match scheme {
            "https" => proxy.root_certificates(fs::read(variable("CA")).unwrap()),
            _ => proxy,
        }
    }

    fn with(&self, scheme: &str, password: &str) -> Proxy {
        let proxy = self.open(scheme);
        match self.wants {
            Wants::Nothing => proxy,
            Wants::Basic | Wants::Password => proxy.auth("user", password),
            Wants::Digest => proxy.digest("user", password),
        }
    }

    fn is_socks(&self) -> bool {
        self.schemes[0].starts_with("socks")
    }

    /// Whether requests of this kind are forwarded, and not sent through a tunnel.
    fn forwards(&self, way: Way) -> bool {
        !self.is_socks() && way == Way::Http1
    }
}

/// Such a client, and the ports that it has connected to.
fn watched<A: Adapter>(
    builder: ClientBuilder<A::Driver>,
) -> (Client<A::Driver>, Arc<Mutex<Vec<String>>>) {
    let dialed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&dialed);
    let builder = builder.on_event(move |event: &Event<'_>| {
        if let Event::ConnectComplete { address } = event {
            let address = address.to_string();
            let (_, port) = address.rsplit_once(':').unwrap();
            seen.lock().unwrap().push(port.to_owned());
        }
    });
    (builder.build().unwrap(), dialed)
}

/// What every failure that is the proxy's doing has in common.
#[track_caller]
fn is_the_proxys(error: &Error, proxy: &Proxy) {
    assert_eq!(error.kind(), Kind::Proxy, "{error}");
    assert_eq!(error.proxy(), Some(proxy.to_string().as_str()), "{error}");
    assert!(error.response().is_none(), "{error}");
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    keeps_secret(&format!("{text} {error:?}"));
}

#[track_caller]
fn keeps_secret(text: &str) {
    // "user:W00RD" in base64 begins with the second, "user:pass" with the last.
    for secret in [WRONG, "dXNlcjpXMDBSR", "user:", "dXNlcjpw"] {
        assert!(!text.contains(secret), "{text}");
    }
}

fn requests_arrive_and_connections_are_kept<A: Adapter>(adapter: &A, between: &Between) {
    let file = fs::read(served("1M.bin")).unwrap();
    let expected = sum_of(served("1M.bin"));
    for scheme in between.schemes {
        for way in Way::USUAL {
            let told = format!("{scheme} {way:?}");
            let proxy = between.with(scheme, "pass");
            let (client, dialed) = watched::<A>(builder(adapter, way).proxy(&proxy));
            let url = |path: &str| NGINX.url(way, path);
            let mut peers = BTreeSet::new();
            // What cannot be sent twice does not go to a connection that may be about to end.
            let fresh = || {
                if !between.keeps && between.forwards(way) {
                    client.evict_idle();
                }
            };

            // Not before credentials were given once: what Digest needs is known from then on, and the
            // body of an upload need not be sent twice.
            let response = adapter.send(client.get(url("/150.txt"))).unwrap();
            assert_eq!(response.status(), 200, "{told}");
            assert_eq!(response.version(), way.version(), "{told}");
            assert_eq!(response.bytes(), "0".repeat(150).as_bytes(), "{told}");
            peers.insert(peer(&response));

            fresh();
            let body = Bytes::copy_from_slice(&file[..300_000]);
            let response = adapter.send(client.post(url("/echo")).body(body)).unwrap();
            assert_eq!(response.status(), 200, "{told}");
            assert!(response.bytes() == &file[..300_000], "{told}");
            peers.insert(peer(&response));

            for announced in [Some(1 << 20), None] {
                fresh();
                let body = adapter.body(pieces_of(served("1M.bin")), announced);
                let response = adapter.send(client.put(url("/echo")).body(body)).unwrap();
                assert_eq!(response.status(), 200, "{told} {announced:?}");
                assert!(response.bytes() == &file, "{told} {announced:?}");
                peers.insert(peer(&response));
            }

            for path in ["/1M.bin", "/chunked/1M.bin"] {
                let mut download = adapter.stream(client.get(url(path))).unwrap();
                let mut sum = Checksum::new();
                while let Some(chunk) = download.chunk().unwrap() {
                    sum.update(&chunk);
                }
                assert_eq!((sum.length(), sum.finish()), expected, "{told} {path}");
                peers.insert(peer(&download));
            }

            let response = adapter.send(client.head(url("/1M.bin"))).unwrap();
            assert_eq!(response.content_length(), Some(1 << 20), "{told}");
            assert_eq!(response.bytes().len(), 0, "{told}");
            let response = adapter.send(client.get(url("/no-such-file"))).unwrap();
            assert_eq!(response.status(), 404, "{told}");
            for number in 0..20 {
                let path = format!("/many/{number}.bin");
                let response = adapter.send(client.get(url(&path))).unwrap();
                let file = fs::read(served(&path[1..])).unwrap();
                assert!(response.bytes() == &file, "{told} {path}");
                peers.insert(peer(&response));
            }

            let dialed = dialed.lock().unwrap();
            let ports: BTreeSet<&str> = dialed.iter().map(String::as_str).collect();
            assert_eq!(ports, BTreeSet::from([variable(between.port).as_str()]));
            // A request that was refused for want of credentials may have cost a connection.
            let refused = usize::from(between.wants == Wants::Digest);
            if between.keeps || !between.forwards(way) {
                assert!(dialed.len() <= 1 + refused, "{told}: {}", dialed.len());
            }
            // How a proxy forwards is its own affair; what a tunnel is was seen by nginx.
            if !between.forwards(way) {
                assert_eq!(peers.len(), 1, "{told}: {peers:?}");
            }
        }
    }
}

fn requests_arrive_side_by_side<A: Adapter>(adapter: &A, between: &Between) {
    let scheme = between.schemes[0];
    for way in Way::USUAL {
        let proxy = between.with(scheme, "pass");
        let client = builder(adapter, way).proxy(&proxy).build().unwrap();
        for round in 0..3 {
            let get = |number| client.get(NGINX.url(way, &format!("/many/{number}.bin")));
            let answers = adapter.together((0..20).map(get).collect());
            for (number, answer) in answers.into_iter().enumerate() {
                let response = answer.unwrap_or_else(|error| panic!("{round} {number}: {error}"));
                let file = fs::read(served(&format!("many/{number}.bin"))).unwrap();
                assert!(response.bytes() == &file, "{way:?} {round} {number}");
            }
        }
    }
}

fn others_than_the_known_are_refused<A: Adapter>(adapter: &A, between: &Between) {
    for scheme in between.schemes {
        let mut strangers = vec![(between.open(scheme), 407)];
        strangers.push((between.with(scheme, WRONG), between.wrong));
        // The right ones, said in another way.
        match between.wants {
            Wants::Digest => strangers.push((between.open(scheme).auth("user", "pass"), 407)),
            Wants::Basic => strangers.push((between.open(scheme).digest("user", "pass"), 407)),
            Wants::Nothing => strangers.clear(),
            Wants::Password => {}
        }
        for way in Way::USUAL {
            let client = builder(adapter, way).build().unwrap();
            for (number, (stranger, status)) in strangers.iter().enumerate() {
                let told = format!("{scheme} {way:?} {number}");
                let get = client.get(NGINX.url(way, "/150.txt"));
                let post = client.post(NGINX.url(way, "/echo")).body("a body");
                let requests = match between.keeps || !between.forwards(way) {
                    true => vec![get, post],
                    false => vec![get],
                };
                for request in requests {
                    let sent = adapter.send(request.proxy(stranger));
                    if between.forwards(way) {
                        let response = sent.unwrap();
                        assert_eq!(response.status(), *status, "{told}");
                        // It is not nginx that says so.
                        assert!(!response.headers().contains("x-peer"), "{told}");
                        keeps_secret(&response.text());
                        continue;
                    }
                    let error = sent.unwrap_err();
                    is_the_proxys(&error, stranger);
                    if !between.is_socks() {
                        assert!(
                            error.to_string().contains(&format!(": {status} ")),
                            "{error}"
                        );
                    }
                    assert_eq!(client.pool().connections, 0, "{told}");
                }
            }
            // The same client is let in with what is right.
            let right = between.with(scheme, "pass");
            let request = client.get(NGINX.url(way, "/150.txt")).proxy(right);
            assert_eq!(adapter.send(request).unwrap().status(), 200);
        }
    }
}

fn what_the_proxy_cannot_reach_is_told<A: Adapter>(adapter: &A, between: &Between) {
    for scheme in between.schemes {
        let proxy = between.with(scheme, "pass");
        for way in Way::USUAL {
            let client = builder(adapter, way).proxy(&proxy).build().unwrap();
            // Nobody listens there.
            let to = match way {
                Way::Http1 => "http://localhost:1/",
                _ => "https://localhost:1/",
            };
            match adapter.send(client.get(to)) {
                Ok(response) => {
                    assert!(between.forwards(way), "{scheme} {way:?}");
                    let status = response.status();
                    assert!(status.is_server_error(), "{scheme} {way:?}: {status}");
                }
                Err(error) => {
                    assert!(!between.forwards(way), "{error}");
                    is_the_proxys(&error, &proxy);
                    assert_eq!(client.pool().connections, 0, "{scheme} {way:?}");
                }
            }
            // It goes on.
            let response = adapter.send(client.get(NGINX.url(way, "/150.txt")));
            assert_eq!(response.unwrap().status(), 200, "{scheme} {way:?}");
        }
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    names_are_looked_up_by_the_socks_proxy_unless_here
);
fn names_are_looked_up_by_the_socks_proxy_unless_here<A: Adapter>(adapter: &A) {
    for between in [&DANTE, &MICROSOCKS] {
        for scheme in between.schemes {
            for here in [false, true] {
                let asked = Arc::new(Mutex::new(Vec::new()));
                let seen = Arc::clone(&asked);
                let resolver = Resolver::blocking(move |host: &str, port: u16| {
                    seen.lock().unwrap().push(host.to_owned());
                    Ok(vec![([127, 0, 0, 1], port).into()])
                });
                let url = between.url(scheme).replace("localhost", "127.0.0.1");
                let mut proxy = Proxy::new(url).resolve_locally(here || *scheme == "socks4");
                if between.wants == Wants::Password {
                    proxy = proxy.auth("user", "pass");
                }
                for way in Way::USUAL {
                    let builder = builder(adapter, way).resolver(resolver.clone());
                    let client = builder.proxy(&proxy).build().unwrap();
                    let response = adapter.send(client.get(NGINX.url(way, "/150.txt")));
                    assert_eq!(response.unwrap().status(), 200, "{scheme} {here} {way:?}");
                }
                let asked = asked.lock().unwrap();
                let expected = match here || *scheme == "socks4" {
                    true => vec!["localhost"; Way::USUAL.len()],
                    false => Vec::new(),
                };
                assert_eq!(*asked, expected, "{between:?} {scheme} {here}");
            }
        }
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    what_a_rule_of_the_proxy_forbids_is_its_refusal
);
fn what_a_rule_of_the_proxy_forbids_is_its_refusal<A: Adapter>(adapter: &A) {
    for scheme in DANTE.schemes {
        let proxy = DANTE.open(scheme);
        let builder = || builder(adapter, Way::Http2Clear).proxy(&proxy);
        let client = builder().build().unwrap();
        let request = client.get(NGINX.url(Way::Http2Clear, "/150.txt"));
        let error = adapter.send(request).unwrap_err();
        is_the_proxys(&error, &proxy);
        let told = match scheme.starts_with("socks5") {
            true => "Connection not allowed by ruleset.",
            false => "Request rejected or failed.",
        };
        assert!(error.to_string().ends_with(told), "{error}");
        // Another server of the kind is not forbidden.
        for _ in 0..3 {
            let request = client.get(NODE.url(Way::Http2Clear, "/150.txt"));
            let response = adapter.send(request).unwrap();
            assert_eq!(response.version(), Version::HTTP_2, "{scheme}");
        }
        assert_eq!(client.pool().connections, 1, "{scheme}");
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    an_https_proxy_that_nobody_vouches_for_is_told_nothing
);
fn an_https_proxy_that_nobody_vouches_for_is_told_nothing<A: Adapter>(adapter: &A) {
    for way in Way::USUAL {
        // What the client trusts of origins does not count for proxies.
        let proxy = Proxy::new(STUNNEL.url("https")).auth("user", WRONG);
        let client = builder(adapter, way).proxy(&proxy).build().unwrap();
        let request = client.get(NGINX.url(way, "/150.txt"));
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{error}");
        assert_eq!(error.proxy(), Some(proxy.to_string().as_str()), "{error}");
        assert!(error.to_string().contains("TLS"), "{error}");
        keeps_secret(&format!("{error} {error:?}"));
        let careless = Proxy::new(STUNNEL.url("https"))
            .auth("user", "pass")
            .danger_accept_invalid_certs(true);
        let request = client.get(NGINX.url(way, "/150.txt")).proxy(careless);
        assert_eq!(adapter.send(request).unwrap().status(), 200, "{way:?}");
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    credentials_that_nobody_wants_do_no_harm_but_with_socks5
);
fn credentials_that_nobody_wants_do_no_harm_but_with_socks5<A: Adapter>(adapter: &A) {
    for between in [&SQUID_OPEN, &DANTE] {
        for scheme in between.schemes {
            // SOCKS4 knows names alone.
            let password = if *scheme == "socks4" { "" } else { WRONG };
            let proxy = between.open(scheme).auth("user", password);
            for way in Way::USUAL {
                let client = builder(adapter, way).proxy(&proxy).build().unwrap();
                let sent = adapter.send(client.get(NGINX.url(way, "/150.txt")));
                // BEHAVIOUR section 26: one method is offered, and dante takes the other alone.
                if scheme.starts_with("socks5") {
                    let error = sent.unwrap_err();
                    is_the_proxys(&error, &proxy);
                    let told = "but got NO ACCEPTABLE METHODS.";
                    assert!(error.to_string().ends_with(told), "{error}");
                } else {
                    assert_eq!(sent.unwrap().status(), 200, "{scheme} {way:?}");
                }
            }
        }
    }
}
