//! The conformance data of the folder `NUNCIO_CORPORA`.

use nuncio_headers::Headers;
use nuncio_headers::typed::{ContentType, parse_http_date};
use serde_json::Value;

/// A file of the corpora; none, with a word about it, when there is no folder.
fn load(path: &str) -> Option<Value> {
    let Some(folder) = std::env::var_os("NUNCIO_CORPORA") else {
        println!(
            "skipped: NUNCIO_CORPORA names no folder (mime-types.json and the like are those of \
             https://github.com/web-platform-tests/wpt)"
        );
        return None;
    };
    let text = std::fs::read(std::path::Path::new(&folder).join(path)).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

fn cases(data: &Value) -> impl Iterator<Item = &Value> {
    data.as_array()
        .unwrap()
        .iter()
        .filter(|case| case.is_object())
}

/// Each code point below 0x100 as one byte, as a WPT server would send it.
fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

#[test]
fn mime_types_as_the_whatwg_reads_them() {
    for file in ["mime-types.json", "generated-mime-types.json"] {
        let Some(data) = load(&format!("wpt-fetch/mimesniff/mime-types/resources/{file}")) else {
            return;
        };
        let (mut passed, mut total) = (0, 0);
        for case in cases(&data) {
            let input = case["input"].as_str().unwrap();
            // What is above 0xFF cannot be sent: it stands for a byte string that is not valid.
            let read = match bytes(input) {
                Some(bytes) => ContentType::parse(bytes),
                None => ContentType::parse(input.replace(|c| c as u32 > 0xFF, "\u{1}")),
            };
            let written = read.map(|kind| kind.to_string());
            assert_eq!(written.as_deref(), case["output"].as_str(), "{input:?}");
            (passed, total) = (passed + 1, total + 1);
        }
        println!("{file}: {passed}/{total}");
    }
}

#[test]
fn content_types_of_several_fields_as_fetch_combines_them() {
    let Some(data) = load("wpt-fetch/fetch/content-type/resources/content-types.json") else {
        return;
    };
    let mut passed = 0;
    for case in cases(&data) {
        let values = case["contentType"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_str().unwrap());
        let headers = Headers::from_pairs(values.map(|value| ("content-type", value))).unwrap();
        let read = headers.content_type().map(|kind| kind.to_string());
        assert_eq!(read.as_deref(), case["mimeType"].as_str(), "{case}");
        passed += 1;
    }
    println!("content-types.json: {passed}/{passed}");
}

/// WPT lets a client read on to the end of the connection where no value is a number (output 42,
/// the size of the body that is sent); for us that is an error, as SECURITY F3 asks.
#[test]
fn content_lengths_as_fetch_reads_them() {
    let Some(data) = load("wpt-fetch/fetch/content-length/resources/content-lengths.json") else {
        return;
    };
    let (mut passed, mut stricter) = (0, 0);
    for case in cases(&data) {
        let lines = case["input"].as_str().unwrap().split("\r\n");
        let pairs = lines.map(|line| line.split_once(':').unwrap());
        let headers = Headers::from_pairs(pairs.map(|(name, value)| (name, value.trim()))).unwrap();
        let read = headers
            .content_length()
            .map(|length| length.unwrap().length);
        match (read, case["output"].as_u64()) {
            (Ok(length), Some(expected)) => assert_eq!(length, expected),
            (Err(_), None) => {}
            (Err(_), Some(42)) => stricter += 1,
            other => panic!("{case}: {other:?}"),
        }
        passed += 1;
    }
    println!("content-lengths.json: {passed}/{passed}, {stricter} of them stricter");
    assert_eq!(stricter, 9);
}

#[test]
fn examples_of_the_rfcs() {
    let Some(data) = load("rfc-examples/rfc-examples.json") else {
        return;
    };
    for case in cases(&data["http_dates"]) {
        assert_eq!(
            parse_http_date(case["value"].as_str().unwrap()),
            case["unix"].as_i64()
        );
    }
    for case in cases(&data["challenges"]) {
        let headers =
            Headers::from_pairs([("www-authenticate", text(&case["header"]).trim())]).unwrap();
        let read = headers.www_authenticate();
        let expected = case["challenges"].as_array().unwrap();
        assert_eq!(read.len(), expected.len(), "{case}");
        for (challenge, expected) in read.iter().zip(expected) {
            assert_eq!(challenge.scheme, text(&expected["scheme"]));
            assert_eq!(challenge.token68.as_deref(), expected["token68"].as_str());
            let empty = serde_json::Map::new();
            let pairs = expected["params"].as_object().unwrap_or(&empty);
            assert_eq!(challenge.parameters.iter().len(), pairs.len());
            for (name, value) in pairs {
                assert_eq!(challenge.parameters.get(name), value.as_str());
            }
        }
    }
    for case in cases(&data["link"]) {
        let headers = Headers::from_pairs([("link", text(&case["header"]))]).unwrap();
        let (links, expected) = (headers.links(), case["links"].as_array().unwrap());
        assert_eq!(links.len(), expected.len());
        for (link, expected) in links.iter().zip(expected) {
            assert_eq!(link.url, text(&expected["target"]));
            assert_eq!(link.rel(), expected["rel"].as_str());
            assert_eq!(link.title().as_deref(), expected["title"].as_str());
            assert_eq!(link.parameters.get("anchor"), expected["anchor"].as_str());
        }
    }
    for case in cases(&data["ext_values_and_content_disposition"]) {
        // The examples of RFC 8187 are of no particular field.
        let (_, value) = text(&case["header"]).split_once(':').unwrap();
        let headers = Headers::from_pairs([("content-disposition", value.trim())]).unwrap();
        let read = headers.content_disposition().unwrap();
        assert_eq!(
            read.parameters.extended(text(&case["param"])).as_deref(),
            case["value"].as_str()
        );
    }
    println!("rfc-examples.json: all of dates, challenges, links, ext-values");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
