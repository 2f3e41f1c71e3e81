//! What a hostile TLS server can do (SECURITY, table T): chains without an end or beyond what they may
//! sign for, an end at every byte of the handshake, a protocol that nobody offered. What it can do
//! behind the handshake is in `tls_floods.rs`.
#![cfg(all(feature = "ring", feature = "webpki-roots"))]

mod http1_common;

use http1_common::{Machine, over};
use nuncio_connection::{
    ConnectionConfig, Error, Layer, Roots, TlsConfig, TlsError, TlsParams, ring,
};
use nuncio_testkit::certs::Authority;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ServerConfig, ServerConnection};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn client(client: Arc<ClientConfig>) -> Machine {
    let params = TlsParams {
        config: client,
        server_name: "localhost".to_owned(),
    };
    let layers = vec![Layer::Tls(params)];
    over(
        layers,
        Some(Duration::from_secs(2)),
        ConnectionConfig::default(),
    )
}

fn server(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> ServerConnection {
    let config = ServerConfig::builder_with_provider(ring())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    ServerConnection::new(Arc::new(config)).unwrap()
}

/// Moves bytes both ways until there are none.
fn run(machine: &mut Machine, server: &mut ServerConnection) {
    loop {
        let sent = machine.sent();
        let mut rest = &sent[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            let _ = server.process_new_packets();
        }
        let back = flight(server);
        if sent.is_empty() && back.is_empty() {
            return;
        }
        machine.receive(&back);
    }
}

fn flight(server: &mut ServerConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut bytes).unwrap();
    }
    bytes
}

fn refusal(machine: &Machine) -> String {
    match machine.connection.failure() {
        Some(Error::Tls(TlsError::Failed(text))) => text.clone(),
        other => panic!("{other:?}"),
    }
}

/// Of an authority in the middle.
fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf_params() -> CertificateParams {
    CertificateParams::new(["localhost".to_owned()]).unwrap()
}

#[test]
fn t06_a_chain_with_more_paths_than_can_be_tried_is_refused_in_time() {
    // Authorities of one name and one key, each of which could have signed each other.
    let key = KeyPair::generate().unwrap();
    let params = authority_params("a maze");
    let issuer = Issuer::from_params(&params, &key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = leaf_params().signed_by(&leaf_key, &issuer).unwrap();
    let mut chain = vec![leaf.der().clone()];
    for serial in 0..40u64 {
        let mut params = authority_params("a maze");
        params.serial_number = Some(serial.into());
        chain.push(params.signed_by(&key, &issuer).unwrap().der().clone());
    }
    let key = PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into());
    let mut server = server(chain, key);
    let mut machine = client(Authority::new().client_config(&[]));
    let started = Instant::now();
    run(&mut machine, &mut server);
    let took = started.elapsed();
    let text = refusal(&machine);
    assert!(text.contains("certificate"), "{text}");
    // Without a bound it would be 40 factorial. The row says 50 ms, of an optimised build.
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn t07_an_authority_signs_for_the_names_that_it_may_and_no_others() {
    let root = KeyPair::generate().unwrap();
    let root_params = authority_params("a root");
    let root_certificate = root_params.self_signed(&root).unwrap();
    let root_issuer = Issuer::from_params(&root_params, &root);
    let verdict = |constraints: Option<NameConstraints>| {
        let mut params = authority_params("in the middle");
        params.name_constraints = constraints;
        let middle = KeyPair::generate().unwrap();
        let middle_certificate = params.signed_by(&middle, &root_issuer).unwrap();
        let issuer = Issuer::from_params(&params, &middle);
        let leaf = KeyPair::generate().unwrap();
        let leaf_certificate = leaf_params().signed_by(&leaf, &issuer).unwrap();
        let chain = vec![
            leaf_certificate.der().clone(),
            middle_certificate.der().clone(),
        ];
        let mut server = server(chain, PrivateKeyDer::Pkcs8(leaf.serialize_der().into()));
        let roots = Roots::Pem(root_certificate.pem().into_bytes());
        let config = TlsConfig::new(ring(), roots).build().unwrap();
        let mut machine = client(Arc::new(config));
        run(&mut machine, &mut server);
        machine.connection.failure().is_none() && machine.connection.protocol().is_some()
    };
    let dns = |name: &str| vec![GeneralSubtree::DnsName(name.to_owned())];
    let permitted = |name| NameConstraints {
        permitted_subtrees: dns(name),
        excluded_subtrees: Vec::new(),
    };
    let excluded = |name| NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: dns(name),
    };
    assert!(verdict(None));
    assert!(verdict(Some(permitted("localhost"))));
    assert!(verdict(Some(excluded("example.com"))));
    assert!(!verdict(Some(permitted("example.com"))));
    assert!(!verdict(Some(excluded("localhost"))));
}

#[test]
fn t09_an_end_at_any_byte_of_the_handshake_ends_it() {
    let authority = Authority::new();
    let config = authority.leaf().server_config(&[]);
    let begun = || {
        let mut machine = client(authority.client_config(&[]));
        let mut server = ServerConnection::new(config.clone()).unwrap();
        let hello = machine.sent();
        server.read_tls(&mut &hello[..]).unwrap();
        server.process_new_packets().unwrap();
        let flight = flight(&mut server);
        (machine, flight)
    };
    // Signatures differ in length by a byte or two.
    let shortest = (0..4).map(|_| begun().1.len()).min().unwrap() - 4;
    for cut in 0..shortest {
        let (mut machine, flight) = begun();
        machine.receive(&flight[..cut]);
        machine.connection.handle_eof();
        let failure = machine.connection.failure();
        assert_eq!(failure, Some(&Error::Tls(TlsError::Truncated)), "{cut}");
        assert!(!machine.connection.wants_read());
        assert_eq!(machine.connection.next_timeout(), None);
    }
}

#[test]
fn t13_no_early_data_is_sent() {
    let config = TlsConfig::new(ring(), Roots::Bundled).build().unwrap();
    assert!(!config.enable_early_data);
}

#[test]
fn t15_a_protocol_that_was_not_offered_is_an_error() {
    let authority = Authority::new();
    for (offered, chosen) in [(&["http/1.1"][..], "h2"), (&["http/1.1"], "smtp")] {
        let mut machine = client(authority.client_config(offered));
        let mut server = ServerConnection::new(authority.leaf().server_config(&[chosen])).unwrap();
        run(&mut machine, &mut server);
        // rustls' server says so; one that picks all the same is refused by us.
        assert!(machine.connection.failure().is_some(), "{chosen}");
        assert_eq!(machine.connection.protocol(), None);
    }
}
