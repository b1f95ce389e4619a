//! Where a scenario's bytes come from, and whether they are a component at all.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// How to turn something else into a component; the end of every error about it.
const HOW_TO_MAKE: &str = "build one with the toolchain of your language: for Rust `cargo build --release --target \
                           wasm32-wasip2`, for JavaScript componentize-js, for Python componentize-py; a core module \
                           becomes one by `wasm-tools component new`";

/// Where a scenario is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// An https URL, pinned by the digest that its bytes must have.
    Url {
        /// The URL, without the pin.
        url: url::Url,
        /// The SHA-256 digest.
        sha256: [u8; 32],
    },
    /// Bytes that are part of the program, under a name for people.
    Embedded {
        /// What to call it.
        name: &'static str,
        /// The component.
        bytes: &'static [u8],
    },
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
        "accept {url}: its digest is sha256={found}, and the pin says sha256={expected}; the file was changed, or the pin is of another one"
    )]
    Digest {
        /// The URL.
        url: String,
        /// The digest that the pin asks for.
        expected: String,
        /// The digest of what came.
        found: String,
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
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return Ok(Source::Path(PathBuf::from(text)));
        }
        let mut url: url::Url =
            text.parse().map_err(|error| SourceError::Malformed(format!("parse the URL '{text}': {error}")))?;
        if url.scheme() != "https" {
            let what =
                format!("fetch a scenario by plain http ('{text}'); use https, or download it and give its path");
            return Err(SourceError::Malformed(what));
        }
        let pin = url.fragment().and_then(|fragment| fragment.strip_prefix("sha256=")).map(str::to_owned);
        let Some(sha256) = pin.as_deref().and_then(parse_hex) else {
            let what = format!(
                "fetch '{text}' without a pin; add #sha256= and the 64 hexadecimal digits of its digest \
                 (`sha256sum FILE` prints them), so that what runs is what you looked at"
            );
            return Err(SourceError::Malformed(what));
        };
        url.set_fragment(None);
        Ok(Source::Url { url, sha256 })
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Path(path) => write!(f, "{}", path.display()),
            Source::Url { url, .. } => write!(f, "{url}"),
            Source::Embedded { name, .. } => f.write_str(name),
        }
    }
}

impl Source {
    /// A short name for the scenario: the file's, without its ending.
    pub fn scenario_name(&self) -> String {
        let path = match self {
            Source::Path(path) => path.clone(),
            Source::Url { url, .. } => PathBuf::from(url.path()),
            Source::Embedded { name, .. } => PathBuf::from(name),
        };
        path.file_stem().map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// The component's bytes, at most so many.
    ///
    /// # Errors
    /// What can't be read or fetched, is too large, does not fit its pin, or is no component.
    pub async fn read(&self, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        let bytes = match self {
            Source::Path(path) => self.read_file(path, max_bytes)?,
            Source::Url { url, sha256 } => self.fetch(url, sha256, max_bytes).await?,
            Source::Embedded { bytes, .. } => bytes.to_vec(),
        };
        match not_a_component(&bytes).map(|what| self.perhaps_a_plan().unwrap_or(what)) {
            Some(what) => Err(SourceError::NotAComponent { from: self.to_string(), what }),
            None => Ok(bytes),
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

    /// What a file is that somebody may have meant as a plan file.
    fn perhaps_a_plan(&self) -> Option<&'static str> {
        let Source::Path(path) = self else { return None };
        let extension = path.extension()?.to_str()?;
        let is_notation = ["yaml", "yml", "json"].contains(&extension);
        is_notation.then_some("a text file (a plan file is TOML, and its name ends in .toml)")
    }
}

impl Source {
    async fn fetch(&self, url: &url::Url, sha256: &[u8; 32], max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        let fail = |why: String| SourceError::Fetch { url: url.to_string(), why };
        let chain = |error: reqwest::Error| fail(with_causes(&error));
        let client = reqwest::Client::builder()
            .https_only(true)
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
        let found: [u8; 32] = Sha256::digest(&bytes).into();
        if found != *sha256 {
            return Err(SourceError::Digest { url: url.to_string(), expected: hex(sha256), found: hex(&found) });
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

/// What the bytes are, when they are not a component.
fn not_a_component(bytes: &[u8]) -> Option<&'static str> {
    // The binary format's preamble: `\0asm`, a version, and a layer: 0 for core modules, 1 for components.
    match bytes {
        [b'\0', b'a', b's', b'm', _, _, layer, 0] => match layer {
            0 => Some("a core WebAssembly module with nothing in it"),
            _ => None,
        },
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => None,
        [b'\0', b'a', b's', b'm', _, _, 0, 0, ..] => Some("a core WebAssembly module"),
        [b'\0', b'a', b's', b'm', ..] => Some("WebAssembly of an unknown version"),
        [] => Some("empty"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive"),
        [0x1f, 0x8b, ..] => Some("a gzip file"),
        [0x7f, b'E', b'L', b'F', ..] => Some("a native program"),
        _ => Some(text_kind(bytes)),
    }
}

fn text_kind(bytes: &[u8]) -> &'static str {
    let head = &bytes[..bytes.len().min(4096)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character cut in two by the end of what is looked at.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return "a binary file of another kind",
    };
    let start = text.trim_start();
    if start.starts_with("(module") || start.starts_with("(component") || start.starts_with(";;") {
        "WebAssembly in text form"
    } else if start.starts_with("package ") && start.contains(';') {
        "a text file, perhaps WIT or source code"
    } else {
        "a text file, perhaps source code"
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
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
        assert_eq!(hex(&sha256), PIN);
        for (bad, expected) in [
            ("https://example.org/a.wasm".to_owned(), "without a pin"),
            ("https://example.org/a.wasm#sha256=12".to_owned(), "without a pin"),
            (format!("http://example.org/a.wasm#sha256={PIN}"), "plain http"),
        ] {
            let error = bad.parse::<Source>().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_no_component_is_called_by_its_name() {
        assert_eq!(not_a_component(b"\0asm\x0d\0\x01\0rest"), None);
        assert_eq!(not_a_component(b"\0asm\x01\0\0\0rest"), Some("a core WebAssembly module"));
        assert_eq!(not_a_component(b"(module)"), Some("WebAssembly in text form"));
        assert_eq!(not_a_component(b"print('hello')"), Some("a text file, perhaps source code"));
        assert_eq!(not_a_component(b"PK\x03\x04zip"), Some("a zip archive"));
        assert_eq!(not_a_component(b""), Some("empty"));
        assert_eq!(not_a_component(b"\xff\xfe\0\x01"), Some("a binary file of another kind"));
    }

    #[tokio::test]
    async fn errors_say_how_to_make_a_component() {
        let source = Source::Embedded { name: "x.py", bytes: b"import os" };
        let error = source.read(100).await.unwrap_err().to_string();
        assert!(error.contains("x.py") && error.contains("componentize-py"), "{error}");
    }
}
