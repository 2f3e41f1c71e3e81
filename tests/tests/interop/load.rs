//! Many requests at once, each answer held against what it should be.

use crate::servers::{Can, NGINX, Origin, Way, builder, counted, on_every_origin, peer, served};
use nuncio::{Error, Response};
use nuncio_testkit::checksum::Checksum;
use nuncio_tests::adapters::{Adapter, Blocking, Check};
use nuncio_tests::behaviour;
use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};

/// The checksums of the hundred files in `many`.
fn sums() -> Arc<[u64]> {
    let sum = |number| Checksum::of(&fs::read(served(&format!("many/{number}.bin"))).unwrap());
    (0..100).map(sum).collect()
}

/// Which file a chain's request is for: neighbours ask for different ones at any time.
fn file_of(chain: usize, number: usize) -> usize {
    (chain * 37 + number * 13) % 100
}

/// The file that was asked for, over the protocol that was wanted; notes who was asked.
fn right(way: Way, peers: &Arc<Mutex<BTreeSet<u16>>>) -> impl Check + use<> {
    let (sums, peers) = (sums(), Arc::clone(peers));
    move |chain: usize, number: usize, result: Result<Response, Error>| {
        let told = |what: String| format!("{way:?}, request {number} of chain {chain}: {what}");
        let response = result.map_err(|error| told(error.to_string()))?;
        let file = file_of(chain, number);
        if response.status() != 200 || response.version() != way.version() {
            return Err(told(format!(
                "{:?} {}",
                response.version(),
                response.status()
            )));
        }
        if Checksum::of(response.bytes()) != sums[file] {
            return Err(told(format!(
                "not {file}.bin, {} bytes",
                response.bytes().len()
            )));
        }
        if response.headers().contains("x-peer") {
            peers.lock().unwrap().insert(peer(&response));
        }
        Ok(())
    }
}

/// So many chains of so many requests over one connection, where the protocol lets them.
fn many<A: Adapter>(adapter: &A, origin: &'static Origin, way: Way, chains: usize, each: usize) {
    let (client, connections) = counted(adapter, way);
    let peers = Arc::default();
    let chain = |chain: usize| {
        let client = client.clone();
        (0..each).map(move |number| {
            let path = format!("/many/{}.bin", file_of(chain, number));
            client.get(origin.url(way, &path))
        })
    };
    let outcomes = adapter.side_by_side((0..chains).map(chain).collect(), right(way, &peers));
    assert!(outcomes.iter().all(|it| *it == Ok(each)), "{outcomes:?}");
    let most = match way {
        Way::Http1 | Way::Http1Tls => chains,
        Way::Http2 | Way::Http2Clear => 1,
    };
    assert!(connections() <= most, "{way:?}: {}", connections());
    let told = peers.lock().unwrap().len();
    assert!((usize::from(origin.can(Can::TellPeer))..=most).contains(&told));
}

on_every_origin!(a_thousand_requests_a_hundred_at_once);

fn a_thousand_requests_a_hundred_at_once<A: Adapter>(adapter: &A, origin: &'static Origin) {
    for &way in origin.ways {
        match way {
            Way::Http1 | Way::Http1Tls => many(adapter, origin, way, 16, 25),
            Way::Http2 | Way::Http2Clear => many(adapter, origin, way, 100, each_or(10)),
        }
    }
}

/// How many requests each of so many streams makes: `NUNCIO_INTEROP_EACH`, or the usual number.
fn each_or(usual: usize) -> usize {
    let each = std::env::var("NUNCIO_INTEROP_EACH");
    each.map_or(usual, |each| each.parse().unwrap())
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_hundred_streams_with_many_requests_each
);
fn a_hundred_streams_with_many_requests_each<A: Adapter>(adapter: &A) {
    many(adapter, &NGINX, Way::Http2, 100, each_or(100));
}

#[test]
#[ignore = "needs tests/interop/run"]
fn sixty_four_threads_share_a_connection() {
    many(&Blocking, &NGINX, Way::Http2, 64, each_or(100));
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    ten_thousand_requests_over_connections_that_end_after_a_hundred
);
fn ten_thousand_requests_over_connections_that_end_after_a_hundred<A: Adapter>(adapter: &A) {
    // One after the other, some at once, and most of what a connection takes.
    for (chains, each) in [(1, 1_000), (8, 250), (70, 100)] {
        let client = builder(adapter, Way::Http2).build().unwrap();
        let chain = |chain: usize| {
            let client = client.clone();
            (0..each).map(move |number| {
                let path = format!("/many/{}.bin", file_of(chain, number));
                client.get(NGINX.at(Way::Http2, "HUNDRED_", &path))
            })
        };
        let peers = Arc::default();
        let check = right(Way::Http2, &peers);
        let outcomes = adapter.side_by_side((0..chains).map(chain).collect(), check);
        let failed: Vec<_> = outcomes.iter().filter(|it| **it != Ok(each)).collect();
        assert!(failed.is_empty(), "{chains} chains: {failed:?}");
        let told = peers.lock().unwrap().len();
        assert!(told >= chains * each / 100, "{told} connections");
    }
}
