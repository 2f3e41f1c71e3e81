//! What every response has before its body.

use super::text::DefaultEncoding;
use super::{Interim, Response};
use crate::cookies::CookieJar;
use crate::exchange::Seen;
use crate::peer::Peer;
use crate::redirect::is_redirect;
use crate::request::Request;
use http::{StatusCode, Version};
use nuncio_connection::ResponseHead;
use nuncio_content::Charset;
use nuncio_headers::Headers;
use nuncio_headers::typed::Links;
use nuncio_url::Url;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What every response has before its body: shared by the buffered and the streaming kinds.
#[derive(Clone, Debug)]
pub struct Head {
    pub(crate) request: SentRequest,
    pub(crate) head: ResponseHead,
    /// From when the request was handed to the transport until the head was here.
    pub(crate) waited: Duration,
    /// Who sent it.
    pub(crate) peer: Option<Arc<Peer>>,
    pub(crate) stream: Option<NonZeroU32>,
    /// What few responses have.
    pub(crate) more: Option<Box<More>>,
}

/// The request that a response answers, as it was sent: the last one, after redirects.
#[derive(Clone, Debug)]
pub struct SentRequest {
    pub(crate) method: http::Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
}

impl SentRequest {
    /// The method.
    pub fn method(&self) -> &http::Method {
        &self.method
    }

    /// Where it went.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The fields, as they were sent.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct More {
    /// Shared, since each of them has those before it.
    pub(crate) history: Arc<[Response]>,
    /// Locked because a body need not be `Sync`; this one is held, and never waited for.
    pub(crate) next: Option<Arc<Mutex<Request>>>,
    pub(crate) extensions: http::Extensions,
    /// When it came, if it sets cookies.
    pub(crate) received: Option<SystemTime>,
    /// What a body is read as that declares no charset.
    pub(crate) default_encoding: DefaultEncoding,
    /// What the body is read as, whatever it declares.
    pub(crate) charset: Option<Charset>,
    pub(crate) trailers: Option<Headers>,
    pub(crate) interim: Vec<Interim>,
}

impl Head {
    /// The head of an HTTP/1.1 response to a `method` request for `url`: for transports and tests.
    pub fn new(method: http::Method, url: Url, status: StatusCode, headers: Headers) -> Self {
        let request = SentRequest {
            method,
            url,
            headers: Headers::new(),
        };
        let head = ResponseHead::new(Version::HTTP_11, status, headers);
        Self::of(request, head, Seen::default())
    }

    pub(crate) fn of(request: SentRequest, head: ResponseHead, seen: Seen) -> Self {
        let more = (!seen.is_plain()).then(|| {
            Box::new(More {
                extensions: seen.extensions,
                received: seen.received,
                interim: seen.interim,
                ..More::default()
            })
        });
        Head {
            request,
            head,
            waited: seen.waited,
            peer: seen.peer,
            stream: seen.stream,
            more,
        }
    }

    /// The protocol version of the response.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The address that it came from: the server's, or the proxy's where there was one between. None
    /// for what came from a transport of the user's.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.peer.as_ref()?.address
    }

    /// The number of the HTTP/2 stream that it came on, in its connection (RFC 9113 section 5.1.1). None
    /// for other versions.
    pub fn stream_id(&self) -> Option<u32> {
        self.stream.map(NonZeroU32::get)
    }

    /// The TLS that was agreed on with the server that sent it, and the server's certificates; none for
    /// what is not https, whatever was spoken with a proxy.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<&crate::TlsInfo> {
        let tls = self.peer.as_ref()?.tls.as_ref();
        tls.filter(|_| self.request.url.scheme() == "https")
    }

    /// The fields, in the order and the case in which they came.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// The fields, to be changed: for hooks.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.head.headers
    }

    /// Where the response came from, the fragment of the URL that was asked for included.
    pub fn url(&self) -> &Url {
        &self.request.url
    }

    /// The request that it answers: after redirects, the last one.
    pub fn request(&self) -> &SentRequest {
        &self.request
    }

    /// The responses that came before it for the same request, redirects and challenges, in their
    /// order. The body of one is kept as it came, up to 64 KiB, and is not decoded.
    pub fn history(&self) -> &[Response] {
        self.more.as_deref().map_or(&[], |more| &*more.history)
    }

    /// The interim responses (1xx) that came before it, in their order: 103 Early Hints for instance.
    /// There are 16 at most before each response (SECURITY F22).
    pub fn interim(&self) -> &[Interim] {
        self.more.as_deref().map_or(&[], |more| &more.interim)
    }

    /// Whether it sends elsewhere: 301, 302, 303, 307 or 308, and a `Location`.
    pub fn has_redirect_location(&self) -> bool {
        is_redirect(self.head.status, &self.head.headers)
    }

    /// The request that would follow this redirect, where it was not followed. None for other
    /// responses, for one that leads nowhere, and where the body cannot be sent again.
    pub fn next_request(&self) -> Option<Request> {
        let next = self.more.as_deref()?.next.as_deref()?;
        next.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .try_clone()
    }

    /// The links of its `Link` fields (RFC 8288), by their `rel`, or by their URL where they have
    /// none; of several with one key the last. Without such a field there are none.
    pub fn links(&self) -> Links {
        self.head.headers.links()
    }

    /// The cookies that this response set, and no others: what is of them in its `Set-Cookie` fields,
    /// as of the time when it came.
    pub fn cookies(&self) -> CookieJar {
        let received = self.more.as_deref().and_then(|more| more.received);
        // Nobody knows when a response came that was put together by hand: long ago.
        let now = received.unwrap_or(SystemTime::UNIX_EPOCH);
        CookieJar::from_response(self.url(), self.headers(), now)
    }

    /// What a transport or a hook put beside the response.
    pub fn extensions(&self) -> Option<&http::Extensions> {
        self.more.as_deref().map(|more| &more.extensions)
    }

    /// What a transport or a hook put beside the response, to be changed.
    pub fn extensions_mut(&mut self) -> &mut http::Extensions {
        &mut self.more.get_or_insert_default().extensions
    }

    /// The trailer section that came behind the body, once the body was read to its end.
    pub fn trailers(&self) -> Option<&Headers> {
        self.more.as_deref()?.trailers.as_ref()
    }

    /// From just before the request was handed to the transport until the response's head was here.
    pub fn elapsed(&self) -> Duration {
        self.waited
    }

    /// The announced length of the body, in bytes; none where it is no number.
    pub fn content_length(&self) -> Option<u64> {
        let digits = self.head.headers.first("content-length")?;
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            number.checked_mul(10)?.checked_add(digit.into())
        });
        number.filter(|_| !digits.is_empty())
    }

    /// Its pieces, when hooks or the authentication have seen it.
    pub(crate) fn into_seen(self) -> (ResponseHead, Seen) {
        let mut seen = self.more.map_or_else(Seen::default, |more| Seen {
            extensions: more.extensions,
            received: more.received,
            interim: more.interim,
            ..Seen::default()
        });
        seen.waited = self.waited;
        seen.peer = self.peer;
        seen.stream = self.stream;
        (self.head, seen)
    }
}
