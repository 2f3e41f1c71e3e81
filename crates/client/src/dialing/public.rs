//! Which addresses are public: those that no registry of special ones has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `address` is one of the public Internet: a unicast address that is not in IANA's registries
/// of special-purpose addresses for [IPv4] and [IPv6], whatever the registry has it for.
///
/// So these are not: unspecified, loopback, private, link-local, shared (100.64.0.0/10), unique local,
/// site-local, multicast, broadcast, documentation, benchmarking, reserved, AS112, AMT, ORCHID, SIDs,
/// and the ways to write or reach an IPv4 address through IPv6: IPv4-compatible, Teredo, 6to4, NAT64
/// of a network's own (`64:ff9b:1::/48`). An IPv4-mapped address (`::ffff:0:0/96`) and one of
/// NAT64's own prefix (`64:ff9b::/96`) are public if the IPv4 address in them is.
///
/// What a network makes of public addresses for itself (its own NAT64 prefix, a service behind a
/// public address) cannot be told from the address.
///
/// [IPv4]: https://www.iana.org/assignments/iana-ipv4-special-registry
/// [IPv6]: https://www.iana.org/assignments/iana-ipv6-special-registry
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The special ones, with the length of the prefix.
const V4: [([u8; 4], u32); 18] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, which has a registry of its own.
    ([224, 0, 0, 0], 4),
    // Reserved, and the broadcast address.
    ([240, 0, 0, 0], 4),
];

/// Unicast addresses are handed out of this alone (RFC 4291 section 2.4, IANA's list of it).
const GLOBAL_UNICAST: ([u16; 8], u32) = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// The special ones of those.
const V6: [([u16; 8], u32); 5] = [
    // IETF protocol assignments, Teredo, benchmarking, AMT, AS112, ORCHID.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    // 6to4: it has an IPv4 address in it, and no relays any more (RFC 7526).
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

/// Where networks with IPv6 alone have all of IPv4 (RFC 6052 section 2.1).
const NAT64: ([u16; 8], u32) = ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    let special = |(network, length): &([u8; 4], u32)| {
        (bits ^ u32::from_be_bytes(*network)) >> (32 - length) == 0
    };
    !V4.iter().any(special)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within = |(network, length): &([u16; 8], u32)| {
        (bits ^ Ipv6Addr::from(*network).to_bits()) >> (128 - length) == 0
    };
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    if within(&NAT64) {
        return is_public_v4(Ipv4Addr::from_bits(bits as u32));
    }
    within(&GLOBAL_UNICAST) && !V6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two registries as IANA has them, and what else is not public: network, length.
    const REGISTRIES: &str = "
        0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
        192.0.0.0/24 192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32
        192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.88.99.2/32
        192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4
        255.255.255.255/32 224.0.0.0/4
        ::1/128 ::/128 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128
        2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28
        2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16
        fc00::/7 fe80::/10 fec0::/10 ff00::/8 ::/96
        ::ffff:127.0.0.0/104 ::ffff:10.0.0.0/104 ::ffff:169.254.0.0/112 ::ffff:0.0.0.0/104
        64:ff9b::127.0.0.0/104 64:ff9b::10.0.0.0/104 64:ff9b::169.254.0.0/112
        64:ff9b::192.168.0.0/112";

    #[test]
    fn u12_nothing_of_the_registries_is_public_from_its_first_address_to_its_last() {
        for network in REGISTRIES.split_whitespace() {
            let (first, length) = network.split_once('/').unwrap();
            let (first, length): (IpAddr, u32) = (first.parse().unwrap(), length.parse().unwrap());
            let all = match first {
                IpAddr::V4(first) => {
                    let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
                    [0, hosts / 2, hosts]
                        .map(|add| IpAddr::from(Ipv4Addr::from(u32::from(first) + add)))
                }
                IpAddr::V6(first) => {
                    let hosts = u128::MAX.checked_shr(length).unwrap_or(0);
                    [0, hosts / 2, hosts]
                        .map(|add| IpAddr::from(Ipv6Addr::from(u128::from(first) + add)))
                }
            };
            for address in all {
                assert!(!is_public(address), "{network}: {address}");
            }
        }
    }

    #[test]
    fn u12_what_stands_beside_them_is_public() {
        for address in "
            1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
            169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0
            192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255
            198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 8.8.8.8
            2000:: 2001:200:: 2001:4860:4860::8888 2001:db7:ffff:: 2001:db9:: 2001:ffff:: 2003::
            2606:4700:4700::1111 2620:4f:7fff:: 2620:4f:8001:: 3ffe:ffff:: 3fff:1000::
            ::ffff:8.8.8.8 64:ff9b::8.8.8.8"
            .split_whitespace()
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
