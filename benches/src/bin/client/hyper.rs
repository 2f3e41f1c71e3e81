//! hyper by itself, one connection per worker, and hyper-util's client with its pool.

use crate::Outcome;
use crate::measure::Asynchronous;
use crate::pieces::Pieces;
use crate::target::Target;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, handshake};
use hyper::client::conn::http2;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

type Body = Either<Empty<Bytes>, Either<Pieces, Full<Bytes>>>;

fn none() -> Body {
    Either::Left(Empty::new())
}

fn pieces() -> Body {
    Either::Right(Either::Left(Pieces::new()))
}

fn whole(target: &Target) -> Body {
    Either::Right(Either::Right(Full::new(target.body())))
}

async fn tiny(response: Response<Incoming>) -> Outcome<usize> {
    Ok(response.into_body().collect().await?.to_bytes().len())
}

async fn count(response: Response<Incoming>) -> Outcome<u64> {
    let mut body = response.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(length)
}

pub(crate) struct Raw {
    sender: Sender,
    target: Target,
}

/// A connection of a worker's own, or a place on the one that all share.
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Raw {
    fn request(&self, method: &str, body: Body) -> Outcome<Request<Body>> {
        let request = Request::builder().method(method);
        if self.target.http2 {
            let request = request.uri(&self.target.url).header("accept", "*/*");
            return Ok(request.body(body)?);
        }
        let request = request.uri(&self.target.path);
        Ok(request
            .header("host", &self.target.host)
            .header("accept", "*/*")
            .body(body)?)
    }

    async fn send(&mut self, method: &str, body: Body) -> Outcome<Response<Incoming>> {
        let request = self.request(method, body)?;
        Ok(match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        })
    }
}

impl Asynchronous for Raw {
    async fn new(target: &Target) -> Outcome<Self> {
        let socket = TcpStream::connect(target.address).await?;
        socket.set_nodelay(true)?;
        let sender = match target.tls()? {
            None if target.http2 => {
                let io = TokioIo::new(socket);
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
            None => {
                let (sender, connection) = handshake(TokioIo::new(socket)).await?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Some(tls) => {
                let tls = TlsConnector::from(Arc::new(tls));
                let stream = tls.connect(target.server_name(), socket).await?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
        };
        Ok(Raw {
            sender,
            target: target.clone(),
        })
    }

    async fn worker(&self) -> Outcome<Self> {
        match &self.sender {
            Sender::Http1(_) => Raw::new(&self.target).await,
            Sender::Http2(sender) => Ok(Raw {
                sender: Sender::Http2(sender.clone()),
                target: self.target.clone(),
            }),
        }
    }

    async fn tiny(&mut self) -> Outcome<usize> {
        tiny(self.send("GET", none()).await?).await
    }

    async fn download(&mut self) -> Outcome<u64> {
        count(self.send("GET", none()).await?).await
    }

    async fn upload(&mut self) -> Outcome<()> {
        tiny(self.send("PUT", pieces()).await?).await.map(drop)
    }

    async fn upload_whole(&mut self) -> Outcome<()> {
        let body = whole(&self.target);
        tiny(self.send("PUT", body).await?).await.map(drop)
    }
}

pub(crate) struct Util {
    client: Pooled,
    target: Target,
}

#[derive(Clone)]
enum Pooled {
    Plain(Client<HttpConnector, Body>),
    Tls(Client<HttpsConnector<HttpConnector>, Body>),
}

impl Util {
    async fn send(&self, method: &str, body: Body) -> Outcome<Response<Incoming>> {
        let request = Request::builder().method(method).uri(&self.target.url);
        let request = request.header("accept", "*/*").body(body)?;
        Ok(match &self.client {
            Pooled::Plain(client) => client.request(request).await?,
            Pooled::Tls(client) => client.request(request).await?,
        })
    }
}

impl Asynchronous for Util {
    async fn new(target: &Target) -> Outcome<Self> {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.http2_only(target.http2);
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = match target.tls()? {
            None => Pooled::Plain(builder.build(connector)),
            Some(tls) => {
                connector.enforce_http(false);
                let tls = HttpsConnectorBuilder::new().with_tls_config(tls);
                let tls = tls.https_only().enable_http1().wrap_connector(connector);
                Pooled::Tls(builder.build(tls))
            }
        };
        Ok(Util {
            client,
            target: target.clone(),
        })
    }

    async fn worker(&self) -> Outcome<Self> {
        Ok(Util {
            client: self.client.clone(),
            target: self.target.clone(),
        })
    }

    async fn tiny(&mut self) -> Outcome<usize> {
        tiny(self.send("GET", none()).await?).await
    }

    async fn download(&mut self) -> Outcome<u64> {
        count(self.send("GET", none()).await?).await
    }

    async fn upload(&mut self) -> Outcome<()> {
        tiny(self.send("PUT", pieces()).await?).await.map(drop)
    }

    async fn upload_whole(&mut self) -> Outcome<()> {
        tiny(self.send("PUT", whole(&self.target)).await?)
            .await
            .map(drop)
    }
}
