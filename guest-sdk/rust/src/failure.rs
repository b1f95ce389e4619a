//! Why an iteration, a task or a hook failed.

use std::fmt;

/// What an iteration, a task or a hook comes to: a value, or the reason why it failed.
pub type Outcome<T = ()> = Result<T, Failure>;

/// The reason why an iteration, a task or a hook failed.
///
/// The report counts failures by their reason, so a good reason says what went wrong without saying where it happened
/// this time: `no token in the answer`, not `no token for ann-1742@example.com`.
///
/// Every error of the standard library's kind becomes one with `?`, with its text as the reason. A failure is not such an
/// error itself; [`Failure::new`], [`fail!`](crate::fail) and [`OrFail`] make one from a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    reason: String,
}

impl Failure {
    /// A failure for that reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The reason, without a copy.
    pub fn into_reason(self) -> String {
        self.reason
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

/// Turns what is missing into a [`Failure`].
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// fn host() -> Outcome<String> {
///     variable("host").or_fail("give the host with --var host=NAME")
/// }
/// ```
pub trait OrFail<T> {
    /// The value, or a failure for that reason.
    ///
    /// # Errors
    /// Where there is no value.
    fn or_fail(self, reason: &str) -> Outcome<T>;
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, reason: &str) -> Outcome<T> {
        self.ok_or_else(|| Failure::new(reason))
    }
}

impl<T, E> OrFail<T> for Result<T, E> {
    fn or_fail(self, reason: &str) -> Outcome<T> {
        self.map_err(|_| Failure::new(reason))
    }
}

/// Returns from an iteration, a task or a hook with a [`Failure`]; the reason is formatted as by `format!`.
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// fn page(number: u32) -> Outcome {
///     if number > 9 {
///         fail!("there are 9 pages");
///     }
///     get(&format!("/pages/{number}")).name("/pages/{n}").send().expect_status(200)?;
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! fail {
    ($($reason:tt)+) => {
        return ::core::result::Result::Err($crate::Failure::new(::std::format!($($reason)+)))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_text_as_the_reason() {
        fn parse(text: &str) -> Outcome<u32> {
            Ok(text.parse::<u32>()?)
        }
        assert_eq!(parse("7"), Ok(7));
        assert_eq!(parse("x"), Err(Failure::new("invalid digit found in string")));
    }

    #[test]
    fn what_is_missing_fails_for_the_given_reason() {
        assert_eq!(None::<u8>.or_fail("nothing"), Err(Failure::new("nothing")));
        assert_eq!(Err::<u8, _>("detail").or_fail("nothing"), Err(Failure::new("nothing")));
        assert_eq!(Some(1).or_fail("nothing"), Ok(1));
    }

    #[test]
    fn fail_formats_its_reason_and_returns() {
        fn odd(number: u32) -> Outcome {
            if number.is_multiple_of(2) {
                fail!("{number} is even");
            }
            Ok(())
        }
        assert_eq!(odd(3), Ok(()));
        assert_eq!(odd(4).map_err(Failure::into_reason), Err("4 is even".to_owned()));
    }
}
