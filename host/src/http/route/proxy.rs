//! Proxies, and which of them a request goes through.

use std::fmt;
use std::str::FromStr;

use super::{Form, NoProxy, RouteError, authority, parse_host, parse_port, take_host};
use crate::http::reach::HostPattern;
use crate::http::target::{Host, Scheme};

const FORM: Form = Form {
    what: "a proxy",
    examples: "http://proxy.example:3128, https://user:password@proxy.example or socks5h://127.0.0.1:1080",
};

/// A proxy: `[SCHEME://][USER:PASSWORD@]HOST[:PORT]`, as curl's `--proxy`.
///
/// The scheme is `http` (the default), `https`, `socks5` (names are looked up here) or `socks5h` (names are looked up by
/// the proxy). Without a port it is, as in curl, 443 for `https` and 1080 for all others. User name and password may be
/// percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub(in crate::http) protocol: Protocol,
    pub(in crate::http) host: Host,
    pub(in crate::http) port: u16,
    pub(in crate::http) credentials: Option<Credentials>,
}

/// What is spoken with a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Protocol {
    Http,
    Https,
    /// Names are looked up here.
    Socks5,
    /// Names are looked up by the proxy.
    Socks5h,
}

/// What a proxy knows its client by.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::http) struct Credentials {
    pub(in crate::http) user: String,
    pub(in crate::http) password: String,
}

impl Proxy {
    /// The `proxy-authorization` header with its line end; empty without a user name.
    pub(in crate::http) fn authorization_line(&self) -> String {
        self.credentials.as_ref().map_or_else(String::new, |Credentials { user, password }| {
            format!("proxy-authorization: Basic {}\r\n", base64(format!("{user}:{password}").as_bytes()))
        })
    }
}

impl FromStr for Proxy {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        parse_proxy(text).map_err(|reason| FORM.malformed(&without_credentials(text), reason))
    }
}

/// Without user name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.protocol.scheme(), authority(&self.host, self.port))
    }
}

impl Protocol {
    const ALL: [Protocol; 4] = [Protocol::Http, Protocol::Https, Protocol::Socks5, Protocol::Socks5h];

    fn scheme(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Socks5 => "socks5",
            Protocol::Socks5h => "socks5h",
        }
    }

    pub(in crate::http) fn is_socks(self) -> bool {
        matches!(self, Protocol::Socks5 | Protocol::Socks5h)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The text as messages may show it.
fn without_credentials(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, place)) => split_scheme(text).map_or(place.to_owned(), |(scheme, _)| format!("{scheme}://{place}")),
        None => text.to_owned(),
    }
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    text.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn parse_proxy(text: &str) -> Result<Proxy, String> {
    let (scheme, rest) = split_scheme(text).unwrap_or(("http", text));
    let known = Protocol::ALL.into_iter().find(|protocol| protocol.scheme().eq_ignore_ascii_case(scheme));
    let protocol = known.ok_or_else(|| format!("`{scheme}` is not among http, https, socks5 and socks5h"))?;
    let (user_info, rest) = rest.rsplit_once('@').map_or((None, rest), |(user_info, rest)| (Some(user_info), rest));
    let credentials = user_info.map(|user_info| parse_credentials(user_info, protocol)).transpose()?;
    let place = rest.strip_suffix('/').unwrap_or(rest);
    if place.contains(['/', '?', '#']) {
        return Err("it has a path, which a proxy has not".to_owned());
    }
    let (host, port) = take_host(place)?;
    let default_port = if protocol == Protocol::Https { 443 } else { 1080 };
    Ok(Proxy {
        protocol,
        host: parse_host(host)?,
        port: port.strip_prefix(':').map_or(Ok(default_port), parse_port)?,
        credentials,
    })
}

fn parse_credentials(user_info: &str, protocol: Protocol) -> Result<Credentials, String> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let (user, password) = (percent_decoded(user)?, percent_decoded(password)?);
    let fits = |text: &str| (1..=255).contains(&text.len());
    if protocol.is_socks() && !(fits(&user) && fits(&password)) {
        return Err("for SOCKS, user name and password must both be there, of 255 bytes at the most".to_owned());
    }
    Ok(Credentials { user, password })
}

/// What a percent-encoded text stands for. A percent sign that begins no code is itself, as curl has it.
fn percent_decoded(text: &str) -> Result<String, String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = match after {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        let (byte, length) = code.map_or((*first, 1), |(high, low)| ((high * 16 + low) as u8, 3));
        bytes.push(byte);
        rest = &rest[length..];
    }
    String::from_utf8(bytes).map_err(|_| "user name and password must be UTF-8".to_owned())
}

/// The standard alphabet, padded.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = [0, 1, 2].map(|place| chunk.get(place).copied().unwrap_or(0));
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

/// The proxies of a run. Default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy for `http://` URLs.
    pub http: Option<Proxy>,
    /// The proxy for `https://` URLs.
    pub https: Option<Proxy>,
    /// The hosts that neither is used for.
    pub none_for: NoProxy,
    /// Whether neither is used for `localhost` and loopback addresses. Default: false.
    pub spare_loopback: bool,
}

impl Proxies {
    /// Where the proxies are.
    pub fn places(&self) -> impl Iterator<Item = HostPattern> {
        self.http.iter().chain(&self.https).map(|proxy| HostPattern::of(&proxy.host, Some(proxy.port)))
    }

    /// The proxies that the environment names, by the rules of curl: `http_proxy` for `http://` URLs, in lower case
    /// alone, since a CGI server sets `HTTP_PROXY` to what a request says; `https_proxy` or `HTTPS_PROXY` for `https://`
    /// URLs; `all_proxy` or `ALL_PROXY` where these are missing; `no_proxy` or `NO_PROXY` for hosts without a proxy. Of
    /// two spellings, lower case holds. An empty variable counts as missing.
    ///
    /// These proxies are not used for `localhost` and loopback addresses, which is Go's rule: a proxy would find another
    /// machine there. `get` gives a variable's value.
    ///
    /// # Errors
    /// [`RouteError::Variable`], for the first proxy that can't be used. Of the hosts without one, those that can't be
    /// used are ignored, and there is a warning where the run begins.
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Result<Self, RouteError> {
        Ok(Proxies {
            http: read(&get, &["http_proxy", "all_proxy", "ALL_PROXY"])?,
            https: read(&get, &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            none_for: first(&get, &["no_proxy", "NO_PROXY"])
                .map(|(_, text)| NoProxy::from_environment(&text))
                .unwrap_or_default(),
            spare_loopback: true,
        })
    }

    /// The proxy for an origin, if there is one.
    pub(in crate::http) fn find(&self, scheme: Scheme, host: &Host, port: u16) -> Option<&Proxy> {
        let proxy = match scheme {
            Scheme::Http => self.http.as_ref(),
            Scheme::Https => self.https.as_ref(),
        };
        let spared = || (self.spare_loopback && is_loopback(host)) || self.none_for.covers(host, port);
        proxy.filter(|_| !spared())
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Name(name) => matches!(&**name, "localhost" | "localhost."),
        Host::Address(address) => address.to_canonical().is_loopback(),
    }
}

/// The proxy of the first of these variables that says anything.
fn read(get: impl Fn(&str) -> Option<String>, variables: &[&'static str]) -> Result<Option<Proxy>, RouteError> {
    let Some((variable, text)) = first(get, variables) else { return Ok(None) };
    text.parse().map(Some).map_err(|source| RouteError::Variable { variable, source: Box::new(source) })
}

/// The first of these variables that says anything, and what.
fn first(get: impl Fn(&str) -> Option<String>, variables: &[&'static str]) -> Option<(&'static str, String)> {
    variables.iter().find_map(|variable| Some((*variable, get(variable).filter(|text| !text.is_empty())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Proxy {
        text.parse().expect(text)
    }

    #[test]
    fn schemes_and_ports_default_as_in_curl() {
        for (text, shown) in [
            ("proxy.example", "http://proxy.example:1080"),
            ("proxy.example:80", "http://proxy.example:80"),
            ("HTTP://Proxy.Example/", "http://proxy.example:1080"),
            ("https://proxy.example", "https://proxy.example:443"),
            ("https://proxy.example:3129/", "https://proxy.example:3129"),
            ("socks5://[::1]", "socks5://[::1]:1080"),
            ("socks5h://127.0.0.1:9050", "socks5h://127.0.0.1:9050"),
            ("http://user:password@proxy.example:3128", "http://proxy.example:3128"),
        ] {
            assert_eq!(proxy(text).to_string(), shown);
        }
    }

    #[test]
    fn credentials_are_decoded() {
        let of = |text| proxy(text).credentials.map(|found| (found.user, found.password)).unwrap_or_default();
        let pair = |user: &str, password: &str| (user.to_owned(), password.to_owned());
        assert_eq!(of("http://h"), pair("", ""));
        assert_eq!(of("http://user@h"), pair("user", ""));
        assert_eq!(of("user:a:b@c/d@h"), pair("user", "a:b@c/d"));
        assert_eq!(of("http://u%40x:%70%C3%a4%2f@h"), pair("u@x", "pä/"));
        assert_eq!(of("http://%:100%+%zz%4@h"), pair("%", "100%+%zz%4"));
    }

    #[test]
    fn the_authorization_is_that_of_the_standards() {
        // RFC 7617, section 2, and RFC 4648, section 10.
        let line = proxy("http://Aladdin:open%20sesame@h").authorization_line();
        assert_eq!(line, "proxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
        assert_eq!(proxy("http://h").authorization_line(), "");
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }

    #[test]
    fn a_malformed_proxy_is_refused_with_an_example() {
        for (text, reason) in [
            ("", "is no host"),
            ("http://", "is no host"),
            ("ftp://h", "`ftp` is not among http, https, socks5 and socks5h"),
            ("socks4://h", "`socks4` is not among"),
            ("http://h:0", "`0` is no port"),
            ("http://h:x", "`x` is no port"),
            ("http://h/path", "it has a path"),
            ("http://[::1", "the bracket is not closed"),
            ("http://a b", "is no host"),
            ("socks5://user@h", "both be there"),
            ("http://%ff@h", "must be UTF-8"),
        ] {
            let error = text.parse::<Proxy>().expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
            assert!(error.contains("; write for example http://proxy.example:3128"), "{error}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let proxy = proxy("http://user:hidden@h");
        assert!(!format!("{proxy:?} {proxy}").contains("hidden"));
        for text in [
            "http://user:hidden@h:0",
            "user:hidden@h:0",
            "ftp://user:hidden@h",
            "u:hidden://hidden@h:0",
            "socks5://:hidden@h",
        ] {
            let error = text.parse::<Proxy>().expect_err(text);
            assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
        }
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let read = |variables: &[(&str, &str)]| {
            let get =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            let proxies = Proxies::from_environment(get).expect("valid");
            let shown = |proxy: Option<Proxy>| proxy.map(|proxy| proxy.to_string()).unwrap_or_default();
            (shown(proxies.http), shown(proxies.https))
        };
        let pair = |http: &str, https: &str| (http.to_owned(), https.to_owned());
        assert_eq!(read(&[]), pair("", ""));
        assert_eq!(read(&[("http_proxy", "a:1")]), pair("http://a:1", ""));
        assert_eq!(read(&[("HTTP_PROXY", "a:1")]), pair("", ""));
        assert_eq!(read(&[("HTTPS_PROXY", "a:1")]), pair("", "http://a:1"));
        assert_eq!(read(&[("HTTPS_PROXY", "a:1"), ("https_proxy", "b:1")]), pair("", "http://b:1"));
        assert_eq!(read(&[("http_proxy", "a:1"), ("ALL_PROXY", "socks5://b")]), pair("http://a:1", "socks5://b:1080"));
        assert_eq!(read(&[("all_proxy", "a:1"), ("ALL_PROXY", "b:1")]), pair("http://a:1", "http://a:1"));
        assert_eq!(read(&[("http_proxy", ""), ("all_proxy", "b:1")]), pair("http://b:1", "http://b:1"));
    }

    #[test]
    fn an_unusable_variable_is_named() {
        for (variable, value) in [("HTTPS_PROXY", "ftp://h"), ("all_proxy", "h:x")] {
            let get = |name: &str| (name == variable).then(|| value.to_owned());
            let error = Proxies::from_environment(get).expect_err(variable);
            assert_eq!(error.to_string(), format!("use the environment variable {variable}"));
            let RouteError::Variable { source, .. } = error else { panic!("{error:?}") };
            assert!(source.to_string().starts_with(&format!("read `{value}` as ")), "{source}");
        }
    }

    #[test]
    fn unusable_exceptions_of_the_environment_are_ignored() {
        let get = |name: &str| match name {
            "http_proxy" => Some("proxy.example".to_owned()),
            "no_proxy" => Some("10.*,direct.example".to_owned()),
            _ => None,
        };
        let proxies = Proxies::from_environment(get).expect("valid");
        let found = |host| proxies.find(Scheme::Http, &parse_host(host).expect(host), 80).is_some();
        assert!(found("10.0.0.1") && !found("direct.example"));
        assert_eq!(proxies.none_for.ignored().len(), 1);
    }

    #[test]
    fn proxies_of_the_environment_leave_loopback_out() {
        let get = |name: &str| match name {
            "all_proxy" => Some("proxy.example".to_owned()),
            "NO_PROXY" => Some("direct.example".to_owned()),
            _ => None,
        };
        let environment = Proxies::from_environment(get).expect("valid");
        let given = Proxies { http: Some(proxy("proxy.example")), ..Proxies::default() };
        let found = |proxies: &Proxies, host| proxies.find(Scheme::Http, &parse_host(host).expect(host), 80).is_some();
        assert!(found(&environment, "example.com"));
        assert!(!found(&environment, "www.direct.example"));
        assert!(found(&environment, "localhost.example"));
        for host in ["localhost", "localhost.", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"] {
            assert!(!found(&environment, host), "{host}");
            assert!(found(&given, host), "{host}");
        }
        assert!(given.find(Scheme::Https, &parse_host("h").expect("a host"), 443).is_none());
    }
}
