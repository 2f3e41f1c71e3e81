//! `--proxy`, `--no-proxy`, and the environment.

use crate::{command, nuncio, on_all};
use nuncio_testkit::proxy::Proxy;
use nuncio_testkit::server::Server;

const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

#[test]
fn b29_requests_go_through_the_proxy_that_is_named() {
    let origin = Server::http();
    let proxy = Proxy::builder().password(BASIC, "user:secret").start();
    let url = origin.url("/bytes/3");
    for scheme in ["http", "socks5"] {
        let through = proxy.url_as(scheme).replace("//", "//user:secret@");
        on_all(&["-v", "--proxy", &through, &url], |run| {
            assert_eq!((run.status, run.err.as_str()), (0, ""));
            assert!(!run.out().contains("secret"), "{}", run.out());
            assert!(!run.out().contains("dXNlcjpzZWNyZXQ"), "{}", run.out());
        });
    }
    let methods: Vec<_> = proxy
        .asked()
        .into_iter()
        .map(|asked| asked.method)
        .collect();
    assert_eq!(methods, ["GET", "GET", "SOCKS5", "SOCKS5"]);
}

#[test]
fn b29_an_invalid_proxy_is_an_error_that_shows_no_secret() {
    on_all(&["--proxy", "ftp://user:secret@h", "http://h/"], |run| {
        assert_eq!((run.status, run.out()), (1, ""));
        let told = run.error();
        assert!(
            told.starts_with("Builder: the proxy 'ftp://h' has a scheme"),
            "{told}"
        );
    });
}

#[test]
fn b29_a_refusal_is_a_proxy_error() {
    let proxy = Proxy::builder().password(BASIC, "").start();
    on_all(&["--proxy", &proxy.url(), "https://origin.test/"], |run| {
        assert_eq!(run.status, 1);
        let told = run.error();
        assert!(
            told.starts_with("ProxyError: GET https://origin.test/: proxy http://"),
            "{told}"
        );
        assert!(
            told.ends_with("407 Proxy Authentication Required"),
            "{told}"
        );
    });
}

#[test]
fn the_environment_is_heeded_unless_told_otherwise() {
    let origin = Server::http();
    let (one, two) = (Proxy::start(), Proxy::start());
    let (url, other) = (origin.url("/bytes/3"), two.url());
    let run = |args: &[&str], no_proxy: &str| {
        let mut command = command(args.iter().copied().chain([url.as_str()]));
        command
            .env("HTTP_PROXY", one.url())
            .env("NO_PROXY", no_proxy);
        assert!(command.output().unwrap().status.success());
        (one.asked().len(), two.asked().len())
    };
    assert_eq!(run(&[], ""), (1, 0));
    assert_eq!(run(&["--no-proxy"], ""), (1, 0));
    assert_eq!(run(&[], "127.0.0.0/8"), (1, 0));
    assert_eq!(run(&["--proxy", &other], "*"), (1, 1));
    assert_eq!(nuncio([&url]).status, 0);
    assert_eq!((one.asked().len(), two.asked().len()), (1, 1));
}
