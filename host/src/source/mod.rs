//! Where a scenario's bytes come from, and whether they are those that were meant, and a component at all.

mod digest;
mod kind;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use digest::Pin;
use kind::not_a_component;

pub use digest::{Digest, NoDigest};

/// How to turn something else into a component; the end of every error about it.
const HOW_TO_MAKE: &str = "build one with the toolchain of your language: for Rust `cargo build --release --target \
                           wasm32-wasip2`, for JavaScript componentize-js, for Python componentize-py; a core module \
                           becomes one by `wasm-tools component new`";

/// Redirects that are followed where a component is fetched.
const MAX_REDIRECTS: usize = 10;

/// Which URLs may be fetched.
pub type MayFetch = Arc<dyn Fn(&url::Url) -> bool + Send + Sync>;

/// For who may fetch every URL.
pub fn any_url() -> MayFetch {
    Arc::new(|_| true)
}

/// Where a scenario is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    Path {
        /// The file's path, without the pin.
        path: PathBuf,
        /// The digest that its bytes must have, where one was given.
        sha256: Option<Digest>,
    },
    /// An https URL, pinned by the digest that its bytes must have.
    Url {
        /// The URL, without the pin.
        url: url::Url,
        /// The digest.
        sha256: Digest,
    },
    /// Bytes that are part of the program, under a name for people.
    Embedded {
        /// What to call it.
        name: &'static str,
        /// The component.
        bytes: &'static [u8],
    },
}

/// A scenario's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The component, which begins as one; whether it is well-formed is another question.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub sha256: Digest,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The text is neither a path nor a URL that may be fetched.
    #[error("{0}")]
    Malformed(String),
    /// The file can't be read.
    #[error("read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The URL can't be fetched.
    #[error("fetch {url}: {why}")]
    Fetch {
        /// The URL.
        url: String,
        /// Why.
        why: String,
    },
    /// It is larger than a component may be.
    #[error("use {from} as a scenario: it has more than {max_bytes} bytes; --max-component-size allows more")]
    TooLarge {
        /// The path or URL.
        from: String,
        /// The bound, in bytes.
        max_bytes: u64,
    },
    /// The bytes are not those that the pin names.
    #[error(
        "accept {from}: its digest is sha256={found}, and the pin says sha256={expected}; the file was changed, or the pin is of another one"
    )]
    Digest {
        /// The path or URL.
        from: String,
        /// The digest that the pin asks for.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// The bytes are no component.
    #[error("use {from} as a scenario: it is {what}, not a WebAssembly component; {HOW_TO_MAKE}")]
    NotAComponent {
        /// The path or URL.
        from: String,
        /// What it is instead.
        what: &'static str,
    },
}

impl std::str::FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Source, SourceError> {
        let (place, pin) = digest::split_pin(text);
        if text.starts_with("https://") || text.starts_with("http://") {
            return url(text, place, pin);
        }
        let path = PathBuf::from(place);
        match pin {
            Pin::None => Ok(Source::Path { path, sha256: None }),
            Pin::Sha256(digest) => Ok(Source::Path { path, sha256: Some(digest) }),
            Pin::Malformed => Err(SourceError::Malformed(format!(
                "read the pin of '{text}'; write #sha256= and the 64 hexadecimal digits of the file's digest behind its path \
                 (`wasmload inspect` prints the two together)"
            ))),
        }
    }
}

/// The source at a URL, which has to be pinned.
fn url(text: &str, place: &str, pin: Pin) -> Result<Source, SourceError> {
    let url: url::Url =
        place.parse().map_err(|error| SourceError::Malformed(format!("parse the URL '{text}': {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        let host = url.host_str().unwrap_or_default();
        let what = format!("fetch from {host} with a user name or password in the URL; download it and give its path");
        return Err(SourceError::Malformed(what));
    }
    if url.scheme() != "https" {
        let what = format!("fetch a scenario by plain http ('{text}'); use https, or download it and give its path");
        return Err(SourceError::Malformed(what));
    }
    match pin {
        Pin::Sha256(sha256) => Ok(Source::Url { url, sha256 }),
        Pin::None | Pin::Malformed => Err(SourceError::Malformed(format!(
            "fetch '{text}' without a pin; add #sha256= and the 64 hexadecimal digits of its digest \
             (`sha256sum FILE` prints them), so that what runs is what you looked at"
        ))),
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Path { path, .. } => write!(f, "{}", path.display()),
            Source::Url { url, .. } => write!(f, "{url}"),
            Source::Embedded { name, .. } => f.write_str(name),
        }
    }
}

impl Source {
    /// A short name for the scenario: the file's, without its ending.
    pub fn scenario_name(&self) -> String {
        let path = match self {
            Source::Path { path, .. } => path.clone(),
            Source::Url { url, .. } => PathBuf::from(url.path()),
            Source::Embedded { name, .. } => PathBuf::from(name),
        };
        path.file_stem().map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// The file that it is, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Source::Path { path, .. } => Some(path),
            Source::Url { .. } | Source::Embedded { .. } => None,
        }
    }

    /// What to write for exactly these bytes of it: the path or URL, with its pin.
    pub fn pinned(&self, digest: &Digest) -> String {
        digest::pinned(&self.to_string(), digest)
    }

    /// The component's bytes, at most so many, and their digest. Redirects are followed to what may be fetched.
    ///
    /// # Errors
    /// What can't be read or fetched, is too large, does not fit its pin, or is no component.
    pub async fn read(&self, max_bytes: u64, may_fetch: MayFetch) -> Result<Content, SourceError> {
        let bytes = match self {
            Source::Path { path, .. } => self.read_file(path, max_bytes)?,
            Source::Url { url, .. } => self.fetch(url, max_bytes, may_fetch).await?,
            Source::Embedded { bytes, .. } => bytes.to_vec(),
        };
        let sha256 = self.accept(&bytes)?;
        match not_a_component(&bytes).map(|what| self.perhaps_a_plan().unwrap_or(what)) {
            Some(what) => Err(SourceError::NotAComponent { from: self.to_string(), what }),
            None => Ok(Content { bytes, sha256 }),
        }
    }

    /// The digest that its bytes must have, where one was given.
    pub fn pin(&self) -> Option<Digest> {
        match self {
            Source::Path { sha256, .. } => *sha256,
            Source::Url { sha256, .. } => Some(*sha256),
            Source::Embedded { .. } => None,
        }
    }

    /// Whether these bytes, which were found there, are those that were meant; their digest.
    ///
    /// # Errors
    /// Where they do not fit the pin.
    pub fn accept(&self, bytes: &[u8]) -> Result<Digest, SourceError> {
        let found = Digest::of(bytes);
        match self.pin().filter(|expected| *expected != found) {
            Some(expected) => Err(SourceError::Digest { from: self.to_string(), expected, found }),
            None => Ok(found),
        }
    }

    /// What a file is that somebody may have meant as a plan file.
    fn perhaps_a_plan(&self) -> Option<&'static str> {
        match self.file()?.extension()?.to_str()? {
            "toml" => Some("a text file, perhaps a plan (give one of the components that it names)"),
            "yaml" | "yml" | "json" => Some("a text file (a plan file is TOML, and its name ends in .toml)"),
            _ => None,
        }
    }
}

impl Source {
    fn read_file(&self, path: &Path, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        let failed = |source| SourceError::Read { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        // By what is read, and not by what the file says of its size, which is 0 of devices.
        file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > max_bytes { Err(self.too_large(max_bytes)) } else { Ok(bytes) }
    }

    fn too_large(&self, max_bytes: u64) -> SourceError {
        SourceError::TooLarge { from: self.to_string(), max_bytes }
    }

    async fn fetch(&self, url: &url::Url, max_bytes: u64, may_fetch: MayFetch) -> Result<Vec<u8>, SourceError> {
        let fail = |why: String| SourceError::Fetch { url: url.to_string(), why };
        let chain = |error: reqwest::Error| fail(with_causes(&error));
        let redirects = reqwest::redirect::Policy::custom(move |redirect| match redirect.previous().len() {
            // The first of them is no redirect.
            urls if urls > MAX_REDIRECTS => redirect.error(format!("more than {MAX_REDIRECTS} redirects")),
            _ if may_fetch(redirect.url()) => redirect.follow(),
            _ => {
                let host = redirect.url().host_str().unwrap_or_default().to_owned();
                redirect.error(format!("the policy does not have {host}, where it redirects to, among `fetched-from`"))
            }
        });
        let client = reqwest::Client::builder()
            .https_only(true)
            .redirect(redirects)
            .timeout(Duration::from_secs(120))
            .user_agent(concat!("wasmload/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(chain)?;
        let mut response = client.get(url.clone()).send().await.map_err(chain)?.error_for_status().map_err(chain)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(chain)? {
            if (bytes.len() + chunk.len()) as u64 > max_bytes {
                return Err(self.too_large(max_bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_url_needs_a_pin_and_https() {
        let source: Source = format!("https://example.org/a/cities.wasm#sha256={PIN}").parse().unwrap();
        assert_eq!(source.scenario_name(), "cities");
        let Source::Url { url, sha256 } = source else { panic!("not a URL") };
        assert_eq!(url.as_str(), "https://example.org/a/cities.wasm");
        assert_eq!(sha256.to_string(), PIN);
        for (bad, expected) in [
            ("https://example.org/a.wasm".to_owned(), "without a pin"),
            ("https://example.org/a.wasm#sha256=12".to_owned(), "without a pin"),
            ("https://example.org/a.wasm#part".to_owned(), "without a pin"),
            (format!("http://example.org/a.wasm#sha256={PIN}"), "plain http"),
            (format!("https://user:pa55@example.org/a.wasm#sha256={PIN}"), "fetch from example.org with a user name"),
        ] {
            let error = bad.parse::<Source>().unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("pa55"), "{error}");
        }
    }

    #[test]
    fn a_path_may_have_a_pin() {
        let source: Source = "shops/a#1.wasm".parse().unwrap();
        assert_eq!(source, Source::Path { path: "shops/a#1.wasm".into(), sha256: None });
        let source: Source = format!("shops/a#1.wasm#sha256={PIN}").parse().unwrap();
        assert_eq!((source.file(), source.to_string().as_str()), (Some(Path::new("shops/a#1.wasm")), "shops/a#1.wasm"));
        assert_eq!(source.scenario_name(), "a#1");
        assert_eq!(source.pinned(&Digest::of(b"")), format!("shops/a#1.wasm#sha256={PIN}"));
        assert_eq!(source.accept(b"").unwrap().to_string(), PIN);
        let error = source.accept(b"other").unwrap_err().to_string();
        assert!(
            error.contains(&format!("accept shops/a#1.wasm: its digest is sha256={}", Digest::of(b"other"))),
            "{error}"
        );
        assert!(error.contains(&format!("the pin says sha256={PIN}")), "{error}");
        let error = "a.wasm#sha256=12".parse::<Source>().unwrap_err().to_string();
        assert!(error.contains("'a.wasm#sha256=12'; write #sha256= and the 64 hexadecimal digits"), "{error}");
    }

    #[tokio::test]
    async fn what_is_read_comes_with_its_digest() {
        let source = Source::Embedded { name: "empty", bytes: b"\0asm\x0d\0\x01\0" };
        let content = source.read(1_000, any_url()).await.unwrap();
        assert_eq!(content.sha256, Digest::of(&content.bytes));
    }

    #[tokio::test]
    async fn errors_say_how_to_make_a_component() {
        let source = Source::Embedded { name: "x.py", bytes: b"import os" };
        let error = source.read(100, any_url()).await.unwrap_err().to_string();
        assert!(error.contains("x.py") && error.contains("componentize-py"), "{error}");
    }
}
