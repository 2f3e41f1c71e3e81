//! Content types by file extension.
//!
//! A table of our own, so that the same program sends the same bytes on every host: what a
//! system's tables say differs (`.xml`, `.js`), and so do other crates' (`.xml`, `.gz`). Names are
//! those of the IANA media type registry where it has one, else what clients commonly send.

/// What a file of unknown type is.
const UNKNOWN: &str = "application/octet-stream";

/// Suffixes that say how a file is compressed and not what it is.
const COMPRESSIONS: [&str; 5] = ["gz", "bz2", "xz", "z", "br"];

/// Extensions that stand for two: the type, and a compression that needs no peeling then.
const SHORT: [(&str, &str); 6] = [
    ("svgz", "svg"),
    ("taz", "tar"),
    ("tbz2", "tar"),
    ("tgz", "tar"),
    ("txz", "tar"),
    ("tz", "tar"),
];

/// The content type of a file by the extension of its name, in any case; `application/octet-stream`
/// when there is none or it is not in the crate's fixed table.
///
/// One compression suffix (`.gz`, `.bz2`, `.xz`, `.Z`, `.br`) is passed over, so `a.tar.gz` is
/// `application/x-tar`. Dots at the start of a name begin no extension.
///
/// ```
/// use nuncio_multipart::guess_content_type;
///
/// assert_eq!(guess_content_type("Photo.JPG"), "image/jpeg");
/// assert_eq!(guess_content_type("backup.tgz"), "application/x-tar");
/// assert_eq!(guess_content_type("data.gz"), "application/octet-stream");
/// ```
pub fn guess_content_type(file_name: &str) -> &'static str {
    let name = file_name.rsplit('/').next().unwrap_or_default();
    let name = name.trim_start_matches('.');
    let find = || {
        let (stem, extension) = name.rsplit_once('.')?;
        if let Some((_, whole)) = SHORT
            .iter()
            .find(|(short, _)| short.eq_ignore_ascii_case(extension))
        {
            return look_up(whole);
        }
        if COMPRESSIONS
            .iter()
            .any(|it| it.eq_ignore_ascii_case(extension))
        {
            return look_up(stem.rsplit_once('.')?.1);
        }
        look_up(extension)
    };
    find().unwrap_or(UNKNOWN)
}

fn look_up(extension: &str) -> Option<&'static str> {
    let extension = extension.to_ascii_lowercase();
    let found = TYPES.binary_search_by_key(&extension.as_str(), |(known, _)| known);
    TYPES
        .get(found.ok()?)
        .map(|(_, content_type)| *content_type)
}

/// Sorted by extension.
const TYPES: &[(&str, &str)] = &[
    ("3g2", "video/3gpp2"),
    ("3gp", "video/3gpp"),
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("ai", "application/postscript"),
    ("aif", "audio/x-aiff"),
    ("aiff", "audio/x-aiff"),
    ("apk", "application/vnd.android.package-archive"),
    ("apng", "image/apng"),
    ("atom", "application/atom+xml"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("c", "text/plain"),
    ("cbor", "application/cbor"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("eml", "message/rfc822"),
    ("eot", "application/vnd.ms-fontobject"),
    ("eps", "application/postscript"),
    ("epub", "application/epub+zip"),
    ("flac", "audio/flac"),
    ("geojson", "application/geo+json"),
    ("gif", "image/gif"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("h", "text/plain"),
    ("har", "application/json"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar"),
    ("jar", "application/java-archive"),
    ("jpe", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("log", "text/plain"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/x-m4v"),
    ("map", "application/json"),
    ("markdown", "text/markdown"),
    ("md", "text/markdown"),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("mjs", "text/javascript"),
    ("mkv", "video/matroska"),
    ("mov", "video/quicktime"),
    ("mp2", "audio/mpeg"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/opus"),
    ("otf", "font/otf"),
    ("p12", "application/x-pkcs12"),
    ("pdf", "application/pdf"),
    ("pfx", "application/x-pkcs12"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("ps", "application/postscript"),
    ("py", "text/x-python"),
    ("qt", "video/quicktime"),
    ("rar", "application/vnd.rar"),
    ("rss", "application/rss+xml"),
    ("rtf", "application/rtf"),
    ("sh", "application/x-sh"),
    ("sql", "application/sql"),
    ("srt", "text/plain"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("toml", "application/toml"),
    ("tsv", "text/tab-separated-values"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain"),
    ("vcf", "text/vcard"),
    ("vtt", "text/vtt"),
    ("wasm", "application/wasm"),
    ("wav", "audio/x-wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xls", "application/vnd.ms-excel"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("xml", "application/xml"),
    ("xsl", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        assert!(TYPES.is_sorted_by(|(a, _), (b, _)| a < b));
        let lower =
            |(extension, _): &(&str, &str)| extension.bytes().all(|b| !b.is_ascii_uppercase());
        assert!(TYPES.iter().all(lower));
        assert!(COMPRESSIONS.iter().all(|it| look_up(it).is_none()));
        assert!(SHORT.iter().all(|(_, whole)| look_up(whole).is_some()));
    }
}
