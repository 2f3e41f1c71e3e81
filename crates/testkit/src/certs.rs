//! A certificate authority made on the fly, and good and bad server certificates.
//!
//! ```
//! use nuncio_testkit::certs::{Authority, Fault};
//! let authority = Authority::new();
//! let good = authority.leaf();                   // localhost, 127.0.0.1 and ::1
//! let bad = authority.faulty_leaf(Fault::Expired);
//! assert!(authority.pem().starts_with("-----BEGIN CERTIFICATE-----"));
//! let config = good.server_config(&["http/1.1"]);
//! assert_eq!(config.alpn_protocols, [b"http/1.1"]);
//! assert_ne!(good.chain_pem(), bad.chain_pem());
//! ```

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, SupportedProtocolVersion,
    WantsVerifier,
};

/// The names and addresses that a good leaf is valid for.
pub const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its time ended in 2021.
    Expired,
    /// Its time starts in 2090.
    NotYetValid,
    /// It is for `other.example` only.
    WrongHost,
    /// It signed itself; no authority is behind it.
    SelfSigned,
    /// It is good in itself, but an authority that nobody trusts signed it.
    UnknownAuthority,
}

impl Fault {
    /// Every fault there is.
    pub const ALL: [Self; 5] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongHost,
        Self::SelfSigned,
        Self::UnknownAuthority,
    ];
}

/// A certificate authority, and its key, that lives as long as this value.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a new key (ECDSA P-256).
    pub fn new() -> Self {
        Self::named("nuncio test authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("a signature");
        Self { issuer }
    }

    /// The authority's certificate as PEM, for a client that reads a bundle.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's certificate as DER.
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A root store with this authority in it and no other.
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).expect("a certificate of our own");
        roots
    }

    /// A client configuration that trusts this authority and offers `alpn`.
    pub fn client_config(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = protocols(alpn);
        Arc::new(config)
    }

    /// A good certificate for [`LOOPBACK_NAMES`], valid until 2090.
    pub fn leaf(&self) -> Leaf {
        self.leaf_for(&LOOPBACK_NAMES)
    }

    /// A good certificate for the names and IP addresses given.
    pub fn leaf_for(&self, names: &[&str]) -> Leaf {
        self.sign(leaf_params(names))
    }

    /// A certificate for a client, which servers that [ask](Leaf::asking_server_config) accept.
    pub fn client_leaf(&self) -> Leaf {
        let mut params = leaf_params(&["client.example"]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// A certificate whose subject is `common_name`, and that names nothing else.
    pub fn leaf_without_names(&self, common_name: &str) -> Leaf {
        let mut params = leaf_params(&[]);
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        self.sign(params)
    }

    /// A certificate for [`LOOPBACK_NAMES`] that a client has to refuse.
    pub fn faulty_leaf(&self, fault: Fault) -> Leaf {
        let mut params = leaf_params(&LOOPBACK_NAMES);
        match fault {
            Fault::Expired => params.not_after = date_time_ymd(2021, 1, 1),
            Fault::NotYetValid => {
                params.not_before = date_time_ymd(2090, 1, 1);
                params.not_after = date_time_ymd(2091, 1, 1);
            }
            Fault::WrongHost => params = leaf_params(&["other.example"]),
            Fault::SelfSigned => {
                let key = new_key();
                let certificate = params.self_signed(&key).expect("a signature");
                return Leaf::new(certificate, &key);
            }
            Fault::UnknownAuthority => return Self::named("an unknown authority").sign(params),
        }
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Leaf {
        let key = new_key();
        let certificate = params.signed_by(&key, &self.issuer).expect("a signature");
        Leaf::new(certificate, &key)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// A server's certificate and its key.
pub struct Leaf {
    certificate: Certificate,
    key_der: PrivateKeyDer<'static>,
    key_pem: String,
}

impl Leaf {
    fn new(certificate: Certificate, key: &KeyPair) -> Self {
        let key_der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Self {
            certificate,
            key_der,
            key_pem: key.serialize_pem(),
        }
    }

    /// The certificate as DER.
    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// The chain as PEM, as a server sends it: the leaf alone, since the root issued it.
    pub fn chain_pem(&self) -> String {
        self.certificate.pem()
    }

    /// The private key as DER (PKCS#8).
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        self.key_der.clone_key()
    }

    /// The private key as PEM (PKCS#8).
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A server configuration (TLS 1.2 and 1.3, ring) that offers `alpn`; none when empty.
    pub fn server_config(&self, alpn: &[&str]) -> Arc<ServerConfig> {
        self.server_config_of(rustls::ALL_VERSIONS, alpn)
    }

    /// The same, with these versions only.
    pub fn server_config_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
    ) -> Arc<ServerConfig> {
        let builder = server_builder(versions).with_no_client_auth();
        self.finish(builder, alpn)
    }

    /// The same, for clients that show a certificate of `authority` and for no others.
    pub fn asking_server_config(
        &self,
        authority: CertificateDer<'static>,
        alpn: &[&str],
    ) -> Arc<ServerConfig> {
        self.asking_server_config_of(rustls::ALL_VERSIONS, authority, alpn)
    }

    /// The same, with these versions only.
    pub fn asking_server_config_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        authority: CertificateDer<'static>,
        alpn: &[&str],
    ) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(authority).expect("a certificate");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .expect("a root");
        let builder = server_builder(versions).with_client_cert_verifier(verifier);
        self.finish(builder, alpn)
    }

    fn finish(
        &self,
        builder: ConfigBuilder<ServerConfig, WantsServerCert>,
        alpn: &[&str],
    ) -> Arc<ServerConfig> {
        let mut config = builder
            .with_single_cert(vec![self.der()], self.key_der())
            .expect("a key that fits the certificate");
        config.alpn_protocols = protocols(alpn);
        Arc::new(config)
    }
}

fn server_builder(
    versions: &[&'static SupportedProtocolVersion],
) -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .expect("ring speaks TLS 1.2 and 1.3")
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn protocols(alpn: &[&str]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn leaf_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let common_name = names.first().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(names).expect("names that fit a certificate");
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}
