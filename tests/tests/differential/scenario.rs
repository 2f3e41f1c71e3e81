//! The scenarios as the Rust side reads them; `tests/differential/README.md` has the format.
//!
//! What is not known here fails to be read, so that nothing in a scenario can go unheard.

use crate::json::Json;
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use std::fs;
use std::path::Path;

/// The ports of the recording server.
#[derive(serde::Deserialize)]
pub(crate) struct Ports {
    pub(crate) main: u16,
    pub(crate) other: u16,
    pub(crate) closed: u16,
    pub(crate) control: u16,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "spec")]
    _spec: IgnoredAny,
    scenarios: Vec<Scenario>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    #[serde(rename = "spec")]
    _spec: Option<IgnoredAny>,
    #[serde(default)]
    pub(crate) client: Options,
    pub(crate) calls: Vec<Call>,
    /// The comparison's business.
    #[serde(rename = "cut")]
    _cut: Option<IgnoredAny>,
    /// The server's business.
    #[serde(rename = "answers")]
    _answers: Option<IgnoredAny>,
}

/// What the client is built with.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) base_url: Option<String>,
    pub(crate) params: Option<Json>,
    pub(crate) headers: Vec<(String, Octets)>,
    pub(crate) cookies: Option<Json>,
    pub(crate) auth: Option<Auth>,
    pub(crate) follow_redirects: Option<bool>,
    pub(crate) max_redirects: Option<usize>,
    pub(crate) default_encoding: Option<String>,
}

/// One call of the client.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    /// Method and URL, or `next`.
    #[serde(rename = "do")]
    pub(crate) what: String,
    pub(crate) params: Option<Json>,
    #[serde(default)]
    pub(crate) headers: Vec<(String, Octets)>,
    pub(crate) cookies: Option<Json>,
    pub(crate) content: Option<Content>,
    pub(crate) form: Option<Json>,
    pub(crate) files: Option<Vec<(String, Part)>>,
    pub(crate) json: Option<Json>,
    /// None in it switches the client's off.
    #[serde(default, deserialize_with = "given")]
    pub(crate) auth: Option<Option<Auth>>,
    pub(crate) follow_redirects: Option<bool>,
    #[serde(default)]
    pub(crate) as_is: bool,
}

/// What is there is given, `null` included.
fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Auth {
    Basic(String, String),
    Digest { digest: (String, String) },
    Bearer { bearer: String },
}

#[derive(serde::Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Content {
    Chunks {
        chunks: Vec<Octets>,
        #[serde(default)]
        once: bool,
    },
    Octets(Octets),
}

#[derive(serde::Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Part {
    Named {
        data: Octets,
        #[serde(default)]
        filename: Option<String>,
        #[serde(default, rename = "type", deserialize_with = "given")]
        content_type: Option<Option<String>>,
        headers: Option<Vec<(String, String)>>,
    },
    Path {
        path: String,
        filename: Option<String>,
        #[serde(rename = "type")]
        content_type: Option<String>,
    },
    Data(Octets),
}

/// Bytes, as a scenario writes them.
#[derive(serde::Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Octets {
    Text(String),
    Hex { hex: String },
    Coded { text: String, charset: String },
    Repeated { repeat: String, times: usize },
}

impl Octets {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Octets::Text(text) => text.clone().into_bytes(),
            Octets::Hex { hex } => {
                let digits: Vec<u32> = hex.chars().filter_map(|it| it.to_digit(16)).collect();
                let byte = |pair: &[u32]| (pair[0] * 16 + pair[1]) as u8;
                digits.chunks_exact(2).map(byte).collect()
            }
            Octets::Coded { text, charset } => {
                assert_eq!(
                    charset, "latin-1",
                    "the only charset known to the Rust side"
                );
                let byte = |it: char| u8::try_from(u32::from(it)).expect("Latin-1");
                text.chars().map(byte).collect()
            }
            Octets::Repeated { repeat, times } => repeat.repeat(*times).into_bytes(),
        }
    }

    /// As text, where it has to be that.
    pub(crate) fn text(&self) -> Option<String> {
        String::from_utf8(self.bytes()).ok()
    }
}

/// All scenarios of the folder, in the order of their files, places filled in.
pub(crate) fn load(folder: &Path, ports: &Ports) -> Vec<Scenario> {
    let entries = fs::read_dir(folder).expect("the folder of the scenarios");
    let mut paths: Vec<_> = entries.map(|it| it.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "json"));
    paths.sort();
    let read = |path| {
        let text = filled(fs::read_to_string(path).unwrap(), ports);
        let document: Document = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", Path::display(path)));
        document.scenarios
    };
    paths.iter().flat_map(|path| read(path)).collect()
}

fn filled(text: String, ports: &Ports) -> String {
    let places = [
        ("{server}", format!("http://127.0.0.1:{}", ports.main)),
        ("{other}", format!("http://127.0.0.1:{}", ports.other)),
        ("{named}", format!("http://localhost:{}", ports.main)),
        ("{closed}", format!("http://127.0.0.1:{}", ports.closed)),
        ("{port}", ports.main.to_string()),
        ("{other-port}", ports.other.to_string()),
    ];
    let fill = |text: String, (place, value): &(_, String)| text.replace(place, value);
    places.iter().fold(text, fill)
}
