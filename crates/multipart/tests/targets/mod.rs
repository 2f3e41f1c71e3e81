//! What the fuzz target of this crate checks, for `fuzz/` and for the replay over its seeds; and
//! what the other tests share with it.

mod given;
mod parsers;

pub(crate) use given::{Given, Source, encode, form, plain_body};
pub(crate) use parsers::{multer, multiparty};

use nuncio_multipart::Boundary;

/// A form made of `data`, encoded; then held against the plain rendering of the same form and
/// against two parsers.
pub(crate) fn multipart(data: &[u8]) {
    let parts = given(&mut Input(data));
    check(&parts, &unheard_of(data));
}

/// Encodes the parts and checks the body. None of them may hold the boundary.
pub(crate) fn check(parts: &[Given], boundary: &Boundary) {
    let mut encoder = form(parts).encoder(boundary.clone());
    let body = encode(&mut encoder, parts);
    assert_eq!(body, plain_body(parts, boundary.as_str()));
    let sizes_known = parts
        .iter()
        .all(|part| !matches!(part.source, Source::Unsized(_)));
    let length = sizes_known.then_some(body.len() as u64);
    assert_eq!(encoder.content_length(), length);

    // A name may hold ESC and DEL, which parsers that take part headers for those of HTTP refuse:
    // the parts before are as they should be then, and nothing comes after.
    let unusual = |part: &Given| {
        let names = part.file_name.iter().chain([&part.name]);
        names
            .flat_map(|name| name.bytes())
            .any(|byte| matches!(byte, 0x1B | 0x7F))
    };
    let (sound, refused) = match parts.iter().position(unusual) {
        Some(first) => (&parts[..first], true),
        None => (parts, false),
    };
    for (parser, parsed) in [
        ("multer", multer(&body, body.len(), boundary)),
        ("multiparty", multiparty(&body, body.len(), boundary)),
    ] {
        assert_eq!(parsed.refused, refused, "{parser}");
        assert_eq!(parsed.parts.len(), sound.len(), "{parser}");
        for (read, part) in parsed.parts.iter().zip(sound) {
            assert_eq!(read.data, part.data, "{parser}");
            if part.is_read_alike() {
                assert_eq!(
                    read.name.as_deref(),
                    Some(&*escaped(&part.name)),
                    "{parser}"
                );
                let file_name = part.file_name.as_deref().filter(|name| !name.is_empty());
                assert_eq!(read.file_name, file_name.map(escaped), "{parser}");
            }
        }
    }
}

/// What a parser that does not undo percent-encoding reads; without `\`, which none of them reads
/// right.
fn escaped(name: &str) -> String {
    let mut text = name.replace('"', "%22");
    for control in (0..0x20).filter(|control| *control != 0x1B) {
        text = text.replace(char::from(control), &format!("%{control:02X}"));
    }
    text
}

/// A boundary that does not occur in `data`.
fn unheard_of(data: &[u8]) -> Boundary {
    let mut candidates = (0..).map(|number: u32| format!("{number:08x}"));
    let free = |text: &String| {
        !data
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    Boundary::new(candidates.find(free).unwrap()).unwrap()
}

fn given(input: &mut Input<'_>) -> Vec<Given> {
    let mut parts = Vec::new();
    while let (Some(kind), true) = (input.byte(), parts.len() < 32) {
        let mut part = Given {
            name: input.text(),
            file_name: (kind & 1 != 0).then(|| input.text()),
            content_type: (kind & 2 != 0).then(|| input.text()),
            headers: Vec::new(),
            source: match kind >> 2 & 3 {
                0 | 1 => Source::Held,
                2 => Source::Sized(usize::from(kind >> 5)),
                _ => Source::Unsized(usize::from(kind >> 5)),
            },
            data: input.piece().to_vec(),
        };
        if kind & 0x10 != 0 {
            part.headers.push((input.text(), input.piece().to_vec()));
        }
        part.keep_what_is_valid();
        parts.push(part);
    }
    parts
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// As many bytes as the next byte says, or as there are.
    fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte().unwrap_or_default());
        let (piece, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        piece
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.piece()).into_owned()
    }
}
