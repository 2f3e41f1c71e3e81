//! [`Boundary`]: what stands between the parts.

use std::borrow::Cow;
use std::fmt;

use nuncio_headers::check_name;

use crate::BoundaryError;

/// The most bytes that a boundary may have (RFC 2046 section 5.1.1).
const LONGEST: usize = 70;

/// The start of a Content-Type that this crate is asked to complete.
const FORM_DATA: &[u8] = b"multipart/form-data";

/// What stands between the parts of a body (RFC 2046 section 5.1.1): 1 to 70 letters, digits,
/// spaces and `'()+_,-./:=?`, not ending with a space.
///
/// A request's boundary, when the user may have set its Content-Type:
///
/// ```
/// # use nuncio_multipart::{Boundary, BoundaryError};
/// # fn main() -> Result<(), BoundaryError> {
/// let given = "multipart/form-data; charset=utf-8";
/// let boundary = match Boundary::from_content_type(given)? {
///     Some(boundary) => boundary,
///     None => Boundary::random()?,
/// };
/// let content_type = boundary.complete(given); // what to send in its place
/// assert_eq!(content_type, format!("{given}; boundary={boundary}").as_bytes());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    text: Box<str>,
}

impl Boundary {
    /// 128 random bits from the operating system, as 32 hexadecimal digits.
    ///
    /// That no data holds it can be taken for granted, as nobody can guess it.
    ///
    /// # Errors
    /// [`BoundaryError::NoRandomness`].
    pub fn random() -> Result<Self, BoundaryError> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|_| BoundaryError::NoRandomness)?;
        let text = format!("{:032x}", u128::from_be_bytes(bits));
        Ok(Self { text: text.into() })
    }

    /// A boundary that has been settled elsewhere, or in a test.
    ///
    /// The data is not searched for it: whoever can guess it and has a say in the data of a part
    /// can end that part there and write others. [`random`](Self::random) has no such weakness.
    ///
    /// # Errors
    /// All of [`BoundaryError`] but `NoRandomness`.
    pub fn new(text: impl AsRef<str>) -> Result<Self, BoundaryError> {
        Self::from_bytes(text.as_ref().as_bytes())
    }

    /// The boundary that a Content-Type names, if it starts with `multipart/form-data` (in lower
    /// case) and has a parameter `boundary` (in any case). Quotes around its value are left out.
    ///
    /// # Errors
    /// All of [`BoundaryError`] but `NoRandomness`, when it names one that cannot be used.
    pub fn from_content_type(value: impl AsRef<[u8]>) -> Result<Option<Self>, BoundaryError> {
        find_parameter(value.as_ref())
            .map(Self::from_bytes)
            .transpose()
    }

    /// The Content-Type to send in place of `given`: a `multipart/form-data` that lacks its
    /// boundary gets this one, and any other value stays as it is.
    pub fn complete<'a>(&self, given: &'a (impl AsRef<[u8]> + ?Sized)) -> Cow<'a, [u8]> {
        let given = given.as_ref();
        if !given.starts_with(FORM_DATA) || find_parameter(given).is_some() {
            return Cow::Borrowed(given);
        }
        let given = given.trim_ascii_end();
        let given = given.strip_suffix(b";").unwrap_or(given);
        Cow::Owned([given, self.parameter().as_bytes()].concat())
    }

    /// The Content-Type of a body with this boundary.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data{}", self.parameter())
    }

    /// The boundary without the dashes before it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, BoundaryError> {
        if bytes.is_empty() {
            return Err(BoundaryError::Empty);
        }
        if bytes.len() > LONGEST {
            let length = bytes.len();
            return Err(BoundaryError::TooLong { length });
        }
        let last = bytes.len() - 1;
        let invalid = |(position, byte): &(usize, u8)| {
            !is_boundary_byte(*byte) || (*byte == b' ' && *position == last)
        };
        match bytes.iter().copied().enumerate().find(invalid) {
            Some((position, byte)) => Err(BoundaryError::Byte { byte, position }),
            None => Ok(Self {
                text: bytes.iter().copied().map(char::from).collect(),
            }),
        }
    }

    /// `; boundary=` and the boundary, in quotes where it is no token. (None of its bytes needs
    /// escaping there.)
    fn parameter(&self) -> String {
        let quote = if check_name(self.as_str()).is_ok() {
            ""
        } else {
            "\""
        };
        format!("; boundary={quote}{}{quote}", self.text)
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The value of the first parameter `boundary` without quotes. Every `;` ends a parameter, in
/// quotes too, as a valid boundary holds none.
fn find_parameter(content_type: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"boundary=";
    if !content_type.starts_with(FORM_DATA) {
        return None;
    }
    content_type
        .split(|&byte| byte == b';')
        .find_map(|section| {
            let (name, value) = section.trim_ascii().split_at_checked(NAME.len())?;
            name.eq_ignore_ascii_case(NAME).then(|| unquote(value))
        })
}

fn unquote(mut value: &[u8]) -> &[u8] {
    while let Some(rest) = value.strip_prefix(b"\"") {
        value = rest;
    }
    while let Some(rest) = value.strip_suffix(b"\"") {
        value = rest;
    }
    value
}

/// `bchars` of RFC 2046 section 5.1.1.
fn is_boundary_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte)
}
