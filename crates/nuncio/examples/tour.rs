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
use nuncio_content::{Coding, Encoder};
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use nuncio_testkit::server::{self, Server};
use serde_json::Value;
use std::io::{self, Read};
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

const DOWNLOAD: usize = 64 * 1024 * 1024;
const LINES: usize = 10_000;
const UPLOAD: usize = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_millis(150);

/// The tour on the blocking client: threads and `std::net`, no async runtime anywhere.
fn on_blocking(site: &Site, table: &mut Table) -> Result<(), Error> {
    let client = nuncio::blocking::Client::builder()
        .base_url(site.server.url("/"))
        .root_certificates(site.trusted.as_str())
        .build()?;

    // send() reads the whole body; what is no 2xx becomes an error if you say so.
    let row = table.row(site, "blocking", "GET, JSON");
    let page = client.get("json").send()?.error_for_status()?;
    let json: Value = page.json()?;
    row.answer(&page, page.bytes().len(), json["name"] == "nuncio");

    // A body can be anything that is read. Without a length it is sent chunked, and never held.
    let row = table.row(site, "blocking", "POST, streamed");
    let upload = Body::reader(Upload(0), None);
    let page = client.post("checksum").body(upload).send()?;
    row.answer(&page, UPLOAD, arrived_whole(&page.json()?));

    // stream() gives the response as soon as its head is there; pull the body as you like.
    let row = table.row(site, "blocking", "GET, 64 MiB");
    let mut download = client.get(format!("bytes/{DOWNLOAD}")).stream()?;
    let mut sum = Checksum::new();
    while let Some(chunk) = download.chunk()? {
        sum.update(&chunk);
    }
    row.answer(&download, sum.length() as usize, is_content(&sum));

    // It comes in gzip and is read line by line; text(), events(), json_lines() go the same way.
    let row = table.row(site, "blocking", "GET, lines of gzip");
    let mut lines = client.get("log").stream()?.lines();
    let count = lines.by_ref().map_while(Result::ok).count();
    let log = lines.response();
    row.answer(log, log.bytes_downloaded() as usize, count == LINES);

    // Every wait has a limit, five seconds unless you say otherwise.
    let row = table.row(site, "blocking", "GET, timeout");
    let late = client.get("stall").timeout(PATIENCE).send();
    row.refusal(late.err(), |error| error.kind() == Kind::ReadTimeout);

    // A server that cannot prove its name is not talked to.
    if let Some(impostor) = &site.impostor {
        let row = table.row(site, "blocking", "GET, bad certificate");
        let refused = client.get(impostor.url("/json")).send();
        row.refusal(refused.err(), is_mistrust);
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

    let row = table.row(site, name, "GET, JSON");
    let page = client.get("json").send().await?.error_for_status()?;
    let json: Value = page.json()?;
    row.answer(&page, page.bytes().len(), json["name"] == "nuncio");

    let row = table.row(site, name, "POST, streamed");
    let upload = Body::stream(Upload(0), None);
    let page = client.post("checksum").body(upload).send().await?;
    row.answer(&page, UPLOAD, arrived_whole(&page.json()?));

    let row = table.row(site, name, "GET, 64 MiB");
    let mut download = client.get(format!("bytes/{DOWNLOAD}")).stream().await?;
    let mut sum = Checksum::new();
    while let Some(chunk) = download.chunk().await? {
        sum.update(&chunk);
    }
    row.answer(&download, sum.length() as usize, is_content(&sum));

    let row = table.row(site, name, "GET, lines of gzip");
    let mut lines = client.get("log").stream().await?.lines();
    let mut count = 0;
    while let Some(line) = lines.next().await {
        count += usize::from(line?.starts_with("line "));
    }
    let log = lines.response();
    row.answer(log, log.bytes_downloaded() as usize, count == LINES);

    let row = table.row(site, name, "GET, timeout");
    let late = client.get("stall").timeout(PATIENCE).send().await;
    row.refusal(late.err(), |error| error.kind() == Kind::ReadTimeout);

    if let Some(impostor) = &site.impostor {
        let row = table.row(site, name, "GET, bad certificate");
        let refused = client.get(impostor.url("/json")).send().await;
        row.refusal(refused.err(), is_mistrust);
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut table = Table::default();
    print([
        "adapter", "request", "protocol", "status", "bytes", "ms", "MB/s",
    ]);
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for site in [Site::plain(), Site::tls()] {
        on_blocking(&site, table)?;
        runtime.block_on(on_async("tokio", nuncio::tokio::builder(), &site, table))?;
        smol::block_on(on_async("smol", nuncio::smol::builder(), &site, table))?;
        let builder = nuncio::async_std::builder();
        async_std::task::block_on(on_async("async-std", builder, &site, table))?;
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
        Site {
            server: with_log(Server::builder()).start(),
            trusted: Authority::new().pem(),
            impostor: None,
        }
    }

    fn tls() -> Self {
        let authority = Authority::new();
        Site {
            server: with_log(Server::builder())
                .tls(authority.leaf().server_config(&["http/1.1"]))
                .start(),
            trusted: authority.pem(),
            impostor: Some(Server::https(
                &authority.faulty_leaf(Fault::UnknownAuthority),
            )),
        }
    }
}

/// A server that has a log, too, in gzip.
fn with_log(builder: server::Builder) -> server::Builder {
    let mut log = Encoder::new(Coding::Gzip).expect("memory for an encoder");
    let mut coded = Vec::new();
    for number in 0..LINES {
        let line = format!("line {number} of the log\n");
        coded.extend_from_slice(&log.encode(line.as_bytes()).expect("memory"));
    }
    coded.extend_from_slice(&log.finish().expect("memory"));
    let reply = server::Reply::new(200).header("Content-Encoding", "gzip");
    let reply = reply.body(coded);
    builder.route("/log", move |_, _| reply.clone())
}

/// A request's body, made as it is sent; how much went out already is all that it knows.
struct Upload(usize);

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
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let piece = self.next(64 * 1024);
        Poll::Ready((!piece.is_empty()).then(|| Ok(Bytes::from_static(piece))))
    }
}

impl Upload {
    fn next(&mut self, limit: usize) -> &'static [u8] {
        let piece = content::slice(self.0 as u64, limit.min(UPLOAD - self.0));
        self.0 += piece.len();
        piece
    }
}

/// Whether the server saw the bytes that [`Upload`] gave, all of them and in order.
fn arrived_whole(answer: &Value) -> bool {
    let sum = format!("{:016x}", content::checksum(UPLOAD as u64));
    answer["bytes"] == UPLOAD && answer["checksum"] == sum
}

/// Whether these are the bytes that the server sends, all of them and in order.
fn is_content(sum: &Checksum) -> bool {
    sum.length() == DOWNLOAD as u64 && sum.finish() == content::checksum(DOWNLOAD as u64)
}

fn is_mistrust(error: &Error) -> bool {
    error.is_connect() && error.to_string().contains("certificate")
}

/// What is printed, line by line as it happens.
#[derive(Default)]
struct Table {
    /// How many rows were not as expected.
    surprises: u32,
}

impl Table {
    /// The clock of a request starts here.
    fn row<'a>(&'a mut self, site: &'a Site, adapter: &'a str, request: &'a str) -> Row<'a> {
        Row {
            table: self,
            site,
            adapter,
            request,
            began: Instant::now(),
        }
    }
}

fn print(columns: [&str; 7]) {
    let [adapter, request, protocol, status, bytes, time, speed] = columns;
    print!("{adapter:<9}  {request:<20}  {protocol:<17}  {status:<14}");
    println!("  {bytes:>8}  {time:>6}  {speed:>5}");
}

/// One request under way.
struct Row<'a> {
    table: &'a mut Table,
    site: &'a Site,
    adapter: &'a str,
    request: &'a str,
    began: Instant,
}

impl Row<'_> {
    /// An answer came, and so many bytes of body moved; `right` says whether they were to be.
    fn answer(self, head: &nuncio::Head, bytes: usize, right: bool) {
        let status = head.status().as_u16().to_string();
        self.end(
            head.version(),
            status,
            bytes,
            right && head.status().is_success(),
        );
    }

    /// An error came, as it should; `right` says whether it was the one that should.
    fn refusal(self, error: Option<Error>, right: impl Fn(&Error) -> bool) {
        match error {
            Some(error) => self.end(
                Version::HTTP_11,
                format!("{:?}", error.kind()),
                0,
                right(&error),
            ),
            None => self.end(Version::HTTP_11, "an answer".into(), 0, false),
        }
    }

    fn end(self, version: Version, mut status: String, bytes: usize, right: bool) {
        let seconds = self.began.elapsed().as_secs_f64();
        if !right {
            status.push_str(" WRONG");
            self.table.surprises += 1;
        }
        let tls = if self.site.impostor.is_some() {
            " over TLS"
        } else {
            ""
        };
        let protocol = format!("{version:?}{tls}");
        // With few bytes it would be the waiting that is measured.
        let speed = (bytes >= 1 << 20).then(|| format!("{:.0}", bytes as f64 / seconds / 1e6));
        let (bytes, time) = (bytes.to_string(), format!("{:.1}", seconds * 1e3));
        let speed = speed.unwrap_or_default();
        print([
            self.adapter,
            self.request,
            &protocol,
            &status,
            &bytes,
            &time,
            &speed,
        ]);
    }
}
