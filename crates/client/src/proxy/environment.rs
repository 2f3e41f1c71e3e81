//! The proxies that the environment names (BEHAVIOUR section 18), for clients with `trust_env`.

use super::{NoProxy, Proxy};
use crate::environment::Environment;
use crate::error::{Error, Kind};

/// The name of a variable.
pub(crate) type Variable = &'static str;

/// What the environment says about proxies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    /// For each pattern of URLs the proxy, or none where a variable says that there is to be none.
    pub(crate) mounts: Vec<(&'static str, Option<Proxy>, Variable)>,
    pub(crate) no_proxy: NoProxy,
    /// Where that comes from.
    pub(crate) exceptions: Variable,
}

/// A variable's value, which may be empty.
type Found = Option<(Variable, String)>;

impl Proxies {
    /// Reads the variables. Those of nuncio go before the standard ones, and an empty one says that there
    /// is no proxy, whatever those say.
    ///
    /// # Errors
    /// [`Kind::Builder`] for a value that is no proxy; it names the variable.
    pub(crate) fn read(environment: Environment) -> Result<Self, Error> {
        let value = |name: Variable| -> Result<Found, Error> {
            let value = (environment.variable)(name).map(std::ffi::OsString::into_string);
            match value.transpose() {
                Ok(value) => Ok(value.map(|value| (name, value.trim().to_owned()))),
                Err(_) => {
                    let text = format!("{name}: not UTF-8");
                    Err(Error::new(Kind::Builder, text))
                }
            }
        };
        let standard = |lower, upper| -> Result<Found, Error> {
            let found = match value(lower)? {
                Some(found) => Some(found),
                None => value(upper)?,
            };
            Ok(found.filter(|(_, value)| !value.is_empty()))
        };
        // In a CGI process a client's field `Proxy` becomes this variable (SECURITY X9). On Windows
        // names have no case, so that the other one is the same.
        let cgi = (environment.variable)("REQUEST_METHOD").is_some();
        let http = || match (cgi, cfg!(windows)) {
            (true, true) => Ok(None),
            (true, false) => standard("http_proxy", "http_proxy"),
            (false, _) => standard("http_proxy", "HTTP_PROXY"),
        };
        let every = value("NUNCIO_PROXY")?;
        let for_scheme = |ours: Found, theirs: &dyn Fn() -> Result<Found, Error>| match &every {
            _ if ours.is_some() => Ok(ours),
            Some(_) => Ok(None),
            None => theirs(),
        };
        let http = for_scheme(value("NUNCIO_HTTP_PROXY")?, &http)?;
        let https = || standard("https_proxy", "HTTPS_PROXY");
        let https = for_scheme(value("NUNCIO_HTTPS_PROXY")?, &https)?;
        let all = match every {
            Some(every) => Some(every),
            None => standard("all_proxy", "ALL_PROXY")?,
        };
        let exceptions = match value("NUNCIO_NO_PROXY")? {
            Some(ours) => Some(ours),
            None => standard("no_proxy", "NO_PROXY")?,
        };
        let mut mounts = Vec::new();
        for (pattern, found) in [("http://", http), ("https://", https), ("all://", all)] {
            let Some((name, value)) = found else { continue };
            let proxy = match value.is_empty() {
                true => None,
                false => Some(proxy(name, &value)?),
            };
            mounts.push((pattern, proxy, name));
        }
        let (exceptions, text) = exceptions.unwrap_or(("NO_PROXY", String::new()));
        Ok(Proxies {
            mounts,
            no_proxy: NoProxy::parse(&text),
            exceptions,
        })
    }
}

fn proxy(name: Variable, value: &str) -> Result<Proxy, Error> {
    let proxy = Proxy::new(value);
    match proxy.check() {
        Ok(()) => Ok(proxy),
        Err(error) => Err(Error::new(Kind::Builder, format!("{name}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::ffi::OsString;

    thread_local! {
        static SET: RefCell<Vec<(&'static str, &'static str)>> = const { RefCell::new(Vec::new()) };
    }

    fn read(set: &[(&'static str, &'static str)]) -> Result<Proxies, Error> {
        SET.set(set.to_vec());
        Proxies::read(Environment {
            variable: |name| {
                let find = |(known, value): &(&str, &str)| {
                    (*known == name).then(|| OsString::from(*value))
                };
                SET.with_borrow(|set| set.iter().find_map(find))
            },
            read: |_| Err(std::io::ErrorKind::NotFound.into()),
            list: |_| Err(std::io::ErrorKind::NotFound.into()),
        })
    }

    fn told(set: &[(&'static str, &'static str)]) -> Vec<String> {
        let mounts = read(set).unwrap().mounts;
        let told = mounts.iter().map(|(pattern, proxy, name)| match proxy {
            Some(proxy) => format!("{pattern} {name} {proxy}"),
            None => format!("{pattern} {name} none"),
        });
        told.collect()
    }

    #[test]
    fn b18_variables_become_mounts() {
        let all = told(&[
            ("HTTP_PROXY", "http://a:1"),
            ("HTTPS_PROXY", "b:2"),
            ("ALL_PROXY", "socks5://c"),
        ]);
        let expected = [
            "http:// HTTP_PROXY http://a:1",
            "https:// HTTPS_PROXY http://b:2",
            "all:// ALL_PROXY socks5://c:1080",
        ];
        assert_eq!(all, expected);
        assert!(told(&[]).is_empty());
    }

    #[test]
    fn b18_lower_case_wins_and_an_empty_one_removes_the_other() {
        let set = [("http_proxy", "a"), ("HTTP_PROXY", "b")];
        assert_eq!(told(&set), ["http:// http_proxy http://a:80"]);
        assert!(told(&[("https_proxy", ""), ("HTTPS_PROXY", "b")]).is_empty());
        assert!(told(&[("ALL_PROXY", " ")]).is_empty());
    }

    #[test]
    fn x09_in_a_cgi_process_upper_case_http_proxy_is_not_heeded() {
        let cgi = ("REQUEST_METHOD", "GET");
        assert!(told(&[cgi, ("HTTP_PROXY", "evil")]).is_empty());
        assert!(told(&[("REQUEST_METHOD", ""), ("HTTP_PROXY", "evil")]).is_empty());
        let set = [cgi, ("HTTPS_PROXY", "b"), ("NUNCIO_HTTP_PROXY", "c")];
        let expected = [
            "http:// NUNCIO_HTTP_PROXY http://c:80",
            "https:// HTTPS_PROXY http://b:80",
        ];
        assert_eq!(told(&set), expected);
        #[cfg(not(windows))]
        assert_eq!(
            told(&[cgi, ("http_proxy", "a")]),
            ["http:// http_proxy http://a:80"]
        );
    }

    #[test]
    fn variables_of_our_own_go_before_the_standard_ones() {
        let standard = [
            ("HTTP_PROXY", "a"),
            ("HTTPS_PROXY", "b"),
            ("ALL_PROXY", "c"),
        ];
        let with = |more: &[(&'static str, &'static str)]| told(&[more, &standard].concat());
        assert_eq!(
            with(&[("NUNCIO_PROXY", "n")]),
            ["all:// NUNCIO_PROXY http://n:80"]
        );
        assert_eq!(with(&[("NUNCIO_PROXY", "")]), ["all:// NUNCIO_PROXY none"]);
        let http = with(&[("NUNCIO_HTTP_PROXY", "n")]);
        let rest = [
            "https:// HTTPS_PROXY http://b:80",
            "all:// ALL_PROXY http://c:80",
        ];
        assert_eq!(http[0], "http:// NUNCIO_HTTP_PROXY http://n:80");
        assert_eq!(http[1..], rest);
        assert_eq!(
            with(&[("NUNCIO_HTTP_PROXY", "")])[0],
            "http:// NUNCIO_HTTP_PROXY none"
        );
        let both = with(&[("NUNCIO_PROXY", "n"), ("NUNCIO_HTTPS_PROXY", "m")]);
        let expected = [
            "https:// NUNCIO_HTTPS_PROXY http://m:80",
            "all:// NUNCIO_PROXY http://n:80",
        ];
        assert_eq!(both, expected);
    }

    #[test]
    fn b18_no_proxy_likewise() {
        let host = |set: &[(&'static str, &'static str)]| {
            let url = nuncio_url::Url::parse("http://h/").unwrap();
            let proxies = read(set).unwrap();
            let covered = proxies.no_proxy.covering(&url).is_some();
            (covered, proxies.exceptions)
        };
        assert_eq!(host(&[("NO_PROXY", "h")]), (true, "NO_PROXY"));
        assert_eq!(
            host(&[("no_proxy", "x"), ("NO_PROXY", "h")]),
            (false, "no_proxy")
        );
        assert!(!host(&[("no_proxy", ""), ("NO_PROXY", "h")]).0);
        let ours = [("NUNCIO_NO_PROXY", "h"), ("no_proxy", "x")];
        assert_eq!(host(&ours), (true, "NUNCIO_NO_PROXY"));
        assert!(!host(&[("NUNCIO_NO_PROXY", ""), ("no_proxy", "h")]).0);
    }

    #[test]
    fn b18_what_is_no_proxy_fails_and_names_the_variable() {
        let error = read(&[("https_proxy", "ftp://u:SECRET@h")]).unwrap_err();
        assert_eq!(error.kind(), Kind::Builder);
        let text = error.to_string();
        assert!(
            text.starts_with("https_proxy: the proxy 'ftp://h' has a scheme"),
            "{text}"
        );
        assert!(!text.contains("SECRET"), "{text}");
    }
}
