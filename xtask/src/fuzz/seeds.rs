//! What fuzzing begins with: inputs out of the corpus and the documentation, and pieces that inputs are made of.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::project;

/// Files with plan files in them.
const PLAN_FILES: [&str; 4] = ["README.md", "docs/guide.md", "docs/plan.md", "host/src/cli/plan_file/golden/plan.toml"];

/// What a target begins with.
#[derive(Debug, Default)]
pub(super) struct Material {
    pub(super) seeds: Vec<Vec<u8>>,
    /// Texts that are put into inputs.
    pub(super) pieces: Vec<Vec<u8>>,
}

impl Material {
    /// That of a target; nothing for one that nothing is known of.
    ///
    /// # Errors
    /// Where a file can't be read, or is not what it should be.
    pub(super) fn of(target: &str) -> Result<Self> {
        let mut material = Self::of_corpus(target)?;
        match target {
            "response" => material.seeds.extend(responses()?),
            "plan" => material.add_plans()?,
            "component" => material.add_components()?,
            _ => {}
        }
        Ok(material)
    }

    fn of_corpus(target: &str) -> Result<Self> {
        let path = "tests/corpus/inputs.json";
        let corpus = read_json(path)?;
        let list = |what: &str| corpus[target][what].as_array().into_iter().flatten();
        let malformed = |value: &Value| format!("malformed value in {path}: {value}");
        let seeds = list("seeds").map(|value| seed(value).with_context(|| malformed(value)));
        let piece = |value: &Value| Some(value.as_str()?.as_bytes().to_owned());
        let pieces = list("pieces").map(|value| piece(value).with_context(|| malformed(value)));
        Ok(Self { seeds: seeds.collect::<Result<_>>()?, pieces: pieces.collect::<Result<_>>()? })
    }

    /// Adds a component, and its beginnings, which are as long as an input may be.
    fn add_components(&mut self) -> Result<()> {
        let whole = read_bytes("host/assets/cities.wasm")?;
        let beginnings = [8, 1_000, 4_000, 8_000].map(|length| whole.iter().copied().take(length).collect());
        self.seeds.extend(beginnings);
        self.seeds.push(whole);
        Ok(())
    }

    /// Adds the plan files of the documentation, and all keys.
    fn add_plans(&mut self) -> Result<()> {
        for file in PLAN_FILES {
            let text = read(file)?;
            if file.ends_with(".toml") {
                self.seeds.push(with_component(&text));
            }
            // What follows a fence is code, up to the next one.
            let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
            self.seeds.extend(blocks.map(with_component));
        }
        let schema = read_json("docs/plan.schema.json")?;
        let keys = schema["properties"].as_object().into_iter().flatten();
        self.pieces.extend(keys.map(|(key, _)| format!("{key} = ").into_bytes()));
        Ok(())
    }
}

/// A first byte where there is one, and texts with a byte between them that no text has.
fn seed(value: &Value) -> Option<Vec<u8>> {
    let parts = value.as_array()?;
    let first = match parts.first()?.as_u64() {
        Some(byte) => Some(u8::try_from(byte).ok()?),
        None => None,
    };
    let texts = parts.iter().skip(usize::from(first.is_some())).map(|part| Some(part.as_str()?.as_bytes()));
    let texts = texts.collect::<Option<Vec<_>>>()?;
    Some(first.into_iter().chain(texts.join(&0xff)).collect())
}

/// The plan file with scenarios that are there.
fn with_component(plan: &str) -> Vec<u8> {
    let lines = plan.lines().map(|line| match line.split_once("component = ") {
        Some((before, _)) if !before.contains('#') => format!("{before}component = \"cities.wasm\"\n"),
        _ => format!("{line}\n"),
    });
    lines.collect::<String>().into_bytes()
}

/// The responses of the corpus: each whole, under the rules of its method.
fn responses() -> Result<Vec<Vec<u8>>> {
    let path = "tests/corpus/responses.json";
    let themes = read_json(path)?;
    let cases = themes.as_object().into_iter().flatten().filter_map(|(_, cases)| cases.as_array()).flatten();
    let input = |case: &Value| {
        let wire = wire(&case["wire"]).with_context(|| format!("malformed case in {path}: {case}"))?;
        let to_head = case["method"] == "HEAD";
        // Flags, then the sizes of pieces; see host/src/http/h1/fuzz.rs.
        Ok([&[u8::from(to_head), 255, 0, 30], &wire[..]].concat())
    };
    cases.map(input).collect()
}

/// A response's bytes, which the corpus writes as characters: one text, or several, some as `[text, times]`.
fn wire(value: &Value) -> Option<Vec<u8>> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part).collect::<Option<String>>()?,
        _ => return None,
    };
    text.chars().map(|byte| u8::try_from(byte).ok()).collect()
}

fn part(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(repeated) => {
            let times = usize::try_from(repeated.get(1)?.as_u64()?).ok()?;
            Some(repeated.first()?.as_str()?.repeat(times))
        }
        _ => None,
    }
}

fn read_bytes(path: &str) -> Result<Vec<u8>> {
    fs::read(project::root().join(path)).with_context(|| format!("failed to read {path}"))
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(project::root().join(path)).with_context(|| format!("failed to read {path}"))
}

fn read_json(path: &str) -> Result<Value> {
    serde_json::from_str(&read(path)?).with_context(|| format!("failed to parse {path}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_are_written_as_characters() {
        assert_eq!(wire(&json!("a\u{ff}")), Some(vec![b'a', 255]));
        assert_eq!(wire(&json!(["a", ["bc", 2], "d"])), Some(b"abcbcd".to_vec()));
        for malformed in [json!("\u{100}"), json!(1), json!([1]), json!([["a", -1]]), json!([["a"]])] {
            assert_eq!(wire(&malformed), None, "{malformed}");
        }
    }

    #[test]
    fn fields_stand_apart() {
        assert_eq!(seed(&json!([7, "a", "", "é"])), Some(b"\x07a\xff\xff\xc3\xa9".to_vec()));
        assert_eq!(seed(&json!(["a"])), Some(b"a".to_vec()));
        for malformed in [json!([256, "a"]), json!([1, 2]), json!([]), json!("a")] {
            assert_eq!(seed(&malformed), None, "{malformed}");
        }
    }

    #[test]
    fn each_target_begins_with_something() -> Result<()> {
        let targets = super::super::targets()?;
        assert!(targets.len() >= 5, "{targets:?}");
        for target in targets {
            assert!(Material::of(&target)?.seeds.len() >= 5, "{target}");
        }
        let plans = Material::of("plan")?;
        assert!(plans.seeds.iter().filter(|seed| seed.ends_with(b"\n")).count() > 10);
        assert!(plans.pieces.contains(&b"max-vus = ".to_vec()));
        Ok(())
    }

    #[test]
    fn scenarios_of_plans_are_there() {
        let plan = "# component = 'a.wasm'\n[[scenario]]\ncomponent = \"a.wasm\" # browse\n";
        let expected = "# component = 'a.wasm'\n[[scenario]]\ncomponent = \"cities.wasm\"\n";
        assert_eq!(with_component(plan), expected.as_bytes());
    }
}
