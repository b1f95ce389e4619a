//! The JSON schema of plan files, out of the flags.

use clap::Arg;
use serde_json::{Map, Value, json};

use super::keys::{Form, Keys, form, is_fraction, is_number};

/// The schema, for editors: JSON Schema, draft 2020-12.
pub(in crate::cli) fn schema() -> String {
    let mut properties = properties(&Keys::of_plan());
    let scenario = json!({
        "description": "What some of the virtual users run, what it is given, and its load or its share of the load",
        "type": "object",
        "properties": self::properties(&Keys::of_scenario()),
        "required": ["component"],
        "additionalProperties": false,
    });
    properties.insert("scenario".to_owned(), json!({ "type": "array", "minItems": 1, "items": scenario }));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A plan file of wasmload",
        "type": "object",
        "properties": properties,
        "oneOf": [{ "required": ["scenario"] }, { "required": ["component"] }],
        "additionalProperties": false,
    });
    format!("{schema:#}\n")
}

fn properties(keys: &Keys) -> Map<String, Value> {
    keys.all().map(|(key, arg)| (key.to_owned(), property(arg))).collect()
}

fn property(arg: &Arg) -> Value {
    let mut property = Map::new();
    if let Some(help) = arg.get_help() {
        property.insert("description".to_owned(), help.to_string().into());
    }
    let Value::Object(shape) = shape(arg) else { return property.into() };
    property.extend(shape);
    if let [default] = arg.get_default_values() {
        property.insert("default".to_owned(), default_value(arg, &default.to_string_lossy()));
    }
    property.into()
}

/// Which values a key takes.
fn shape(arg: &Arg) -> Value {
    let one = one(arg);
    let list = json!({ "type": "array", "items": one });
    match form(arg) {
        Form::Switch => json!({ "type": "boolean" }),
        Form::One => one,
        Form::List | Form::Many => json!({ "anyOf": [one, list] }),
        Form::Named => {
            let value = json!({ "type": ["string", "number", "boolean"] });
            json!({ "anyOf": [{ "type": "object", "additionalProperties": value }, list, one] })
        }
    }
}

fn one(arg: &Arg) -> Value {
    let words: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let has_unit = || {
        arg.get_value_names().is_some_and(|names| names.iter().any(|n| ["TIME", "SIZE", "RATE"].contains(&n.as_str())))
    };
    match () {
        () if !words.is_empty() => json!({ "enum": words }),
        () if is_number(arg) && is_fraction(arg) => json!({ "type": "number" }),
        () if is_number(arg) => json!({ "type": "integer" }),
        // A bare number has the unit that the flag's help names.
        () if has_unit() => json!({ "type": ["string", "number"] }),
        () => json!({ "type": "string" }),
    }
}

/// A default as a value of its type.
fn default_value(arg: &Arg, text: &str) -> Value {
    match form(arg) {
        Form::Switch => Value::Bool(text == "true"),
        _ if is_number(arg) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        _ => text.into(),
    }
}
