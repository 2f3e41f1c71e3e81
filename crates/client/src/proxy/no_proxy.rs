//! What the environment wants to be reached without its proxies: the grammar of `NO_PROXY`
//! (BEHAVIOUR section 18, SECURITY X8).
//!
//! | entry | covers |
//! |---|---|
//! | `*` | everything |
//! | `example.com`, `*example.com` | the domain and what is below it |
//! | `.example.com`, `*.example.com` | what is below it |
//! | `localhost` | that name alone |
//! | `10.0.0.1`, `::1`, `[::1]` | the address, however a URL writes it |
//! | `10.0.0.0/8`, `fe80::/10`, `[fe80::]/10` | the addresses of the network |
//! | any of these but the last with `:8080` behind it (IPv6 in brackets) | that port alone |
//! | `:8080`, `*:8080` | that port everywhere |
//! | `http://example.com` | what a mount pattern of that text covers |
//!
//! Entries are separated by commas or white space. Names are compared label by label, in lower case,
//! in their IDNA form and without a trailing dot; addresses by value, an IPv4 address in IPv6
//! (`::ffff:10.0.0.1`) being that IPv4 address. A name never covers an address. What is none of
//! these covers nothing: an address with a zone, for URLs have none, or a `*` inside a name.

use crate::mount::{Pattern, normal_host, split_port};
use nuncio_url::Url;
use std::net::{IpAddr, Ipv6Addr};

/// The entries of one `NO_PROXY`.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoProxy {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// As it was written.
    text: String,
    covers: Covers,
    /// None for any.
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Covers {
    Everything,
    Exactly(String),
    Below(String),
    AtOrBelow(String),
    /// The first so many bits of an address.
    Network(IpAddr, u8),
    Pattern(Pattern),
}

impl NoProxy {
    /// Reads the value of the variable.
    pub(crate) fn parse(value: &str) -> Self {
        let separators = |c: char| c == ',' || c.is_ascii_whitespace();
        let entries = value.split(separators).filter(|text| !text.is_empty());
        NoProxy {
            entries: entries.filter_map(Entry::parse).collect(),
        }
    }

    /// The entry that covers `url`, as it was written.
    pub(crate) fn covering(&self, url: &Url) -> Option<&str> {
        if self.entries.is_empty() {
            return None;
        }
        let host = undotted(url.host_str());
        let address = address(host);
        let port = url.port_or_default();
        let covers = |entry: &&Entry| {
            let there = entry.port.is_none() || entry.port == port;
            there && entry.covers.covers(url, host, address)
        };
        let entry = self.entries.iter().find(covers);
        entry.map(|entry| entry.text.as_str())
    }
}

impl Entry {
    /// None for what could cover nothing.
    fn parse(text: &str) -> Option<Self> {
        let entry = |covers, port| {
            let text = text.to_owned();
            Some(Entry { text, covers, port })
        };
        if text.contains("://") {
            return entry(Covers::Pattern(Pattern::parse(text).ok()?), None);
        }
        if let Some((first, bits)) = text.split_once('/') {
            let (network, bits) = network(first, bits)?;
            return entry(Covers::Network(network, bits), None);
        }
        // Without brackets, all of its colons are the address's.
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return entry(Covers::address(address.into()), None);
        }
        let (host, port) = split_port(text)?;
        if matches!(host, "" | "*") {
            return entry(Covers::Everything, port);
        }
        entry(Covers::named(host)?, port)
    }
}

impl Covers {
    fn address(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Covers::Network(address, width(address))
    }

    fn named(text: &str) -> Option<Self> {
        let (front, rest) = match text.strip_prefix('*').unwrap_or(text).strip_prefix('.') {
            Some(rest) => (".", rest),
            None => ("", text.strip_prefix('*').unwrap_or(text)),
        };
        if rest.contains('*') {
            return None;
        }
        let name = normal_host(rest)?;
        let name = undotted(&name);
        if let Some(address) = address(name) {
            // Nothing is below an address.
            return (rest == text).then(|| Covers::address(address));
        }
        if name.split('.').any(str::is_empty) {
            return None;
        }
        let name = name.to_owned();
        Some(match front {
            "." => Covers::Below(name),
            _ if name == "localhost" && rest == text => Covers::Exactly(name),
            _ => Covers::AtOrBelow(name),
        })
    }

    fn covers(&self, url: &Url, host: &str, address: Option<IpAddr>) -> bool {
        let below = |name: &str| {
            let front = host.strip_suffix(name).and_then(|it| it.strip_suffix('.'));
            front.is_some_and(|front| !front.is_empty())
        };
        match self {
            Covers::Everything => true,
            Covers::Pattern(pattern) => pattern.matches(url),
            Covers::Network(network, bits) => {
                address.is_some_and(|address| in_network(address, *network, *bits))
            }
            _ if address.is_some() => false,
            Covers::Exactly(name) => host == name,
            Covers::Below(name) => below(name),
            Covers::AtOrBelow(name) => host == name || below(name),
        }
    }
}

/// One trailing dot says that a name is absolute, and changes nothing about which host it is.
fn undotted(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// The address that a host of a URL is.
fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(host).parse().ok()?;
    Some(address.to_canonical())
}

/// An address and how many bits of it count; those of an IPv4 address in IPv6 as of IPv4.
fn network(first: &str, bits: &str) -> Option<(IpAddr, u8)> {
    let bare = first.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let written: IpAddr = bare.unwrap_or(first).parse().ok()?;
    let bits: u8 = match bits.bytes().all(|digit| digit.is_ascii_digit()) {
        true => bits.parse().ok()?,
        false => return None,
    };
    if bits > width(written) {
        return None;
    }
    let meant = written.to_canonical();
    match (written, meant) {
        // It begins within the prefix that says that an IPv4 address follows.
        (IpAddr::V6(_), IpAddr::V4(_)) if bits < 96 => Some((written, bits)),
        (IpAddr::V6(_), IpAddr::V4(_)) => Some((meant, bits - 96)),
        _ => Some((meant, bits)),
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let differing = match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => return false,
    };
    differing >= u32::from(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entry, URL, whether the one covers the other.
    #[rustfmt::skip]
    const CASES: &[(&str, &str, bool)] = &[
        // Everything, and nothing.
        ("*", "http://example.com/", true),
        ("*", "https://[::1]:8443/", true),
        ("", "http://example.com/", false),
        (" , ,,", "http://example.com/", false),
        ("other.org, *", "http://example.com/", true),
        // A name covers itself and what is below it, label by label.
        ("example.com", "http://example.com/", true),
        ("example.com", "https://www.example.com/x?y#z", true),
        ("example.com", "http://a.b.example.com:8080/", true),
        ("example.com", "http://wwwexample.com/", false),
        ("example.com", "http://example.com.evil.org/", false),
        ("example.com", "http://example.org/", false),
        ("example.com", "http://com/", false),
        ("www.example.com", "http://example.com/", false),
        ("com", "http://example.com/", true),
        ("om", "http://example.com/", false),
        // Case.
        ("EXAMPLE.Com", "http://www.example.com/", true),
        ("example.com", "http://WWW.EXAMPLE.COM/", true),
        // A leading dot, and a wildcard in front of one, leave the name itself out.
        (".example.com", "http://www.example.com/", true),
        (".example.com", "http://example.com/", false),
        (".example.com", "http://wwwexample.com/", false),
        ("*.example.com", "http://www.example.com/", true),
        ("*.example.com", "http://example.com/", false),
        ("*example.com", "http://example.com/", true),
        ("*example.com", "http://www.example.com/", true),
        ("*example.com", "http://wwwexample.com/", false),
        ("ex*mple.com", "http://example.com/", false),
        ("example.*", "http://example.com/", false),
        ("..example.com", "http://a..example.com/", false),
        // Trailing dots, on either side.
        ("example.com.", "http://example.com/", true),
        ("example.com", "http://www.example.com./", true),
        (".example.com.", "http://www.example.com./", true),
        (".", "http://example.com/", false),
        ("*.", "http://example.com/", false),
        // Ports are those that are dialled.
        ("example.com:8080", "http://example.com:8080/", true),
        ("example.com:8080", "http://www.example.com:8080/", true),
        ("example.com:8080", "http://example.com/", false),
        ("example.com:80", "http://example.com/", true),
        ("example.com:80", "https://example.com/", false),
        ("example.com:443", "https://example.com/", true),
        ("*.example.com:81", "http://www.example.com:81/", true),
        ("example.com:", "http://example.com:81/", true),
        ("example.com:99999", "http://example.com/", false),
        ("example.com:8x", "http://example.com/", false),
        (":8080", "http://any.org:8080/", true),
        ("*:8080", "http://10.0.0.1:8080/", true),
        ("*:8080", "http://any.org/", false),
        // localhost is one name, and no address.
        ("localhost", "http://localhost/", true),
        ("LOCALHOST", "http://LocalHost:81/", true),
        ("localhost", "http://a.localhost/", false),
        (".localhost", "http://a.localhost/", true),
        ("localhost", "http://127.0.0.1/", false),
        ("localhost:81", "http://localhost:81/", true),
        ("127.0.0.1", "http://localhost/", false),
        // IPv4 addresses, by value.
        ("127.0.0.1", "http://127.0.0.1/", true),
        ("127.0.0.1", "http://127.1/", true),
        ("127.0.0.1", "http://0x7f000001/", true),
        ("127.1", "http://127.0.0.1/", true),
        ("127.0.0.1", "http://127.0.0.2/", false),
        ("127.0.0.1:81", "http://127.0.0.1:81/", true),
        ("127.0.0.1:81", "http://127.0.0.1/", false),
        ("127.0.0.1", "http://0.0.0.0/", false),
        ("0.0.0.0", "http://0.0.0.0/", true),
        ("0.0.0.0", "http://127.0.0.1/", false),
        ("0.0.1", "http://127.0.0.1/", false),
        (".0.0.1", "http://127.0.0.1/", false),
        ("*.0.0.1", "http://127.0.0.1/", false),
        ("*127.0.0.1", "http://127.0.0.1/", false),
        ("1", "http://127.0.0.1/", false),
        ("127.0.0.1", "http://a.127.0.0.1.example/", false),
        // An IPv4 address inside an IPv6 one.
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/", true),
        ("::ffff:127.0.0.1", "http://127.0.0.1/", true),
        ("127.0.0.0/8", "http://[::ffff:127.9.9.9]/", true),
        ("127.0.0.1", "http://[::127.0.0.1]/", false),
        // Networks.
        ("10.0.0.0/8", "http://10.255.0.1/", true),
        ("10.0.0.0/8", "http://11.0.0.1/", false),
        ("10.1.2.3/8", "http://10.9.9.9/", true),
        ("10.0.0.0/8", "http://10.example/", false),
        ("127.0.0.0/8", "http://127.255.255.255/", true),
        ("192.168.1.128/25", "http://192.168.1.127/", false),
        ("192.168.1.128/25", "http://192.168.1.200/", true),
        ("192.168.1.7/32", "http://192.168.1.7/", true),
        ("192.168.1.7/32", "http://192.168.1.6/", false),
        ("0.0.0.0/0", "http://8.8.8.8/", true),
        ("0.0.0.0/0", "http://[2001:db8::1]/", false),
        ("0.0.0.0/0", "http://example.com/", false),
        ("10.0.0.0/33", "http://10.0.0.1/", false),
        ("10.0.0.0/+8", "http://10.0.0.1/", false),
        ("10.0.0.0/", "http://10.0.0.0/", false),
        ("10.0.0.0/8:80", "http://10.0.0.1/", false),
        ("fe80::/10", "http://[fe80::1]/", true),
        ("fe80::/10", "http://[fec0::1]/", false),
        ("[fe80::]/10", "http://[febf::1]/", true),
        ("::/0", "http://[2001:db8::1]/", true),
        ("::/0", "http://127.0.0.1/", false),
        ("2001:db8::/129", "http://[2001:db8::]/", false),
        ("::ffff:10.0.0.0/104", "http://10.9.9.9/", true),
        ("::ffff:10.0.0.0/104", "http://11.0.0.0/", false),
        // IPv6 addresses, by value, with and without brackets.
        ("::1", "http://[::1]/", true),
        ("[::1]", "http://[0:0::1]:81/", true),
        ("0:0:0:0:0:0:0:1", "http://[::1]/", true),
        ("[::1]:80", "http://[::1]/", true),
        ("[::1]:80", "http://[::1]:81/", false),
        ("::1", "http://[::2]/", false),
        ("2001:DB8::A", "http://[2001:db8::a]/", true),
        ("[::1", "http://[::1]/", false),
        ("::1]", "http://[::1]/", false),
        // URLs have no zones.
        ("fe80::1%eth0", "http://[fe80::1]/", false),
        ("[fe80::1%25eth0]", "http://[fe80::1]/", false),
        // Patterns, as mounts have them.
        ("http://example.com", "http://example.com/", true),
        ("http://example.com", "http://www.example.com/", false),
        ("http://example.com", "https://example.com/", false),
        ("https://", "https://any.org/", true),
        ("all://*:8080", "http://any.org:8080/", true),
        ("http://[", "http://any.org/", false),
        // Several, and white space.
        ("a.org,b.org", "http://x.b.org/", true),
        ("a.org , b.org", "http://b.org/", true),
        ("a.org b.org\tc.org", "http://c.org/", true),
        ("a.org,b.org", "http://c.org/", false),
    ];

    #[test]
    fn x08_an_entry_covers_by_label_or_by_value_and_nothing_else() {
        assert!(CASES.len() >= 60);
        for (entry, url, covered) in CASES {
            let parsed = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            let found = NoProxy::parse(entry).covering(&parsed).is_some();
            assert_eq!(found, *covered, "'{entry}' and {url}");
        }
    }

    #[cfg(feature = "idna")]
    #[test]
    fn x08_names_beyond_ascii_are_their_idna_form() {
        for entry in [
            "bücher.example",
            "xn--bcher-kva.example",
            "*.BÜCHER.example",
        ] {
            let url = Url::parse("http://a.bücher.example/").unwrap();
            assert!(NoProxy::parse(entry).covering(&url).is_some(), "{entry}");
        }
        let url = Url::parse("http://bucher.example/").unwrap();
        assert!(NoProxy::parse("bücher.example").covering(&url).is_none());
    }

    #[test]
    fn the_entry_that_covers_is_told_as_it_was_written() {
        let no_proxy = NoProxy::parse("a.org, *.B.org:80 ,c.org");
        let url = Url::parse("http://x.b.org/").unwrap();
        assert_eq!(no_proxy.covering(&url), Some("*.B.org:80"));
    }

    #[test]
    fn a_zone_in_a_url_is_no_way_around() {
        // CVE-2025-22870: such a host would end in a name that an entry covers.
        for url in ["http://[::1%25.example.com]/", "http://[::1%.example.com]/"] {
            assert!(Url::parse(url).is_err(), "{url}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_and_covers_no_more_than_it_says(
            text in "[a-z0-9.*:/%\\[\\], -]{0,40}",
            host in "[a-z0-9.-]{1,20}",
        ) {
            let no_proxy = NoProxy::parse(&text);
            if let Ok(url) = Url::parse(&format!("http://{host}/"))
                && let Some(entry) = no_proxy.covering(&url)
            {
                proptest::prop_assert!(text.contains(entry));
                // A name covers its own end only.
                let plain = !entry.contains([':', '%']);
                if plain && entry.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    let name = entry.trim_end_matches('.');
                    let host = url.host_str().trim_end_matches('.');
                    let front = host.strip_suffix(name);
                    let at_label = front.is_some_and(|it| it.is_empty() || it.ends_with('.'));
                    proptest::prop_assert!(at_label, "{} and {}", entry, host);
                }
            }
        }

        #[test]
        fn any_text_is_a_proxy_or_a_mistake(text in "\\PC{0,40}") {
            let proxy = crate::Proxy::new(&text);
            let _ = (proxy.check(), proxy.id(), format!("{proxy} {proxy:?}"));
        }
    }
}
