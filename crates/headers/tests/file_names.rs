//! File names from a server (SECURITY L1): one harmless path component, or nothing.

#[allow(dead_code)] // The targets themselves run in `fuzz_corpus`.
mod targets;

use nuncio_headers::Headers;
use nuncio_headers::typed::safe_file_name;

#[test]
fn hostile_names_become_plain_ones() {
    let cases = [
        ("report.pdf", "report.pdf"),
        ("../x", "x"),
        ("../../../etc/passwd", "passwd"),
        ("/x", "x"),
        ("/etc/passwd", "passwd"),
        ("//server/share/x", "x"),
        (r"\\server\share\x", "x"),
        (r"a\b", "b"),
        (r"..\..\x.txt", "x.txt"),
        (r"C:\Windows\system.ini", "system.ini"),
        ("C:x", "C_x"),
        ("C:/x", "x"),
        ("x:ads", "x_ads"),
        ("x.txt:evil.exe:$DATA", "x.txt_evil.exe_$DATA"),
        ("%2e%2e%2f", "%2e%2e%2f"),
        ("..%2fx", "%2fx"),
        (".bashrc", "bashrc"),
        ("..bashrc", "bashrc"),
        (".ssh/authorized_keys", "authorized_keys"),
        ("-rf", "rf"),
        ("--help", "help"),
        ("~root", "root"),
        (" x", "x"),
        ("\tx", "_x"),
        ("x ", "x"),
        ("x.", "x"),
        ("x. . .", "x"),
        ("x.exe ", "x.exe"),
        ("CON", "_CON"),
        ("con", "_con"),
        ("Con.txt", "_Con.txt"),
        ("CON .txt", "_CON .txt"),
        ("con.tar.gz", "_con.tar.gz"),
        ("PRN", "_PRN"),
        ("aux.c", "_aux.c"),
        ("NUL", "_NUL"),
        ("COM1", "_COM1"),
        ("com9.log", "_com9.log"),
        ("COM0", "_COM0"),
        ("COM¹", "_COM¹"),
        ("LPT1", "_LPT1"),
        ("lpt³.x", "_lpt³.x"),
        ("CONIN$", "_CONIN$"),
        ("COM10", "COM10"),
        ("CONSOLE", "CONSOLE"),
        ("a\0b", "a_b"),
        ("x.txt\0.exe", "x.txt_.exe"),
        ("a\nb", "a_b"),
        ("a\u{1b}[31mb", "a_[31mb"),
        ("a\u{7f}b", "a_b"),
        ("a\u{85}b", "a_b"),
        ("a\u{9b}b", "a_b"),
        ("photo\u{202e}gpj.exe", "photo_gpj.exe"),
        ("a\u{2066}b\u{2069}", "a_b_"),
        ("a\u{200b}b", "a_b"),
        ("\u{feff}x", "_x"),
        ("a\u{e0041}b", "a_b"),
        ("a\u{2028}b", "a_b"),
        ("a／b", "b"),
        ("a＼b", "b"),
        ("a∕b", "b"),
        ("a⁄b", "b"),
        ("a：b", "a_b"),
        ("a<b>c|d?e*f\"g", "a_b_c_d_e_f_g"),
        ("naïve café.txt", "naïve café.txt"),
        ("日本語.pdf", "日本語.pdf"),
        ("a/b/../c", "c"),
        ("$(rm -rf x)", "$(rm -rf x)"),
        ("a;b", "a;b"),
    ];
    assert!(cases.len() >= 60);
    for (given, expected) in cases {
        let name = safe_file_name(given);
        assert_eq!(name.as_deref(), Some(expected), "{given:?}");
        targets::assert_safe(expected);
    }
}

#[test]
fn names_of_which_nothing_is_left_are_none() {
    let given = [
        "", ".", "..", "...", "/", "a/", r"a\", "../", " ", "-", "~", ". .", ":", "\0", "\u{202e}",
    ];
    for given in given {
        assert_eq!(safe_file_name(given), None, "{given:?}");
    }
}

#[test]
fn long_names_keep_their_extension() {
    let long = "x".repeat(300);
    let ends = [("", 200), (".txt", 200), (".an-extension-without-end", 200)];
    for (end, len) in ends {
        assert_eq!(safe_file_name(&format!("{long}{end}")).unwrap().len(), len);
    }
    assert!(
        safe_file_name(&format!("{long}.txt"))
            .unwrap()
            .ends_with("x.txt")
    );
    // Found by fuzzing: the mark in front of a device counts as well.
    assert_eq!(safe_file_name(&format!("CON.{long}")).unwrap().len(), 200);
    // So do what is left when the end is cut off: nothing, or a device.
    assert_eq!(safe_file_name(&format!("{}s", "\0".repeat(300))), None);
    let device = safe_file_name(&format!("CON{}x", " ".repeat(300)));
    assert_eq!(device.as_deref(), Some("_CON"));
    let wide = safe_file_name(&format!("{}.txt", "é".repeat(300))).unwrap();
    assert!(wide.len() <= 200 && wide.ends_with("é.txt"));
}

#[test]
fn filename_star_wins_where_it_can_be_read() {
    let name = |value: &str| {
        let mut headers = Headers::new();
        headers.append("Content-Disposition", value).unwrap();
        headers.content_disposition()?.file_name()
    };
    let cases = [
        ("attachment; filename=a", Some("a")),
        ("attachment; filename=\"a b\"", Some("a b")),
        ("attachment; filename=\"a;b\"", Some("a;b")),
        ("attachment; filename=a; filename*=utf-8''b%2fc", Some("c")),
        ("attachment; filename=a; filename*=utf-8''%ff", Some("a")),
        ("attachment; filename=a; filename*=koi8-r''b", Some("a")),
        ("attachment; filename*=iso-8859-1''%e4", Some("ä")),
        ("attachment; FileName=a", Some("a")),
        ("attachment;filename = a", Some("a")),
        ("attachment; filename=a; filename=b", Some("a")),
        ("attachment; filename=\"a\\\"b", Some("a_b")),
        ("attachment; filename=\"", None),
        ("attachment", None),
        ("; filename=a", None),
        ("filename=a", None),
    ];
    for (value, expected) in cases {
        assert_eq!(name(value).as_deref(), expected, "{value}");
    }
}
