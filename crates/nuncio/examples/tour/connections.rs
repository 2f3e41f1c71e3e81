//! Connections: where they lead, through what, and what may be done with them beside HTTP.

use crate::house::House;
use crate::table::{Over, Table};
use nuncio::tls::Identity;
use nuncio::{ConnectPolicy, Error, Kind, Proxy, Transport};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use std::io::{Read, Write};

/// The chapter on the blocking client. What it notes between the rows is printed here alone.
pub(crate) fn on_blocking(house: &House, table: &mut Table) -> Result<(), Error> {
    let client = nuncio::blocking::Client::builder()
        .root_certificates(house.trusted.as_str())
        .http2(true)
        .build()?;

    // A proxy is for a client, for a pattern of URLs or for one request. This one is asked by SOCKS5, and
    // looks the name up.
    let row = table.row(Over::Http1, "blocking", "GET, SOCKS5");
    let socks = Transport::proxy(house.proxy.url_as("socks5"));
    let mounted = client.with(|it| it.mount("http://*.test", socks))?;
    let url = format!("http://origin.test:{}/json", house.server.addr().port());
    let page = mounted.get(&url).send()?;
    let right = page.peer_address() == Some(house.proxy.addr());
    row.answer(&page, page.bytes().len(), right);
    table.note(mounted.explain_proxy(&url)?);

    // This one is spoken to over TLS, has a password and an authority of its own. Inside its tunnel is
    // HTTP/2 over TLS with a server that asks for a certificate.
    let proxy = Proxy::new(house.secure_proxy.url())
        .auth("ada", "secret")
        .root_certificates(house.trusted_of_proxy.as_str());
    let through = client.with(|it| it.proxy(proxy))?;
    let row = table.row(Over::Http2Tls, "blocking", "GET, no certificate");
    let refused = through.get(house.vault.url("/json")).send();
    row.refusal(refused.err(), is_refusal);

    let row = table.row(Over::Http2Tls, "blocking", "GET, HTTPS proxy");
    let identity = Identity::pem(house.certificate.as_str()).key(house.key.as_str());
    let known = through.with(|it| it.identity(identity))?;
    let page = known.get(house.vault.url("/json")).send()?;
    let right = page.peer_address() == Some(house.secure_proxy.addr());
    let kept = known.pool().connections == 1;
    row.answer(&page, page.bytes().len(), right && kept);
    // What was agreed on with the server, and what the client's pool holds.
    if let Some(tls) = page.tls() {
        table.note(tls);
    }
    table.note(known.pool());

    // Whatever the URL says, this goes to a Unix domain socket.
    #[cfg(unix)]
    {
        let row = table.row(Over::Nothing, "blocking", "GET, Unix socket");
        let local = client.with(|it| it.unix_socket(&house.daemon.0))?;
        let page = local.get("http://daemon/").send()?;
        row.answer(&page, page.bytes().len(), page.text() == "daemon");
    }

    // URLs that come from others lead where they like, unless you say where they may. Nobody is dialled.
    let row = table.row(Over::Http1, "blocking", "GET, policy");
    let connections = house.server.connections();
    let public = ConnectPolicy::public_addresses_only();
    let careful = client.with(|it| it.connect_policy(public))?;
    let refused = careful.get(house.server.url("/json")).send();
    row.refusal(refused.err(), |error| {
        error.kind() == Kind::Policy && house.server.connections() == connections
    });

    // Where the server leaves HTTP, the connection is yours: a reader and a writer. The example
    // `websocket` puts a WebSocket on it.
    let row = table.row(Over::Http1, "blocking", "GET, upgrade");
    let mut parrot = client
        .get(house.parrot.url("/"))
        .header("Connection", "Upgrade")
        .header("Upgrade", "parrot")
        .stream()?
        .upgrade()?;
    let said = talk(&mut parrot);
    row.answer(parrot.head(), said.len(), said == "welcome, Polly");
    Ok(())
}

/// What a [`Read`] and [`Write`] is for.
fn talk(mut parrot: impl Read + Write) -> String {
    let mut said = [0; 14];
    let spoken = parrot
        .write_all(b"Polly")
        .and_then(|()| parrot.read_exact(&mut said));
    spoken.map_or_else(
        |error| error.to_string(),
        |()| String::from_utf8_lossy(&said).into(),
    )
}

/// Whether the server turned us away, and not the proxy. In TLS 1.3 it may do so after the handshake, by
/// closing the connection.
fn is_refusal(error: &Error) -> bool {
    error.proxy().is_none() && !error.is_timeout()
}

/// The chapter on the async client.
pub(crate) async fn on_async(
    name: &'static str,
    builder: nuncio::ClientBuilder,
    house: &House,
    table: &mut Table,
) -> Result<(), Error> {
    let client: nuncio::Client = builder
        .root_certificates(house.trusted.as_str())
        .http2(true)
        .build()?;

    let row = table.row(Over::Http1, name, "GET, SOCKS5");
    let socks = Transport::proxy(house.proxy.url_as("socks5"));
    let mounted = client.with(|it| it.mount("http://*.test", socks))?;
    let url = format!("http://origin.test:{}/json", house.server.addr().port());
    let page = mounted.get(&url).send().await?;
    let right = page.peer_address() == Some(house.proxy.addr());
    row.answer(&page, page.bytes().len(), right);

    let proxy = Proxy::new(house.secure_proxy.url())
        .auth("ada", "secret")
        .root_certificates(house.trusted_of_proxy.as_str());
    let through = client.with(|it| it.proxy(proxy))?;
    let row = table.row(Over::Http2Tls, name, "GET, no certificate");
    let refused = through.get(house.vault.url("/json")).send().await;
    row.refusal(refused.err(), is_refusal);

    let row = table.row(Over::Http2Tls, name, "GET, HTTPS proxy");
    let identity = Identity::pem(house.certificate.as_str()).key(house.key.as_str());
    let known = through.with(|it| it.identity(identity))?;
    let page = known.get(house.vault.url("/json")).send().await?;
    let right = page.peer_address() == Some(house.secure_proxy.addr());
    let kept = known.pool().connections == 1;
    row.answer(&page, page.bytes().len(), right && kept);

    #[cfg(unix)]
    {
        let row = table.row(Over::Nothing, name, "GET, Unix socket");
        let local = client.with(|it| it.unix_socket(&house.daemon.0))?;
        let page = local.get("http://daemon/").send().await?;
        row.answer(&page, page.bytes().len(), page.text() == "daemon");
    }

    let row = table.row(Over::Http1, name, "GET, policy");
    let connections = house.server.connections();
    let public = ConnectPolicy::public_addresses_only();
    let careful = client.with(|it| it.connect_policy(public))?;
    let refused = careful.get(house.server.url("/json")).send().await;
    row.refusal(refused.err(), |error| {
        error.kind() == Kind::Policy && house.server.connections() == connections
    });

    let row = table.row(Over::Http1, name, "GET, upgrade");
    let offer = client
        .get(house.parrot.url("/"))
        .header("Connection", "Upgrade")
        .header("Upgrade", "parrot");
    let mut parrot = offer.stream().await?.upgrade()?;
    let said = talk_async(&mut parrot).await;
    row.answer(parrot.head(), said.len(), said == "welcome, Polly");
    Ok(())
}

/// What an `AsyncRead` and `AsyncWrite` is for.
async fn talk_async(parrot: &mut nuncio::Upgraded) -> String {
    let mut said = [0; 14];
    let spoken = async {
        parrot.write_all(b"Polly").await?;
        parrot.flush().await?;
        parrot.read_exact(&mut said).await
    };
    match spoken.await {
        Ok(()) => String::from_utf8_lossy(&said).into(),
        Err(error) => error.to_string(),
    }
}
