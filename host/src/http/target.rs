//! Where a request goes: its origin, and the path and query that stand in its request line.
//!
//! Parsing a URL in full costs more than the rest of a request's preparation, so a URL that parsing would not change,
//! at an origin already known, is only looked over. Everything else goes through the `url` crate. Which origin a
//! request reaches is decided here and nowhere else, redirects included.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use url::Url;

use super::error::Error;

/// The longest name of a host, in bytes (RFC 1035, section 2.3.4, as text).
const MAX_NAME_BYTES: usize = 253;

/// What speaks below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// A server's name, or its address where the URL has that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(Box<str>),
    Address(IpAddr),
}

/// A scheme, host and port, with the texts made of them that every request needs.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
    /// What an absolute URL of this origin begins with, up to its path.
    pub(super) prefix: Box<str>,
    /// The `host` header with its line end.
    pub(super) host_line: Box<[u8]>,
}

impl Origin {
    pub(super) fn of(url: &Url) -> Result<Self, Error> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(Error::invalid(format!("the URL's scheme is {other}; http and https are supported"))),
        };
        let host = match url.host() {
            Some(url::Host::Domain(name)) if name.len() > MAX_NAME_BYTES => {
                return Err(Error::invalid(format!(
                    "the host's name has {} bytes, and names have {MAX_NAME_BYTES} at most",
                    name.len()
                )));
            }
            Some(url::Host::Domain(name)) => Host::Name(name.into()),
            Some(url::Host::Ipv4(address)) => Host::Address(address.into()),
            Some(url::Host::Ipv6(address)) => Host::Address(address.into()),
            None => return Err(Error::invalid("the URL has no host")),
        };
        let port = url.port_or_known_default().ok_or_else(|| Error::invalid("the URL has no port"))?;
        let prefix = url.origin().ascii_serialization();
        let authority = prefix.split_once("://").map_or("", |(_, authority)| authority);
        let host_line = format!("host: {authority}\r\n").into_bytes().into();
        Ok(Origin { scheme, host, port, prefix: prefix.into(), host_line })
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.prefix == other.prefix
    }
}

/// The origin of a request or connection. The run's target, which nearly all requests go to, is a mark without a
/// reference count, so that threads share no counter.
#[derive(Clone, Debug)]
pub(super) enum OriginRef {
    Base,
    Other(Arc<Origin>),
}

impl PartialEq for OriginRef {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (OriginRef::Base, OriginRef::Base) => true,
            (OriginRef::Other(one), OriginRef::Other(two)) => Arc::ptr_eq(one, two) || one == two,
            _ => false,
        }
    }
}

/// The run's target, which paths are resolved against.
#[derive(Debug)]
pub(super) struct Base {
    url: Url,
    pub(super) origin: Origin,
}

impl Base {
    /// # Errors
    /// What is wrong with the URL.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let url = Url::parse(url).map_err(malformed)?;
        refuse_credentials(&url)?;
        let origin = Origin::of(&url)?;
        Ok(Base { url, origin })
    }
}

/// An origin, and the path with its query as they are sent.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) origin: OriginRef,
    pub(super) path_and_query: Cow<'a, str>,
}

impl<'a> Target<'a> {
    /// Where a URL, or a reference relative to the base, leads.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a malformed URL, one that is neither http nor https, one with a user name or
    /// password (an `authorization` header says that, and stays out of reports), and a path without a base.
    pub(super) fn resolve(base: Option<&Base>, url: &'a str) -> Result<Self, Error> {
        if let Some(target) = Target::known(base, url) {
            return Ok(target);
        }
        let parsed = match base {
            Some(base) => base.url.join(url),
            None => Url::parse(url),
        };
        let parsed = parsed.map_err(malformed)?;
        refuse_credentials(&parsed)?;
        Target::of(base, &parsed)
    }

    /// The target of a parsed URL.
    pub(super) fn of(base: Option<&Base>, url: &Url) -> Result<Target<'static>, Error> {
        let origin = Origin::of(url)?;
        let origin = match base {
            Some(base) if base.origin == origin => OriginRef::Base,
            _ => OriginRef::Other(remember(origin)),
        };
        let path_and_query = Cow::Owned(url[url::Position::BeforePath..url::Position::AfterQuery].to_owned());
        Ok(Target { origin, path_and_query })
    }

    /// The way round parsing.
    fn known(base: Option<&Base>, url: &'a str) -> Option<Self> {
        let rooted = |path: &str| path.starts_with('/') && is_plain(path);
        if let Some(base) = base {
            // Two slashes begin a host's name, not a path.
            let path = if url.starts_with('/') && !url.starts_with("//") {
                Some(url)
            } else {
                url.strip_prefix(&*base.origin.prefix)
            };
            if let Some(path) = path.filter(|path| rooted(path)) {
                return Some(Target { origin: OriginRef::Base, path_and_query: path.into() });
            }
        }
        let (origin, path) = recall(url)?;
        rooted(path).then_some(Target { origin: OriginRef::Other(origin), path_and_query: path.into() })
    }
}

/// How many origins a thread remembers; beyond that it starts over.
const REMEMBERED: usize = 32;

thread_local! {
    /// The origins lately used on this thread. Its virtual users share one copy of each, and no thread counts another's
    /// references.
    static ORIGINS: RefCell<Vec<Arc<Origin>>> = const { RefCell::new(Vec::new()) };
}

/// The remembered origin that the URL begins with, and the rest of the URL.
fn recall(url: &str) -> Option<(Arc<Origin>, &str)> {
    ORIGINS.with_borrow(|origins| {
        origins.iter().find_map(|origin| {
            let rest = url.strip_prefix(&*origin.prefix)?;
            rest.starts_with('/').then(|| (Arc::clone(origin), rest))
        })
    })
}

fn remember(origin: Origin) -> Arc<Origin> {
    ORIGINS.with_borrow_mut(|origins| {
        if let Some(known) = origins.iter().find(|known| ***known == origin) {
            return Arc::clone(known);
        }
        if origins.len() >= REMEMBERED {
            origins.clear();
        }
        let origin = Arc::new(origin);
        origins.push(Arc::clone(&origin));
        origin
    })
}

/// Whether parsing would leave this path and query as they are: no byte that it would encode, drop or read as another,
/// and no segment that begins with a dot, encoded or not.
fn is_plain(path_and_query: &str) -> bool {
    let mut previous = 0;
    let mut in_path = true;
    path_and_query.bytes().all(|byte| {
        let plain = match byte {
            b'"' | b'#' | b'\'' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            b'.' | b'%' => !(in_path && previous == b'/'),
            b'?' => {
                in_path = false;
                true
            }
            other => other.is_ascii_graphic(),
        };
        previous = byte;
        plain
    })
}

fn malformed(error: url::ParseError) -> Error {
    match error {
        url::ParseError::RelativeUrlWithoutBase => Error::invalid("the run needs --host: the URL is only a path"),
        other => Error::invalid(format!("malformed URL: {other}")),
    }
}

fn refuse_credentials(url: &Url) -> Result<(), Error> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(());
    }
    Err(Error::invalid("the URL has a user name or password; send an authorization header instead"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        Base::parse("http://127.0.0.1:8080/api/").expect("a valid base")
    }

    #[test]
    fn plain_urls_resolve_as_parsing_would() {
        let base = base();
        let pieces = ["", "/", "a", ".", "..", "?", "%2e", "%41", "~", "b c", "é", "#", "\\", "{", "'", ";v=1", "\t"];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    for start in ["/", "/x/", "http://127.0.0.1:8080/", "x"] {
                        let url = format!("{start}{one}{two}{three}");
                        let Ok(parsed) = base.url.join(&url) else { continue };
                        let expected = Target::of(Some(&base), &parsed).expect("http");
                        let actual = Target::resolve(Some(&base), &url).expect("joins");
                        assert_eq!(actual.path_and_query, expected.path_and_query, "{url:?}");
                        assert_eq!(actual.origin, expected.origin, "{url:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn known_targets_are_not_parsed() {
        let base = base();
        for url in ["/", "/a/b.html?x=.&y=/../", "http://127.0.0.1:8080/a?q=%20"] {
            let target = Target::known(Some(&base), url).expect(url);
            assert_eq!(target.origin, OriginRef::Base);
        }
        for url in [
            "//other/a",
            "/../a",
            "/a/./b",
            "/a/%2e%2e/b",
            "/a b",
            "/a#b",
            "/a\\b",
            "/é",
            "a",
            "http://127.0.0.1:80801/",
        ] {
            assert!(Target::known(Some(&base), url).is_none(), "{url}");
        }
    }

    #[test]
    fn an_origin_is_parsed_once_and_shared() {
        let first = Target::resolve(None, "https://shared.example/a").expect("valid");
        let second = Target::known(None, "https://shared.example/b?c").expect("remembered");
        assert_eq!(second.path_and_query, "/b?c");
        let (OriginRef::Other(first), OriginRef::Other(second)) = (first.origin, second.origin) else {
            panic!("there is no base")
        };
        assert!(Arc::ptr_eq(&first, &second));
        assert!(Target::known(None, "https://shared.example.net/").is_none());
        assert!(Target::known(None, "https://shared.example@evil.example/").is_none());
    }

    #[test]
    fn remembered_origins_are_bounded() {
        for number in 0..3 * REMEMBERED {
            Target::resolve(None, &format!("http://h{number}.example/")).expect("valid");
        }
        assert!(ORIGINS.with_borrow(Vec::len) <= REMEMBERED);
    }

    #[test]
    fn origins_compare_by_scheme_host_and_port() {
        let base = Base::parse("HTTP://Example.COM:80").expect("valid");
        assert_eq!(&*base.origin.host_line, b"host: example.com\r\n");
        for same in ["http://example.com/", "http://EXAMPLE.com:80/x"] {
            assert_eq!(Target::resolve(Some(&base), same).expect(same).origin, OriginRef::Base);
        }
        for other in ["https://example.com/", "http://example.com:81/", "http://example.org/", "//example.org/"] {
            assert_ne!(Target::resolve(Some(&base), other).expect(other).origin, OriginRef::Base);
        }
        let v6 = Base::parse("http://[::1]:8080").expect("valid");
        assert_eq!(&*v6.origin.host_line, b"host: [::1]:8080\r\n");
        assert_eq!(v6.origin.host, Host::Address("::1".parse().expect("an address")));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for url in ["ftp://x/", "/a", "http://", "http://u:p@h/", "http://u@h/", "http://h:99999/", "data:,x", ""] {
            let refused = Target::resolve(None, url);
            assert!(matches!(refused, Err(Error::InvalidRequest(_))), "{url}: {refused:?}");
        }
    }
}
