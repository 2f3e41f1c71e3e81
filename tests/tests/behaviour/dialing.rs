//! How connections are come by: races, look-ups, what may be dialled, sockets' options, trying again.

use crate::echo::Echo;
use nuncio::{
    Address, BoxFuture, ConnectPolicy, Error, Event, Hop, Kind, Network, Resolver, Side,
    SocketOptions, Timeout, Transport,
};
use nuncio_client::{ClientBuilder, Driver};
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A listener whose queue is full: the next to dial gets no answer. Holds what fills it.
struct BlackHole {
    addr: SocketAddr,
    _held: (Vec<TcpStream>, Socket),
}

impl BlackHole {
    fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let addr = listener.local_addr().unwrap().as_socket().unwrap();
        let mut held = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(100)) {
            held.push(stream);
            assert!(held.len() < 50, "the queue is never full");
        }
        let _held = (held, listener);
        BlackHole { addr, _held }
    }
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// What a listener has heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    /// Events of dialling, each as its name, and its address or pause.
    fn listen(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let heard = self.clone();
        move |event: &Event<'_>| {
            heard.note(match event {
                Event::ResolveStarted { host, port } => format!("look up {host} {port}"),
                Event::ConnectStarted { address } => format!("begin {address}"),
                Event::ConnectFailed { address, .. } => format!("fail {address}"),
                Event::ConnectComplete { address } => format!("connect {address}"),
                Event::ConnectRetry { delay } => format!("again {}", delay.as_millis()),
                _ => return,
            });
        }
    }

    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[track_caller]
fn fails<T>(kind: Kind, result: Result<T, Error>) -> String {
    let Err(error) = result else {
        panic!("no error");
    };
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

behaviour!(a_black_holed_first_address_costs_a_quarter_of_a_second);
fn a_black_holed_first_address_costs_a_quarter_of_a_second<A: Adapter>(adapter: &A) {
    let (hole, server, heard) = (BlackHole::new(), Server::http(), Heard::default());
    let client = adapter
        .builder()
        .resolve("two.test", [hole.addr, server.addr()])
        .on_event(heard.listen())
        .build()
        .unwrap();
    let started = Instant::now();
    adapter.send(client.get("http://two.test/json")).unwrap();
    // The address behind it was not kept waiting for the limit of five seconds.
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(240), "{took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let (hole, good) = (hole.addr, server.addr());
    let told = [
        format!("begin {hole}"),
        format!("begin {good}"),
        format!("connect {good}"),
    ];
    assert_eq!(heard.take(), told);
    assert_eq!(client.pool().connections, 1);
    // It is used again, and nobody is dialled.
    adapter.send(client.get("http://two.test/json")).unwrap();
    assert_eq!(heard.take(), Vec::<String>::new());
    assert_eq!(server.connections(), 1);
}

behaviour!(a_refused_first_address_lets_the_next_begin_at_once);
fn a_refused_first_address_lets_the_next_begin_at_once<A: Adapter>(adapter: &A) {
    let (bad, server, heard) = (nobody(), Server::http(), Heard::default());
    let good = server.addr();
    let client = adapter
        .builder()
        .resolve("two.test", [bad, good])
        .on_event(heard.listen())
        .build()
        .unwrap();
    adapter.send(client.get("http://two.test/json")).unwrap();
    let told = [
        format!("begin {bad}"),
        format!("fail {bad}"),
        format!("begin {good}"),
        format!("connect {good}"),
    ];
    assert_eq!(heard.take(), told);
}

behaviour!(d02_black_holes_end_at_the_limit_and_are_all_named);
fn d02_black_holes_end_at_the_limit_and_are_all_named<A: Adapter>(adapter: &A) {
    let (one, two, bad) = (BlackHole::new(), BlackHole::new(), nobody());
    let client = adapter
        .builder()
        .resolve("three.test", [one.addr, bad, two.addr])
        .timeout(Timeout::default().connect(Duration::from_secs(1)))
        .build()
        .unwrap();
    let started = Instant::now();
    let sent = adapter.send(client.get("http://three.test/"));
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let text = fails(Kind::ConnectTimeout, sent);
    for address in [one.addr, two.addr] {
        assert!(text.contains(&format!("{address}: timed out")), "{text}");
    }
    assert!(
        text.contains(&format!("{bad}: Connection refused")),
        "{text}"
    );
    assert_eq!(client.pool().connections, 0);
}

behaviour!(d05_of_a_thousand_addresses_sixteen_are_tried);
fn d05_of_a_thousand_addresses_sixteen_are_tried<A: Adapter>(adapter: &A) {
    let (port, heard) = (nobody().port(), Heard::default());
    let many = move |_: &str, _: u16| {
        let ip = |n: u32| Ipv4Addr::from(0x7F01_0000 + n);
        Ok((0..1_000)
            .map(|n| SocketAddr::from((ip(n), port)))
            .collect())
    };
    let client = adapter
        .builder()
        .resolver(Resolver::blocking(many))
        .on_event(heard.listen())
        .build()
        .unwrap();
    let text = fails(Kind::Connect, adapter.send(client.get("http://many.test/")));
    assert!(text.contains("984 were not tried"), "{text}");
    let begun = heard.take();
    let begun = begun.iter().filter(|it| it.starts_with("begin"));
    assert_eq!(begun.count(), 16);
}

behaviour!(a_look_up_that_finds_nothing_fails_or_takes_too_long_is_told);
fn a_look_up_that_finds_nothing_fails_or_takes_too_long_is_told<A: Adapter>(adapter: &A) {
    let over = Latch::new();
    let wait = over.clone();
    let resolver = move |host: &str, _: u16| match host {
        "none.test" => Ok(Vec::new()),
        "fails.test" => Err(io::Error::other("the resolver is\nout of order")),
        "panics.test" => panic!("as it should"),
        _ => {
            wait.wait(Duration::from_secs(20));
            Ok(Vec::new())
        }
    };
    let client = adapter
        .builder()
        .resolver(Resolver::blocking(resolver))
        .build()
        .unwrap();
    let get = |host: &str| client.get(format!("http://{host}/"));
    let send = |host: &str| adapter.send(get(host));
    let text = fails(Kind::Connect, send("none.test"));
    assert!(text.contains("'none.test' has no address"), "{text}");
    let error = send("fails.test").unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    assert!(error.to_string().contains("out of order"), "{error}");
    fails(Kind::Connect, send("panics.test"));
    let started = Instant::now();
    let limit = Timeout::default().connect(Duration::from_millis(150));
    let sent = adapter.send(get("slow.test").timeout(limit));
    let text = fails(Kind::ConnectTimeout, sent);
    assert!(text.contains("slow.test"), "{text}");
    assert!(started.elapsed() >= Duration::from_millis(150));
    assert!(started.elapsed() < Duration::from_secs(4));
    assert_eq!(client.pool().connections, 0);
    over.open();
}

behaviour!(u13_a_resolver_sees_the_host_and_no_credentials);
fn u13_a_resolver_sees_the_host_and_no_credentials<A: Adapter>(adapter: &A) {
    let (server, heard) = (Server::http(), Heard::default());
    let (ip, asked) = (server.addr().ip(), heard.clone());
    let resolver = move |host: &str, port: u16| {
        asked.note(format!("{host} {port}"));
        // Port 0 stands for the one that was asked for.
        Ok(vec![SocketAddr::new(ip, 0)])
    };
    let client = adapter
        .builder()
        .resolver(Resolver::blocking(resolver))
        .build()
        .unwrap();
    let port = server.addr().port();
    for front in ["user:SECRET@", "SECRET@", "user:SECRET%40evil.test@"] {
        let url = format!("http://{front}NAME.Test:{port}/echo");
        let echo = Echo::of(&adapter.send(client.get(url)).unwrap());
        assert_eq!(echo.values("host"), [format!("name.test:{port}")]);
    }
    // Once: the connection is kept, and so is nothing else. An address is not looked up.
    adapter.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(heard.take(), [format!("name.test {port}")]);
}

behaviour!(an_async_resolver_serves_async_clients_alone);
fn an_async_resolver_serves_async_clients_alone<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let addr = server.addr();
    let resolver =
        move |_: &str, _: u16| -> BoxFuture<'static, _> { Box::pin(async move { Ok(vec![addr]) }) };
    let built = adapter
        .builder()
        .resolver(Resolver::future(resolver))
        .build();
    match A::Driver::SIDE {
        Side::Blocking => {
            fails(Kind::Usage, built.map(drop));
        }
        Side::Async => {
            let client = built.unwrap();
            let url = format!("http://name.test:{}/json", addr.port());
            adapter.send(client.get(url)).unwrap();
        }
    }
}

behaviour!(addresses_that_are_given_are_dialled_without_a_look_up);
fn addresses_that_are_given_are_dialled_without_a_look_up<A: Adapter>(adapter: &A) {
    let (server, heard) = (Server::http(), Heard::default());
    let addr = server.addr();
    let client = adapter
        .builder()
        .resolve("any.test", [SocketAddr::new(addr.ip(), 0)])
        .resolve("EXAMPLE.test:81", [addr])
        .on_event(heard.listen())
        .build()
        .unwrap();
    for (url, host) in [
        (
            format!("http://any.test:{}/echo", addr.port()),
            format!("any.test:{}", addr.port()),
        ),
        (
            "http://example.test:81/echo".to_owned(),
            "example.test:81".to_owned(),
        ),
    ] {
        let echo = Echo::of(&adapter.send(client.get(url)).unwrap());
        assert_eq!(echo.values("host"), [host]);
        let dialled = [format!("begin {addr}"), format!("connect {addr}")];
        assert_eq!(heard.take(), dialled);
    }
    for (name, addresses) in [("a b", vec![addr]), ("a.test", vec![])] {
        let built = adapter.builder().resolve(name, addresses).build();
        let text = fails(Kind::Builder, built.map(drop));
        assert!(text.contains(name), "{text}");
    }
}

/// A policy that notes what it is asked about, and refuses one port.
fn noting(heard: &Heard, refused: u16) -> ConnectPolicy {
    let heard = heard.clone();
    ConnectPolicy::new(move |candidate| {
        assert_eq!(candidate.hop, Hop::Origin);
        heard.note(format!("{} {}", candidate.host, candidate.address));
        match candidate.address.tcp() {
            Some(address) if address.port() == refused => Err("that is the wrong\nport".into()),
            _ => Ok(()),
        }
    })
}

behaviour!(u12_the_policy_sees_every_address_on_every_hop);
fn u12_the_policy_sees_every_address_on_every_hop<A: Adapter>(adapter: &A) {
    let (server, inner, heard) = (Server::http(), Server::http(), Heard::default());
    let (good, bad) = (server.addr(), inner.addr());
    let looked_up = move |host: &str, _: u16| {
        Ok(match host {
            "mixed.test" => vec![bad, good],
            _ => vec![bad],
        })
    };
    let client = adapter
        .builder()
        .follow_redirects(true)
        .resolver(Resolver::blocking(looked_up))
        .resolve("given.test", [bad])
        .connect_policy(noting(&heard, bad.port()))
        .build()
        .unwrap();
    let send = |url: &str| adapter.send(client.get(url));
    let (bad_port, mapped) = (
        bad.port(),
        format!("http://[::ffff:127.0.0.1]:{}/", bad.port()),
    );
    for (url, host) in [
        (inner.url("/json"), "127.0.0.1"),
        (format!("http://2130706433:{bad_port}/"), "127.0.0.1"),
        // Canonical in both: the URL's host is as it was written.
        (mapped, "[::ffff:7f00:1]"),
        ("http://given.test/".to_owned(), "given.test"),
        ("http://looked-up.test/".to_owned(), "looked-up.test"),
    ] {
        let text = fails(Kind::Policy, send(&url));
        let told = format!(r"{bad}: refused by the connect policy: that is the wrong\nport");
        assert!(text.ends_with(&told), "{text}");
        assert!(text.contains(host), "{text}");
        assert_eq!(heard.take(), [format!("{host} {bad}")]);
    }
    // A redirect leads to where nothing may be dialled.
    let there = format!("/redirect-to?url={}&status=302", inner.url("/json"));
    let error = send(&server.url(&there)).unwrap_err();
    assert_eq!(error.kind(), Kind::Policy, "{error}");
    assert_eq!(error.url().unwrap().port(), Some(bad_port));
    assert_eq!(
        heard.take(),
        [format!("127.0.0.1 {good}"), format!("127.0.0.1 {bad}")]
    );
    // Of several addresses, those are dialled that may be.
    assert_eq!(send("http://mixed.test/json").unwrap().status(), 200);
    let asked = [format!("mixed.test {bad}"), format!("mixed.test {good}")];
    assert_eq!(heard.take(), asked);
    // A kept connection leads where it led.
    send("http://mixed.test/json").unwrap();
    assert_eq!(heard.take(), Vec::<String>::new());
    assert_eq!(inner.connections(), 0);
    assert_eq!(client.pool().connections, 2);
}

behaviour!(u12_what_the_policy_judged_is_what_is_dialled);
fn u12_what_the_policy_judged_is_what_is_dialled<A: Adapter>(adapter: &A) {
    // A name that means something else each time it is looked up.
    let (server, inner, heard) = (Server::http(), Server::http(), Heard::default());
    let (good, bad, times) = (server.addr(), inner.addr(), AtomicUsize::new(0));
    let rebinding = move |_: &str, _: u16| {
        let odd = times.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        Ok(vec![if odd { bad } else { good }])
    };
    let client = adapter
        .builder()
        .resolver(Resolver::blocking(rebinding))
        .connect_policy(noting(&heard, bad.port()))
        .build()
        .unwrap();
    let send = || {
        let request = client.get("http://rebinds.test/json");
        adapter.send(request.header("Connection", "close"))
    };
    assert_eq!(send().unwrap().status(), 200);
    fails(Kind::Policy, send());
    assert_eq!(send().unwrap().status(), 200);
    assert_eq!((server.connections(), inner.connections()), (2, 0));
}

behaviour!(u11_whoever_needs_the_host_gets_the_same_one);
fn u11_whoever_needs_the_host_gets_the_same_one<A: Adapter>(adapter: &A) {
    // Looked up, judged, dialled and named in `Host`; and the key of the pool, as it is kept.
    let (server, heard) = (Server::http(), Heard::default());
    let (addr, asked) = (server.addr(), heard.clone());
    let resolver = move |host: &str, _: u16| {
        asked.note(format!("{host} {addr}"));
        Ok(vec![addr])
    };
    let client = adapter
        .builder()
        .resolver(Resolver::blocking(resolver))
        .connect_policy(noting(&heard, 0))
        .build()
        .unwrap();
    for (number, (url, host)) in [
        ("http://one.test#@evil.test/echo", "one.test"),
        ("http://two.test?@evil.test/", "two.test"),
        (r"http://three.test\@evil.test/", "three.test"),
        ("http://evil.test@four.test/", "four.test"),
        ("http://a@evil.test@FIVE.test/", "five.test"),
        ("http://evil.test:80@six.test/", "six.test"),
        ("  http://se\tven.te\nst/", "seven.test"),
        ("http:/\\eight.test/", "eight.test"),
        ("http://nine%2Etest/", "nine.test"),
        ("http://bücher。test/", "xn--bcher-kva.test"),
        ("http://eleven.test./", "eleven.test."),
    ]
    .into_iter()
    .enumerate()
    {
        for _ in 0..2 {
            let response = adapter.send(client.get(url)).unwrap();
            assert_eq!(response.url().host_str(), host);
        }
        let judged = format!("{host} {addr}");
        assert_eq!(heard.take(), [judged.clone(), judged], "{url}");
        let port = format!("http://{host}:{}/echo", addr.port());
        let echo = Echo::of(&adapter.send(client.get(port)).unwrap());
        assert_eq!(echo.values("host"), [format!("{host}:{}", addr.port())]);
        assert_eq!(server.connections(), 2 * (number as u64 + 1), "{url}");
        heard.take();
    }
}

behaviour!(u12_public_addresses_only_lets_no_spelling_of_loopback_through);
fn u12_public_addresses_only_lets_no_spelling_of_loopback_through<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let port = server.addr().port();
    let client = adapter
        .builder()
        .connect_policy(ConnectPolicy::public_addresses_only())
        .retries(3)
        .build()
        .unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::1]",
        "[::]",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "localhost",
        "LOCALHOST",
        "１２７.0.0.1",
    ] {
        let sent = adapter.send(client.get(format!("http://{host}:{port}/json")));
        let text = fails(Kind::Policy, sent);
        assert!(
            text.contains("it is not a public address"),
            "{host}: {text}"
        );
    }
    assert_eq!(server.connections(), 0);
    #[cfg(unix)]
    {
        let policy = ConnectPolicy::public_addresses_only();
        let builder = adapter.builder().connect_policy(policy);
        let client = builder.unix_socket("/nowhere").build().unwrap();
        fails(Kind::Policy, adapter.send(client.get("http://1.1.1.1/")));
    }
}

behaviour!(b23_a_connection_that_cannot_be_made_is_tried_for_again_with_pauses);
fn b23_a_connection_that_cannot_be_made_is_tried_for_again_with_pauses<A: Adapter>(adapter: &A) {
    let (bad, heard) = (nobody(), Heard::default());
    let client = adapter
        .builder()
        .retries(2)
        .on_event(heard.listen())
        .build()
        .unwrap();
    let started = Instant::now();
    let sent = adapter.send(client.get(format!("http://{bad}/")));
    assert!(started.elapsed() >= Duration::from_millis(500));
    let text = fails(Kind::Connect, sent);
    assert!(text.contains(&bad.to_string()), "{text}");
    let (begin, fail) = (format!("begin {bad}"), format!("fail {bad}"));
    let again = ["again 0", "again 500"];
    let told = [
        &begin, &fail, again[0], &begin, &fail, again[1], &begin, &fail,
    ];
    assert_eq!(heard.take(), told);
    assert_eq!(client.pool().connections, 0);
}

behaviour!(b23_look_ups_and_handshakes_are_tried_for_again_and_requests_are_not);
fn b23_look_ups_and_handshakes_are_tried_for_again_and_requests_are_not<A: Adapter>(adapter: &A) {
    // The first look-up fails, and the second one serves.
    let (server, times) = (Server::http(), AtomicUsize::new(0));
    let addr = server.addr();
    let second = move |_: &str, _: u16| match times.fetch_add(1, Ordering::SeqCst) {
        0 => Err(io::Error::other("not yet")),
        _ => Ok(vec![addr]),
    };
    let builder = adapter.builder().resolver(Resolver::blocking(second));
    let client = builder.retries(1).build().unwrap();
    adapter.send(client.get("http://name.test/json")).unwrap();
    // Who closes the connection in the middle of the handshake is dialled again.
    let closing = Script::new().connection([]).repeat_last().start();
    let client = adapter.builder().retries(1).build().unwrap();
    let url = format!("https://{}/", closing.addr());
    fails(Kind::Connect, adapter.send(client.get(url)));
    assert_eq!(closing.connections(), 2);
    // A request that was sent is not sent again.
    let peer = Script::new()
        .connection([Step::ExpectHead])
        .repeat_last()
        .start();
    let sent = adapter.send(client.post(peer.url("/")).body("x"));
    fails(Kind::RemoteProtocol, sent);
    assert_eq!(peer.connections(), 1);
}

behaviour!(b23_each_time_has_the_whole_limit);
fn b23_each_time_has_the_whole_limit<A: Adapter>(adapter: &A) {
    let (hole, heard) = (BlackHole::new(), Heard::default());
    let client = adapter
        .builder()
        .retries(1)
        .timeout(Timeout::default().connect(Duration::from_millis(300)))
        .on_event(heard.listen())
        .build()
        .unwrap();
    let started = Instant::now();
    let sent = adapter.send(client.get(format!("http://{}/", hole.addr)));
    fails(Kind::ConnectTimeout, sent);
    assert!(started.elapsed() >= Duration::from_millis(600));
    let (begin, fail) = (
        format!("begin {}", hole.addr),
        format!("fail {}", hole.addr),
    );
    let told = [&begin, &fail, "again 0", &begin, &fail];
    assert_eq!(heard.take(), told);
}

behaviour!(b22_1_connections_come_from_the_local_address);
fn b22_1_connections_come_from_the_local_address<A: Adapter>(adapter: &A) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let local = "127.0.0.9".parse().unwrap();
    let client = adapter.builder().local_address(local).build().unwrap();
    let accepted = std::thread::spawn(move || listener.accept().unwrap().1);
    // Whom it accepts it closes at once.
    adapter.send(client.get(url)).unwrap_err();
    assert_eq!(accepted.join().unwrap().ip(), local);
    // The local address selects the family; of the other one nothing is dialled.
    let server = Server::http();
    let v6 = "[::1]:9".parse().unwrap();
    let builder = adapter.builder().local_address([0, 0, 0, 0].into());
    let builder = builder.resolve("both.test", [v6, server.addr()]);
    let client = builder.resolve("six.test", [v6]).build().unwrap();
    adapter.send(client.get("http://both.test/json")).unwrap();
    let text = fails(Kind::Connect, adapter.send(client.get("http://six.test/")));
    assert!(text.contains("the local address 0.0.0.0"), "{text}");
}

behaviour!(b22_1_options_of_sockets_are_set_and_what_fails_is_told);
fn b22_1_options_of_sockets_are_set_and_what_fails_is_told<A: Adapter>(adapter: &A) {
    let (server, seen) = (Server::http(), Heard::default());
    let note = seen.clone();
    let options = SocketOptions::new()
        .keepalive(Duration::from_secs(30))
        .nodelay(false)
        .configure(move |socket| {
            let socket = socket2::SockRef::from(&socket);
            note.note(format!("{} {}", socket.keepalive()?, socket.tcp_nodelay()?));
            Ok(())
        });
    let builder = adapter.builder().socket_options(options);
    let client = builder.build().unwrap();
    for _ in 0..2 {
        adapter.send(client.get(server.url("/json"))).unwrap();
    }
    assert_eq!(seen.take(), ["true false"]);
    let options = SocketOptions::new().interface("no such one");
    let client = adapter.builder().socket_options(options).build().unwrap();
    let text = fails(Kind::Connect, adapter.send(client.get(server.url("/"))));
    assert!(text.contains("the interface 'no such one'"), "{text}");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    /// A folder for sockets, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static NUMBER: AtomicUsize = AtomicUsize::new(0);
            let number = NUMBER.fetch_add(1, Ordering::SeqCst);
            let name = format!("nuncio-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        /// Answers two requests on one connection with the heads that came.
        fn serve(&self, name: &str) -> (PathBuf, std::thread::JoinHandle<()>) {
            let path = self.0.join(name);
            let listener = UnixListener::bind(&path).unwrap();
            let thread = std::thread::spawn(move || {
                let (mut socket, _) = listener.accept().unwrap();
                for _ in 0..2 {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        socket.read_exact(&mut byte).unwrap();
                        head.push(byte[0]);
                    }
                    let answer =
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", head.len());
                    socket.write_all(answer.as_bytes()).unwrap();
                    socket.write_all(&head).unwrap();
                }
            });
            (path, thread)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    behaviour!(b22_1_a_unix_socket_carries_every_request);
    fn b22_1_a_unix_socket_carries_every_request<A: Adapter>(adapter: &A) {
        let (folder, heard) = (Folder::new(), Heard::default());
        let (path, server) = folder.serve("s");
        let client = adapter
            .builder()
            .unix_socket(&path)
            .on_event(heard.listen())
            .build()
            .unwrap();
        for target in ["/a", "/b?c"] {
            let url = format!("http://daemon.test:81{target}");
            let response = adapter.send(client.get(url)).unwrap();
            let head = response.text().into_owned();
            let front = format!("GET {target} HTTP/1.1\r\nHost: daemon.test:81\r\n");
            assert!(head.starts_with(&front), "{head}");
        }
        // Nothing was looked up, and the connection was kept.
        let address = Address::Unix(path.into());
        let told = [format!("begin {address}"), format!("connect {address}")];
        assert_eq!(heard.take(), told);
        server.join().unwrap();
    }

    behaviour!(b22_1_a_unix_socket_that_cannot_be_dialled_is_told);
    fn b22_1_a_unix_socket_that_cannot_be_dialled_is_told<A: Adapter>(adapter: &A) {
        let folder = Folder::new();
        let deaf = folder.0.join("deaf");
        drop(UnixListener::bind(&deaf).unwrap());
        let missing = folder.0.join("none\n");
        let long = folder.0.join("x".repeat(200));
        for (path, told) in [
            (deaf, "deaf\": connecting: Connection refused"),
            (missing, r#"none\n": connecting: No such file"#),
            (long, "xxx\": connecting: path must be shorter"),
        ] {
            let client = adapter.builder().unix_socket(path).build().unwrap();
            let text = fails(Kind::Connect, adapter.send(client.get("http://a.test/")));
            assert!(text.contains(told), "{text}");
            assert_eq!(client.pool().connections, 0);
        }
    }

    behaviour!(k06_unix_sockets_share_nothing_with_the_network_or_each_other);
    fn k06_unix_sockets_share_nothing_with_the_network_or_each_other<A: Adapter>(adapter: &A) {
        let (folder, tcp) = (Folder::new(), Server::http());
        let ((one, first), (two, second)) = (folder.serve("1"), folder.serve("2"));
        let client = adapter.builder().unix_socket(&one).build().unwrap();
        let other = client.with(|it| it.unix_socket(&two)).unwrap();
        let plain = adapter.client();
        let url = tcp.url("/json");
        for client in [&client, &other, &plain, &plain, &other, &client] {
            adapter.send(client.get(&url)).unwrap();
        }
        assert_eq!(tcp.connections(), 1);
        first.join().unwrap();
        second.join().unwrap();
    }
}

behaviour!(k06_what_leads_elsewhere_shares_no_connection);
fn k06_what_leads_elsewhere_shares_no_connection<A: Adapter>(adapter: &A) {
    // One URL, and each of these networks may mean another server by it.
    type Change<D> = fn(ClientBuilder<D>, SocketAddr) -> ClientBuilder<D>;
    let changes: [Change<A::Driver>; 6] = [
        |it, _| it,
        |it, addr| it.resolve("same.test", [addr]),
        |it, addr| it.resolver(Resolver::blocking(move |_: &str, _: u16| Ok(vec![addr]))),
        |it, _| it.local_address([127, 0, 0, 1].into()),
        |it, _| it.socket_options(SocketOptions::new().nodelay(false)),
        |it, _| it.connect_policy(ConnectPolicy::new(|_| Ok(()))),
    ];
    let server = Server::http();
    let addr = server.addr();
    let base = adapter.builder().resolve("same.test", [addr]);
    let base = base.build().unwrap();
    let url = format!("http://same.test:{}/json", addr.port());
    let clients: Vec<_> = changes
        .iter()
        .map(|change| base.with(|it| change(it, addr)).unwrap())
        .collect();
    for round in 0..2 {
        adapter.send(base.get(&url)).unwrap();
        for client in &clients {
            adapter.send(client.get(&url)).unwrap();
        }
        // The first of them changes nothing, and shares the connection of the client it is made from.
        assert_eq!(server.connections(), 6, "round {round}");
    }
    // A mount with a network of its own likewise.
    let other = Server::http();
    let network = Network::new().resolve("same.test", [other.addr()]);
    let client = adapter
        .builder()
        .resolve("same.test", [addr])
        .mount("http://same.test:8081", Transport::network(network))
        .build()
        .unwrap();
    for _ in 0..2 {
        adapter
            .send(client.get("http://same.test:8080/json"))
            .unwrap();
        adapter
            .send(client.get("http://same.test:8081/json"))
            .unwrap();
    }
    assert_eq!((server.connections(), other.connections()), (7, 1));
}

behaviour!(k10_a_zone_cannot_stand_in_a_url_and_comes_with_an_address);
fn k10_a_zone_cannot_stand_in_a_url_and_comes_with_an_address<A: Adapter>(adapter: &A) {
    let client = adapter.client();
    for host in ["[fe80::1%25lo]", "[fe80::1%lo]", "[fe80::1%251]"] {
        let sent = adapter.send(client.get(format!("http://{host}/")));
        fails(Kind::InvalidUrl, sent);
    }
    // Each zone is another network, and so another client's: they share nothing.
    let heard = Heard::default();
    for zone in [1, 2] {
        let address = format!("[fe80::1%{zone}]:9").parse().unwrap();
        let refuse = ConnectPolicy::new(|_| Err("not today".to_owned()));
        let builder = adapter.builder().resolve("printer.test", [address]);
        let builder = builder.connect_policy(refuse).on_event(heard.listen());
        let client = builder.build().unwrap();
        fails(
            Kind::Policy,
            adapter.send(client.get("http://printer.test/")),
        );
    }
    assert_eq!(heard.take(), ["fail [fe80::1%1]:9", "fail [fe80::1%2]:9"]);
}
