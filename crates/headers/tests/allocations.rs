//! How often memory is asked for.

use std::ops::Range;

use allocation_counter::measure;
use nuncio_headers::Headers;

const HEAD: &str = "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Type: text/html\r\n\
    Content-Length: 5\r\nServer: x\r\nVary: *\r\nETag: \"a\"\r\nAge: 1\r\nAllow: GET\r\n\
    X-A: a\r\nX-B: b\r\nX-C: c\r\nX-D: d\r\n";

fn ranges(head: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let mut start = 0;
    let mut ranges = Vec::new();
    for line in head.split_inclusive('\n') {
        let colon = start + line.find(':').unwrap();
        ranges.push((start..colon, colon + 2..start + line.len() - 2));
        start += line.len();
    }
    ranges
}

#[test]
fn a_received_head_takes_two_blocks_of_its_own_size() {
    let ranges = ranges(HEAD);
    assert_eq!(ranges.len(), 12);
    let mut headers = Headers::new();
    let info = measure(|| {
        headers = Headers::from_received(HEAD.as_bytes(), ranges.iter().cloned()).unwrap();
    });
    assert_eq!(info.count_total, 2);
    assert!(info.bytes_total <= HEAD.len() as u64 + 12 * 18, "{info:?}");
    assert_eq!(headers.as_wire(), HEAD.as_bytes());
}

#[test]
fn a_big_receive_buffer_is_not_kept_for_a_small_head() {
    let mut block = HEAD.as_bytes().to_vec();
    block.resize(64 * 1024, b'x');
    let ranges = ranges(HEAD);
    let mut headers = Headers::new();
    let info = measure(|| {
        headers = Headers::from_received(&block, ranges.iter().cloned()).unwrap();
    });
    assert!(info.bytes_current < 2048, "{info:?}");
    assert_eq!(headers.len(), 12);
}

#[test]
fn looking_walking_and_changing_within_capacity_take_none() {
    let mut headers = Headers::with_capacity(20, 2048);
    let mut other = Headers::new();
    other.append("vary", "a").unwrap();
    let mut out = Vec::with_capacity(2048);
    let info = measure(|| {
        for (name, value) in HEAD.lines().filter_map(|line| line.split_once(": ")) {
            headers.append(name, value).unwrap();
        }
        assert_eq!(
            headers.iter().filter(|(_, value)| value.len() == 1).count(),
            8
        );
        assert!(headers.contains("content-length") && !headers.contains("host"));
        assert_eq!(headers.get("age").as_deref(), Some("1"));
        assert_eq!(headers.get_all("x-a").count(), 1);
        assert_eq!(headers.list("allow").count(), 1);
        assert!(headers.content_length().unwrap().is_some());
        headers.insert("Age", "22").unwrap();
        headers.update(&other).unwrap();
        assert_eq!(headers.remove("x-c"), 1);
        headers.write_to(&mut out);
    });
    assert_eq!(info.count_total, 0);
    assert_eq!(headers.len(), 11);
}
