//! What the environment says is heeded only where a client was told so.

#![cfg(all(feature = "blocking", feature = "tls"))]

use nuncio::blocking::Client;
use nuncio_testkit::certs::Authority;
use nuncio_testkit::proxy::Proxy;
use nuncio_testkit::server::Server;
use std::process::Command;

#[test]
#[ignore = "run by the test below, with an environment of its own"]
fn in_a_process_of_its_own() {
    let url = std::env::var("NUNCIO_TEST_URL").unwrap();
    for trust in [true, false] {
        let client = Client::builder().trust_env(trust).build();
        let told = client.and_then(|client| {
            assert_eq!(client.trust_env(), trust);
            client.get(&url).send()
        });
        match told {
            Ok(response) => println!("told: {trust} {}", response.status().as_u16()),
            Err(error) => println!("told: {trust} {:?} {error}", error.kind()),
        }
    }
}

/// What such clients say in a process with this environment: trusting it, and not.
fn told(url: &str, variables: &[(&str, &str)]) -> [String; 2] {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_uppercase().ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    let output = command
        .args([
            "--ignored",
            "--exact",
            "in_a_process_of_its_own",
            "--nocapture",
        ])
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .env("NUNCIO_TEST_URL", url)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |trust| {
        let mut lines = text.lines().filter_map(|line| line.split_once("told: "));
        let found = lines.find_map(|(_, rest)| rest.strip_prefix(trust));
        found.expect("an answer").trim().to_owned()
    };
    [line("true"), line("false")]
}

#[test]
fn b20_certificates_of_the_environment_are_trusted_only_where_asked() {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let directory = std::env::temp_dir().join(format!("nuncio-roots-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("root.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let (file, directory) = (file.to_str().unwrap(), directory.to_str().unwrap());
    let url = server.url("/json");

    for variable in [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", directory)] {
        let [trusting, not] = told(&url, &[variable]);
        assert_eq!(trusting, "200");
        assert!(not.starts_with("Connect "), "{not}");
    }
    let [trusting, _] = told(&url, &[]);
    assert!(trusting.starts_with("Connect "), "{trusting}");
    let [trusting, not] = told(&url, &[("SSL_CERT_FILE", "/missing/roots.pem")]);
    assert!(trusting.starts_with("Builder ") && trusting.contains("/missing/roots.pem"));
    assert!(not.starts_with("Connect "), "nothing is read: {not}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn b18_proxies_of_the_environment_are_taken_only_where_asked() {
    let origin = Server::http();
    let proxy = Proxy::start();
    let url = origin.url("/json");
    let through = proxy.url();
    for (variables, taken) in [
        (&[("HTTP_PROXY", through.as_str())][..], true),
        (
            &[
                ("NUNCIO_PROXY", &through),
                ("HTTP_PROXY", "http://127.0.0.1:1"),
            ],
            true,
        ),
        (&[("ALL_PROXY", &through), ("NO_PROXY", "127.0.0.1")], false),
    ] {
        let before = proxy.asked().len();
        assert_eq!(told(&url, variables), ["200", "200"], "{variables:?}");
        assert_eq!(
            proxy.asked().len() - before,
            usize::from(taken),
            "{variables:?}"
        );
    }
}
