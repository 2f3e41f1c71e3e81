//! How TLS is spoken: whom to trust, who we are, which versions, by which provider.

use crate::environment::Environment;
use crate::error::{Error, Kind};
use nuncio_connection::{Roots, TlsConfig, TlsConfigError, TlsVersion};
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How TLS is spoken, with servers or with a proxy.
///
/// The default trusts Mozilla's roots, which are compiled in, shows no certificate, and speaks TLS
/// 1.2 and 1.3. Certificates that are given are trusted in place of those, never beside them.
///
/// ```no_run
/// use nuncio_client::{Identity, Tls, TlsVersion};
///
/// let tls = Tls::new()
///     .root_certificates_file("/etc/internal/ca.pem")
///     .identity(Identity::file("client.pem").key_file("client.key").password("secret"))
///     .min_version(TlsVersion::Tls13);
/// ```
///
/// Files are read when the client is built; what is wrong with them is that call's error.
#[derive(Clone, Default)]
pub struct Tls {
    trust: Trust,
    identity: Option<Identity>,
    provider: Option<Arc<CryptoProvider>>,
    min_version: TlsVersion,
    server_name: Option<Arc<str>>,
    key_log: Option<Arc<dyn rustls::KeyLog>>,
}

#[derive(Clone, Default)]
enum Trust {
    /// Mozilla's roots, or those of `SSL_CERT_FILE` with `trust_env`.
    #[default]
    Bundled,
    These(Text),
    Verifier(Arc<dyn ServerCertVerifier>),
    DangerAcceptAny,
    Config(Arc<rustls::ClientConfig>),
}

/// PEM text, or where to find it.
#[derive(Clone)]
enum Text {
    Given(Vec<u8>),
    /// A file, or a folder of files.
    At(PathBuf),
}

impl Tls {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificates of this PEM text, and no others: what was trusted before is not.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust = Trust::These(Text::Given(pem.into()));
        self
    }

    /// Trusts the certificates in the PEM file at `path`, or in all files of the folder there, and no
    /// others: what was trusted before is not.
    pub fn root_certificates_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.trust = Trust::These(Text::At(path.into()));
        self
    }

    /// Leaves it to `verifier` whom to trust: to the operating system's, for instance.
    pub fn verifier(mut self, verifier: Arc<dyn ServerCertVerifier>) -> Self {
        self.trust = Trust::Verifier(verifier);
        self
    }

    /// **Accepts every certificate of every server.** Whoever stands between can read and change
    /// everything. For tests against servers of one's own.
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        match (accept, &self.trust) {
            (true, _) => self.trust = Trust::DangerAcceptAny,
            (false, Trust::DangerAcceptAny) => self.trust = Trust::Bundled,
            (false, _) => {}
        }
        self
    }

    /// Uses this rustls configuration as it is, and nothing else of what is set here but the
    /// [server name](Self::server_name). Where HTTP/2 is asked for and the configuration names no
    /// ALPN protocols, it offers those.
    pub fn config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.trust = Trust::Config(config.into());
        self
    }

    /// Shows this certificate to servers that ask who the client is.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// The oldest version that is spoken. Default TLS 1.2.
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }

    /// The name that is sent (SNI) and that the certificate must hold, in place of the URL's host.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into().into());
        self
    }

    /// What does the cryptography. Default ring, or AWS-LC where that alone is compiled in.
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Tells `log` the secrets of every session: whoever has them can decrypt recorded traffic.
    /// `rustls::KeyLogFile` writes them to the file that `SSLKEYLOGFILE` names.
    pub fn key_log(mut self, log: Arc<dyn rustls::KeyLog>) -> Self {
        self.key_log = Some(log);
        self
    }

    /// The configuration that connections are made with. What `trusted` says holds where nothing
    /// was said about it here.
    pub(crate) fn build(
        &self,
        alpn: &[&[u8]],
        environment: Environment,
        trust_env: bool,
    ) -> Result<Arc<rustls::ClientConfig>, Error> {
        let alpn: Vec<Vec<u8>> = alpn.iter().map(|name| name.to_vec()).collect();
        let trusted = trust_env.then_some(environment);
        let roots = match &self.trust {
            Trust::Config(config) => return Ok(with_alpn(config, alpn)),
            Trust::Bundled => match trusted.map(Environment::certificates).transpose()? {
                Some(Some(pem)) => Roots::Pem(pem),
                _ => Roots::Bundled,
            },
            Trust::These(text) => {
                let mut all = Vec::new();
                text.append_to(&mut all, environment, "root certificates")?;
                Roots::Pem(all)
            }
            Trust::Verifier(verifier) => Roots::Verifier(Arc::clone(verifier)),
            Trust::DangerAcceptAny => Roots::DangerAcceptAny,
        };
        let provider = self
            .provider
            .clone()
            .or_else(nuncio_connection::default_provider)
            .ok_or_else(|| {
                let text = "no crypto provider: the features 'ring' and 'aws-lc' are off, and none was given";
                Error::new(Kind::Builder, text)
            })?;
        let verified = !matches!(roots, Roots::DangerAcceptAny);
        let mut config = TlsConfig::new(provider, roots);
        config.identity = match &self.identity {
            Some(identity) => Some(identity.read(environment)?),
            None => None,
        };
        config.min_version = self.min_version;
        config.alpn = alpn;
        config.key_log = self.key_log.clone().or_else(|| {
            let told = trusted.is_some_and(Environment::wants_key_log) && verified;
            told.then(|| Arc::new(rustls::KeyLogFile::new()) as Arc<dyn rustls::KeyLog>)
        });
        let config = config.build().map_err(|error| self.blame(error))?;
        Ok(Arc::new(config))
    }

    /// The name to be verified in place of the host's, if there is one.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.server_name.as_ref()
    }

    /// Says where a fault was found.
    fn blame(&self, error: TlsConfigError) -> Error {
        let of = match (&error, &self.trust) {
            (TlsConfigError::Identity(_), _) => "client certificate",
            (TlsConfigError::Provider(_), _) => "TLS",
            (_, Trust::These(text)) => return blame("root certificates", text, &error),
            (_, Trust::Bundled) => "SSL_CERT_FILE or SSL_CERT_DIR",
            _ => "TLS",
        };
        Error::new(Kind::Builder, format!("{of}: {error}"))
    }
}

fn blame(of: &str, text: &Text, error: &TlsConfigError) -> Error {
    let text = match text.name() {
        Some(name) => format!("{of} ({name}): {error}"),
        None => format!("{of}: {error}"),
    };
    Error::new(Kind::Builder, text)
}

/// `config` itself if it says what to offer, or nothing is to be offered but what goes without
/// saying.
fn with_alpn(config: &Arc<rustls::ClientConfig>, alpn: Vec<Vec<u8>>) -> Arc<rustls::ClientConfig> {
    if !config.alpn_protocols.is_empty() || alpn == [b"http/1.1"] {
        return Arc::clone(config);
    }
    let mut config = rustls::ClientConfig::clone(config);
    config.alpn_protocols = alpn;
    Arc::new(config)
}

impl Text {
    fn append_to(&self, all: &mut Vec<u8>, files: Environment, of: &str) -> Result<(), Error> {
        match self {
            Text::Given(text) => all.extend_from_slice(text),
            Text::At(path) => {
                // A folder cannot be read, but listed.
                let listed = (files.list)(path).ok();
                for file in listed.as_deref().unwrap_or(std::slice::from_ref(path)) {
                    let text = (files.read)(file).map_err(|error| unreadable(of, file, &error))?;
                    all.extend_from_slice(&text);
                    all.push(b'\n');
                }
            }
        }
        all.push(b'\n');
        Ok(())
    }

    fn name(&self) -> Option<String> {
        match self {
            Text::Given(_) => None,
            Text::At(path) => Some(format!("'{}'", path.display())),
        }
    }
}

fn unreadable(of: &str, path: &Path, error: &std::io::Error) -> Error {
    let text = format!("{of}: '{}' cannot be read: {error}", path.display());
    Error::new(Kind::Builder, text)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trust = match &self.trust {
            Trust::Bundled => "bundled roots",
            Trust::These(_) => "given roots",
            Trust::Verifier(_) => "a verifier",
            Trust::DangerAcceptAny => "ANYBODY",
            Trust::Config(_) => "a rustls configuration",
        };
        f.debug_struct("Tls")
            .field("trust", &trust)
            .field("identity", &self.identity)
            .field("min_version", &self.min_version)
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// What a client shows to servers that ask who it is: its certificate, followed by those that lead
/// to a root that they know, and the private key that belongs to it. All of it is PEM, in memory or
/// in files; the key may stand in the same text as the certificates.
#[derive(Clone)]
pub struct Identity {
    certificate: Text,
    key: Option<Text>,
    password: Option<zeroize::Zeroizing<Vec<u8>>>,
}

impl Identity {
    /// The certificates of this PEM text, and its private key unless [`key`](Self::key) gives
    /// another.
    pub fn pem(text: impl Into<Vec<u8>>) -> Self {
        Self::from(Text::Given(text.into()))
    }

    /// The certificates in the PEM file at `path`, and its private key unless
    /// [`key_file`](Self::key_file) names another.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::from(Text::At(path.into()))
    }

    fn from(certificate: Text) -> Self {
        Identity {
            certificate,
            key: None,
            password: None,
        }
    }

    /// The private key in this PEM text: PKCS #8, PKCS #1 or SEC1.
    pub fn key(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.key = Some(Text::Given(pem.into()));
        self
    }

    /// The private key in the PEM file at `path`.
    pub fn key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key = Some(Text::At(path.into()));
        self
    }

    /// What decrypts the private key, where that is encrypted (PKCS #8; feature `encrypted-keys`).
    pub fn password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.password = Some(password.as_ref().to_vec().into());
        self
    }

    fn read(&self, files: Environment) -> Result<nuncio_connection::Identity, Error> {
        const CERTIFICATE: &str = "client certificate";
        const KEY: &str = "client certificate's key";
        let mut certificate = zeroize::Zeroizing::new(Vec::new());
        self.certificate
            .append_to(&mut certificate, files, CERTIFICATE)?;
        let mut key = zeroize::Zeroizing::new(Vec::new());
        match &self.key {
            Some(text) => text.append_to(&mut key, files, KEY)?,
            None => key.extend_from_slice(&certificate),
        }
        let password = self.password.as_ref().map(|password| password.as_slice());
        nuncio_connection::Identity::from_pem(&certificate, &key, password).map_err(|error| {
            let of_certificate = matches!(
                error,
                TlsConfigError::NoCertificates | TlsConfigError::BadPem(_)
            );
            match (&self.key, of_certificate) {
                (Some(key), false) => blame(KEY, key, &error),
                (_, false) => blame(KEY, &self.certificate, &error),
                (_, true) => blame(CERTIFICATE, &self.certificate, &error),
            }
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.certificate.name() {
            Some(name) => write!(f, "Identity({name})"),
            None => f.write_str("Identity(in memory)"),
        }
    }
}
