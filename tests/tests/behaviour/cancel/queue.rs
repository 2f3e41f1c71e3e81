//! Several that wait for few connections, one of them dropped at any poll: the others are served, each
//! with its own answer, and the pool is as it was.

use super::reluctant;
use crate::echo::Echo;
use nuncio::{Client, Error, Limits, Response};
use nuncio_testkit::certs::Authority;
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Executor;
use nuncio_tests::async_behaviour;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// How many ask at once.
const ASKING: usize = 5;

type Answer = Result<Response, Error>;

/// Sends all at once, and drops the one called `victim` after so many polls, unless it was faster.
/// What became of the others.
async fn but_for(
    client: &Client,
    server: &Server,
    victim: usize,
    polls: usize,
) -> Vec<Option<Answer>> {
    let ask = |number: usize| client.get(server.url(&format!("/echo?{number}"))).send();
    let mut requests: Vec<Option<Pin<Box<dyn Future<Output = Answer>>>>> = (0..ASKING)
        .map(|number| Some(Box::pin(ask(number)) as _))
        .collect();
    let mut answers: Vec<_> = requests.iter().map(|_| None).collect();
    let mut polled = 0;
    poll_fn(move |cx| {
        for (number, place) in requests.iter_mut().enumerate() {
            let Some(request) = place else { continue };
            if let Poll::Ready(answer) = request.as_mut().poll(cx) {
                answers[number] = Some(answer);
                *place = None;
            } else if number == victim {
                polled += 1;
                if polled == polls {
                    *place = None;
                }
            }
        }
        match requests.iter().all(Option::is_none) {
            true => Poll::Ready(std::mem::take(&mut answers)),
            false => Poll::Pending,
        }
    })
    .await
}

fn dropped_while_others_wait(adapter: &impl Executor, connections: usize, tls: bool) {
    let authority = Authority::new();
    let server = match tls {
        true => Server::https(&authority.leaf()),
        false => Server::http(),
    };
    let limits = Limits {
        max_connections: Some(connections),
        ..Limits::default()
    };
    let client = reluctant(adapter)
        .root_certificates(authority.pem())
        .limits(limits)
        .build()
        .unwrap();
    for victim in 0..ASKING {
        let mut dropped = 0;
        for polls in 1.. {
            // Half of the rounds begin with connections, the others without.
            if polls % 2 == 0 {
                client.evict_idle();
            }
            let answers = adapter.block_on(but_for(&client, &server, victim, polls));
            let spared = answers[victim].is_some();
            for (number, answer) in answers.into_iter().enumerate() {
                let Some(answer) = answer else {
                    assert_eq!(number, victim);
                    continue;
                };
                let echo = Echo::of(&answer.unwrap());
                assert_eq!(echo.line.target, format!("/echo?{number}"));
            }
            let counts = client.pool_counts();
            assert_eq!(counts.waiting, 0, "{}", client.pool());
            assert_eq!(counts.connections, counts.idle, "{}", client.pool());
            assert!(counts.connections <= connections, "{}", client.pool());
            if spared {
                break;
            }
            dropped += 1;
            assert!(polls < 500, "it never comes to its end");
        }
        assert!(dropped > 0, "{victim}");
    }
}

async_behaviour! {
    k03_one_of_several_that_wait_for_one_connection_dropped_at_any_poll,
    k03_one_of_several_that_wait_for_two_connections_dropped_at_any_poll,
    k03_one_of_several_that_wait_for_tls_dropped_at_any_poll,
}

fn k03_one_of_several_that_wait_for_one_connection_dropped_at_any_poll(adapter: &impl Executor) {
    dropped_while_others_wait(adapter, 1, false);
}

fn k03_one_of_several_that_wait_for_two_connections_dropped_at_any_poll(adapter: &impl Executor) {
    dropped_while_others_wait(adapter, 2, false);
}

fn k03_one_of_several_that_wait_for_tls_dropped_at_any_poll(adapter: &impl Executor) {
    dropped_while_others_wait(adapter, 1, true);
    dropped_while_others_wait(adapter, 2, true);
}
