//! What few requests ask for (BEHAVIOUR section 27): another name for the server to prove and another
//! request target than the URL's, and to be told what happens.

use crate::client::Driver;
use crate::error::Error;
#[cfg(feature = "tls")]
use crate::error::Kind;
use crate::request::{Owner, Request, RequestBuilder};
use nuncio_connection::{Error as ConnectionError, Event, EventSink, check_target};
use nuncio_url::Url;
use std::fmt;
#[cfg(feature = "tls")]
use std::sync::Arc;

/// What one request says in place of what its URL says.
#[derive(Clone, Default)]
pub(crate) struct Overrides {
    /// As certificates have it, in lower case.
    #[cfg(feature = "tls")]
    server_name: Option<Arc<str>>,
    target: Option<Box<str>>,
}

impl Overrides {
    #[cfg(feature = "tls")]
    fn set_server_name(&mut self, name: &str) -> Result<(), Error> {
        self.server_name = Some(legal_name(name)?);
        Ok(())
    }

    fn set_target(&mut self, target: String) -> Result<(), Error> {
        check_target(&target)
            .map_err(|error| Error::connection(ConnectionError::Local(error), false))?;
        self.target = Some(target.into());
        Ok(())
    }

    /// The request goes elsewhere: what was said of the old URL's resource does not hold there, nor
    /// another server's name at another origin.
    pub(crate) fn moved(&mut self, from: &Url, to: &Url) {
        self.target = None;
        #[cfg(feature = "tls")]
        if !from.same_origin(to) {
            self.server_name = None;
        }
        #[cfg(not(feature = "tls"))]
        let _ = (from, to);
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Overrides");
        #[cfg(feature = "tls")]
        shown.field("server_name", &self.server_name);
        // It may hold whatever a query may.
        let target = self.target.as_ref().map(|_| "[hidden]");
        shown.field("target", &target).finish()
    }
}

impl Request {
    /// The name that the server has to prove, where it is not that of the URL's host.
    #[cfg(feature = "tls")]
    pub fn server_name(&self) -> Option<&str> {
        let overrides = self.overrides()?;
        overrides.server_name.as_deref()
    }

    /// As [`RequestBuilder::server_name`].
    ///
    /// # Errors
    /// [`Kind::Builder`] where it is neither a DNS name nor an IP address; what was set before stays.
    #[cfg(feature = "tls")]
    pub fn set_server_name(&mut self, name: impl AsRef<str>) -> Result<(), Error> {
        let rare = self.options.rare_mut();
        rare.overrides.set_server_name(name.as_ref())
    }

    /// The request target that was given in place of the URL's.
    pub(crate) fn own_target(&self) -> Option<&str> {
        let overrides = self.overrides()?;
        overrides.target.as_deref()
    }

    /// As [`RequestBuilder::target`].
    ///
    /// # Errors
    /// [`Kind::LocalProtocol`](crate::Kind::LocalProtocol) for a byte that is no visible ASCII character,
    /// and for none at all; what was set before stays.
    pub fn set_target(&mut self, target: impl Into<String>) -> Result<(), Error> {
        self.options.rare_mut().overrides.set_target(target.into())
    }

    /// Who is told of this request.
    pub(crate) fn listener(&self) -> Option<&EventSink> {
        let rare = self.options.rare.as_deref()?;
        Some(&rare.listener).filter(|listener| listener.listens())
    }

    fn overrides(&self) -> Option<&Overrides> {
        self.options.rare.as_deref().map(|rare| &rare.overrides)
    }
}

impl<D: Driver, C: Owner<D>> RequestBuilder<D, C> {
    /// The name that is sent (SNI, RFC 6066 section 3) and that the server's certificate must hold, in
    /// place of the URL's host and of [`Tls::server_name`](crate::Tls::server_name): a DNS name, or an IP
    /// address, which is not sent. The `Host` field, the look-up and a proxy's own TLS stay as they are.
    ///
    /// Requests share a connection only where they want the same name of it. It goes with this request,
    /// and with redirects and challenges within the same origin; a redirect elsewhere drops it. Without
    /// https it does nothing.
    ///
    /// A name that is none is a mistake ([`Kind::Builder`]).
    #[cfg(feature = "tls")]
    pub fn server_name(self, name: impl AsRef<str>) -> Self {
        self.change_rare(|rare| rare.overrides.set_server_name(name.as_ref()))
    }

    /// The request target, sent as it is in place of the URL's path and query (RFC 9112 section 3.2): `*`
    /// for OPTIONS, an absolute URL, a path that is escaped otherwise. The URL says where it is sent.
    ///
    /// Digest authentication signs it, and a proxy that forwards is told it instead of the whole URL.
    /// Every redirect drops it. HTTP/2 has it as `:path`, which begins with a slash, or is `*` on OPTIONS
    /// (RFC 9113 section 8.3.1); what cannot be said there is an error.
    ///
    /// A byte that is no visible ASCII character, such as a space, is a mistake
    /// ([`Kind::LocalProtocol`](crate::Kind::LocalProtocol)), as is no target at all.
    pub fn target(self, target: impl Into<String>) -> Self {
        self.change_rare(|rare| rare.overrides.set_target(target.into()))
    }

    /// Tells `listener` what happens to this request, redirects and challenges included, as it happens
    /// and behind the client's own listener; it must not block. Of a connection that is made for it that
    /// includes all until it stands, and of a connection later this request's exchange alone: not that it
    /// is closed.
    pub fn on_event(self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.change_rare(|rare| {
            rare.listener = EventSink::new(listener);
            Ok(())
        })
    }
}

/// `name` as certificates have it: so that equal names are equal text.
#[cfg(feature = "tls")]
fn legal_name(name: &str) -> Result<Arc<str>, Error> {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    let bare = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    match rustls::pki_types::ServerName::try_from(bare.as_str()) {
        Ok(_) => Ok(bare.into()),
        Err(_) => {
            let text = format!("no valid TLS server name: {name:?}");
            Err(Error::new(Kind::Builder, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn request() -> Request {
        let url = Url::parse("https://h.example/a?b").unwrap();
        Request::new(Method::GET, url)
    }

    #[test]
    fn i03_only_what_ends_no_request_line_is_a_target() {
        let mut request = request();
        for byte in 0..=0x7f_u8 {
            let target = format!("/{}x", char::from(byte));
            let set = request.set_target(target.as_str());
            assert_eq!(set.is_ok(), byte.is_ascii_graphic(), "{byte:#x}");
            assert_eq!(request.target() == target, set.is_ok(), "{byte:#x}");
        }
        for target in ["", "/\u{10a}", "/\u{ff0a}", "/ HTTP/1.1\r\nX: y"] {
            let error = request.set_target(target).unwrap_err();
            assert_eq!(error.kind(), crate::Kind::LocalProtocol);
        }
    }

    #[test]
    fn a_target_ends_with_the_url_it_was_given_for() {
        let mut request = request();
        assert_eq!(request.target(), "/a?b");
        request.set_target("*").unwrap();
        assert_eq!(request.try_clone().unwrap().target(), "*");
        assert!(!format!("{request:?}").contains('*'));
        request.set_url(Url::parse("https://h.example/c").unwrap());
        assert_eq!(request.target(), "/c");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_server_name_is_one_and_stays_at_its_origin() {
        let mut request = request();
        for (name, known) in [
            ("Internal.Example.", "internal.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:DB8::1]", "2001:db8::1"),
        ] {
            request.set_server_name(name).unwrap();
            assert_eq!(request.server_name(), Some(known));
        }
        for name in ["", "a b", "a\r\nb", "a/b", "a:1", "ä", "."] {
            let error = request.set_server_name(name).unwrap_err();
            assert_eq!(error.kind(), Kind::Builder, "{name:?}");
        }
        request.set_url(Url::parse("https://h.example:443/other").unwrap());
        assert_eq!(request.server_name(), Some("2001:db8::1"));
        request.set_url(Url::parse("https://h.example:444/").unwrap());
        assert_eq!(request.server_name(), None);
    }
}
