//! File names that a server chose.

/// Bytes; file systems allow 255, which leaves room for what a caller adds.
const MAX_LEN: usize = 200;
/// Longer extensions are cut with the rest.
const MAX_EXTENSION: usize = 16;

/// Makes one plain file name of a name that a peer chose, or `None` when nothing is left.
///
/// The result is a single path component of at most 200 bytes on every system: what stands before
/// the last `/` or `\` goes, it starts with neither dot, dash, tilde nor space and ends with
/// neither dot nor space, control, invisible and direction-changing characters and what Windows
/// forbids (`:` of drives and streams among it) become `_`, and names of Windows' devices get a
/// `_` in front. Percent signs mean nothing. Files should still be created with `create_new`, in a
/// directory that nobody else writes to.
pub fn safe_file_name(name: &str) -> Option<String> {
    let base = name.rsplit(is_separator).next().unwrap_or_default();
    let plain: String = base
        .chars()
        .map(|c| if is_forbidden(c) { '_' } else { c })
        .collect();
    let plain = plain
        .trim_start_matches(is_bad_start)
        .trim_end_matches(is_bad_end);
    // Judged as it will be used: what is cut off may be all that made it a name, or no device.
    let mut name = shorten(plain);
    if name.chars().all(|c| c == '_') {
        return None;
    }
    if is_device(&name) {
        name = shorten(&format!("_{name}"));
    }
    Some(name)
}

/// `/`, `\` and what some systems fold to them.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        '/' | '\\' | '\u{2044}' | '\u{2215}' | '\u{29F8}' | '\u{29F9}'
    ) || matches!(c, '\u{FE68}' | '\u{FF0F}' | '\u{FF3C}')
}

fn is_forbidden(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{FF1A}')
        || c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

fn is_bad_start(c: char) -> bool {
    matches!(c, '.' | '-' | '~') || c.is_whitespace()
}

fn is_bad_end(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Cuts in front of the extension where there is one of sensible length.
fn shorten(name: &str) -> String {
    if name.len() <= MAX_LEN {
        return name.to_owned();
    }
    let (stem, extension) = match name.rfind('.').and_then(|dot| name.split_at_checked(dot)) {
        Some((stem, extension)) if extension.len() <= MAX_EXTENSION => (stem, extension),
        _ => (name, ""),
    };
    let mut end = MAX_LEN - extension.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let stem = stem
        .get(..end)
        .unwrap_or_default()
        .trim_end_matches(is_bad_end);
    format!("{stem}{extension}")
}

/// Windows opens a device for these, whatever the extension.
fn is_device(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$" => true,
        _ => ["COM", "LPT"]
            .iter()
            .filter_map(|port| stem.strip_prefix(port))
            .any(|number| {
                let mut digits = number.chars();
                matches!(digits.next(), Some('0'..='9' | '¹' | '²' | '³'))
                    && digits.next().is_none()
            }),
    }
}
