//! The laws that fuzzing holds this module to; each stands beside the code that it is about.

use std::borrow::Cow;

pub(crate) use super::client::fuzz::check as request;
pub(crate) use super::cookies::fuzz::check as cookies;
pub(crate) use super::h1::fuzz::check as response;

/// What an input is made of: a byte of flags, and texts with a byte between them that no text has.
pub(super) fn fields(input: &[u8]) -> (u8, Vec<Cow<'_, str>>) {
    let (flags, texts) = input.split_first().unwrap_or((&0, &[]));
    (*flags, texts.split(|&byte| byte == 0xff).map(String::from_utf8_lossy).collect())
}
