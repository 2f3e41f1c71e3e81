//! Cookie jars in files.

use nuncio::{CookieJar, Kind, cookie_file};
use std::fs;
use std::path::PathBuf;

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nuncio-jar-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn l03_a_jar_is_saved_whole_for_its_owner_alone() {
    let directory = Directory::new("whole");
    let path = directory.0.join("cookies.txt");
    fs::write(&path, "what was there before").unwrap();
    let jar = CookieJar::new();
    jar.set_for("example.com", "/", "id", "SECRET").unwrap();
    cookie_file::save(&jar, &path).unwrap();
    assert_eq!(directory.names(), ["cookies.txt"]);
    let again = cookie_file::load(&path).unwrap();
    assert_eq!(again.get("id").unwrap().as_deref(), Some("SECRET"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn l03_what_was_there_before_is_still_there_after_a_failure() {
    let directory = Directory::new("failure");
    // A directory cannot be replaced by a file.
    let path = directory.0.join("taken");
    fs::create_dir(&path).unwrap();
    let error = cookie_file::save(&CookieJar::new(), &path).unwrap_err();
    assert_eq!(error.kind(), Kind::Builder);
    assert!(error.to_string().contains("taken"), "{error}");
    assert_eq!(directory.names(), ["taken"]);
    assert!(cookie_file::save(&CookieJar::new(), directory.0.join("no/such")).is_err());
}

#[test]
fn a_file_that_is_none_is_named_and_not_shown() {
    let directory = Directory::new("none");
    let path = directory.0.join("odd.txt");
    fs::write(&path, "SECRET\tis no cookie\n").unwrap();
    let error = cookie_file::load(&path).unwrap_err();
    assert_eq!(error.kind(), Kind::Decoding);
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("odd.txt") && !text.contains("SECRET"),
        "{text}"
    );
    let error = cookie_file::load(directory.0.join("missing.txt")).unwrap_err();
    assert_eq!(error.kind(), Kind::Builder);
}
