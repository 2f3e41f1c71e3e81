//! Where the requests go.

use crate::Outcome;
use crate::pieces::BIG;
use bytes::Bytes;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

/// A URL of the server's, taken apart for the clients that do not parse URLs.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// The authority: what the Host field says.
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) address: SocketAddr,
    /// HTTP/2 is spoken, from the first byte on.
    pub(crate) http2: bool,
    /// The PEM text of the authority to trust; https only.
    pub(crate) ca: Option<Vec<u8>>,
    body: Arc<OnceLock<Bytes>>,
}

impl Target {
    pub(crate) fn new(url: String, ca: Option<&str>, http2: bool) -> Outcome<Self> {
        let (scheme, rest) = url.split_once("://").ok_or("no URL")?;
        let (host, path) = rest.split_once('/').ok_or("a URL without a path")?;
        let ca = match (scheme, ca) {
            ("http", _) => None,
            ("https", Some(file)) => Some(std::fs::read(file)?),
            _ => return Err("an https URL needs --ca".into()),
        };
        Ok(Target {
            host: host.to_owned(),
            path: format!("/{path}"),
            address: host.parse()?,
            http2,
            ca,
            body: Arc::default(),
            url,
        })
    }

    /// 256 MiB in one piece, the same memory for every request.
    pub(crate) fn body(&self) -> Bytes {
        self.body
            .get_or_init(|| vec![b'.'; BIG as usize].into())
            .clone()
    }

    /// What rustls needs, the same for every client but ureq, which makes its own; ring is the
    /// provider for all of them.
    pub(crate) fn tls(&self) -> Outcome<Option<rustls::ClientConfig>> {
        self.ca.as_ref().map(|_| self.tls_always()).transpose()
    }

    /// As [`tls`](Self::tls), or for a plain URL one that trusts nobody.
    pub(crate) fn tls_always(&self) -> Outcome<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.ca.as_deref().unwrap_or_default()) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(config)
    }

    pub(crate) fn server_name(&self) -> ServerName<'static> {
        ServerName::IpAddress(self.address.ip().into())
    }
}
