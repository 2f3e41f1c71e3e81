//! Interim responses: told as they come, and to be had from the response.

use crate::world::{SECOND, World, builder};
use nuncio_client::{Kind, Timeout};
use std::sync::{Arc, Mutex};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
const PROCESSING: &str = "HTTP/1.1 102 Processing\r\nContent-Length: 7\r\n\r\n";
const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";

#[test]
fn they_are_told_as_they_come_and_each_response_has_its_own() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let client = builder(Timeout::default())
        .follow_redirects(true)
        .on_interim(move |interim| {
            let path = interim.url().path().to_owned();
            tell.lock().unwrap().push((path, interim.status().as_u16()));
        })
        .build()
        .unwrap();
    let mut world = World::new()
        .at(SECOND, PROCESSING)
        .at(SECOND * 2, MOVED)
        .at(SECOND * 3, PROCESSING)
        .at(SECOND * 4, HINTS)
        .at(SECOND * 5, OK);
    let (incoming, body) = world.send(client.get("http://h.example/a").send()).unwrap();
    let response = incoming.into_response(body);
    assert_eq!(response.text(), "ok");
    let statuses = |interim: &[nuncio_client::Interim]| {
        let statuses = interim.iter().map(|it| it.status().as_u16());
        statuses.collect::<Vec<_>>()
    };
    assert_eq!(statuses(response.interim()), [102, 103]);
    let hints = &response.interim()[1];
    assert_eq!(hints.links().get("preload").unwrap().url, "/a.css");
    assert_eq!(hints.headers().len(), 1);
    assert_eq!(statuses(response.history()[0].interim()), [102]);
    let all = [("/a", 102), ("/b", 102), ("/b", 103)];
    assert_eq!(
        *told.lock().unwrap(),
        all.map(|(path, status)| (path.to_owned(), status))
    );
}

#[test]
fn f22_there_are_no_more_than_sixteen_of_them() {
    let client = builder(Timeout::default()).build().unwrap();
    let (mut good, mut bad) = (HINTS.repeat(16), HINTS.repeat(17));
    (good, bad) = (good + OK, bad + OK);
    let mut world = World::new().at(SECOND, good);
    let (incoming, _) = world.send(client.get("http://h.example/").send()).unwrap();
    assert_eq!(incoming.head().interim().len(), 16);
    let mut world = World::new().at(SECOND, bad);
    let error = world
        .send(client.get("http://h.example/").send())
        .err()
        .unwrap();
    assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
}
