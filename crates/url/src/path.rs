//! Paths: dot segments, Windows drive letters, and the guard before `//`.

use crate::percent::{self, Set};
use crate::record::Url;
use crate::scheme::Scheme;

/// Path state: appends the segments of `text`, which is behind the slash that starts the first one.
/// The URL's text ends with its path so far.
pub(crate) fn push(url: &mut Url, text: &str) {
    if url.scheme != Scheme::File && !needs_segments(url.scheme, text) {
        url.href.push('/');
        percent::encode_into(&mut url.href, text, Set::PATH);
        return;
    }
    let mut rest = text;
    loop {
        let end = rest
            .bytes()
            .position(|b| url.scheme.is_slash(b))
            .unwrap_or(rest.len());
        let (segment, after) = rest.split_at(end);
        push_segment(url, segment, after.is_empty());
        match after.get(1..) {
            Some(after) => rest = after,
            None => return,
        }
    }
}

/// Whether the path cannot be copied as a whole: a dot segment may be in it, or a backslash that
/// becomes a slash. May say yes where no would do.
fn needs_segments(scheme: Scheme, text: &str) -> bool {
    let mut before = b'/';
    text.bytes().any(|byte| {
        let dot = before == b'/' && matches!(byte, b'.' | b'%');
        before = byte;
        dot || (byte == b'\\' && scheme.is_special())
    })
}

fn push_segment(url: &mut Url, segment: &str, is_last: bool) {
    match leading_dots(segment) {
        Some(dots) => {
            if dots == 2 {
                shorten(url);
            }
            if is_last {
                url.href.push('/');
            }
        }
        None => {
            let is_first = url.href.len() == url.path_start as usize;
            url.href.push('/');
            if url.scheme == Scheme::File && is_first && is_drive_letter(segment) {
                url.href.push_str(segment.get(..1).unwrap_or_default());
                url.href.push(':');
            } else {
                percent::encode_into(&mut url.href, segment, Set::PATH);
            }
        }
    }
}

/// One or two for a single-dot or double-dot segment, whose dots may be encoded.
pub(crate) fn leading_dots(segment: &str) -> Option<u8> {
    let mut rest = segment.as_bytes();
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', after @ ..] | [b'%', b'2', b'e' | b'E', after @ ..] if dots < 2 => after,
            _ => return None,
        };
        dots += 1;
    }
    (dots > 0).then_some(dots)
}

/// Removes the last segment, but for the drive letter of a file URL.
pub(crate) fn shorten(url: &mut Url) {
    let path = url.href.get(url.path_start as usize..).unwrap_or_default();
    if url.scheme == Scheme::File && drive_letter(path).is_some_and(|drive| drive == path) {
        return;
    }
    if let Some(slash) = path.bytes().rposition(|b| b == b'/') {
        url.href.truncate(url.path_start as usize + slash);
    }
}

/// Puts `/.` before a path that starts with `//` and has no host before it, so that it is not taken
/// for one when the URL is read again.
pub(crate) fn guard(url: &mut Url) {
    let start = url.path_start as usize;
    if !url.has_authority()
        && url
            .href
            .get(start..)
            .is_some_and(|path| path.starts_with("//"))
    {
        url.href.insert_str(start, "/.");
        url.path_start += 2;
    }
}

/// A letter, and `:` or `|`.
pub(crate) fn is_drive_letter(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':' | b'|'] if letter.is_ascii_alphabetic())
}

/// "Starts with a Windows drive letter".
pub(crate) fn starts_with_drive_letter(text: &str) -> bool {
    text.get(..2).is_some_and(is_drive_letter)
        && matches!(
            text.as_bytes().get(2),
            None | Some(b'/' | b'\\' | b'?' | b'#')
        )
}

/// The first segment of a file URL's path with its slash, where it is a normalised drive letter.
pub(crate) fn drive_letter(path: &str) -> Option<&str> {
    match path.as_bytes() {
        [b'/', letter, b':'] | [b'/', letter, b':', b'/', ..] if letter.is_ascii_alphabetic() => {
            path.get(..3)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_are_found_however_they_are_written() {
        for (segment, dots) in [
            (".", Some(1)),
            ("%2e", Some(1)),
            ("..", Some(2)),
            (".%2E", Some(2)),
            ("%2e.", Some(2)),
            ("%2E%2e", Some(2)),
            ("", None),
            ("...", None),
            (".a", None),
            ("%2f", None),
            ("%2", None),
        ] {
            assert_eq!(leading_dots(segment), dots, "{segment}");
        }
    }

    #[test]
    fn a_drive_letter_is_a_letter_and_a_colon_or_bar() {
        assert!(is_drive_letter("C:") && is_drive_letter("z|"));
        assert!(!is_drive_letter("C") && !is_drive_letter("1:") && !is_drive_letter("C:/"));
        assert!(starts_with_drive_letter("C|") && starts_with_drive_letter("c:?"));
        assert!(!starts_with_drive_letter("c:x"));
        assert_eq!(drive_letter("/C:/x"), Some("/C:"));
        assert_eq!(drive_letter("/C:x"), None);
    }
}
