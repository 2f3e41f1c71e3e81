//! Both sides together: what may follow what, and whether the connection is used again.

mod common;

use common::headers;
use nuncio_http1::{
    BodySize, BodyStep, CloseReason, Config, HeadStep, Http1, LocalError, Ours, RemoteError, Reuse,
    Theirs,
};

fn send(http1: &mut Http1, method: &str, fields: &[(&str, &str)], body: BodySize) {
    let mut all = vec![("Host", "h")];
    all.extend_from_slice(fields);
    http1
        .send_head(method, "/", &headers(&all), body, &mut Vec::new())
        .unwrap();
}

fn new() -> Http1 {
    Http1::new(Config::default())
}

/// Gives a whole response and checks that it ends where the input does.
fn receive(http1: &mut Http1, response: &str) {
    let mut rest = response.as_bytes();
    while http1.theirs() == Theirs::Head {
        let HeadStep::Head { used, .. } = http1.receive_head(rest).unwrap() else {
            panic!("no head in {response:?}");
        };
        rest = &rest[used..];
    }
    while http1.theirs() == Theirs::Body {
        match http1.receive_body(rest).unwrap() {
            BodyStep::Data { range } => rest = &rest[range.end..],
            BodyStep::End { used, .. } => rest = &rest[used..],
            BodyStep::NeedMore { .. } => panic!("no end in {response:?}"),
        }
    }
    assert_eq!(rest, b"");
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_connection_carries_one_exchange_after_another() {
    let mut http1 = new();
    for round in 0..100 {
        assert_eq!(http1.reuse(), Reuse::Ready);
        let body = match round % 3 {
            0 => BodySize::Empty,
            1 => BodySize::Known(3),
            _ => BodySize::Unknown,
        };
        send(&mut http1, "POST", &[], body);
        assert_eq!(http1.reuse(), Reuse::Busy);
        if body != BodySize::Empty {
            http1.send_data(3).unwrap();
            http1.send_end(None, &mut Vec::new()).unwrap();
        }
        receive(&mut http1, OK);
        assert_eq!((http1.ours(), http1.theirs()), (Ours::Done, Theirs::Done));
        http1.next_exchange().unwrap();
        assert_eq!((http1.ours(), http1.theirs()), (Ours::Idle, Theirs::Idle));
    }
}

#[test]
fn counts_of_one_response_do_not_carry_over_to_the_next() {
    let mut http1 = Http1::new(Config::default().max_head_bytes(60).max_interim_heads(1));
    for _ in 0..5 {
        send(&mut http1, "HEAD", &[], BodySize::Empty);
        receive(
            &mut http1,
            &format!("HTTP/1.1 100 C\r\n\r\n{}", OK.trim_end_matches("ok")),
        );
        http1.next_exchange().unwrap();
    }
}

#[test]
fn the_next_request_waits_for_both_sides() {
    let mut http1 = new();
    assert_eq!(http1.next_exchange(), Ok(()), "nothing was begun");
    send(&mut http1, "GET", &[], BodySize::Empty);
    let state = |error| matches!(error, LocalError::State { .. });
    assert!(state(http1.next_exchange().unwrap_err()));
    let again = http1.send_head(
        "GET",
        "/",
        &headers(&[("Host", "h")]),
        BodySize::Empty,
        &mut Vec::new(),
    );
    assert!(state(again.unwrap_err()));
    receive(&mut http1, OK);
    let again = http1.send_head(
        "GET",
        "/",
        &headers(&[("Host", "h")]),
        BodySize::Empty,
        &mut Vec::new(),
    );
    assert!(state(again.unwrap_err()), "next_exchange comes first");
}

#[test]
fn close_that_we_asked_for_is_kept_to() {
    let mut http1 = new();
    send(
        &mut http1,
        "GET",
        &[("Connection", "x, Close")],
        BodySize::Empty,
    );
    receive(&mut http1, OK);
    assert_eq!(http1.reuse(), Reuse::Never(CloseReason::WeAsked));
    assert_eq!(
        http1.next_exchange(),
        Err(LocalError::NotReusable(CloseReason::WeAsked))
    );
}

#[test]
fn f23_an_early_answer_costs_the_connection_unless_the_request_is_finished() {
    let mut http1 = new();
    send(
        &mut http1,
        "POST",
        &[("Expect", "100-continue")],
        BodySize::Known(5),
    );
    receive(
        &mut http1,
        "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(http1.reuse(), Reuse::Never(CloseReason::RequestUnfinished));
    assert!(http1.next_exchange().is_err());
    http1.send_data(5).unwrap();
    http1.send_end(None, &mut Vec::new()).unwrap();
    assert_eq!(http1.reuse(), Reuse::Ready);
    http1.next_exchange().unwrap();
}

#[test]
fn f23_the_body_goes_up_while_the_answer_comes_down() {
    let mut http1 = new();
    send(&mut http1, "POST", &[], BodySize::Unknown);
    assert!(matches!(
        http1.receive_head(OK.as_bytes()),
        Ok(HeadStep::Head { .. })
    ));
    http1.send_data(1).unwrap();
    assert!(matches!(
        http1.receive_body(b"o"),
        Ok(BodyStep::Data { .. })
    ));
    http1.send_end(None, &mut Vec::new()).unwrap();
    assert!(matches!(
        http1.receive_body(b"k"),
        Ok(BodyStep::Data { .. })
    ));
    assert_eq!(http1.reuse(), Reuse::Ready);
}

#[test]
fn surplus_costs_the_connection_at_any_time() {
    let mut http1 = new();
    http1.surplus();
    assert_eq!(http1.reuse(), Reuse::Never(CloseReason::Surplus));
    let found = http1.send_head(
        "GET",
        "/",
        &headers(&[("Host", "h")]),
        BodySize::Empty,
        &mut Vec::new(),
    );
    assert_eq!(found, Err(LocalError::NotReusable(CloseReason::Surplus)));

    let mut http1 = new();
    send(&mut http1, "GET", &[], BodySize::Empty);
    receive(&mut http1, OK);
    http1.surplus();
    assert_eq!(http1.reuse(), Reuse::Never(CloseReason::Surplus));
}

#[test]
fn data_while_nothing_was_asked_is_an_error() {
    let mut http1 = new();
    assert_eq!(http1.receive_head(b""), Ok(HeadStep::NeedMore));
    let error = http1
        .receive_head(b"HTTP/1.1 408 Request Timeout\r\n")
        .unwrap_err();
    assert!(matches!(error, RemoteError::UnexpectedData(_)));
    assert_eq!(
        error.to_string(),
        "data while no response was due: \"HTTP/1.1 408 Request Timeout\""
    );
    assert_eq!(http1.reuse(), Reuse::Never(CloseReason::Failed));
}

#[test]
fn a_close_while_nothing_is_due_is_no_error_but_the_end() {
    let mut http1 = new();
    assert_eq!(http1.receive_eof(b""), Ok(()));
    assert_eq!(http1.reuse(), Reuse::Never(CloseReason::Closed));

    let mut http1 = new();
    send(&mut http1, "GET", &[], BodySize::Empty);
    receive(&mut http1, OK);
    assert_eq!(http1.receive_eof(b"x"), Ok(()));
    assert_eq!(http1.reuse(), Reuse::Never(CloseReason::Surplus));
}

#[test]
fn bytes_that_were_not_taken_in_are_no_end_of_a_body_until_close() {
    let mut http1 = new();
    send(&mut http1, "GET", &[], BodySize::Empty);
    receive_head_only(&mut http1, "HTTP/1.1 200 OK\r\n\r\n");
    let error = http1.receive_eof(b"forgotten").unwrap_err();
    let expected = RemoteError::IncompleteBody {
        received: 0,
        expected: None,
    };
    assert_eq!(error, expected);
}

fn receive_head_only(http1: &mut Http1, head: &str) {
    let found = http1.receive_head(head.as_bytes()).unwrap();
    assert!(matches!(found, HeadStep::Head { used, .. } if used == head.len()));
}

#[test]
fn nothing_can_be_sent_once_the_peer_failed() {
    let mut http1 = new();
    send(&mut http1, "POST", &[], BodySize::Unknown);
    http1.receive_eof(b"").unwrap_err();
    assert!(matches!(http1.send_data(1), Err(LocalError::State { .. })));
    let ended = http1.send_end(None, &mut Vec::new());
    assert!(matches!(ended, Err(LocalError::State { .. })));
}

#[test]
fn what_is_left_of_a_sized_body_is_known() {
    let mut http1 = new();
    assert_eq!(http1.body_remaining(), None);
    send(&mut http1, "GET", &[], BodySize::Empty);
    assert_eq!(http1.body_remaining(), None);
    receive_head_only(&mut http1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    assert_eq!(http1.body_remaining(), Some(10));
    assert_eq!(
        http1.receive_body(b"abc"),
        Ok(BodyStep::Data { range: 0..3 })
    );
    assert_eq!(http1.body_remaining(), Some(7));
    assert_eq!(http1.receive_body(b""), Ok(BodyStep::NeedMore { used: 0 }));
    assert_eq!(
        http1.receive_body(b"defghijKL"),
        Ok(BodyStep::Data { range: 0..7 })
    );
    assert_eq!(http1.theirs(), Theirs::Done);
    assert_eq!(http1.body_remaining(), Some(0));
    let end = BodyStep::End {
        used: 0,
        trailers: None,
    };
    assert_eq!(http1.receive_body(b"KL"), Ok(end.clone()));
    assert_eq!(http1.receive_body(b""), Ok(end));
}

#[test]
fn a_step_that_is_not_due_asks_for_more_and_changes_nothing() {
    let mut http1 = new();
    assert_eq!(http1.receive_body(b"x"), Ok(BodyStep::NeedMore { used: 0 }));
    send(&mut http1, "GET", &[], BodySize::Empty);
    assert_eq!(http1.receive_body(b"x"), Ok(BodyStep::NeedMore { used: 0 }));
    receive_head_only(&mut http1, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    assert_eq!(http1.receive_head(b"x"), Ok(HeadStep::NeedMore));
    assert_eq!(http1.receive_body(b"x"), Ok(BodyStep::Data { range: 0..1 }));
    assert_eq!(http1.receive_head(b"x"), Ok(HeadStep::NeedMore));
    assert_eq!(http1.reuse(), Reuse::Ready);
}

#[test]
fn an_upgrade_needs_both_fields_and_a_whole_request() {
    const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    for (fields, asked) in [
        (&[("Upgrade", "x"), ("Connection", "Upgrade")][..], true),
        (
            &[("Connection", "keep-alive, UPGRADE"), ("upgrade", "x")],
            true,
        ),
        (&[("Upgrade", "x")], false),
        (&[("Connection", "Upgrade")], false),
        (&[("Upgrade", "x"), ("Connection", "close")], false),
    ] {
        let mut http1 = new();
        send(&mut http1, "GET", fields, BodySize::Empty);
        let found = http1.receive_head(SWITCH);
        assert_eq!(found.is_ok(), asked, "{fields:?}");
        let switched = (http1.ours(), http1.theirs()) == (Ours::Switched, Theirs::Switched);
        assert_eq!(switched, asked);
    }
    for finish in [false, true] {
        let mut http1 = new();
        let fields = [("Upgrade", "x"), ("Connection", "Upgrade")];
        send(&mut http1, "POST", &fields, BodySize::Unknown);
        if finish {
            http1.send_end(None, &mut Vec::new()).unwrap();
            assert_eq!(http1.ours(), Ours::MightSwitch);
        }
        assert_eq!(http1.receive_head(SWITCH).is_ok(), finish);
    }
}

#[test]
fn f25_nothing_is_sent_between_an_offer_and_its_answer() {
    let mut http1 = new();
    let fields = [("Upgrade", "x"), ("Connection", "Upgrade")];
    send(&mut http1, "GET", &fields, BodySize::Empty);
    assert_eq!(http1.ours(), Ours::MightSwitch);
    assert!(matches!(http1.send_data(1), Err(LocalError::State { .. })));
    receive_head_only(&mut http1, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
    assert_eq!(http1.ours(), Ours::Switched);
    assert!(matches!(http1.send_data(1), Err(LocalError::State { .. })));
}

#[test]
fn an_offer_that_is_not_taken_leaves_an_ordinary_exchange() {
    let mut http1 = new();
    send(
        &mut http1,
        "POST",
        &[("Upgrade", "x"), ("Connection", "Upgrade")],
        BodySize::Unknown,
    );
    receive(&mut http1, OK);
    http1.send_end(None, &mut Vec::new()).unwrap();
    assert_eq!((http1.ours(), http1.reuse()), (Ours::Done, Reuse::Ready));
    http1.next_exchange().unwrap();
    send(&mut http1, "GET", &[], BodySize::Empty);
    let found = http1.receive_head(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    assert_eq!(
        found,
        Err(RemoteError::UnaskedUpgrade),
        "the offer was for one exchange"
    );
}

#[test]
fn reasons_and_errors_are_one_line() {
    let texts = [
        LocalError::NotReusable(CloseReason::Http10).to_string(),
        LocalError::TooLittleData {
            declared: 5,
            sent: 3,
        }
        .to_string(),
        RemoteError::IncompleteBody {
            received: 3,
            expected: Some(5),
        }
        .to_string(),
        RemoteError::Disconnected { interim: 0 }.to_string(),
    ];
    assert_eq!(
        texts,
        [
            "the connection cannot carry another request: the server speaks HTTP/1.0",
            "too little data for declared Content-Length: 3 of 5 bytes",
            "server closed without sending complete message body (received 3 bytes, expected 5)",
            "server disconnected without sending a response",
        ]
    );
}
