//! Networks: addresses with a number of leading bits in common.

use std::fmt;
use std::net::IpAddr;

use super::without_brackets;

/// The bits before an IPv4 address in the IPv6 address that stands for it.
const MAPPED_BITS: u32 = 96;

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

    /// Reads the two sides of `10.0.0.0/8`. IPv6 addresses that stand for those of IPv4 are what those are.
    ///
    /// # Errors
    /// What is wrong with them, for people.
    pub(in crate::http) fn parse(address: &str, bits: &str) -> Result<Network, String> {
        let address: IpAddr = without_brackets(address).parse().map_err(|_| format!("`{address}` is no address"))?;
        let most = address_bits(address);
        let is_number = bits.bytes().all(|byte| byte.is_ascii_digit());
        match (bits.parse(), address.to_canonical()) {
            (Ok(bits), IpAddr::V4(v4)) if is_number && address.is_ipv6() && (MAPPED_BITS..=most).contains(&bits) => {
                Ok(Network { address: v4.into(), bits: bits - MAPPED_BITS })
            }
            (Ok(bits), _) if is_number && bits <= most => Ok(Network { address, bits }),
            _ => Err(format!("`/{bits}` is no length of a network; those of {address} are /0 to /{most}")),
        }
    }

    /// The one address that it is, if it is one.
    pub(in crate::http) fn single(&self) -> Option<IpAddr> {
        (self.bits == address_bits(self.address)).then_some(self.address)
    }

    /// The network whose address has nothing behind its length.
    pub(in crate::http) fn first(&self) -> Network {
        let address = match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shr(self.bits).unwrap_or(0);
                IpAddr::V4((address.to_bits() & !mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shr(self.bits).unwrap_or(0);
                IpAddr::V6((address.to_bits() & !mask).into())
            }
        };
        Network { address, bits: self.bits }
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
            ("10.0.0.0/8", "::ffff:10.1.0.0/112", true),
            ("::/0", "::ffff:10.1.0.0/112", false),
        ] {
            assert_eq!(network(outer).covers(&network(inner)), covers, "{outer} {inner}");
        }
    }

    #[test]
    fn a_network_begins_where_nothing_is_behind_its_length() {
        for (text, first) in [("10.1.2.3/8", "10.0.0.0/8"), ("fd12::1/8", "fd00::/8"), ("1.2.3.4/0", "0.0.0.0/0")] {
            assert_eq!(network(text).first(), network(first), "{text}");
        }
        for text in ["10.0.0.1/32", "::/0", "::1/128", "::ffff:10.0.0.0/104"] {
            assert_eq!(network(text).first(), network(text), "{text}");
        }
        assert_eq!(network("10.0.0.1/32").single(), "10.0.0.1".parse().ok());
        assert_eq!(network("10.0.0.1/31").single(), None);
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
