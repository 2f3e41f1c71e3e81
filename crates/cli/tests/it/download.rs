//! Bodies that go to a file: whole or not at all.

use crate::{RUNTIMES, nuncio, on_all};
use nuncio_testkit::content;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own for a test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("download-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// What is in it, hidden files too.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_download_is_a_file_and_the_head_is_shown() {
    let (server, length) = (Server::http(), 3_000_000);
    for path in ["bytes", "chunked", "close"] {
        let folder = Folder::new();
        let url = server.url(&format!("/{path}/{length}"));
        on_all(&["--download", &folder.file("big.bin"), &url], |run| {
            assert_eq!((run.status, run.err.as_str()), (0, ""));
            assert!(run.out().starts_with("HTTP/1.1 200 OK\n"), "{}", run.out());
            assert!(run.out().ends_with("\n\n"), "{}", run.out());
            assert!(fs::read(folder.file("big.bin")).unwrap() == content::bytes(length));
            assert_eq!(folder.names(), ["big.bin"]);
        });
    }
}

#[test]
fn what_is_written_is_decoded() {
    let (server, folder) = (crate::deflating(), Folder::new());
    let url = server.url("/hello");
    on_all(&["--download", &folder.file("a"), &url], |run| {
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        assert_eq!(fs::read(folder.file("a")).unwrap(), b"hello, hello");
    });
    on_all(&["--download", "-", &url], |run| {
        assert_eq!(run.out, b"hello, hello")
    });
}

#[test]
fn a_download_follows_redirects() {
    let (server, folder) = (Server::http(), Folder::new());
    let url = server.url("/redirect-to?url=/bytes/9");
    on_all(
        &["--follow-redirects", "--download", &folder.file("a"), &url],
        |run| {
            assert_eq!((run.status, run.err.as_str()), (0, ""));
            assert_eq!(fs::read(folder.file("a")).unwrap(), content::bytes(9));
        },
    );
}

#[test]
fn an_empty_body_is_an_empty_file() {
    let (server, folder) = (Server::http(), Folder::new());
    assert_eq!(
        nuncio(["--download", &folder.file("a"), &server.url("/bytes/0")]).status,
        0
    );
    assert_eq!(fs::read(folder.file("a")).unwrap(), b"");
}

#[test]
fn standard_output_gets_the_bytes_and_nothing_else() {
    let server = Server::http();
    on_all(
        &["-v", "--download", "-", &server.url("/bytes/100000")],
        |run| {
            assert_eq!(run.status, 0);
            assert!(run.out == content::bytes(100_000));
            assert!(run.err.contains("\nHTTP/1.1 200 OK\n"), "{}", run.err);
        },
    );
}

#[test]
fn l3_a_download_that_ends_early_leaves_what_was_there() {
    let server = Server::http();
    for existing in [None, Some(b"precious")] {
        let folder = Folder::new();
        if let Some(bytes) = existing {
            fs::write(folder.file("a"), bytes).unwrap();
        }
        on_all(
            &[
                "--download",
                &folder.file("a"),
                &server.url("/cut/500000/200000"),
            ],
            |run| {
                assert_eq!(run.status, 1);
                assert!(
                    run.error().starts_with("RemoteProtocolError: GET http://"),
                    "{}",
                    run.err
                );
                assert!(run.error().contains("200000 bytes of"), "{}", run.err);
                assert_eq!(folder.names(), Vec::from_iter(existing.map(|_| "a")));
                assert_eq!(
                    fs::read(folder.file("a")).ok().as_deref(),
                    existing.map(|b| &b[..])
                );
            },
        );
    }
}

#[test]
fn l3_a_download_that_stalls_leaves_nothing() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let steps = [Step::ExpectHead, Step::send(head), Step::ExpectEof];
    let peer = Script::new().connection(steps).repeat_last().start();
    let folder = Folder::new();
    on_all(
        &[
            "--timeout",
            "0.1",
            "--download",
            &folder.file("a"),
            &peer.url("/"),
        ],
        |run| {
            assert_eq!(run.status, 1);
            assert!(run.error().starts_with("ReadTimeout: "), "{}", run.err);
            assert!(folder.names().is_empty(), "{:?}", folder.names());
        },
    );
}

#[test]
fn an_error_page_is_shown_and_not_kept() {
    let (server, folder) = (Server::http(), Folder::new());
    fs::write(folder.file("a"), "precious").unwrap();
    on_all(
        &["--download", &folder.file("a"), &server.url("/status/404")],
        |run| {
            assert_eq!(run.status, 1);
            assert!(run.out().ends_with("\n\nstatus 404\n"), "{}", run.out());
            assert_eq!(fs::read(folder.file("a")).unwrap(), b"precious");
        },
    );
    on_all(&["--download", "-", &server.url("/status/404")], |run| {
        assert_eq!((run.status, run.out()), (1, ""));
        assert!(run.err.ends_with("\n\nstatus 404\n"), "{}", run.err);
    });
}

#[test]
fn what_is_no_file_is_refused_before_anything_is_sent() {
    let (server, folder) = (Server::http(), Folder::new());
    for target in [
        folder.file(""),
        folder.file(".."),
        folder.file("no/such/folder"),
    ] {
        let run = nuncio(["--download", &target, &server.url("/json")]);
        assert_eq!(run.status, 1, "{target}");
        assert!(
            run.error().starts_with("FileError: cannot write '"),
            "{}",
            run.err
        );
    }
    assert_eq!(folder.names(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn l1_links_and_devices_are_refused() {
    let (server, folder) = (Server::http(), Folder::new());
    fs::write(folder.file("real"), "precious").unwrap();
    std::os::unix::fs::symlink(folder.file("real"), folder.file("link")).unwrap();
    std::os::unix::fs::symlink(folder.file("nowhere"), folder.file("dangling")).unwrap();
    for target in [
        folder.file("link"),
        folder.file("dangling"),
        "/dev/null".to_owned(),
    ] {
        for runtime in RUNTIMES {
            let url = server.url("/json");
            let run = nuncio(["--runtime", runtime, "--download", &target, &url]);
            assert_eq!((run.status, run.out()), (1, ""), "{target}");
            assert!(
                run.error().starts_with("FileError: cannot write '"),
                "{}",
                run.err
            );
        }
    }
    assert_eq!(server.requests(), 0);
    assert_eq!(folder.names(), ["dangling", "link", "real"]);
    assert_eq!(fs::read(folder.file("real")).unwrap(), b"precious");
}

#[cfg(unix)]
#[test]
fn l3_a_private_file_stays_private() {
    use std::os::unix::fs::PermissionsExt;
    let (server, folder) = (Server::http(), Folder::new());
    fs::write(folder.file("a"), "old").unwrap();
    fs::set_permissions(folder.file("a"), fs::Permissions::from_mode(0o600)).unwrap();
    on_all(
        &["--download", &folder.file("a"), &server.url("/bytes/7")],
        |run| {
            assert_eq!(run.status, 0);
            let mode = fs::metadata(folder.file("a")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert_eq!(fs::read(folder.file("a")).unwrap(), content::bytes(7));
        },
    );
}
