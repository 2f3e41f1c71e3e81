//! What does the cryptography: a value, never the process's default.

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// ring: small, builds with a C compiler alone.
#[cfg(feature = "ring")]
pub fn ring() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// AWS-LC, by aws-lc-rs. Its key exchange withstands quantum computers (X25519MLKEM768), where the
/// server knows it too.
#[cfg(feature = "aws-lc")]
pub fn aws_lc() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The one that is used where none is named: ring if it is compiled in, so that another feature
/// changes nothing for those who do not ask; else AWS-LC; none where neither is.
pub fn default_provider() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "ring")]
    return Some(ring());
    #[cfg(all(feature = "aws-lc", not(feature = "ring")))]
    return Some(aws_lc());
    #[cfg(not(any(feature = "ring", feature = "aws-lc")))]
    None
}
