//! Many requests at once over one client.

use crate::echo::Echo;
use nuncio::Limits;
use nuncio_testkit::server::{Reply, Server};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::collections::HashSet;

behaviour!(sixty_four_at_once_get_each_its_own_answer);
fn sixty_four_at_once_get_each_its_own_answer<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for round in 0..3 {
        let request = |number: usize| {
            let url = server.url(&format!("/echo?round={round}&number={number}"));
            client.post(url).body(format!("body {number}"))
        };
        let responses = adapter.together((0..64).map(request).collect());
        for (number, response) in responses.into_iter().enumerate() {
            let echo = Echo::of(&response.unwrap());
            let target = format!("/echo?round={round}&number={number}");
            assert_eq!(echo.line.target, target);
            assert_eq!(echo.body, format!("body {number}").as_bytes());
        }
        let counts = client.pool();
        assert!(
            counts.idle <= 20 && counts.connections == counts.idle,
            "{counts:?}"
        );
    }
}

behaviour!(few_connections_serve_many_requests_and_some_fail_without_harm);
fn few_connections_serve_many_requests_and_some_fail_without_harm<A: Adapter>(adapter: &A) {
    let server = Server::builder().close_after(7).start();
    let limits = Limits {
        max_connections: Some(4),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    let request = |number: usize| {
        let path = match number % 4 {
            0 => "/cut/100/50".to_owned(),
            _ => format!("/echo?{number}"),
        };
        client.get(server.url(&path))
    };
    let responses = adapter.together((0..200).map(request).collect());
    for (number, response) in responses.into_iter().enumerate() {
        match number % 4 {
            0 => assert!(response.unwrap_err().is_protocol()),
            _ => {
                let echo = Echo::of(&response.unwrap_or_else(|e| panic!("{number}: {e}")));
                assert_eq!(echo.line.target, format!("/echo?{number}"));
            }
        }
    }
    let counts = client.pool();
    assert!(counts.connections <= 4, "{counts:?}");
    assert_eq!((counts.waiting, counts.connections), (0, counts.idle));
}

behaviour!(no_more_connections_are_open_at_once_than_the_limit_says);
fn no_more_connections_are_open_at_once_than_the_limit_says<A: Adapter>(adapter: &A) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = {
        let (now, most) = (now.clone(), most.clone());
        Server::builder()
            .route("/slow", move |request, _| {
                let current = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(current, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(3));
                now.fetch_sub(1, Ordering::SeqCst);
                Reply::new(200).body(request.connection().to_string())
            })
            .start()
    };
    let limits = Limits {
        max_connections: Some(5),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    let requests = (0..60).map(|_| client.get(server.url("/slow"))).collect();
    let used: HashSet<_> = adapter
        .together(requests)
        .into_iter()
        .map(|response| response.unwrap().text().into_owned())
        .collect();
    assert!(most.load(Ordering::SeqCst) <= 5);
    assert_eq!(used.len() as u64, server.connections());
    assert_eq!(server.connections(), 5);
}
