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
use nuncio::{Auth, Body, BodyStream, Error, Form, Kind, Mock, Part, Reply, Version};
use nuncio_content::{Coding, Encoder};
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use nuncio_testkit::server::{self, Server};
use serde_json::Value;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

const DOWNLOAD: usize = 64 * 1024 * 1024;
const LINES: usize = 10_000;
const UPLOAD: usize = 16 * 1024 * 1024;
const FILE: usize = 4 * 1024 * 1024;
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

    // Redirects are followed where you say so, and what was on the way is kept.
    let row = table.row(site, "blocking", "GET, redirects");
    let page = client.get("redirect/3").follow_redirects(true).send()?;
    row.answer(&page, page.bytes().len(), page.history().len() == 3);

    // What a server sets goes back to it: the answer to /login sets a cookie that /home asks for.
    let row = table.row(site, "blocking", "GET, cookies");
    let page = client.get("login").follow_redirects(true).send()?;
    let kept = client.cookies().get("id")?;
    row.answer(&page, page.bytes().len(), kept.as_deref() == Some("7"));

    // A challenge is answered, and what it answered to stands in the history.
    let row = table.row(site, "blocking", "GET, Digest");
    let ada = Auth::digest("ada", "secret");
    let page = client.get("vault").auth(ada).send()?;
    row.answer(&page, page.bytes().len(), page.history().len() == 1);

    // A form with a file, which is read as it is sent.
    let row = table.row(site, "blocking", "POST, file");
    let form = Form::new().text("title", "A file");
    let form = form.part("file", nuncio::blocking::file_part(&site.file)?);
    let page = client.post("upload").multipart(form).send()?;
    row.answer(&page, FILE, page.text() == "whole");

    // A client made from another shares its connections. Hooks see each request go: three of them.
    let row = table.row(site, "blocking", "GET, hook");
    let (seen, connections) = (Arc::new(AtomicUsize::new(0)), site.server.connections());
    let counter = Arc::clone(&seen);
    let watched = client.with(|it| {
        it.follow_redirects(true).on_request(move |_request| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    })?;
    let page = watched.get("redirect/2").send()?;
    let shared = site.server.connections() == connections;
    row.answer(
        &page,
        page.bytes().len(),
        shared && seen.load(Ordering::Relaxed) == 3,
    );

    // In tests, a mock takes the network's place, and remembers what it was asked.
    let row = table.row(site, "blocking", "GET, mock");
    let mock = Mock::new().on("GET", "/json", |_| Reply::new(200).text("a mock"));
    let mocked = client.with(|it| it.transport(mock.transport()))?;
    let page = mocked.get("json").send()?;
    let asked = mock.calls("GET", "/json").len();
    row.answer(
        &page,
        page.bytes().len(),
        page.text() == "a mock" && asked == 1,
    );

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
/// builder knows which, and who reads files: `file` is `nuncio::tokio::file_part(…).await?` on tokio.
async fn on_async(
    name: &'static str,
    builder: nuncio::ClientBuilder,
    file: Part,
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

    let row = table.row(site, name, "GET, redirects");
    let page = client
        .get("redirect/3")
        .follow_redirects(true)
        .send()
        .await?;
    row.answer(&page, page.bytes().len(), page.history().len() == 3);

    let row = table.row(site, name, "GET, cookies");
    let page = client.get("login").follow_redirects(true).send().await?;
    let kept = client.cookies().get("id")?;
    row.answer(&page, page.bytes().len(), kept.as_deref() == Some("7"));

    let row = table.row(site, name, "GET, Digest");
    let ada = Auth::digest("ada", "secret");
    let page = client.get("vault").auth(ada).send().await?;
    row.answer(&page, page.bytes().len(), page.history().len() == 1);

    let row = table.row(site, name, "POST, file");
    let form = Form::new().text("title", "A file");
    let form = form.part("file", file);
    let page = client.post("upload").multipart(form).send().await?;
    row.answer(&page, FILE, page.text() == "whole");

    let row = table.row(site, name, "GET, hook");
    let (seen, connections) = (Arc::new(AtomicUsize::new(0)), site.server.connections());
    let counter = Arc::clone(&seen);
    let watched = client.with(|it| {
        it.follow_redirects(true).on_request(move |_request| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    })?;
    let page = watched.get("redirect/2").send().await?;
    let shared = site.server.connections() == connections;
    row.answer(
        &page,
        page.bytes().len(),
        shared && seen.load(Ordering::Relaxed) == 3,
    );

    let row = table.row(site, name, "GET, mock");
    let mock = Mock::new().on("GET", "/json", |_| Reply::new(200).text("a mock"));
    let mocked = client.with(|it| it.transport(mock.transport()))?;
    let page = mocked.get("json").send().await?;
    let asked = mock.calls("GET", "/json").len();
    row.answer(
        &page,
        page.bytes().len(),
        page.text() == "a mock" && asked == 1,
    );

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
    for site in [Site::plain()?, Site::tls()?] {
        on_blocking(&site, table)?;
        runtime.block_on(async {
            let file = nuncio::tokio::file_part(&site.file).await?;
            on_async("tokio", nuncio::tokio::builder(), file, &site, table).await
        })?;
        smol::block_on(async {
            let file = nuncio::smol::file_part(&site.file).await?;
            on_async("smol", nuncio::smol::builder(), file, &site, table).await
        })?;
        async_std::task::block_on(async {
            let file = nuncio::async_std::file_part(&site.file).await?;
            let builder = nuncio::async_std::builder();
            on_async("async-std", builder, file, &site, table).await
        })?;
    }
    Ok(())
}

/// A server, whom to trust about it, somebody who pretends to be it, and a file to upload.
struct Site {
    server: Server,
    trusted: String,
    impostor: Option<Server>,
    file: PathBuf,
}

impl Site {
    fn plain() -> io::Result<Self> {
        Ok(Site {
            server: with_paths(Server::builder()).start(),
            trusted: Authority::new().pem(),
            impostor: None,
            file: file("plain")?,
        })
    }

    fn tls() -> io::Result<Self> {
        let authority = Authority::new();
        let impostor = authority.faulty_leaf(Fault::UnknownAuthority);
        Ok(Site {
            server: with_paths(Server::builder())
                .tls(authority.leaf().server_config(&["http/1.1"]))
                .start(),
            trusted: authority.pem(),
            impostor: Some(Server::https(&impostor)),
            file: file("tls")?,
        })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It is ours, and there is nobody left to tell.
        let _ = std::fs::remove_file(&self.file);
    }
}

fn file(name: &str) -> io::Result<PathBuf> {
    let name = format!("nuncio-tour-{}-{name}.txt", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, content::bytes(FILE))?;
    Ok(path)
}

/// A server that has a log in gzip, a login, a vault and a place for uploads, too.
fn with_paths(builder: server::Builder) -> server::Builder {
    let mut log = Encoder::new(Coding::Gzip).expect("memory for an encoder");
    let mut coded = Vec::new();
    for number in 0..LINES {
        let line = format!("line {number} of the log\n");
        coded.extend_from_slice(&log.encode(line.as_bytes()).expect("memory"));
    }
    coded.extend_from_slice(&log.finish().expect("memory"));
    let log = server::Reply::new(200).header("Content-Encoding", "gzip");
    let log = log.body(coded);
    builder
        .route("/log", move |_, _| log.clone())
        .route("/login", |_, _| {
            let reply = server::Reply::new(302).header("Set-Cookie", "id=7");
            reply.header("Location", "/home")
        })
        .route("/home", |request, _| match request.header("cookie") {
            Some(b"id=7") => server::Reply::new(200).body("welcome"),
            _ => server::Reply::new(403),
        })
        .route("/vault", |request, _| {
            let answer = request.header("authorization").unwrap_or_default();
            if answer.starts_with(b"Digest username=\"ada\", ") {
                return server::Reply::new(200).body("gold");
            }
            let challenge = r#"Digest realm="vault", nonce="n0nce", qop="auth", algorithm=SHA-256"#;
            server::Reply::new(401).header("WWW-Authenticate", challenge)
        })
        .route("/upload", |_, body| {
            let file = content::bytes(FILE);
            let whole = body.windows(FILE).any(|window| window == file);
            server::Reply::new(200).body(if whole { "whole" } else { "damaged" })
        })
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
