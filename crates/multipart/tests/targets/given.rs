//! Forms described as data, and the plain rendering of one to compare with.

use bytes::Bytes;
use nuncio_headers::{Headers, check_name, check_value};
use nuncio_multipart::{Encoder, Form, Part, Step, guess_content_type};

/// One part. Without a file name it is a field.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) source: Source,
    pub(crate) data: Vec<u8>,
}

/// Where the data comes from; sources yield chunks of so many bytes, or all at once with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Held,
    Sized(usize),
    Unsized(usize),
}

impl Given {
    /// Drops what [`Part`] refuses.
    pub(crate) fn keep_what_is_valid(&mut self) {
        self.content_type
            .take_if(|value| check_value("x", value).is_err());
        self.headers
            .retain(|(name, value)| check_name(name).is_ok() && check_value("x", value).is_ok());
    }

    /// Whether simple parsers agree on the names: there is no `\`, nothing that looks like a
    /// parameter, no second Content-Disposition and no header that is not UTF-8.
    pub(crate) fn is_read_alike(&self) -> bool {
        let names = || self.file_name.iter().chain([&self.name]);
        let odd = |name: &String| {
            name.contains(['\\', ';', '=']) || name.contains("name") || name.trim() != name
        };
        let misleads = |(name, value): &(String, Vec<u8>)| {
            name.eq_ignore_ascii_case("content-disposition") || std::str::from_utf8(value).is_err()
        };
        !names().any(odd) && !self.headers.iter().any(misleads)
    }

    fn part(&self) -> Part {
        let part = match self.source {
            Source::Held => Part::bytes(self.data.clone()),
            Source::Sized(_) => Part::reader(Some(self.data.len() as u64)),
            Source::Unsized(_) => Part::reader(None),
        };
        let mut part = part
            .file_name(self.file_name.clone().unwrap_or_default())
            .headers(Headers::from_pairs(self.headers.iter().map(|(n, v)| (n, v))).unwrap());
        if let Some(content_type) = &self.content_type {
            part = part.content_type(content_type).unwrap();
        }
        part
    }
}

pub(crate) fn form(parts: &[Given]) -> Form {
    let add = |form: Form, given: &Given| form.part(&given.name, given.part());
    parts.iter().fold(Form::new(), add)
}

/// Runs the encoder with the data of `parts`, and checks every step.
pub(crate) fn encode(encoder: &mut Encoder, parts: &[Given]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut given = vec![0; parts.len()];
    let mut asked = 0;
    loop {
        match encoder.poll().unwrap() {
            Step::Chunk(bytes) => {
                assert!(!bytes.is_empty());
                body.extend_from_slice(&bytes);
            }
            Step::Need { part } => {
                assert!(asked <= part);
                assert_eq!(encoder.poll(), Ok(Step::Need { part }));
                asked = part;
                let rest = &parts[part].data[given[part]..];
                let grain = match parts[part].source {
                    Source::Held => panic!("held data was asked for"),
                    Source::Sized(0) | Source::Unsized(0) => rest.len(),
                    Source::Sized(grain) | Source::Unsized(grain) => grain.min(rest.len()),
                };
                given[part] += grain;
                if grain == 0 {
                    encoder.end_of_part(part).unwrap();
                } else {
                    encoder
                        .supply(part, Bytes::copy_from_slice(&rest[..grain]))
                        .unwrap();
                }
            }
            Step::Done => {
                assert_eq!(encoder.poll(), Ok(Step::Done));
                return body;
            }
        }
    }
}

/// The body by the plainest means.
pub(crate) fn plain_body(parts: &[Given], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let mut head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
            quoted(&part.name)
        );
        let file_name = part.file_name.as_deref().filter(|name| !name.is_empty());
        if let Some(file_name) = file_name {
            head += &format!("; filename=\"{}\"", quoted(file_name));
        }
        body.extend_from_slice(head.as_bytes());
        for (name, value) in &part.headers {
            body.extend_from_slice(format!("\r\n{name}: ").as_bytes());
            body.extend_from_slice(value);
        }
        let own_type = part
            .content_type
            .clone()
            .or(file_name.map(guess_content_type).map(str::to_owned));
        let typed = |(name, _): &(String, Vec<u8>)| name.to_lowercase().contains("content-type");
        if let (Some(own_type), false) = (own_type, part.headers.iter().any(typed)) {
            body.extend_from_slice(format!("\r\nContent-Type: {own_type}").as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&part.data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

fn quoted(name: &str) -> String {
    super::escaped(&name.replace('\\', "\\\\"))
}
