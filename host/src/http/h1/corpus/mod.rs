//! Responses, right and wrong, with what comes of each: here, in hyper and in curl.
//!
//! They are in `tests/corpus/responses.json`, by theme. A case has the response's bytes and the outcome here; where
//! hyper or curl differs, also its outcome and why that isn't ours. The judge is RFC 9112, then what servers send, then
//! curl.

mod curl;
mod hyper;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::fuzz;
use super::reader::{Reader, Rules};
use crate::http::config::Config;
use crate::http::error::Error;

/// One response on a connection of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The request's method.
    #[serde(default = "get")]
    method: String,
    /// Whether the server closes the connection behind the response.
    #[serde(default)]
    close: bool,
    wire: Bytes,
    expect: Outcome,
    hyper: Option<Difference>,
    curl: Option<Difference>,
}

/// Another client's outcome that isn't ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    outcome: Outcome,
    because: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Outcome {
    Response(Taken),
    Failure(Failure),
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Taken {
    status: u16,
    /// After decoding.
    body: Bytes,
    /// Whether the connection serves another request.
    keep_alive: bool,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Failure {
    Protocol,
    BodyTooLarge,
    /// Any, of another client.
    Fails,
}

/// Written as a text whose characters are the bytes, or as a list of such texts, some as `[text, times]`.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(from = "Text")]
struct Bytes(Vec<u8>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Once(String),
    Repeated(String, usize),
}

impl From<Text> for Bytes {
    fn from(text: Text) -> Self {
        let parts = match text {
            Text::Whole(text) => vec![Part::Once(text)],
            Text::Parts(parts) => parts,
        };
        let text: String = parts.into_iter().map(Part::text).collect();
        Bytes(text.chars().map(|byte| u8::try_from(byte).expect("characters stand for bytes")).collect())
    }
}

impl Part {
    fn text(self) -> String {
        match self {
            Part::Once(text) => text,
            Part::Repeated(text, times) => text.repeat(times),
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(200)];
        write!(formatter, "\"{}\" ({} bytes)", shown.escape_ascii(), self.0.len())
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn corpus() -> Vec<Case> {
    let text = include_str!("../../../../../tests/corpus/responses.json");
    let themes: BTreeMap<String, Vec<Case>> = serde_json::from_str(text).expect("the corpus is well formed");
    let named = |theme: &str, case: Case| Case { name: format!("{theme}: {}", case.name), ..case };
    themes.into_iter().flat_map(|(theme, cases)| cases.into_iter().map(move |case| named(&theme, case))).collect()
}

impl Outcome {
    fn is_like(&self, other: &Outcome) -> bool {
        self == other || matches!((self, other), (Outcome::Failure(_), Outcome::Failure(_)))
    }
}

impl Case {
    fn rules(&self) -> Rules {
        let config = Config::default();
        Rules {
            without_body: self.method == "HEAD",
            max_head_bytes: config.max_head_bytes,
            max_body_bytes: Some(config.max_body_bytes),
        }
    }

    /// Where the bytes are cut in two: everywhere, or in many places where there are many bytes.
    fn cuts(&self) -> impl Iterator<Item = usize> {
        let length = self.wire.0.len();
        let all = length < 2000;
        (0..=length).filter(move |cut| all || *cut < 100 || length - cut < 50 || cut % (length / 50) == 0)
    }

    /// What comes of the bytes in those pieces.
    fn read(&self, pieces: &[&[u8]]) -> Outcome {
        let mut reader = Reader::new(self.rules());
        let mut pieces = pieces.iter().filter(|piece| !piece.is_empty());
        let read = (|| {
            for piece in pieces.by_ref() {
                if reader.feed(piece)? {
                    return reader.finish();
                }
            }
            assert!(self.close, "{}: waits for more", self.name);
            reader.end()?;
            reader.finish()
        })();
        match read {
            // A connection with bytes that nobody asked for is found out when it is to be used again.
            Ok((response, keep_alive)) => Outcome::Response(Taken {
                status: response.status(),
                body: Bytes(response.body().to_vec()),
                keep_alive: keep_alive && pieces.next().is_none() && !self.close,
            }),
            Err(Error::Protocol(_)) => Outcome::Failure(Failure::Protocol),
            Err(Error::BodyTooLarge(_)) => Outcome::Failure(Failure::BodyTooLarge),
            Err(other) => panic!("{}: {other}", self.name),
        }
    }

    /// What is wrong with another client's outcome: it differs from ours, or from the difference that the case says.
    fn judge(&self, client: &str, documented: Option<&Difference>, found: &Outcome) -> Option<String> {
        let says = |what: &str| Some(format!("{}: {client} gives {found:?}, {what}", self.name));
        match documented {
            None if found.is_like(&self.expect) => None,
            None => says(&format!("and wasmload {:?}; the corpus doesn't say why", self.expect)),
            Some(Difference { outcome, .. }) if found != outcome => says(&format!("not {outcome:?}")),
            Some(_) if found.is_like(&self.expect) => says("as wasmload does; there is no difference to explain"),
            Some(Difference { because, .. }) if because.is_empty() => says("without a reason"),
            Some(_) => None,
        }
    }
}

#[test]
fn responses_give_what_they_should_wherever_they_are_cut() {
    for case in corpus() {
        let wire = &case.wire.0[..];
        assert_eq!(case.read(&[wire]), case.expect, "{}: whole", case.name);
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(case.read(&bytes), case.expect, "{}: byte by byte", case.name);
        for cut in case.cuts() {
            let (one, two) = wire.split_at(cut);
            assert_eq!(case.read(&[one, two]), case.expect, "{}: cut at {cut}", case.name);
        }
    }
}

#[test]
fn responses_hold_what_fuzzing_asks_under_all_rules() {
    for case in corpus() {
        for flags in 0..16 {
            fuzz::check(&[&[flags, 6, 0, 99], &case.wire.0[..]].concat());
        }
    }
}

#[test]
fn cases_have_names_of_their_own() {
    let mut names: Vec<_> = corpus().into_iter().map(|case| case.name).collect();
    let all = names.len();
    assert!(all >= 200, "{all}");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}
