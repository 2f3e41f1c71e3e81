//! serde: a cookie as a map of its fields, a jar as the list of its cookies, the oldest first.
//!
//! Nothing is lost, unlike in the Netscape format; what is read is checked as a file is.

use super::cookie::{Cookie, SameSite, Text, clamp, join_extras};
use super::error::CookieError;
use super::jar::CookieJar;
use super::scope::Scope;
use super::store::Store;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
struct Stored {
    name: String,
    value: Option<String>,
    /// Empty for every host.
    #[serde(default)]
    domain: String,
    #[serde(default)]
    host_only: bool,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    secure: bool,
    #[serde(default)]
    http_only: bool,
    #[serde(default)]
    same_site: Option<SameSite>,
    /// In seconds since 1970.
    #[serde(default)]
    expires: Option<i64>,
    #[serde(default)]
    extras: Vec<(String, String)>,
}

fn root() -> String {
    "/".to_owned()
}

impl From<&Cookie> for Stored {
    fn from(cookie: &Cookie) -> Self {
        Self {
            name: cookie.name.clone(),
            value: cookie.value.clone(),
            domain: cookie.domain().to_owned(),
            host_only: cookie.is_host_only(),
            path: cookie.path.clone(),
            secure: cookie.secure,
            http_only: cookie.http_only,
            same_site: cookie.same_site,
            expires: cookie.expires,
            extras: cookie
                .extras()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}

impl TryFrom<Stored> for Cookie {
    type Error = CookieError;

    fn try_from(stored: Stored) -> Result<Self, CookieError> {
        let scope = if stored.domain.is_empty() {
            Scope::EveryHost
        } else {
            Scope::parse(&stored.domain, stored.host_only)
                .ok_or(CookieError::InvalidDomain(stored.domain))?
        };
        let cookie = Cookie {
            name: stored.name,
            value: stored.value,
            scope,
            path: stored.path,
            secure: stored.secure,
            http_only: stored.http_only,
            same_site: stored.same_site,
            expires: stored.expires.map(clamp),
            extras: join_extras(&stored.extras, Text::Received)?,
        };
        cookie.check(Text::Received)?;
        Ok(cookie)
    }
}

impl Serialize for Cookie {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cookie {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Stored::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for CookieJar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.cookies())
    }
}

impl<'de> Deserialize<'de> for CookieJar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::over(Store::load(Vec::<Cookie>::deserialize(
            deserializer,
        )?)))
    }
}
