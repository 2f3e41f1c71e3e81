//! Any form: the bytes are those of the plain rendering, the length is what is emitted, two
//! parsers read it, and how the sources are cut changes nothing.

#[allow(dead_code)] // The target itself runs in `fuzz_corpus`.
mod targets;

use nuncio_multipart::Boundary;
use proptest::prelude::*;
use targets::{Given, Source, check, encode, form};

const BOUNDARY: &str = "0123456789abcdef0123456789abcdef";

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        Just(Source::Held),
        (0..20_usize).prop_map(Source::Sized),
        (0..20_usize).prop_map(Source::Unsized),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,8}(\\.[a-z]{1,4}){0,2}",
        any::<String>(),
        "[\"\\\\\r\n;= %a\u{0}\u{1b}\u{7f}\u{fc}-]{0,12}",
    ]
}

prop_compose! {
    fn part()(
        name in name(),
        file_name in proptest::option::of(name()),
        content_type in proptest::option::of("[ -~]{0,12}"),
        headers in proptest::collection::vec(("(content-type|X-Content-Type|[a-zA-Z-]{1,9})", "[ -~]{0,9}"), 0..4),
        source in source(),
        data in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), any::<u8>()], 0..90),
    ) -> Given {
        let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let mut part = Given { name, file_name, content_type, headers, source, data };
        part.keep_what_is_valid();
        part
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_form_is_encoded_as_written_down(parts in proptest::collection::vec(part(), 0..6)) {
        check(&parts, &Boundary::new(BOUNDARY).unwrap());
    }

    #[test]
    fn the_cuts_of_a_source_do_not_show(
        parts in proptest::collection::vec(part(), 1..4),
        cuts in proptest::collection::vec(0..20_usize, 4),
    ) {
        let recut = |(part, cut): (&Given, &usize)| {
            let source = match part.source {
                Source::Held => Source::Held,
                Source::Sized(_) => Source::Sized(*cut),
                Source::Unsized(_) => Source::Unsized(*cut),
            };
            Given { source, ..part.clone() }
        };
        let others: Vec<Given> = parts.iter().zip(&cuts).map(recut).collect();
        let body = |parts: &[Given]| {
            encode(&mut form(parts).encoder(Boundary::new(BOUNDARY).unwrap()), parts)
        };
        prop_assert_eq!(body(&parts), body(&others));
    }
}
