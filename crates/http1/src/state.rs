//! The two coupled state tables: our side of the exchange and theirs.
//!
//! Every change of state is one [`Move`], and [`step`] is the whole table: what is not in it
//! cannot happen.

use std::fmt;

/// Our side: the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ours {
    /// No request was begun.
    Idle,
    /// The head was sent; the body goes up.
    Body,
    /// The request was sent whole.
    Done,
    /// The request was sent whole and offers to leave HTTP: CONNECT, or Upgrade.
    MightSwitch,
    /// The peer took the offer: what is sent now is not HTTP/1.1.
    Switched,
}

/// Their side: the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Theirs {
    /// Nothing was asked.
    Idle,
    /// A head is due, interim or final.
    Head,
    /// The final head came; the body follows.
    Body,
    /// The response came whole.
    Done,
    /// They took the offer to leave HTTP: what comes now is not HTTP/1.1.
    Switched,
    /// They broke the protocol, or left in the middle.
    Failed,
}

/// What can happen to the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// We send a head; a body follows.
    RequestHead,
    /// We send a request that is its head.
    RequestWhole,
    /// The same with an offer to switch.
    OfferWhole,
    /// Our body ends.
    RequestEnd,
    /// The same, and the head had an offer to switch.
    OfferEnd,
    /// They send a 1xx head.
    Interim,
    /// They take our offer.
    Switch,
    /// They send a final head; a body follows.
    ResponseHead,
    /// They send a response that is its head.
    ResponseWhole,
    /// Their body ends.
    ResponseEnd,
    /// They break the protocol.
    Fail,
    /// Both are done and the connection starts again.
    Next,
}

/// The table. `None`: not possible in this state.
pub(crate) const fn step(ours: Ours, theirs: Theirs, what: Move) -> Option<(Ours, Theirs)> {
    use Move as M;
    use Ours as O;
    use Theirs as T;
    Some(match (what, ours, theirs) {
        (M::RequestHead, O::Idle, T::Idle) => (O::Body, T::Head),
        (M::RequestWhole, O::Idle, T::Idle) => (O::Done, T::Head),
        (M::OfferWhole, O::Idle, T::Idle) => (O::MightSwitch, T::Head),

        // Their answer may come, and even end, before our request does.
        (M::RequestEnd, O::Body, T::Head | T::Body | T::Done) => (O::Done, theirs),
        (M::OfferEnd, O::Body, T::Head) => (O::MightSwitch, T::Head),
        (M::OfferEnd, O::Body, T::Body | T::Done) => (O::Done, theirs),

        (M::Interim, O::Body | O::Done | O::MightSwitch, T::Head) => (ours, T::Head),
        (M::Switch, O::MightSwitch, T::Head) => (O::Switched, T::Switched),

        (M::ResponseHead, O::Body | O::Done, T::Head) => (ours, T::Body),
        (M::ResponseHead, O::MightSwitch, T::Head) => (O::Done, T::Body),
        (M::ResponseWhole, O::Body | O::Done, T::Head) => (ours, T::Done),
        (M::ResponseWhole, O::MightSwitch, T::Head) => (O::Done, T::Done),
        (M::ResponseEnd, O::Body | O::Done, T::Body) => (ours, T::Done),

        (M::Fail, O::Idle | O::Body | O::Done | O::MightSwitch, _) => (ours, T::Failed),

        (M::Next, O::Done, T::Done) | (M::Next, O::Idle, T::Idle) => (O::Idle, T::Idle),
        _ => return None,
    })
}

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "no request was begun",
            Self::Body => "the request body is being sent",
            Self::Done => "the request was sent",
            Self::MightSwitch => "the request was sent with an offer to switch protocols",
            Self::Switched => "protocols were switched",
        })
    }
}

impl fmt::Display for Theirs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "no response is due",
            Self::Head => "a response head is due",
            Self::Body => "the response body is being received",
            Self::Done => "the response was received",
            Self::Switched => "the peer switched protocols",
            Self::Failed => "the peer failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [Ours; 5] = [
        Ours::Idle,
        Ours::Body,
        Ours::Done,
        Ours::MightSwitch,
        Ours::Switched,
    ];
    const THEIRS: [Theirs; 6] = [
        Theirs::Idle,
        Theirs::Head,
        Theirs::Body,
        Theirs::Done,
        Theirs::Switched,
        Theirs::Failed,
    ];
    const MOVES: [Move; 12] = [
        Move::RequestHead,
        Move::RequestWhole,
        Move::OfferWhole,
        Move::RequestEnd,
        Move::OfferEnd,
        Move::Interim,
        Move::Switch,
        Move::ResponseHead,
        Move::ResponseWhole,
        Move::ResponseEnd,
        Move::Fail,
        Move::Next,
    ];

    fn reachable() -> Vec<(Ours, Theirs)> {
        let mut seen = vec![(Ours::Idle, Theirs::Idle)];
        let mut next = 0;
        while let Some(&(ours, theirs)) = seen.get(next) {
            next += 1;
            for what in MOVES {
                if let Some(state) = step(ours, theirs, what)
                    && !seen.contains(&state)
                {
                    seen.push(state);
                }
            }
        }
        seen
    }

    #[test]
    fn only_pairs_that_make_sense_can_be_reached() {
        let mut states = reachable();
        states.retain(|(_, theirs)| *theirs != Theirs::Failed);
        let expected = [
            (Ours::Idle, Theirs::Idle),
            (Ours::Body, Theirs::Head),
            (Ours::Done, Theirs::Head),
            (Ours::MightSwitch, Theirs::Head),
            (Ours::Body, Theirs::Body),
            (Ours::Body, Theirs::Done),
            (Ours::Done, Theirs::Body),
            (Ours::Done, Theirs::Done),
            (Ours::Switched, Theirs::Switched),
        ];
        assert_eq!(states.len(), expected.len(), "{states:?}");
        for state in expected {
            assert!(states.contains(&state), "{state:?}");
        }
    }

    #[test]
    fn nothing_follows_a_failure_or_a_switch() {
        for ours in OURS {
            for what in MOVES {
                if let Some(state) = step(ours, Theirs::Failed, what) {
                    assert_eq!(state, (ours, Theirs::Failed), "{what:?}");
                }
                assert_eq!(step(Ours::Switched, Theirs::Switched, what), None);
            }
        }
    }

    #[test]
    fn a_new_request_starts_only_when_both_sides_are_done() {
        for ours in OURS {
            for theirs in THEIRS {
                let both = matches!(
                    (ours, theirs),
                    (Ours::Done, Theirs::Done) | (Ours::Idle, Theirs::Idle)
                );
                assert_eq!(step(ours, theirs, Move::Next).is_some(), both);
                let idle = (ours, theirs) == (Ours::Idle, Theirs::Idle);
                assert_eq!(step(ours, theirs, Move::RequestHead).is_some(), idle);
            }
        }
    }
}
