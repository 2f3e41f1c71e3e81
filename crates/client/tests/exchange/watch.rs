//! The far end: it gives the scenario's answers, and holds every request that comes against what may
//! come.

use super::inert::Inert;
use super::scenario::{Answer, Hook, Means, Scenario};
use super::secrets;
use nuncio_client::{CookieJar, Driver, Headers, Method, Reply, Request, Url};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Clone)]
pub(crate) struct Watch(Arc<Mutex<State>>);

struct State {
    scenario: Scenario,
    jar: CookieJar,
    first: Option<First>,
    visits: Vec<Visit>,
    /// How many answers were given, over all requests.
    answers: usize,
    /// What to answer with instead, and nothing is asked about.
    own: Option<String>,
}

/// The request that a call begins with.
struct First {
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    cookie: Option<Vec<u8>>,
    rights: Rights,
}

/// One request that came.
pub(crate) struct Visit {
    pub(crate) method: Method,
    pub(crate) url: Url,
    headers: Headers,
    body: Option<Vec<u8>>,
    pub(crate) answer: Answer,
    rights: Rights,
}

/// What of the caller's a request may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    /// An Authorization field.
    field: bool,
    /// The credentials that were given.
    credentials: bool,
    key: bool,
    cookie: bool,
    userinfo: bool,
}

impl Rights {
    /// What is left of them after a redirect.
    fn redirected(self, from: &Url, to: &Url, carries_key: bool) -> Self {
        let same = from.same_origin(to);
        let kept = same || is_upgrade(from, to);
        Rights {
            field: self.field && kept,
            credentials: self.credentials && kept,
            key: self.key && (same || carries_key),
            cookie: false,
            userinfo: self.userinfo && same,
        }
    }

    /// Whether `text`, which goes to `url`, keeps to them.
    fn allow(self, text: &[u8], url: &Url, base: Option<&Url>) -> Result<(), &'static str> {
        for secret in secrets::ALL {
            let allowed = match secret {
                secrets::KEY => self.key,
                secrets::COOKIE => self.cookie,
                secrets::JAR => base.is_some_and(|base| base.host_str() == url.host_str()),
                _ => self.credentials,
            };
            if !allowed && secrets::find(text, secret) {
                return Err(secret);
            }
        }
        Ok(())
    }
}

/// The one exception for Authorization: from http to https on the same host and the default ports.
fn is_upgrade(from: &Url, to: &Url) -> bool {
    let ports = (from.port_or_default(), to.port_or_default());
    (from.scheme(), to.scheme()) == ("http", "https")
        && from.host_str() == to.host_str()
        && ports == (Some(80), Some(443))
}

impl Watch {
    pub(crate) fn new(scenario: &Scenario, jar: &CookieJar) -> Self {
        Watch(Arc::new(Mutex::new(State {
            scenario: scenario.clone(),
            jar: jar.clone(),
            first: None,
            visits: Vec::new(),
            answers: 0,
            own: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A call begins.
    pub(crate) fn begin(&self, request: &Request, base: Option<&Url>) {
        let mut state = self.state();
        let url = request.url().clone();
        let userinfo = !url.username().is_empty() || !url.password().is_empty();
        let scenario = &state.scenario;
        // What is the client's stays where its base URL is.
        let at_base = base.is_none_or(|base| base.same_origin(&url));
        let credentials = match scenario.means {
            Means::None => false,
            Means::UrlCredentials => true,
            _ => at_base || !scenario.client_level,
        };
        let rights = Rights {
            field: credentials || userinfo,
            credentials,
            key: at_base || !scenario.client_level || scenario.carries_key,
            cookie: scenario.request_cookie,
            userinfo,
        };
        state.first = Some(First {
            method: request.method().clone(),
            url,
            body: request.body().as_bytes().map(|bytes| bytes.to_vec()),
            cookie: request.headers().first("cookie").map(<[u8]>::to_vec),
            rights,
        });
        state.visits.clear();
    }

    /// From now on every request is answered with this text.
    pub(crate) fn answer_with(&self, own: &str) {
        self.state().own = Some(own.to_owned());
    }

    /// What the current call has sent so far.
    pub(crate) fn visits<T>(&self, look: impl FnOnce(&[Visit]) -> T) -> T {
        look(&self.state().visits)
    }

    /// A request that would follow an answer which is not followed.
    pub(crate) fn would_come(&self, next: &Request, base: Option<&Url>) {
        let state = self.state();
        let last = state.visits.last().unwrap();
        let carries_key = state.scenario.carries_key;
        let rights = last.rights.redirected(&last.url, next.url(), carries_key);
        check(next, rights, base);
        assert_eq!(
            *next.method(),
            redirected_method(&last.method, last.answer.status)
        );
    }

    /// A request comes; `body` is what it brings, where that is known.
    pub(crate) fn answer(&self, request: &Request, base: Option<&Url>) -> Reply {
        let mut state = self.state();
        if let Some(own) = &state.own {
            return Reply::new(200).body(own.clone());
        }
        let body = request.body().as_bytes().map(|bytes| bytes.to_vec());
        let rights = state.judge(request, body.as_deref());
        check(request, rights, base);
        assert!(!state.scenario.https_only || request.url().scheme() != "http");
        check_framing(
            request,
            body.as_deref().filter(|_| state.scenario.reads_bodies),
        );
        assert!(
            state.visits.len() <= state.scenario.limit,
            "one more than the limit"
        );

        let answer = state.next_answer();
        let reply = answer.reply(state.scenario.is_async);
        state.visits.push(Visit {
            method: request.method().clone(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            body,
            answer,
            rights,
        });
        reply
    }
}

impl State {
    fn next_answer(&mut self) -> Answer {
        let all = &self.scenario.answers;
        let mut index = self.answers;
        if self.scenario.cycles && !all.is_empty() {
            index %= all.len();
        }
        self.answers += 1;
        all.get(index).cloned().unwrap_or(Answer {
            status: 200,
            fields: Vec::new(),
            body: "the end".into(),
            is_read: false,
        })
    }

    /// Whether this request is one that may come now, and what it may have.
    fn judge(&self, request: &Request, body: Option<&[u8]>) -> Rights {
        let first = self.first.as_ref().unwrap();
        let Some(last) = self.visits.last() else {
            self.judge_first(first, request);
            return first.rights;
        };
        if self.scenario.follow && last.answer.is_redirect() {
            self.judge_hop(last, request, body)
        } else {
            assert!(self.scenario.means.answers() && last.answer.status == 401);
            if self.scenario.means == Means::Digest {
                // A challenge from elsewhere is not answered.
                let origin = |url: &Url| (url.scheme().to_owned(), url.netloc().to_owned());
                assert_eq!(origin(&last.url), origin(&first.url));
            }
            self.judge_first(first, request);
            first.rights
        }
    }

    /// The first request, or the same again with an answer to a challenge.
    fn judge_first(&self, first: &First, request: &Request) {
        assert_eq!(request.method(), &first.method);
        assert_eq!(request.url(), &first.url);
        let body = request.body().as_bytes();
        if let (Some(before), Some(body)) = (&first.body, body) {
            assert_eq!(body, before);
        }
        if first.cookie.is_some() {
            assert_eq!(request.headers().first("cookie"), first.cookie.as_deref());
        } else if !self.visits.is_empty() {
            self.judge_cookies(request);
        }
    }

    fn judge_hop(&self, last: &Visit, request: &Request, body: Option<&[u8]>) -> Rights {
        let headers = request.headers();
        let method = redirected_method(&last.method, last.answer.status);
        assert_eq!(*request.method(), method);
        assert!(matches!(request.url().scheme(), "http" | "https"));
        if let Some(location) = last.answer.only("location")
            && let Ok(url) = last.url.join(&location)
            && self.scenario.hook == Hook::None
        {
            assert!(request.url().same_origin(&url), "{url}");
            assert_eq!(request.url().raw_path(), url.raw_path());
        }
        if method == last.method {
            let of_body = ["content-length", "transfer-encoding", "content-type"];
            for name in of_body {
                assert_eq!(headers.first(name), last.headers.first(name), "{name}");
            }
            if let (Some(before), Some(body)) = (&last.body, body) {
                assert_eq!(body, before);
            }
        } else {
            let of_body = |name: &str| {
                let name = name.to_ascii_lowercase();
                name.starts_with("content-") || name == "transfer-encoding"
            };
            assert!(
                !headers.iter().any(|(name, _)| of_body(name)),
                "{headers:?}"
            );
            assert_eq!(body, Some(&b""[..]));
        }
        self.judge_cookies(request);
        let carries_key = self.scenario.carries_key;
        let rights = last
            .rights
            .redirected(&last.url, request.url(), carries_key);
        if rights.key && self.scenario.hook == Hook::None {
            assert_eq!(headers.first("x-api-key"), Some(secrets::KEY.as_bytes()));
        }
        rights
    }

    /// What the jar yields for this URL, and nothing else.
    fn judge_cookies(&self, request: &Request) {
        let yields = self.jar.header_for(request.url(), Inert::wall_clock());
        let has = request.headers().first("cookie");
        assert_eq!(has, yields.as_deref().map(str::as_bytes));
    }
}

/// What holds for every request.
fn check(request: &Request, rights: Rights, base: Option<&Url>) {
    let (url, headers) = (request.url(), request.headers());
    let hosts: Vec<&[u8]> = headers.get_all("host").collect();
    let host = Some(url.netloc().as_bytes()).filter(|host| !host.is_empty());
    assert_eq!(hosts, Vec::from_iter(host));
    for name in [
        "authorization",
        "cookie",
        "referer",
        "content-type",
        "x-api-key",
    ] {
        assert!(headers.get_all(name).count() <= 1, "{name} twice");
    }
    if !rights.field {
        assert!(!headers.contains("authorization"), "{url}");
    }
    if !rights.userinfo {
        assert!(
            url.username().is_empty() && url.password().is_empty(),
            "{url}"
        );
    }
    if let Some(referer) = headers.first("referer") {
        let referer = Url::parse(&String::from_utf8_lossy(referer)).unwrap();
        assert!(referer.username().is_empty() && referer.password().is_empty());
        assert!(referer.fragment().is_none());
        assert!(referer.scheme() != "https" || url.scheme() == "https");
    }
    for text in [headers.as_wire(), url.as_str().as_bytes()] {
        if let Err(secret) = rights.allow(text, url, base) {
            panic!("{secret} went to {url}");
        }
    }
}

/// One framing, and a true one.
fn check_framing(request: &Request, body: Option<&[u8]>) {
    let headers = request.headers();
    let lengths: Vec<&[u8]> = headers.get_all("content-length").collect();
    let codings: Vec<&[u8]> = headers.get_all("transfer-encoding").collect();
    assert!(lengths.len() + codings.len() <= 1, "{headers:?}");
    assert!(codings.iter().all(|coding| *coding == b"chunked"));
    let length = lengths.first().map(|digits| {
        let digits = std::str::from_utf8(digits).unwrap();
        digits.parse::<usize>().unwrap()
    });
    if let Some(body) = body {
        assert!(length.is_none_or(|length| length == body.len()));
        assert!(body.is_empty() || length.is_some() || !codings.is_empty());
    }
}

/// BEHAVIOUR section 15.1.
fn redirected_method(method: &Method, status: u16) -> Method {
    match (status, method.as_str()) {
        (301, "POST") => Method::GET,
        (302 | 303, name) if name != "HEAD" => Method::GET,
        _ => method.clone(),
    }
}
