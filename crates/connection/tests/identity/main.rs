//! A client's certificate and key: every way of writing them, and everything that can be wrong.

#![cfg(all(feature = "ring", feature = "webpki-roots"))]

use nuncio_connection::{Identity, Roots, TlsConfig, TlsConfigError, ring};

const CERT: &[u8] = include_bytes!("cert.pem");
const SEC1: &[u8] = include_bytes!("sec1.pem");
const PKCS8: &[u8] = include_bytes!("p8.pem");
const ENCRYPTED: &[u8] = include_bytes!("enc.pem");
const TRIPLE_DES: &[u8] = include_bytes!("des.pem");
const PROC_TYPE: &[u8] = include_bytes!("old.pem");

fn configure(identity: Identity) -> Result<(), TlsConfigError> {
    let mut config = TlsConfig::new(ring(), Roots::Bundled);
    config.identity = Some(identity);
    config.build().map(|_| ())
}

#[test]
fn keys_are_read_in_each_form_and_from_the_certificate_s_own_text() {
    for key in [SEC1, PKCS8] {
        configure(Identity::from_pem(CERT, key, None).unwrap()).unwrap();
        // A password that is not needed does no harm.
        configure(Identity::from_pem(CERT, key, Some(b"secret")).unwrap()).unwrap();
        let (both, other_way) = ([CERT, key].concat(), [key, CERT].concat());
        for text in [both, other_way] {
            configure(Identity::from_pem(&text, &text, None).unwrap()).unwrap();
        }
    }
}

#[cfg(feature = "encrypted-keys")]
#[test]
fn an_encrypted_key_needs_its_password() {
    configure(Identity::from_pem(CERT, ENCRYPTED, Some(b"secret")).unwrap()).unwrap();
    let text = [ENCRYPTED, CERT].concat();
    configure(Identity::from_pem(&text, &text, Some(b"secret")).unwrap()).unwrap();
    fn error(password: Option<&[u8]>) -> TlsConfigError {
        Identity::from_pem(CERT, ENCRYPTED, password).unwrap_err()
    }
    assert_eq!(error(None), TlsConfigError::KeyNeedsPassword);
    assert_eq!(error(Some(b"")), TlsConfigError::WrongPassword);
    for n in 0..300 {
        // One wrong password in 256 leaves a padding that could be right.
        let wrong = format!("wrong {n}");
        assert_eq!(error(Some(wrong.as_bytes())), TlsConfigError::WrongPassword);
    }
}

#[test]
fn encryption_that_is_not_understood_is_said_to_be() {
    for key in [TRIPLE_DES, PROC_TYPE] {
        let error = Identity::from_pem(CERT, key, Some(b"secret")).unwrap_err();
        assert!(matches!(error, TlsConfigError::KeyEncryption(_)), "{error}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let wrong = |cert: &[u8], key: &[u8]| Identity::from_pem(cert, key, None).unwrap_err();
    assert_eq!(wrong(b"", SEC1), TlsConfigError::NoCertificates);
    assert_eq!(wrong(SEC1, SEC1), TlsConfigError::NoCertificates);
    assert_eq!(wrong(CERT, b""), TlsConfigError::NoKey);
    assert_eq!(wrong(CERT, CERT), TlsConfigError::NoKey);
    assert_eq!(wrong(CERT, b"not PEM at all"), TlsConfigError::NoKey);
}

#[test]
fn every_cut_of_a_key_is_an_error_without_anything_of_the_key_in_it() {
    for key in [SEC1, PKCS8, ENCRYPTED] {
        // Without its last line break it is whole.
        for cut in 0..key.len() - 1 {
            let text = key.get(..cut).unwrap();
            let error = Identity::from_pem(CERT, text, Some(b"secret")).unwrap_err();
            let line = std::str::from_utf8(key).unwrap().lines().nth(1).unwrap();
            assert!(!error.to_string().contains(line), "{cut}: {error}");
        }
    }
}

#[test]
fn certificate_and_key_have_to_belong_together() {
    let other = nuncio_testkit::certs::Authority::new().leaf();
    let identity = Identity::from_pem(CERT, other.key_pem().as_bytes(), None).unwrap();
    let error = configure(identity).unwrap_err();
    assert!(matches!(error, TlsConfigError::Identity(_)), "{error}");
}

#[test]
fn debug_shows_no_key() {
    let identity = Identity::from_pem(CERT, SEC1, None).unwrap();
    assert_eq!(format!("{identity:?}"), "Identity(1 certificates)");
}
