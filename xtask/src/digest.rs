//! A digest of a build's sources, which says whether what was built still fits them.

use std::fs;
use std::path::{Component, Path};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::project;

/// The SHA-256 of those files, and of all files below those folders, by their names and contents, in hexadecimal. The
/// places are relative to the project.
///
/// # Errors
/// Where one can't be read.
pub(crate) fn of(places: &[&str]) -> Result<String> {
    of_below(&project::root(), places)
}

fn of_below(root: &Path, places: &[&str]) -> Result<String> {
    let mut digest = Sha256::new();
    for place in places {
        let path = root.join(place);
        let files = if path.is_dir() { project::files_below(&path)? } else { vec![path] };
        for file in files {
            let content = fs::read(&file).with_context(|| format!("failed to read {}", file.display()))?;
            // Lengths keep one file's end apart from the next one's start.
            let name = portable_name(file.strip_prefix(root).unwrap_or(&file));
            for part in [name.as_bytes(), &content] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn portable_name(path: &Path) -> String {
    let parts = path.components().map(Component::as_os_str);
    parts.map(|part| part.to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().expect("a folder for the test");
        fs::create_dir(folder.path().join("src")).expect("a folder in it");
        for (name, content) in files {
            fs::write(folder.path().join("src").join(name), content).expect("a file in it");
        }
        of_below(folder.path(), &["src"]).expect("a digest")
    }

    #[test]
    fn names_and_contents_count_and_the_folder_does_not() {
        let before = digest(&[("a", "1"), ("b", "2")]);
        assert_eq!(before, digest(&[("b", "2"), ("a", "1")]));
        assert_ne!(before, digest(&[("a", "1"), ("b", "3")]));
        assert_ne!(before, digest(&[("a", "1"), ("c", "2")]));
        assert_ne!(before, digest(&[("a", "12"), ("b", "")]));
        assert_eq!(before.len(), 64);
    }

    #[test]
    fn hidden_files_and_build_folders_do_not_count() {
        assert_eq!(digest(&[("a", "1")]), digest(&[("a", "1"), (".swp", "x"), ("target", "y")]));
    }
}
