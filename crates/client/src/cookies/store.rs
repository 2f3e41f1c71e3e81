//! The cookies of a jar by domain, and which of them go when there are too many.

use super::cookie::Cookie;
use super::header::Target;
use super::scope::{Scope, path_matches, related};
use super::{MAX_PER_DOMAIN, MAX_TOTAL, Rejected};
use std::cell::Cell;
use std::collections::HashMap;
use std::time::SystemTime;

#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    /// By the domain of their scope, in no order; every host has the empty one. No list is empty.
    domains: HashMap<String, Vec<Entry>>,
    len: usize,
    /// Counts what happens to cookies: a clock of its own, for the order among them.
    tick: Cell<u64>,
}

#[derive(Clone, Debug)]
struct Entry {
    cookie: Cookie,
    /// When it was made; a cookie that takes another's place takes its time too.
    created: u64,
    /// When it was last set or sent.
    used: Cell<u64>,
    source: Source,
}

/// Who put a cookie there. What the program set is never evicted for what a server sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Program,
    Server,
}

/// What is evicted first (RFC 6265bis section 5.7): expired, then not `Secure` where one domain
/// has too many, then what was not used for longest.
type Rank = (bool, bool, u64);

impl Store {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A cookie of the program's, in place of any with its name, domain and path.
    pub(super) fn set(&mut self, cookie: Cookie) {
        let created = self.take_out(&cookie, |entry| entry.cookie.same_key(&cookie));
        self.put(cookie, created, Source::Program);
    }

    /// A cookie of a server's; one that has expired deletes (RFC 6265bis section 5.7, from step 14).
    pub(super) fn receive(
        &mut self,
        cookie: Cookie,
        secure_origin: bool,
        now: SystemTime,
    ) -> Result<(), Rejected> {
        if !cookie.secure && !secure_origin && self.has_secure_beside(&cookie) {
            return Err(Rejected::ShadowsSecure);
        }
        // One for the host alone and one for the domain are two, but what the program set for the
        // domain is the server's to renew.
        let created = self.take_out(&cookie, |entry| {
            entry.cookie.same_key(&cookie)
                && (entry.cookie.scope == cookie.scope || entry.source == Source::Program)
        });
        if !cookie.is_expired(now) {
            let domain = cookie.domain().to_owned();
            self.put(cookie, created, Source::Server);
            self.evict(&domain, now);
        }
        Ok(())
    }

    /// Cookies that were stored before; of those that are the same the last counts. No limit holds,
    /// as nothing says which of them would be missed least.
    pub(super) fn load(cookies: impl IntoIterator<Item = Cookie>) -> Self {
        let mut kept: Vec<Cookie> = Vec::new();
        let mut places: HashMap<(Scope, String, String), usize> = HashMap::new();
        for cookie in cookies {
            let key = (
                cookie.scope.clone(),
                cookie.path.clone(),
                cookie.name.clone(),
            );
            let place = *places.entry(key).or_insert(kept.len());
            match kept.get_mut(place) {
                Some(earlier) => *earlier = cookie,
                None => kept.push(cookie),
            }
        }
        let mut store = Self::default();
        for cookie in kept {
            store.put(cookie, None, Source::Server);
        }
        store
    }

    /// What is sent to `target`, in the order in which it was made. Counts as used.
    pub(super) fn matching(&self, target: &Target<'_>) -> Vec<&Cookie> {
        let mut found: Vec<&Entry> = target
            .host
            .domains()
            .chain([""])
            .filter_map(|domain| self.domains.get(domain))
            .flatten()
            .filter(|entry| target.gets(&entry.cookie))
            .collect();
        for entry in &found {
            entry.used.set(self.next_tick());
        }
        found.sort_unstable_by_key(|entry| entry.created);
        found.into_iter().map(|entry| &entry.cookie).collect()
    }

    /// All that have the name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Cookie> {
        self.entries()
            .map(|entry| &entry.cookie)
            .filter(move |cookie| cookie.name == name)
    }

    /// All, in the order in which they were made.
    pub(super) fn cookies(&self) -> impl Iterator<Item = &Cookie> {
        let mut all: Vec<&Entry> = self.entries().collect();
        all.sort_unstable_by_key(|entry| entry.created);
        all.into_iter().map(|entry| &entry.cookie)
    }

    /// Removes those that `drop` says; says how many.
    pub(super) fn remove(&mut self, drop: impl Fn(&Cookie) -> bool) -> usize {
        let before = self.len;
        self.retain(|entry| !drop(&entry.cookie));
        before - self.len
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.domains.values().flatten()
    }

    fn next_tick(&self) -> u64 {
        let tick = self.tick.get();
        self.tick.set(tick.wrapping_add(1));
        tick
    }

    fn put(&mut self, cookie: Cookie, created: Option<u64>, source: Source) {
        let now = self.next_tick();
        let domain = cookie.domain().to_owned();
        self.domains.entry(domain).or_default().push(Entry {
            cookie,
            created: created.unwrap_or(now),
            used: Cell::new(now),
            source,
        });
        self.len += 1;
    }

    /// Removes what `cookie` takes the place of; gives the time at which the first of them was made.
    fn take_out(&mut self, cookie: &Cookie, is_same: impl Fn(&Entry) -> bool) -> Option<u64> {
        let entries = self.domains.get_mut(cookie.domain())?;
        let before = entries.len();
        let created = entries
            .iter()
            .filter(|e| is_same(e))
            .map(|e| e.created)
            .min();
        entries.retain(|entry| !is_same(entry));
        self.len -= before - entries.len();
        if entries.is_empty() {
            self.domains.remove(cookie.domain());
        }
        created
    }

    fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        self.domains.retain(|_, entries| {
            entries.retain(&keep);
            !entries.is_empty()
        });
        self.len = self.domains.values().map(Vec::len).sum();
    }

    /// Whether a `Secure` cookie of that name would be hidden by this one: their domains are the same
    /// or one stands above the other, and so with their paths (SECURITY C10; the draft lets a cookie
    /// with the shorter path pass).
    fn has_secure_beside(&self, cookie: &Cookie) -> bool {
        self.named(&cookie.name).any(|other| {
            other.secure
                && related(other.domain(), cookie.domain())
                && (path_matches(&cookie.path, &other.path)
                    || path_matches(&other.path, &cookie.path))
        })
    }

    fn evict(&mut self, domain: &str, now: SystemTime) {
        let alone = |entry: &Entry| {
            (
                !entry.cookie.is_expired(now),
                entry.cookie.secure,
                entry.used.get(),
            )
        };
        if let Some(entries) = self.domains.get_mut(domain)
            && entries.len() > MAX_PER_DOMAIN
            && let Some(limit) = lowest_kept(entries.iter(), MAX_PER_DOMAIN, alone)
        {
            let before = entries.len();
            entries.retain(|entry| entry.source == Source::Program || alone(entry) >= limit);
            self.len -= before - entries.len();
        }
        let among_all = |entry: &Entry| (!entry.cookie.is_expired(now), false, entry.used.get());
        if self.len > MAX_TOTAL
            && let Some(limit) = lowest_kept(self.entries(), MAX_TOTAL, among_all)
        {
            self.retain(|entry| entry.source == Source::Program || among_all(entry) >= limit);
        }
    }
}

/// The rank from which on a server's cookies stay, where there are more than `limit`.
fn lowest_kept<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    limit: usize,
    rank: impl Fn(&Entry) -> Rank,
) -> Option<Rank> {
    let mut ranks: Vec<Rank> = entries
        .filter(|entry| entry.source == Source::Server)
        .map(rank)
        .collect();
    let surplus = ranks.len().checked_sub(limit).filter(|more| *more > 0)?;
    Some(*ranks.select_nth_unstable(surplus).1)
}
