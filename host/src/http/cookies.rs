//! A virtual user's cookie jar.

#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;

use std::cmp::Reverse;

use cookie_store::{Cookie, CookieStore};
use url::Url;

/// The most cookies in one jar (RFC 6265 asks for 3000 over all sites, and 50 for each; a virtual user visits few).
const MAX_COOKIES: usize = 512;

/// The largest `Set-Cookie` value that is taken, in bytes (RFC 6265 asks for 4096).
const MAX_COOKIE_BYTES: usize = 8 * 1024;

/// Cookies by the rules of RFC 6265. There is no list of public suffixes: a server under test that sets a cookie for
/// all of `com` gets it back.
#[derive(Debug, Default)]
pub(super) struct Jar(CookieStore);

impl Jar {
    /// Takes a `Set-Cookie` value from that URL. What is malformed, foreign to the URL, or beyond the jar's bounds is
    /// left out.
    pub(super) fn set(&mut self, url: &Url, cookie: &str) {
        if cookie.len() > MAX_COOKIE_BYTES {
            return;
        }
        // An error says only that the cookie isn't for this jar, which is what a browser makes of it too.
        let Ok(cookie) = Cookie::parse(cookie, url) else { return };
        // What replaces or deletes a cookie needs no room.
        if self.has(&cookie) || self.has_room() {
            let _ = self.0.insert(cookie.into_owned(), url);
        }
    }

    /// Whether there is a cookie that this one replaces.
    fn has(&self, cookie: &Cookie<'_>) -> bool {
        cookie.domain.as_cow().is_some_and(|domain| self.0.contains_any(&domain, &cookie.path, cookie.name()))
    }

    /// Makes room by dropping what has expired, where the jar is full.
    fn has_room(&mut self) -> bool {
        if self.0.iter_any().nth(MAX_COOKIES - 1).is_none() {
            return true;
        }
        let expired: Vec<_> = (self.0.iter_any())
            .filter(|cookie| cookie.is_expired())
            .filter_map(|cookie| {
                Some((cookie.domain.as_cow()?.into_owned(), cookie.path.to_string(), cookie.name().to_owned()))
            })
            .collect();
        for (domain, path, name) in &expired {
            self.0.remove(domain, path, name);
        }
        !expired.is_empty()
    }

    /// The cookies that go to that URL.
    pub(super) fn get(&self, url: &Url) -> Vec<(String, String)> {
        self.sorted(url).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Those with longer paths come first, else the older ones (RFC 6265, section 5.4).
    fn sorted(&self, url: &Url) -> Vec<(&str, &str)> {
        let mut cookies = self.0.matches(url);
        cookies.sort_by_key(|cookie| Reverse(cookie.path.len()));
        cookies.into_iter().map(|cookie| cookie.name_value()).collect()
    }

    /// The same as a `cookie` header's value; none where there are none.
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let mut header = String::new();
        for (name, value) in self.sorted(url) {
            for part in [if header.is_empty() { "" } else { "; " }, name, "=", value] {
                header.push_str(part);
            }
        }
        // A cookie's text comes from a server: what can't stand in a header must not spoil the request.
        header.retain(|character| !character.is_control());
        (!header.is_empty()).then_some(header)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a valid URL")
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let mut jar = Jar::default();
        jar.set(&url("http://a.test/x/y"), "one=1");
        jar.set(&url("http://a.test/x/y"), "two=2; path=/; secure");
        jar.set(&url("http://a.test/"), "three=3; domain=b.test");
        let names = |text| jar.get(&url(text)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("http://a.test/x/z"), ["one"]);
        assert_eq!(names("http://a.test/"), [""; 0]);
        assert_eq!(names("https://a.test/"), ["two"]);
        assert_eq!(names("http://b.test/"), [""; 0]);
        assert_eq!(jar.header(&url("http://a.test/x/z")).as_deref(), Some("one=1"));
        assert_eq!(jar.header(&url("http://b.test/")), None);
    }

    #[test]
    fn several_cookies_make_one_header() {
        let mut jar = Jar::default();
        jar.set(&url("http://a.test/"), "one=1");
        jar.set(&url("http://a.test/"), "two=2");
        assert_eq!(jar.header(&url("http://a.test/")).as_deref(), Some("one=1; two=2"));
        jar.clear();
        assert_eq!(jar.header(&url("http://a.test/")), None);
    }

    #[test]
    fn longer_paths_come_first_and_then_older_cookies() {
        let mut jar = Jar::default();
        let site = url("http://a.test/x/y");
        for cookie in ["a=1; path=/", "b=1; path=/x", "c=1; path=/x/y", "d=1; path=/", "e=1; path=/x", "a=2; path=/"] {
            jar.set(&site, cookie);
        }
        assert_eq!(jar.header(&site).as_deref(), Some("c=1; b=1; e=1; a=2; d=1"));
        let names: Vec<_> = jar.get(&site).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["c", "b", "e", "a", "d"]);
    }

    #[test]
    fn the_jar_is_bounded() {
        let mut jar = Jar::default();
        let site = url("http://a.test/");
        for number in 0..2 * MAX_COOKIES {
            jar.set(&site, &format!("n{number}=v"));
        }
        assert_eq!(jar.get(&site).len(), MAX_COOKIES);
        // Beyond the bound are new cookies alone.
        jar.set(&site, "n1=new");
        assert!(jar.get(&site).contains(&("n1".to_owned(), "new".to_owned())));
        jar.set(&site, "n2=; max-age=0");
        assert_eq!(jar.get(&site).len(), MAX_COOKIES - 1);
        jar.set(&site, "other=v");
        jar.set(&site, "another=v");
        let names: Vec<_> = jar.get(&site).into_iter().map(|(name, _)| name).collect();
        assert_eq!((names.len(), &*names[MAX_COOKIES - 1]), (MAX_COOKIES, "other"));
        jar.clear();
        jar.set(&site, &format!("large={}", "v".repeat(MAX_COOKIE_BYTES)));
        assert!(jar.get(&site).is_empty());
    }

    #[test]
    fn a_cookie_cannot_break_its_header() {
        let mut jar = Jar::default();
        let site = url("http://a.test/");
        jar.set(&site, "a=b\r\nx: y");
        jar.set(&site, "c=\u{1}d");
        assert!(jar.header(&site).is_none_or(|header| !header.contains(char::is_control)));
    }
}
