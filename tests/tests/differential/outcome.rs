//! What a caller got, as `compare.py` reads it.

use nuncio::{Cookie, CookieJar, Error, Response};
use serde_json::{Map, Value, json};

pub(crate) fn response(response: &Response) -> Value {
    let latin1 = |bytes: &[u8]| -> String { bytes.iter().copied().map(char::from).collect() };
    let headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_owned(), latin1(value)))
        .collect();
    let parsed = match response.json::<Value>() {
        Ok(value) => json!({ "is": value }),
        Err(error) => failure(&error),
    };
    let hop = |it: &Response| json!([it.status().as_u16(), it.url().as_str()]);
    let history: Vec<_> = response.history().iter().map(hop).collect();
    let next = response.next_request();
    let ok = match response.clone().error_for_status() {
        Ok(_) => json!({ "is": true }),
        Err(error) => failure(&error),
    };
    json!({
        "status": response.status().as_u16(),
        "reason": response.reason(),
        "version": format!("{:?}", response.version()),
        "url": response.url().as_str(),
        "headers": headers,
        "body": latin1(response.bytes()),
        "encoding": response.encoding(),
        "text": { "is": response.text() },
        "json": parsed,
        "history": history,
        "next": next.map(|it| json!([it.method().as_str(), it.url().as_str()])),
        "links": links(response),
        "cookies": cookies(&response.cookies(), |it| json!([it.name(), it.value().unwrap_or_default()])),
        "has_redirect_location": response.has_redirect_location(),
        "ok": ok,
    })
}

/// By relation, or by target where there is none; the last of two holds.
fn links(response: &Response) -> Value {
    let mut links = Map::new();
    for link in response.links().iter() {
        let mut shown = Map::new();
        shown.insert("url".to_owned(), link.url.as_str().into());
        for (name, value) in link.parameters.iter() {
            shown.insert(name.to_owned(), value.into());
        }
        let key = link.rel().unwrap_or(&link.url).to_owned();
        links.insert(key, shown.into());
    }
    links.into()
}

/// A jar's cookies, in an order that does not depend on when they came.
pub(crate) fn cookies(jar: &CookieJar, shown: impl Fn(&Cookie) -> Value) -> Vec<Value> {
    let mut all: Vec<_> = jar.cookies().iter().map(shown).collect();
    all.sort_by_key(Value::to_string);
    all
}

pub(crate) fn failure(error: &Error) -> Value {
    json!({ "error": format!("{:?}", error.kind()), "words": error.to_string() })
}
