//! Exchanges printed as curl does: what was sent behind `>`, what came behind `<`, and what there is to know behind
//! `*`.

use std::borrow::Cow;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::beginning::Beginning;
use crate::http::{ConnectionInfo, Error, Hop, Observer, Response, Watch};
use crate::sample::Phases;
use crate::secrets::Secrets;
use crate::units::{show_count, show_duration};

/// How much of a body is printed, in bytes.
const BODY_BYTES: usize = 2 << 10;

/// Prints exchanges as they end, each in one piece. Lines of all virtual users but the first begin with their number.
#[derive(Debug)]
pub struct Verbose(Arc<Printer>);

struct Printer {
    out: Mutex<Box<dyn Write + Send>>,
    color: bool,
    secrets: Arc<Secrets>,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Printer").field("color", &self.color).finish_non_exhaustive()
    }
}

impl Verbose {
    /// Prints to `out`, on the threads that make the requests. With `color`, lines that were neither sent nor received
    /// are dim. What can't be printed is let go.
    pub fn new(out: Box<dyn Write + Send>, color: bool, secrets: Arc<Secrets>) -> Arc<Verbose> {
        Arc::new(Verbose(Arc::new(Printer { out: Mutex::new(out), color, secrets })))
    }
}

impl Watch for Verbose {
    fn observer(&self, vu: u32) -> Option<Arc<dyn Observer>> {
        let prefix = if vu > 1 { format!("[{vu}] ") } else { String::new() };
        Some(Arc::new(OfVu { printer: Arc::clone(&self.0), prefix }))
    }
}

/// The observer of one virtual user.
#[derive(Debug)]
struct OfVu {
    printer: Arc<Printer>,
    prefix: String,
}

impl Observer for OfVu {
    fn hop(&self, hop: &Hop<'_>) {
        let Printer { out, color, secrets } = &*self.printer;
        let mut page = Page { text: String::new(), prefix: &self.prefix, color: *color, secrets };
        page.hop(hop);
        let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader who went away is no reason to fail what is being watched.
        let _ = out.write_all(page.text.as_bytes()).and_then(|()| out.flush());
    }
}

/// One exchange on its way to be printed.
struct Page<'a> {
    text: String,
    prefix: &'a str,
    color: bool,
    secrets: &'a Secrets,
}

impl Page<'_> {
    fn hop(&mut self, hop: &Hop<'_>) {
        if hop.redirected {
            self.note("following the redirect");
        }
        if let Some(connection) = hop.connection {
            self.connection(connection, hop.reused);
        }
        if hop.bytes_sent > 0 {
            self.request(hop);
        } else {
            self.note(&format!("{} {} was not sent", hop.method, hop.url));
        }
        match hop.outcome {
            Ok(response) => self.response(response, is_http2(hop)),
            Err(error) => self.failure(error),
        }
        self.figures(hop);
    }

    fn connection(&mut self, connection: &ConnectionInfo, reused: bool) {
        let remote = connection.remote.map(|address| format!(" to {address}")).unwrap_or_default();
        let via = connection.via.as_ref().map(|via| format!(" via {via}")).unwrap_or_default();
        if reused {
            self.note(&format!("re-using connection #{}{remote}{via}", connection.id));
            return;
        }
        let local = connection.local.map(|address| format!(" from {address}")).unwrap_or_default();
        self.note(&format!("connected{remote}{local}{via}, connection #{}", connection.id));
        if let Some(tls) = &connection.tls {
            let alpn = if tls.alpn.is_empty() { "no ALPN".to_owned() } else { format!("ALPN {}", tls.alpn) };
            let session = if tls.resumed { "session resumed" } else { "new session" };
            self.note(&format!("{}, {}, {alpn}, {session}", tls.version, tls.cipher_suite));
        }
    }

    fn request(&mut self, hop: &Hop<'_>) {
        self.line('>', &format!("{} {} {}", hop.method, target(hop.url), version(is_http2(hop))));
        for (name, value) in hop.request_headers {
            self.header('>', name, value);
        }
        self.line('>', "");
        let body = hop.request_body.unwrap_or_default();
        self.body('>', body, body.len() as u64);
    }

    fn response(&mut self, response: &Response, http2: bool) {
        let status = format!("{} {} {}", version(http2), response.status(), response.reason());
        self.line('<', status.trim_end());
        for (name, value) in response.headers() {
            self.header('<', name, &value);
        }
        self.line('<', "");
        self.body('<', response.body(), response.body_size());
    }

    fn body(&mut self, mark: char, body: &[u8], size: u64) {
        if body.is_empty() && size > 0 {
            return self.note(&format!("a body of {} bytes that was not kept", show_count(size)));
        }
        let beginning = Beginning::new(body, size, BODY_BYTES, self.secrets);
        match beginning.text() {
            Some("") => {}
            Some(text) if !text.contains('\0') => {
                text.lines().for_each(|line| self.push(mark, line));
                if beginning.cut {
                    self.note(&format!("and {} more bytes", show_count(size - BODY_BYTES as u64)));
                }
            }
            _ => self.note(&format!("a body of {} bytes that is not text", show_count(size))),
        }
    }

    fn failure(&mut self, error: &Error) {
        self.note(&format!("failed: {error}"));
    }

    fn figures(&mut self, hop: &Hop<'_>) {
        let times = Phases::NAMES.into_iter().zip(hop.phases.as_array()).filter(|(_, time)| !time.is_zero());
        let mut figures: Vec<_> = times.map(|(name, time)| format!("{name} {}", show_duration(time))).collect();
        figures.push(format!("in all {}", show_duration(hop.phases.total())));
        let (sent, received) = (show_count(hop.bytes_sent), show_count(hop.bytes_received));
        self.note(&format!("{}; {sent} bytes out, {received} bytes in", figures.join(", ")));
    }

    fn header(&mut self, mark: char, name: &str, value: &str) {
        let (name, value) = (self.secrets.mask(name), self.secrets.mask(value));
        self.push(mark, &format!("{name}: {value}"));
    }

    fn note(&mut self, text: &str) {
        self.line('*', text);
    }

    fn line(&mut self, mark: char, text: &str) {
        let masked = self.secrets.mask(text);
        self.push(mark, &masked);
    }

    /// Adds a line whose secrets are hidden.
    fn push(&mut self, mark: char, text: &str) {
        let (on, off) = if self.color && mark == '*' { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        let space = if text.is_empty() { "" } else { " " };
        let text = harmless(text);
        for part in [self.prefix, on, mark.encode_utf8(&mut [0; 4]), space, &text, off, "\n"] {
            self.text.push_str(part);
        }
    }
}

fn is_http2(hop: &Hop<'_>) -> bool {
    hop.connection.is_some_and(|connection| connection.http2)
}

fn version(http2: bool) -> &'static str {
    if http2 { "HTTP/2" } else { "HTTP/1.1" }
}

/// A URL's path and query.
fn target(url: &str) -> Cow<'_, str> {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = behind_scheme.find(['/', '?', '#']).map_or("", |start| &behind_scheme[start..]);
    let target = target.split('#').next().unwrap_or_default();
    if target.starts_with('/') { Cow::Borrowed(target) } else { Cow::Owned(format!("/{target}")) }
}

/// The text with nothing in it that a terminal would obey, or that reorders or hides what stands there: such characters
/// become escapes such as `\u{1b}`.
fn harmless(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && c != '\t';
    let misleads =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if !text.contains(|c| obeyed(c) || misleads(c)) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) || misleads(c) { cleaned.extend(c.escape_unicode()) } else { cleaned.push(c) }
    }
    Cow::Owned(cleaned)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::report::golden;
    use crate::trace::fixture;

    /// What is printed, for the test to read.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panicked with it").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the rich set of hops looks like.
    fn printed(color: bool) -> String {
        let screen = Screen::default();
        fixture::play(&*Verbose::new(Box::new(screen.clone()), color, fixture::secrets()));
        let bytes = screen.0.lock().expect("no test panicked with it").clone();
        String::from_utf8(bytes).expect("what is printed is text")
    }

    #[test]
    fn rich_exchanges_are_as_they_were() {
        golden::check_in("trace", "verbose.txt", &printed(false));
    }

    #[test]
    fn colour_changes_notes_alone() {
        let colored = printed(true);
        assert_eq!(colored.replace("\x1b[2m", "").replace("\x1b[0m", ""), printed(false));
        for line in colored.lines() {
            let line = line.strip_prefix("[2] ").unwrap_or(line);
            let note = line.strip_prefix("\x1b[2m* ").and_then(|line| line.strip_suffix("\x1b[0m"));
            assert!(!note.unwrap_or(line).contains('\x1b'), "{line:?}");
            assert!(note.is_some() || line.starts_with(['<', '>']), "{line:?}");
        }
    }

    #[test]
    fn nothing_secret_is_printed_and_nothing_that_a_terminal_obeys() {
        let text = printed(false);
        assert!(!fixture::reveals(text.as_bytes()), "{text}");
        assert!(text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')), "{text:?}");
    }

    #[test]
    fn a_screen_that_is_gone_does_not_matter() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let verbose = Verbose::new(Box::new(Gone), false, fixture::secrets());
        assert_eq!(fixture::play(&*verbose), 9);
    }

    #[test]
    fn the_target_is_what_stands_behind_the_host() {
        for (url, expected) in [
            ("http://h:1/a?b#c", "/a?b"),
            ("http://h", "/"),
            ("http://h?a=/", "/?a=/"),
            ("http://h#a", "/"),
            ("https://[::1]/x", "/x"),
        ] {
            assert_eq!(target(url), expected, "{url}");
        }
    }
}
