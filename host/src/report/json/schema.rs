//! Checks documents against the published schema.

use std::sync::LazyLock;

use serde_json::Value;

/// The published schema.
pub(super) static SCHEMA_FILE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../docs/summary.schema.json")).expect("the schema is JSON")
});

/// [`check`], and that the schema names every field.
pub(super) fn check_all(value: &Value, schema: &Value) -> Result<(), String> {
    let mut named = Vec::new();
    check(value, schema, &mut named)?;
    match value.as_object().into_iter().flatten().find(|(field, _)| !named.contains(field)) {
        Some((field, _)) => Err(format!("the schema has no {field}")),
        None => Ok(()),
    }
}

/// Whether a value fits a schema, by the keywords that ours uses; a field that the schema does not name does not fit.
fn check(value: &Value, schema: &Value, named: &mut Vec<String>) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').ok_or("a reference elsewhere")?;
        return check(value, SCHEMA_FILE.pointer(pointer).ok_or(reference)?, named);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(value, part, named)?;
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        let tried = variants.iter().map(|variant| {
            let mut inside = Vec::new();
            check(value, variant, &mut inside).map(|()| inside)
        });
        let fits: Vec<_> = tried.flatten().collect();
        let [inside] = &fits[..] else { return Err(format!("{} variants fit {value}", fits.len())) };
        named.extend_from_slice(inside);
    }
    check_type(value, schema)?;
    if schema["additionalProperties"].is_object() {
        for (name, value) in value.as_object().into_iter().flatten() {
            check_all(value, &schema["additionalProperties"])?;
            named.push(name.clone());
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check_all(item, &schema["items"])?;
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        check_all(value.get(name).ok_or_else(|| format!("no {name} in {value}"))?, schema)?;
        named.push(name.clone());
    }
    Ok(())
}

fn check_type(value: &Value, schema: &Value) -> Result<(), String> {
    let is = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        _ => false,
    };
    let typed = match &schema["type"] {
        Value::Null => true,
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    };
    let constant = schema.get("const").is_none_or(|constant| value == constant);
    let listed = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    if typed && constant && listed { Ok(()) } else { Err(format!("{value} does not fit {schema}")) }
}
