//! A site that the requests go to, by HTTP/1.1 or HTTP/2, and what it is to be asked.

use crate::http2;
use crate::table::Over;
use bytes::Bytes;
use nuncio_content::{Coding, Encoder};
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::content;
use nuncio_testkit::server::{Reply, Server};
use std::io;
use std::path::PathBuf;

/// How many lines `/log` has.
pub(crate) const LINES: usize = 10_000;
/// How long the file to upload is.
pub(crate) const FILE: usize = 4 * 1024 * 1024;

/// A server, whom to trust about it, somebody who pretends to be it, and a file to upload.
pub(crate) struct Site {
    server: Kind,
    pub(crate) over: Over,
    pub(crate) trusted: String,
    pub(crate) impostor: Option<Server>,
    pub(crate) file: PathBuf,
}

enum Kind {
    Http1(Server),
    Http2(http2::Server),
}

impl Site {
    pub(crate) fn plain() -> io::Result<Self> {
        Ok(Site {
            server: Kind::Http1(with_pages(Server::builder()).start()),
            over: Over::Http1,
            trusted: Authority::new().pem(),
            impostor: None,
            file: file("plain")?,
        })
    }

    pub(crate) fn tls() -> io::Result<Self> {
        let authority = Authority::new();
        let config = authority.leaf().server_config(&["http/1.1"]);
        let server = with_pages(Server::builder()).tls(config).start();
        Self::secure(authority, Kind::Http1(server), Over::Http1Tls, "tls")
    }

    pub(crate) fn http2() -> io::Result<Self> {
        let authority = Authority::new();
        let server = http2::Server::start(authority.leaf().server_config(&["h2"]))?;
        Self::secure(authority, Kind::Http2(server), Over::Http2Tls, "http2")
    }

    fn secure(authority: Authority, server: Kind, over: Over, name: &str) -> io::Result<Self> {
        let impostor = authority.faulty_leaf(Fault::UnknownAuthority);
        Ok(Site {
            server,
            over,
            trusted: authority.pem(),
            impostor: Some(Server::https(&impostor)),
            file: file(name)?,
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        match &self.server {
            Kind::Http1(server) => server.url(path),
            Kind::Http2(server) => server.url(path),
        }
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> u64 {
        match &self.server {
            Kind::Http1(server) => server.connections(),
            Kind::Http2(server) => server.connections(),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It is ours, and there is nobody left to tell.
        let _ = std::fs::remove_file(&self.file);
    }
}

fn file(name: &str) -> io::Result<PathBuf> {
    let name = format!("nuncio-tour-{}-{name}.txt", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, content::bytes(FILE))?;
    Ok(path)
}

/// What a path answers with, whichever protocol it is asked by.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, &'static str)>,
    pub(crate) body: Bytes,
}

const PAGES: [&str; 5] = ["/log", "/login", "/home", "/vault", "/upload"];

/// The pages that both servers have of this tour: a log in gzip, a login, a vault and a place for
/// uploads. `field` gives a field of the request by its name in small letters.
pub(crate) fn page<'a>(
    path: &str,
    field: impl Fn(&str) -> Option<&'a [u8]>,
    body: &[u8],
) -> Option<Page> {
    let page = |status, fields, body| {
        Some(Page {
            status,
            fields,
            body,
        })
    };
    match path {
        "/log" => page(200, vec![("content-encoding", "gzip")], log().into()),
        "/login" => page(
            302,
            vec![("set-cookie", "id=7"), ("location", "/home")],
            Bytes::new(),
        ),
        "/home" if field("cookie") == Some(b"id=7") => page(200, vec![], "welcome".into()),
        "/home" => page(403, vec![], Bytes::new()),
        "/vault" => {
            let answer = field("authorization").unwrap_or_default();
            if answer.starts_with(b"Digest username=\"ada\", ") {
                return page(200, vec![], "gold".into());
            }
            let challenge = r#"Digest realm="vault", nonce="n0nce", qop="auth", algorithm=SHA-256"#;
            page(401, vec![("www-authenticate", challenge)], Bytes::new())
        }
        "/upload" => {
            let file = content::bytes(FILE);
            let whole = body.windows(FILE).any(|window| window == file);
            page(200, vec![], if whole { "whole" } else { "damaged" }.into())
        }
        _ => None,
    }
}

fn log() -> Vec<u8> {
    let mut encoder = Encoder::new(Coding::Gzip).expect("memory for an encoder");
    let mut coded = Vec::new();
    for number in 0..LINES {
        let line = format!("line {number} of the log\n");
        coded.extend_from_slice(&encoder.encode(line.as_bytes()).expect("memory"));
    }
    coded.extend_from_slice(&encoder.finish().expect("memory"));
    coded
}

fn with_pages(builder: nuncio_testkit::server::Builder) -> nuncio_testkit::server::Builder {
    PAGES.into_iter().fold(builder, |builder, path| {
        builder.route(path, move |request, body| {
            let page = page(path, |name| request.header(name), body).expect("one of the pages");
            let reply = Reply::new(page.status).body(page.body);
            let fields = page.fields.into_iter();
            fields.fold(reply, |reply, (name, value)| reply.header(name, value))
        })
    })
}
