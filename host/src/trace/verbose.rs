//! Exchanges printed as curl does: what was sent behind `>`, what came behind `<`, and what there is to know behind
//! `*`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::beginning::Beginning;
use crate::http::{Begun, ConnectionInfo, Hop, Observer, Outcome, Response, Watch};
use crate::sample::Phases;
use crate::secrets::Secrets;
use crate::terminal::is_harmful;
use crate::units::{show_count, show_duration};

/// How much of a body is printed, in bytes.
const BODY_BYTES: usize = 2 << 10;

/// Prints requests as they are sent and responses when they are whole, each in one piece. Where requests are made at
/// the same time, they are told apart by their numbers. Lines of all virtual users but the first begin with theirs.
#[derive(Debug)]
pub struct Verbose(Arc<Printer>);

struct Printer {
    screen: Mutex<Screen>,
    color: bool,
    secrets: Arc<Secrets>,
}

struct Screen {
    out: Box<dyn Write + Send>,
    /// The hop that was printed of last.
    last: u64,
    /// Those whose requests are printed, and nothing else yet.
    under_way: BTreeSet<u64>,
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
        let screen = Mutex::new(Screen { out, last: 0, under_way: BTreeSet::new() });
        Arc::new(Verbose(Arc::new(Printer { screen, color, secrets })))
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
    fn begun(&self, hop: &Begun<'_>) {
        self.print(hop.number, |page, screen| {
            let others = screen.under_way.iter().any(|other| *other != hop.number);
            screen.under_way.insert(hop.number);
            page.begun(hop, others);
        });
    }

    fn hop(&self, hop: &Hop<'_>) {
        self.print(hop.number, |page, screen| {
            let begun = screen.under_way.remove(&hop.number);
            page.ended(hop, begun, screen.last == hop.number);
        });
    }
}

impl OfVu {
    fn print(&self, number: u64, fill: impl FnOnce(&mut Page<'_>, &mut Screen)) {
        let Printer { screen, color, secrets } = &*self.printer;
        let mut page = Page { text: String::new(), prefix: &self.prefix, color: *color, secrets };
        let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
        fill(&mut page, &mut screen);
        screen.last = number;
        // A reader who went away is no reason to fail what is being watched.
        let _ = screen.out.write_all(page.text.as_bytes()).and_then(|()| screen.out.flush());
    }
}

/// A part of an exchange on its way to be printed.
struct Page<'a> {
    text: String,
    prefix: &'a str,
    color: bool,
    secrets: &'a Secrets,
}

impl Page<'_> {
    /// A request that is sent now, and whether others are under way.
    fn begun(&mut self, hop: &Begun<'_>, others: bool) {
        if others {
            self.note(&format!("request #{}, while others are under way", hop.number));
        }
        match hop.sent_again {
            Some(again) => self.note(&format!("{}; sent again", again.reason())),
            None if hop.redirected => self.note("following the redirect"),
            None => {}
        }
        if let Some(connection) = hop.connection {
            self.connection(connection, hop.reused);
        }
        self.request(hop);
    }

    /// What came of a request; whether the request was printed, and as the last thing.
    fn ended(&mut self, hop: &Hop<'_>, begun: bool, at_once: bool) {
        let request = format!("{} {}", hop.method, hop.url);
        if !begun {
            if hop.redirected {
                self.note("following the redirect");
            }
            self.note(&format!("{request} was not sent"));
        } else if !at_once {
            self.note(&format!("request #{}, {request}", hop.number));
        }
        match hop.outcome {
            Outcome::Response(response) => self.response(response),
            Outcome::Failed(error) => self.note(&format!("failed: {error}")),
            Outcome::CutOff => self.note(&format!("cut off after {}", show_duration(hop.phases.total()))),
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

    fn request(&mut self, hop: &Begun<'_>) {
        let http2 = hop.connection.is_some_and(|connection| connection.http2);
        let version = if http2 { "HTTP/2" } else { "HTTP/1.1" };
        self.line('>', &format!("{} {} {version}", hop.method, target(hop.url)));
        for (name, value) in hop.request_headers {
            self.header('>', name, value);
        }
        self.line('>', "");
        let body = hop.request_body.unwrap_or_default();
        let mime_type = hop.request_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        self.body('>', body, body.len() as u64, mime_type.map_or("", |(_, value)| value));
    }

    fn response(&mut self, response: &Response) {
        let status = format!("{} {} {}", response.version(), response.status(), response.reason());
        self.line('<', status.trim_end());
        for (name, value) in response.headers() {
            self.header('<', name, &value);
        }
        self.line('<', "");
        let mime_type = response.header("content-type").unwrap_or_default();
        self.body('<', response.body(), response.body_size(), &mime_type);
    }

    fn body(&mut self, mark: char, body: &[u8], size: u64, mime_type: &str) {
        if body.is_empty() && size > 0 {
            return self.note(&format!("a body of {} bytes that was not kept", show_count(size)));
        }
        let beginning = Beginning::new(body, size, BODY_BYTES, self.secrets);
        let text = match beginning.text() {
            Some(text) => Some(Cow::Borrowed(text)),
            // In another coding than UTF-8, of which most can be read all the same.
            None => is_text(mime_type).then(|| String::from_utf8_lossy(&beginning.bytes)),
        };
        match text.filter(|text| !text.contains('\0')) {
            Some(text) => {
                text.lines().for_each(|line| self.push(mark, line));
                if beginning.cut {
                    self.note(&format!("and {} more bytes", show_count(size - BODY_BYTES as u64)));
                }
            }
            None => self.note(&format!("a body of {} bytes that is not text", show_count(size))),
        }
    }

    fn figures(&mut self, hop: &Hop<'_>) {
        let is_http2 = hop.connection.is_some_and(|connection| connection.http2);
        let times = Phases::NAMES.into_iter().zip(hop.phases.as_array()).filter(|(_, time)| !time.is_zero());
        let mut figures: Vec<_> = times.map(|(name, time)| format!("{name} {}", show_duration(time))).collect();
        figures.push(format!("in all {}", show_duration(hop.phases.total())));
        let (sent, received) = (show_count(hop.bytes_sent), show_count(hop.bytes_received));
        let mut figures = figures.join(", ");
        // Over HTTP/2 the bytes are told to exchanges when they end.
        if !(is_http2 && matches!(hop.outcome, Outcome::CutOff)) {
            figures.push_str(&format!("; {sent} bytes out, {received} bytes in"));
        }
        self.note(&figures);
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

/// Whether a body of that type is text.
fn is_text(mime_type: &str) -> bool {
    let mime_type = mime_type.trim().to_ascii_lowercase();
    let essence = mime_type.split(';').next().unwrap_or_default();
    let words = ["json", "xml", "javascript", "x-www-form-urlencoded"];
    essence.starts_with("text/") || words.iter().any(|word| essence.contains(word))
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
    let is_harmful = |c: char| c != '\t' && is_harmful(c);
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) { cleaned.extend(c.escape_unicode()) } else { cleaned.push(c) }
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
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panicked with it").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn text(&self) -> String {
            let bytes = self.0.lock().expect("no test panicked with it").clone();
            String::from_utf8(bytes).expect("what is printed is text")
        }
    }

    /// What the rich set of hops looks like.
    fn printed(color: bool) -> String {
        let paper = Paper::default();
        fixture::play(&*Verbose::new(Box::new(paper.clone()), color, fixture::secrets()));
        paper.text()
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
        assert_eq!(fixture::play(&*verbose), 11);
    }

    #[test]
    fn a_request_is_printed_before_its_end_and_those_at_once_by_number() {
        let paper = Paper::default();
        let verbose = Verbose::new(Box::new(paper.clone()), false, fixture::secrets());
        let observer = verbose.observer(1).expect("all are observed");
        let response = fixture::ok();
        let hop = |number, url| Hop { number, url, ..fixture::hop(Outcome::Response(&response)) };
        let (one, two) = (hop(1, "http://h/one"), hop(2, "http://h/two"));
        observer.begun(&fixture::begun(&one));
        assert_eq!(paper.text(), "> GET /one HTTP/1.1\n>\n");
        observer.begun(&fixture::begun(&two));
        observer.hop(&one);
        observer.hop(&two);
        let text = paper.text();
        let notes: Vec<_> = text.lines().filter(|line| line.starts_with("* request")).collect();
        let expected = [
            "* request #2, while others are under way",
            "* request #1, GET http://h/one",
            "* request #2, GET http://h/two",
        ];
        assert_eq!(notes, expected, "{text}");
    }

    #[test]
    fn what_is_text_is_told_from_its_type() {
        for mime_type in ["text/html; charset=ISO-8859-1", "application/problem+json", " Image/SVG+XML", "text/plain"] {
            assert!(is_text(mime_type), "{mime_type}");
        }
        for mime_type in ["", "image/png", "application/octet-stream; name=\"a.json\""] {
            assert!(!is_text(mime_type), "{mime_type}");
        }
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
