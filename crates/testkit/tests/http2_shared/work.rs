//! What every thread and task does: requests whose answers can be told from all others.

use std::time::{Duration, Instant};

use bytes::Bytes;
use nuncio_connection::{
    BodySize, Connection, Deadlines, Error, RequestHead, ResponseHead, StreamId,
};
use nuncio_headers::Headers;
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::rng::Rng;

use crate::server::body_of;

/// Requests of each thread or task.
pub(crate) const REQUESTS: u64 = 1_000;

/// One request.
pub(crate) struct Work {
    id: u64,
    length: usize,
    pub(crate) upload: Bytes,
    headers: Headers,
    target: String,
    limit: Duration,
}

/// All that one thread or task asks for: mostly small, one in eight up to 100 KiB, either way.
pub(crate) fn of(worker: u64) -> impl Iterator<Item = Work> {
    let mut rng = Rng::new(worker);
    (0..REQUESTS).map(move |n| {
        let mut size = || match rng.below(8) {
            0 => rng.below(100 * 1024),
            1 => 0,
            _ => rng.below(4 * 1024),
        };
        let (length, upload) = (size(), size());
        let id = worker * REQUESTS + n;
        let mut headers = Headers::new();
        headers.append("Host", "localhost").unwrap();
        headers.append("X-Worker", worker.to_string()).unwrap();
        Work {
            id,
            length,
            upload: body_of(id, if n % 2 == 0 { 0 } else { upload }).into(),
            headers,
            target: format!("/{id}/{length}"),
            limit: Duration::from_secs(10),
        }
    })
}

impl Work {
    /// A request that the origin does not answer.
    pub(crate) fn without_answer(limit: Duration) -> Self {
        let mut headers = Headers::new();
        headers.append("Host", "localhost").unwrap();
        let target = "/never".to_owned();
        Self {
            id: 0,
            length: 0,
            upload: Bytes::new(),
            headers,
            target,
            limit,
        }
    }

    pub(crate) fn open(
        &self,
        connection: &mut Connection,
        now: Instant,
    ) -> Result<StreamId, Error> {
        let head = RequestHead {
            method: if self.upload.is_empty() {
                "GET"
            } else {
                "POST"
            },
            scheme: "https",
            target: &self.target,
            headers: &self.headers,
        };
        let size = match self.upload.len() {
            0 => BodySize::Empty,
            length => BodySize::Known(length as u64),
        };
        let limit = Some(self.limit);
        let deadlines = Deadlines {
            read: limit,
            write: limit,
            expect: None,
        };
        let id = connection.open(head, size, deadlines, now)?;
        let mut upload = self.upload.clone();
        if !upload.is_empty() {
            connection.write_body(id, &mut upload, now)?;
            connection.finish_body(id, None, now)?;
        }
        assert!(upload.is_empty());
        Ok(id)
    }

    pub(crate) fn check(&self, head: &ResponseHead, body: Checksum) {
        let field = |name| -> u64 { head.headers.get(name).unwrap().parse().unwrap() };
        assert_eq!((head.status, field("x-id")), (200, self.id));
        assert_eq!(body.length(), self.length as u64, "length of {}", self.id);
        assert_eq!(body.finish(), field("x-checksum"), "body of {}", self.id);
        assert_eq!(
            field("x-received"),
            Checksum::of(&self.upload),
            "upload of {}",
            self.id
        );
    }
}
