//! What a request's builder was given as a body, until it is known what goes with it.

use crate::body::{Body, Source};
use crate::error::{Error, Kind};
use crate::multipart::Form;
use nuncio_headers::Headers;
use nuncio_url::{QueryParams, form};
use std::borrow::Cow;

/// One kind of body, or the one pair that goes together: a form's fields, and its files.
pub(crate) enum Payload {
    Given {
        body: Body,
        content_type: Option<&'static str>,
        /// The method that gave it.
        kind: &'static str,
    },
    Form(QueryParams),
    Multipart {
        /// The fields, if they were given too.
        fields: Option<QueryParams>,
        form: Form,
    },
}

impl Payload {
    /// The method that gave it.
    fn kind(&self) -> &'static str {
        match self {
            Payload::Given { kind, .. } => kind,
            Payload::Form(_) => "form",
            Payload::Multipart { .. } => "multipart",
        }
    }

    /// Both of them, where that is possible.
    pub(crate) fn and(self, second: Payload) -> Result<Payload, Error> {
        let (first, other) = (self.kind(), second.kind());
        match (self, second) {
            (Payload::Form(fields), Payload::Multipart { fields: None, form })
            | (Payload::Multipart { fields: None, form }, Payload::Form(fields)) => {
                Ok(Payload::Multipart {
                    fields: Some(fields),
                    form,
                })
            }
            _ => {
                let text = format!("the request has two bodies: one of {first}, one of {other}");
                Err(Error::new(Kind::Builder, text))
            }
        }
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Payload::Given { body, .. } => body.is_none(),
            Payload::Form(fields) => fields.is_empty(),
            Payload::Multipart { fields, form } => {
                form.is_empty() && fields.as_ref().is_none_or(QueryParams::is_empty)
            }
        }
    }

    /// The body, and the Content-Type that goes with it. An empty form is none, with or without
    /// files.
    pub(crate) fn encode(self, headers: &Headers) -> Result<Encoded, Error> {
        let (fields, form) = match self {
            Payload::Given {
                body, content_type, ..
            } => {
                let content_type = content_type.filter(|_| !headers.contains("content-type"));
                return Ok(Encoded {
                    body,
                    content_type: content_type.map(|it| Cow::Borrowed(it.as_bytes())),
                });
            }
            Payload::Form(fields) => (fields, Form::new()),
            Payload::Multipart { fields, form } => (fields.unwrap_or_default(), form),
        };
        if !form.is_empty() {
            let given = headers.first("content-type");
            let (body, content_type) = form.encode(&fields, given)?;
            let content_type = Some(content_type).filter(|it| given != Some(it));
            return Ok(Encoded {
                body,
                content_type: content_type.map(Cow::Owned),
            });
        }
        if fields.is_empty() {
            return Ok(Encoded {
                body: Body::empty(),
                content_type: None,
            });
        }
        Ok(Encoded {
            // Of names without values nothing is left to send; that there is a form is said.
            body: Body {
                source: Source::Bytes(form::encode(fields).into()),
            },
            content_type: (!headers.contains("content-type"))
                .then_some(Cow::Borrowed(form::CONTENT_TYPE.as_bytes())),
        })
    }
}

/// A body as it is sent.
pub(crate) struct Encoded {
    pub(crate) body: Body,
    /// The Content-Type to send, where the caller's own does not stay as it is.
    pub(crate) content_type: Option<Cow<'static, [u8]>>,
}
