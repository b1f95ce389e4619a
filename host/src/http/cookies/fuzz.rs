//! The law of cookies: whatever a server or a guest sets, it can stand in a header, and goes only where it belongs.

use url::{Host, Url};

use super::{Jar, MAX_COOKIES};
use crate::http::fuzz::fields;

/// Sets the cookies of an input: texts behind the URL that they come from and another one.
///
/// # Panics
/// Where something is wrong with what is sent to the two.
pub(crate) fn check(input: &[u8]) {
    let (_, fields) = fields(input);
    let [from, to, cookies @ ..] = &fields[..] else { return };
    let url = |text: &str| Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let (Some(from), Some(to)) = (url(from), url(to)) else { return };
    let mut jar = Jar::default();
    cookies.iter().for_each(|cookie| jar.set(&from, cookie));
    assert!(jar.0.iter_any().count() <= MAX_COOKIES);
    for url in [&from, &to] {
        check_header(&jar, url);
    }
    if !jar.get(&to).is_empty() {
        assert!(from.host() == to.host() || share_a_named_domain(&from, &to, &cookies.concat()), "{from} to {to}");
    }
    if let [only] = cookies
        && is_secure(only)
        && to.scheme() == "http"
        && !is_this_machine(&to)
    {
        assert!(jar.get(&to).is_empty(), "{only:?} in cleartext to {to}");
    }
    jar.clear();
    assert!(jar.header(&from).is_none() && jar.get(&from).is_empty());
}

/// What is sent is a header's value with all cookies and nothing else.
fn check_header(jar: &Jar, url: &Url) {
    let cookies = jar.get(url);
    let Some(header) = jar.header(url) else { return assert!(cookies.is_empty(), "{cookies:?}") };
    assert!(http::HeaderValue::from_bytes(header.as_bytes()).is_ok(), "{header:?}");
    let sent = cookies.iter().map(|(name, value)| format!("{name}={value}").replace(char::is_control, ""));
    assert_eq!(header.split("; ").collect::<Vec<_>>(), sent.collect::<Vec<_>>());
}

/// Whether there is a domain that both hosts lie in and that the cookies name, or may name in another spelling.
fn share_a_named_domain(from: &Url, to: &Url, cookies: &str) -> bool {
    let (Some(Host::Domain(from)), Some(Host::Domain(to))) = (from.host(), to.host()) else { return false };
    let lies_in = |name: &str, domain: &str| {
        name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let domains = to.match_indices('.').map(|(dot, _)| &to[dot + 1..]).chain([to]);
    let is_named = |domain: &str| !cookies.is_ascii() || cookies.to_ascii_lowercase().contains(domain);
    domains.into_iter().any(|domain| lies_in(from, domain) && is_named(domain))
}

fn is_secure(cookie: &str) -> bool {
    cookie.split(';').skip(1).any(|attribute| attribute.trim().eq_ignore_ascii_case("secure"))
}

/// To which even secure cookies go in cleartext.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::inputs;

    #[test]
    fn any_cookie_stays_in_its_header_and_its_domain() {
        let (seeds, pieces) = inputs::of("cookies");
        inputs::try_some(&seeds, &pieces, 4_000, check);
    }
}
