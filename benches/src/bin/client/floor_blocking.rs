//! The least that an exchange can cost: a request that is always the same, httparse for the head,
//! one buffer. No URL, headers, pool or time-outs.

use crate::Outcome;
use crate::measure::Blocking;
use crate::pieces::{BIG, PIECE};
use crate::target::Target;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// As many header fields as httparse is given room for.
pub(crate) const FIELDS: usize = 32;

pub(crate) struct Floor {
    stream: Stream,
    get: Vec<u8>,
    put: Vec<u8>,
    buf: Vec<u8>,
    target: Target,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buf),
            Stream::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(buf),
            Stream::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The heads of a GET and of a PUT of 256 MiB.
pub(crate) fn heads(target: &Target) -> (Vec<u8>, Vec<u8>) {
    let Target { host, path, .. } = target;
    let fields = format!("Host: {host}\r\nAccept: */*\r\n");
    let get = format!("GET {path} HTTP/1.1\r\n{fields}\r\n");
    let put = format!("PUT {path} HTTP/1.1\r\n{fields}Content-Length: {BIG}\r\n\r\n");
    (get.into(), put.into())
}

/// Where the head ends and how long the body is, once the head is there.
pub(crate) fn head(bytes: &[u8]) -> Outcome<Option<(usize, u64)>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(end) = response.parse(bytes)? else {
        return Ok(None);
    };
    let length = response
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
        .ok_or("no Content-Length")?;
    Ok(Some((end, std::str::from_utf8(length.value)?.parse()?)))
}

impl Floor {
    /// Reads a response; its body stays in the buffer as far as it fits.
    fn read(&mut self) -> Outcome<u64> {
        let mut filled = 0;
        let (end, length) = loop {
            let read = self.stream.read(&mut self.buf[filled..])?;
            if read == 0 {
                return Err("closed".into());
            }
            filled += read;
            if let Some(found) = head(&self.buf[..filled])? {
                break found;
            }
        };
        let mut left = length - (filled - end) as u64;
        while left > 0 {
            let read = self.stream.read(&mut self.buf)?;
            if read == 0 {
                return Err("closed".into());
            }
            left -= read as u64;
        }
        Ok(length)
    }
}

impl Blocking for Floor {
    fn new(target: &Target) -> Outcome<Self> {
        let socket = TcpStream::connect(target.address)?;
        socket.set_nodelay(true)?;
        let stream = match target.tls()? {
            None => Stream::Plain(socket),
            Some(tls) => {
                let tls = rustls::ClientConnection::new(Arc::new(tls), target.server_name())?;
                Stream::Tls(Box::new(rustls::StreamOwned::new(tls, socket)))
            }
        };
        let (get, put) = heads(target);
        Ok(Floor {
            stream,
            get,
            put,
            buf: vec![0; 128 << 10],
            target: target.clone(),
        })
    }

    fn worker(&self) -> Outcome<Self> {
        Floor::new(&self.target)
    }

    fn tiny(&mut self) -> Outcome<usize> {
        Ok(self.download()? as usize)
    }

    fn download(&mut self) -> Outcome<u64> {
        self.stream.write_all(&self.get)?;
        self.read()
    }

    fn upload(&mut self) -> Outcome<()> {
        self.stream.write_all(&self.put)?;
        for _ in 0..BIG / PIECE.len() as u64 {
            self.stream.write_all(&PIECE)?;
        }
        self.read().map(drop)
    }

    fn upload_whole(&mut self) -> Outcome<()> {
        self.stream.write_all(&self.put)?;
        self.stream.write_all(&self.target.body())?;
        self.read().map(drop)
    }
}
