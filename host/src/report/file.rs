//! Files that outputs write when a run has ended.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::OutputError;

/// A file for a run's result. It is opened before the run, so that a path that can't be written is found before an hour of
/// load and not after it; what it held stays until the result replaces it.
#[derive(Debug)]
pub(super) struct ResultFile {
    what: &'static str,
    path: PathBuf,
    file: Option<File>,
}

impl ResultFile {
    /// The file for `what`, for example `the summary`.
    pub(super) fn new(what: &'static str, path: PathBuf) -> Self {
        ResultFile { what, path, file: None }
    }

    /// Opens it, and makes it where there is none.
    pub(super) fn open(&mut self) -> Result<(), OutputError> {
        // Left open: a reader at the other end of a pipe would take closing it for the end.
        self.file = Some(self.opened().map_err(|source| self.error(source))?);
        Ok(())
    }

    /// Replaces what it holds. Opens it where [`ResultFile::open`] was not called.
    pub(super) fn write(&mut self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), OutputError> {
        let file = match self.file.take() {
            Some(file) => Ok(file),
            None => self.opened(),
        };
        file.and_then(|file| replace(&file, content)).map_err(|source| self.error(source))
    }

    fn opened(&self) -> io::Result<File> {
        File::options().write(true).create(true).truncate(false).open(&self.path)
    }

    fn error(&self, source: io::Error) -> OutputError {
        OutputError::Write { what: format!("{} to `{}`", self.what, self.path.display()), source }
    }
}

fn replace(file: &File, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // A pipe or a terminal has no length to set.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    let mut out = BufWriter::new(file);
    content(&mut out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of the test's own, gone when it ends.
    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("wasmload-{test}-{}", std::process::id()));
            std::fs::create_dir_all(&path).expect("there is room for temporary files");
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            // What stays behind is harmless.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_result_replaces_the_one_before_it_only_when_it_is_there() {
        let directory = Directory::new("replaces");
        let path = directory.0.join("summary.json");
        std::fs::write(&path, "a longer result of before").expect("the directory is ours");
        let mut file = ResultFile::new("the summary", path.clone());
        file.open().expect("the file can be written");
        let held = || std::fs::read_to_string(&path).expect("the file is there");
        assert_eq!(held(), "a longer result of before");
        file.write(|out| out.write_all(b"new")).expect("the file can be written");
        assert_eq!(held(), "new");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_named_before_the_run() {
        let directory = Directory::new("named");
        let mut file = ResultFile::new("the summary", directory.0.join("missing").join("summary.json"));
        let error = file.open().expect_err("there is no such directory").to_string();
        assert!(error.starts_with("write the summary to `") && error.ends_with("summary.json`"), "{error}");
    }

    #[test]
    fn what_goes_wrong_while_writing_is_told() {
        let directory = Directory::new("told");
        let mut file = ResultFile::new("the summary", directory.0.join("summary.json"));
        let result = file.write(|_| Err(io::ErrorKind::StorageFull.into()));
        assert!(
            matches!(result, Err(OutputError::Write { source, .. }) if source.kind() == io::ErrorKind::StorageFull)
        );
    }
}
