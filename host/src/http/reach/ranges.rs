//! Addresses that are not of the public internet, by the registries of special-purpose addresses (IANA; RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address one is that is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// This machine: 127.0.0.0/8, `::1`, and 0.0.0.0/8 and `::`, which lead there too.
    Loopback,
    /// Of a local network: RFC 1918, RFC 4193, and 100.64.0.0/10, which carriers and clouds use inside.
    Private,
    /// The local link, where clouds have their metadata: 169.254.0.0/16, `fe80::/10`, and the addresses of metadata
    /// services that lie elsewhere.
    LinkLocal,
    /// Many receivers, or none: multicast, broadcast, and what is reserved or for documentation.
    Reserved,
}

impl Range {
    /// For a sentence: "10.0.0.1 is …".
    pub(super) fn describe(self) -> &'static str {
        match self {
            Range::Loopback => "an address of this machine",
            Range::Private => "an address of a private network",
            Range::LinkLocal => "a link-local address, where clouds keep their metadata",
            Range::Reserved => "a reserved address",
        }
    }
}

/// The kind of an address that is not public; none for one that is. An IPv6 address that stands for one of IPv4 is what
/// that is.
pub(super) fn range(address: IpAddr) -> Option<Range> {
    match address.to_canonical() {
        IpAddr::V4(address) => range_v4(address),
        IpAddr::V6(address) => range_v6(address),
    }
}

fn range_v4(address: Ipv4Addr) -> Option<Range> {
    match address.octets() {
        [127 | 0, ..] => Some(Range::Loopback),
        [169, 254, ..] => Some(Range::LinkLocal),
        // Alibaba's metadata, and Azure's host.
        [100, 100, 100, 200] | [168, 63, 129, 16] => Some(Range::LinkLocal),
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Some(Range::Private),
        // IETF's own, documentation, benchmarks, the relays of 6to4; multicast, class E and broadcast.
        [192, 0, 0 | 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [198, 18..=19, ..]
        | [192, 88, 99, _]
        | [224..=255, ..] => Some(Range::Reserved),
        _ => None,
    }
}

fn range_v6(address: Ipv6Addr) -> Option<Range> {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Some(Range::Loopback),
        // The metadata services of AWS and Google.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => Some(Range::LinkLocal),
        [0xfe80..=0xfebf, ..] => Some(Range::LinkLocal),
        // Unique local, and the site-local that came before it.
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Range::Private),
        // IPv4 addresses in disguise: compatible, translated (RFC 7915), NAT64, and 6to4.
        [0, 0, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            range_v4(v4(high, low))
        }
        [0x2002, high, low, ..] => range_v4(v4(high, low)),
        // NAT64 of a local network may lead anywhere in it.
        [0x64, 0xff9b, 1, ..] => Some(Range::Private),
        // Teredo, ORCHID, benchmarks and others of IETF; documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Range::Reserved),
        // All that is handed out as public lies in 2000::/3.
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Range::Reserved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_known() {
        for (texts, expected) in [
            (
                &[
                    "1.1.1.1",
                    "93.184.216.34",
                    "100.63.255.255",
                    "100.128.0.1",
                    "172.15.0.1",
                    "172.32.0.1",
                    "126.255.255.255",
                ][..],
                None,
            ),
            (&["2606:4700::1111", "2a00::1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"], None),
            (
                &["127.0.0.1", "127.255.0.9", "0.0.0.0", "0.1.2.3", "::1", "::", "::ffff:127.0.0.1"],
                Some(Range::Loopback),
            ),
            (&["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.9.9", "100.64.0.1"], Some(Range::Private)),
            (&["fd00::1", "fc00::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b:1::1"], Some(Range::Private)),
            (&["64:ff9b::a00:1", "2002:a00:1::", "::10.0.0.1", "::ffff:0:10.0.0.1"], Some(Range::Private)),
            (&["64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"], Some(Range::Loopback)),
            (
                &["169.254.169.254", "fe80::1", "fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.1.1"],
                Some(Range::LinkLocal),
            ),
            (&["100.100.100.200", "168.63.129.16", "64:ff9b::a9fe:a9fe"], Some(Range::LinkLocal)),
            (&["224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"], Some(Range::Reserved)),
            (&["ff02::1", "2001:db8::1", "2001::1", "100::1", "4000::1", "5f00::1"], Some(Range::Reserved)),
        ] {
            for text in texts {
                assert_eq!(range(text.parse().expect(text)), expected, "{text}");
            }
        }
    }
}
