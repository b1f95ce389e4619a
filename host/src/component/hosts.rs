//! Hosts that a component's data name: what stands behind `http://` and `https://` in the data of its modules.
//!
//! A hint and no more. A host that is put together as the scenario runs is not found, one that only a comment names is,
//! and where strings stand in memory side by side the letters of the next one may be taken for a part of the host.

use std::collections::BTreeSet;

use memchr::memmem;
use wasmparser::Payload;

use super::MAX_ENTRIES;

/// How many hosts are told.
const MAX_HOSTS: usize = 20;

/// The longest name of a host, as DNS has it.
const MAX_HOST_BYTES: usize = 253;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// The first of them, in the order of the data, each with its port where one is named.
    pub kept: Vec<String>,
    /// How many others there are; counted up to some thousand.
    pub more: u64,
}

#[derive(Debug, Default)]
pub(super) struct Reader {
    kept: Vec<String>,
    known: BTreeSet<String>,
}

impl Reader {
    pub(super) fn add(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        if let Payload::DataSection(section) = payload {
            for data in section.clone() {
                self.search(data?.data);
            }
        }
        Ok(())
    }

    fn search(&mut self, data: &[u8]) {
        for at in memmem::find_iter(data, b"://") {
            if !data[..at].ends_with(b"http") && !data[..at].ends_with(b"https") {
                continue;
            }
            if let Some(host) = host(&data[at + 3..]) {
                self.found(host);
            }
        }
    }

    fn found(&mut self, host: String) {
        if self.known.len() >= MAX_ENTRIES || !self.known.insert(host.clone()) {
            return;
        }
        if self.kept.len() < MAX_HOSTS {
            self.kept.push(host);
        }
    }

    pub(super) fn finish(self) -> Hosts {
        let more = self.known.len().saturating_sub(self.kept.len()) as u64;
        Hosts { kept: self.kept, more }
    }
}

/// The host that a URL's rest begins with, and its port; none where it begins with none.
fn host(rest: &[u8]) -> Option<String> {
    let rest = &rest[..rest.len().min(2 * MAX_HOST_BYTES)];
    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_~:@[]%".contains(byte);
    let authority = &rest[..rest.iter().position(|byte| !belongs(byte)).unwrap_or(rest.len())];
    // A name and a password are nobody's business here.
    let authority = authority.rsplit(|&byte| byte == b'@').next()?;
    let is_address = authority.first() == Some(&b'[');
    let name_end = if is_address {
        authority.iter().position(|&byte| byte == b']')? + 1
    } else {
        authority
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b".-_".contains(byte)))
            .unwrap_or(authority.len())
    };
    let (name, after) = authority.split_at(name_end);
    let name = std::str::from_utf8(name).ok()?.trim_end_matches(['.', '-']);
    if name.len() > MAX_HOST_BYTES || !name.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    Some(format!("{}{}", name.to_ascii_lowercase(), port(after).unwrap_or_default()))
}

/// The port that stands first in a text, with its colon.
fn port(text: &[u8]) -> Option<&str> {
    let digits = text.strip_prefix(b":")?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 5 { None } else { std::str::from_utf8(&text[..=digits]).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(data: &[u8]) -> Hosts {
        let mut reader = Reader::default();
        reader.search(data);
        reader.finish()
    }

    #[test]
    fn hosts_stand_behind_schemes() {
        for (data, expected) in [
            (&b"\0https://Shop.example.org/cart\0"[..], &["shop.example.org"][..]),
            (b"http://127.0.0.1:8080", &["127.0.0.1:8080"]),
            (b"http://[::1]:80/x http://[fe80::1%25lo]/", &["[::1]:80", "[fe80::1%25lo]"]),
            (b"https://user:secret@a.test/", &["a.test"]),
            (b"see https://a.test. And http://b.test, too", &["a.test", "b.test"]),
            (b"https://a.test https://A.TEST/x", &["a.test"]),
            (b"http://localhost:123456/", &["localhost"]),
            (b"http:// https://%s/ http://{host}/ ftp://a.test ://a.test http://-- http://[::1 http://", &[]),
        ] {
            assert_eq!(found(data).kept, expected, "{}", String::from_utf8_lossy(data));
        }
    }

    #[test]
    fn hosts_are_told_up_to_a_bound_and_counted_up_to_another() {
        let many = |count: usize| (0..count).map(|at| format!("http://{at}.test/ ")).collect::<String>();
        let hosts = found(many(25).as_bytes());
        assert_eq!((hosts.kept.len(), hosts.kept[19].as_str(), hosts.more), (20, "19.test", 5));
        assert_eq!(found(many(5_000).as_bytes()).more, 980);
        assert_eq!(found(format!("http://{}", "a".repeat(5_000)).as_bytes()), Hosts::default());
        assert_eq!(found(format!("http://{}/", "a".repeat(253)).as_bytes()).kept.len(), 1);
    }
}
