//! What a byte string means: the options of a client, requests made on it, and the answers that they
//! get.
//!
//! Eight bytes of options, then lines. The first line has the URLs, with spaces between; one behind an
//! `@` is the base URL. The rest is answers with an empty line between them: a status, then fields,
//! then lines without a colon, which are the body. Behind the status a digit says how often the body
//! is doubled, and an `r` that it has to be asked for.

use super::secrets;
use bytes::Bytes;
use nuncio_client::auth::{AuthFlow, AuthScheme, AuthStep};
use nuncio_client::{
    Auth, Body, BodyStream, ClientBuilder, Driver, Error, Headers, Kind, Method, Netrc,
    RedirectAction, Redirects, Reply, Request, RequestBuilder, Response, StatusCode, Url,
};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) follow: bool,
    pub(crate) referer: bool,
    /// Whether X-Api-Key may go to other origins.
    pub(crate) carries_key: bool,
    pub(crate) https_only: bool,
    /// Whether what is secret belongs to the client, or to each request.
    pub(crate) client_level: bool,
    pub(crate) cookie_store: bool,
    pub(crate) request_cookie: bool,
    pub(crate) is_async: bool,
    /// Whether the transport reads the requests' bodies, and gives their sources back.
    pub(crate) reads_bodies: bool,
    /// Whether the answers begin anew after the last.
    pub(crate) cycles: bool,
    pub(crate) request_hook: bool,
    pub(crate) decode: bool,
    pub(crate) limit: usize,
    pub(crate) means: Means,
    pub(crate) payload: Payload,
    pub(crate) method: Method,
    pub(crate) hook: Hook,
    /// When to drop a call, of 256 parts of its steps.
    pub(crate) drop_at: u8,
    pub(crate) base: Option<String>,
    pub(crate) urls: Vec<String>,
    pub(crate) answers: Vec<Answer>,
}

/// How requests authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    None,
    Field,
    Basic,
    Bearer,
    Digest,
    /// A scheme that reads bodies and answers every 401, twice.
    Again,
    UrlCredentials,
    Netrc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    None,
    Bytes,
    /// Read once, its length not known.
    Reader,
    Seekable,
    Factory,
    /// Gives less than it announces.
    Short,
    Form,
    /// Read once, its length in a field of the caller's.
    Announced,
}

/// What the redirect hook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    None,
    /// Leads the second redirect elsewhere.
    Rewrite,
    /// Stops at the second redirect.
    Stop,
    /// Fails at the second redirect.
    Fail,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
    pub(crate) is_read: bool,
}

/// Where [`Hook::Rewrite`] leads.
pub(crate) const REWRITTEN: &str = "http://rewritten.example/there";

pub(crate) const BODY: &str = "the body of the request";

impl Scenario {
    pub(crate) fn decode(data: &[u8]) -> Option<Self> {
        let (options, text) = data.split_at_checked(8)?;
        let &[how, more, limit, means, payload, method, drop_at, hook] = options else {
            return None;
        };
        let is = |byte: u8, bit: u8| byte & (1 << bit) != 0;
        let mut lines = text.split(|byte| *byte == b'\n');
        let first = String::from_utf8_lossy(lines.next()?).into_owned();
        let (bases, urls): (Vec<_>, Vec<_>) =
            first.split(' ').partition(|word| word.starts_with('@'));
        let method = match method & 7 {
            0 => Method::GET,
            1 => Method::HEAD,
            2 => Method::POST,
            3 => Method::PUT,
            4 => Method::DELETE,
            5 => Method::OPTIONS,
            6 => Method::PATCH,
            _ => Method::from_bytes(b"QUERY").unwrap(),
        };
        let lines: Vec<&[u8]> = lines.collect();
        Some(Scenario {
            follow: is(how, 0),
            referer: is(how, 1),
            carries_key: is(how, 2),
            https_only: is(how, 3),
            is_async: is(how, 6),
            client_level: is(more, 0),
            cookie_store: !is(more, 1),
            request_cookie: is(more, 2),
            reads_bodies: is(more, 3),
            cycles: is(more, 6),
            request_hook: is(hook, 2),
            decode: !is(hook, 3),
            limit: usize::from(limit & 15),
            means: match means & 7 {
                0 => Means::None,
                1 => Means::Field,
                2 => Means::Basic,
                3 => Means::Bearer,
                4 => Means::Digest,
                5 => Means::Again,
                6 => Means::UrlCredentials,
                _ => Means::Netrc,
            },
            payload: match payload & 7 {
                0 => Payload::None,
                1 => Payload::Bytes,
                2 => Payload::Reader,
                3 => Payload::Seekable,
                4 => Payload::Factory,
                5 => Payload::Short,
                6 => Payload::Form,
                _ => Payload::Announced,
            },
            method,
            hook: match hook & 3 {
                0 => Hook::None,
                1 => Hook::Rewrite,
                2 => Hook::Stop,
                _ => Hook::Fail,
            },
            drop_at,
            base: bases.first().map(|word| word[1..].to_owned()),
            urls: urls.iter().take(3).map(|url| (*url).to_owned()).collect(),
            answers: lines
                .split(|line| line.is_empty())
                .filter(|block| !block.is_empty())
                .take(20)
                .map(Answer::decode)
                .collect(),
        })
    }

    /// A client's builder with the options, but for what carries its requests.
    pub(crate) fn client<D: Driver<Context = ()>>(&self) -> Result<ClientBuilder<D>, Error> {
        let mut redirects = Redirects::none().limit(self.limit).referer(self.referer);
        if self.carries_key {
            redirects = redirects.headers(["x-api-key"]);
        }
        let hook = self.hook;
        if hook != Hook::None {
            redirects = redirects.hook(move |redirect| {
                if redirect.earlier != 1 {
                    return Ok(RedirectAction::Follow);
                }
                match hook {
                    Hook::None => {}
                    Hook::Rewrite => redirect.next.set_url(Url::parse(REWRITTEN).unwrap()),
                    Hook::Stop => return Ok(RedirectAction::Stop),
                    Hook::Fail => return Err(Error::new(Kind::Usage, "the hook fails")),
                }
                Ok(RedirectAction::Follow)
            });
        }
        let mut builder = ClientBuilder::new(())
            .redirects(redirects)
            .follow_redirects(self.follow)
            .https_only(self.https_only)
            .cookie_store(self.cookie_store)
            .decode(self.decode);
        if let Some(base) = &self.base {
            // Bound to the host of the base URL.
            builder = builder.base_url(base).cookie("jar", secrets::JAR);
        }
        if self.request_hook {
            builder = builder.on_request(|_| Ok(()));
            builder = builder.on_response(|_| Ok(()));
        }
        if self.client_level {
            builder = builder.header("X-Api-Key", secrets::KEY);
            builder = match self.means {
                Means::None | Means::UrlCredentials => builder,
                Means::Field => builder.header("Authorization", secrets::TOKEN),
                other => builder.auth(other.auth()),
            };
        }
        Ok(builder)
    }

    /// What `builder`'s request is to be like.
    pub(crate) fn request<D: Driver>(&self, mut builder: RequestBuilder<D>) -> RequestBuilder<D> {
        if !self.client_level {
            builder = builder.header("X-Api-Key", secrets::KEY);
            builder = match self.means {
                Means::None | Means::UrlCredentials => builder,
                Means::Field => builder.header("Authorization", secrets::TOKEN),
                other => builder.auth(other.auth()),
            };
        }
        if self.request_cookie {
            builder = builder.cookie("own", secrets::COOKIE);
        }
        let length = BODY.len() as u64;
        let body = |again, length| match self.is_async {
            true => Body::stream(Pieces::new(BODY.as_bytes(), again), length),
            false if again => Body::seekable(io::Cursor::new(BODY), length),
            false => Body::reader(BODY.as_bytes(), length),
        };
        match self.payload {
            Payload::None => builder,
            Payload::Bytes => builder.body(BODY).header("Content-Type", "text/plain"),
            Payload::Reader => builder.body(body(false, None)),
            Payload::Seekable => builder.body(body(true, Some(length))),
            Payload::Factory => builder.body(Body::factory(|| Ok(Body::from(BODY)), Some(length))),
            Payload::Short => builder.body(body(false, Some(length + 1))),
            Payload::Form => builder.form([("name", BODY)]),
            Payload::Announced => builder
                .body(body(false, None))
                .header("Content-Length", length.to_string()),
        }
    }
}

/// A stream of some pieces.
struct Pieces {
    all: Vec<Bytes>,
    given: usize,
    again: bool,
}

impl Pieces {
    fn new(bytes: &[u8], again: bool) -> Self {
        let size = bytes.len().div_ceil(4).max(1);
        let all = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
        Pieces {
            all,
            given: 0,
            again,
        }
    }
}

impl BodyStream for Pieces {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let next = self.all.get(self.given).cloned();
        self.given += 1;
        Poll::Ready(next.map(Ok))
    }

    fn restart(mut self: Pin<&mut Self>) -> bool {
        self.given = 0;
        self.again
    }
}

impl Answer {
    fn decode(block: &[&[u8]]) -> Self {
        let (first, rest) = block.split_first().unwrap();
        let digits = first
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let status = match digits.and_then(|digits| digits.parse().ok()) {
            Some(status @ 200..=999) => status,
            _ => match first[0] % 6 {
                0 => 302,
                1 => 307,
                2 => 401,
                3 => 301,
                4 => 303,
                _ => 200,
            },
        };
        let (mut fields, mut body) = (Vec::new(), Vec::new());
        for line in rest {
            match line.iter().position(|byte| *byte == b':') {
                Some(colon) => {
                    let name = String::from_utf8_lossy(&line[..colon]).into_owned();
                    fields.push((name, line[colon + 1..].trim_ascii().to_vec()));
                }
                None => body.extend_from_slice(line),
            }
        }
        let behind = first.get(3..).unwrap_or_default();
        let digit = behind.iter().find(|byte| byte.is_ascii_digit());
        let doubled = digit.map_or(0, |digit| 2 * (digit - b'0')).min(14);
        // As long as matters: more than is drained of a body that is not the last.
        let times = (1 << doubled).min(80 * 1024 / body.len().max(1)).max(1);
        Answer {
            status,
            fields,
            body: body.repeat(times).into(),
            is_read: behind.contains(&b'r'),
        }
    }

    /// As a transport's reply.
    pub(crate) fn reply(&self, is_async: bool) -> Reply {
        let mut reply = Reply::new(self.status);
        *reply.headers_mut() = self.headers();
        if !self.is_read {
            return reply.body(self.body.clone());
        }
        let pieces = Pieces::new(&self.body, false);
        reply.body(match is_async {
            true => Body::stream(pieces, None),
            false => Body::pieces(pieces.all),
        })
    }

    fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in &self.fields {
            // What is no field is left out: there would be no reply.
            let _ = headers.append(name, value);
        }
        headers
    }

    /// What stands in a field, if it is there once.
    pub(crate) fn only(&self, name: &str) -> Option<String> {
        let reply = self.reply(true);
        let mut values = reply.headers().get_all(name);
        let value = values.next()?;
        values
            .next()
            .is_none()
            .then(|| reply.headers().decode(value).into_owned())
    }

    /// Whether it sends elsewhere.
    pub(crate) fn is_redirect(&self) -> bool {
        let leads = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        leads && self.headers().contains("location")
    }
}

impl Means {
    fn auth(self) -> Auth {
        match self {
            Means::Basic => Auth::basic(secrets::USER, secrets::PASSWORD),
            Means::Digest => Auth::digest(secrets::USER, secrets::PASSWORD),
            Means::Again => Auth::scheme(Again),
            Means::Netrc => {
                let (user, password) = (secrets::USER, secrets::PASSWORD);
                let file = format!("default login {user} password {password}");
                Auth::netrc(Netrc::parse(file).unwrap())
            }
            Means::Bearer | Means::None | Means::Field | Means::UrlCredentials => {
                Auth::bearer(secrets::TOKEN)
            }
        }
    }

    /// Whether a 401 may be answered.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Means::Digest | Means::Again)
    }
}

struct Again;

impl AuthScheme for Again {
    fn needs_response_body(&self) -> bool {
        true
    }

    fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
        Ok(Box::new(AgainFlow { sent: 0 }))
    }
}

struct AgainFlow {
    sent: usize,
}

impl AuthFlow for AgainFlow {
    fn step(&mut self, request: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error> {
        let refused = last.is_none_or(|last| last.status() == StatusCode::UNAUTHORIZED);
        if !refused || self.sent == 3 {
            return Ok(AuthStep::Done);
        }
        self.sent += 1;
        Auth::bearer(secrets::TOKEN).apply(request)?;
        Ok(AuthStep::Send)
    }
}
