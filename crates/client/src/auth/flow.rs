//! Authentication schemes as machines: what a scheme of your own implements.

use crate::BoxFuture;
use crate::error::Error;
use crate::request::Request;
use crate::response::Response;

/// A scheme: it makes a flow for each request.
///
/// The flow decides and does no I/O of its own, so that it serves blocking and async clients alike:
/// what it wants to be sent, the client sends. A scheme that has to wait for something else (a file,
/// a lock that is held for long) has a blocking and an async variant: see [`AsyncAuthScheme`].
///
/// A token that is fetched anew when the server has had enough of it:
///
/// ```
/// use nuncio_client::auth::{AuthFlow, AuthScheme, AuthStep};
/// use nuncio_client::{Auth, Error, Kind, Method, Request, Response, StatusCode, Url};
/// use std::sync::{Arc, Mutex};
///
/// /// An access token, and the refresh token that gets the next one.
/// struct Refreshing {
///     token_url: Url,
///     refresh_token: String,
///     access_token: Arc<Mutex<String>>,
/// }
///
/// struct Flow {
///     fetch: Option<Request>,
///     access_token: Arc<Mutex<String>>,
///     state: State,
/// }
///
/// enum State { Fresh, Sent, Fetching, Sent2 }
///
/// impl AuthScheme for Refreshing {
///     // The new token stands in the body of the token endpoint's response.
///     fn needs_response_body(&self) -> bool {
///         true
///     }
///
///     fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
///         let mut fetch = Request::new(Method::POST, self.token_url.clone());
///         fetch.set_body(format!("grant_type=refresh_token&refresh_token={}", self.refresh_token));
///         Ok(Box::new(Flow {
///             fetch: Some(fetch),
///             access_token: Arc::clone(&self.access_token),
///             state: State::Fresh,
///         }))
///     }
/// }
///
/// impl Flow {
///     fn authorize(&self, request: &mut Request) -> Result<AuthStep, Error> {
///         let token = self.access_token.lock().unwrap();
///         Auth::bearer(&*token).apply(request)?;
///         Ok(AuthStep::Send)
///     }
/// }
///
/// impl AuthFlow for Flow {
///     fn step(&mut self, request: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error> {
///         match (&self.state, last) {
///             (State::Sent, Some(last)) if last.status() == StatusCode::UNAUTHORIZED => {
///                 self.state = State::Fetching;
///                 Ok(self.fetch.take().map_or(AuthStep::Done, AuthStep::send_other))
///             }
///             (State::Fetching, Some(last)) => {
///                 if last.status() != StatusCode::OK {
///                     return Err(Error::new(Kind::Status, "no new token"));
///                 }
///                 *self.access_token.lock().unwrap() = last.text().into_owned();
///                 self.state = State::Sent2;
///                 self.authorize(request)
///             }
///             (State::Fresh, _) => {
///                 self.state = State::Sent;
///                 self.authorize(request)
///             }
///             _ => Ok(AuthStep::Done),
///         }
///     }
/// }
///
/// let auth = Auth::scheme(Refreshing {
///     token_url: Url::parse("https://login.example.com/token").unwrap(),
///     refresh_token: "tGzv3JOkF0XG5Qx2TlKWIA".to_owned(),
///     access_token: Arc::new(Mutex::new("first".to_owned())),
/// });
/// # // The same, driven by hand.
/// # let (refresh, url) = ("r".to_owned(), Url::parse("https://api.example.com/").unwrap());
/// # let scheme = Refreshing {
/// #     token_url: Url::parse("https://login.example.com/token").unwrap(),
/// #     refresh_token: refresh,
/// #     access_token: Arc::new(Mutex::new("first".to_owned())),
/// # };
/// # let answer = |status, body: &'static str| {
/// #     let head = nuncio_client::Head::new(Method::GET, url.clone(), status, Default::default());
/// #     Response::new(head, body.into(), Default::default())
/// # };
/// # let mut request = Request::new(Method::GET, url.clone());
/// # let mut flow = scheme.start(&request).unwrap();
/// # assert!(matches!(flow.step(&mut request, None).unwrap(), AuthStep::Send));
/// # assert_eq!(request.headers().get("authorization").unwrap(), "Bearer first");
/// # let refused = answer(StatusCode::UNAUTHORIZED, "");
/// # let AuthStep::SendOther(fetch) = flow.step(&mut request, Some(&refused)).unwrap() else { panic!() };
/// # assert_eq!(fetch.url().as_str(), "https://login.example.com/token");
/// # assert_eq!(fetch.body().as_bytes().unwrap(), "grant_type=refresh_token&refresh_token=r");
/// # let token = answer(StatusCode::OK, "second");
/// # assert!(matches!(flow.step(&mut request, Some(&token)).unwrap(), AuthStep::Send));
/// # assert_eq!(request.headers().get("authorization").unwrap(), "Bearer second");
/// # assert!(matches!(flow.step(&mut request, Some(&refused)).unwrap(), AuthStep::Done));
/// # // The next request starts with the new token.
/// # let mut next = Request::new(Method::GET, url.clone());
/// # let mut flow = scheme.start(&next).unwrap();
/// # assert!(matches!(flow.step(&mut next, None).unwrap(), AuthStep::Send));
/// # assert_eq!(next.headers().get("authorization").unwrap(), "Bearer second");
/// # let fine = answer(StatusCode::OK, "");
/// # assert!(matches!(flow.step(&mut next, Some(&fine)).unwrap(), AuthStep::Done));
/// ```
pub trait AuthScheme: Send + Sync {
    /// The request's body is to be held in memory before the flow starts. Without this
    /// `request.body().as_bytes()` may be none.
    fn needs_request_body(&self) -> bool {
        false
    }

    /// The body of each response is to be read before the flow sees it. Without this it may be
    /// empty.
    fn needs_response_body(&self) -> bool {
        false
    }

    /// Starts a flow for `request`.
    ///
    /// # Errors
    /// They end the request before anything is sent.
    fn start(&self, request: &Request) -> Result<Box<dyn AuthFlow>, Error>;
}

/// One request's way through authentication, as a machine.
///
/// A token fetched in advance, with the client credentials grant of OAuth 2 (RFC 6749 section 4.4):
///
/// ```
/// use nuncio_client::auth::{AuthFlow, AuthScheme, AuthStep};
/// use nuncio_client::{Auth, Error, Kind, Method, Request, Response, StatusCode, Url};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Clone)]
/// struct ClientCredentials {
///     token_url: Url,
///     client: Auth,
///     token: Arc<Mutex<Option<Auth>>>,
/// }
///
/// struct Flow(ClientCredentials, State);
///
/// enum State { Fresh, Fetching, Sent }
///
/// impl AuthScheme for ClientCredentials {
///     fn needs_response_body(&self) -> bool {
///         true
///     }
///
///     fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
///         Ok(Box::new(Flow(self.clone(), State::Fresh)))
///     }
/// }
///
/// impl AuthFlow for Flow {
///     fn step(&mut self, request: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error> {
///         let Flow(scheme, state) = self;
///         let mut held = scheme.token.lock().unwrap();
///         if let (State::Fetching, Some(last)) = (&*state, last) {
///             if last.status() != StatusCode::OK {
///                 return Err(Error::new(Kind::Status, "the token endpoint gave no token"));
///             }
///             *held = Some(Auth::bearer(&*last.text()));
///         }
///         match (&*state, &*held) {
///             (State::Sent, _) => Ok(AuthStep::Done),
///             (_, Some(token)) => {
///                 token.apply(request)?;
///                 *state = State::Sent;
///                 Ok(AuthStep::Send)
///             }
///             (_, None) => {
///                 let mut fetch = Request::new(Method::POST, scheme.token_url.clone());
///                 fetch.set_body("grant_type=client_credentials");
///                 scheme.client.apply(&mut fetch)?;
///                 *state = State::Fetching;
///                 Ok(AuthStep::send_other(fetch))
///             }
///         }
///     }
/// }
///
/// let auth = Auth::scheme(ClientCredentials {
///     token_url: Url::parse("https://login.example.com/token").unwrap(),
///     client: Auth::basic("id", "secret"),
///     token: Arc::default(),
/// });
/// # // The same, driven by hand.
/// # let url = Url::parse("https://api.example.com/").unwrap();
/// # let scheme = ClientCredentials {
/// #     token_url: Url::parse("https://login.example.com/token").unwrap(),
/// #     client: Auth::basic("id", "secret"),
/// #     token: Arc::default(),
/// # };
/// # let answer = |status, body: &'static str| {
/// #     let head = nuncio_client::Head::new(Method::GET, url.clone(), status, Default::default());
/// #     Response::new(head, body.into(), Default::default())
/// # };
/// # let mut request = Request::new(Method::GET, url.clone());
/// # let mut flow = scheme.start(&request).unwrap();
/// # let AuthStep::SendOther(fetch) = flow.step(&mut request, None).unwrap() else { panic!() };
/// # assert_eq!(fetch.headers().get("authorization").unwrap(), "Basic aWQ6c2VjcmV0");
/// # let token = answer(StatusCode::OK, "2YotnFZFEjr1zCsicMWpAA");
/// # assert!(matches!(flow.step(&mut request, Some(&token)).unwrap(), AuthStep::Send));
/// # assert_eq!(request.headers().get("authorization").unwrap(), "Bearer 2YotnFZFEjr1zCsicMWpAA");
/// # let fine = answer(StatusCode::OK, "");
/// # assert!(matches!(flow.step(&mut request, Some(&fine)).unwrap(), AuthStep::Done));
/// # let mut next = Request::new(Method::GET, url.clone());
/// # let mut flow = scheme.start(&next).unwrap();
/// # assert!(matches!(flow.step(&mut next, None).unwrap(), AuthStep::Send));
/// # assert_eq!(next.headers().get("authorization").unwrap(), "Bearer 2YotnFZFEjr1zCsicMWpAA");
/// ```
pub trait AuthFlow: Send {
    /// Says what to do: first with `last` none, then with the final response, redirects done, to
    /// each request that it had sent. `request` stays the same one, with what the flow changed in
    /// it.
    ///
    /// # Errors
    /// They end the request.
    fn step(&mut self, request: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error>;

    /// `hop` is about to follow a redirect that stays on the origin: for schemes whose field holds
    /// for one target only, as Digest's does. What the redirect took away, crossing to another
    /// origin before for one, is not to be put back.
    ///
    /// # Errors
    /// They end the request.
    fn redirected(&mut self, hop: &mut Request) -> Result<(), Error> {
        let _ = hop;
        Ok(())
    }
}

/// What a flow wants next.
#[derive(Debug)]
pub enum AuthStep {
    /// Send the request as it stands now. Its body has to be held in memory, or be one that can be
    /// had again, to be sent a second time.
    Send,
    /// Send this other request, such as one for a token. None of the client's fields or parameters
    /// are added to it. Its response is the next `last`.
    SendOther(Box<Request>),
    /// The last response is the result.
    Done,
}

impl AuthStep {
    /// [`SendOther`](Self::SendOther), boxed.
    pub fn send_other(request: Request) -> Self {
        AuthStep::SendOther(Box::new(request))
    }
}

/// A scheme whose flows wait for something themselves, on async clients.
///
/// Use it for what the client cannot do for the flow: a file, an async lock, a helper process. A
/// scheme for both kinds of clients is an [`Auth::both`](super::Auth::both).
///
/// ```
/// use nuncio_client::auth::{AsyncAuthFlow, AsyncAuthScheme, AuthStep};
/// use nuncio_client::{Auth, BoxFuture, Error, Request, Response};
/// # async fn read_token() -> Result<String, Error> { Ok("t".to_owned()) }
///
/// struct TokenFile;
/// struct Flow;
///
/// impl AsyncAuthScheme for TokenFile {
///     fn start(&self, _request: &Request) -> Result<Box<dyn AsyncAuthFlow>, Error> {
///         Ok(Box::new(Flow))
///     }
/// }
///
/// impl AsyncAuthFlow for Flow {
///     fn step<'a>(
///         &'a mut self,
///         request: &'a mut Request,
///         last: Option<&'a Response>,
///     ) -> BoxFuture<'a, Result<AuthStep, Error>> {
///         Box::pin(async move {
///             if last.is_some() {
///                 return Ok(AuthStep::Done);
///             }
///             Auth::bearer(read_token().await?).apply(request)?;
///             Ok(AuthStep::Send)
///         })
///     }
/// }
///
/// let auth = Auth::async_scheme(TokenFile);
/// # let _ = auth;
/// ```
pub trait AsyncAuthScheme: Send + Sync {
    /// As [`AuthScheme::needs_request_body`].
    fn needs_request_body(&self) -> bool {
        false
    }

    /// As [`AuthScheme::needs_response_body`].
    fn needs_response_body(&self) -> bool {
        false
    }

    /// Starts a flow for `request`.
    ///
    /// # Errors
    /// They end the request before anything is sent.
    fn start(&self, request: &Request) -> Result<Box<dyn AsyncAuthFlow>, Error>;
}

/// [`AuthFlow`] for flows that wait themselves. Dropping the future ends the request.
pub trait AsyncAuthFlow: Send {
    /// As [`AuthFlow::step`].
    fn step<'a>(
        &'a mut self,
        request: &'a mut Request,
        last: Option<&'a Response>,
    ) -> BoxFuture<'a, Result<AuthStep, Error>>;

    /// As [`AuthFlow::redirected`].
    ///
    /// # Errors
    /// They end the request.
    fn redirected(&mut self, hop: &mut Request) -> Result<(), Error> {
        let _ = hop;
        Ok(())
    }
}
