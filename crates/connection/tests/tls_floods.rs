//! What a server can send without end behind a good handshake (SECURITY T14): key updates, session
//! tickets, records of nothing, requests to shake hands again. The server here is rustls' until the
//! handshake is over; then it seals whatever a test says with the keys that were agreed on.
#![cfg(feature = "ring")]

mod http1_common;

use http1_common::{Events, Machine, over};
use nuncio_connection::{
    BodySize, ConnectionConfig, Error, Layer, Roots, TlsConfig, TlsError, TlsParams, ring,
};
use nuncio_testkit::certs::Authority;
use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{AeadKey, Iv, MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::crypto::ring::cipher_suite::{
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::crypto::tls13::OkmBlock;
use rustls::{
    ClientConfig, ConnectionTrafficSecrets, ContentType, KeyLog, ProtocolVersion, ServerConfig,
    ServerConnection, SupportedCipherSuite,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MANY: u32 = 100_000;
/// Nothing that rustls counts may come more often than this.
const FEW: u32 = 100;

const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;

fn client(config: &Arc<ClientConfig>) -> Machine {
    let params = TlsParams {
        config: Arc::clone(config),
        server_name: "localhost".to_owned(),
    };
    let limit = Some(Duration::from_secs(2));
    over(vec![Layer::Tls(params)], limit, ConnectionConfig::default())
}

fn trusting(authority: &Authority) -> Arc<ClientConfig> {
    let roots = Roots::Pem(authority.pem().into_bytes());
    Arc::new(TlsConfig::new(ring(), roots).build().unwrap())
}

/// Keeps the secret that all of the server's keys come from.
#[derive(Debug, Default)]
struct Secret(Mutex<[u8; 32]>);

impl KeyLog for Secret {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        if label == "SERVER_TRAFFIC_SECRET_0" {
            self.0.lock().unwrap().copy_from_slice(secret);
        }
    }
}

/// A server behind the handshake.
struct Hostile {
    version: ProtocolVersion,
    /// Of TLS 1.3 alone.
    secret: [u8; 32],
    keys: Box<dyn MessageEncrypter>,
    sent: u64,
}

impl Hostile {
    /// Shakes hands by TLS 1.3, without a ticket.
    fn meet(authority: &Authority, machine: &mut Machine) -> Self {
        let log = Arc::new(Secret::default());
        let mut config = server_config(authority, TLS13_CHACHA20_POLY1305_SHA256);
        config.send_tls13_tickets = 0;
        config.key_log = Arc::clone(&log) as Arc<dyn KeyLog>;
        shake(machine, config);
        let secret = *log.0.lock().unwrap();
        Hostile {
            version: ProtocolVersion::TLSv1_3,
            secret,
            keys: keys_of(&secret),
            sent: 0,
        }
    }

    /// Shakes hands by TLS 1.2.
    fn meet_old(authority: &Authority, machine: &mut Machine) -> Self {
        let suite = TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
        let mut config = server_config(authority, suite);
        config.enable_secret_extraction = true;
        let server = shake(machine, config);
        let (sent, secrets) = server.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } = secrets else {
            panic!("another cipher");
        };
        let SupportedCipherSuite::Tls12(suite) = suite else {
            panic!("another version");
        };
        Hostile {
            version: ProtocolVersion::TLSv1_2,
            secret: [0; 32],
            keys: suite.aead_alg.encrypter(key, iv.as_ref(), &[]),
            sent,
        }
    }

    fn record(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage {
            typ,
            version: self.version,
            payload: OutboundChunks::Single(payload),
        };
        let sealed = self.keys.encrypt(message, self.sent).unwrap();
        self.sent += 1;
        sealed.encode()
    }

    fn handshake(&mut self, messages: &[u8]) -> Vec<u8> {
        self.record(ContentType::Handshake, messages)
    }

    /// As RFC 8446 section 7.2 says.
    fn next_keys(&mut self) {
        self.secret = derive(&self.secret, "traffic upd");
        self.keys = keys_of(&self.secret);
        self.sent = 0;
    }

    /// Answers a request, which shows that all is well still.
    fn serve(&mut self, machine: &mut Machine) {
        let id = machine.open("GET", BodySize::Empty).unwrap();
        assert!(!machine.sent().is_empty());
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        machine.receive(&self.record(ContentType::ApplicationData, answer));
        let mut events = Events::default();
        events.pull(machine, id);
        assert_eq!(events.list[1..], ["data \"ok\"", "end"]);
    }
}

fn server_config(authority: &Authority, suite: SupportedCipherSuite) -> ServerConfig {
    let leaf = authority.leaf();
    let provider = CryptoProvider {
        cipher_suites: vec![suite],
        ..rustls::crypto::ring::default_provider()
    };
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[suite.version()])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der()], leaf.key_der())
        .unwrap()
}

fn shake(machine: &mut Machine, config: ServerConfig) -> ServerConnection {
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    while server.is_handshaking() || server.wants_write() {
        let sent = machine.sent();
        server.read_tls(&mut &sent[..]).unwrap();
        server.process_new_packets().unwrap();
        let mut back = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut back).unwrap();
        }
        machine.receive(&back);
    }
    assert!(machine.connection.protocol().is_some());
    server
}

fn keys_of(secret: &[u8; 32]) -> Box<dyn MessageEncrypter> {
    let SupportedCipherSuite::Tls13(suite) = TLS13_CHACHA20_POLY1305_SHA256 else {
        panic!("another version");
    };
    let key: [u8; 32] = derive(secret, "key");
    let iv: [u8; 12] = derive(secret, "iv");
    suite.aead_alg.encrypter(AeadKey::from(key), Iv::from(iv))
}

/// HKDF-Expand-Label without a context (RFC 8446 section 7.1).
fn derive<const N: usize>(secret: &[u8; 32], label: &str) -> [u8; N] {
    let SupportedCipherSuite::Tls13(suite) = TLS13_CHACHA20_POLY1305_SHA256 else {
        panic!("another version");
    };
    let label = format!("tls13 {label}");
    let info: [&[u8]; 4] = [
        &(N as u16).to_be_bytes(),
        &[label.len() as u8],
        label.as_bytes(),
        &[0],
    ];
    let expander = suite.hkdf_provider.expander_for_okm(&OkmBlock::new(secret));
    let mut out = [0; N];
    expander.expand_slice(&info, &mut out).unwrap();
    out
}

fn message(typ: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[typ], &length[1..], body].concat()
}

const MARK: &[u8] = b"ticket number ";

/// NewSessionTicket (RFC 8446 section 4.6.1), with something to know it by.
fn ticket(number: u32) -> Vec<u8> {
    let day = 86_400u32.to_be_bytes();
    let ticket = [MARK, &number.to_be_bytes()].concat();
    let length = (ticket.len() as u16).to_be_bytes();
    let nonce = [&[4], &number.to_be_bytes()[..]].concat();
    let body = [&day, &[0; 4][..], &nonce, &length, &ticket, &[0, 0]].concat();
    message(4, &body)
}

/// Which ticket a ClientHello offers.
fn offered(hello: &[u8]) -> Option<u32> {
    let at = hello.windows(MARK.len()).position(|it| it == MARK)? + MARK.len();
    Some(u32::from_be_bytes(hello[at..at + 4].try_into().unwrap()))
}

/// How often `next` could be sent until the client had enough, and what it said.
fn endured(machine: &mut Machine, mut next: impl FnMut() -> Vec<u8>) -> (u32, String) {
    for sent in 0..MANY {
        machine.receive(&next());
        match machine.connection.failure() {
            None => {}
            Some(Error::Tls(TlsError::Failed(text))) => return (sent, text.clone()),
            Some(other) => panic!("{other:?}"),
        }
    }
    panic!("it was endured");
}

#[test]
fn t14_key_updates_without_end_are_an_error_and_answered_once() {
    let authority = Authority::new();
    let config = trusting(&authority);
    // Whether the server asks for the client's next key, too.
    for asks in [0, 1] {
        let mut machine = client(&config);
        let mut server = Hostile::meet(&authority, &mut machine);
        let (times, text) = endured(&mut machine, || {
            let update = server.handshake(&message(KEY_UPDATE, &[asks]));
            server.next_keys();
            update
        });
        assert!((2..FEW).contains(&times), "{times}");
        assert!(text.contains("TooManyKeyUpdateRequests"), "{text}");
        let unsent = machine.sent().len();
        assert!(unsent < 100, "{unsent}");
    }
}

#[test]
fn t14_a_record_full_of_key_updates_is_an_error() {
    let authority = Authority::new();
    let mut machine = client(&trusting(&authority));
    let mut server = Hostile::meet(&authority, &mut machine);
    let all = message(KEY_UPDATE, &[1]).repeat(3000);
    let (_, text) = endured(&mut machine, || server.handshake(&all));
    assert!(text.contains("KeyEpochWithPendingFragment"), "{text}");
}

#[test]
fn t14_of_tickets_without_end_the_last_few_are_kept() {
    let authority = Authority::new();
    let config = trusting(&authority);
    let mut machine = client(&config);
    let mut server = Hostile::meet(&authority, &mut machine);
    let mut numbers = (0..MANY).peekable();
    while numbers.peek().is_some() {
        let some: Vec<u8> = numbers.by_ref().take(250).flat_map(ticket).collect();
        machine.receive(&server.handshake(&some));
        assert!(!machine.connection.wants_write());
    }
    assert_eq!(machine.connection.failure(), None);
    server.serve(&mut machine);
    // One is used up by each new connection. rustls keeps eight for a server.
    let kept: Vec<u32> = (0..20)
        .filter_map(|_| offered(&client(&config).sent()))
        .collect();
    assert_eq!(kept, Vec::from_iter((MANY - 8..MANY).rev()));
}

#[test]
fn t14_records_of_nothing_without_end_are_an_error() {
    let authority = Authority::new();
    let mut machine = client(&trusting(&authority));
    let mut server = Hostile::meet(&authority, &mut machine);
    let (times, text) = endured(&mut machine, || {
        server.record(ContentType::ApplicationData, &[])
    });
    assert!((2..FEW).contains(&times), "{times}");
    assert!(text.contains("TooManyEmptyFragments"), "{text}");
}

#[test]
fn t14_what_belongs_into_the_handshake_is_an_error_behind_it() {
    let authority = Authority::new();
    let config = trusting(&authority);
    // A ClientHello, a ServerHello, EncryptedExtensions, Certificate, CertificateRequest, Finished.
    for typ in [1, 2, 8, 11, 13, FINISHED] {
        let mut machine = client(&config);
        let mut server = Hostile::meet(&authority, &mut machine);
        machine.receive(&server.handshake(&message(typ, &[0; 32])));
        let failure = machine.connection.failure();
        let refused = matches!(failure, Some(Error::Tls(TlsError::Failed(_))));
        assert!(refused, "{typ}: {failure:?}");
    }
}

#[test]
fn t14_who_wants_to_shake_hands_again_and_again_is_refused() {
    let authority = Authority::new();
    let mut machine = client(&trusting(&authority));
    let mut server = Hostile::meet_old(&authority, &mut machine);
    // Once it is only told that it will not be (RFC 5746 section 4.5).
    machine.receive(&server.handshake(&message(0, &[])));
    assert_eq!(machine.connection.failure(), None);
    assert!(!machine.sent().is_empty());
    server.serve(&mut machine);
    let (times, text) = endured(&mut machine, || server.handshake(&message(0, &[])));
    assert!(times < FEW, "{times}");
    assert!(text.contains("TooManyRenegotiationRequests"), "{text}");
}
