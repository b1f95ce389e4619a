//! Plan files, in the directory of the run that they are for.

use std::fs;
use std::os::unix::fs::symlink;

use super::program::{Wasmload, guest};

impl Wasmload {
    /// `wasmload COMMAND plan.toml`, with that text in the file, and the test guests in the folder `guests` beside it.
    pub(crate) fn with_plan(command: &str, text: &str) -> Wasmload {
        let program = Wasmload::new([command, "plan.toml"]).file("plan.toml", text);
        let guest = guest("status_only");
        let guests = guest.parent().expect("guests are in a directory");
        symlink(guests, program.directory.path().join("guests")).expect("a temporary directory takes a link");
        program
    }

    /// `wasmload run plan.toml`, with its summary written as JSON.
    pub(crate) fn run_plan(text: &str) -> Wasmload {
        Wasmload::with_plan("run", text).with("--json summary.json")
    }

    /// With a file of that name and content where it runs. Folders in the name are made.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Wasmload {
        let path = self.directory.path().join(name);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a temporary directory takes a folder");
        fs::write(&path, content).expect("a temporary directory takes a file");
        self
    }
}
