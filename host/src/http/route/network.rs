//! Networks: addresses with a number of leading bits in common.

use std::fmt;
use std::net::IpAddr;

use super::without_brackets;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// The network of one address.
    pub(in crate::http) fn of(address: IpAddr) -> Network {
        Network { address, bits: address_bits(address) }
    }

    /// Reads the two sides of `10.0.0.0/8`.
    ///
    /// # Errors
    /// What is wrong with them, for people.
    pub(in crate::http) fn parse(address: &str, bits: &str) -> Result<Network, String> {
        let address: IpAddr = without_brackets(address).parse().map_err(|_| format!("`{address}` is no address"))?;
        let most = address_bits(address);
        match bits.parse() {
            Ok(bits) if bits <= most => Ok(Network { address, bits }),
            _ => Err(format!("`/{bits}` is no length of a network; those of {address} are /0 to /{most}")),
        }
    }

    /// Whether the address is one of them.
    pub(in crate::http) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(address)) => (own.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits,
            (IpAddr::V6(own), IpAddr::V6(address)) => (own.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits,
            _ => false,
        }
    }

    /// Whether all addresses of the other one are among these.
    pub(in crate::http) fn covers(&self, other: &Network) -> bool {
        self.bits <= other.bits && self.contains(other.address)
    }
}

impl fmt::Display for Network {
    /// An address alone without its length, one of IPv6 in brackets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.bits == address_bits(self.address)) {
            (IpAddr::V6(address), true) => write!(formatter, "[{address}]"),
            (address, true) => write!(formatter, "{address}"),
            (address, false) => write!(formatter, "{address}/{}", self.bits),
        }
    }
}

fn address_bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        let (address, bits) = text.split_once('/').expect("a length");
        Network::parse(address, bits).expect(text)
    }

    #[test]
    fn a_network_covers_those_within_it() {
        for (outer, inner, covers) in [
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.0.0.0/8", "10.0.0.0/8", true),
            ("10.1.0.0/16", "10.0.0.0/8", false),
            ("10.0.0.0/8", "11.0.0.0/16", false),
            ("0.0.0.0/0", "::/0", false),
            ("fd00::/8", "fd12::/16", true),
        ] {
            assert_eq!(network(outer).covers(&network(inner)), covers, "{outer} {inner}");
        }
    }

    #[test]
    fn networks_are_shown_as_they_are_read() {
        let shown = |text| network(text).to_string();
        assert_eq!(
            ["10.0.0.0/8", "10.0.0.1/32", "fd00::/8", "::1/128"].map(shown),
            ["10.0.0.0/8", "10.0.0.1", "fd00::/8", "[::1]"]
        );
    }
}
