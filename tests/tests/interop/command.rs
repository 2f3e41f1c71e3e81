//! The command `nuncio`, once against each origin.

use crate::servers::{APACHE, HAPROXY, HYPERCORN, NGHTTPD, NGINX, NODE, Way, served, variable};
use std::fs;
use std::process::{Command, Stdio};

#[test]
#[ignore = "needs tests/interop/run"]
fn the_command_downloads_from_each_origin() {
    for origin in [&NODE, &NGINX, &APACHE, &HAPROXY, &NGHTTPD, &HYPERCORN] {
        for &way in origin.ways {
            // The command has no option for HTTP/2 in the clear, nor for an authority to trust.
            let http2 = match way {
                Way::Http1 | Way::Http1Tls => None,
                Way::Http2 => Some("--http2"),
                Way::Http2Clear => continue,
            };
            for runtime in ["blocking", "tokio"] {
                let output = Command::new(variable("COMMAND"))
                    .args(["--runtime", runtime, "--no-verify", "--download", "-"])
                    .args(http2)
                    .arg(origin.url(way, "/1M.bin"))
                    .stdin(Stdio::null())
                    .output()
                    .unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{} {way:?}: {said}", origin.name);
                assert_eq!(output.stdout, fs::read(served("1M.bin")).unwrap());
            }
        }
    }
}

/// What it writes about one GET through `proxy`, and the body.
fn verbose(args: &[&str], url: &str) -> (String, Vec<u8>) {
    let output = Command::new(variable("COMMAND"))
        .args(["--no-verify", "--verbose", "--download", "-"])
        .args(args)
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    (said, output.stdout)
}

#[test]
#[ignore = "needs tests/interop/run"]
fn the_command_goes_through_each_proxy() {
    let file = fs::read(served("1M.bin")).unwrap();
    for (scheme, user, port) in [
        ("http", "", "SQUID_OPEN"),
        ("http", "user:pass@", "SQUID_BASIC"),
        ("http", "user:pass@", "TINYPROXY_BASIC"),
        ("socks5", "", "DANTE_SOCKS"),
        ("socks4", "", "DANTE_SOCKS"),
        ("socks5h", "user:pass@", "MICROSOCKS_SOCKS"),
    ] {
        let proxy = format!("{scheme}://{user}localhost:{}", variable(port));
        for runtime in ["blocking", "tokio"] {
            for way in Way::USUAL {
                let mut args = vec!["--runtime", runtime, "--proxy", &proxy];
                args.extend((way == Way::Http2).then_some("--http2"));
                let (said, body) = verbose(&args, &NGINX.url(way, "/1M.bin"));
                assert!(body == file, "{proxy} {way:?}");
                let version = format!("{:?} 200", way.version());
                assert!(said.contains(version.trim_end_matches(".0 200")), "{said}");
                assert!(said.contains(&variable(port)), "{said}");
                assert!(
                    !said.contains("pass@") && !said.contains("dXNlcjpwYXNz"),
                    "{said}"
                );
            }
        }
    }
}
