//! Whether a request is sent again by itself: after a connection that was dead, a refusal, or an answer
//! that says how to do better. Each is safe, and happens a bounded number of times.

use super::{Leg, State, pool_key};
use crate::request::Request;
use nuncio_connection::{Error as ConnectionError, Processed, ResponseHead};

/// How often a request was sent again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Replays {
    /// On a new connection, as the old one turned out to be dead or the wrong one: once.
    pub(super) stale: bool,
    /// As the server said that it did not take it.
    pub(super) refused: u8,
    /// As no connection could be made; not counted among the others, for nothing was sent.
    pub(super) connects: u32,
}

/// So often a request is sent again that the server refuses unseen: a server that closes its
/// connections after a hundred requests can do that to the same one more than once.
pub(super) const REFUSALS: u8 = 8;

impl<S> Leg<S> {
    /// Whether to send the request again after `error`. On a new connection, if that on which it
    /// failed had been used before and turned out dead: once only, and where the peer may have acted
    /// on it, only what is safe to repeat (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). On any,
    /// if the peer said that it did not process it (RFC 9113 section 8.7). Never after a byte of an
    /// answer.
    pub(super) fn may_replay(
        &mut self,
        request: &mut Request,
        error: &ConnectionError,
        processed: Processed,
        fresh: bool,
    ) -> bool {
        if processed == Processed::No && error.is_refusal() {
            let again = self.replays.refused < REFUSALS && request.body_mut().restart();
            self.replays.refused += u8::from(again);
            return again;
        }
        let safe = match processed {
            Processed::No => true,
            Processed::Maybe => request.method().is_idempotent(),
            Processed::Yes => false,
        };
        let again = error.is_disconnect()
            && safe
            && !fresh
            && !self.replays.stale
            && request.body_mut().restart();
        self.replays.stale |= again;
        self.fresh |= again;
        again
    }

    /// Whether to send the request again over HTTP/1.1, as the server asks for (HTTP_1_1_REQUIRED, RFC
    /// 9113 section 7): where that may be spoken and the request is safe to repeat. What comes later
    /// for this origin begins with that.
    pub(super) fn falls_back(
        &mut self,
        request: &mut Request,
        error: &ConnectionError,
        processed: Processed,
    ) -> bool {
        let detour = self.detour.as_deref();
        if !error.requires_http1()
            || self.http1
            || !self.wiring.may_fall_back(request.url(), detour)
        {
            return false;
        }
        self.depot
            .note_http1(&pool_key(request, self.runtime, None));
        let safe = match processed {
            Processed::No => true,
            Processed::Maybe => request.method().is_idempotent(),
            Processed::Yes => false,
        };
        self.http1 = safe && request.body_mut().restart();
        self.http1
    }

    /// Sends the request again on a connection of its own, if it may, after a 421 on one that others
    /// had used: the server does not answer for this origin there (RFC 9110 section 15.5.20,
    /// SECURITY K13). It says that it did nothing, so that the method does not matter.
    pub(super) fn misdirected(&mut self, request: &mut Request) -> Option<()> {
        let State::Running(running) = &mut self.state else {
            return None;
        };
        if running.fresh || self.replays.stale {
            return None;
        }
        self.restart(request)?;
        self.replays.stale = true;
        self.fresh = true;
        Some(())
    }

    /// Sends the request again without its expectation, if it may, after a 417 that says that there is
    /// something along the way which cannot meet it (RFC 9110 section 15.5.18).
    pub(super) fn unexpected(&mut self, request: &mut Request) -> Option<()> {
        if !expects_continue(request) {
            return None;
        }
        self.restart(request)?;
        request.headers_mut().remove("expect");
        Some(())
    }

    /// Begins anew with a request that was answered, if all of its body can be had again.
    fn restart(&mut self, request: &mut Request) -> Option<()> {
        if !self.is_sent() {
            return None;
        }
        let State::Running(running) = &mut self.state else {
            return None;
        };
        request.body_mut().give_back(running.feed.take());
        if !request.body_mut().restart() {
            running.feed = request.body_mut().lend();
            return None;
        }
        self.take_running()?.held.discard();
        self.state = State::Start;
        Some(())
    }

    /// Sends the request again, if it may, with an answer to what the proxy asks that forwards it.
    pub(super) fn unauthenticated(
        &mut self,
        request: &mut Request,
        head: &ResponseHead,
    ) -> Option<()> {
        let detour = self.detour.as_mut()?;
        let own = request.headers().contains("proxy-authorization");
        if own || !detour.forwards(request.url()) || !self.is_sent() {
            return None;
        }
        let detour = self.detour.as_mut()?;
        if !detour.answers(head.status, &head.headers) {
            return None;
        }
        self.restart(request)
    }

    /// Whether nothing more of the request will be sent.
    fn is_sent(&self) -> bool {
        matches!(&self.state, State::Running(running) if running.is_sent())
    }
}

/// Whether a request asks for leave to send its body (RFC 9110 section 10.1.1).
pub(super) fn expects_continue(request: &Request) -> bool {
    let expect = request.headers().first("expect");
    expect.is_some_and(|expect| expect.eq_ignore_ascii_case(b"100-continue"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::depot::Depot;
    use crate::timeout::Timeout;
    use http::Method;
    use nuncio_connection::EventSink;
    use nuncio_connection::{Limits, Phase, RemoteError};
    use nuncio_url::Url;
    use std::sync::Arc;

    fn request(method: Method, body: Body) -> Request {
        let Ok(url) = Url::parse("http://h/") else {
            panic!("a URL")
        };
        let mut request = Request::new(method, url);
        request.set_body(body);
        request
    }

    fn leg() -> Leg<()> {
        let network = crate::Network::default();
        let Ok(wiring) = network.build(
            EventSink::none(),
            Default::default(),
            crate::Environment::empty(),
            false,
        ) else {
            panic!("the defaults")
        };
        let depot = Arc::new(Depot::new(Limits::default()));
        Leg::new(Arc::new(wiring), depot, Timeout::default(), 0, None, None)
    }

    const GONE: ConnectionError = ConnectionError::Remote(RemoteError::Disconnected { interim: 0 });

    fn replayed(method: Method, body: Body, processed: Processed) -> bool {
        leg().may_replay(&mut request(method, body), &GONE, processed, false)
    }

    #[test]
    fn a_request_that_is_safe_to_repeat_is_replayed_once() {
        let (mut leg, mut get) = (leg(), request(Method::GET, Body::empty()));
        assert!(leg.may_replay(&mut get, &GONE, Processed::Maybe, false));
        assert!(!leg.may_replay(&mut get, &GONE, Processed::Maybe, false));
    }

    #[test]
    fn k05_a_post_is_replayed_only_when_certainly_unsent() {
        assert!(!replayed(Method::POST, Body::from("x"), Processed::Maybe));
        assert!(replayed(Method::POST, Body::from("x"), Processed::No));
    }

    #[test]
    fn nothing_is_replayed_after_a_byte_of_an_answer() {
        assert!(!replayed(Method::GET, Body::empty(), Processed::Yes));
    }

    #[test]
    fn a_source_that_was_asked_cannot_be_replayed() {
        let source = || Body::reader(std::io::empty(), None);
        assert!(replayed(Method::PUT, source(), Processed::No));
        let mut put = request(Method::PUT, source());
        let mut feed = put.body_mut().lend();
        let blocks = nuncio_connection::BlockCache::default();
        assert!(
            feed.as_mut()
                .is_some_and(|feed| feed.read(&blocks).is_none())
        );
        put.body_mut().give_back(feed);
        assert!(!leg().may_replay(&mut put, &GONE, Processed::No, false));
    }

    #[test]
    fn a_timeout_is_not_a_stale_connection() {
        let slow = ConnectionError::Timeout(Phase::Read);
        let mut get = request(Method::GET, Body::empty());
        assert!(!leg().may_replay(&mut get, &slow, Processed::Maybe, false));
    }
}
