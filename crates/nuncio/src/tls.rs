//! How TLS is spoken: whom to trust, who we are, which versions, by which provider.
//!
//! ```no_run
//! use nuncio::tls::{Identity, Tls, TlsVersion};
//!
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! let tls = Tls::new()
//!     .root_certificates_file("/etc/internal/ca.pem")
//!     .identity(Identity::file("client.pem").key_file("client.key"))
//!     .min_version(TlsVersion::Tls13);
//! let client = nuncio::blocking::Client::builder().tls(tls).build()?;
//! let response = client.get("https://internal.example/").send()?;
//! println!("{}", response.tls().expect("it came over TLS"));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```

#[cfg(feature = "aws-lc")]
pub use nuncio_client::aws_lc;
#[cfg(feature = "tls")]
pub use nuncio_client::ring;
pub use nuncio_client::{Identity, Tls, TlsInfo, TlsVersion, rustls};

/// Trust as the operating system has it: its roots, and on macOS and Windows its own verdict, with
/// revocation and whatever its owner has set. On Linux the roots are those of the distribution; the
/// variables `SSL_CERT_FILE` and `SSL_CERT_DIR` are heeded there.
///
/// # Errors
/// [`Kind::Builder`](crate::Kind::Builder) when there are none, or the provider does not fit.
#[cfg(feature = "platform-roots")]
pub fn platform() -> Result<Tls, crate::Error> {
    use crate::{Error, Kind};
    let provider = nuncio_client::default_provider().ok_or_else(|| {
        let text = "no crypto provider: the features 'tls' and 'aws-lc' are off";
        Error::new(Kind::Builder, text)
    })?;
    let verifier = rustls_platform_verifier::Verifier::new(provider)
        .map_err(|error| Error::new(Kind::Builder, format!("the system's roots: {error}")))?;
    Ok(Tls::new().verifier(std::sync::Arc::new(verifier)))
}
