//! Proxies that do what they are asked.

use super::{
    LIMIT, Layer, good, http, machine, name, over, socks5, stands, times_out_in, up_to_the_last,
};
use nuncio_connection::{
    ConnectionConfig, Error, Event, EventSink, Phase, Processed, ProxyError, Reuse, SocksHost,
};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn an_answer_means_the_same_however_it_is_cut() {
    for (layer, turns) in good() {
        let lengths = turns.iter().map(|(_, theirs)| theirs.len());
        let longest = lengths.max().unwrap();
        // Each answer whole, at every place in two, and byte by byte.
        for cut in 0..=longest {
            let mut machine = machine(layer.clone());
            for (ours, theirs) in &turns {
                assert_eq!(machine.sent(), *ours, "{layer:?}");
                let (first, second) = theirs.split_at(cut.min(theirs.len()));
                machine.receive(first);
                machine.receive(second);
            }
            stands(&mut machine);
        }
        let mut machine = machine(layer);
        machine.nervous = true;
        for (ours, theirs) in &turns {
            assert_eq!(machine.sent(), *ours);
            for byte in theirs.chunks(1) {
                assert_eq!(machine.connection.protocol(), None);
                assert_eq!(machine.connection.reuse(), Reuse::Busy);
                machine.receive(byte);
            }
        }
        stands(&mut machine);
    }
}

#[test]
fn what_is_to_be_said_leaves_in_any_pieces() {
    for (layer, turns) in good() {
        let mut machine = machine(layer);
        for (ours, theirs) in &turns {
            let mut sent = Vec::new();
            while machine.connection.wants_write() {
                sent.extend(machine.send_some(1));
            }
            assert_eq!(sent, *ours);
            machine.receive(theirs);
        }
        stands(&mut machine);
    }
}

#[test]
fn x10_half_an_answer_and_an_end_is_an_error_at_each_byte() {
    for (layer, turns) in good() {
        for turn in 0..turns.len() {
            for cut in 0..turns[turn].1.len() {
                let mut machine = machine(layer.clone());
                for (ours, theirs) in &turns[..turn] {
                    assert_eq!(machine.sent(), *ours);
                    machine.receive(theirs);
                }
                machine.sent();
                machine.receive(&turns[turn].1[..cut]);
                machine.connection.handle_eof();
                let found = super::failure(&machine);
                assert_eq!(
                    found,
                    Error::Proxy(ProxyError::Closed),
                    "{layer:?} at {cut}"
                );
            }
        }
    }
}

#[test]
fn d02_a_proxy_that_stalls_anywhere_is_given_up_at_the_exact_instant() {
    for (layer, turns) in good() {
        for turn in 0..turns.len() {
            for cut in 0..turns[turn].1.len() {
                let mut machine = machine(layer.clone());
                for (ours, theirs) in &turns[..turn] {
                    assert_eq!(machine.sent(), *ours);
                    machine.receive(theirs);
                }
                machine.sent();
                machine.receive(&turns[turn].1[..cut]);
                times_out_in(&mut machine, Phase::Proxy);
            }
        }
    }
}

#[test]
fn a_proxy_that_dribbles_has_one_limit_for_all_of_it() {
    let mut machine = machine(http());
    let due = machine.clock.now() + LIMIT;
    machine.sent();
    for byte in b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20".chunks(1) {
        machine.clock.advance(Duration::from_millis(40));
        machine.receive(byte);
        assert_eq!(machine.connection.next_timeout(), Some(due));
    }
}

#[test]
fn each_layer_has_a_limit_of_its_own() {
    let layers = vec![http(), socks5(name("origin.test"), None)];
    let mut machine = over(layers, Some(LIMIT), ConnectionConfig::default());
    machine.clock.advance(LIMIT / 2);
    machine.sent();
    machine.receive(b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(machine.sent(), b"\x05\x01\x00");
    times_out_in(&mut machine, Phase::Proxy);
}

#[test]
fn without_a_limit_a_proxy_is_waited_for_for_ever() {
    let machine = over(vec![http()], None, ConnectionConfig::default());
    assert_eq!(machine.connection.next_timeout(), None);
}

/// Every layer behind every other: what one is told never reaches the next.
#[test]
fn x01_proxies_in_a_row_each_hear_what_is_theirs() {
    for (first, first_turns) in good() {
        for (second, second_turns) in good() {
            let layers = vec![first.clone(), second];
            let mut machine = over(layers, Some(LIMIT), ConnectionConfig::default());
            for (ours, theirs) in first_turns.iter().chain(&second_turns) {
                assert_eq!(machine.sent(), *ours);
                machine.receive(theirs);
            }
            stands(&mut machine);
        }
    }
}

#[test]
fn nothing_can_be_asked_before_the_proxy_has_connected() {
    for (layer, turns) in good() {
        let mut machine = machine(layer);
        let refused = machine.open("GET", nuncio_connection::BodySize::Empty);
        assert!(matches!(refused, Err(Error::Misuse(_))));
        let last = up_to_the_last(&mut machine, &turns);
        machine.receive(&last);
        let id = machine.get();
        assert_ne!(machine.connection.processed(id), Processed::No);
    }
}

#[test]
fn a_socket_that_fails_meanwhile_is_told_with_the_phase() {
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let mut reading = machine(http());
    reading.sent();
    reading.connection.handle_read_error(&reset);
    let mut writing = machine(http());
    let mut batch = std::mem::take(&mut writing.batch);
    writing.connection.take_transmit(&mut batch);
    writing.connection.handle_write_error(&mut batch, &reset);
    for machine in [reading, writing] {
        let found = super::failure(&machine);
        assert!(
            matches!(found, Error::Io(error) if error.phase == Phase::Proxy),
            "{found:?}"
        );
    }
}

fn recorded() -> (EventSink, Arc<Mutex<Vec<String>>>) {
    let list = Arc::new(Mutex::new(Vec::new()));
    let events = list.clone();
    let sink = EventSink::new(move |event: &Event<'_>| {
        events.lock().unwrap().push(format!("{event:?}"));
    });
    (sink, list)
}

#[test]
fn each_step_is_told_and_no_secret() {
    for (layer, turns) in good() {
        let (events, list) = recorded();
        let config = ConnectionConfig {
            events,
            ..ConnectionConfig::default()
        };
        let debug = format!("{layer:?}");
        let (protocol, target) = match &layer {
            Layer::HttpConnect(connect) => ("Http", connect.authority.clone()),
            Layer::Socks5(socks) => ("Socks5", written(&socks.host)),
            Layer::Socks4(socks) => ("Socks4", written(&socks.host)),
            other => panic!("{other:?}"),
        };
        let mut machine = over(vec![layer], Some(LIMIT), config);
        for (ours, theirs) in &turns {
            assert!(!shows_secret(&format!("{:?}", machine.connection)));
            assert_eq!(machine.sent(), *ours);
            machine.receive(theirs);
        }
        let list = list.lock().unwrap();
        let started = format!("ProxyConnectStarted {{ protocol: {protocol}, target: {target:?} }}");
        let complete = format!("ProxyConnectComplete {{ protocol: {protocol} }}");
        assert_eq!(*list, [started, complete]);
        assert!(!shows_secret(&debug), "{debug}");
    }
}

/// As text, in Base64, or as a list of numbers.
fn shows_secret(text: &str) -> bool {
    let forms = [
        "SECRET",
        "U0VDUkVU",
        "83, 69, 67",
        "85, 48, 86",
        "\"me\"",
        "109, 101",
    ];
    forms.iter().any(|form| text.contains(form))
}

fn written(host: &SocksHost) -> String {
    match host {
        SocksHost::Name(name) => format!("{name}:443"),
        SocksHost::Ip(ip) => SocketAddr::new(*ip, 443).to_string(),
    }
}

#[cfg(feature = "http2")]
#[test]
fn a_server_that_speaks_http2_may_speak_first() {
    use nuncio_connection::{PriorKnowledge, Protocol};
    const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    let config = ConnectionConfig {
        prior_knowledge: PriorKnowledge::Http2,
        ..ConnectionConfig::default()
    };
    let mut machine = over(vec![http()], Some(LIMIT), config);
    assert_eq!(machine.sent(), super::CONNECT);
    machine.receive(&[b"HTTP/1.1 200 OK\r\n\r\n", SETTINGS].concat());
    assert_eq!(machine.connection.failure(), None);
    assert_eq!(machine.connection.protocol(), Some(Protocol::Http2));
    assert!(machine.connection.capacity() > 0, "its settings were read");
}
