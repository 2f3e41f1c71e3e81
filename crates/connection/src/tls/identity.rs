//! A client's own certificate and its private key.

use super::config::{TlsConfigError, certificates};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;

/// What a client shows to servers that ask who it is: a chain of certificates, the client's own
/// first, and the private key that belongs to it.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// The certificates of one PEM text and the private key of another, which may be the same one.
    /// The key may be PKCS #8, PKCS #1 or SEC1; an encrypted one (`ENCRYPTED PRIVATE KEY`, RFC 5958
    /// section 3) needs `password` and the feature `encrypted-keys`.
    ///
    /// # Errors
    /// When one of the two is not there or cannot be read, or the password is not the one. No
    /// error's text holds anything of a key.
    pub fn from_pem(
        certificate: &[u8],
        key: &[u8],
        password: Option<&[u8]>,
    ) -> Result<Self, TlsConfigError> {
        let chain = certificates(certificate)?;
        let key = private_key(key, password)?;
        Ok(Identity { chain, key })
    }

    pub(super) fn into_parts(self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain, self.key)
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Identity {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} certificates)", self.chain.len())
    }
}

fn private_key(
    text: &[u8],
    password: Option<&[u8]>,
) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    if let Some(block) = encrypted(text)? {
        let password = password.ok_or(TlsConfigError::KeyNeedsPassword)?;
        return decrypt(block, password);
    }
    // Of the reader's own errors some repeat a line of the text.
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsConfigError::NoKey,
        pem::Error::MissingSectionEnd { .. } => TlsConfigError::BadKey("its PEM block has no end"),
        _ => TlsConfigError::BadKey("its PEM block cannot be decoded"),
    })
}

/// The PEM block of the first encrypted key in a text.
fn encrypted(text: &[u8]) -> Result<Option<&[u8]>, TlsConfigError> {
    // OpenSSL's way of old times stands inside of the block, in words.
    if find(text, b"Proc-Type: 4,ENCRYPTED").is_some() {
        let why = "a block with 'Proc-Type', which 'openssl pkcs8 -topk8' turns into PKCS #8";
        return Err(TlsConfigError::KeyEncryption(why.into()));
    }
    let Some(begin) = find(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") else {
        return Ok(None);
    };
    const END: &[u8] = b"-----END ENCRYPTED PRIVATE KEY-----";
    let block = text.get(begin..).unwrap_or_default();
    let end = find(block, END).ok_or(TlsConfigError::BadKey("its PEM block has no end"))?;
    Ok(block.get(..end + END.len()))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|part| part == what)
}

#[cfg(feature = "encrypted-keys")]
fn decrypt(block: &[u8], password: &[u8]) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument, pkcs5};
    use rustls::pki_types::PrivatePkcs8KeyDer;
    let bad = || TlsConfigError::BadKey("its PEM block cannot be decoded");
    let text = std::str::from_utf8(block).map_err(|_| bad())?;
    let (_, sealed) = SecretDocument::from_pem(text).map_err(|_| bad())?;
    let sealed = EncryptedPrivateKeyInfoRef::try_from(sealed.as_bytes())
        .map_err(|error| TlsConfigError::KeyEncryption(error.to_string()))?;
    // With another password the padding is right now and then, and what comes out is no key.
    let opened = sealed.decrypt(password).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_) => {
            TlsConfigError::WrongPassword
        }
        other => TlsConfigError::KeyEncryption(other.to_string()),
    })?;
    Ok(PrivatePkcs8KeyDer::from(opened.as_bytes().to_vec()).into())
}

#[cfg(not(feature = "encrypted-keys"))]
fn decrypt(_block: &[u8], _password: &[u8]) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    let why = "it needs the feature 'encrypted-keys'";
    Err(TlsConfigError::KeyEncryption(why.into()))
}
