//! Which crate of the workspace may stand on which, and who may use an async runtime.

use cargo_metadata::{DependencyKind, Metadata, Package};

/// Each package and the ones of this workspace that it may use, in the order of the house: a package
/// uses only what stands above it.
const STANDS_ON: &[(&str, &[&str])] = &[
    ("nuncio-url", &[]),
    ("nuncio-headers", &[]),
    ("nuncio-multipart", &["nuncio-headers"]),
    ("nuncio-content", &[]),
    ("nuncio-http1", &["nuncio-headers"]),
    ("nuncio-http2", &["nuncio-headers"]),
    (
        "nuncio-connection",
        &["nuncio-headers", "nuncio-http1", "nuncio-http2"],
    ),
    (
        "nuncio-client",
        &[
            "nuncio-connection",
            "nuncio-url",
            "nuncio-headers",
            "nuncio-multipart",
            "nuncio-content",
        ],
    ),
    ("nuncio-socket", &["nuncio-client"]),
    ("nuncio-async", &["nuncio-client", "nuncio-socket"]),
    ("nuncio-tokio", &["nuncio-async"]),
    ("nuncio-smol", &["nuncio-async"]),
    ("nuncio-async-std", &["nuncio-async", "nuncio-smol"]),
    ("nuncio-blocking", &["nuncio-client", "nuncio-socket"]),
    (
        "nuncio",
        &[
            "nuncio-url",
            "nuncio-headers",
            "nuncio-multipart",
            "nuncio-content",
            "nuncio-http1",
            "nuncio-http2",
            "nuncio-connection",
            "nuncio-client",
            "nuncio-async",
            "nuncio-tokio",
            "nuncio-smol",
            "nuncio-async-std",
            "nuncio-blocking",
        ],
    ),
    ("nuncio-cli", &["nuncio"]),
    ("nuncio-testkit", &["nuncio-connection", "nuncio-headers"]),
];

/// Packages that no other may build on; they may use everything.
const ENDS: [&str; 2] = ["nuncio-tests", "nuncio-benches"];

/// What every package may use for its own tests.
const FOR_TESTS: &str = "nuncio-testkit";

/// Crates that run futures, or that stand on one that does, and the packages that may use each outside
/// of tests. The command runs its client on the runtime that it is told.
const RUNTIMES: &[(&str, &[&str])] = &[
    ("tokio", &["nuncio-tokio", "nuncio-http2", "nuncio-cli"]),
    ("tokio-util", &[]),
    ("tokio-rustls", &[]),
    // Discontinued: for tests alone.
    ("async-std", &[]),
    ("smol", &[]),
    ("async-io", &["nuncio-smol"]),
    ("async-executor", &["nuncio-smol"]),
    ("blocking", &["nuncio-smol"]),
    ("async-global-executor", &["nuncio-async-std"]),
    ("futures", &[]),
    ("futures-executor", &[]),
    ("hyper", &[]),
    ("hyper-util", &[]),
];

/// The features of tokio that do not bring its runtime; all that `nuncio-http2` may ask for.
const TOKIO_TRAITS: [&str; 1] = ["io-util"];

/// Everything in the manifests that is not as the table says, one line each.
pub fn check(metadata: &Metadata) -> Vec<String> {
    metadata
        .workspace_packages()
        .into_iter()
        .flat_map(check_package)
        .collect()
}

/// Everything in one manifest that is not as the table says.
pub fn check_package(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    if ENDS.contains(&name) {
        return Vec::new();
    }
    let Some((_, allowed)) = STANDS_ON.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} has no place in the table of crates")];
    };
    let mut found = Vec::new();
    for dependency in &package.dependencies {
        let uses = dependency.name.as_str();
        let for_tests = dependency.kind == DependencyKind::Development;
        let ours = uses == "nuncio" || uses.starts_with("nuncio-");
        if ours && !allowed.contains(&uses) && !(for_tests && uses == FOR_TESTS) {
            found.push(format!("{name} may not stand on {uses}"));
        }
        let users = RUNTIMES.iter().find(|(runtime, _)| *runtime == uses);
        if users.is_some_and(|(_, users)| !for_tests && !users.contains(&name)) {
            found.push(format!("{name} may not use {uses}"));
        }
        if (name, uses, for_tests) == ("nuncio-http2", "tokio", false) {
            let more = |feature: &&String| !TOKIO_TRAITS.contains(&feature.as_str());
            let features = dependency.features.iter().filter(more);
            found.extend(features.map(|it| format!("{name} may not use tokio's feature {it}")));
            if dependency.uses_default_features {
                found.push(format!("{name} may not use tokio's default features"));
            }
        }
    }
    found
}

/// The packages in a `cargo tree --prefix none` listing that have no business under blocking code:
/// async runtimes and what comes with them.
pub fn async_packages(tree: &str) -> Vec<&str> {
    const NAMES: [&str; 9] = [
        "tokio",
        "smol",
        "blocking",
        "mio",
        "polling",
        "hyper",
        "h2",
        "nuncio-http2",
        "nuncio-smol",
    ];
    const PREFIXES: [&str; 6] = [
        "tokio-",
        "async-",
        "futures",
        "hyper-",
        "nuncio-async",
        "nuncio-tokio",
    ];
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| NAMES.contains(name) || PREFIXES.iter().any(|it| name.starts_with(it)))
        .collect()
}
