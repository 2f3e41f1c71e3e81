//! tower: an application in this process as a transport, and the client as a service.

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use nuncio::{Body, BoxFuture, Error, Kind, Mock, Processed, Reply, Request, Response, Transport};
use nuncio_tests::adapters::{Adapter, Blocking, CurrentThread, Download};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use tower_service::Service;

/// A service of one function; a clone is ready the second time that it is asked.
struct App<F> {
    answer: F,
    asked: u32,
    ready: Arc<AtomicU32>,
}

impl<F: Clone> Clone for App<F> {
    fn clone(&self) -> Self {
        App {
            answer: self.answer.clone(),
            asked: 0,
            ready: Arc::clone(&self.ready),
        }
    }
}

fn app<F, B, E>(answer: F) -> App<F>
where
    F: Fn(http::Request<Body>) -> BoxFuture<'static, Result<http::Response<B>, E>>,
{
    App {
        answer,
        asked: 0,
        ready: Arc::default(),
    }
}

impl<F, B, E> Service<http::Request<Body>> for App<F>
where
    F: Fn(http::Request<Body>) -> BoxFuture<'static, Result<http::Response<B>, E>>,
{
    type Response = http::Response<B>;
    type Error = E;
    type Future = BoxFuture<'static, Result<http::Response<B>, E>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.asked += 1;
        if self.asked == 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        assert!(self.asked > 1, "called before it was ready");
        (self.answer)(request)
    }
}

/// A body that has no end.
struct Endless(u32);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0 += 1;
        Poll::Ready(Some(Ok(match self.0 {
            2 => Frame::trailers(http::HeaderMap::new()),
            number => Frame::data(Bytes::from(number.to_string())),
        })))
    }
}

async fn collect(mut body: Body) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        bytes.extend_from_slice(&frame?.into_data().unwrap_or_default());
    }
    Ok(bytes)
}

#[test]
fn an_application_in_this_process_answers() {
    let adapter = CurrentThread::start();
    let service = app(|request: http::Request<Body>| {
        Box::pin(async move {
            let uri = request.uri().to_string();
            let (parts, body) = request.into_parts();
            let field = parts.headers.get("x-own").cloned().expect("the field");
            let echoed = collect(body).await?;
            let reply = http::Response::builder().status(201).header("x-own", field);
            let reply = reply.header("x-uri", uri).extension(7_u8);
            Ok::<_, io::Error>(reply.body(Body::from(echoed)).expect("a response"))
        })
    });
    let ready = Arc::clone(&service.ready);
    let client = adapter.builder().transport(Transport::service(service));
    let client = client.build().unwrap();
    let pieces = ["one ", "two"].map(|it| Ok(Bytes::from(it))).into_iter();
    for body in [Body::from("one two"), adapter.body(pieces, None)] {
        let request = client.post("http://u:p@app/a?b#c").header("X-Own", "1");
        let response = adapter.send(request.body(body)).unwrap();
        assert_eq!(
            (response.status().as_u16(), &*response.text()),
            (201, "one two")
        );
        let fields = response.headers();
        assert_eq!(fields.get("x-own").as_deref(), Some("1"));
        assert_eq!(fields.get("x-uri").as_deref(), Some("http://app/a?b"));
        assert_eq!(response.extensions().unwrap().get::<u8>(), Some(&7));
    }
    assert_eq!(ready.load(Ordering::SeqCst), 2);
}

#[test]
fn b22_4_q_a_body_from_an_application_is_streamed() {
    let adapter = CurrentThread::start();
    let service = app(|_| {
        let reply = http::Response::new(Endless(0));
        Box::pin(std::future::ready(Ok::<_, Infallible>(reply)))
    });
    let client = adapter.builder().transport(Transport::service(service));
    let client = client.build().unwrap();
    let mut download = adapter.stream(client.get("http://app/")).unwrap();
    for number in ["1", "3", "4"] {
        assert_eq!(download.chunk().unwrap().unwrap(), number);
    }
}

#[test]
fn what_an_application_fails_with_is_the_source_of_the_error() {
    let adapter = CurrentThread::start();
    let failing = app(|_| {
        let error = io::Error::other("out of order");
        Box::pin(std::future::ready(Err::<http::Response<Body>, _>(error)))
    });
    let ours = app(|_| {
        let error = Error::new(Kind::ConnectTimeout, "told as it is");
        Box::pin(std::future::ready(Err::<http::Response<Body>, _>(error)))
    });
    let send = |transport| {
        let client = adapter.builder().transport(transport).build().unwrap();
        adapter.send(client.get("http://app/")).unwrap_err()
    };
    let error = send(Transport::service(failing));
    assert_eq!(error.kind(), Kind::Read);
    assert_eq!(error.to_string(), "GET http://app/: out of order");
    assert_eq!(error.processed(), Processed::No);
    let error = send(Transport::service(ours));
    assert_eq!(error.to_string(), "GET http://app/: told as it is");
    assert!(error.is_timeout());
}

#[test]
fn a_service_is_no_transport_of_a_blocking_client() {
    let service = app(|_| {
        let reply = http::Response::new(Body::empty());
        Box::pin(std::future::ready(Ok::<_, Infallible>(reply)))
    });
    let builder = Blocking::start().builder();
    let error = builder.transport(Transport::service(service)).build();
    assert_eq!(error.unwrap_err().kind(), Kind::Usage);
}

/// Middleware as tower has it: whatever stands around a service.
async fn twice<S>(service: &mut S, request: Request) -> Result<(Response, Response), S::Error>
where
    S: Service<Request, Response = Response>,
{
    let again = request.try_clone().expect("held");
    poll_fn(|cx| service.poll_ready(cx)).await?;
    let first = service.call(request).await?;
    poll_fn(|cx| service.poll_ready(cx)).await?;
    Ok((first, service.call(again).await?))
}

#[test]
fn the_client_is_a_service() {
    let adapter = CurrentThread::start();
    let mock = Mock::answering(|request| Reply::new(200).text(request.url().path()));
    let client = adapter.builder().transport(mock.transport());
    let client = client.build().unwrap();
    let request = client.get("http://h/a").build().unwrap();
    let (first, second) = adapter
        .runtime
        .block_on(twice(&mut client.clone(), request))
        .unwrap();
    assert_eq!((&*first.text(), &*second.text()), ("/a", "/a"));
    let request = client.get("http://h/b").build().unwrap();
    adapter
        .runtime
        .block_on(twice(&mut &client, request))
        .unwrap();
    mock.assert_calls("GET", "/b", 2);
}

#[test]
fn a_body_tells_a_service_how_long_it_is() {
    let hints = |body: Body| (body.size_hint().exact(), body.is_end_stream());
    assert_eq!(hints(Body::empty()), (Some(0), true));
    assert_eq!(hints(Body::from("abc")), (Some(3), false));
    let factory = |length| Body::factory(|| Ok(Body::empty()), length);
    assert_eq!(hints(factory(Some(0))), (Some(0), false));
    assert_eq!(hints(factory(None)), (SizeHint::default().exact(), false));
}
