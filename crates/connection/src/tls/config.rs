//! Making a `rustls::ClientConfig`: whom to trust, who we are, which versions, which provider.

use super::identity::Identity;
use rustls::RootCertStore;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, KeyLog, SupportedProtocolVersion};
use std::fmt;
use std::sync::Arc;

/// What a server's chain of certificates is held against.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Roots {
    /// Mozilla's roots, compiled in.
    #[cfg(feature = "webpki-roots")]
    Bundled,
    /// Only the certificates of this PEM text; nothing is added to them.
    Pem(Vec<u8>),
    /// Whatever this verifier says: the operating system's, for instance.
    Verifier(Arc<dyn ServerCertVerifier>),
    /// **Any certificate of any server is accepted.** Nothing is authenticated: whoever stands
    /// between can read and change everything.
    DangerAcceptAny,
}

/// A version of TLS. Older ones are not spoken (RFC 8996).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsVersion::Tls12 => "TLS 1.2",
            TlsVersion::Tls13 => "TLS 1.3",
        })
    }
}

/// Why a TLS configuration could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// The text holds no certificate.
    NoCertificates,
    /// The text is not PEM, or a certificate in it cannot be read.
    BadPem(String),
    /// The text holds no private key.
    NoKey,
    /// The private key cannot be read.
    BadKey(&'static str),
    /// The private key is encrypted, and there is no password for it.
    KeyNeedsPassword,
    /// The private key is encrypted, and the password is not the one, or the key is damaged.
    WrongPassword,
    /// The private key is encrypted in a way that is not understood: with a cipher of another age,
    /// or the feature `encrypted-keys` is off.
    KeyEncryption(String),
    /// Certificate and private key do not belong together, or the provider cannot sign with it.
    Identity(String),
    /// The crypto provider cannot do the TLS versions that are asked for.
    Provider(String),
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsConfigError::NoCertificates => f.write_str("there is no certificate in PEM form"),
            TlsConfigError::BadPem(why) => write!(f, "the certificates cannot be read: {why}"),
            TlsConfigError::NoKey => f.write_str("there is no private key in PEM form"),
            TlsConfigError::BadKey(why) => write!(f, "the private key cannot be read: {why}"),
            TlsConfigError::KeyNeedsPassword => {
                f.write_str("the private key is encrypted, and no password was given")
            }
            TlsConfigError::WrongPassword => {
                f.write_str("the password does not decrypt the private key")
            }
            TlsConfigError::KeyEncryption(why) => {
                write!(f, "the private key's encryption is not supported: {why}")
            }
            TlsConfigError::Identity(why) => {
                write!(f, "certificate and private key cannot be used: {why}")
            }
            TlsConfigError::Provider(why) => write!(f, "the crypto provider does not fit: {why}"),
        }
    }
}

impl std::error::Error for TlsConfigError {}

/// What a [`rustls::ClientConfig`] of ours is made of.
///
/// TLS 1.2 and 1.3 are spoken, and no early data is sent (0-RTT requests can be replayed by whoever
/// records them). Sessions are resumed among the connections of one configuration, and by no other:
/// what was verified under one policy is not believed under another (SECURITY T5).
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// What does the cryptography.
    pub provider: Arc<CryptoProvider>,
    /// Whom to trust.
    pub roots: Roots,
    /// What is shown to servers that ask who we are.
    pub identity: Option<Identity>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// Who is told the secrets of each session, for looking into recorded traffic.
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// The protocols offered, the preferred one first (RFC 7301).
    pub alpn: Vec<Vec<u8>>,
}

impl TlsConfig {
    /// `roots` as the only trust, and nothing else that is particular.
    pub fn new(provider: Arc<CryptoProvider>, roots: Roots) -> Self {
        TlsConfig {
            provider,
            roots,
            identity: None,
            min_version: TlsVersion::default(),
            key_log: None,
            alpn: Vec::new(),
        }
    }

    /// The configuration.
    ///
    /// # Errors
    /// When the roots hold no certificate that can be read, the identity's halves do not belong
    /// together, or the provider offers no version that is asked for.
    pub fn build(self) -> Result<ClientConfig, TlsConfigError> {
        let both: [&'static SupportedProtocolVersion; 2] =
            [&rustls::version::TLS13, &rustls::version::TLS12];
        let versions = match self.min_version {
            TlsVersion::Tls12 => both.as_slice(),
            TlsVersion::Tls13 => both.split_at(1).0,
        };
        let provider = self.provider;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(|e| TlsConfigError::Provider(e.to_string()))?;
        let builder = match self.roots {
            #[cfg(feature = "webpki-roots")]
            Roots::Bundled => {
                let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
                builder.with_root_certificates(RootCertStore::from_iter(roots))
            }
            Roots::Pem(text) => builder.with_root_certificates(read_pem(&text)?),
            Roots::Verifier(verifier) => builder
                .dangerous()
                .with_custom_certificate_verifier(verifier),
            Roots::DangerAcceptAny => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAny { provider })),
        };
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.into_parts();
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|e| TlsConfigError::Identity(e.to_string()))?
            }
        };
        config.alpn_protocols = self.alpn;
        if let Some(key_log) = self.key_log {
            config.key_log = key_log;
        }
        Ok(config)
    }
}

fn read_pem(text: &[u8]) -> Result<RootCertStore, TlsConfigError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(text)? {
        store
            .add(certificate)
            .map_err(|e| TlsConfigError::BadPem(e.to_string()))?;
    }
    Ok(store)
}

/// The certificates of a PEM text; other blocks in it are passed over.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let all = all.map_err(|e| TlsConfigError::BadPem(e.to_string()))?;
    if all.is_empty() {
        return Err(TlsConfigError::NoCertificates);
    }
    Ok(all)
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
