//! The command `nuncio`, once against each origin and through each proxy.

use crate::servers::{APACHE, HAPROXY, HYPERCORN, NGHTTPD, NGINX, NODE, Way, served, variable};
use std::fs;
use std::process::{Command, Output, Stdio};

#[test]
#[ignore = "needs tests/interop/run"]
fn the_command_downloads_from_each_origin() {
    for origin in [&NODE, &NGINX, &APACHE, &HAPROXY, &NGHTTPD, &HYPERCORN] {
        for &way in origin.ways {
            // The command has no option for HTTP/2 in the clear.
            if way != Way::Http2Clear {
                for runtime in ["blocking", "tokio"] {
                    downloads(&["--runtime", runtime], way, &origin.url(way, "/1M.bin"));
                }
            }
        }
    }
}

#[test]
#[ignore = "needs tests/interop/run"]
fn the_command_goes_through_each_proxy() {
    for (scheme, user, port) in [
        ("http", "", "SQUID_OPEN"),
        ("http", "user:pass@", "SQUID_BASIC"),
        ("http", "user:pass@", "TINYPROXY_BASIC"),
        ("https", "user:pass@", "STUNNEL_PROXY"),
        ("socks5", "", "DANTE_SOCKS"),
        ("socks4", "", "DANTE_SOCKS"),
        ("socks5h", "user:pass@", "MICROSOCKS_SOCKS"),
    ] {
        let at = variable(port);
        let proxy = format!("{scheme}://{user}localhost:{at}");
        for runtime in ["blocking", "tokio"] {
            for way in Way::USUAL {
                let args = ["--verbose", "--runtime", runtime, "--proxy", &proxy];
                let said = downloads(&args, way, &NGINX.url(way, "/1M.bin"));
                // It was the proxy that was dialled, and its password is not told.
                assert!(said.contains(&format!("on port {at}\n")), "{said}");
                for secret in ["pass@", "dXNlcjpwYXNz"] {
                    assert!(!said.contains(secret), "{said}");
                }
            }
        }
    }
}

#[test]
#[ignore = "needs tests/interop/run"]
fn the_command_tells_what_a_proxy_refuses() {
    let at = |port| variable(port);
    for (scheme, port, told) in [
        (
            "http",
            at("SQUID_BASIC"),
            "407 Proxy Authentication Required",
        ),
        (
            "socks5h",
            at("MICROSOCKS_SOCKS"),
            "Invalid username/password",
        ),
    ] {
        let proxy = format!("{scheme}://user:W00RD@localhost:{port}");
        let url = NGINX.url(Way::Http1Tls, "/150.txt");
        let output = command(&["--proxy", &proxy], &url);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let line = said.lines().last().unwrap();
        assert!(
            line.starts_with("ProxyError: ") && line.ends_with(told),
            "{said}"
        );
        assert!(!said.contains("W00RD"), "{said}");
    }
}

/// Downloads the file of a mebibyte, over the protocol of this way, and gives what was said about it.
#[track_caller]
fn downloads(args: &[&str], way: Way, url: &str) -> String {
    let mut args = args.to_vec();
    args.extend(["--download", "-"]);
    args.extend((way == Way::Http2).then_some("--http2"));
    let output = command(&args, url);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?} {url}: {said}");
    let file = fs::read(served("1M.bin")).unwrap();
    assert!(output.stdout == file, "{args:?} {url}: {said}");
    if args.contains(&"--verbose") {
        let version = format!("{:?} 200", way.version()).replace("2.0", "2");
        assert!(said.contains(&version), "{args:?} {url}: {said}");
    }
    said
}

/// It has no option for an authority to trust, and what it accepts without one would not count for proxies.
fn command(args: &[&str], url: &str) -> Output {
    let mut command = Command::new(variable("COMMAND"));
    let command = command.env("SSL_CERT_FILE", variable("CA"));
    let command = command.args(args).arg(url);
    command.stdin(Stdio::null()).output().unwrap()
}
