//! Values that scenarios may use and nobody may print.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// What stands in a text where a secret stood.
const MASK: &str = "***";

/// The shortest line of a secret with several that is hidden by itself.
const MIN_LINE_BYTES: usize = 8;

/// Secrets by name.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, String>,
    /// What to hide, the longest first: one that has another in it is hidden whole.
    hidden: Vec<String>,
}

impl Secrets {
    /// Secrets of these names and values.
    ///
    /// Of one with several lines each line is hidden too, since logs print them one by one; those of a few characters are
    /// not, for they would hide what is no secret.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Secrets {
        let values: BTreeMap<String, String> = values.into_iter().collect();
        let whole = values.values().filter(|value| !value.is_empty());
        let lines = values.values().flat_map(|value| value.lines()).filter(|line| line.len() >= MIN_LINE_BYTES);
        let mut hidden: Vec<String> = whole.cloned().chain(lines.map(str::to_owned)).collect();
        hidden.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Secrets { values, hidden }
    }

    /// The secret of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The text with every secret in it hidden.
    pub(super) fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for value in &self.hidden {
            if masked.contains(value.as_str()) {
                masked = Cow::Owned(masked.replace(value.as_str(), MASK));
            }
        }
        masked
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_secret_are_hidden_one_by_one() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n}\n";
        let secrets = Secrets::new([("key".to_owned(), key.to_owned())]);
        assert_eq!(secrets.mask("it has MIIEvQIBADANBg in it"), "it has *** in it");
        assert_eq!(secrets.mask("}"), "}");
    }

    #[test]
    fn values_are_hidden_in_texts_and_in_debug_output() {
        let secrets = Secrets::new([("token".to_owned(), "s3cret".to_owned()), ("none".to_owned(), String::new())]);
        assert_eq!(secrets.mask("bearer s3cret, s3cret"), "bearer ***, ***");
        assert!(matches!(secrets.mask("nothing here"), Cow::Borrowed("nothing here")));
        assert_eq!(format!("{secrets:?}"), r#"{"none", "token"}"#);
        assert_eq!(secrets.get("token"), Some("s3cret"));
    }

    #[test]
    fn a_secret_that_has_another_in_it_is_hidden_whole() {
        let secrets = Secrets::new([("a".to_owned(), "s3".to_owned()), ("b".to_owned(), "my-s3cret".to_owned())]);
        assert_eq!(secrets.mask("my-s3cret and s3"), "*** and ***");
    }
}
