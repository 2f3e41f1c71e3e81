//! What is printed, line by line as it happens, and whether it is as it should be.

use nuncio::{Error, Head, Version};
use std::fmt::Display;
use std::time::Instant;

pub(crate) struct Table {
    /// How many rows were not as expected.
    pub(crate) surprises: u32,
}

/// What an answer is to come over.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Over {
    Http1,
    Http1Tls,
    Http2Tls,
    /// No network at all: a mock.
    Nothing,
}

impl Over {
    fn of(head: &Head) -> Option<Self> {
        match (head.version(), head.peer_address(), head.tls()) {
            (Version::HTTP_11, None, None) => Some(Over::Nothing),
            (Version::HTTP_11, Some(_), None) => Some(Over::Http1),
            (Version::HTTP_11, Some(_), Some(_)) => Some(Over::Http1Tls),
            (Version::HTTP_2, Some(_), Some(_)) => Some(Over::Http2Tls),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Over::Http1 => "HTTP/1.1",
            Over::Http1Tls => "HTTP/1.1 over TLS",
            Over::Http2Tls => "HTTP/2 over TLS",
            Over::Nothing => "",
        }
    }
}

impl Table {
    pub(crate) fn begin() -> Self {
        print([
            "adapter", "request", "protocol", "status", "bytes", "ms", "MB/s",
        ]);
        Table { surprises: 0 }
    }

    /// The clock of a request starts here.
    pub(crate) fn row<'a>(&'a mut self, over: Over, adapter: &'a str, request: &'a str) -> Row<'a> {
        Row {
            table: self,
            over,
            adapter,
            request,
            began: Instant::now(),
        }
    }

    /// Something to read, between the rows.
    pub(crate) fn note(&self, what: impl Display) {
        for line in what.to_string().lines() {
            println!("           | {line}");
        }
    }
}

fn print(columns: [&str; 7]) {
    let [adapter, request, protocol, status, bytes, time, speed] = columns;
    print!("{adapter:<9}  {request:<20}  {protocol:<17}  {status:<15}");
    println!("  {bytes:>8}  {time:>6}  {speed:>5}");
}

/// One request under way.
pub(crate) struct Row<'a> {
    table: &'a mut Table,
    over: Over,
    adapter: &'a str,
    request: &'a str,
    began: Instant,
}

impl Row<'_> {
    /// An answer came, and so many bytes of body moved; `right` says whether they were to be.
    pub(crate) fn answer(self, head: &Head, bytes: usize, right: bool) {
        let expected = head.status().is_success() || head.status() == 101;
        let right = right && expected && Over::of(head) == Some(self.over);
        self.end(head.status().as_u16().to_string(), bytes, right);
    }

    /// An error came, as it should; `right` says whether it was the one that should.
    pub(crate) fn refusal(self, error: Option<Error>, right: impl Fn(&Error) -> bool) {
        match error {
            Some(error) => self.end(format!("{:?}", error.kind()), 0, right(&error)),
            None => self.end("an answer".into(), 0, false),
        }
    }

    fn end(self, mut status: String, bytes: usize, right: bool) {
        let seconds = self.began.elapsed().as_secs_f64();
        if !right {
            status.push_str(" WRONG");
            self.table.surprises += 1;
        }
        // With few bytes it would be the waiting that is measured.
        let speed = (bytes >= 1 << 20).then(|| format!("{:.0}", bytes as f64 / seconds / 1e6));
        let (bytes, time) = (bytes.to_string(), format!("{:.1}", seconds * 1e3));
        let speed = speed.unwrap_or_default();
        let (adapter, request, over) = (self.adapter, self.request, self.over.name());
        print([adapter, request, over, &status, &bytes, &time, &speed]);
    }
}
