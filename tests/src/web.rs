//! A web in memory: origins by name, each request recorded as it was sent. For scenarios about many
//! origins; what goes over sockets is tested elsewhere.

use nuncio::{Error, Reply, Request, Transport};
use std::sync::{Arc, Mutex};

/// One request as the web saw it.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The fields, in their order and case.
    pub headers: nuncio::Headers,
    /// The body, where it is held.
    pub body: Option<Vec<u8>>,
}

impl Visit {
    /// Whether `text` stands anywhere in it: as it is, in base64, or percent-encoded.
    pub fn tells(&self, text: &str) -> bool {
        let all = format!("{} {} {}", self.method, self.url, self.wire());
        all.contains(text) || base64_pieces(text).iter().any(|piece| all.contains(piece))
    }

    /// The fields and the body, as they would be sent.
    pub fn wire(&self) -> String {
        let mut wire = String::from_utf8_lossy(self.headers.as_wire()).into_owned();
        if let Some(body) = &self.body {
            wire.push_str(&String::from_utf8_lossy(body));
        }
        wire
    }
}

/// How `text` looks inside of base64, whatever stands before it: the middle that is the same.
fn base64_pieces(text: &str) -> Vec<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..3)
        .map(|before| {
            let mut bytes = vec![0_u8; before];
            bytes.extend_from_slice(text.as_bytes());
            let whole = bytes.len() / 3 * 3;
            let mut out = String::new();
            for three in bytes[..whole].chunks(3) {
                let bits =
                    u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
                for shift in [18, 12, 6, 0] {
                    out.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
                }
            }
            out.split_off(if before == 0 { 0 } else { 4 })
        })
        .collect()
}

/// Origins and what they answer.
#[derive(Clone)]
pub struct Web {
    visits: Arc<Mutex<Vec<Visit>>>,
    answer: Arc<Answer>,
}

type Answer = dyn Fn(&Visit) -> Reply + Send + Sync;

impl Web {
    /// A web that answers with this.
    pub fn new(answer: impl Fn(&Visit) -> Reply + Send + Sync + 'static) -> Self {
        Web {
            visits: Arc::default(),
            answer: Arc::new(answer),
        }
    }

    /// A web in which each of these URLs leads to another with a status, and any other is a 200.
    pub fn redirecting<const N: usize>(hops: [(&'static str, u16, &'static str); N]) -> Self {
        Self::new(move |visit| {
            let hop = hops.iter().find(|(from, _, _)| *from == visit.url);
            match hop {
                Some((_, status, to)) => Reply::new(*status).header("Location", to),
                None => Reply::new(200),
            }
        })
    }

    /// What carries a client's requests to it.
    pub fn transport(&self) -> Transport {
        let web = self.clone();
        Transport::function(move |request| web.visit(request))
    }

    fn visit(&self, request: Request) -> Result<Reply, Error> {
        let visit = Visit {
            method: request.method().to_string(),
            url: request.url().to_string(),
            headers: request.headers().clone(),
            body: request.body().as_bytes().map(|bytes| bytes.to_vec()),
        };
        let reply = (self.answer)(&visit);
        self.visits.lock().expect("no panic").push(visit);
        Ok(reply)
    }

    /// What was visited so far; forgotten by this.
    pub fn visits(&self) -> Vec<Visit> {
        std::mem::take(&mut *self.visits.lock().expect("no panic"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_base64_wherever_it_stands() {
        for user in ["", "u", "us", "user"] {
            let auth = nuncio::Auth::basic(user, "SECRET");
            let url = nuncio::Url::parse("http://a/").expect("a URL");
            let mut request = Request::new(nuncio::Method::GET, url);
            auth.apply(&mut request).expect("legal");
            let visit = Visit {
                method: "GET".into(),
                url: "http://a/".into(),
                headers: request.headers().clone(),
                body: None,
            };
            assert!(visit.tells("SECRET"), "{user}: {}", visit.wire());
            assert!(!visit.tells("OTHER!"));
        }
    }
}
