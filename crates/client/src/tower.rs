//! tower, in both directions: the client as a service, and a service as a transport.

use crate::BoxFuture;
use crate::body::{Body, BodyStream, Source};
use crate::client::{Client, Driver};
use crate::error::{Cause, Error, Kind};
use crate::reply::Reply;
use crate::request::Request;
use crate::response::Response;
use crate::transport::{AsyncTransport, Transport};
use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use nuncio_connection::{BodySize, ResponseHead};
use nuncio_headers::Headers;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

/// What a service or a body may fail with.
type BoxError = Box<dyn StdError + Send + Sync>;

/// An async client is always ready, and sends a request as it is: [`Client::send`]. The response has
/// its body read.
///
/// ```
/// # use nuncio_client::{Client, Driver, Error, Request, Response};
/// # async fn example<D>(client: Client<D>) -> Result<(), Error>
/// # where D: Driver<Send: Future<Output = Result<Response, Error>>> {
/// use tower_service::Service;
///
/// // Any middleware of tower's can stand around the client.
/// let mut service = client.clone();
/// let request = client.get("https://example.com/").build()?;
/// let response = service.call(request).await?;
/// # let _ = response;
/// # Ok(())
/// # }
/// ```
impl<D> Service<Request> for Client<D>
where
    D: Driver<Send: Future<Output = Result<Response, Error>>>,
{
    type Response = Response;
    type Error = Error;
    type Future = D::Send;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> D::Send {
        self.send(request)
    }
}

/// As for an owned client: a client can be shared.
impl<D> Service<Request> for &Client<D>
where
    D: Driver<Send: Future<Output = Result<Response, Error>>>,
{
    type Response = Response;
    type Error = Error;
    type Future = D::Send;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> D::Send {
        self.send(request)
    }
}

impl Transport {
    /// A tower service, such as an application in this process: for async clients.
    ///
    /// Each request is given to a clone of `service`, once that is ready. Bodies are streamed both
    /// ways. The URI is absolute and without credentials. What the service fails with becomes an
    /// error of [`Kind::Read`], with that as its source, unless it is an [`Error`] already.
    ///
    /// ```
    /// # use nuncio_client::Transport;
    /// # #[derive(Clone)]
    /// # struct App;
    /// # impl tower_service::Service<http::Request<nuncio_client::Body>> for App {
    /// #     type Response = http::Response<nuncio_client::Body>;
    /// #     type Error = std::convert::Infallible;
    /// #     type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
    /// #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>)
    /// #         -> std::task::Poll<Result<(), Self::Error>> { std::task::Poll::Ready(Ok(())) }
    /// #     fn call(&mut self, _: http::Request<nuncio_client::Body>) -> Self::Future {
    /// #         std::future::ready(Ok(http::Response::new("hello".into())))
    /// #     }
    /// # }
    /// // Of axum, a `Router` will do.
    /// let transport = Transport::service(App);
    /// # let _ = transport;
    /// ```
    pub fn service<S, B>(service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<B>>,
        S: Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: HttpBody<Error: Into<BoxError>> + Send + 'static,
    {
        Transport::future(InProcess(service))
    }
}

struct InProcess<S>(S);

impl<S, B> AsyncTransport for InProcess<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>>,
    S: Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: HttpBody<Error: Into<BoxError>> + Send + 'static,
{
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Reply, Error>> {
        let mut service = self.0.clone();
        Box::pin(async move {
            let mut request = http::Request::try_from(request)?;
            if let Some(bare) = without_credentials(request.uri())? {
                *request.uri_mut() = bare;
            }
            let ready = poll_fn(|cx| service.poll_ready(cx)).await;
            ready.map_err(failed)?;
            let response = service.call(request).await.map_err(failed)?;
            to_reply(response)
        })
    }
}

/// They are never sent; a field of the request says what is.
fn without_credentials(uri: &http::Uri) -> Result<Option<http::Uri>, Error> {
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let Some((_, bare)) = authority.and_then(|it| it.rsplit_once('@')) else {
        return Ok(None);
    };
    let mut parts = uri.clone().into_parts();
    let illegal = |error| Error::other(Kind::InvalidUrl, error);
    parts.authority = Some(bare.parse().map_err(illegal)?);
    let uri = http::Uri::from_parts(parts);
    let uri = uri.map_err(|error| Error::other(Kind::InvalidUrl, error))?;
    Ok(Some(uri))
}

/// An error of ours, from below another client for instance, is told as it is.
fn failed(error: impl Into<BoxError>) -> Error {
    match error.into().downcast::<Error>() {
        Ok(ours) => *ours,
        Err(other) => Error::with_cause(Kind::Read, Cause::Other(Arc::from(other))),
    }
}

fn to_reply<B>(response: http::Response<B>) -> Result<Reply, Error>
where
    B: HttpBody<Error: Into<BoxError>> + Send + 'static,
{
    let (parts, body) = response.into_parts();
    let headers = Headers::try_from(&parts.headers)
        .map_err(|error| Error::other(Kind::RemoteProtocol, error))?;
    let head = ResponseHead::new(parts.version, parts.status, headers);
    let body = if body.is_end_stream() {
        Body::empty()
    } else {
        let length = body.size_hint().exact();
        Body::stream(Frames(Box::pin(body)), length)
    };
    let mut reply = Reply::from_parts(head, body);
    reply.extensions = parts.extensions;
    Ok(reply)
}

/// The data of a body; its trailers are passed over.
struct Frames<B>(Pin<Box<B>>);

impl<B: HttpBody<Error: Into<BoxError>> + Send> BodyStream for Frames<B> {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match ready!(self.0.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                Some(Ok(frame)) => {
                    if let Ok(mut data) = frame.into_data()
                        && data.has_remaining()
                    {
                        let data = data.copy_to_bytes(data.remaining());
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }
}

/// For services that stand in for the network. A body that comes from a blocking reader is an error.
impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = match &mut self.source {
            Source::Empty => None,
            Source::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.source = Source::Empty;
                Some(Ok(bytes)).filter(|bytes: &io::Result<Bytes>| {
                    bytes.as_ref().is_ok_and(|bytes| !bytes.is_empty())
                })
            }
            Source::Feed { feed, .. } => match feed {
                Some(feed) => ready!(feed.poll(cx)),
                None => None,
            },
        };
        if !matches!(piece, Some(Ok(_))) {
            self.source = Source::Empty;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Bytes(bytes) => bytes.is_empty(),
            Source::Feed { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.size() {
            BodySize::Empty => SizeHint::with_exact(0),
            BodySize::Known(length) => SizeHint::with_exact(length),
            BodySize::Unknown => SizeHint::default(),
        }
    }
}
