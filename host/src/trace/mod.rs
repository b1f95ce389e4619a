//! Single exchanges made visible: what was sent, what came back, over which connection, and where the time went.
//!
//! [`Verbose`] prints them as curl does, [`Har`] keeps them in a file that browsers open. Both watch virtual users.
//! It owns these two formats, and hides secrets in all that it shows. It must not know guests, statistics or schedules,
//! and changes nothing of what it sees.

mod beginning;
#[cfg(test)]
mod fixture;
mod har;
mod together;
mod verbose;

use std::io;
use std::path::PathBuf;

pub use har::{Har, HarCounts, HarLimits};
pub use together::together;
pub use verbose::Verbose;

/// Why exchanges can't be shown. Texts fit behind "failed to".
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file can't be opened.
    #[error("open `{}` for exchanges; give --har a file that can be written", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file could not be written to its end.
    #[error("write exchanges to `{}`; the file given by --har is not complete", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The thread that writes the file could not be started.
    #[error("start a thread for the file given by --har; the system may allow no more of them")]
    Thread(#[source] io::Error),
}
