//! Reading netrc files.

use nuncio::{Kind, netrc};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A directory of this test's own, gone when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nuncio-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn b14_4_a_file_that_is_given_is_read() {
    let directory = Directory::new("given");
    let path = directory.file("n", "machine a.test login me password SECRET");
    let read = netrc::read(&path).unwrap();
    assert_eq!(read.find("a.test").unwrap().login(), b"me");

    let broken = directory.file(
        "broken",
        "machine a.test\nlogin me password SECRET\nnonsense SECRET",
    );
    let error = netrc::read(&broken).unwrap_err();
    assert_eq!(error.kind(), Kind::Builder);
    let text = error.to_string();
    assert!(
        text.contains("broken") && !text.contains("SECRET"),
        "{text}"
    );

    let error = netrc::read(directory.0.join("missing")).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
}

/// What `from_environment` says in a process with this environment.
#[cfg(unix)]
fn told(home: &Directory, variable: Option<&PathBuf>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([
            "--ignored",
            "--exact",
            "in_a_process_of_its_own",
            "--nocapture",
        ])
        .env("HOME", &home.0)
        .env_remove("NETRC");
    if let Some(path) = variable {
        child.env("NETRC", path);
    }
    let output = child.output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("told: "));
    line.expect("an answer").1.to_owned()
}

#[test]
#[ignore = "run by the test below, with an environment of its own"]
fn in_a_process_of_its_own() {
    match netrc::from_environment() {
        Ok(None) => println!("told: nothing"),
        Ok(Some(found)) => {
            let entry = found.find("a.test").unwrap();
            println!("told: {}", String::from_utf8_lossy(entry.login()));
        }
        Err(error) => println!("told: {error}"),
    }
}

#[cfg(unix)]
#[test]
fn b14_4_the_users_own_file_is_found_where_it_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let home = Directory::new("home");
    assert_eq!(told(&home, None), "nothing");
    let second = home.file("_netrc", "machine a.test login second password p");
    fs::set_permissions(&second, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(told(&home, None), "second");
    let first = home.file(".netrc", "machine a.test login first password p");
    fs::set_permissions(&first, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(told(&home, None), "first");
    // What is named goes first, and nothing else is looked for.
    let named = home.file("named", "machine a.test login named password p");
    assert_eq!(told(&home, Some(&named)), "named");
    let missing = home.0.join("missing");
    assert!(told(&home, Some(&missing)).contains("missing"));
    // Others can read it.
    fs::set_permissions(&first, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        told(&home, None).contains(".netrc"),
        "{}",
        told(&home, None)
    );
    assert!(!told(&home, None).contains("first"));
}
