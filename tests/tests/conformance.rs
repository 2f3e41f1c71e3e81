//! `docs/CONFORMANCE.md` says which rule is held by which test, and it cannot lie: a planted lie of
//! each kind is caught.

use nuncio_tests::conformance::{self, TABLES};
use nuncio_tests::source::{self, Tests};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().to_owned()
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn ids() -> BTreeMap<String, usize> {
    let [behaviour, security] = ["BEHAVIOUR", "SECURITY"];
    conformance::ids(
        &document(&format!("docs/spec/{behaviour}.md")),
        &document(&format!("docs/spec/{security}.md")),
    )
}

/// The tests of every file that a crate is made of, under the file's name in the list: its path
/// without `crates/`, `tests/tests/` and `.rs`.
fn tests() -> BTreeMap<String, Tests> {
    let mut files = BTreeMap::new();
    for folder in ["crates", "tests/src", "tests/tests"] {
        walk(&root().join(folder), &mut files);
    }
    let compiled = |path: &PathBuf| is_compiled(path, &files);
    let named = files.iter().filter(|(path, _)| compiled(path));
    named
        .map(|(path, tests)| (name_of(path), tests.clone()))
        .collect()
}

fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, Tests>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let tests = source::tests(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            files.insert(path, tests);
        }
    }
}

/// Whether a file is the root of a target, or a module that another one declares.
fn is_compiled(path: &Path, files: &BTreeMap<PathBuf, Tests>) -> bool {
    let (folder, stem) = (path.parent().unwrap(), path.file_stem().unwrap());
    let of_crate = folder.file_name().is_some_and(|name| name == "tests")
        && folder.parent().unwrap().join("Cargo.toml").exists();
    if of_crate || stem == "lib" || stem == "main" {
        return true;
    }
    let (folder, stem) = if stem == "mod" {
        (folder.parent().unwrap(), folder.file_name().unwrap())
    } else {
        (folder, stem)
    };
    let parents = ["lib.rs", "main.rs", "mod.rs"].map(|file| folder.join(file));
    let mut parents = parents.iter().cloned().chain([folder.with_extension("rs")]);
    parents.any(|parent| {
        files.get(&parent).is_some_and(|tests| {
            tests.modules.iter().any(|name| **name == *stem) && is_compiled(&parent, files)
        })
    })
}

fn name_of(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap().with_extension("");
    let name = path.to_str().unwrap().replace('\\', "/");
    let short = ["tests/tests/", "crates/"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    short.unwrap_or(&name).to_owned()
}

#[test]
fn every_rule_is_listed_with_its_tests() {
    let (list, ids, tests) = (document("docs/CONFORMANCE.md"), ids(), tests());
    let found = conformance::check(&list, &ids, &tests);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_documents_are_read() {
    let ids = ids();
    for (letter, rows) in TABLES
        .into_iter()
        .zip([19, 18, 10, 11, 9, 26, 14, 13, 15, 12])
    {
        let of_table = ids.keys().filter(|id| id.starts_with(letter)).count();
        assert_eq!(of_table, rows, "{letter}");
    }
    for (id, least) in [
        ("2", 1),
        ("2.2", 18),
        ("6.3", 11),
        ("6.5", 1),
        ("14.5", 11),
        ("15", 1),
        ("15.1", 5),
        ("16.7", 1),
        ("Q6.3", 2),
        ("Q23", 1),
        ("U1", 0),
        ("9.1", 0),
        ("16", 0),
    ] {
        assert_eq!(ids.get(id), Some(&least), "{id}");
    }
    let tests = tests();
    let all: usize = tests.values().map(|tests| tests.run.len()).sum();
    assert!(all > 1_000, "{all}");
    assert!(tests.contains_key("client/src/auth/digest/tests"));
    assert!(tests.contains_key("behaviour/redirects"));
}

#[test]
fn a_name_claims_the_rows_that_it_begins_with() {
    let ids = ids();
    for (name, claims) in [
        ("r01_authorization", vec!["R1"]),
        ("i04_i05_hosts", vec!["I4", "I5"]),
        ("r99_nothing", vec!["R99"]),
        ("b15_2_what", vec!["15.2"]),
        ("b06_3_q_order", vec!["6.3"]),
        ("b6_5_cookies", vec!["6.5"]),
        ("b15_redirects", vec!["15"]),
        ("b10_100_times", vec!["10"]),
        ("b99_nothing", vec!["99"]),
        // Not listed whole, or no id at all.
        ("b13_codings", vec![]),
        ("u17_cut", vec![]),
        ("a_request", vec![]),
        ("r_1", vec![]),
    ] {
        assert_eq!(conformance::claims(name, &ids), claims, "{name}");
    }
}

#[test]
fn planted_lies_are_caught() {
    let behaviour = "## 15. Redirects\nText.\n### 15.1 Method\n| a | b |\n|---|---|\n| 301 | x |\n| 302 | x |\n\
                     ## 13. Decoders\n- item\n## 30. Register\n|§|a|\n|---|---|\n|15.1 S|x|\n";
    let security = "| id | a |\n|---|---|\n| R1 | x |\n| U1 | x |\n";
    let ids = conformance::ids(behaviour, security);
    let mut tests = BTreeMap::new();
    let own = source::tests(
        "#[test] fn r01_a() {} #[test] fn b15_1_b() {} #[test] fn other() {}
         #[test] #[ignore] fn slow() {} #[test] fn u01_a() {}",
    );
    tests.insert("x/y".to_owned(), own.unwrap());
    let honest = "| id | rule | held by |\n|---|---|---|\n\
        | R1 | a | `x/y::r01_a`, `x/y::other` |\n\
        | 15 | loop | differs: not so, because of that |\n\
        | 15.1 | 301 | `x/y::b15_1_b` |\n\
        | 15.1 | 302 | not built: issue 5 |\n\
        | Q15.1 | a | by type: an enum has it |\n\
        | U1 | a | `x/y::u01_a` |\n";
    assert_eq!(
        conformance::check(honest, &ids, &tests),
        Vec::<String>::new()
    );
    for (truth, lie, caught) in [
        // A row or a rule is missing.
        ("| 15 |", "| U1 |", "15 has 0 of 1 lines"),
        (
            "| 15.1 | 302 | not built: issue 5 |\n",
            "",
            "15.1 has 1 of 2 lines",
        ),
        ("| Q15.1 |", "| 13 |", "Q15.1 has 0 of 1 lines"),
        // One is unknown.
        (
            "| U1 | a |",
            "| U2 | a |",
            "line 8, U2: no such row or section",
        ),
        // A test does not exist, or does not run.
        (
            "x/y::other",
            "x/y::gone",
            "line 3, R1: x/y::gone does not exist",
        ),
        (
            "x/y::other",
            "x/y::slow",
            "line 3, R1: x/y::slow is ignored",
        ),
        (
            "x/y::other",
            "x/z::other",
            "line 3, R1: x/z::other is in a file that does not exist, or belongs to no crate",
        ),
        // Nothing is said, or not why.
        ("| loop |", "|  |", "line 4, 15: no rule"),
        (
            "not built: issue 5",
            "later",
            "line 6, 15.1: neither a test nor a reason",
        ),
        (
            "not built: issue 5",
            "not built: later",
            "line 6, 15.1: neither a test nor a reason",
        ),
        (
            ", because of that",
            "",
            "line 4, 15: neither a test nor a reason",
        ),
        // A test claims a row that does not list it.
        ("`x/y::r01_a`, ", "", "x/y::r01_a is not listed at R1"),
        (
            "| 15.1 | 301 | `x/y::b15_1_b` |",
            "| 15.1 | 301 | `x/y::other` |",
            "x/y::b15_1_b is not listed at 15.1",
        ),
    ] {
        assert!(honest.contains(truth), "{truth}");
        let found = conformance::check(&honest.replacen(truth, lie, 1), &ids, &tests);
        assert_eq!(found, [caught], "{truth} -> {lie}");
    }
}
