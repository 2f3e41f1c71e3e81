//! What can be wrong with a URL.

use std::error::Error;
use std::fmt;

/// Why a text is no URL, or why a part of one was refused.
///
/// No variant quotes the input: a URL may hold a password, and a misplaced `/` or `@` moves pieces
/// of it into the host or the port. The one character that a host may not hold is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseError {
    /// The input, or the URL that it would make, is longer than [`Url::MAX_LEN`](crate::Url::MAX_LEN).
    TooLong,
    /// The input has no scheme and there is no base to resolve it against.
    RelativeWithoutBase,
    /// The base has an opaque path (`mailto:`, `data:`): only a fragment can be resolved against it.
    OpaqueBase,
    /// The scheme is not a letter followed by letters, digits, `+`, `-` and `.`.
    InvalidScheme,
    /// The change of scheme is one that the standard refuses: between special and other schemes,
    /// or to and from `file` where host, port or credentials stand against it.
    SchemeChange,
    /// The host is empty where the scheme, the credentials or the port need one.
    EmptyHost,
    /// The host holds a character that no host may hold.
    ForbiddenHostCharacter(char),
    /// A host that ends in a number is no IPv4 address.
    InvalidIpv4,
    /// The text in brackets is no IPv6 address, or a bracket is missing.
    InvalidIpv6,
    /// UTS 46 refuses the domain.
    InvalidDomain,
    /// The host is not ASCII and the crate was built without its feature `idna`.
    IdnaDisabled,
    /// The port is no decimal number of 0 to 65535.
    InvalidPort,
    /// This URL can have no credentials and no port: it has no host, or its scheme is `file`.
    CannotHaveCredentialsOrPort,
    /// This URL has an opaque path, so that its host and path cannot be set.
    CannotSetOnOpaquePath,
    /// A component given to the [`Builder`](crate::Builder) holds what would end it, or contradicts
    /// another one. The name of the component.
    InvalidComponent(&'static str),
    /// A relative URL under a base URL names a host (`//host/path`): it would leave the base's origin.
    EscapesBase,
    /// A URL under a base URL has a special scheme without `//` (`https:path`): it might mean a
    /// host or a path.
    SchemeWithoutAuthority,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "URL is longer than 1 MiB",
            Self::RelativeWithoutBase => "relative URL without a base",
            Self::OpaqueBase => "the base URL has an opaque path, nothing can be relative to it",
            Self::InvalidScheme => "invalid URL scheme",
            Self::SchemeChange => "the URL's scheme cannot be changed to this one",
            Self::EmptyHost => "URL has an empty host",
            Self::ForbiddenHostCharacter(c) => {
                return write!(f, "character {:?} is not allowed in a host", c);
            }
            Self::InvalidIpv4 => "invalid IPv4 address in URL",
            Self::InvalidIpv6 => "invalid IPv6 address in URL",
            Self::InvalidDomain => "invalid international domain name in URL",
            Self::IdnaDisabled => "non-ASCII host, and built without the feature `idna`",
            Self::InvalidPort => "invalid port in URL",
            Self::CannotHaveCredentialsOrPort => "this URL can have no credentials and no port",
            Self::CannotSetOnOpaquePath => "this URL has an opaque path and no host",
            Self::InvalidComponent(name) => return write!(f, "invalid URL component `{name}`"),
            Self::EscapesBase => "relative URL with a host of its own, under a base URL",
            Self::SchemeWithoutAuthority => "URL with a scheme but without `//`, under a base URL",
        })
    }
}

impl Error for ParseError {}

/// Why a URL's host must not be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DialError {
    /// There is no host to dial.
    EmptyHost,
    /// The host has an `xn--` label that is no valid Punycode of a valid name.
    InvalidPunycode,
    /// The host of a URL with a scheme of its own kind is no domain and no address.
    InvalidHost,
    /// Port 0 cannot be connected to.
    PortZero,
    /// The URL names no port and its scheme has no default.
    NoPort,
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyHost => "URL has no host to connect to",
            Self::InvalidPunycode => "the host has a label that is invalid Punycode",
            Self::InvalidHost => "the host is neither a domain nor an IP address",
            Self::PortZero => "port 0 cannot be connected to",
            Self::NoPort => "URL has no port and its scheme has no default port",
        })
    }
}

impl Error for DialError {}
