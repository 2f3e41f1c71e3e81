//! What a listener is told, and in which order.

use nuncio::Event;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::sync::{Arc, Mutex};

/// A listener, and what it has heard: the events' names.
pub(crate) fn listener() -> (
    Arc<Mutex<Vec<String>>>,
    impl Fn(&Event<'_>) + Send + Sync + 'static,
) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let list = heard.clone();
    let listen = move |event: &Event<'_>| {
        let text = format!("{event:?}");
        let name = text.split([' ', '{']).next().unwrap_or_default();
        list.lock().unwrap().push(name.to_owned());
    };
    (heard, listen)
}

behaviour!(the_steps_of_a_request_are_told_in_order);
fn the_steps_of_a_request_are_told_in_order<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let (heard, listen) = listener();
    let client = adapter.builder().on_event(listen).build().unwrap();
    let told = || std::mem::take(&mut *heard.lock().unwrap());
    adapter.send(client.get(server.url("/hints"))).unwrap();
    assert_eq!(
        told(),
        [
            "ConnectStarted",
            "ConnectComplete",
            "RequestHeadSent",
            "ResponseHead",
            "ResponseHead",
            "ResponseComplete"
        ]
    );
    let post = client.post(server.url("/checksum")).body("x");
    adapter.send(post).unwrap();
    assert_eq!(
        told(),
        [
            "Reused",
            "RequestHeadSent",
            "RequestBodySent",
            "ResponseHead",
            "ResponseComplete"
        ]
    );
    let by_name = format!("http://localhost:{}/json", server.addr().port());
    adapter.send(client.get(by_name)).unwrap();
    assert_eq!(told()[..2], ["ResolveStarted", "ResolveComplete"]);
    client.close();
    assert_eq!(told(), ["Closed", "Closed"]);
}

behaviour!(a_stale_connection_is_told_of_and_the_request_begun_anew);
fn a_stale_connection_is_told_of_and_the_request_begun_anew<A: Adapter>(adapter: &A) {
    let answer = Step::send("HTTP/1.1 204 No Content\r\n\r\n");
    let peer = Script::new()
        .connection([Step::ExpectHead, answer.clone(), Step::ExpectHead])
        .connection([Step::ExpectHead, answer])
        .start();
    let (heard, listen) = listener();
    let client = adapter.builder().on_event(listen).build().unwrap();
    adapter.send(client.get(peer.url("/"))).unwrap();
    heard.lock().unwrap().clear();
    adapter.send(client.get(peer.url("/"))).unwrap();
    assert_eq!(
        *heard.lock().unwrap(),
        [
            "Reused",
            "RequestHeadSent",
            "Failed",
            "Stale",
            "Closed",
            "ConnectStarted",
            "ConnectComplete",
            "RequestHeadSent",
            "ResponseHead",
            "ResponseComplete"
        ]
    );
}
