//! What every origin answers alike, each over all protocols that it has.

use crate::servers::{Can, Origin, client, counted, on_every_origin};
use crate::servers::{peer, pieces_of, served, sum_of};
use bytes::Bytes;
use http::Version;
use nuncio::Head;
use nuncio_testkit::checksum::Checksum;
use nuncio_tests::adapters::{Adapter, Download};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

on_every_origin!(
    files_arrive_over_one_connection,
    bodies_come_back,
    answers_vary_in_their_form,
    what_is_too_large_is_refused_before_it_is_sent,
    cancelled_downloads_harm_nobody,
    connections_that_the_server_ends_cost_no_request,
);

fn files_arrive_over_one_connection<A: Adapter>(adapter: &A, origin: &Origin) {
    for &way in origin.ways {
        let (client, connections) = counted(adapter, way);
        let url = |path: &str| origin.url(way, path);
        let mut peers = BTreeSet::new();
        let mut seen = |head: &Head, status: u16| {
            assert_eq!(head.status(), status, "{way:?} {}", head.url());
            assert_eq!(head.version(), way.version(), "{way:?}");
            peers.extend(origin.can(Can::TellPeer).then(|| peer(head)));
        };

        let response = adapter.send(client.get(url("/150.txt"))).unwrap();
        seen(&response, 200);
        assert_eq!(response.bytes(), "0".repeat(150).as_bytes());
        assert_eq!(response.content_length(), Some(150));

        let response = adapter.send(client.head(url("/1M.bin"))).unwrap();
        seen(&response, 200);
        assert_eq!(response.content_length(), Some(1 << 20));
        assert_eq!(response.bytes().len(), 0);
        let response = adapter.send(client.get(url("/1M.bin"))).unwrap();
        seen(&response, 200);
        assert_eq!(response.bytes(), &fs::read(served("1M.bin")).unwrap());

        let mut again = client.get(url("/1M.bin"));
        for (name, condition) in [
            ("etag", "If-None-Match"),
            ("last-modified", "If-Modified-Since"),
        ] {
            if let Some(value) = response.headers().get(name) {
                again = again.header(condition, value.as_bytes());
            }
        }
        let response = adapter.send(again).unwrap();
        seen(&response, 304);
        assert_eq!(response.bytes().len(), 0);

        let response = adapter.send(client.get(url("/no-such-file"))).unwrap();
        seen(&response, 404);
        assert!(response.text().contains("404"), "{}", response.text());
        if origin.can(Can::MissHead) {
            let response = adapter.send(client.head(url("/no-such-file"))).unwrap();
            seen(&response, 404);
            assert_eq!(response.bytes().len(), 0);
        }
        // Nothing of a body at all.
        let response = adapter.send(client.get(url("/many/0.bin"))).unwrap();
        seen(&response, 200);
        assert_eq!(response.bytes().len(), 0);

        for number in 0..100 {
            let path = format!("/many/{number}.bin");
            let response = adapter.send(client.get(url(&path))).unwrap();
            seen(&response, 200);
            assert_eq!(response.bytes(), &fs::read(served(&path[1..])).unwrap());
        }
        assert_eq!(connections(), 1, "{way:?}");
        assert!(peers.len() <= 1, "{way:?}: {peers:?}");
    }
}

fn bodies_come_back<A: Adapter>(adapter: &A, origin: &Origin) {
    let file = fs::read(served("1M.bin")).unwrap();
    for &way in origin.ways {
        let (client, connections) = counted(adapter, way);
        let url = origin.url(way, "/echo");
        for length in [1, 9, 16_384, 300_000] {
            let body = Bytes::copy_from_slice(&file[..length]);
            let response = adapter.send(client.post(&url).body(body)).unwrap();
            assert_eq!(response.status(), 200, "{way:?} {length}");
            assert_eq!(response.bytes(), &file[..length], "{way:?}");
        }
        for announced in [Some(1 << 20), None] {
            let body = adapter.body(pieces_of(served("1M.bin")), announced);
            let response = adapter.send(client.put(&url).body(body)).unwrap();
            assert_eq!(response.status(), 200, "{way:?} {announced:?}");
            assert_eq!(response.bytes(), &file, "{way:?} {announced:?}");
        }
        let body = adapter.body(std::iter::empty(), None);
        let response = adapter.send(client.put(&url).body(body)).unwrap();
        assert_eq!(
            (response.status().as_u16(), response.bytes().len()),
            (200, 0)
        );
        let response = adapter.send(client.post(&url).form([("a", "b c")]));
        assert_eq!(response.unwrap().text(), "a=b+c");
        assert_eq!(connections(), 1, "{way:?}");
    }
}

fn answers_vary_in_their_form<A: Adapter>(adapter: &A, origin: &Origin) {
    for &way in origin.ways {
        let client = client(adapter, way);
        let url = |path: &str| origin.url(way, path);
        if origin.can(Can::Vary) {
            let response = adapter.send(client.get(url("/chunked/1M.bin"))).unwrap();
            assert_eq!(response.bytes(), &fs::read(served("1M.bin")).unwrap());
            assert_eq!(response.content_length(), None, "{way:?}");
            let chunked = response.headers().contains("transfer-encoding");
            assert_eq!(chunked, way.version() == Version::HTTP_11);
            let response = adapter.send(client.head(url("/chunked/1M.bin"))).unwrap();
            assert_eq!(
                (response.status().as_u16(), response.bytes().len()),
                (200, 0)
            );

            let request = client.get(url("/zip/numbers.txt"));
            let response = adapter.send(request).unwrap();
            let coding = response.headers().get("content-encoding").unwrap();
            assert_eq!(coding.to_string(), "gzip", "{way:?}");
            assert_eq!(response.bytes(), &fs::read(served("numbers.txt")).unwrap());

            let request = client.get(url("/redirect"));
            let response = adapter.send(request).unwrap();
            assert_eq!(response.status(), 302, "{way:?}");
            assert!(response.has_redirect_location());
            let request = client.get(url("/redirect")).follow_redirects(true);
            let response = adapter.send(request).unwrap();
            assert_eq!(response.url().as_str(), url("/150.txt"), "{way:?}");
            assert_eq!((response.bytes().len(), response.history().len()), (150, 1));
        }
        if origin.trails.contains(&way) {
            // nghttpd has them behind every file, others behind this one.
            let path = if origin.can(Can::Vary) {
                "/trailers"
            } else {
                "/150.txt"
            };
            let request = client.get(url(path)).header("TE", "trailers");
            let response = adapter.send(request).unwrap();
            assert_eq!(response.status(), 200, "{way:?}");
            let sum = response.trailers().and_then(|it| it.get("x-sum"));
            assert_eq!(sum.unwrap(), "42", "{way:?}");
        }
    }
}

fn what_is_too_large_is_refused_before_it_is_sent<A: Adapter>(adapter: &A, origin: &Origin) {
    for &way in origin.refuses {
        let goes_on = origin.can(Can::GoOnRefused) || way.version() == Version::HTTP_11;
        let mut client = client(adapter, way);
        let mut status = |body: nuncio::Body| {
            let request = client.post(origin.url(way, "/limited")).body(body);
            let response = adapter.send(request);
            let status = response.map(|it| it.status().as_u16());
            if !goes_on {
                client = crate::servers::client(adapter, way);
            }
            status
        };
        for round in 0..3 {
            let large = Bytes::from(vec![b'x'; 16 << 20]);
            assert_eq!(status(large.into()).unwrap(), 413, "{way:?} {round}");
            // And the client is as good as before.
            assert_eq!(status("small".into()).unwrap(), 200, "{way:?} {round}");
            for announced in [Some(100 << 20), None] {
                let body = adapter.body(pieces_of(served("100M.bin")), announced);
                let refused = status(body);
                assert_eq!(refused.unwrap(), 413, "{way:?} {round} {announced:?}");
            }
            assert_eq!(status("small".into()).unwrap(), 200, "{way:?} {round}");
        }
    }
}

fn cancelled_downloads_harm_nobody<A: Adapter>(adapter: &A, origin: &Origin) {
    let expected = sum_of(served("1M.bin"));
    for &way in origin.ways {
        let (client, connections) = counted(adapter, way);
        let long = || client.get(origin.url(way, "/100M.bin"));
        for round in 0..3 {
            // One that goes on, while others beside it are given up.
            let mut kept = origin.can(Can::GoOnCancelled).then(|| {
                let request = client.get(origin.url(way, "/1M.bin"));
                adapter.stream(request).unwrap()
            });
            let mut sum = Checksum::new();
            if let Some(kept) = &mut kept {
                sum.update(&kept.chunk().unwrap().unwrap());
            }
            for _ in 0..3 {
                let mut dropped = adapter.stream(long()).unwrap();
                assert!(!dropped.chunk().unwrap().unwrap().is_empty());
            }
            let mut closed = adapter.stream(long()).unwrap();
            closed.chunk().unwrap().unwrap();
            closed.close();
            let request = client.get(origin.url(way, "/1M.bin"));
            let mut kept = kept.unwrap_or_else(|| adapter.stream(request).unwrap());
            while let Some(chunk) = kept.chunk().unwrap() {
                sum.update(&chunk);
            }
            assert_eq!((sum.length(), sum.finish()), expected, "{way:?} {round}");
        }
        if way.version() == Version::HTTP_2 {
            assert_eq!(connections(), 1, "{way:?}");
        }
    }
}

fn connections_that_the_server_ends_cost_no_request<A: Adapter>(adapter: &A, origin: &Origin) {
    for &way in origin.ends {
        let client = client(adapter, way);
        let mut peers = BTreeSet::new();
        for number in 0..300 {
            // Once for sure, and otherwise just about when the server does.
            match number {
                1 => std::thread::sleep(Duration::from_millis(300)),
                _ if number % 25 == 24 && origin.can(Can::EndInTime) => {
                    std::thread::sleep(Duration::from_millis(36 + number / 25 % 9));
                }
                _ => {}
            }
            match adapter.send(client.get(origin.short_url(way, "/150.txt"))) {
                Ok(response) => {
                    assert_eq!(response.bytes().len(), 150);
                    peers.insert(peer(&response));
                }
                Err(error) => panic!("request {number}, {way:?}: {error}"),
            }
        }
        assert!(peers.len() > 1, "{way:?}");
    }
}

/// Over all protocols of each origin, on adapters that take turns.
mod a_hundred_mebibytes {
    use super::*;
    use crate::servers::{APACHE, HAPROXY, HYPERCORN, NGHTTPD, NODE};
    use nuncio_tests::adapters::{AsyncStd, Blocking, CurrentThread, MultiThread, Smol};

    macro_rules! arrive {
        ($($name:ident $origin:ident $adapter:ident),+ $(,)?) => {$(
            #[test]
            #[ignore = "needs tests/interop/run"]
            fn $name() {
                arrive(&$adapter::start(), &$origin);
            }
        )+};
    }

    arrive! {
        from_node_to_blocking NODE Blocking,
        from_node_to_tokio_current_thread NODE CurrentThread,
        from_apache_to_tokio_multi_thread APACHE MultiThread,
        from_apache_to_blocking APACHE Blocking,
        from_haproxy_to_smol HAPROXY Smol,
        from_haproxy_to_async_std HAPROXY AsyncStd,
        from_nghttpd_to_async_std NGHTTPD AsyncStd,
        from_nghttpd_to_blocking NGHTTPD Blocking,
        from_hypercorn_to_tokio_current_thread HYPERCORN CurrentThread,
        from_hypercorn_to_smol HYPERCORN Smol,
    }

    fn arrive<A: Adapter>(adapter: &A, origin: &Origin) {
        let expected = sum_of(served("100M.bin"));
        for &way in origin.ways {
            let client = client(adapter, way);
            let request = client.get(origin.url(way, "/100M.bin"));
            let mut download = adapter.stream(request).unwrap();
            let mut sum = Checksum::new();
            while let Some(chunk) = download.chunk().unwrap() {
                sum.update(&chunk);
            }
            assert_eq!((sum.length(), sum.finish()), expected, "{way:?}");
        }
    }
}
