//! web-platform-tests' content codings and the Encoding Standard's labels. The data is kept outside
//! of the repository: `NUNCIO_CORPORA` names the folder that holds it.

#![cfg(all(
    feature = "gzip",
    feature = "brotli",
    feature = "zstd",
    feature = "charset"
))]

mod common;

use std::fs;
use std::path::PathBuf;

use nuncio_content::{Charset, DecodeErrorKind};

fn corpora(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NUNCIO_CORPORA").filter(|folder| folder != "none");
    if folder.is_none() {
        eprintln!(
            "skipped: {what}: set NUNCIO_CORPORA to a folder whose wpt-fetch and encoding hold \
             web-platform-tests' fetch data and the labels of the WHATWG Encoding Standard"
        );
    }
    folder.map(PathBuf::from)
}

#[test]
fn content_codings() {
    let Some(corpora) = corpora("content-encoding") else {
        return;
    };
    let (mut passed, mut total) = (0, 0);
    for coding in ["gzip", "br", "zstd"] {
        let folder = corpora.join(format!(
            "wpt-fetch/fetch/content-encoding/{coding}/resources"
        ));
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".headers") {
                continue;
            }
            let headers = fs::read_to_string(format!("{}.headers", path.display())).unwrap();
            let value = headers
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-encoding"))
                .unwrap()
                .1;
            // 27 MB byte by byte would take a minute without optimisation.
            let decode = match name.starts_with("big.text") {
                true => common::whole,
                false => common::every_way,
            };
            let outcome = decode(common::codings(value), &fs::read(&path).unwrap());
            total += 1;
            if is_right(name, &outcome) {
                passed += 1;
            } else {
                let start = &outcome.decoded[..outcome.decoded.len().min(40)];
                eprintln!("{name}: {:?}, {}", outcome.error, start.escape_ascii());
            }
        }
    }
    eprintln!("WPT content-encoding: {passed}/{total}");
    assert_eq!(passed, total);
}

/// What a body should decode to, by the name of its file.
fn is_right(name: &str, outcome: &common::Outcome) -> bool {
    let decoded = &outcome.decoded;
    match name.split('.').next() {
        // Its window is larger than allowed.
        _ if name == "big.window.zst" => outcome.kind() == Some(&DecodeErrorKind::WindowTooLarge),
        Some("foo") => outcome.error.is_none() && *decoded == b"foo".repeat(3_500),
        Some("hello") => outcome.error.is_none() && decoded == b"Hello world",
        Some("big") => outcome.error.is_none() && decoded.len() == 27_000_000,
        _ => false,
    }
}

#[test]
fn encoding_labels() {
    let Some(corpora) = corpora("encoding labels") else {
        return;
    };
    let file = fs::read(corpora.join("encoding/labels-to-names.json")).unwrap();
    let labels: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&file).unwrap();
    let (mut passed, mut total) = (0, 0);
    for (label, name) in &labels {
        for label in [label.clone(), label.to_uppercase(), format!(" \t{label}\n")] {
            total += 1;
            let found = Charset::for_label(&label).map(Charset::name);
            // The mark that UTF-16 is read by is ours; without one it is little-endian.
            let found = found.map(|found| if found == "UTF-16" { "UTF-16LE" } else { found });
            if found.as_ref().ok() == name.as_str().as_ref() {
                passed += 1;
            } else {
                eprintln!("{label:?}: {found:?} for {name}");
            }
        }
    }
    eprintln!(
        "WHATWG encoding labels: {passed}/{total} ({} labels)",
        labels.len()
    );
    assert_eq!(passed, total);
}
