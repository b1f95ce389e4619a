//! Documents against the published JSON Schema, by the keywords that it uses.

use std::cmp::Ordering;

use serde_json::Value;

use crate::support::program::root;

/// What the check leaves out: words for people, and notations that take a library to read. Any other keyword that it does
/// not know is an error, so that none is left out unseen.
const LEFT_OUT: [&str; 6] = ["$schema", "$defs", "title", "description", "format", "pattern"];

/// The published schema.
pub(super) struct Schema(Value);

impl Schema {
    pub(super) fn published() -> Schema {
        let text = std::fs::read_to_string(root().join("docs/summary.schema.json")).expect("the schema is in docs/");
        Schema(serde_json::from_str(&text).expect("the schema is JSON"))
    }

    #[track_caller]
    pub(super) fn assert_fits(&self, document: &Value) {
        if let Err(why) = self.check(document, &self.0) {
            panic!("{why}");
        }
    }

    fn check(&self, value: &Value, schema: &Value) -> Result<(), String> {
        let keywords = schema.as_object().ok_or_else(|| format!("{schema} is no schema"))?;
        for (keyword, argument) in keywords {
            match keyword.as_str() {
                "$ref" => self.check(value, self.definition(argument)?)?,
                "allOf" => list(argument).iter().try_for_each(|part| self.check(value, part))?,
                "oneOf" => self.check_one_of(value, list(argument))?,
                "properties" => self.check_properties(value, argument)?,
                // Of objects whose keys nobody knows beforehand.
                "additionalProperties" if !keywords.contains_key("properties") => {
                    value.as_object().into_iter().flatten().try_for_each(|(_, value)| self.check(value, argument))?;
                }
                "items" => list(value).iter().try_for_each(|item| self.check(item, argument))?,
                simple => check_simple(value, simple, argument)?,
            }
        }
        Ok(())
    }

    fn definition(&self, reference: &Value) -> Result<&Value, String> {
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.0.pointer(pointer)).ok_or_else(|| format!("{reference} leads nowhere"))
    }

    fn check_one_of(&self, value: &Value, variants: &[Value]) -> Result<(), String> {
        match variants.iter().filter(|variant| self.check(value, variant).is_ok()).count() {
            1 => Ok(()),
            fitting => Err(format!("{fitting} variants fit {value}")),
        }
    }

    fn check_properties(&self, value: &Value, properties: &Value) -> Result<(), String> {
        let properties = properties.as_object().into_iter().flatten();
        properties
            .filter_map(|(name, schema)| Some((name, schema, value.get(name)?)))
            .try_for_each(|(name, schema, value)| self.check(value, schema).map_err(|why| format!("in {name}: {why}")))
    }
}

/// The keywords that have no schema inside.
fn check_simple(value: &Value, keyword: &str, argument: &Value) -> Result<(), String> {
    let fits = match keyword {
        "type" if argument.is_array() => list(argument).iter().any(|name| has_type(value, name)),
        "type" => has_type(value, argument),
        "const" => value == argument,
        "enum" => list(argument).contains(value),
        "required" => list(argument).iter().all(|name| name.as_str().is_some_and(|name| value.get(name).is_some())),
        "minimum" => compare(value, argument).is_none_or(Ordering::is_ge),
        "maximum" => compare(value, argument).is_none_or(Ordering::is_le),
        other => LEFT_OUT.contains(&other),
    };
    if fits { Ok(()) } else { Err(format!("{value} does not fit {keyword}: {argument}")) }
}

/// A number against its bound; none for what is no number.
fn compare(value: &Value, bound: &Value) -> Option<Ordering> {
    value.as_f64()?.partial_cmp(&bound.as_f64()?)
}

fn has_type(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        _ => false,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn documents_that_do_not_fit_are_found_out() {
    let schema = Schema::published();
    let example = std::fs::read_to_string(root().join("host/src/report/golden/rich.json")).expect("the golden file");
    let example: Value = serde_json::from_str(&example).expect("the golden file is JSON");
    schema.assert_fits(&example);
    let refused = |change: fn(&mut Value)| {
        let mut document = example.clone();
        change(&mut document);
        assert_ne!(document, example, "nothing was changed");
        assert!(schema.check(&document, &schema.0).is_err(), "it fits though it was changed");
    };
    refused(|document| document["schema"] = "wasmload-summary/0".into());
    refused(|document| document["total"]["count"] = (-1).into());
    refused(|document| document["total"]["count"] = 1.5.into());
    refused(|document| document["requests"][0]["phases"]["wait"]["time_seconds"]["p99_9"] = "fast".into());
    refused(|document| document["end"] = serde_json::json!({ "reason": "boredom" }));
    refused(|document| drop(document.as_object_mut().and_then(|document| document.remove("series"))));
    refused(|document| drop(document["failures"][0].as_object_mut().and_then(|row| row.remove("kind"))));
}
