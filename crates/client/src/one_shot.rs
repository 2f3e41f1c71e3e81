//! One request without a client at hand.

use crate::client::{Client, Driver, parse_method};
use crate::error::Error;
use crate::request::{Owner, RequestBuilder};
use crate::settings::{ClientBuilder, parse_absolute};
use http::Method;

/// What becomes a client for one request (BEHAVIOUR section 2.1): made by an adapter's functions
/// `get`, `post` and the rest. Its request builder has, beside the usual, what otherwise is a client's.
pub struct OneShot<D: Driver> {
    builder: ClientBuilder<D>,
}

impl<D: Driver> Owner<D> for OneShot<D> {
    fn into_client(self) -> Result<Client<D>, Error> {
        self.builder.build()
    }
}

/// A request with a client of its own, on a driver that is started with `context`: what the
/// functions of an adapter are made of. `method` is a token.
pub fn one_shot<D: Driver>(
    context: D::Context,
    method: impl AsRef<[u8]>,
    url: impl AsRef<str>,
) -> RequestBuilder<D, OneShot<D>> {
    let owner = OneShot {
        builder: ClientBuilder::new(context),
    };
    let method: Result<Method, Error> = parse_method(method.as_ref());
    RequestBuilder::new(owner, method, parse_absolute(url.as_ref()))
}

impl<D: Driver> RequestBuilder<D, OneShot<D>> {
    /// Changes the client that will be made for this request: TLS, limits, hooks, whatever a
    /// [`ClientBuilder`] has.
    pub fn client(mut self, change: impl FnOnce(ClientBuilder<D>) -> ClientBuilder<D>) -> Self {
        self.owner.builder = change(self.owner.builder);
        self
    }

    /// The jar that cookies come from and go to. Those of [`cookie`](Self::cookie) go with the first
    /// request only, and not with what follows a redirect.
    pub fn cookies(self, jar: crate::CookieJar) -> Self {
        self.client(|client| client.cookies(jar))
    }

    /// As [`ClientBuilder::trust_env`].
    pub fn trust_env(self, trust: bool) -> Self {
        self.client(|client| client.trust_env(trust))
    }

    /// Trusts the certificates of this PEM text, and no others.
    #[cfg(feature = "tls")]
    pub fn root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        self.client(|client| client.root_certificates(pem))
    }

    /// As [`ClientBuilder::danger_accept_invalid_certs`].
    #[cfg(feature = "tls")]
    pub fn danger_accept_invalid_certs(self, accept: bool) -> Self {
        self.client(|client| client.danger_accept_invalid_certs(accept))
    }
}

/// The functions of an adapter: `get(url)` and the rest, each a request with a client of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! one_shot_functions {
    ($driver:ty, $context:expr) => {
        $crate::one_shot_functions! { $driver, $context;
            get "GET", head "HEAD", post "POST", put "PUT", delete "DELETE", options "OPTIONS",
            patch "PATCH"
        }

        /// One request with any method, on a client of its own.
        pub fn request(
            method: impl AsRef<[u8]>,
            url: impl AsRef<str>,
        ) -> $crate::RequestBuilder<$driver, $crate::OneShot<$driver>> {
            $crate::one_shot::<$driver>($context, method, url)
        }
    };
    ($driver:ty, $context:expr; $($name:ident $method:literal),*) => {$(
        #[doc = concat!("One ", $method, " request, on a client of its own.")]
        pub fn $name(
            url: impl AsRef<str>,
        ) -> $crate::RequestBuilder<$driver, $crate::OneShot<$driver>> {
            $crate::one_shot::<$driver>($context, $method, url)
        }
    )*};
}
