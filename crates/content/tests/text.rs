//! Charsets, their choice, and decoding of text in any pieces.

use nuncio_content::{
    Charset, Fallback, JsonEncoding, TextDecoder, UnknownCharset, json_text, meta_charset,
};

fn decode(charset: Charset, pieces: &[&[u8]]) -> String {
    let mut decoder = TextDecoder::new(charset);
    let mut text = String::new();
    for piece in pieces {
        decoder.decode(piece, &mut text);
    }
    decoder.finish(&mut text);
    text
}

/// Whole, byte by byte and at every two-way split.
fn every_way(charset: Charset, bytes: &[u8]) -> String {
    let whole = decode(charset, &[bytes]);
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(decode(charset, &single), whole, "byte by byte: {bytes:x?}");
    for at in 0..=bytes.len() {
        let (one, two) = bytes.split_at(at);
        assert_eq!(
            decode(charset, &[one, two]),
            whole,
            "split at {at}: {bytes:x?}"
        );
    }
    whole
}

#[test]
fn malformed_utf_8_is_replaced_as_the_standard_library_does_it() {
    let inputs: [&[u8]; 14] = [
        b"",
        b"plain",
        "é€😀".as_bytes(),
        b"\xff",
        b"a\xc3",
        b"a\xe2\x82",
        b"a\xf0\x9f\x98",
        b"\xf0\x9f\x98a",
        b"\xe2\x82\xe2\x82\xac",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        b"\x80\x80",
        b"\xef\xbb\xbfmark",
    ];
    for input in inputs {
        assert_eq!(
            every_way(Charset::UTF_8, input),
            String::from_utf8_lossy(input)
        );
    }
    let mut state = 7_u32;
    for _ in 0..300 {
        let noise: Vec<u8> = (0..12)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                [0x80, 0xbf, 0xc2, 0xe2, 0xed, 0xf0, 0xf4, b'a', 0x9f][(state >> 20) as usize % 9]
            })
            .collect();
        assert_eq!(
            every_way(Charset::UTF_8, &noise),
            String::from_utf8_lossy(&noise)
        );
    }
}

#[test]
fn a_byte_order_mark_is_kept_unless_the_charset_is_the_one_with_a_mark() {
    assert_eq!(every_way(Charset::UTF_8, b"\xef\xbb\xbfx"), "\u{feff}x");
    assert_eq!(every_way(Charset::UTF_8_SIG, b"\xef\xbb\xbfx"), "x");
    assert_eq!(
        every_way(Charset::UTF_8_SIG, b"\xef\xbb\xbf\xef\xbb\xbfx"),
        "\u{feff}x"
    );
    assert_eq!(every_way(Charset::UTF_8_SIG, b"\xef\xbb"), "\u{fffd}");
    assert_eq!(every_way(Charset::UTF_8_SIG, b"\xef\xbbx"), "\u{fffd}x");
    assert_eq!(every_way(Charset::UTF_8_SIG, b"x"), "x");
    assert_eq!(every_way(Charset::UTF_8_SIG, b""), "");
    assert_eq!(Charset::for_bom(b"\xef\xbb\xbfx"), Some(Charset::UTF_8_SIG));
    assert_eq!(Charset::for_bom(b"\xef\xbb"), None);
}

#[test]
fn what_the_content_type_declares_wins_if_it_is_known() {
    let call = Fallback::Call(std::sync::Arc::new(|body: &[u8]| {
        body.starts_with(b"sig").then_some(Charset::UTF_8_SIG)
    }));
    assert_eq!(
        Charset::choose(Some("UTF-8"), &call, b"sig"),
        Charset::UTF_8
    );
    assert_eq!(
        Charset::choose(Some("utf-8-sig"), &call, b""),
        Charset::UTF_8_SIG
    );
    for unknown in [
        None,
        Some("no such"),
        Some("hex"),
        Some("base64"),
        Some("idna"),
        Some(""),
    ] {
        assert_eq!(
            Charset::choose(unknown, &call, b"sig"),
            Charset::UTF_8_SIG,
            "{unknown:?}"
        );
        assert_eq!(Charset::choose(unknown, &call, b"else"), Charset::UTF_8);
        let fixed = Fallback::Charset(Charset::UTF_8_SIG);
        assert_eq!(Charset::choose(unknown, &fixed, b""), Charset::UTF_8_SIG);
        assert_eq!(
            Charset::choose(unknown, &Fallback::default(), b"x"),
            Charset::UTF_8
        );
    }
}

#[test]
fn an_unknown_label_is_an_error_that_shows_it_escaped() {
    let error: UnknownCharset = Charset::for_label("no\x1bsuch").unwrap_err();
    assert_eq!(error.to_string(), r#"unknown charset "no\u{1b}such""#);
    for label in [
        "hex", "base64", "rot13", "idna", "punycode", "zlib", "", "é", "utf-7",
    ] {
        assert!(Charset::for_label(label).is_err(), "{label}");
    }
    let endless = Charset::for_label(&"x".repeat(1 << 20)).unwrap_err();
    assert!(endless.to_string().len() < 100);
}

#[test]
fn html_declares_utf_8_in_a_meta_element() {
    for page in [
        "<meta charset=utf-8>",
        "<!doctype html><html><head><META  CHARSET = 'utf-8' />",
        "<p title='<meta charset=no>'><meta\ncharset=\"UTF8\">",
        "<!-- > <meta charset=no> --><meta charset=utf-8>",
        "<!--><meta charset=utf-8>",
        "<?xml x?></p a='>'><meta charset=utf-8>",
        "<meta name=x><meta http-equiv=Content-Type content='text/html; charset=utf-8'>",
        "<meta content='a charset b; charset = \"utf-8\" ' http-equiv=content-type>",
        "<meta charset=no><meta charset=utf-8>",
        "<meta charset=utf-8 charset=no>",
        "a < b <meta charset=utf-8>",
    ] {
        assert_eq!(
            meta_charset(page.as_bytes()),
            Some(Charset::UTF_8),
            "{page}"
        );
        let chosen = Charset::choose(None, &Fallback::HtmlMeta, page.as_bytes());
        assert_eq!(chosen, Charset::UTF_8);
    }
}

#[test]
fn html_that_declares_nothing_that_counts_has_no_charset() {
    for page in [
        "",
        "<",
        "<meta",
        "<meta ",
        "<meta charset",
        "<meta charset=",
        "<meta charset='utf-8",
        "<metacharset=utf-8>",
        "<!-- <meta charset=utf-8>",
        "<meta content='text/html; charset=utf-8'>",
        "<meta http-equiv=refresh content='charset=utf-8'>",
        "<meta http-equiv=content-type content='charset'>",
        "<p><!doctype <meta charset=utf-8",
    ] {
        assert_eq!(meta_charset(page.as_bytes()), None, "{page}");
    }
    let late = format!("{:2040}<meta charset=utf-8>", "");
    assert_eq!(meta_charset(late.as_bytes()), None);
    let early = format!("{:2028}<meta charset=utf-8>", "");
    assert_eq!(meta_charset(early.as_bytes()), Some(Charset::UTF_8));
}

#[test]
fn json_shows_its_encoding_by_its_first_bytes() {
    let text = "{\"ä\": \"😀\"}";
    let utf16: Vec<u16> = text.encode_utf16().collect();
    let utf32: Vec<u32> = text.chars().map(u32::from).collect();
    let bodies: [(JsonEncoding, Vec<u8>, Vec<u8>); 5] = [
        (JsonEncoding::Utf8, b"\xef\xbb\xbf".to_vec(), text.into()),
        (
            JsonEncoding::Utf16Le,
            b"\xff\xfe".to_vec(),
            utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        ),
        (
            JsonEncoding::Utf16Be,
            b"\xfe\xff".to_vec(),
            utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        ),
        (
            JsonEncoding::Utf32Le,
            b"\xff\xfe\0\0".to_vec(),
            utf32.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        ),
        (
            JsonEncoding::Utf32Be,
            b"\0\0\xfe\xff".to_vec(),
            utf32.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        ),
    ];
    for (encoding, mark, body) in bodies {
        for body in [body.clone(), [mark, body].concat()] {
            assert_eq!(JsonEncoding::detect(&body), encoding);
            assert_eq!(json_text(&body).unwrap(), text, "{encoding:?}");
            if encoding != JsonEncoding::Utf8 {
                let error = json_text(&body[..body.len() - 1]).unwrap_err();
                assert_eq!(error.encoding, encoding);
            }
        }
    }
    assert_eq!(json_text(b"1\0").unwrap(), "1");
    assert_eq!(json_text(b"\x001").unwrap(), "1");
    assert_eq!(json_text(b"").unwrap(), "");
}

#[test]
fn json_that_is_not_well_formed_text_is_an_error_with_its_place() {
    let offset = |body: &[u8]| json_text(body).unwrap_err().offset;
    assert_eq!(offset(b"[\"\xe9\"]"), 2);
    assert_eq!(offset(b"\xef\xbb\xbf[\xff"), 4);
    assert_eq!(offset(b"[\0\"\0\0\xd8\"\0"), 4);
    assert_eq!(offset(b"[\0\0\0\0\0\x11\0"), 4);
    let line = json_text(b"[\"\xe9\"]").unwrap_err().to_string();
    assert_eq!(line, "JSON body is not valid UTF-8 at byte 2");
}

#[cfg(feature = "charset")]
mod charsets {
    use super::*;

    #[test]
    fn pythons_names_are_known_behind_the_standards() {
        for (label, name) in [
            ("latin-1", "windows-1252"),
            ("latin_1", "windows-1252"),
            ("Latin-1", "windows-1252"),
            ("iso8859_1", "windows-1252"),
            ("8859", "windows-1252"),
            ("us_ascii", "windows-1252"),
            ("utf_8", "UTF-8"),
            ("UTF 8", "UTF-8"),
            ("u8", "UTF-8"),
            ("utf-8-sig", "UTF-8-SIG"),
            ("utf_8_sig", "UTF-8-SIG"),
            ("UTF_8-SIG", "UTF-8-SIG"),
            ("utf_16", "UTF-16"),
            ("utf-16-le", "UTF-16LE"),
            ("utf_16_be", "UTF-16BE"),
            ("iso8859_15", "ISO-8859-15"),
            ("iso_8859_15", "ISO-8859-15"),
            ("iso8859_2", "ISO-8859-2"),
            ("latin9", "ISO-8859-15"),
            ("iso8859_16", "ISO-8859-16"),
            ("cp1252", "windows-1252"),
            ("windows_1251", "windows-1251"),
            ("cp932", "Shift_JIS"),
            ("s_jis", "Shift_JIS"),
            ("euc_jp", "EUC-JP"),
            ("euc_kr", "EUC-KR"),
            ("cp949", "EUC-KR"),
            ("big5hkscs", "Big5"),
            ("gb18030_2000", "gb18030"),
            ("cp936", "GBK"),
            ("koi8_r", "KOI8-R"),
            ("koi8_u", "KOI8-U"),
            ("mac_roman", "macintosh"),
            ("mac_cyrillic", "x-mac-cyrillic"),
            ("cp866", "IBM866"),
            ("tis_620", "windows-874"),
            ("iso2022_jp", "ISO-2022-JP"),
        ] {
            assert_eq!(
                Charset::for_label(label).map(Charset::name),
                Ok(name),
                "{label}"
            );
        }
    }

    #[test]
    fn text_of_many_charsets_is_decoded_in_any_pieces() {
        for (label, bytes, text) in [
            ("latin-1", &b"caf\xe9 \x80"[..], "café €"),
            ("iso8859_15", b"\xa4", "€"),
            ("shift_jis", b"\x93\xfa\x96{\x8c\xea", "日本語"),
            ("euc-jp", b"\xc6\xfc\xcb\xdc", "日本"),
            ("gbk", b"\xd6\xd0\xce\xc4", "中文"),
            ("gb18030", b"\x84\x31\xa4\x37", "\u{fffd}"),
            ("big5", b"\xa4\xa4\xa4\xe5", "中文"),
            ("euc-kr", b"\xc7\xd1", "한"),
            ("koi8-r", b"\xf0\xd2\xc9", "При"),
            ("utf-16le", b"a\0\xff\xfe=\xd8\x00\xde", "a\u{feff}😀"),
            ("utf-16le", b"\xff\xfea\0", "\u{feff}a"),
            ("utf-16", b"\xff\xfea\0", "a"),
            ("utf-16", b"\xfe\xff\0a", "a"),
            ("utf-16", b"a\0b\0", "ab"),
            ("utf-16", b"\xff", "\u{fffd}"),
            ("utf-16", b"\xffa", "\u{61ff}"),
            ("utf-16le", b"a\0\x3d", "a\u{fffd}"),
            ("shift_jis", b"a\x93", "a\u{fffd}"),
        ] {
            let charset = Charset::for_label(label).unwrap();
            assert_eq!(every_way(charset, bytes), text, "{label}");
        }
    }

    #[test]
    fn html_may_declare_other_charsets_but_not_utf_16() {
        let found = |page: &str| meta_charset(page.as_bytes()).map(Charset::name);
        assert_eq!(found("<meta charset=shift_jis>"), Some("Shift_JIS"));
        assert_eq!(found("<meta charset=latin1>"), Some("windows-1252"));
        for utf16 in ["utf-16", "utf-16le", "utf-16be"] {
            assert_eq!(found(&format!("<meta charset={utf16}>")), Some("UTF-8"));
        }
        assert_eq!(found("<meta charset=x-user-defined>"), Some("windows-1252"));
        // A byte order mark is above it.
        let page = b"\xff\xfe<\0";
        assert_eq!(
            Charset::choose(None, &Fallback::HtmlMeta, page).name(),
            "UTF-16"
        );
    }

    #[test]
    fn long_text_grows_as_it_needs() {
        let charset = Charset::for_label("koi8-r").unwrap();
        let text = decode(charset, &[&vec![0xf0; 100_000]]);
        assert_eq!(text, "П".repeat(100_000));
        let charset = Charset::for_label("windows-1252").unwrap();
        assert_eq!(
            decode(charset, &[&vec![0x80; 100_000]]),
            "€".repeat(100_000)
        );
    }
}

#[cfg(not(feature = "charset"))]
#[test]
fn without_the_feature_there_is_utf_8_alone() {
    assert_eq!(Charset::for_label(" UTF-8 "), Ok(Charset::UTF_8));
    assert_eq!(Charset::for_label("utf_8_sig"), Ok(Charset::UTF_8_SIG));
    assert!(Charset::for_label("latin1").is_err());
    assert_eq!(
        Charset::choose(Some("latin1"), &Fallback::Utf8, b""),
        Charset::UTF_8
    );
}

#[cfg(feature = "detect")]
#[test]
fn a_charset_is_guessed_from_the_bytes() {
    let russian = encoding_of("windows-1251", "Съешь же ещё этих мягких французских булок");
    assert_eq!(
        Charset::choose(None, &Fallback::Detect, &russian).name(),
        "windows-1251"
    );
    let utf8 = "Съешь же ещё этих мягких французских булок".as_bytes();
    assert_eq!(
        Charset::choose(None, &Fallback::Detect, utf8).name(),
        "UTF-8"
    );
}

/// Russian in windows-1251, without an encoder at hand: its letters are U+0410 and on at 0xC0.
#[cfg(feature = "detect")]
fn encoding_of(label: &str, text: &str) -> Vec<u8> {
    assert_eq!(label, "windows-1251");
    text.chars()
        .map(|letter| match u32::from(letter) {
            0x451 => 0xB8,
            letter @ 0x410..=0x44F => (letter - 0x410 + 0xC0) as u8,
            letter => letter as u8,
        })
        .collect()
}
