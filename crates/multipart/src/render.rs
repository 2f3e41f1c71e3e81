//! The bytes between the data: delimiters and part headers.

use crate::guess_content_type;
use crate::{Boundary, Part};

/// Appends the delimiter and the headers before a part's data, up to the empty line. The CRLF
/// that ends the part before belongs to the delimiter (RFC 2046 section 5.1.1).
pub(crate) fn head(out: &mut Vec<u8>, boundary: &Boundary, first: bool, name: &str, part: &Part) {
    if !first {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--");
    out.extend_from_slice(boundary.as_str().as_bytes());
    out.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
    escape(out, name);
    if !part.file_name.is_empty() {
        out.extend_from_slice(b"\"; filename=\"");
        escape(out, &part.file_name);
    }
    out.extend_from_slice(b"\"\r\n");
    part.headers.write_to(out);
    if let Some(content_type) = content_type(part) {
        out.extend_from_slice(b"Content-Type: ");
        out.extend_from_slice(content_type.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the closing delimiter and its CRLF.
pub(crate) fn close(out: &mut Vec<u8>, boundary: &Boundary, empty: bool) {
    if !empty {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--");
    out.extend_from_slice(boundary.as_str().as_bytes());
    out.extend_from_slice(b"--\r\n");
}

/// The Content-Type that is sent besides the headers that the user gave.
fn content_type(part: &Part) -> Option<&str> {
    if part.headers.iter().any(|(name, _)| names_a_type(name)) {
        return None;
    }
    let guessed = || (!part.file_name.is_empty()).then(|| guess_content_type(&part.file_name));
    part.content_type.as_deref().or_else(guessed)
}

fn names_a_type(field: &str) -> bool {
    const NAME: &[u8] = b"content-type";
    let mut windows = field.as_bytes().windows(NAME.len());
    windows.any(|window| window.eq_ignore_ascii_case(NAME))
}

/// Appends a name for a place between quotes, as the HTML Standard wants `"`, CR and LF
/// (form-data encoding), and with them `\` and all other controls below 0x20 but ESC.
fn escape(out: &mut Vec<u8>, name: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in name.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x1B => out.push(byte),
            0x00..=0x1F | b'"' => out.extend_from_slice(&[
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 0xF)],
            ]),
            _ => out.push(byte),
        }
    }
}
