//! Whom a client trusts does not depend on the way there (SECURITY X6).

use nuncio::tls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use nuncio::tls::rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use nuncio::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use nuncio::tls::rustls::version::{TLS12, TLS13};
use nuncio::tls::rustls::{DigitallySignedStruct, Error as TlsError, SignatureScheme};
use nuncio::tls::{Identity, Tls, ring};
use nuncio::{Kind, Proxy};
use nuncio_client::ClientBuilder;
use nuncio_testkit::certs::{Authority, Fault, Leaf};
use nuncio_testkit::proxy;
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::sync::Arc;

/// The ways to an origin.
struct Ways {
    plain: proxy::Proxy,
    secure: proxy::Proxy,
    /// Who vouches for the secure one.
    proxys: Authority,
}

impl Ways {
    fn new() -> Self {
        let proxys = Authority::new();
        let config = proxys.leaf().server_config(&["http/1.1"]);
        Ways {
            plain: proxy::Proxy::start(),
            secure: proxy::Proxy::builder().tls(config).start(),
            proxys,
        }
    }

    /// Straight there first.
    fn all(&self) -> [Option<Proxy>; 5] {
        let secure = Proxy::new(self.secure.url());
        [
            None,
            Some(Proxy::new(self.plain.url())),
            Some(secure.root_certificates(self.proxys.pem())),
            Some(Proxy::new(self.plain.url_as("socks5"))),
            Some(Proxy::new(self.plain.url_as("socks4a"))),
        ]
    }
}

fn by<A: Adapter>(adapter: &A, way: &Option<Proxy>) -> ClientBuilder<A::Driver> {
    match way {
        Some(proxy) => adapter.builder().proxy(proxy),
        None => adapter.builder(),
    }
}

fn identity(leaf: &Leaf) -> Identity {
    Identity::pem(leaf.chain_pem() + leaf.key_pem())
}

behaviour!(x06_a_certificate_is_judged_alike_on_every_way);
fn x06_a_certificate_is_judged_alike_on_every_way<A: Adapter>(adapter: &A) {
    let (authority, ways) = (Authority::new(), Ways::new());
    for way in &ways.all() {
        let builder = || by(adapter, way);
        let careful = builder()
            .root_certificates(authority.pem())
            .build()
            .unwrap();
        let careless = builder().danger_accept_invalid_certs(true).build().unwrap();
        let strange = builder()
            .tls_config(Authority::new().client_config(&["http/1.1"]))
            .build()
            .unwrap();
        let good = Server::https(&authority.leaf());
        let url = good.url("/json");
        assert_eq!(adapter.send(careful.get(&url)).unwrap().status(), 200);
        let error = adapter.send(strange.get(&url)).unwrap_err();
        assert_eq!(
            (error.kind(), error.proxy()),
            (Kind::Connect, None),
            "{way:?}"
        );
        for fault in Fault::ALL {
            let server = Server::https(&authority.faulty_leaf(fault));
            let url = server.url("/json");
            let error = adapter.send(careful.get(&url)).unwrap_err();
            // It is the origin's fault, and said in the same words.
            assert_eq!(
                (error.kind(), error.proxy()),
                (Kind::Connect, None),
                "{way:?} {fault:?}"
            );
            assert!(
                error.to_string().contains("TLS: "),
                "{way:?} {fault:?}: {error}"
            );
            assert_eq!(server.requests(), 0, "{way:?} {fault:?}");
            let response = adapter.send(careless.get(&url));
            assert_eq!(response.unwrap().status(), 200, "{way:?} {fault:?}");
        }
    }
}

behaviour!(x06_the_certificate_of_an_https_proxy_is_judged_too);
fn x06_the_certificate_of_an_https_proxy_is_judged_too<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let origin = Server::http();
    for fault in Fault::ALL {
        let config = authority.faulty_leaf(fault).server_config(&["http/1.1"]);
        let proxy = proxy::Proxy::builder().tls(config).start();
        let careful = Proxy::new(proxy.url()).auth("user", "secret");
        let careful = careful.root_certificates(authority.pem());
        let client = adapter.builder().proxy(&careful).build().unwrap();
        for url in [origin.url("/json"), "https://origin.test/".to_owned()] {
            let error = adapter.send(client.get(url)).unwrap_err();
            let told = (error.kind(), error.proxy());
            assert_eq!(
                told,
                (Kind::Connect, Some(proxy.url().as_str())),
                "{fault:?}"
            );
        }
        assert!(proxy.asked().is_empty(), "{fault:?}");
        let careless = Proxy::new(proxy.url()).danger_accept_invalid_certs(true);
        let request = client.get(origin.url("/json")).proxy(careless);
        assert_eq!(adapter.send(request).unwrap().status(), 200, "{fault:?}");
    }
}

behaviour!(x06_a_client_is_asked_who_it_is_alike_on_every_way);
fn x06_a_client_is_asked_who_it_is_alike_on_every_way<A: Adapter>(adapter: &A) {
    let (authority, ways) = (Authority::new(), Ways::new());
    let leaf = authority.leaf();
    let (known, unknown) = (authority.client_leaf(), Authority::new().client_leaf());
    for version in [&TLS12, &TLS13] {
        let config = leaf.asking_server_config_of(&[version], authority.der(), &["http/1.1"]);
        let server = Server::builder().tls(config).start();
        let url = server.url("/json");
        for way in &ways.all() {
            let client = |shown: Option<&Leaf>| {
                let builder = by(adapter, way).root_certificates(authority.pem());
                let builder = match shown {
                    Some(shown) => builder.identity(identity(shown)),
                    None => builder,
                };
                builder.build().unwrap()
            };
            let response = adapter.send(client(Some(&known)).get(&url)).unwrap();
            assert_eq!(response.status(), 200, "{way:?}");
            let served = server.requests();
            for shown in [None, Some(&unknown)] {
                let client = client(shown);
                let error = adapter.send(client.get(&url)).unwrap_err();
                // With TLS 1.3 the refusal comes when the client takes the handshake to be over.
                let kinds = match version.version {
                    nuncio::tls::rustls::ProtocolVersion::TLSv1_2 => &[Kind::Connect][..],
                    _ => &[Kind::RemoteProtocol, Kind::Read, Kind::Write],
                };
                assert!(kinds.contains(&error.kind()), "{way:?}: {error}");
                // It is the origin that refuses.
                assert_eq!(error.proxy(), None, "{way:?}: {error}");
                assert_eq!(client.pool().connections, 0, "{way:?}");
            }
            assert_eq!(server.requests(), served, "{way:?}");
        }
    }
}

behaviour!(x06_who_a_client_is_for_an_https_proxy_is_said_apart);
fn x06_who_a_client_is_for_an_https_proxy_is_said_apart<A: Adapter>(adapter: &A) {
    let (authority, proxys) = (Authority::new(), Authority::new());
    let (for_origins, for_proxys) = (authority.client_leaf(), proxys.client_leaf());
    let leaf = authority.leaf();
    let asking = leaf.asking_server_config_of(&[&TLS12], authority.der(), &["http/1.1"]);
    let origin = Server::builder().tls(asking).start();
    let asking = proxys.leaf();
    let asking = asking.asking_server_config_of(&[&TLS12], proxys.der(), &["http/1.1"]);
    let proxy = proxy::Proxy::builder().tls(asking).start();
    let tls = || Tls::new().root_certificates(proxys.pem());
    let client = |tls: Tls| {
        let builder = adapter.builder().root_certificates(authority.pem());
        let builder = builder.identity(identity(&for_origins));
        builder.proxy(Proxy::new(proxy.url()).tls(tls)).build()
    };
    let url = origin.url("/json");
    let both = client(tls().identity(identity(&for_proxys))).unwrap();
    assert_eq!(adapter.send(both.get(&url)).unwrap().status(), 200);
    // Nothing of what is for origins is shown to it, nor would that do.
    for tls in [tls(), tls().identity(identity(&for_origins))] {
        let client = client(tls).unwrap();
        let error = adapter.send(client.get(&url)).unwrap_err();
        let told = (error.kind(), error.proxy());
        assert_eq!(told, (Kind::Connect, Some(proxy.url().as_str())), "{error}");
    }
    assert_eq!((proxy.asked().len(), origin.requests()), (1, 1));
}

/// Takes one certificate and no other, whoever vouches for it.
#[derive(Debug)]
struct Pin(CertificateDer<'static>);

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match *shown == self.0 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(TlsError::General("not the pinned one".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let known = ring().signature_verification_algorithms;
        verify_tls12_signature(message, shown, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let known = ring().signature_verification_algorithms;
        verify_tls13_signature(message, shown, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = ring().signature_verification_algorithms;
        known.supported_schemes()
    }
}

behaviour!(x06_a_pinned_certificate_is_the_only_one_on_every_way);
fn x06_a_pinned_certificate_is_the_only_one_on_every_way<A: Adapter>(adapter: &A) {
    let (authority, ways) = (Authority::new(), Ways::new());
    let leaf = authority.faulty_leaf(Fault::SelfSigned);
    let (pinned, other) = (Server::https(&leaf), Server::https(&authority.leaf()));
    for way in &ways.all() {
        let tls = Tls::new().verifier(Arc::new(Pin(leaf.der())));
        let client = by(adapter, way).tls(tls).build().unwrap();
        let response = adapter.send(client.get(pinned.url("/json")));
        assert_eq!(response.unwrap().status(), 200, "{way:?}");
        let error = adapter.send(client.get(other.url("/json"))).unwrap_err();
        let told = (error.kind(), error.proxy());
        assert_eq!(told, (Kind::Connect, None), "{way:?}: {error}");
        assert!(error.to_string().contains("not the pinned one"), "{error}");
    }
    assert_eq!(other.requests(), 0);
}
