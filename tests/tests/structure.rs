//! The structure of the workspace holds, and a planted violation of each kind is caught.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use cargo_metadata::{Metadata, MetadataCommand, Package};
use nuncio_tests::purity::{self, PROTOCOL, Rule};
use nuncio_tests::{arrows, source};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn metadata() -> Metadata {
    let options = ["--offline".to_owned()];
    let manifest = root().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .other_options(options)
        .no_deps()
        .exec()
        .unwrap()
}

/// Every source file of the published crates, by its path from the root, but for those that
/// exist for tests only.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        walk(&entry.unwrap().path().join("src"), &mut files);
    }
    let mut for_tests = HashSet::new();
    for (path, text) in &files {
        let facts = source::read(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = Path::new(path);
        let stem = file.file_stem().unwrap();
        let parent = file.parent().unwrap();
        let own = stem == "lib" || stem == "main" || stem == "mod";
        let folder = if own {
            parent.to_owned()
        } else {
            parent.join(stem)
        };
        for_tests.extend(facts.test_modules.iter().map(|name| folder.join(name)));
    }
    files.retain(|(path, _)| {
        let whole = Path::new(path).with_extension("");
        !whole.ancestors().any(|place| for_tests.contains(place))
    });
    files
}

fn walk(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn lines(found: impl IntoIterator<Item = impl ToString>) -> String {
    found.into_iter().map(|it| it.to_string() + "\n").collect()
}

#[test]
fn arrows_between_crates_run_one_way() {
    let metadata = metadata();
    assert!(
        metadata
            .workspace_packages()
            .iter()
            .any(|it| it.name.as_str() == "nuncio-testkit")
    );
    let found = arrows::check(&metadata);
    assert!(found.is_empty(), "{}", lines(found));
}

#[test]
fn crates_below_the_adapters_do_no_io_read_no_clock_and_do_not_panic() {
    let sources = sources();
    for place in PROTOCOL.iter().filter(|place| root().join(place).exists()) {
        let inside = format!("{place}/src/lib.rs");
        assert!(
            sources.iter().any(|(path, _)| *path == inside),
            "{inside} was not read"
        );
    }
    let found: Vec<_> = sources
        .iter()
        .flat_map(|(path, text)| purity::check(path, text).unwrap())
        .collect();
    assert!(found.is_empty(), "{}", lines(found));
}

#[test]
fn d06_nothing_is_done_in_an_assertion_of_debug_builds() {
    // Where it is read whether a URL record is sound, through `&self`; and clap's own test.
    let known = ["crates/url/src/parser.rs", "crates/cli/src/args.rs"];
    let found = sources()
        .into_iter()
        .filter(|(path, text)| text.contains("debug_assert") && !known.contains(&path.as_str()));
    assert_eq!(lines(found.map(|(path, _)| path)), "");
}

#[test]
fn d07_every_hash_is_keyed() {
    // The standard library's maps are, unless they are given another way to hash.
    let unkeyed = ["BuildHasher", "with_hasher", "DefaultHasher", "impl Hasher"];
    // Where the number in a runtime's id is had out of it, and nothing is kept by it.
    let known = "crates/tokio/src/runtime.rs";
    let found = sources()
        .into_iter()
        .filter(|(path, text)| path != known && unkeyed.iter().any(|word| text.contains(word)));
    assert_eq!(lines(found.map(|(path, _)| path)), "");
}

#[test]
fn blocking_has_no_async_crate_in_its_default_tree() {
    let tree = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root())
        .args([
            "tree",
            "--offline",
            "-p",
            "nuncio-blocking",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let text = String::from_utf8(tree.stdout).unwrap();
    assert!(text.starts_with("nuncio-blocking v"), "{text}");
    assert_eq!(arrows::async_packages(&text), Vec::<&str>::new());
}

#[test]
fn planted_sources_are_caught() {
    for (rule, text) in [
        (
            Rule::Clock,
            "fn f() { let now = std::time::Instant::now(); }",
        ),
        (
            Rule::Clock,
            "use std::time::SystemTime; fn f() { SystemTime::now(); }",
        ),
        (
            Rule::Clock,
            "fn f(x: Option<T>) { x.unwrap_or_else(Instant::now); }",
        ),
        (Rule::Thread, "fn f() { std::thread::sleep(d); }"),
        (Rule::Thread, "use std::{io, thread::spawn};"),
        (Rule::Socket, "use std::net::{IpAddr, TcpStream};"),
        (Rule::Socket, "fn f(l: &std::net::TcpListener) {}"),
        (Rule::Socket, "fn f() { UdpSocket::bind(a); }"),
        (Rule::Socket, "type S = std::os::unix::net::UnixStream;"),
        (
            Rule::Runtime,
            "use tokio::{io::AsyncRead, net::lookup_host};",
        ),
        (Rule::Runtime, "fn f() { tokio::spawn(g()); }"),
        (
            Rule::Runtime,
            "async fn f() { tokio::time::sleep(d).await }",
        ),
        (Rule::System, "use std::env; fn f() { env::var(\"HOME\"); }"),
        (Rule::System, "fn f() { std::fs::read(p); }"),
        (Rule::Panic, "fn f(x: Option<u8>) { x.unwrap(); }"),
        (
            Rule::Panic,
            "fn f(x: Option<u8>) { x\n .expect(\"there\"); }",
        ),
        (Rule::Panic, "fn f() { panic!(\"no\") }"),
        (Rule::Panic, "macro_rules! m { () => { todo!() } }"),
        (Rule::Unsafe, "fn f() { unsafe { g() } }"),
    ] {
        for place in PROTOCOL {
            let path = format!("{place}/src/planted.rs");
            let found = purity::check(&path, text).unwrap();
            assert!(!found.is_empty(), "{text}");
            assert!(
                found.iter().all(|it| it.rule == rule && it.path == path),
                "{found:?}"
            );
        }
        let above = purity::check("crates/blocking/src/planted.rs", text).unwrap();
        assert_eq!(above.is_empty(), rule != Rule::Unsafe, "{text}");
    }
}

#[test]
fn innocent_sources_are_let_through() {
    let text = r#"
        //! Nothing here calls `Instant::now()` or opens a `TcpStream`.
        use std::net::{IpAddr, SocketAddr};
        use std::time::{Duration, Instant};
        use tokio::io::{AsyncRead, ReadBuf};
        fn later(now: Instant) -> Instant { now + Duration::from_secs(1) }
        fn careful(x: Option<u8>) -> u8 { x.unwrap_or_default().max(x.unwrap_or(3)) }
        #[cfg(test)]
        mod tests { fn f() { std::thread::sleep(x.unwrap()); panic!() } }
    "#;
    assert_eq!(
        purity::check("crates/http2/src/innocent.rs", text).unwrap(),
        []
    );
}

#[test]
fn planted_dependencies_are_caught() {
    for (name, dependencies, expected) in [
        (
            "nuncio-url",
            vec![on("nuncio-headers")],
            vec!["nuncio-url may not stand on nuncio-headers"],
        ),
        (
            "nuncio-client",
            vec![on("nuncio")],
            vec!["nuncio-client may not stand on nuncio"],
        ),
        (
            "nuncio-http1",
            vec![on("tokio")],
            vec!["nuncio-http1 may not use tokio"],
        ),
        (
            "nuncio-async",
            vec![on("futures-executor")],
            vec!["nuncio-async may not use futures-executor"],
        ),
        (
            "nuncio-blocking",
            vec![on("nuncio-async")],
            vec!["nuncio-blocking may not stand on nuncio-async"],
        ),
        (
            "nuncio-url",
            vec![on("nuncio-testkit")],
            vec!["nuncio-url may not stand on nuncio-testkit"],
        ),
        (
            "nuncio-tls",
            vec![],
            vec!["nuncio-tls has no place in the table of crates"],
        ),
        (
            "nuncio-http2",
            vec![Dependency {
                features: &["io-util", "rt"],
                defaults: true,
                ..on("tokio")
            }],
            vec![
                "nuncio-http2 may not use tokio's feature rt",
                "nuncio-http2 may not use tokio's default features",
            ],
        ),
        // As it should be:
        (
            "nuncio-http1",
            vec![on("nuncio-headers"), on("httparse")],
            vec![],
        ),
        (
            "nuncio-http2",
            vec![Dependency {
                features: &["io-util"],
                ..on("tokio")
            }],
            vec![],
        ),
        (
            "nuncio-url",
            vec![Dependency {
                kind: "dev",
                ..on("nuncio-testkit")
            }],
            vec![],
        ),
        (
            "nuncio-connection",
            vec![Dependency {
                kind: "dev",
                ..on("tokio")
            }],
            vec![],
        ),
    ] {
        assert_eq!(
            arrows::check_package(&package(name, &dependencies)),
            expected
        );
    }
    let tree =
        "nuncio-blocking v0.1.0 (/x)\nrustls v0.23.46\nfutures-core v0.3.34\ntokio v1.54.1 (*)\n";
    assert_eq!(arrows::async_packages(tree), ["futures-core", "tokio"]);
}

#[derive(Clone, Copy)]
struct Dependency {
    name: &'static str,
    kind: &'static str,
    features: &'static [&'static str],
    defaults: bool,
}

fn on(name: &'static str) -> Dependency {
    Dependency {
        name,
        kind: "normal",
        features: &[],
        defaults: false,
    }
}

/// A package as `cargo metadata` would describe it.
fn package(name: &str, dependencies: &[Dependency]) -> Package {
    let dependencies: Vec<String> = dependencies
        .iter()
        .map(
            |Dependency {
                 name,
                 kind,
                 features,
                 defaults,
             }| {
                let kind = if *kind == "normal" {
                    "null".to_owned()
                } else {
                    format!("{kind:?}")
                };
                format!(
                    r#"{{"name":"{name}","req":"*","kind":{kind},"optional":false,
                    "uses_default_features":{defaults},"features":{features:?}}}"#
                )
            },
        )
        .collect();
    let dependencies = dependencies.join(",");
    serde_json::from_str(&format!(
        r#"{{"name":"{name}","version":"0.1.0","id":"{name}","dependencies":[{dependencies}],
            "targets":[],"features":{{}},"manifest_path":"/Cargo.toml"}}"#
    ))
    .unwrap()
}
