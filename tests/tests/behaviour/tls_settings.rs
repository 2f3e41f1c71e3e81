//! Who a client is, whose name it verifies, which TLS it speaks, and what a response tells of it.

use nuncio::Kind;
use nuncio::tls::{Identity, Tls, TlsVersion, rustls};
use nuncio_testkit::certs::{Authority, Leaf};
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The client's own certificate, made for good; see its README.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/connection/tests/identity")
        .join(name)
}

fn asking(server: &Leaf, of: rustls::pki_types::CertificateDer<'static>) -> Server {
    let config = server.asking_server_config(of, &["http/1.1"]);
    Server::builder().tls(config).start()
}

behaviour!(a_server_that_asks_is_shown_the_certificate);
fn a_server_that_asks_is_shown_the_certificate<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let (server, leaf) = (authority.leaf(), authority.client_leaf());
    let server = asking(&server, authority.der());
    let text = leaf.chain_pem() + leaf.key_pem();
    let identities = [
        Identity::pem(text),
        Identity::pem(leaf.chain_pem()).key(leaf.key_pem()),
    ];
    for identity in identities {
        let builder = adapter.builder().root_certificates(authority.pem());
        let client = builder.identity(identity).build().unwrap();
        let response = adapter.send(client.get(server.url("/json"))).unwrap();
        assert_eq!(response.status(), 200);
    }
}

behaviour!(without_a_certificate_or_with_another_s_the_server_refuses);
fn without_a_certificate_or_with_another_s_the_server_refuses<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = asking(&authority.leaf(), authority.der());
    let stranger = Authority::new().client_leaf();
    let stranger = Identity::pem(stranger.chain_pem() + stranger.key_pem());
    for identity in [None, Some(stranger)] {
        let mut tls = Tls::new().root_certificates(authority.pem());
        if let Some(identity) = identity {
            tls = tls.identity(identity);
        }
        let client = adapter.builder().tls(tls).build().unwrap();
        let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
        // With TLS 1.3 the refusal comes when the client takes the handshake to be over.
        let kinds = [Kind::Connect, Kind::RemoteProtocol, Kind::Read, Kind::Write];
        assert!(kinds.contains(&error.kind()), "{error:?}");
        assert_eq!(client.pool().connections, 0);
    }
    assert_eq!(server.requests(), 0);
}

behaviour!(a_certificate_comes_from_files_its_key_from_another_encrypted_or_not);
fn a_certificate_comes_from_files_its_key_from_another_encrypted_or_not<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let cert = std::fs::read(fixture("cert.pem")).unwrap();
    let cert = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(&cert);
    let server = asking(&authority.leaf(), cert.unwrap());
    for key in ["sec1.pem", "p8.pem", "enc.pem"] {
        let identity = Identity::file(fixture("cert.pem")).key_file(fixture(key));
        let client = adapter
            .builder()
            .root_certificates(authority.pem())
            .identity(identity.password("secret"))
            .build()
            .unwrap();
        let response = adapter.send(client.get(server.url("/json"))).unwrap();
        assert_eq!(response.status(), 200, "{key}");
    }
}

behaviour!(bad_certificate_files_are_named_when_the_client_is_built);
fn bad_certificate_files_are_named_when_the_client_is_built<A: Adapter>(adapter: &A) {
    let folder = tempfile();
    let empty = folder.join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let (cert, key) = (fixture("cert.pem"), fixture("sec1.pem"));
    let nowhere = folder.join("nowhere.pem");
    let wrong: [(Identity, &str); 6] = [
        (
            Identity::file(&empty),
            "empty.pem'): there is no certificate",
        ),
        (Identity::file(&key), "sec1.pem'): there is no certificate"),
        (Identity::file(&cert), "cert.pem'): there is no private key"),
        (
            Identity::file(&cert).key_file(&empty),
            "empty.pem'): there is no private key",
        ),
        (Identity::file(&nowhere), "nowhere.pem' cannot be read"),
        (
            Identity::file(&cert)
                .key_file(fixture("enc.pem"))
                .password("S3CRET"),
            "enc.pem'): the password does not decrypt",
        ),
    ];
    for (identity, text) in wrong {
        let error = adapter.builder().identity(identity).build().err().unwrap();
        assert_eq!(error.kind(), Kind::Builder);
        assert!(error.to_string().contains(text), "{error}");
        assert!(
            !format!("{error} {error:?}").contains("S3CRET"),
            "{error:?}"
        );
    }
    for (path, text) in [
        (&empty, "empty.pem'): there is no certificate"),
        (&key, "sec1.pem'): there is no certificate"),
        (&nowhere, "nowhere.pem' cannot be read"),
    ] {
        let tls = Tls::new().root_certificates_file(path);
        let error = adapter.builder().tls(tls).build().err().unwrap();
        assert_eq!(error.kind(), Kind::Builder);
        assert!(error.to_string().contains(text), "{error}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// A new folder.
fn tempfile() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("nuncio-tls-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

behaviour!(roots_come_from_a_file_or_from_a_folder_of_them);
fn roots_come_from_a_file_or_from_a_folder_of_them<A: Adapter>(adapter: &A) {
    let (one, two, other) = (Authority::new(), Authority::new(), Authority::new());
    let folder = tempfile();
    // Without a line break at its end.
    std::fs::write(folder.join("1.pem"), one.pem().trim_end()).unwrap();
    std::fs::write(folder.join("2.pem"), two.pem()).unwrap();
    let at = |path: PathBuf| {
        let tls = Tls::new().root_certificates_file(path);
        adapter.builder().tls(tls).build().unwrap()
    };
    let (both, second) = (at(folder.clone()), at(folder.join("2.pem")));
    for (authority, by_folder, by_file) in [
        (&one, true, false),
        (&two, true, true),
        (&other, false, false),
    ] {
        let server = Server::https(&authority.leaf());
        let url = server.url("/json");
        assert_eq!(adapter.send(both.get(&url)).is_ok(), by_folder);
        assert_eq!(adapter.send(second.get(&url)).is_ok(), by_file);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

behaviour!(the_oldest_version_can_be_raised);
fn the_oldest_version_can_be_raised<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let old = authority
        .leaf()
        .server_config_of(&[&rustls::version::TLS12], &[]);
    let old = Server::builder().tls(old).start();
    let new = Server::https(&authority.leaf());
    let tls = || Tls::new().root_certificates(authority.pem());
    let any = adapter.builder().tls(tls()).build().unwrap();
    let newer = tls().min_version(TlsVersion::Tls13);
    let newer = adapter.builder().tls(newer).build().unwrap();
    let version = |client: &nuncio_client::Client<A::Driver>, server: &Server| {
        let response = adapter.send(client.get(server.url("/json")))?;
        Ok(response.tls().unwrap().version())
    };
    assert_eq!(version(&any, &old).unwrap(), TlsVersion::Tls12);
    assert_eq!(version(&any, &new).unwrap(), TlsVersion::Tls13);
    assert_eq!(version(&newer, &new).unwrap(), TlsVersion::Tls13);
    let error: nuncio::Error = version(&newer, &old).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
}

behaviour!(a_response_tells_who_sent_it_and_over_which_tls);
fn a_response_tells_who_sent_it_and_over_which_tls<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let leaf = authority.leaf();
    let server = Server::https(&leaf);
    let builder = adapter.builder().root_certificates(authority.pem());
    let client = builder.build().unwrap();
    for _ in 0..2 {
        let response = adapter.send(client.get(server.url("/json"))).unwrap();
        assert_eq!(response.peer_address(), Some(server.addr()));
        let tls = response.tls().unwrap();
        assert_eq!(tls.version(), TlsVersion::Tls13);
        assert!(tls.cipher_suite().starts_with("TLS13_"), "{tls}");
        assert_eq!(tls.alpn(), Some(&b"http/1.1"[..]));
        let shown: Vec<&[u8]> = tls.certificates().collect();
        assert_eq!(shown, [&*leaf.der()]);
        assert!(!tls.is_resumed());
        assert!(tls.to_string().starts_with("TLS 1.3, TLS13_"), "{tls}");
    }
    let plain = Server::http();
    let response = adapter.send(client.get(plain.url("/json"))).unwrap();
    assert_eq!(response.peer_address(), Some(plain.addr()));
    assert!(response.tls().is_none());
    // A new connection goes on with the session of the old one.
    client.evict_idle();
    let response = adapter.send(client.get(server.url("/json"))).unwrap();
    assert!(response.tls().unwrap().is_resumed());
}

behaviour!(t05_a_session_is_resumed_by_its_own_configuration_only);
fn t05_a_session_is_resumed_by_its_own_configuration_only<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let trusting = || adapter.builder().root_certificates(authority.pem());
    let client = trusting().build().unwrap();
    let resumed = |client: &nuncio_client::Client<A::Driver>| {
        let response = adapter.send(client.get(server.url("/json"))).unwrap();
        client.evict_idle();
        response.tls().unwrap().is_resumed()
    };
    assert_eq!([resumed(&client), resumed(&client)], [false, true]);
    // Another client, with the same settings or with none at all to hold a server to.
    assert!(!resumed(&trusting().build().unwrap()));
    let danger = adapter.builder().danger_accept_invalid_certs(true);
    let danger = danger.build().unwrap();
    assert_eq!([resumed(&danger), resumed(&danger)], [false, true]);
    // What a careless client keeps is of no use to a careful one.
    let careful = adapter.client();
    let error = adapter.send(careful.get(server.url("/json"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    let mount = nuncio::Network::new().root_certificates(authority.pem());
    let apart = trusting()
        .mount("https://127.0.0.1", nuncio::Transport::network(mount))
        .build()
        .unwrap();
    let by_address = format!("https://{}/json", server.addr());
    assert!(!resumed(&apart));
    let response = adapter.send(apart.get(by_address)).unwrap();
    assert!(!response.tls().unwrap().is_resumed());
}

behaviour!(t04_the_name_to_verify_is_the_url_s_or_the_one_that_was_set);
fn t04_the_name_to_verify_is_the_url_s_or_the_one_that_was_set<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf_for(&["internal.example"]));
    let tls = || Tls::new().root_certificates(authority.pem());
    let cases = [
        (tls(), false),
        (tls().server_name("internal.example"), true),
        (tls().server_name("INTERNAL.EXAMPLE."), true),
        (tls().server_name("other.example"), false),
    ];
    for (tls, good) in cases {
        let client = adapter.builder().tls(tls).build().unwrap();
        let result = adapter.send(client.get(server.url("/json")));
        assert_eq!(result.is_ok(), good);
        if let Err(error) = result {
            assert_eq!(error.kind(), Kind::Connect, "{error}");
        }
    }
    let tls = tls().server_name("no name");
    let client = adapter.builder().tls(tls).build().unwrap();
    let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    assert!(error.to_string().contains("no name"), "{error}");
}

/// What a server with `leaf` is answered, asked for by `host`.
fn verdict<A: Adapter>(adapter: &A, authority: &Authority, leaf: &Leaf, host: &str) -> bool {
    let server = Server::https(leaf);
    let url = format!("https://{host}:{}/json", server.addr().port());
    let tls = Tls::new().root_certificates(authority.pem());
    let client = adapter.builder().tls(tls).build().unwrap();
    match adapter.send(client.get(url)) {
        Ok(response) => response.status() == 200,
        Err(error) => {
            assert_eq!(error.kind(), Kind::Connect, "{error}");
            false
        }
    }
}

behaviour!(t01_t02_a_certificate_is_for_the_names_and_addresses_in_it);
fn t01_t02_a_certificate_is_for_the_names_and_addresses_in_it<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let rows: [(&[&str], &str, bool); 8] = [
        (&["localhost"], "localhost", true),
        (&["other.example"], "localhost", false),
        (&["*.localhost"], "localhost", false),
        // An address wants an address, not a name that looks like one.
        (&["127.0.0.1"], "127.0.0.1", true),
        (&["localhost"], "127.0.0.1", false),
        (&["127.0.0.1"], "localhost", false),
        (&["*.0.0.1"], "127.0.0.1", false),
        (&["127.0.0.2"], "127.0.0.1", false),
    ];
    for (names, host, good) in rows {
        let leaf = authority.leaf_for(names);
        assert_eq!(
            verdict(adapter, &authority, &leaf, host),
            good,
            "{names:?} {host}"
        );
    }
    // The subject's common name is nobody's name (RFC 9525 section 6).
    let leaf = authority.leaf_without_names("localhost");
    assert!(!verdict(adapter, &authority, &leaf, "localhost"));
}

behaviour!(t03_a_wildcard_is_for_one_whole_label);
fn t03_a_wildcard_is_for_one_whole_label<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let rows = [
        ("*.example.com", "a.example.com", true),
        ("*.example.com", "xn--nxasmq6b.example.com", true),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", "example.com", false),
        ("x*.example.com", "xn--nxasmq6b.example.com", false),
        ("xn--*.example.com", "xn--nxasmq6b.example.com", false),
        ("a.*.com", "a.example.com", false),
        ("*", "localhost", false),
    ];
    for (pattern, name, good) in rows {
        let server = Server::https(&authority.leaf_for(&[pattern]));
        let tls = Tls::new().root_certificates(authority.pem());
        let client = adapter.builder().tls(tls.server_name(name)).build();
        let sent = adapter.send(client.unwrap().get(server.url("/json")));
        assert_eq!(sent.is_ok(), good, "{pattern} {name}");
    }
}

#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<String>>);

impl rustls::KeyLog for Secrets {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        assert!(!secret.is_empty());
        self.0.lock().unwrap().push(label.to_owned());
    }
}

behaviour!(a_key_log_hears_of_every_session);
fn a_key_log_hears_of_every_session<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let secrets = Arc::new(Secrets::default());
    let tls = Tls::new().root_certificates(authority.pem());
    let client = adapter.builder().tls(tls.key_log(secrets.clone()));
    let client = client.build().unwrap();
    adapter.send(client.get(server.url("/json"))).unwrap();
    let heard = secrets.0.lock().unwrap().clone();
    assert!(
        heard.iter().any(|label| label == "CLIENT_TRAFFIC_SECRET_0"),
        "{heard:?}"
    );
}

behaviour!(a_provider_is_a_value);
fn a_provider_is_a_value<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let exchange = |provider| {
        let tls = Tls::new().root_certificates(authority.pem());
        let client = adapter
            .builder()
            .tls(tls.provider(provider))
            .build()
            .unwrap();
        let response = adapter.send(client.get(server.url("/json"))).unwrap();
        response.tls().unwrap().key_exchange()
    };
    assert_eq!(exchange(nuncio::tls::ring()), Some("X25519"));
    // The server has ring, and no other key exchange than that.
    assert_eq!(exchange(nuncio::tls::aws_lc()), Some("X25519"));
}

behaviour!(aws_lc_exchanges_keys_that_withstand_quantum_computers);
fn aws_lc_exchanges_keys_that_withstand_quantum_computers<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let leaf = authority.leaf();
    let config = rustls::ServerConfig::builder_with_provider(nuncio::tls::aws_lc())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der()], leaf.key_der())
        .unwrap();
    let server = Server::builder().tls(Arc::new(config)).start();
    for (provider, group) in [
        (nuncio::tls::aws_lc(), "X25519MLKEM768"),
        (nuncio::tls::ring(), "X25519"),
    ] {
        let tls = Tls::new().root_certificates(authority.pem());
        let client = adapter.builder().tls(tls.provider(provider)).build();
        let response = adapter
            .send(client.unwrap().get(server.url("/json")))
            .unwrap();
        assert_eq!(response.tls().unwrap().key_exchange(), Some(group));
    }
}

behaviour!(the_operating_system_can_be_asked_whom_to_trust);
fn the_operating_system_can_be_asked_whom_to_trust<A: Adapter>(adapter: &A) {
    let server = Server::https(&Authority::new().leaf());
    // On a machine without any roots this says so; on another, none of them knows our authority.
    match nuncio::tls::platform() {
        Ok(tls) => {
            let client = adapter.builder().tls(tls).build().unwrap();
            let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
            assert_eq!(error.kind(), Kind::Connect, "{error}");
        }
        Err(error) => assert_eq!(error.kind(), Kind::Builder, "{error}"),
    }
}

behaviour!(t15_a_banner_of_another_protocol_is_an_error);
fn t15_a_banner_of_another_protocol_is_an_error<A: Adapter>(adapter: &A) {
    for banner in [
        "220 mail.example ESMTP\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "+OK POP3\r\n",
    ] {
        let peer = Script::new()
            .connection([Step::send(banner), Step::ExpectEof])
            .connection([Step::send(banner), Step::ExpectEof])
            .start();
        let client = adapter.client();
        let error = adapter.send(client.get(format!("https://{}/", peer.addr())));
        assert_eq!(error.unwrap_err().kind(), Kind::Connect, "{banner}");
        let error = adapter.send(client.get(format!("http://{}/", peer.addr())));
        assert_eq!(error.unwrap_err().kind(), Kind::RemoteProtocol, "{banner}");
        assert_eq!(client.pool().connections, 0);
    }
}
