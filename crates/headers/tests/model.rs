//! `Headers` against the obvious model: a list of pairs.

use nuncio_headers::{Headers, InvalidHeader};
use proptest::prelude::*;

type Pairs = Vec<(String, Vec<u8>)>;

#[derive(Debug, Clone)]
enum Op {
    Append(String, Vec<u8>),
    Insert(String, Vec<u8>),
    InsertIfAbsent(String, Vec<u8>),
    Remove(String),
    Pop(String),
    Update(Pairs),
    Clear,
}

/// Few names, so that they meet; some in bulk, so that big sets are reached.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[aAbB]{1,2}",
        2 => "(?i)content-(length|type)",
        1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}",
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-c,]{0,4}".prop_map(String::into_bytes),
        1 => "[!-~é€]([ \t!-~é€]{0,20}[!-~é€])?".prop_map(String::into_bytes),
        1 => prop::collection::vec(0x80_u8.., 1..5),
    ]
}

fn pairs(max: usize) -> impl Strategy<Value = Pairs> {
    prop::collection::vec((name(), value()), 0..max)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (name(), value()).prop_map(|(n, v)| Op::Append(n, v)),
        3 => (name(), value()).prop_map(|(n, v)| Op::Insert(n, v)),
        1 => (name(), value()).prop_map(|(n, v)| Op::InsertIfAbsent(n, v)),
        1 => name().prop_map(Op::Remove),
        1 => name().prop_map(Op::Pop),
        1 => prop_oneof![pairs(5), pairs(60)].prop_map(Op::Update),
        1 => Just(Op::Clear),
    ]
}

fn build(pairs: &Pairs) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        headers.append(name, value).unwrap();
    }
    headers
}

fn has(model: &Pairs, name: &str) -> bool {
    model.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
}

fn remove(model: &mut Pairs, name: &str) -> usize {
    let before = model.len();
    model.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    before - model.len()
}

fn joined(model: &Pairs, name: &str) -> Option<Vec<u8>> {
    let values: Vec<_> = model
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_slice())
        .collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

fn decode(model: &Pairs, bytes: &[u8]) -> String {
    if model.iter().all(|(_, v)| std::str::from_utf8(v).is_ok()) {
        String::from_utf8(bytes.to_vec()).unwrap()
    } else {
        bytes.iter().copied().map(char::from).collect()
    }
}

fn apply(headers: &mut Headers, model: &mut Pairs, op: &Op) {
    match op {
        Op::Append(name, value) => {
            headers.append(name, value).unwrap();
            model.push((name.clone(), value.clone()));
        }
        Op::Insert(name, value) => {
            headers.insert(name, value).unwrap();
            match model.iter().position(|(n, _)| n.eq_ignore_ascii_case(name)) {
                None => model.push((name.clone(), value.clone())),
                Some(first) => {
                    let mut tail = model.split_off(first);
                    remove(&mut tail, name);
                    model.push((name.clone(), value.clone()));
                    model.append(&mut tail);
                }
            }
        }
        Op::InsertIfAbsent(name, value) => {
            let absent = !has(model, name);
            assert_eq!(headers.insert_if_absent(name, value), Ok(absent));
            if absent {
                model.push((name.clone(), value.clone()));
            }
        }
        Op::Remove(name) => assert_eq!(headers.remove(name), remove(model, name)),
        Op::Pop(name) => {
            let expected = joined(model, name).map(|bytes| decode(model, &bytes));
            assert_eq!(headers.pop(name), expected);
            remove(model, name);
        }
        Op::Update(other) => {
            headers.update(&build(other)).unwrap();
            for (name, _) in other {
                remove(model, name);
            }
            model.extend(other.iter().cloned());
        }
        Op::Clear => {
            headers.clear();
            model.clear();
        }
    }
}

fn check(headers: &Headers, model: &Pairs) {
    let listed: Pairs = headers
        .iter()
        .map(|(n, v)| (n.to_owned(), v.to_vec()))
        .collect();
    assert_eq!(&listed, model);
    let mut backwards: Pairs = headers
        .iter()
        .rev()
        .map(|(n, v)| (n.into(), v.to_vec()))
        .collect();
    backwards.reverse();
    assert_eq!(&backwards, model);
    assert_eq!(
        (headers.len(), headers.is_empty()),
        (model.len(), model.is_empty())
    );

    let wire: Vec<u8> = model
        .iter()
        .flat_map(|(n, v)| [n.as_bytes(), b": ", v, b"\r\n"].concat())
        .collect();
    let mut written = b"x".to_vec();
    headers.write_to(&mut written);
    assert_eq!(&written[1..], &wire);
    assert_eq!(headers.as_wire(), &wire);

    let absent = String::from("zz-not-there");
    for name in model.iter().map(|(n, _)| n).chain([&absent]) {
        let name = name.to_ascii_uppercase();
        assert_eq!(headers.contains(&name), has(model, &name));
        let values: Vec<&[u8]> = model
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(&name))
            .map(|(_, v)| v.as_slice())
            .collect();
        assert_eq!(headers.get_all(&name).collect::<Vec<_>>(), values);
        assert_eq!(headers.first(&name), values.first().copied());
        let text = joined(model, &name).map(|bytes| decode(model, &bytes));
        assert_eq!(headers.get(&name).as_deref(), text.as_deref());
    }
}

proptest! {
    #[test]
    fn any_sequence_of_changes_gives_what_a_list_of_pairs_gives(
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let (mut headers, mut model) = (Headers::new(), Pairs::new());
        for op in &ops {
            apply(&mut headers, &mut model, op);
        }
        check(&headers, &model);
    }

    #[test]
    fn equality_ignores_order_and_the_case_of_names_only(
        pairs in prop_oneof![pairs(4), pairs(50)],
        seed in any::<u64>(),
        other in pairs(3),
    ) {
        let mut shuffled = pairs.clone();
        let mut state = seed;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
            shuffled[index].0.make_ascii_uppercase();
        }
        prop_assert_eq!(build(&pairs), build(&shuffled));
        let fold = |pairs: &Pairs| {
            let mut pairs: Pairs =
                pairs.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.clone())).collect();
            pairs.sort();
            pairs
        };
        let equal = fold(&pairs) == fold(&other);
        prop_assert_eq!(build(&pairs) == build(&other), equal);
    }

    #[test]
    fn a_received_head_gives_its_fields_however_it_is_laid_out(
        pairs in pairs(40),
        gaps in prop::collection::vec(
            prop_oneof![
                6 => Just((": ", "\r\n")),
                1 => Just((":", "\r\n")),
                1 => Just((": ", "\n")),
                1 => Just((":\t  ", "  \r\n")),
                1 => Just((": ", "\r\nX-Skipped: 1\r\n")),
            ],
            40,
        ),
        start in prop_oneof![Just(""), Just("HTTP/1.1 200 OK\r\n")],
    ) {
        let mut block = start.as_bytes().to_vec();
        let mut ranges = Vec::new();
        for ((name, value), (colon, end)) in pairs.iter().zip(gaps) {
            let name_start = block.len();
            block.extend_from_slice(name.as_bytes());
            let name_end = block.len();
            block.extend_from_slice(colon.as_bytes());
            let value_start = block.len();
            block.extend_from_slice(value);
            ranges.push((name_start..name_end, value_start..block.len()));
            block.extend_from_slice(end.as_bytes());
        }
        let headers = Headers::from_received(&block, ranges.into_iter()).unwrap();
        check(&headers, &pairs);
    }

    #[test]
    fn no_ranges_over_any_bytes_get_an_invalid_field_in(
        block in prop::collection::vec(prop_oneof![
            Just(b':'), Just(b' '), Just(b'\r'), Just(b'\n'), b'a'..=b'c', any::<u8>(),
        ], 0..40),
        ranges in prop::collection::vec((0_usize..44, 0_usize..6, 0_usize..44, 0_usize..6), 0..6),
    ) {
        let ranges: Vec<_> = ranges
            .into_iter()
            .map(|(n, nl, v, vl)| (n..n + nl, v..v + vl))
            .collect();
        let given = Headers::from_received(&block, ranges.clone().into_iter());
        let mut expected = Headers::new();
        let mut wrong = None;
        for (index, (name, value)) in ranges.into_iter().enumerate() {
            let added = match (block.get(name), block.get(value)) {
                (Some(name), Some(value)) => match std::str::from_utf8(name) {
                    Ok(name) => expected.append(name, value),
                    Err(_) => Err(nuncio_headers::check_name(name).unwrap_err()),
                },
                _ => Err(InvalidHeader::Range { field: index }),
            };
            if added.is_err() {
                wrong = Some(added);
                break;
            }
        }
        match wrong {
            Some(_) => prop_assert!(given.is_err()),
            None => prop_assert_eq!(given, Ok(expected)),
        }
    }
}
