//! A scenario, put in nuncio's words.

use crate::json::Json;
use crate::outcome::{cookies, failure, response};
use crate::scenario::{self, Call, Content, Options, Scenario};
use bytes::Bytes;
use nuncio::{
    Auth, Body, DefaultEncoding, Error, Form, Kind, ParamValue, Part, QueryParams, Request,
    Response, Url,
};
use nuncio_client::{Client, ClientBuilder, Driver};
use nuncio_tests::adapters::Adapter;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

pub(crate) fn play<A: Adapter>(adapter: &Arc<A>, scenario: &Scenario, files: &Path) -> Value {
    let client = match client(adapter.builder(), &scenario.client).build() {
        Ok(client) => client,
        Err(error) => return json!({ "calls": [failure(&error)], "jar": [] }),
    };
    let mut calls = Vec::new();
    let mut last = None;
    for call in &scenario.calls {
        match send(adapter, &client, call, last.as_ref(), files) {
            Ok(got) => {
                calls.push(response(&got));
                last = Some(got);
            }
            Err(error) => calls.push(failure(&error)),
        }
    }
    let jar = cookies(client.cookies(), |it| {
        json!([it.name(), it.value().unwrap_or_default(), it.path()])
    });
    client.close();
    json!({ "calls": calls, "jar": jar })
}

fn client<D: Driver>(mut builder: ClientBuilder<D>, options: &Options) -> ClientBuilder<D> {
    // httpx's word for none.
    if let Some(base) = options.base_url.as_ref().filter(|it| !it.is_empty()) {
        builder = builder.base_url(base);
    }
    for (name, value) in &options.headers {
        builder = builder.header(name, value.bytes());
    }
    if let Some(given) = &options.params {
        builder = builder.query(params(given));
    }
    if let Some(follow) = options.follow_redirects {
        builder = builder.follow_redirects(follow);
    }
    if let Some(limit) = options.max_redirects {
        builder = builder.max_redirects(limit);
    }
    for (name, value) in texts(options.cookies.as_ref()) {
        builder = builder.cookie(name, value);
    }
    if let Some(given) = &options.auth {
        builder = builder.auth(auth(given));
    }
    if let Some(label) = &options.default_encoding {
        builder = builder.default_encoding(DefaultEncoding::label(label).expect("a known label"));
    }
    builder
}

fn send<A: Adapter>(
    adapter: &Arc<A>,
    client: &Client<A::Driver>,
    call: &Call,
    last: Option<&Response>,
    files: &Path,
) -> Result<Response, Error> {
    let Some((method, url)) = call.what.split_once(' ') else {
        let next = last.and_then(|it| it.next_request());
        return match next {
            Some(request) => adapter.send_as_is(client, request),
            None => Err(Error::new(Kind::Usage, "there is no next request")),
        };
    };
    if call.as_is {
        let request = as_is(method, url, call);
        return request.and_then(|request| adapter.send_as_is(client, request));
    }
    let mut request = client.request(method, url);
    if let Some(given) = &call.params {
        request = request.query(params(given));
    }
    for (name, value) in &call.headers {
        request = request.header(name, value.bytes());
    }
    if let Some(content) = &call.content {
        request = request.body(body(adapter, content));
    }
    if let Some(form) = &call.form {
        request = request.form(params(form));
    }
    if let Some(value) = &call.json {
        request = request.json(value);
    }
    if let Some(follow) = call.follow_redirects {
        request = request.follow_redirects(follow);
    }
    for (name, value) in texts(call.cookies.as_ref()) {
        request = request.cookie(name, value);
    }
    request = match &call.auth {
        Some(Some(given)) => request.auth(auth(given)),
        Some(None) => request.no_auth(),
        None => request,
    };
    if let Some(parts) = &call.files {
        let mut form = Form::new();
        for (name, given) in parts {
            form = form.part(name, part(&**adapter, given, files)?);
        }
        request = request.multipart(form);
    }
    adapter.send(request)
}

fn as_is(method: &str, url: &str, call: &Call) -> Result<Request, Error> {
    let method = method.parse().expect("a method of a scenario");
    let url = Url::parse(url).map_err(|e| Error::other(Kind::InvalidUrl, e))?;
    let mut request = Request::new(method, url);
    for (name, value) in &call.headers {
        let added = request.headers_mut().append(name, value.bytes());
        added.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
    }
    if let Some(Content::Octets(content)) = &call.content {
        request.set_body(content.bytes());
    }
    Ok(request)
}

/// Text stays text where it is that: nuncio may tell the two apart.
fn body<A: Adapter>(adapter: &Arc<A>, content: &Content) -> Body {
    match content {
        Content::Octets(octets) => match octets.text() {
            Some(text) => text.into(),
            None => octets.bytes().into(),
        },
        Content::Chunks { chunks, once } => {
            let chunks: Vec<_> = chunks.iter().map(|it| Bytes::from(it.bytes())).collect();
            let adapter = Arc::clone(adapter);
            let make = move || adapter.body(chunks.clone().into_iter().map(Ok), None);
            if *once {
                make()
            } else {
                Body::factory(move || Ok(make()), None)
            }
        }
    }
}

fn auth(given: &scenario::Auth) -> Auth {
    match given {
        scenario::Auth::Basic(user, password) => Auth::basic(user, password),
        scenario::Auth::Digest {
            digest: (user, password),
        } => Auth::digest(user, password),
        scenario::Auth::Bearer { bearer } => Auth::bearer(bearer),
    }
}

/// A part that has no name is asked for by an empty one.
fn part<A: Adapter>(adapter: &A, given: &scenario::Part, files: &Path) -> Result<Part, Error> {
    Ok(match given {
        scenario::Part::Data(data) => Part::new(data.bytes()),
        scenario::Part::Named {
            data,
            filename,
            content_type,
            headers,
        } => {
            let name = filename.as_deref().unwrap_or_default();
            let mut part = Part::new(data.bytes()).file_name(name);
            for (name, value) in headers.iter().flatten() {
                part = part.header(name, value);
            }
            match content_type {
                Some(Some(content_type)) => part.content_type(content_type),
                Some(None) | None => part,
            }
        }
        scenario::Part::Path {
            path,
            filename,
            content_type,
        } => {
            let mut part = adapter.file_part(&files.join(path))?;
            if let Some(name) = filename {
                part = part.file_name(name);
            }
            match content_type {
                Some(content_type) => part.content_type(content_type),
                None => part,
            }
        }
    })
}

/// The pairs of a map from text to text.
fn texts(map: Option<&Json>) -> Vec<(&str, &str)> {
    let pairs = map.map_or(Vec::new(), |it| it.pairs().expect("a map"));
    let texts = pairs.into_iter().map(|(name, value)| match value {
        Json::Text(value) => (name, value.as_str()),
        other => panic!("{other:?} where text belongs"),
    });
    texts.collect()
}

/// Text is parsed, scalars are coerced by nuncio, lists repeat their name.
fn params(value: &Json) -> QueryParams {
    if let Json::Text(text) = value {
        return text.as_str().into();
    }
    let pairs = value.pairs().expect("pairs, or a map");
    let lists = pairs.into_iter().map(|(name, value)| match value {
        Json::List(items) => (name, items.iter().map(scalar).collect()),
        one => (name, vec![scalar(one)]),
    });
    QueryParams::from_lists(lists)
}

fn scalar(value: &Json) -> ParamValue<'_> {
    match value {
        Json::Null => None::<&str>.into(),
        Json::Bool(it) => (*it).into(),
        Json::Number(it) => match (it.as_i64(), it.as_u64(), it.as_f64()) {
            (Some(it), _, _) => it.into(),
            (_, Some(it), _) => it.into(),
            (_, _, it) => it.into(),
        },
        Json::Text(it) => it.into(),
        other => panic!("{other:?} as a parameter"),
    }
}
