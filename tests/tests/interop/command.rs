//! The command `nuncio`, once against each origin.

use crate::servers::{APACHE, HAPROXY, HYPERCORN, NGHTTPD, NGINX, NODE, Way, served, variable};
use std::fs;
use std::process::{Command, Stdio};

#[test]
#[ignore = "needs tests/interop/run"]
fn the_command_downloads_from_each_origin() {
    for origin in [&NODE, &NGINX, &APACHE, &HAPROXY, &NGHTTPD, &HYPERCORN] {
        for &way in origin.ways {
            // The command has no option for HTTP/2, nor for an authority to trust.
            if !matches!(way, Way::Http1 | Way::Http1Tls) {
                continue;
            }
            for runtime in ["blocking", "tokio"] {
                let output = Command::new(variable("COMMAND"))
                    .args(["--runtime", runtime, "--no-verify", "--download", "-"])
                    .arg(origin.url(way, "/1M.bin"))
                    .stdin(Stdio::null())
                    .output()
                    .unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{} {way:?}: {said}", origin.name);
                assert_eq!(output.stdout, fs::read(served("1M.bin")).unwrap());
            }
        }
    }
}
