//! Multipart bodies of 64 MiB, in chunks as a file gives them.

use crate::Case;
use bytes::Bytes;
use nuncio_multipart::{Boundary, Form, Part, Step};
use std::error::Error;
use std::hint::black_box;

const PARTS: usize = 4;
const PART: usize = 16 << 20;
const MEBIBYTES: usize = (PARTS * PART) >> 20;
const FIELDS: usize = 100;

pub(crate) fn cases() -> Result<Vec<Case>, Box<dyn Error>> {
    let data = Bytes::from(vec![b'x'; PART]);
    let mut cases = Vec::new();
    for chunk in [4 << 10, 64 << 10] {
        let what = format!("multipart/64 MiB in chunks of {} KiB", chunk >> 10);
        let kept = data.clone();
        encode(&kept, chunk, |_| ())?;
        cases.push(Case::new(
            format!("{what}/encoder alone"),
            MEBIBYTES,
            move || {
                let copied = encode(&kept, chunk, |bytes| {
                    black_box(bytes);
                });
                assert!(copied.is_ok_and(|copied| copied < 4096), "data was copied");
            },
        ));
        let kept = data.clone();
        let mut sink = vec![0; chunk];
        cases.push(Case::new(
            format!("{what}/encoder, copied out"),
            MEBIBYTES,
            move || {
                let copied = encode(&kept, chunk, |bytes| copy(bytes, &mut sink));
                assert!(copied.is_ok());
            },
        ));
        let kept = data.clone();
        let mut sink = vec![0; chunk];
        cases.push(Case::new(
            format!("{what}/no form, copied out"),
            MEBIBYTES,
            move || {
                for _ in 0..PARTS {
                    for bytes in kept.chunks(chunk) {
                        copy(bytes, &mut sink);
                    }
                }
            },
        ));
    }
    let names: Vec<String> = (0..FIELDS).map(|index| format!("field-{index}")).collect();
    let what = "multipart/a form of 100 text fields, for each field";
    cases.push(Case::new(
        format!("{what}/build and encode"),
        FIELDS,
        move || {
            assert!(fields(black_box(&names)).is_ok_and(|length| length > 5000));
        },
    ));
    Ok(cases)
}

fn copy(bytes: &[u8], sink: &mut [u8]) {
    sink[..bytes.len()].copy_from_slice(bytes);
    black_box(sink);
}

/// The whole body goes through `take`. How many of its bytes were not the very ones supplied.
fn encode(
    data: &Bytes,
    chunk: usize,
    mut take: impl FnMut(&[u8]),
) -> Result<usize, Box<dyn Error>> {
    let mut form = Form::new();
    for index in 0..PARTS {
        let part = Part::reader(Some(PART as u64)).file_name("data.bin");
        form = form.part(format!("file-{index}"), part);
    }
    let mut encoder = form.encoder(Boundary::new("7d4b3a9f7d4b3a9f7d4b3a9f7d4b3a9f")?);
    let ours = data.as_ptr_range();
    let mut copied = 0;
    let mut at = 0;
    loop {
        match encoder.poll()? {
            Step::Chunk(bytes) => {
                if !ours.contains(&bytes.as_ptr()) {
                    copied += bytes.len();
                }
                take(&bytes);
            }
            Step::Need { part } if at == PART => {
                at = 0;
                encoder.end_of_part(part)?;
            }
            Step::Need { part } => {
                encoder.supply(part, data.slice(at..at + chunk))?;
                at += chunk;
            }
            Step::Done => return Ok(copied),
        }
    }
}

fn fields(names: &[String]) -> Result<usize, Box<dyn Error>> {
    let mut form = Form::new();
    for name in names {
        form = form.text(name.as_str(), "some value");
    }
    let mut encoder = form.encoder(Boundary::new("7d4b3a9f7d4b3a9f7d4b3a9f7d4b3a9f")?);
    let mut length = 0;
    loop {
        match encoder.poll()? {
            Step::Chunk(bytes) => length += black_box(bytes).len(),
            Step::Need { .. } => return Err("text is there".into()),
            Step::Done => return Ok(length),
        }
    }
}
