//! What settings are refused before any load.

use std::error::Error as _;
use std::path::Path;

use super::*;
use crate::http::config::{ClientCertificate, TlsVersion};

/// The error with its sources, as it is shown to people.
fn refused(config: TlsConfig) -> String {
    let error = Tls::new(&Config { tls: config, ..Config::default() }).expect_err("invalid settings");
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn with_authority(path: PathBuf) -> TlsConfig {
    TlsConfig { ca_certificates: vec![path], ..TlsConfig::default() }
}

fn with_certificate(certificate: &Path, key: &Path) -> TlsConfig {
    let files = ClientCertificate { certificate: certificate.to_owned(), key: key.to_owned() };
    TlsConfig { client_certificate: Some(files), ..TlsConfig::default() }
}

#[test]
fn bounds_that_leave_no_version_are_refused() {
    let config = TlsConfig { min_version: TlsVersion::Tls13, max_version: TlsVersion::Tls12, ..TlsConfig::default() };
    assert_eq!(
        refused(config),
        "agree on a version of TLS: --tls-min 1.3 is newer than --tls-max 1.2; raise the one or lower the other"
    );
}

#[test]
fn files_of_authorities_are_read_even_if_they_are_not_needed() {
    let missing = TlsConfig { insecure: true, ..with_authority("/does/not/exist.pem".into()) };
    assert_eq!(
        refused(missing),
        "read /does/not/exist.pem, given with --ca-cert: No such file or directory (os error 2)"
    );
    let good = File::new(&Authority::new().0.pem());
    let bad = File::new("nothing here");
    let second = TlsConfig { ca_certificates: vec![good.path(), bad.path()], ..TlsConfig::default() };
    assert_eq!(
        refused(second),
        format!(
            "find a certificate in {}, given with --ca-cert; it wants PEM, and `openssl x509 -inform der` makes that \
             of DER",
            bad.0.display()
        )
    );
}

#[test]
fn damaged_pem_is_told_by_its_damage() {
    let cases = [
        ("-----BEGIN CERTIFICATE-----\nMIIB", "a section has no end"),
        ("-----BEGIN CERTIFICATE\nMIIB\n", "a section's first line is broken off"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "a section is not base64"),
    ];
    for (contents, what) in cases {
        let file = File::new(contents);
        let expected = format!(
            "read {}, given with --ca-cert: {what}; it wants PEM, with its -----BEGIN and -----END lines",
            file.0.display()
        );
        assert_eq!(refused(with_authority(file.path())), expected);
    }
}

#[test]
fn what_is_no_certificate_inside_is_refused() {
    let file = File::new("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    let path = file.0.display();
    let expected = |flag: &str| {
        format!(
            "use a certificate in {path}, given with {flag}; `openssl x509 -text -in` shows what is in it: \
             invalid peer certificate: BadEncoding"
        )
    };
    assert_eq!(refused(with_authority(file.path())), expected("--ca-cert"));
    let key = File::new(&KeyPair::generate().expect("a key").serialize_pem());
    assert_eq!(refused(with_certificate(&file.0, &key.0)), expected("--client-cert"));
}

#[test]
fn keys_are_taken_in_each_form_and_from_the_certificate_s_own_file() {
    let identity = Authority::new().issue(&["client"]);
    let pkcs8 = format!("{}{}", identity.certificate_pem, identity.key.serialize_pem());
    for contents in [pkcs8.as_str(), include_str!("rsa.pem"), include_str!("ec.pem")] {
        let file = File::new(contents);
        let config = with_certificate(&file.0, &file.0);
        let tls = Tls::new(&Config { tls: config, ..Config::default() });
        assert!(tls.is_ok(), "{tls:?}");
    }
}

#[test]
fn a_client_certificate_without_its_key_is_refused_with_what_to_do() {
    let identity = Authority::new().issue(&["client"]);
    let certificate = File::new(&identity.certificate_pem);
    assert_eq!(
        refused(with_certificate(&certificate.0, &certificate.0)),
        format!(
            "find the client certificate's private key in {}; give its PEM file with --client-key",
            certificate.0.display()
        )
    );
    assert_eq!(
        refused(with_certificate(&certificate.0, Path::new("/does/not/exist.pem"))),
        "read /does/not/exist.pem, given with --client-key: No such file or directory (os error 2)"
    );
    let key = File::new(&identity.key.serialize_pem());
    assert!(refused(with_certificate(&key.0, &key.0)).starts_with("find a certificate in "));
}

#[test]
fn encrypted_keys_are_named_as_such() {
    let certificate = File::new(&Authority::new().issue(&["client"]).certificate_pem);
    let pkcs8 = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let traditional = "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00\r\n\r\n\
                       MIIB\r\n-----END RSA PRIVATE KEY-----\r\n";
    for contents in [pkcs8, traditional] {
        let key = File::new(contents);
        assert_eq!(
            refused(with_certificate(&certificate.0, &key.0)),
            format!(
                "use the private key in {}: it is encrypted; give --client-key a decrypted one, as `openssl pkey` \
                 writes it",
                key.0.display()
            )
        );
    }
}

#[test]
fn keys_that_can_t_be_used_are_refused() {
    let certificate = File::new(&Authority::new().issue(&["client"]).certificate_pem);
    let key = File::new("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    let text = refused(with_certificate(&certificate.0, &key.0));
    let expected = format!(
        "use the private key in {}; --client-key takes RSA, ECDSA (P-256, P-384) and Ed25519: ",
        key.0.display()
    );
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let certificate = File::new(&authority.issue(&["client"]).certificate_pem);
    let key = File::new(&authority.issue(&["client"]).key.serialize_pem());
    assert_eq!(
        refused(with_certificate(&certificate.0, &key.0)),
        format!(
            "use the private key in {} with the certificate in {}: they don't belong together; --client-cert wants the \
             client's own certificate first, and --client-key the key that it was made for",
            key.0.display(),
            certificate.0.display()
        )
    );
}
