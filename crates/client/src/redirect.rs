//! Redirects: whether to follow one, and what the next request then is.
//!
//! Rules: BEHAVIOUR section 15 (RFC 9110 section 15.4), SECURITY table R and its first two rulings.

use crate::error::{Error, Kind};
use crate::request::Request;
use crate::response::told_location;
use http::{Method, StatusCode};
use nuncio_headers::Headers;
use nuncio_url::Url;
use std::fmt;
use std::sync::Arc;

/// What a client does when it is sent elsewhere. The default follows nothing, as httpx does.
///
/// A redirect to another origin (scheme, host or port) takes along `Accept`, `Accept-Language`,
/// `Accept-Encoding`, `User-Agent` and `Connection`, what describes the body if that is sent again,
/// and what [`headers`](Self::headers) names. Nothing else: credentials and fields of the caller's
/// own stay where they were meant for, and do not come back with a later hop. One exception, which
/// is httpx's: from http to https on the same host, both on their default ports, `Authorization` is
/// kept.
///
/// ```
/// # use nuncio_client::Redirects;
/// let redirects = Redirects::follow().limit(5).headers(["X-Request-Id"]);
/// assert!(redirects.is_followed());
/// ```
#[derive(Clone)]
pub struct Redirects {
    pub(crate) follow: bool,
    pub(crate) limit: usize,
    pub(crate) referer: bool,
    headers: Arc<[String]>,
    schemes: Arc<[String]>,
    hook: Option<Hook>,
}

type Hook = Arc<dyn Fn(&mut Redirect<'_>) -> Result<RedirectAction, Error> + Send + Sync>;

/// One redirect about to be followed, shown to the hook of [`Redirects::hook`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Redirect<'a> {
    /// The status that sent us elsewhere: 301, 302, 303, 307 or 308.
    pub status: StatusCode,
    /// Where that came from.
    pub from: &'a Url,
    /// The fields of the response that said so.
    pub headers: &'a Headers,
    /// How many responses came before that one for the same request.
    pub earlier: usize,
    /// The request that would be sent next; it may be changed. If it is sent to yet another origin,
    /// the fields that may not go there are taken out again.
    pub next: &'a mut Request,
}

/// What a hook decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectAction {
    /// Go on with the next request.
    Follow,
    /// Give the redirect itself to the caller.
    Stop,
}

impl Default for Redirects {
    fn default() -> Self {
        Self::none()
    }
}

impl Redirects {
    /// Follows none: a redirect is a response like another, with a
    /// [`next_request`](crate::Head::next_request).
    pub fn none() -> Self {
        Redirects {
            follow: false,
            limit: 20,
            referer: false,
            headers: Arc::new([]),
            schemes: Arc::new([]),
            hook: None,
        }
    }

    /// Follows up to 20.
    pub fn follow() -> Self {
        Redirects {
            follow: true,
            ..Self::none()
        }
    }

    /// How many are followed, answers to challenges included; one more is an error of
    /// [`Kind::TooManyRedirects`]. Default 20.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Fields of the caller's that may go to other origins too. Default none.
    pub fn headers(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.headers = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the next request says where it was sent from, in `Referer`: without credentials and
    /// fragment, and not from https to http. Default no.
    pub fn referer(mut self, referer: bool) -> Self {
        self.referer = referer;
        self
    }

    /// Schemes other than http and https to which a redirect may lead, where a mount serves them.
    /// Default none.
    pub fn schemes(mut self, schemes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let lower = |scheme: String| scheme.to_ascii_lowercase();
        self.schemes = schemes.into_iter().map(Into::into).map(lower).collect();
        self
    }

    /// Shows every redirect to `hook` before it is followed. An error that it gives ends the
    /// request.
    pub fn hook(
        mut self,
        hook: impl Fn(&mut Redirect<'_>) -> Result<RedirectAction, Error> + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Whether redirects are followed.
    pub fn is_followed(&self) -> bool {
        self.follow
    }

    /// How many are followed.
    pub fn max(&self) -> usize {
        self.limit
    }

    /// Asks the hook, which may change what is sent next.
    pub(crate) fn ask(&self, redirect: &mut Redirect<'_>) -> Result<RedirectAction, Error> {
        let Some(hook) = &self.hook else {
            return Ok(RedirectAction::Follow);
        };
        let planned = redirect.next.url().clone();
        let before = redirect.next.headers().clone();
        let action = hook(redirect)?;
        let next = &mut *redirect.next;
        if !next.url().same_origin(&planned) {
            // What the hook added is meant for where it leads; what was there was not.
            let mut kept = self.carried(&planned, next.url(), &before, true);
            for (name, value) in next.headers() {
                let old = before.get_all(name).any(|known| known == value);
                if !old {
                    let _ = kept.append(name, value);
                }
            }
            *next.headers_mut() = kept;
            next.write_host();
        }
        Ok(action)
    }
}

impl fmt::Debug for Redirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirects")
            .field("follow", &self.follow)
            .field("limit", &self.limit)
            .field("referer", &self.referer)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// Whether a response with this status and these fields sends elsewhere.
pub(crate) fn is_redirect(status: u16, headers: &Headers) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308) && headers.contains("location")
}

/// What is asked next, but for its body and cookies.
pub(crate) struct Plan {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) keeps_body: bool,
}

impl Redirects {
    /// What `status` and `answer` make of the request for `url`.
    pub(crate) fn plan(
        &self,
        method: &Method,
        url: &Url,
        sent: &Headers,
        status: u16,
        answer: &Headers,
    ) -> Result<Plan, Error> {
        let next = self.location(url, answer)?;
        let next_method = next_method(method, status);
        let keeps_body = next_method == *method;
        let mut headers = self.carried(url, &next, sent, keeps_body);
        let illegal = |error| Error::other(Kind::RemoteProtocol, error);
        // One Host for what is dialled and what is said (SECURITY R18, ruling 7).
        if next.netloc().is_empty() {
            headers.remove("host");
        } else {
            headers.insert("Host", next.netloc()).map_err(illegal)?;
        }
        if self.referer {
            headers.remove("referer");
            if let Some(referer) = referer(url, &next) {
                headers.append("Referer", referer).map_err(illegal)?;
            }
        }
        Ok(Plan {
            method: next_method,
            url: next,
            headers,
            keeps_body,
        })
    }

    fn location(&self, base: &Url, answer: &Headers) -> Result<Url, Error> {
        let mut values = answer.get_all("location");
        let location = values.next().unwrap_or_default();
        if values.any(|other| other != location) {
            let text = "the redirect names two different locations";
            return Err(Error::new(Kind::RemoteProtocol, text));
        }
        let text = answer.decode(location);
        let mut url = join(base, &text).map_err(|error| {
            let text = format!(
                "invalid URL in the Location field, '{}': {error}",
                told_location(&text, base)
            );
            Error::new(Kind::RemoteProtocol, text)
        })?;
        let known = matches!(url.scheme(), "http" | "https");
        if !known && !self.schemes.iter().any(|scheme| scheme == url.scheme()) {
            let kind = if url.has_opaque_path() {
                Kind::RemoteProtocol
            } else {
                Kind::UnsupportedProtocol
            };
            let scheme = url.scheme();
            let text = format!("the redirect leads to the scheme '{scheme}', not http or https");
            return Err(Error::new(kind, text));
        }
        let ours = url.username() == base.username() && url.password() == base.password();
        if !ours || !url.same_origin(base) {
            // A peer has no credentials to give, nor ours to move (SECURITY R12).
            let _ = url.set_username("");
            let _ = url.set_password("");
        }
        if url.fragment().unwrap_or_default().is_empty()
            && let Some(fragment) = base.fragment()
        {
            let _ = url.set_hash(fragment);
        }
        Ok(url)
    }

    /// The fields that go along.
    pub(crate) fn carried(
        &self,
        from: &Url,
        to: &Url,
        sent: &Headers,
        keeps_body: bool,
    ) -> Headers {
        let same = from.same_origin(to);
        let upgrade = is_upgrade(from, to);
        let mut kept = Headers::with_capacity(sent.len() + 1, sent.as_wire().len());
        for (name, value) in sent {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let of_body = is("transfer-encoding")
                || is("expect")
                || name
                    .get(..8)
                    .is_some_and(|start| start.eq_ignore_ascii_case("content-"));
            let goes = if is("cookie") {
                false
            } else if of_body {
                keeps_body
            } else if same {
                true
            } else {
                CARRIED.iter().any(|carried| is(carried))
                    || (upgrade && is("authorization"))
                    || self.headers.iter().any(|named| is(named))
            };
            if goes {
                // It was legal where it comes from.
                let _ = kept.append(name, value);
            }
        }
        kept
    }
}

/// What goes along to any origin (SECURITY, ruling 2). `Host` is there to keep its place.
const CARRIED: [&str; 6] = [
    "host",
    "accept",
    "accept-language",
    "accept-encoding",
    "user-agent",
    "connection",
];

/// From http to https on the same host, both on their default ports.
fn is_upgrade(from: &Url, to: &Url) -> bool {
    from.scheme() == "http"
        && to.scheme() == "https"
        && from.host_str() == to.host_str()
        && from.port_or_default() == Some(80)
        && to.port_or_default() == Some(443)
}

/// Resolves what a Location field says. One that has a scheme and no host means the host asked.
fn join(base: &Url, location: &str) -> Result<Url, nuncio_url::ParseError> {
    match base.join(location) {
        Ok(url) => Ok(url),
        Err(error) => {
            let lower = location.trim().to_ascii_lowercase();
            let Some(scheme) = ["https", "http"].into_iter().find(|scheme| {
                lower
                    .strip_prefix(scheme)
                    .is_some_and(|rest| rest.starts_with(':'))
            }) else {
                return Err(error);
            };
            let rest = location.trim().get(scheme.len() + 1..).unwrap_or_default();
            let rest = rest.strip_prefix("//").unwrap_or(rest);
            let hostless = rest.is_empty() || rest.starts_with([':', '/', '?', '#']);
            if !hostless {
                return Err(error);
            }
            Url::parse(&format!("{scheme}://{}{rest}", base.host_str()))
        }
    }
}

/// BEHAVIOUR section 15.1.
fn next_method(method: &Method, status: u16) -> Method {
    let to_get = match status {
        301 => *method == Method::POST,
        302 | 303 => *method != Method::HEAD,
        _ => false,
    };
    if to_get { Method::GET } else { method.clone() }
}

/// The URL that a next request was sent from, as far as it may be told.
fn referer(from: &Url, to: &Url) -> Option<String> {
    if from.scheme() == "https" && to.scheme() != "https" {
        return None;
    }
    Some(format!(
        "{}://{}{}",
        from.scheme(),
        from.netloc(),
        from.raw_path()
    ))
}
