//! BEHAVIOUR section 9 against what the reference client sent for the same forms: same bytes,
//! same length, same Content-Type. Each character of `value` and `body` in the file is one byte.

use nuncio_headers::Headers;
use nuncio_multipart::{Boundary, Encoder, Form, Part, Step};
use serde_json::Value;

const CASES: &str = include_str!("data/reference.json");

#[test]
fn bodies_are_those_of_the_reference() {
    let file: Value = serde_json::from_str(CASES).unwrap();
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let title = &case["title"];
        let boundary = Boundary::new(case["boundary"].as_str().unwrap()).unwrap();
        let parts = case["parts"].as_array().unwrap();
        let mut encoder = parts.iter().fold(Form::new(), add).encoder(boundary);
        assert_eq!(encoder.content_type(), case["content_type"], "{title}");
        assert_eq!(
            encoder.content_length(),
            case["content_length"].as_u64(),
            "{title}"
        );
        let body = run(&mut encoder, parts);
        let expected = bytes(&case["body"]);
        assert_eq!(
            body.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{title}"
        );
    }
    println!("{0}/{0} bodies", cases.len());
    assert_eq!(cases.len(), 97);
}

fn add(form: Form, given: &Value) -> Form {
    let name = given["name"].as_str().unwrap();
    let value = bytes(&given["value"]);
    if given["kind"] == "field" {
        return form.bytes(name, value);
    }
    let mut part = match given["mode"].as_str().unwrap() {
        "held" => Part::bytes(value),
        "file" => Part::reader(Some(value.len() as u64)),
        "pipe" => Part::reader(None),
        other => panic!("{other}"),
    };
    match given.get("file_name") {
        None => {}
        Some(file_name) => part = part.file_name(file_name.as_str().unwrap_or_default()),
    }
    if let Some(content_type) = given.get("content_type").and_then(Value::as_str) {
        part = part.content_type(content_type).unwrap();
    }
    if let Some(pairs) = given.get("headers").and_then(Value::as_array) {
        let pair = |pair: &Value| (bytes(&pair[0]), bytes(&pair[1]));
        let mut headers = Headers::new();
        for (name, value) in pairs.iter().map(pair) {
            headers
                .append(String::from_utf8(name).unwrap(), value)
                .unwrap();
        }
        part = part.headers(headers);
    }
    form.part(name, part)
}

fn run(encoder: &mut Encoder, parts: &[Value]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut read = vec![false; parts.len()];
    loop {
        match encoder.poll().unwrap() {
            Step::Chunk(chunk) => body.extend_from_slice(&chunk),
            Step::Need { part } if read[part] => encoder.end_of_part(part).unwrap(),
            Step::Need { part } => {
                read[part] = true;
                encoder
                    .supply(part, bytes(&parts[part]["value"]).into())
                    .unwrap();
            }
            Step::Done => return body,
        }
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    let byte = |char| u8::try_from(u32::from(char)).unwrap();
    text.as_str().unwrap().chars().map(byte).collect()
}
