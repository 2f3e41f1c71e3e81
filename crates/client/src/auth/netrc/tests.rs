use super::*;
use crate::auth::testing::{authorization, get, rows, unescape};
use std::collections::HashSet;

fn netrc(text: impl AsRef<[u8]>) -> Netrc {
    Netrc::parse(text).unwrap()
}

/// What a GET of `url` says.
fn sent(netrc: &Netrc, url: &str) -> Option<String> {
    let mut request = get(url);
    netrc.authorize(&mut request).unwrap();
    authorization(&request)
}

fn basic_of(user: &str, password: &str) -> Option<String> {
    let value = basic(user.as_bytes(), password.as_bytes()).unwrap();
    Some(String::from_utf8(value.as_bytes().to_vec()).unwrap())
}

/// Where nuncio does something else than httpx 0.28.1 on Python 3.11: the text, the URL, what we do,
/// why.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        PLAIN,
        "http://u1@h/",
        "-",
        "A2: the password of another user",
    ),
    (
        PLAIN,
        "http://u1:p1@h/",
        "-",
        "A2: the password of another user",
    ),
    (
        r"machine a login ua password pa\x0amachine b login ub password pb\x0a",
        "http://b:@a/",
        "-",
        "A2: the password of another user",
    ),
    (
        r"machine a login ua password pa\x0amachine b login ub password pb\x0a",
        "http://a:x@b/",
        "-",
        "A2: the password of another user",
    ),
    (
        r#"machine h login u password "p\x0a"#,
        "http://h/",
        "!",
        "the quote is not closed",
    ),
    (
        r#"machine h login u password "p q"#,
        "http://h/",
        "!",
        "the quote is not closed",
    ),
    (
        r#"machine h login u password "p\x0aq"\x0a"#,
        "http://h/",
        "!",
        "a control character",
    ),
    (
        r"machine h login u password p\x00q\x0a",
        "http://h/",
        "!",
        "a control character",
    ),
    (
        r"machine h\x00 login u password p\x0a",
        "http://h/",
        "!",
        "a control character",
    ),
    (
        r"machine h login u password p\x01\x0a",
        "http://h/",
        "!",
        "a control character",
    ),
    (
        r"#c d\x0amachine h login u password p\x0a",
        "http://h/",
        "Basic dTpw",
        "a comment ends with its line",
    ),
    (
        r"machine h\x0a\x0a# c\x0alogin u password p\x0a",
        "http://h/",
        "Basic dTpw",
        "a comment ends with its line",
    ),
    (
        r"machine h login u password p\x0amacdef m\x0acd /\x0a",
        "http://h/",
        "Basic dTpw",
        "a macro may end with the file",
    ),
    (
        r"machine h login u password p\x0amacdef m\x0acd /",
        "http://h/",
        "Basic dTpw",
        "a macro may end with the file",
    ),
    (
        r"macdef\x0a",
        "http://h/",
        "-",
        "a macro may end with the file",
    ),
    (
        r"machine h login u password \xff\x0a",
        "http://h/",
        "Basic dTr/",
        "bytes are taken as they are",
    ),
    (
        r"machine xn--bcher-kva.de login u password p\x0a",
        "http://b\\xc3\\xbccher.de/",
        "Basic dTpw",
        "the host as it is sent",
    ),
    (
        r"machine H login u password p\x0a",
        "http://h/",
        "Basic dTpw",
        "hosts have no case",
    ),
    (
        r"machine h login u:v password p\x0a",
        "http://h/",
        "!",
        "A9: Basic cannot carry it",
    ),
    (
        r"\xef\xbb\xbfmachine h login u password p\x0a",
        "http://h/",
        "Basic dTpw",
        "a byte order mark is passed over",
    ),
    (
        r"machine default login u password p\x0a",
        "http://h/",
        "-",
        "a machine of that name is no default",
    ),
];

const PLAIN: &str = r"machine h login u password p\x0a";

#[test]
fn b14_4_what_httpx_sends() {
    let mut count = 0;
    let mut differ = HashSet::new();
    for row in rows(include_str!("../../../tests/auth/netrc_httpx.tsv")) {
        let [text, url, theirs] = row[..] else {
            panic!("{row:?}")
        };
        count += 1;
        if cfg!(not(feature = "idna")) && url.contains("cher") {
            differ.insert((text, url));
            continue;
        }
        let mut request = get(std::str::from_utf8(&unescape(url)).unwrap());
        let applied = Netrc::parse(unescape(text)).map_err(Error::from);
        let ours = match applied.and_then(|netrc| netrc.authorize(&mut request)) {
            Ok(()) => authorization(&request).unwrap_or_else(|| "-".to_owned()),
            Err(error) => {
                assert_eq!(error.kind(), Kind::Builder, "{text}");
                "!".to_owned()
            }
        };
        let theirs = if theirs.starts_with('!') { "!" } else { theirs };
        if ours != theirs {
            let mut listed = DIFFERENCES.iter();
            let difference = listed.find(|known| (known.0, known.1) == (text, url));
            let (_, _, expected, _) = difference
                .unwrap_or_else(|| panic!("{text}\n{url}\n ours {ours}\n theirs {theirs}"));
            assert_eq!(ours, *expected, "{text}");
            differ.insert((text, url));
        }
    }
    let stale: Vec<_> = DIFFERENCES
        .iter()
        .filter(|known| !differ.contains(&(known.0, known.1)))
        .collect();
    assert_eq!(stale, <[&(&str, &str, &str, &str); 0]>::default());
    assert!(count >= 110, "{count}");
}

// SECURITY, table A.

#[test]
fn a01_an_entry_inherits_nothing_from_the_one_before() {
    let first = "machine a login ua password SECRET\n";
    for second in [
        "machine b",
        "machine b login",
        "machine b login ub",
        "machine b login ub password",
        "machine b password \"\"",
        "machine b account x",
        "default",
        "default login ub",
        "machine b login ub\ndefault login ud password SECRET2",
        "machine b\nmachine c login uc password SECRET2",
        "macdef init\npassword SECRET2\n\nmachine b",
    ] {
        for text in [format!("{first}{second}"), format!("{first}{second}\n\n")] {
            assert_eq!(sent(&netrc(&text), "http://b/"), None, "{text}");
            assert_eq!(
                sent(&netrc(&text), "http://a/"),
                basic_of("ua", "SECRET"),
                "{text}"
            );
        }
    }
    // A password alone goes with an empty name, never with the name before.
    let text = format!("{first}machine b password pb");
    assert_eq!(sent(&netrc(&text), "http://b/"), basic_of("", "pb"));
}

#[test]
fn a02_the_password_of_another_user_is_not_sent() {
    let text = "machine h login u2 password SECRET\ndefault login u1 password SECRET\n";
    for url in [
        "http://u1@h/",
        "http://u1:x@h/",
        "http://u2x@h/",
        "http://U2@h/",
        "http://u%32%20@h/",
    ] {
        assert_eq!(sent(&netrc(text), url), None, "{url}");
    }
    for url in [
        "http://u2@h/",
        "http://%752@h/",
        "http://u2:x@h/",
        "http://h/",
        "http://:x@h/",
    ] {
        assert_eq!(sent(&netrc(text), url), basic_of("u2", "SECRET"), "{url}");
    }
    assert_eq!(sent(&netrc(text), "http://u2@other/"), None);
    assert_eq!(
        sent(&netrc(text), "http://u1@other/"),
        basic_of("u1", "SECRET")
    );
    // Of several the one that is asked for, and the URL's name where an entry has none.
    let several =
        netrc("machine h login a password pa machine h login b password pb machine g password pg");
    assert_eq!(sent(&several, "http://a@h/"), basic_of("a", "pa"));
    assert_eq!(sent(&several, "http://b@h/"), basic_of("b", "pb"));
    assert_eq!(sent(&several, "http://h/"), basic_of("b", "pb"));
    assert_eq!(sent(&several, "http://c@h/"), None);
    assert_eq!(sent(&several, "http://c@g/"), basic_of("c", "pg"));
}

#[test]
fn a03_the_host_is_the_parsed_one_and_whole() {
    let text = "machine a login b password pa\nmachine b login ub password SECRET\n\
                machine a.b login x password SECRET\n";
    assert_eq!(sent(&netrc(text), "http://b:@a/"), basic_of("b", "pa"));
    for url in [
        "http://a:80/",
        "http://A/",
        "https://a:444/b",
        "http://a?@b",
        "http://a#@b",
        "http://a/@b",
        "http:\\\\a\\@b",
    ] {
        assert_eq!(sent(&netrc(text), url), basic_of("b", "pa"), "{url}");
    }
    for url in [
        "http://x.a/",
        "http://a.evil/",
        "http://xa/",
        "http://ab/",
        "http://a./",
        "http://b.a.b/",
    ] {
        assert_eq!(sent(&netrc(text), url), None, "{url}");
    }
    // A URL without a host is no unknown host.
    assert_eq!(
        sent(&netrc("default login u password p"), "file:///etc/passwd"),
        None
    );
}

#[test]
fn a04_odd_files_are_read_or_refused_with_their_line() {
    let long = "x".repeat(65_536);
    let rows: [(String, Result<usize, NetrcError>); 22] = [
        (
            format!("machine {long} login {long} password {long}"),
            Ok(1),
        ),
        (long.clone(), Err(NetrcError::Unexpected { line: 1 })),
        (format!("macdef {long}"), Ok(0)),
        (format!("macdef m\n{long}"), Ok(0)),
        (format!("# {long}"), Ok(0)),
        ("machine h\n".repeat(10_000), Ok(10_000)),
        ("\\".repeat(65_537), Err(NetrcError::Unexpected { line: 1 })),
        (
            "\"\"".repeat(10_000),
            Err(NetrcError::Unexpected { line: 1 }),
        ),
        ("\n".repeat(65_536), Ok(0)),
        ("macdef m\n\n".repeat(10_000), Ok(0)),
        ("#\r\n".repeat(10_000), Ok(0)),
        ("\0".to_owned(), Err(NetrcError::Control { line: 1 })),
        (
            "machine h\nlogin \0".to_owned(),
            Err(NetrcError::Control { line: 2 }),
        ),
        (
            "machine \0".to_owned(),
            Err(NetrcError::Control { line: 1 }),
        ),
        ("# \0\nmacdef m\n\0\n\n".to_owned(), Ok(0)),
        ("\"".to_owned(), Err(NetrcError::OpenQuote { line: 1 })),
        (
            "\n\nmachine \"h".to_owned(),
            Err(NetrcError::OpenQuote { line: 3 }),
        ),
        (
            "machine \"h\\\"".to_owned(),
            Err(NetrcError::OpenQuote { line: 1 }),
        ),
        (
            "machine \"\"".to_owned(),
            Err(NetrcError::NoMachine { line: 1 }),
        ),
        (
            "default\nmachine\n\n".to_owned(),
            Err(NetrcError::NoMachine { line: 4 }),
        ),
        (
            "macdef m\nx\n\nlogin u".to_owned(),
            Err(NetrcError::Unexpected { line: 4 }),
        ),
        (
            "machine h\nlogin u\n\npassword a b".to_owned(),
            Err(NetrcError::Unexpected { line: 4 }),
        ),
    ];
    for (text, expected) in rows {
        let read = Netrc::parse(&text).map(|netrc| netrc.0.len());
        assert_eq!(read, expected, "{}", &text[..text.len().min(40)]);
    }
}

#[test]
fn a04_every_cut_of_a_file_is_read_or_refused() {
    let text = "# c\nmachine a login \"u \\\" v\" password p\\ q\r\nmacdef m\nx\n\ndefault account z user d password #p";
    for end in 0..=text.len() {
        let (head, tail) = text.split_at(end);
        for part in [head, tail] {
            if let Ok(netrc) = Netrc::parse(part) {
                let words = netrc.0.iter().map(|e| e.login().len() + e.password().len());
                assert!(words.sum::<usize>() <= part.len());
            }
        }
    }
}

#[test]
fn a04_a_file_that_others_can_read_is_refused() {
    let real = netrc("machine a login anonymous password x\nmachine b login u password p");
    for mode in [0o600, 0o400, 0o100_600, 0o700, 0o000] {
        assert_eq!(real.check_private(mode, 1000, 1000), Ok(()), "{mode:o}");
    }
    for mode in [
        0o601, 0o602, 0o604, 0o610, 0o620, 0o640, 0o644, 0o777, 0o100_644,
    ] {
        let expected = NetrcError::NotPrivate {
            mode: mode & 0o7777,
        };
        assert_eq!(
            real.check_private(mode, 1000, 1000),
            Err(expected),
            "{mode:o}"
        );
    }
    assert_eq!(
        real.check_private(0o600, 0, 1000),
        Err(NetrcError::Owner { owner: 0 })
    );
    let harmless = netrc("machine a login anonymous password me@example.com");
    assert_eq!(harmless.check_private(0o644, 0, 1000), Ok(()));
    assert_eq!(netrc("").check_private(0o644, 0, 1000), Ok(()));
}

#[test]
fn a09_what_basic_cannot_carry_is_an_error_of_that_host_only() {
    let netrc = netrc("machine h login SEC:RET password p machine g login u password p");
    let error = netrc.authorize(&mut get("http://h/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Builder);
    assert!(!error.to_string().contains("RET"), "{error}");
    assert!(sent(&netrc, "http://g/").is_some());
}

#[test]
fn a10_names_of_users_are_compared_byte_by_byte() {
    let netrc = netrc("machine h login User password SECRET");
    assert_eq!(sent(&netrc, "http://user@h/"), None);
    assert_eq!(sent(&netrc, "http://User@h/"), basic_of("User", "SECRET"));
}

#[test]
fn the_variable_names_the_file_or_it_is_at_home() {
    let home = Path::new("/home/me");
    let at_home = [home.join(".netrc"), home.join("_netrc")];
    assert_eq!(Netrc::candidates(None, Some(home)), at_home);
    assert_eq!(Netrc::candidates(Some(OsStr::new("")), Some(home)), at_home);
    assert_eq!(
        Netrc::candidates(Some(OsStr::new("/n")), Some(home)),
        [Path::new("/n")]
    );
    assert_eq!(
        Netrc::candidates(Some(OsStr::new("n")), None),
        [Path::new("n")]
    );
    assert!(Netrc::candidates(None, None).is_empty());
}

#[test]
fn nothing_of_a_file_is_shown() {
    let held = netrc("machine h login SECRET password SECRET account SECRET default login SECRET");
    let entry = held.find("h").unwrap();
    let mut shown = vec![format!("{held:?} {entry:?}")];
    assert_eq!(
        shown[0],
        "[NetrcEntry(machine h), NetrcEntry(default)] NetrcEntry(machine h)"
    );
    for text in [
        "SECRET",
        "machine h password SECRET SECRET",
        "machine \"SECRET",
        "machine SECRET\0",
    ] {
        let error = Netrc::parse(text).unwrap_err();
        shown.push(format!("{error} {error:?} {}", Error::from(error.clone())));
    }
    for text in shown {
        assert!(
            !text.contains("SECRET") && text.lines().count() == 1,
            "{text}"
        );
    }
}
