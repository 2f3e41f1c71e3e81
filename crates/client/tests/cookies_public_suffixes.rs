//! The public suffix list and its tests, of the folder `NUNCIO_CORPORA`, against what the jar refuses.

use nuncio_client::cookies::Rejected;
use nuncio_client::{CookieJar, Url};
use std::time::SystemTime;

/// A file of the corpora; none, with a word about it, when there is no folder.
fn load(path: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("NUNCIO_CORPORA") else {
        println!(
            "skipped: NUNCIO_CORPORA names no folder ({path} is of github.com/publicsuffix/list)"
        );
        return None;
    };
    Some(std::fs::read_to_string(std::path::Path::new(&folder).join(path)).unwrap())
}

fn ascii(domain: &str) -> String {
    Url::parse(&format!("https://{domain}/"))
        .unwrap()
        .host_str()
        .to_owned()
}

fn set(host: &str, domain: &str) -> Result<bool, Rejected> {
    let jar = CookieJar::new();
    let url = Url::parse(&format!("https://{host}/")).unwrap();
    jar.store_line(
        &url,
        format!("a=b; Domain={domain}"),
        SystemTime::UNIX_EPOCH,
    )?;
    Ok(jar.cookies()[0].is_host_only())
}

#[test]
fn c01_the_tests_of_the_list() {
    let Some(text) = load("psl/test_psl.txt") else {
        return;
    };
    let mut checked = 0;
    for line in text
        .lines()
        .filter(|line| line.starts_with("checkPublicSuffix('"))
    {
        let mut fields = line.split('\'').skip(1).step_by(2);
        let (domain, owner) = (fields.next().unwrap(), fields.next());
        // A dot before it belongs to no host: the list's tests say null for each of these.
        if domain.starts_with('.') {
            assert_eq!(owner, None);
            continue;
        }
        let host = ascii(domain);
        checked += 1;
        let Some(owner) = owner else {
            assert_eq!(set(&host, &host), Ok(true), "{line}");
            assert_eq!(
                set(&format!("x.{host}"), &host),
                Err(Rejected::PublicSuffix),
                "{line}"
            );
            continue;
        };
        let owner = ascii(owner);
        assert_eq!(set(&host, &owner), Ok(false), "{line}");
        let (_, suffix) = owner.split_once('.').unwrap();
        // An exception stands below `*.kobe.jp`, and by the list kobe.jp itself has one owner.
        if suffix == "kobe.jp" {
            continue;
        }
        assert_eq!(set(&host, suffix), Err(Rejected::PublicSuffix), "{line}");
    }
    println!("{checked} checks of the list's own");
    assert!(checked > 70);
}

#[test]
fn c01_every_rule_of_the_list() {
    let Some(text) = load("psl/public_suffix_list.dat") else {
        return;
    };
    let (mut refused, mut let_in) = (0, Vec::new());
    let rules = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"));
    for rule in rules {
        if let Some(owner) = rule.strip_prefix('!') {
            let owner = ascii(owner);
            assert_eq!(set(&format!("x.{owner}"), &owner), Ok(false), "{rule}");
            continue;
        }
        let suffix = ascii(&rule.replace('*', "any"));
        let spellings = [suffix.clone(), suffix.to_uppercase(), format!(".{suffix}")];
        let results = spellings.map(|domain| set(&format!("x.{suffix}"), &domain));
        if results.iter().all(|it| *it == Err(Rejected::PublicSuffix)) {
            refused += 1;
        } else {
            assert!(
                results.iter().all(|it| *it == Ok(false)),
                "{rule}: {results:?}"
            );
            let_in.push(rule);
        }
    }
    println!("{refused} refused, let in: {let_in:?}");
    // Rules come and go, a few a month, and the list that is compiled in has its own date.
    assert!(
        refused > 10_000 && let_in.len() <= refused / 100,
        "{let_in:?}"
    );
}
