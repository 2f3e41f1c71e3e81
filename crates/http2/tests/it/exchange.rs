//! Heads, interim heads, trailers, requests that cannot be sent.

use http::header::{HeaderMap, HeaderValue};
use nuncio_http2::{
    Code, Config, Error, Http2, InvalidRequest, OpenError, Processed, Read, Room, StreamErrorKind,
};

use crate::raw::*;

#[test]
fn a_get_is_one_headers_frame_with_end_stream() {
    let mut raw = Raw::new();
    let id = raw.http2.open(request("GET"), true).unwrap();
    let frames = raw.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].kind, frames[0].stream), (HEADERS, id.as_u32()));
    assert_eq!(frames[0].flags, END_HEADERS | END_STREAM);
}

#[test]
fn interim_heads_come_first_and_trailers_last() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(
        1,
        0,
        &block(&[(":status", "103"), ("link", "</a>")]),
    ));
    assert_eq!(raw.read(id), [Seen::Head(103)]);
    raw.feed(&headers(1, 0, &block(&[(":status", "100")])));
    raw.feed(&headers(1, 0, OK));
    raw.feed(&data(1, 0, b"abc"));
    raw.feed(&headers(1, END_STREAM, &block(&[("a", "1"), ("b", "2")])));
    assert_eq!(
        raw.read(id),
        [
            Seen::Head(100),
            Seen::Head(200),
            Seen::Body(b"abc".to_vec()),
            Seen::Trailers(2),
            Seen::End
        ]
    );
    assert!(raw.http2.is_idle());
}

#[test]
fn ids_are_not_used_again() {
    let mut raw = Raw::new();
    let first = raw.get();
    raw.feed(&headers(1, END_STREAM, OK));
    assert_eq!(raw.read(first), [Seen::Head(200), Seen::End]);
    let second = raw.get();
    assert_ne!(first, second);
    let error = raw.http2.read_head(first).unwrap_err();
    assert_eq!(error.kind(), &StreamErrorKind::NoSuchStream);
    assert!(error.is_misuse());
    raw.http2.cancel(first);
    raw.feed(&headers(3, END_STREAM, OK));
    assert_eq!(raw.read(second), [Seen::Head(200), Seen::End]);
}

#[test]
fn a_request_ends_with_its_last_chunk_or_with_trailers() {
    let mut raw = Raw::new();
    let one = raw.post();
    let two = raw.post();
    raw.frames();
    assert!(raw.http2.write_last(one, &mut "abc".into()).is_ok());
    raw.http2.write_body(two, &mut "def".into()).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("connection", HeaderValue::from_static("x"));
    let error = raw
        .http2
        .finish_body(two, Some(trailers.clone()))
        .unwrap_err();
    assert!(matches!(error.kind(), StreamErrorKind::ForbiddenField(name) if name == "connection"));
    trailers.remove("connection");
    trailers.insert("x-sum", HeaderValue::from_static("1"));
    raw.http2.finish_body(two, Some(trailers)).unwrap();
    let frames: Vec<_> = raw
        .frames()
        .iter()
        .map(|f| (f.kind, f.stream, f.flags))
        .collect();
    assert_eq!(
        frames,
        [
            (DATA, 1, END_STREAM),
            (DATA, 3, 0),
            (HEADERS, 3, END_HEADERS | END_STREAM)
        ]
    );
    let error = raw.http2.write_body(one, &mut "x".into()).unwrap_err();
    assert_eq!(error.kind(), &StreamErrorKind::RequestFinished);
}

#[test]
fn a_body_is_not_read_before_its_head() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(1, 0, OK));
    raw.feed(&data(1, END_STREAM, b"abc"));
    assert_eq!(
        raw.http2.read_body(id).unwrap_err().kind(),
        &StreamErrorKind::HeadNotRead
    );
    assert_eq!(
        raw.read(id),
        [Seen::Head(200), Seen::Body(b"abc".to_vec()), Seen::End]
    );
}

#[test]
fn an_early_answer_is_read_to_its_end_though_the_server_wants_no_more() {
    let mut raw = Raw::new();
    let id = raw.post();
    raw.http2.write_body(id, &mut "abc".into()).unwrap();
    raw.feed(&headers(1, 0, &block(&[(":status", "413")])));
    raw.feed(&data(1, END_STREAM, b"too big"));
    raw.feed(&reset(1, 0));
    let error = raw.http2.write_body(id, &mut "def".into()).unwrap_err();
    assert_eq!(error.kind(), &StreamErrorKind::Reset(Code::NO_ERROR));
    assert_eq!(
        raw.read(id),
        [Seen::Head(413), Seen::Body(b"too big".to_vec()), Seen::End]
    );
    assert!(raw.http2.is_idle());
}

#[test]
fn ready_names_what_was_waited_for() {
    let mut raw = Raw::new();
    let id = raw.get();
    assert!(raw.ready().is_empty());
    raw.feed(&headers(1, 0, OK));
    let ready = raw.ready();
    assert!(ready.len() == 1 && ready[0].1.is_head() && !ready[0].1.is_failed());
    assert_eq!(raw.read(id), [Seen::Head(200)]);
    raw.feed(&data(1, 0, b"a"));
    raw.feed(&data(1, 0, b"b"));
    let ready = raw.ready();
    assert!(ready.len() == 1 && ready[0].1.is_body() && !ready[0].1.is_head());
    raw.feed(&reset(1, 2));
    raw.http2.read_body(id).unwrap();
    raw.http2.read_body(id).unwrap();
    assert_eq!(
        raw.http2.read_body(id).unwrap_err().processed(),
        Processed::Yes
    );
}

#[test]
fn room_is_one_until_the_settings_come() {
    let mut http2 = Http2::new(Config::new()).unwrap();
    assert_eq!(http2.room(), Room::Streams(1));
    assert!(!http2.is_established());
    http2.open(request("GET"), true).unwrap();
    assert_eq!(http2.open(request("GET"), true), Err(OpenError::Full));
    http2.handle_input(&settings(&[(3, 7)]));
    assert!(http2.is_established() && http2.poll_changed());
    assert_eq!(http2.room(), Room::Streams(6));
}

#[test]
fn a_cancel_at_the_limit_is_said_in_one_batch() {
    let mut raw = Raw::with(Config::new(), &[(3, 1)]);
    raw.frames();
    let id = raw.http2.open(request("GET"), true).unwrap();
    raw.http2.cancel(id);
    let mut out = Vec::new();
    assert!(raw.http2.take_output(&mut out) > 0);
    // HEADERS, then RST_STREAM of 13 bytes: all that there is to say.
    assert_eq!((out[3], out[out.len() - 10]), (HEADERS, RST_STREAM));
    assert_eq!(raw.http2.take_output(&mut out), 0);
    assert_eq!(raw.http2.room(), Room::Streams(1));
}

#[test]
fn our_own_limit_holds_where_the_peer_has_none() {
    let mut raw = Raw::with(Config::new().max_streams(3), &[]);
    let ids: Vec<_> = (0..3).map(|_| raw.get()).collect();
    assert_eq!(raw.http2.open(request("GET"), true), Err(OpenError::Full));
    raw.http2.cancel(ids[1]);
    assert!(raw.http2.open(request("GET"), true).is_ok());
    assert_eq!(raw.http2.open(request("GET"), true), Err(OpenError::Full));
}

#[test]
fn ping_is_answered_and_answers() {
    let mut raw = Raw::new();
    assert!(!raw.http2.poll_pong());
    assert!(raw.http2.send_ping());
    assert!(!raw.http2.send_ping());
    let frames = raw.frames();
    assert_eq!((frames[0].kind, frames[0].flags), (PING, 0));
    raw.feed(&frame(PING, ACK, 0, &frames[0].payload));
    assert!(raw.http2.poll_changed() && raw.http2.poll_pong() && !raw.http2.poll_pong());
    assert!(raw.http2.send_ping());
    raw.frames();
    raw.feed(&frame(PING, 0, 0, b"abcdefgh"));
    assert_eq!(
        raw.frames()[0],
        Frame {
            kind: PING,
            flags: ACK,
            stream: 0,
            payload: b"abcdefgh".to_vec()
        }
    );
}

#[test]
fn i08_fields_of_http1_are_refused_before_anything_is_sent() {
    let mut raw = Raw::new();
    let refused = [
        ("connection", "close"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
    ];
    for (name, value) in refused {
        let mut request = request("GET");
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
        let error = raw.http2.open(request, true).unwrap_err();
        assert!(
            matches!(&error, OpenError::Invalid(InvalidRequest::ForbiddenField(n)) if n == name),
            "{name}: {error}"
        );
        assert_eq!(error.processed(), Processed::No);
    }
    assert!(raw.frames().is_empty());
    let mut allowed = request("GET");
    allowed
        .headers_mut()
        .insert("te", HeaderValue::from_static("trailers"));
    allowed
        .headers_mut()
        .insert("host", HeaderValue::from_static("example.com"));
    assert!(raw.http2.open(allowed, true).is_ok());
}

#[test]
fn i08_line_breaks_and_upper_case_cannot_be_said() {
    for value in ["a\rb", "a\nb", "a\0b"] {
        assert!(HeaderValue::from_str(value).is_err());
    }
    let name = http::HeaderName::from_bytes(b"X-Upper").unwrap();
    assert_eq!(name.as_str(), "x-upper");
    assert!(http::Method::from_bytes(b"GE T").is_err());
    assert!("https://example.com/a\r\nb".parse::<http::Uri>().is_err());
}

#[test]
fn i08_uris_without_scheme_or_with_user_information_are_refused() {
    let mut raw = Raw::new();
    let cases = [
        ("/path", InvalidRequest::NoAuthority),
        ("example.com:443", InvalidRequest::NoScheme),
        ("https://user:secret@example.com/", InvalidRequest::UserInfo),
    ];
    for (uri, invalid) in cases {
        let request = http::Request::get(uri).body(()).unwrap();
        assert_eq!(
            raw.http2.open(request, true),
            Err(OpenError::Invalid(invalid))
        );
    }
    let mut differs = request("GET");
    differs
        .headers_mut()
        .insert("host", HeaderValue::from_static("example.org"));
    assert_eq!(
        raw.http2.open(differs, true),
        Err(OpenError::Invalid(InvalidRequest::HostDiffers))
    );
    assert!(raw.frames().is_empty());
    let connect = http::Request::connect("example.com:443").body(()).unwrap();
    assert!(raw.http2.open(connect, false).is_ok());
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let bad = [
        Config::new().stream_window(0),
        Config::new().stream_window(1 << 31),
        Config::new().connection_window(65_534),
        Config::new().max_header_list(10),
        Config::new().header_table(1 << 20),
        Config::new().max_streams(0),
        Config::new().send_buffer(0),
        Config::new().output_capacity(0),
    ];
    for config in bad {
        assert!(matches!(Http2::new(config), Err(Error::Config(_))));
    }
}

#[test]
fn the_machine_can_move_between_threads() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Http2>();
    is_send::<Read>();
}
