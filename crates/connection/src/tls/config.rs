//! Making a `rustls::ClientConfig`: whom to trust, and with which provider.

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::sync::Arc;

/// The certificates that a server's chain may end in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Roots {
    /// Mozilla's roots, compiled in.
    #[cfg(feature = "webpki-roots")]
    Bundled,
    /// Only the certificates of this PEM text; nothing is added to them.
    Pem(Vec<u8>),
    /// **Any certificate of any server is accepted.** Nothing is authenticated: whoever stands
    /// between can read and change everything.
    DangerAcceptAny,
}

/// Why a TLS configuration could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// The text holds no certificate.
    NoCertificates,
    /// The text is not PEM, or a certificate in it cannot be read.
    BadPem(String),
    /// The crypto provider cannot do TLS 1.2 or 1.3.
    Provider(String),
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsConfigError::NoCertificates => {
                f.write_str("the CA bundle holds no certificate in PEM form")
            }
            TlsConfigError::BadPem(why) => write!(f, "the CA bundle cannot be read: {why}"),
            TlsConfigError::Provider(why) => write!(f, "the crypto provider does not fit: {why}"),
        }
    }
}

impl std::error::Error for TlsConfigError {}

/// A configuration with `roots` as the only trust, TLS 1.2 and 1.3, `alpn` offered in its order,
/// and no early data (0-RTT requests can be replayed by whoever records them).
///
/// # Errors
/// When `roots` holds no certificate that can be read, or `provider` offers no TLS version.
pub fn client_config(
    provider: Arc<CryptoProvider>,
    roots: &Roots,
    alpn: &[&[u8]],
) -> Result<ClientConfig, TlsConfigError> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| TlsConfigError::Provider(e.to_string()))?;
    let mut config = match roots {
        #[cfg(feature = "webpki-roots")]
        Roots::Bundled => {
            let store = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            builder.with_root_certificates(store).with_no_client_auth()
        }
        Roots::Pem(text) => builder
            .with_root_certificates(read_pem(text)?)
            .with_no_client_auth(),
        Roots::DangerAcceptAny => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny { provider }))
            .with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

fn read_pem(text: &[u8]) -> Result<RootCertStore, TlsConfigError> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|e| TlsConfigError::BadPem(e.to_string()))?;
        store
            .add(certificate)
            .map_err(|e| TlsConfigError::BadPem(e.to_string()))?;
    }
    if store.is_empty() {
        Err(TlsConfigError::NoCertificates)
    } else {
        Ok(store)
    }
}

/// Accepts every certificate; signatures are still checked, so that the peer at least holds the
/// key of the certificate that it shows.
#[derive(Debug)]
struct AcceptAny {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
