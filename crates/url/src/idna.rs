//! International domain names, and what stands in their place without the feature `idna`.

use std::borrow::Cow;

use crate::error::ParseError;

/// Domain to ASCII with the standard's flags, for a domain that is not all ASCII.
#[cfg(feature = "idna")]
pub(crate) fn to_ascii(domain: &str) -> Result<Cow<'_, str>, ParseError> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
    Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::URL,
            Hyphens::Allow,
            DnsLength::Ignore,
        )
        .map_err(|_| ParseError::InvalidDomain)
}

#[cfg(not(feature = "idna"))]
pub(crate) fn to_ascii(_: &str) -> Result<Cow<'_, str>, ParseError> {
    Err(ParseError::IdnaDisabled)
}

/// The domain with every `xn--` label decoded that can be.
#[cfg(feature = "idna")]
pub(crate) fn to_unicode(domain: &str) -> Cow<'_, str> {
    if !has_encoded_label(domain) {
        return Cow::Borrowed(domain);
    }
    let mut out = String::with_capacity(domain.len());
    for (index, label) in domain.split('.').enumerate() {
        if index > 0 {
            out.push('.');
        }
        out.push_str(&decode_label(label).unwrap_or(Cow::Borrowed(label)));
    }
    Cow::Owned(out)
}

#[cfg(not(feature = "idna"))]
pub(crate) fn to_unicode(domain: &str) -> Cow<'_, str> {
    Cow::Borrowed(domain)
}

/// Whether every `xn--` label of a lower-case ASCII domain is what UTS 46 makes of some label.
pub(crate) fn is_valid_punycode(domain: &str) -> bool {
    !has_encoded_label(domain)
        || domain
            .split('.')
            .all(|label| !is_encoded(label) || decode_label(label).is_some())
}

fn has_encoded_label(domain: &str) -> bool {
    domain.split('.').any(is_encoded)
}

fn is_encoded(label: &str) -> bool {
    label
        .get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

#[cfg(feature = "idna")]
fn decode_label(label: &str) -> Option<Cow<'_, str>> {
    use idna::uts46::{AsciiDenyList, Hyphens, Uts46};
    let (unicode, verdict) =
        Uts46::new().to_unicode(label.as_bytes(), AsciiDenyList::URL, Hyphens::Allow);
    verdict.is_ok().then_some(unicode)
}

/// Without UTS 46's tables, the Punycode alone is judged: it must decode, to something that is not
/// ASCII and no control character (RFC 3492, section 6.2).
#[cfg(not(feature = "idna"))]
fn decode_label(label: &str) -> Option<Cow<'_, str>> {
    const BASE: u32 = 36;
    let encoded = label.get(4..)?;
    let (basic, deltas) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    if deltas.is_empty() || label.len() > 63 {
        return None;
    }
    let mut text: Vec<char> = basic.chars().collect();
    let (mut code, mut index, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = deltas.bytes();
    while digits.len() > 0 {
        let (before, mut weight, mut k) = (index, 1_u32, BASE);
        loop {
            let digit = match digits.next()? {
                byte @ b'a'..=b'z' => u32::from(byte - b'a'),
                byte @ b'A'..=b'Z' => u32::from(byte - b'A'),
                byte @ b'0'..=b'9' => u32::from(byte - b'0') + 26,
                _ => return None,
            };
            index = index.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
        }
        let count = u32::try_from(text.len()).ok()? + 1;
        let mut delta = (index - before) / if before == 0 { 700 } else { 2 };
        delta += delta / count;
        let mut k = 0;
        while delta > 455 {
            delta /= BASE - 1;
            k += BASE;
        }
        bias = k + BASE * delta / (delta + 38);
        code = code.checked_add(index / count)?;
        index %= count;
        text.insert(
            index as usize,
            char::from_u32(code).filter(|c| !c.is_control())?,
        );
        index += 1;
    }
    Some(Cow::Owned(text.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_no_punycode_are_told_apart() {
        for domain in [
            "example.com",
            "xn--bcher-kva.example",
            "a.xn--fiqs8s",
            "XN--BCHER-KVA",
        ] {
            assert!(is_valid_punycode(domain), "{domain}");
        }
        for domain in [
            "xn--example-.com",
            "x.xn--",
            "xn--",
            "xn--a",
            "xn--99999999",
        ] {
            assert!(!is_valid_punycode(domain), "{domain}");
        }
    }
}
