//! Requests through proxies: what these are told, what nobody else is, and whom a refusal comes from
//! (BEHAVIOUR sections 17, 18 and 26, SECURITY table X).

mod choice;
mod forward;
mod refusals;
mod socks;
mod tunnel;
mod verdicts;

use nuncio::{Error, Response};
use nuncio_client::{Client, ClientBuilder, Driver};
use nuncio_testkit::certs::Authority;
use nuncio_testkit::server::Server;

/// `user:secret` in base64, as Basic has it.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

/// An https origin, and who signed its certificate.
fn secure_origin() -> (Authority, Server) {
    let authority = Authority::new();
    let leaf = authority.leaf_for(&["localhost", "127.0.0.1", "origin.test"]);
    let server = Server::https(&leaf);
    (authority, server)
}

fn trusting<D: Driver>(builder: ClientBuilder<D>, authority: &Authority) -> Client<D> {
    let builder = builder.root_certificates(authority.pem());
    builder.build().expect("a client")
}

/// That no text of an answer, or of an error, tells the password.
#[track_caller]
fn keeps_secret(outcome: &Result<Response, Error>) {
    if let Err(error) = outcome {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("secret"), "{text}");
    }
}
