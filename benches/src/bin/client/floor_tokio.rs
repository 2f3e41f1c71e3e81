//! The floor of `floor_blocking`, over tokio.

use crate::Outcome;
use crate::floor_blocking::{head, heads};
use crate::measure::Asynchronous;
use crate::pieces::{BIG, PIECE};
use crate::target::Target;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) struct Floor {
    stream: Stream,
    get: Vec<u8>,
    put: Vec<u8>,
    buf: Vec<u8>,
    target: Target,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    async fn read(&mut self, buf: &mut [u8]) -> Outcome<usize> {
        let read = match self {
            Stream::Plain(stream) => stream.read(buf).await?,
            Stream::Tls(stream) => stream.read(buf).await?,
        };
        if read == 0 {
            Err("closed".into())
        } else {
            Ok(read)
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        match self {
            Stream::Plain(stream) => stream.write_all(bytes).await?,
            Stream::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
        }
        Ok(())
    }
}

impl Floor {
    async fn read(&mut self) -> Outcome<u64> {
        let mut filled = 0;
        let (end, length) = loop {
            filled += self.stream.read(&mut self.buf[filled..]).await?;
            if let Some(found) = head(&self.buf[..filled])? {
                break found;
            }
        };
        let mut left = length - (filled - end) as u64;
        while left > 0 {
            left -= self.stream.read(&mut self.buf).await? as u64;
        }
        Ok(length)
    }
}

impl Asynchronous for Floor {
    async fn new(target: &Target) -> Outcome<Self> {
        let socket = TcpStream::connect(target.address).await?;
        socket.set_nodelay(true)?;
        let stream = match target.tls()? {
            None => Stream::Plain(socket),
            Some(tls) => {
                let tls = TlsConnector::from(Arc::new(tls));
                Stream::Tls(Box::new(tls.connect(target.server_name(), socket).await?))
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

    async fn worker(&self) -> Outcome<Self> {
        Floor::new(&self.target).await
    }

    async fn tiny(&mut self) -> Outcome<usize> {
        Ok(self.download().await? as usize)
    }

    async fn download(&mut self) -> Outcome<u64> {
        self.stream.write(&self.get).await?;
        self.read().await
    }

    async fn upload(&mut self) -> Outcome<()> {
        self.stream.write(&self.put).await?;
        for _ in 0..BIG / PIECE.len() as u64 {
            self.stream.write(&PIECE).await?;
        }
        self.read().await.map(drop)
    }

    async fn upload_whole(&mut self) -> Outcome<()> {
        self.stream.write(&self.put).await?;
        self.stream.write(&self.target.body()).await?;
        self.read().await.map(drop)
    }
}
