//! Certificates and keys from PEM files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::error::TlsError;
use crate::http::config::ClientCertificate;

const CA_CERT: &str = "--ca-cert";
const CLIENT_CERT: &str = "--client-cert";
const CLIENT_KEY: &str = "--client-key";

/// The certificates of authorities that are trusted beside the system's.
pub(super) fn authorities(paths: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut all = Vec::new();
    for path in paths {
        let certificates = certificates(CA_CERT, path)?;
        for certificate in &certificates {
            // Only to see whether it could be trusted: the system's verifier has a store of its own.
            RootCertStore::empty().add(certificate.clone()).map_err(|source| TlsError::Certificate {
                flag: CA_CERT,
                path: path.clone(),
                source,
            })?;
        }
        all.extend(certificates);
    }
    Ok(all)
}

/// The client's certificate with its key.
pub(super) fn client_certificate(
    files: &ClientCertificate,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = certificates(CLIENT_CERT, &files.certificate)?;
    let key = provider
        .key_provider
        .load_private_key(private_key(&files.key)?)
        .map_err(|source| TlsError::Key { path: files.key.clone(), source })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(TlsError::KeyMismatch { certificate: files.certificate.clone(), key: files.key.clone() })
        }
        Err(source) => Err(TlsError::Certificate { flag: CLIENT_CERT, path: files.certificate.clone(), source }),
    }
}

/// A file's certificates, in order; at least one.
fn certificates(flag: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(flag, path)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| malformed(flag, path, &error))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { flag, path: path.to_owned() });
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(CLIENT_KEY, path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        _ if has_encrypted_key(&bytes) => TlsError::EncryptedKey { path: path.to_owned() },
        pem::Error::NoItemsFound => TlsError::NoKey { path: path.to_owned() },
        error => malformed(CLIENT_KEY, path, &error),
    })
}

/// Whether a file has an encrypted key, in the form of PKCS #8 or the traditional one (RFC 1421).
fn has_encrypted_key(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || line.starts_with(b"Proc-Type: 4,ENCRYPTED")
    })
}

fn read(flag: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read { flag, path: path.to_owned(), source })
}

fn malformed(flag: &'static str, path: &Path, error: &pem::Error) -> TlsError {
    let reason = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section's first line is broken off",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "it is damaged",
    };
    TlsError::Malformed { flag, path: path.to_owned(), reason }
}
