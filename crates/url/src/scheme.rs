//! The schemes that the standard treats specially.

/// A scheme as far as the standard tells schemes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    Ws,
    Wss,
    Ftp,
    File,
    Other,
}

impl Scheme {
    /// Looks a scheme up, in any case of letters.
    pub(crate) fn of(name: &str) -> Self {
        const SPECIAL: [(&str, Scheme); 6] = [
            ("http", Scheme::Http),
            ("https", Scheme::Https),
            ("ws", Scheme::Ws),
            ("wss", Scheme::Wss),
            ("ftp", Scheme::Ftp),
            ("file", Scheme::File),
        ];
        SPECIAL
            .iter()
            .find(|(special, _)| name.eq_ignore_ascii_case(special))
            .map_or(Self::Other, |(_, scheme)| *scheme)
    }

    pub(crate) fn is_special(self) -> bool {
        self != Self::Other
    }

    pub(crate) fn default_port(self) -> Option<u16> {
        match self {
            Self::Http | Self::Ws => Some(80),
            Self::Https | Self::Wss => Some(443),
            Self::Ftp => Some(21),
            Self::File | Self::Other => None,
        }
    }

    /// Whether `byte` ends a path segment.
    pub(crate) fn is_slash(self, byte: u8) -> bool {
        byte == b'/' || (byte == b'\\' && self.is_special())
    }
}

/// The end of a scheme at the start of `input`: the index of its colon.
pub(crate) fn scheme_end(input: &str) -> Option<usize> {
    let bytes = input.as_bytes();
    if !bytes.first()?.is_ascii_alphabetic() {
        return None;
    }
    let end = bytes
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')))?;
    (bytes.get(end) == Some(&b':')).then_some(end)
}
