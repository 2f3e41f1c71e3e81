//! Requests and responses: what a program does all day.

use crate::site::{FILE, LINES, Site};
use crate::table::{Over, Table};
use bytes::Bytes;
use nuncio::{Auth, Body, BodyStream, Error, Form, Kind, Mock, Part, Reply, Timeout};
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use serde_json::Value;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

const DOWNLOAD: usize = 64 * 1024 * 1024;
const UPLOAD: usize = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_millis(100);

/// The tour on the blocking client: threads and `std::net`, no async runtime anywhere.
pub(crate) fn on_blocking(site: &Site, table: &mut Table) -> Result<(), Error> {
    let client = nuncio::blocking::Client::builder()
        .base_url(site.url("/"))
        .root_certificates(site.trusted.as_str())
        .http2(true) // is offered, and the server picks
        .build()?;

    // send() reads the whole body; what is no 2xx becomes an error if you say so.
    let row = table.row(site.over, "blocking", "GET, JSON");
    let page = client.get("json").send()?.error_for_status()?;
    let json: Value = page.json()?;
    row.answer(&page, page.bytes().len(), json["name"] == "nuncio");

    // A body can be anything that is read. Its length need not be known, and it is never held.
    let row = table.row(site.over, "blocking", "POST, streamed");
    let upload = Body::reader(Upload(0), None);
    let page = client.post("checksum").body(upload).send()?;
    row.answer(&page, UPLOAD, arrived_whole(&page.json()?));

    // stream() gives the response as soon as its head is there; pull the body as you like.
    let row = table.row(site.over, "blocking", "GET, 64 MiB");
    let mut download = client.get(format!("bytes/{DOWNLOAD}")).stream()?;
    let mut sum = Checksum::new();
    while let Some(chunk) = download.chunk()? {
        sum.update(&chunk);
    }
    row.answer(&download, sum.length() as usize, is_content(&sum));

    // It comes in gzip and is read line by line; text(), events(), json_lines() go the same way.
    let row = table.row(site.over, "blocking", "GET, lines of gzip");
    let mut lines = client.get("log").stream()?.lines();
    let count = lines.by_ref().map_while(Result::ok).count();
    let log = lines.response();
    row.answer(log, log.bytes_downloaded() as usize, count == LINES);

    // Redirects are followed where you say so, and what was on the way is kept.
    let row = table.row(site.over, "blocking", "GET, redirects");
    let page = client.get("redirect/3").follow_redirects(true).send()?;
    row.answer(&page, page.bytes().len(), page.history().len() == 3);

    // What a server sets goes back to it: the answer to /login sets a cookie that /home asks for.
    let row = table.row(site.over, "blocking", "GET, cookies");
    let page = client.get("login").follow_redirects(true).send()?;
    let kept = client.cookies().get("id")?;
    row.answer(&page, page.bytes().len(), kept.as_deref() == Some("7"));

    // A challenge is answered, and what it answered to stands in the history.
    let row = table.row(site.over, "blocking", "GET, Digest");
    let ada = Auth::digest("ada", "secret");
    let page = client.get("vault").auth(ada).send()?;
    row.answer(&page, page.bytes().len(), page.history().len() == 1);

    // A form with a file, which is read as it is sent.
    let row = table.row(site.over, "blocking", "POST, file");
    let form = Form::new().text("title", "A file");
    let form = form.part("file", nuncio::blocking::file_part(&site.file)?);
    let page = client.post("upload").multipart(form).send()?;
    row.answer(&page, FILE, page.text() == "whole");

    // A client made from another shares its connections. Hooks see each request go: three of them.
    let row = table.row(site.over, "blocking", "GET, hook");
    let (seen, connections) = (Arc::new(AtomicUsize::new(0)), site.connections());
    let counter = Arc::clone(&seen);
    let watched = client.with(|it| {
        it.follow_redirects(true).on_request(move |_request| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    })?;
    let page = watched.get("redirect/2").send()?;
    let shared = site.connections() == connections;
    row.answer(
        &page,
        page.bytes().len(),
        shared && seen.load(Ordering::Relaxed) == 3,
    );

    // What comes before the response (103 Early Hints) can be seen at once, and is kept with it, as is
    // what comes behind its body (trailers).
    let row = table.row(site.over, "blocking", "GET, early hints");
    let (tell, told) = mpsc::channel();
    let eager = client.with(|it| {
        it.on_interim(move |head| {
            let _ = tell.send(head.clone()); // it only watches
        })
    })?;
    let page = eager.get("hints").send()?;
    let hinted = told
        .try_iter()
        .any(|head| head.links().get("/a.css").is_some());
    row.answer(
        &page,
        page.bytes().len(),
        hinted && page.interim().len() == 1,
    );

    let row = table.row(site.over, "blocking", "GET, trailers");
    let page = client.get("trailers/1000").send()?;
    let sum = page.trailers().and_then(|fields| fields.get("x-checksum"));
    let right = sum == Some(checksum(1000).into());
    row.answer(&page, page.bytes().len(), right);

    // In tests, a mock takes the network's place, and remembers what it was asked.
    let row = table.row(Over::Nothing, "blocking", "GET, mock");
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
    let row = table.row(site.over, "blocking", "GET, timeout");
    let late = client.get("stall").timeout(PATIENCE).send();
    row.refusal(late.err(), |error| error.kind() == Kind::ReadTimeout);

    // A body that trickles in keeps each wait short; the limit on all of a request ends it.
    let row = table.row(site.over, "blocking", "GET, total");
    let limits = Timeout::secs(5).total(PATIENCE);
    let slow = client.get("drip/1000/20").timeout(limits).send();
    row.refusal(slow.err(), |error| error.kind() == Kind::TotalTimeout);

    // A server that cannot prove its name is not talked to.
    if let Some(impostor) = &site.impostor {
        let row = table.row(site.over, "blocking", "GET, bad certificate");
        let refused = client.get(impostor.url("/json")).send();
        row.refusal(refused.err(), is_mistrust);
    }
    Ok(())
}

/// The tour on the async client. `nuncio::Client` is one type whatever the runtime: only the
/// builder knows which, and who reads files: `file` is `nuncio::tokio::file_part(…).await?` on tokio.
pub(crate) async fn on_async(
    name: &'static str,
    builder: nuncio::ClientBuilder,
    file: Part,
    site: &Site,
    table: &mut Table,
) -> Result<(), Error> {
    let client: nuncio::Client = builder
        .base_url(site.url("/"))
        .root_certificates(site.trusted.as_str())
        .http2(true)
        .build()?;

    let row = table.row(site.over, name, "GET, JSON");
    let page = client.get("json").send().await?.error_for_status()?;
    let json: Value = page.json()?;
    row.answer(&page, page.bytes().len(), json["name"] == "nuncio");

    let row = table.row(site.over, name, "POST, streamed");
    let upload = Body::stream(Upload(0), None);
    let page = client.post("checksum").body(upload).send().await?;
    row.answer(&page, UPLOAD, arrived_whole(&page.json()?));

    let row = table.row(site.over, name, "GET, 64 MiB");
    let mut download = client.get(format!("bytes/{DOWNLOAD}")).stream().await?;
    let mut sum = Checksum::new();
    while let Some(chunk) = download.chunk().await? {
        sum.update(&chunk);
    }
    row.answer(&download, sum.length() as usize, is_content(&sum));

    let row = table.row(site.over, name, "GET, lines of gzip");
    let mut lines = client.get("log").stream().await?.lines();
    let mut count = 0;
    while let Some(line) = lines.next().await {
        count += usize::from(line?.starts_with("line "));
    }
    let log = lines.response();
    row.answer(log, log.bytes_downloaded() as usize, count == LINES);

    let row = table.row(site.over, name, "GET, redirects");
    let page = client
        .get("redirect/3")
        .follow_redirects(true)
        .send()
        .await?;
    row.answer(&page, page.bytes().len(), page.history().len() == 3);

    let row = table.row(site.over, name, "GET, cookies");
    let page = client.get("login").follow_redirects(true).send().await?;
    let kept = client.cookies().get("id")?;
    row.answer(&page, page.bytes().len(), kept.as_deref() == Some("7"));

    let row = table.row(site.over, name, "GET, Digest");
    let ada = Auth::digest("ada", "secret");
    let page = client.get("vault").auth(ada).send().await?;
    row.answer(&page, page.bytes().len(), page.history().len() == 1);

    let row = table.row(site.over, name, "POST, file");
    let form = Form::new().text("title", "A file");
    let form = form.part("file", file);
    let page = client.post("upload").multipart(form).send().await?;
    row.answer(&page, FILE, page.text() == "whole");

    let row = table.row(site.over, name, "GET, hook");
    let (seen, connections) = (Arc::new(AtomicUsize::new(0)), site.connections());
    let counter = Arc::clone(&seen);
    let watched = client.with(|it| {
        it.follow_redirects(true).on_request(move |_request| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    })?;
    let page = watched.get("redirect/2").send().await?;
    let shared = site.connections() == connections;
    row.answer(
        &page,
        page.bytes().len(),
        shared && seen.load(Ordering::Relaxed) == 3,
    );

    let row = table.row(site.over, name, "GET, early hints");
    let (tell, told) = mpsc::channel();
    let eager = client.with(|it| {
        it.on_interim(move |head| {
            let _ = tell.send(head.clone()); // it only watches
        })
    })?;
    let page = eager.get("hints").send().await?;
    let hinted = told
        .try_iter()
        .any(|head| head.links().get("/a.css").is_some());
    row.answer(
        &page,
        page.bytes().len(),
        hinted && page.interim().len() == 1,
    );

    let row = table.row(site.over, name, "GET, trailers");
    let page = client.get("trailers/1000").send().await?;
    let sum = page.trailers().and_then(|fields| fields.get("x-checksum"));
    let right = sum == Some(checksum(1000).into());
    row.answer(&page, page.bytes().len(), right);

    let row = table.row(Over::Nothing, name, "GET, mock");
    let mock = Mock::new().on("GET", "/json", |_| Reply::new(200).text("a mock"));
    let mocked = client.with(|it| it.transport(mock.transport()))?;
    let page = mocked.get("json").send().await?;
    let asked = mock.calls("GET", "/json").len();
    row.answer(
        &page,
        page.bytes().len(),
        page.text() == "a mock" && asked == 1,
    );

    let row = table.row(site.over, name, "GET, timeout");
    let late = client.get("stall").timeout(PATIENCE).send().await;
    row.refusal(late.err(), |error| error.kind() == Kind::ReadTimeout);

    let row = table.row(site.over, name, "GET, total");
    let limits = Timeout::secs(5).total(PATIENCE);
    let slow = client.get("drip/1000/20").timeout(limits).send().await;
    row.refusal(slow.err(), |error| error.kind() == Kind::TotalTimeout);

    if let Some(impostor) = &site.impostor {
        let row = table.row(site.over, name, "GET, bad certificate");
        let refused = client.get(impostor.url("/json")).send().await;
        row.refusal(refused.err(), is_mistrust);
    }
    Ok(())
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
    answer["bytes"] == UPLOAD && answer["checksum"] == checksum(UPLOAD)
}

/// What a server says of the first bytes of the content, and what it should.
fn checksum(length: usize) -> String {
    format!("{:016x}", content::checksum(length as u64))
}

/// Whether these are the bytes that the server sends, all of them and in order.
fn is_content(sum: &Checksum) -> bool {
    sum.length() == DOWNLOAD as u64 && sum.finish() == content::checksum(DOWNLOAD as u64)
}

fn is_mistrust(error: &Error) -> bool {
    error.is_connect() && error.to_string().contains("certificate")
}
