//! Status codes: their class, their words, and the error that one may be.

use super::{Head, snippet};
use crate::error::{Error, Kind, Place};
use http::{StatusCode, Version};
use nuncio_connection::ResponseHead;
use nuncio_url::Url;
use std::borrow::Cow;
use std::fmt::Write;

/// The most that an error tells of a text that the server sent, in characters.
const TOLD: usize = 200;

impl Head {
    /// The status code. Codes from 600 to 999 are let through, as servers do send them.
    pub fn status(&self) -> StatusCode {
        // The codec lets only 100 to 999 through, which is what the type holds.
        StatusCode::from_u16(self.head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The words beside the status code, as the server sent them, bytes that are no ASCII left out.
    /// Over HTTP/2, and where it sent none, the usual ones; of an unknown code, none.
    pub fn reason(&self) -> Cow<'_, str> {
        reason(&self.head)
    }

    /// Whether the code is within 100 to 199.
    pub fn is_informational(&self) -> bool {
        self.class() == 1
    }

    /// Whether the code is within 200 to 299.
    pub fn is_success(&self) -> bool {
        self.class() == 2
    }

    /// Whether the code is within 300 to 399. Most of those that send elsewhere
    /// [have a redirect location](Self::has_redirect_location); 304 is within, and does not.
    pub fn is_redirect(&self) -> bool {
        self.class() == 3
    }

    /// Whether the code is within 400 to 499.
    pub fn is_client_error(&self) -> bool {
        self.class() == 4
    }

    /// Whether the code is within 500 to 599.
    pub fn is_server_error(&self) -> bool {
        self.class() == 5
    }

    /// Whether the code is within 400 to 599. Codes from 600 on are in no class.
    pub fn is_error(&self) -> bool {
        self.is_client_error() || self.is_server_error()
    }

    fn class(&self) -> u16 {
        self.head.status / 100
    }

    /// The error that a status other than 2xx is, or none.
    pub fn status_error(&self) -> Option<Error> {
        let what = match self.class() {
            1 => "Informational response",
            2 => return None,
            3 => "Redirect response",
            4 => "Client error",
            5 => "Server error",
            _ => "Invalid status code",
        };
        let url = &self.request.url;
        let mut text = format!("{what} {}", self.answer());
        if self.has_redirect_location()
            && let Some(location) = self.head.headers.get("location")
        {
            let _ = write!(
                text,
                ", redirect location '{}'",
                told_location(&location, url)
            );
        }
        let error = Error::new(Kind::Status, text);
        Some(error.for_request(self.request.method.as_str(), url))
    }

    /// The status and the URL, as an error about them names the two.
    pub(crate) fn answer(&self) -> String {
        let mut text = format!("'{}", self.head.status);
        let reason = self.reason();
        if !reason.is_empty() {
            text.push(' ');
            text.push_str(&snippet(&reason, TOLD));
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "' for url '{}'", Place(&self.request.url));
        text
    }
}

fn reason(head: &ResponseHead) -> Cow<'_, str> {
    let sent = head.reason.as_bytes();
    if sent.is_empty() || head.version >= Version::HTTP_2 {
        return phrase(head.status).into();
    }
    match std::str::from_utf8(sent) {
        Ok(text) if text.is_ascii() => text.into(),
        _ => {
            let ascii = sent.iter().filter(|byte| byte.is_ascii());
            ascii.map(|byte| char::from(*byte)).collect()
        }
    }
}

/// A redirect's target as an error may show it.
pub(crate) fn told_location(location: &str, base: &Url) -> String {
    snippet(&without_credentials(location, base), TOLD)
}

fn without_credentials<'a>(location: &'a str, base: &Url) -> Cow<'a, str> {
    if !location.contains('@') {
        return location.into();
    }
    match base.join(location) {
        Ok(url) => Place(&url).to_string().into(),
        Err(_) => "(illegible)".into(),
    }
}

/// The words of a status code, as Python and with it httpx has them: the registry's, for these four
/// those of an earlier day.
fn phrase(code: u16) -> &'static str {
    match code {
        203 => "Non-Authoritative Information",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        416 => "Requested Range Not Satisfiable",
        _ => StatusCode::from_u16(code)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default(),
    }
}
