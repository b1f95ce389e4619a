//! Why a run's TLS settings can't be used.

use std::io;
use std::path::PathBuf;

/// Why a run's TLS settings can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read.
    #[error("read {}, given with {flag}", path.display())]
    Read {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not PEM.
    #[error(
        "read {}, given with {flag}: {reason}; it wants PEM, with its -----BEGIN and -----END lines",
        path.display()
    )]
    Malformed {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file has no certificate.
    #[error(
        "find a certificate in {}, given with {flag}; it wants PEM, and `openssl x509 -inform der` makes that of DER",
        path.display()
    )]
    NoCertificate {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A certificate can't be read.
    #[error(
        "use a certificate in {}, given with {flag}; `openssl x509 -text -in` shows what is in it",
        path.display()
    )]
    Certificate {
        /// The flag that names its file.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// There is a client certificate, and no private key for it.
    #[error("find the client certificate's private key in {}; give its PEM file with --client-key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is encrypted.
    #[error(
        "use the private key in {}: it is encrypted; give --client-key a decrypted one, as `openssl pkey` writes it",
        path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is of an unknown kind, or damaged.
    #[error("use the private key in {}; --client-key takes RSA, ECDSA (P-256, P-384) and Ed25519", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The client certificate and the private key don't belong together.
    #[error(
        "use the private key in {} with the certificate in {}: they don't belong together; --client-cert wants the \
         client's own certificate first, and --client-key the key that it was made for",
        key.display(), certificate.display()
    )]
    KeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The bounds leave no version of TLS.
    #[error("agree on a version of TLS: --tls-min 1.3 is newer than --tls-max 1.2; raise the one or lower the other")]
    Versions,
}
