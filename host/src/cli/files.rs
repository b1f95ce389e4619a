//! Files that a command line or a plan file names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A file's bytes. Devices have no size, and some no end, so it goes by what is read.
///
/// # Errors
/// It can't be read, or has more than so many bytes.
pub(super) fn read_up_to(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {max_bytes} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_to_its_end() {
        let error = read_up_to(Path::new("/dev/zero"), 1_000).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 1000 bytes");
        assert_eq!(read_up_to(Path::new("/dev/null"), 0).unwrap(), b"");
    }
}
