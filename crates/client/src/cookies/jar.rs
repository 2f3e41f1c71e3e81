//! The jar: a handle that is cheap to clone, and what a client and its program do with it.

use super::cookie::Cookie;
use super::error::{CookieError, Rejected};
use super::header::{self, Target};
use super::store::Store;
use super::{MAX_PER_RESPONSE, admit, scope, set_cookie};
use nuncio_headers::Headers;
use nuncio_url::Url;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Cookies, by domain, path and name. `Clone` shares, [`duplicate`](Self::duplicate) copies.
///
/// Names need not be unique: the same name may be there for several domains and paths, and then
/// [`get`](Self::get) has to be told which. `Debug` hides the values.
#[derive(Clone, Default)]
pub struct CookieJar(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Read before every request, so that an empty jar costs no lock.
    occupied: AtomicBool,
    store: Mutex<Store>,
}

/// What a client does with it.
impl CookieJar {
    /// An empty jar.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What one response set and no more, as `response.cookies` of httpx.
    #[must_use]
    pub fn from_response(url: &Url, headers: &Headers, now: SystemTime) -> Self {
        let jar = Self::new();
        jar.store(url, headers, now);
        jar
    }

    /// Takes every Set-Cookie field of a response to `url`, in order; says how many did something.
    /// Those that are [`Rejected`] are skipped, and after [`MAX_PER_RESPONSE`] all are.
    pub fn store(&self, url: &Url, headers: &Headers, now: SystemTime) -> usize {
        headers
            .get_all("set-cookie")
            .filter(|line| self.store_line(url, line, now).is_ok())
            .take(MAX_PER_RESPONSE)
            .count()
    }

    /// Takes the value of one Set-Cookie field of a response to `url`. A cookie that has expired
    /// removes the one in its place.
    ///
    /// # Errors
    /// [`Rejected`] says why RFC 6265bis does not let it in; the jar has not changed then.
    pub fn store_line(
        &self,
        url: &Url,
        line: impl AsRef<[u8]>,
        now: SystemTime,
    ) -> Result<(), Rejected> {
        let cookie = admit::admit(set_cookie::parse(line.as_ref())?, url, now)?;
        self.change(|store| store.receive(cookie, scope::is_secure(url), now))
    }

    /// The value of the Cookie field for a request to `url`: the longest path first, then the oldest.
    /// `None` where nothing is to be sent.
    ///
    /// It is UTF-8, and at most [`MAX_HEADER`](super::MAX_HEADER) bytes long.
    #[must_use]
    pub fn header_for(&self, url: &Url, now: SystemTime) -> Option<String> {
        if !self.is_occupied() {
            return None;
        }
        let target = Target::of(url, now)?;
        self.read(|store| header::render(store.matching(&target)))
    }

    /// As [`header_for`](Self::header_for), with the cookies of one request laid over those of the jar:
    /// one of the same name, domain and path takes the other's place, further ones come behind.
    /// This jar does not change.
    #[must_use]
    pub fn header_with(&self, url: &Url, request: &Self, now: SystemTime) -> Option<String> {
        if !request.is_occupied() {
            return self.header_for(url, now);
        }
        let target = Target::of(url, now)?;
        // Copied, so that never two locks are held.
        let own = request.cookies();
        self.read(|store| {
            let mut found = store.matching(&target);
            header::overlay(&mut found, &own, &target);
            header::render(found)
        })
    }

    /// Removes what has expired; says how many. They are not sent in any case.
    pub fn remove_expired(&self, now: SystemTime) -> usize {
        self.remove(|cookie| cookie.is_expired(now))
    }
}

/// What a program does with it: httpx's `Cookies`.
impl CookieJar {
    /// A jar of pairs, each for every host: of an array, a list or a map.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, CookieError>
    where
        N: Into<String>,
        V: Into<String>,
    {
        let jar = Self::new();
        jar.set_all(pairs)?;
        Ok(jar)
    }

    /// Sets a cookie for **every** host and path: it travels to other origins too, when a redirect
    /// leads there. [`set_for`](Self::set_for) keeps it to a domain.
    ///
    /// # Errors
    /// [`CookieError`] for `;`, control bytes and what is beyond ASCII, for blanks around name or value,
    /// and for `=` in a name; nothing has changed then.
    pub fn set(
        &self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), CookieError> {
        self.insert(Cookie::builder(name, value).build()?);
        Ok(())
    }

    /// Sets a cookie for a domain and what is below it, at a path and what is below that. An empty
    /// domain is every host.
    ///
    /// # Errors
    /// As [`set`](Self::set), and for what is no domain or no path.
    pub fn set_for(
        &self,
        domain: &str,
        path: &str,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), CookieError> {
        let cookie = Cookie::builder(name, value).domain(domain).path(path);
        self.insert(cookie.build()?);
        Ok(())
    }

    /// [`set`](Self::set) for each pair, or for none if one is invalid.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_all<N, V>(&self, pairs: impl IntoIterator<Item = (N, V)>) -> Result<(), CookieError>
    where
        N: Into<String>,
        V: Into<String>,
    {
        let build = |(name, value): (N, V)| Cookie::builder(name, value).build();
        self.extend(
            pairs
                .into_iter()
                .map(build)
                .collect::<Result<Vec<_>, _>>()?,
        );
        Ok(())
    }

    /// Puts a cookie in, in place of those with its name, domain and path. What the program puts in
    /// is not evicted for what servers set, and no limit holds for it.
    pub fn insert(&self, cookie: Cookie) {
        self.change(|store| store.set(cookie));
    }

    /// [`insert`](Self::insert) for each, such as another jar's [`cookies`](Self::cookies).
    pub fn extend(&self, cookies: impl IntoIterator<Item = Cookie>) {
        // Before the lock is taken: the iterator may look into this jar.
        let cookies: Vec<Cookie> = cookies.into_iter().collect();
        self.change(|store| cookies.into_iter().for_each(|cookie| store.set(cookie)));
    }

    /// The value of the cookie of that name; empty for one without a value.
    ///
    /// # Errors
    /// [`CookieError::Conflict`] where there are several.
    pub fn get(&self, name: &str) -> Result<Option<String>, CookieError> {
        self.get_in(name, None, None)
    }

    /// As [`get`](Self::get), of a domain (`""` for those of every host) or of a path.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_in(
        &self,
        name: &str,
        domain: Option<&str>,
        path: Option<&str>,
    ) -> Result<Option<String>, CookieError> {
        let place = Place::new(domain, path);
        self.read(|store| {
            let mut found = store.named(name).filter(|cookie| place.is_of(cookie));
            let Some(cookie) = found.next() else {
                return Ok(None);
            };
            match found.count() {
                0 => Ok(Some(cookie.value().unwrap_or_default().to_owned())),
                more => Err(CookieError::Conflict {
                    name: name.to_owned(),
                    count: more + 1,
                }),
            }
        })
    }

    /// Removes every cookie of that name; says how many.
    pub fn delete(&self, name: &str) -> usize {
        self.delete_in(name, None, None)
    }

    /// As [`delete`](Self::delete), of a domain (`""` for those of every host) or of a path.
    pub fn delete_in(&self, name: &str, domain: Option<&str>, path: Option<&str>) -> usize {
        let place = Place::new(domain, path);
        self.remove(|cookie| cookie.name() == name && place.is_of(cookie))
    }

    /// Removes everything.
    pub fn clear(&self) {
        self.change(|store| *store = Store::default());
    }

    /// Removes every cookie of a domain (`""` for those of every host), or of a path of it; says
    /// how many.
    pub fn clear_domain(&self, domain: &str, path: Option<&str>) -> usize {
        let place = Place::new(Some(domain), path);
        self.remove(|cookie| place.is_of(cookie))
    }

    /// The number of cookies, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read(Store::len)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_occupied()
    }

    /// A copy of every cookie, the oldest first.
    #[must_use]
    pub fn cookies(&self) -> Vec<Cookie> {
        self.read(|store| store.cookies().cloned().collect())
    }

    /// A jar of its own with the same cookies.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::over(self.read(Store::clone))
    }

    /// Whether the two are one jar: a change to one is a change to the other.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// How the jar is reached; the lock is held for nothing else.
impl CookieJar {
    pub(super) fn over(store: Store) -> Self {
        Self(Arc::new(Shared {
            occupied: AtomicBool::new(store.len() > 0),
            store: Mutex::new(store),
        }))
    }

    /// Whether there may be any, without a lock.
    pub(crate) fn is_occupied(&self) -> bool {
        self.0.occupied.load(Ordering::Acquire)
    }

    fn remove(&self, drop: impl Fn(&Cookie) -> bool) -> usize {
        self.change(|store| store.remove(drop))
    }

    fn read<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.0.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.0.store.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut store);
        self.0.occupied.store(store.len() > 0, Ordering::Release);
        result
    }
}

/// A domain and a path to look at, or either, or neither.
struct Place<'a> {
    domain: Option<String>,
    path: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn new(domain: Option<&str>, path: Option<&'a str>) -> Self {
        let plain = |domain: &str| {
            domain
                .strip_prefix('.')
                .unwrap_or(domain)
                .to_ascii_lowercase()
        };
        Self {
            domain: domain.map(plain),
            path,
        }
    }

    fn is_of(&self, cookie: &Cookie) -> bool {
        self.domain
            .as_ref()
            .is_none_or(|domain| domain == cookie.domain())
            && self.path.is_none_or(|path| path == cookie.path())
    }
}

impl FromIterator<Cookie> for CookieJar {
    fn from_iter<I: IntoIterator<Item = Cookie>>(cookies: I) -> Self {
        let jar = Self::new();
        jar.extend(cookies);
        jar
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieJar ")?;
        f.debug_list().entries(self.cookies()).finish()
    }
}
