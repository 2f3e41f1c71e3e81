//! A tour of nuncio: the same handful of requests through every adapter there is.
//!
//! ```text
//! cargo run -p nuncio --example tour --features full
//! ```
//!
//! It needs no network: two servers on loopback ports answer, one of them over TLS with a
//! certificate made on the fly. Read [`on_blocking`] first, then [`on_async`]: the same lines, and
//! `.await` behind what waits. The exit status is 0 only if everything was as expected.

use bytes::Bytes;
use nuncio::{Body, BodyStream, Error, Kind, Version};
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::{content, server::Server};
use serde_json::Value;
use std::io::{self, Read};
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

const DOWNLOAD: u64 = 64 * 1024 * 1024;
const UPLOAD: u64 = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_millis(150);

/// The tour on the blocking client: threads and `std::net`, no async runtime anywhere.
fn on_blocking(site: &Site, table: &mut Table) -> Result<(), Error> {
    let client = nuncio::blocking::Client::builder()
        .base_url(site.server.url("/"))
        .root_certificates(site.trusted.as_str())
        .build()?;

    // send() reads the whole body; what is no 2xx becomes an error if you say so.
    let row = table.row("blocking", "GET, JSON");
    let page = client.get("json").send()?.error_for_status()?;
    let json: Value = page.json()?;
    row.answer(site, &page, page.bytes().len() as u64, json["name"] == "nuncio");

    // A body can be anything that is read. Without a length it is sent chunked, and never held.
    let row = table.row("blocking", "POST, streamed");
    let page = client.post("checksum").body(Body::reader(Upload(0), None)).send()?;
    row.answer(site, &page, UPLOAD, arrived_whole(&page.json()?));

    // stream() gives the response as soon as its head is there; pull the body as you like.
    let row = table.row("blocking", "GET, 64 MiB");
    let mut download = client.get(format!("bytes/{DOWNLOAD}")).stream()?;
    let mut sum = Checksum::new();
    while let Some(chunk) = download.chunk()? {
        sum.update(&chunk);
    }
    row.answer(site, &download, sum.length(), sum.finish() == content::checksum(DOWNLOAD));

    // Every wait has a limit, five seconds unless you say otherwise.
    let row = table.row("blocking", "GET, timeout");
    let late = client.get("stall").timeout(PATIENCE).send();
    row.refusal(site, late.map(drop), |error| error.kind() == Kind::ReadTimeout);

    // A server that cannot prove its name is not talked to.
    if let Some(impostor) = &site.impostor {
        let row = table.row("blocking", "GET, bad certificate");
        let refused = client.get(impostor.url("/json")).send();
        row.refusal(site, refused.map(drop), |error| {
            error.is_connect() && error.to_string().contains("certificate")
        });
    }
    Ok(())
}

/// The tour on the async client. `nuncio::Client` is one type whatever the runtime: only the
/// builder knows which.
async fn on_async(
    name: &'static str,
    builder: nuncio::ClientBuilder,
    site: &Site,
    table: &mut Table,
) -> Result<(), Error> {
    let client: nuncio::Client = builder
        .base_url(site.server.url("/"))
        .root_certificates(site.trusted.as_str())
        .build()?;

    let row = table.row(name, "GET, JSON");
    let page = client.get("json").send().await?.error_for_status()?;
    let json: Value = page.json()?;
    row.answer(site, &page, page.bytes().len() as u64, json["name"] == "nuncio");

    let row = table.row(name, "POST, streamed");
    let page = client.post("checksum").body(Body::stream(Upload(0), None)).send().await?;
    row.answer(site, &page, UPLOAD, arrived_whole(&page.json()?));

    let row = table.row(name, "GET, 64 MiB");
    let mut download = client.get(format!("bytes/{DOWNLOAD}")).stream().await?;
    let mut sum = Checksum::new();
    while let Some(chunk) = download.chunk().await? {
        sum.update(&chunk);
    }
    row.answer(site, &download, sum.length(), sum.finish() == content::checksum(DOWNLOAD));

    let row = table.row(name, "GET, timeout");
    let late = client.get("stall").timeout(PATIENCE).send().await;
    row.refusal(site, late.map(drop), |error| error.kind() == Kind::ReadTimeout);

    if let Some(impostor) = &site.impostor {
        let row = table.row(name, "GET, bad certificate");
        let refused = client.get(impostor.url("/json")).send().await;
        row.refusal(site, refused.map(drop), |error| {
            error.is_connect() && error.to_string().contains("certificate")
        });
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut table = Table::new();
    match tour(&mut table) {
        Ok(()) if table.surprises == 0 => ExitCode::SUCCESS,
        Ok(()) => {
            eprintln!("{} of these were not as expected", table.surprises);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the tour ended early: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tour(table: &mut Table) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for site in [Site::plain(), Site::tls()] {
        on_blocking(&site, table)?;
        runtime.block_on(on_async("tokio", nuncio::tokio::builder(), &site, table))?;
    }
    Ok(())
}

/// A server, whom to trust about it, and somebody who pretends to be it.
struct Site {
    server: Server,
    trusted: String,
    impostor: Option<Server>,
}

impl Site {
    fn plain() -> Self {
        Site { server: Server::http(), trusted: Authority::new().pem(), impostor: None }
    }

    fn tls() -> Self {
        let authority = Authority::new();
        Site {
            server: Server::https(&authority.leaf()),
            trusted: authority.pem(),
            impostor: Some(Server::https(&authority.faulty_leaf(Fault::UnknownAuthority))),
        }
    }

    fn protocol(&self, version: Version) -> String {
        let tls = if self.impostor.is_some() { " over TLS" } else { "" };
        format!("{version:?}{tls}")
    }
}

/// A request's body, made as it is sent; what was sent already is all that it knows.
struct Upload(u64);

/// For the blocking client.
impl Read for Upload {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let piece = self.next(buf.len());
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

/// For the async client. (`nuncio::from_stream` makes a body of any `futures` stream.)
impl BodyStream for Upload {
    fn poll_chunk(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let piece = self.next(64 * 1024);
        Poll::Ready((!piece.is_empty()).then(|| Ok(Bytes::from_static(piece))))
    }
}

impl Upload {
    fn next(&mut self, limit: usize) -> &'static [u8] {
        let left = (UPLOAD - self.0).min(limit as u64) as usize;
        let piece = content::slice(self.0, left);
        self.0 += piece.len() as u64;
        piece
    }
}

/// Whether the server saw the bytes that [`Upload`] gave, all of them and in order.
fn arrived_whole(answer: &Value) -> bool {
    answer["bytes"] == UPLOAD
        && answer["checksum"] == format!("{:016x}", content::checksum(UPLOAD))
}

/// What is printed, line by line as it happens.
struct Table {
    surprises: u32,
}

impl Table {
    fn new() -> Self {
        let table = Table { surprises: 0 };
        let head = ["adapter", "request", "protocol", "status", "bytes", "ms", "MB/s"];
        table.print(head.map(String::from));
        table
    }

    /// The clock of a request starts here.
    fn row(&mut self, adapter: &'static str, request: &'static str) -> Row<'_> {
        Row { table: self, adapter, request, began: Instant::now() }
    }

    fn print(&self, [adapter, request, protocol, status, bytes, time, speed]: [String; 7]) {
        println!(
            "{adapter:<8}  {request:<20}  {protocol:<17}  {status:<14}  {bytes:>10}  {time:>7}  {speed:>6}"
        );
    }
}

/// One request under way.
struct Row<'a> {
    table: &'a mut Table,
    adapter: &'static str,
    request: &'static str,
    began: Instant,
}

impl Row<'_> {
    /// An answer came and moved this many bytes of body; `right` says whether they were the right ones.
    fn answer(self, site: &Site, head: &nuncio::Head, bytes: u64, right: bool) {
        let status = head.status().as_u16().to_string();
        let right = right && head.status().is_success();
        self.end(site.protocol(head.version()), status, bytes, right);
    }

    /// No answer was wanted, but an error that is `right`.
    fn refusal(self, site: &Site, result: Result<(), Error>, right: impl Fn(&Error) -> bool) {
        let (status, right) = match &result {
            Ok(()) => ("an answer".to_owned(), false),
            Err(error) => (format!("{:?}", error.kind()), right(error)),
        };
        self.end(site.protocol(Version::HTTP_11), status, 0, right);
    }

    fn end(self, protocol: String, mut status: String, bytes: u64, right: bool) {
        let time = self.began.elapsed().as_secs_f64();
        // Below a megabyte it is the waiting that would be measured.
        let speed = if bytes < 1_000_000 { 0.0 } else { bytes as f64 / time / 1e6 };
        let speed = if speed > 0.0 { format!("{speed:.0}") } else { String::new() };
        if !right {
            status.push_str(" WRONG");
            self.table.surprises += 1;
        }
        let (adapter, request) = (self.adapter.to_owned(), self.request.to_owned());
        let time = format!("{:.1}", time * 1e3);
        self.table.print([adapter, request, protocol, status, bytes.to_string(), time, speed]);
    }
}
