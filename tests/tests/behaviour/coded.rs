//! Coded bodies, and peers that send them.

use bytes::Bytes;
use nuncio_content::{Coding, Encoder};
use nuncio_testkit::script::{Script, ScriptedPeer, Step};
use nuncio_testkit::server::{Reply, Server};

/// `content` in this coding.
pub(crate) fn encode(coding: Coding, content: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding).unwrap();
    let mut out = Vec::from(encoder.encode(content).unwrap());
    out.extend_from_slice(&encoder.finish().unwrap());
    out
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    encode(Coding::Gzip, content)
}

/// A server whose one path `/` answers with this body, said to be in these codings, one line each.
pub(crate) fn serving(codings: &'static [&'static str], body: impl Into<Vec<u8>>) -> Server {
    let lines = codings.iter();
    let reply = lines.fold(Reply::new(200).body(body), |reply, coding| {
        reply.header("Content-Encoding", coding)
    });
    Server::builder()
        .route("/", move |_, _| reply.clone())
        .start()
}

/// A response with a coded body as it stands on the wire.
pub(crate) fn response(coding: &str, body: &[u8]) -> Bytes {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat().into()
}

/// A peer that answers one request on each connection with these bytes, and then waits for the client
/// to end the connection.
pub(crate) fn peer(answer: impl AsRef<[u8]>) -> ScriptedPeer {
    Script::new()
        .connection([Step::ExpectHead, Step::send(answer), Step::ExpectEof])
        .repeat_last()
        .start()
}

/// A gigabyte of zeros in gzip.
pub(crate) fn bomb() -> Vec<u8> {
    use std::io::Write;
    // Behind a flush each piece stands on its own, so that one can be had for all.
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(&vec![0; 1 << 20]).unwrap();
    out.flush().unwrap();
    let head: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    [head, &out.get_ref().repeat(1024)].concat()
}
