//! The builder of requests, and how what it was told is merged with what the client says.

use super::{Choice, Options, Rare, Request};
use crate::auth::Auth;
use crate::body::Body;
use crate::client::{Client, Driver};
use crate::error::{Error, Kind};
use crate::multipart::Form;
use crate::payload::Payload;
use crate::proxy::Proxy;
use crate::redirect::Redirects;
use crate::settings::Settings;
use crate::timeout::Timeout;
use http::Method;
use nuncio_content::Budget;
use nuncio_headers::Headers;
use nuncio_url::{QueryParams, Url};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::SystemTime;

/// Builds a request on a client, and sends it.
///
/// Mistakes are kept until [`build`](Self::build), [`send`](Self::send) or
/// [`stream`](Self::stream), which report the first one before anything is sent.
///
/// `C` is the client, or what will make one just for this request: a [`OneShot`](crate::OneShot).
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder<D: Driver, C: Owner<D> = Client<D>> {
    pub(crate) owner: C,
    draft: Result<Draft, Error>,
    driver: PhantomData<D>,
}

/// What a request is built for: a client, or what becomes one.
pub trait Owner<D: Driver> {
    /// The client.
    ///
    /// # Errors
    /// When it cannot be built.
    fn into_client(self) -> Result<Client<D>, Error>;
}

impl<D: Driver> Owner<D> for Client<D> {
    fn into_client(self) -> Result<Client<D>, Error> {
        Ok(self)
    }
}

struct Draft {
    method: Method,
    url: Url,
    headers: Headers,
    params: QueryParams,
    payload: Option<Payload>,
    #[cfg(feature = "compress")]
    coding: Option<nuncio_content::Coding>,
    options: Options,
}

impl<D: Driver, C: Owner<D>> RequestBuilder<D, C> {
    pub(crate) fn new(owner: C, method: Result<Method, Error>, url: Result<Url, Error>) -> Self {
        let draft = method.and_then(|method| {
            let url = url?;
            Ok(Draft {
                method,
                url,
                headers: Headers::new(),
                params: QueryParams::default(),
                payload: None,
                #[cfg(feature = "compress")]
                coding: None,
                options: Options::default(),
            })
        });
        RequestBuilder {
            owner,
            draft,
            driver: PhantomData,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Draft) -> Result<(), Error>) -> Self {
        if let Ok(draft) = &mut self.draft
            && let Err(error) = change(draft)
        {
            self.draft = Err(error);
        }
        self
    }

    pub(crate) fn change_rare(self, change: impl FnOnce(&mut Rare) -> Result<(), Error>) -> Self {
        self.change(|draft| change(draft.options.rare_mut()))
    }

    /// Adds a field. Fields given here replace the client's of the same name; the same name given
    /// twice is sent twice.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.change(|draft| {
            draft
                .headers
                .append(name, value)
                .map_err(|e| Error::other(Kind::LocalProtocol, e))
        })
    }

    /// Adds all fields of `headers`, as [`header`](Self::header) does.
    pub fn headers(self, headers: &Headers) -> Self {
        self.change(|draft| {
            for (name, value) in headers {
                let added = draft.headers.append(name, value);
                added.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
            }
            Ok(())
        })
    }

    /// Adds pairs to the URL's query, behind what stands there, form-encoded. They replace the
    /// client's of the same name.
    pub fn query(self, params: impl Into<QueryParams>) -> Self {
        self.change(|draft| {
            let params = params.into();
            if draft.params.is_empty() {
                draft.params = params;
            } else {
                for (name, value) in params.pairs() {
                    draft.params = draft.params.with_added(name, value);
                }
            }
            Ok(())
        })
    }

    /// The body: bytes, text, or a [`Body`] that is read as it is sent.
    ///
    /// A request has one kind of body: a second one, but for files beside a form, is a mistake.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.payload(Payload::Given {
            body: body.into(),
            content_type: None,
            kind: "body",
        })
    }

    /// A form as the body: `application/x-www-form-urlencoded`, or with
    /// [`multipart`](Self::multipart) the fields of that. [`QueryParams::from_lists`] makes fields of
    /// lists of values. A form without a field is no body.
    pub fn form(self, fields: impl Into<QueryParams>) -> Self {
        self.payload(Payload::Form(fields.into()))
    }

    /// A form with files as the body: `multipart/form-data`. A boundary in a Content-Type of the
    /// caller's is used; a `multipart/form-data` there without one gets one.
    pub fn multipart(self, form: Form) -> Self {
        self.payload(Payload::Multipart { fields: None, form })
    }

    /// `value` as JSON, as the body: compact, UTF-8, `application/json`. NaN and the infinities,
    /// which JSON does not have, are a mistake.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        match crate::json::to_vec(value) {
            Ok(text) => self.payload(Payload::Given {
                body: text.into(),
                content_type: Some("application/json"),
                kind: "json",
            }),
            Err(error) => self.change(|_| Err(error)),
        }
    }

    /// Sends the body compressed, and says so in `Content-Encoding`. The server has to know that
    /// coding, which nothing tells beforehand. A body of no bytes stays as it is; one that is read
    /// as it is sent is a mistake, as is a `Content-Encoding` of the caller's.
    #[cfg(feature = "compress")]
    pub fn compress(self, coding: nuncio_content::Coding) -> Self {
        self.change(|draft| {
            draft.coding = Some(coding);
            Ok(())
        })
    }

    fn payload(self, payload: Payload) -> Self {
        self.change(|draft| {
            draft.payload = Some(match draft.payload.take() {
                Some(first) => first.and(payload)?,
                None => payload,
            });
            Ok(())
        })
    }

    /// The limits for this request, in place of the client's.
    pub fn timeout(self, timeout: impl Into<Timeout>) -> Self {
        self.change_rare(|rare| {
            rare.timeout = Some(timeout.into());
            Ok(())
        })
    }

    /// Whether redirects of this request are followed, whatever the client does.
    pub fn follow_redirects(self, follow: bool) -> Self {
        self.change_rare(|rare| {
            rare.follow = Some(follow);
            Ok(())
        })
    }

    /// What to do with redirects of this request, in place of what the client does.
    pub fn redirects(self, redirects: Redirects) -> Self {
        self.change_rare(|rare| {
            rare.redirects = Some(redirects);
            Ok(())
        })
    }

    /// How this request authenticates, in place of what the client does: a pair of user and password
    /// for Basic, or an [`Auth`].
    pub fn auth(self, auth: impl Into<Auth>) -> Self {
        self.change_rare(|rare| {
            let auth = auth.into();
            auth.check()?;
            rare.auth = Choice::Is(auth);
            Ok(())
        })
    }

    /// The proxy that this request goes through, and what follows its redirects, whatever the client
    /// does. It goes before mounts and transports too.
    pub fn proxy(self, proxy: impl Into<Proxy>) -> Self {
        self.change_rare(|rare| {
            let proxy = proxy.into();
            proxy.check()?;
            rare.proxy = Choice::Is(proxy);
            Ok(())
        })
    }

    /// No proxy for this request, and for what follows its redirects, whatever the client does.
    pub fn no_proxy(self) -> Self {
        self.change_rare(|rare| {
            rare.proxy = Choice::Off;
            Ok(())
        })
    }

    /// Whether the content codings of the response are undone, whatever the client does.
    pub fn decode(self, decode: bool) -> Self {
        self.change_rare(|rare| {
            rare.decoding.decode = Some(decode);
            Ok(())
        })
    }

    /// No authentication by the client's means. What stands in the URL still counts.
    pub fn no_auth(self) -> Self {
        self.change_rare(|rare| {
            rare.auth = Choice::Off;
            Ok(())
        })
    }

    /// How much may come out of the response's body where that is coded, in place of what the client
    /// allows.
    pub fn max_decoded(self, budget: Budget) -> Self {
        self.change_rare(|rare| {
            rare.decoding.budget = Some(budget);
            Ok(())
        })
    }

    /// Adds a cookie to this request alone: it is not kept, and not sent again after a redirect. Where
    /// the jar has one of the same name for every host, it takes its place.
    pub fn cookie(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.change_rare(|rare| {
            rare.cookies.push((name.into(), value.into()));
            Ok(())
        })
    }

    /// How many codings the response's body may have, in place of what the client allows.
    pub fn max_codings(self, limit: usize) -> Self {
        self.change_rare(|rare| {
            rare.decoding.max_codings = Some(limit);
            Ok(())
        })
    }

    /// Says `Expect: 100-continue`, and holds the body back until the server agrees to take it, answers,
    /// or has said nothing for a second ([`Timeout::expect_continue`]); RFC 9110 section 10.1.1. After a
    /// refusal nothing of the body is sent, and its source is not asked. A server that does not know
    /// the expectation (417) gets the request once more without it, if the body can be had again.
    ///
    /// Without a body nothing is said. The field given as a header does the same.
    pub fn expect_continue(self) -> Self {
        self.change_rare(|rare| {
            rare.expect_continue = true;
            Ok(())
        })
    }

    /// Something to travel with the request without being sent: for hooks and transports.
    pub fn extension<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.change_rare(|rare| {
            rare.extensions.insert(value);
            Ok(())
        })
    }

    /// The request as it would be sent.
    ///
    /// # Errors
    /// The first mistake that was made while building it.
    pub fn build(self) -> Result<Request, Error> {
        self.finish().and_then(|(_, request)| request)
    }

    /// The client, if there is one, and the request or the first mistake in it.
    fn finish(self) -> Result<(Client<D>, Result<Request, Error>), Error> {
        let RequestBuilder { owner, draft, .. } = self;
        let client = owner.into_client()?;
        let request = draft.and_then(|draft| draft.finish(client.settings(), D::wall_clock));
        Ok((client, request))
    }

    /// Sends the request and reads the whole response.
    pub fn send(self) -> D::Send {
        match self.finish() {
            Ok((client, request)) => client.driver().send(client.settings(), request),
            Err(error) => D::send_failed(error),
        }
    }

    /// Sends the request and gives the response as soon as its head is there; its body is read as
    /// it is pulled.
    pub fn stream(self) -> D::Stream {
        match self.finish() {
            Ok((client, request)) => client.driver().stream(client.settings(), request),
            Err(error) => D::stream_failed(error),
        }
    }
}

impl Draft {
    /// The order of BEHAVIOUR section 7: Host, the client's fields, the request's, the body's.
    fn finish(self, settings: &Settings, wall_clock: fn() -> SystemTime) -> Result<Request, Error> {
        let Draft {
            method,
            url,
            headers: own,
            params,
            payload,
            #[cfg(feature = "compress")]
            coding,
            mut options,
        } = self;
        let at_base = settings.is_at_base(&url);
        let defaults = if at_base {
            Cow::Borrowed(&settings.headers)
        } else {
            // What may be a credential stays where base_url is: what goes elsewhere is what a
            // redirect would take there (SECURITY R17, ruling 2).
            let base = settings.base_url.as_ref().unwrap_or(&url);
            let mut headers = settings
                .redirects
                .carried(base, &url, &settings.headers, true);
            // Nor is it an upgrade of ours.
            for name in ["host", "authorization"] {
                headers.remove(name);
            }
            Cow::Owned(headers)
        };
        let defaults = &*defaults;
        if !settings.extensions.is_empty() {
            let rare = options.rare_mut();
            let own = std::mem::replace(&mut rare.extensions, settings.extensions.clone());
            rare.extensions.extend(own);
        }
        let cookies = match &mut options.rare {
            Some(rare) => std::mem::take(&mut rare.cookies),
            None => Vec::new(),
        };
        let mut request = Request {
            headers: Headers::with_capacity(8 + own.len(), 320),
            method,
            url,
            body: Body::empty(),
            options,
        };
        if !settings.params.is_empty() || !params.is_empty() {
            request.add_query(settings.params.merged(params))?;
        }
        // Host goes first, whoever gives it (RFC 9110 section 7.2). Two of them are refused where the
        // request is sent, so none is dropped here.
        let given = [&own, defaults].into_iter().find(|it| it.contains("host"));
        match given {
            None => request.write_host(),
            Some(fields) => {
                let is_host = |name: &str| name.eq_ignore_ascii_case("host");
                for (name, value) in fields.iter().filter(|(name, _)| is_host(name)) {
                    let added = request.headers.append(name, value);
                    added.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
                }
            }
        }
        let framed = own.contains("content-length") || own.contains("transfer-encoding");
        let bare = match &payload {
            None => true,
            Some(payload) => payload.is_empty(),
        };
        if bare && !framed {
            request.announce_body();
        }
        for fields in [defaults, &own] {
            let without_host;
            let fields = if given.is_some() && fields.contains("host") {
                let mut rest = fields.clone();
                rest.remove("host");
                without_host = rest;
                &without_host
            } else {
                fields
            };
            let added = request.headers.update(fields);
            added.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
        }
        if !cookies.is_empty() || settings.cookies.is_occupied() {
            request.write_cookies(settings, cookies, wall_clock())?;
        }
        if let Some(payload) = payload {
            let encoded = payload.encode(&request.headers)?;
            request.body = encoded.body;
            #[cfg(feature = "compress")]
            if let Some(coding) = coding {
                crate::compress::apply(coding, &mut request.body, &mut request.headers)?;
            }
            request.announce_body();
            if let Some(content_type) = encoded.content_type {
                let set = request.headers.insert("Content-Type", content_type);
                set.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
            }
        }
        request.write_expectation()?;
        Ok(request)
    }
}

impl<D: Driver, C: Owner<D>> fmt::Debug for RequestBuilder<D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.draft {
            Ok(draft) => f
                .debug_struct("RequestBuilder")
                .field("method", &draft.method)
                .field("url", &draft.url)
                .field("headers", &draft.headers)
                .finish_non_exhaustive(),
            Err(error) => f.debug_tuple("RequestBuilder").field(error).finish(),
        }
    }
}
