//! TLS with the meaning that libpq gives to sslmode: `require` verifies nothing, unless there is a file of roots;
//! `verify-ca` verifies by whom the certificate was issued; `verify-full` also whose it is. `allow` is `prefer`, which
//! verifies nothing and goes on without TLS where the server has none.
//!
//! Roots are those of sslrootcert, or ~/.postgresql/root.crt; `sslrootcert=system` are those of the operating system.
//! A certificate that is itself among the roots is trusted (one that a server has signed for itself). A certificate
//! without alternative names is that of its common name.

use super::parameters::Parameters;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;
use x509_cert::certificate::{Certificate, Version};
use x509_cert::der::asn1::{PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::oid::db::rfc4519::CN;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Where the system has its roots, as a file.
const OF_THE_SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

#[derive(Debug)]
pub struct Tls {
    pub mode: Mode,
    roots: Option<PathBuf>,
}

impl Tls {
    /// `home`: where .postgresql is looked for.
    pub fn of(parameters: &Parameters, home: Option<&Path>) -> Result<Self, String> {
        let system = parameters.get("sslrootcert") == Some("system");
        let mode = match parameters.get("sslmode") {
            None if system => Mode::VerifyFull,
            None | Some("prefer" | "allow") => Mode::Prefer,
            Some("disable") => Mode::Disable,
            Some("require") => Mode::Require,
            Some("verify-ca") => Mode::VerifyCa,
            Some("verify-full") => Mode::VerifyFull,
            Some(other) => {
                return Err(format!(
                    "sslmode is one of disable, allow, prefer, require, verify-ca and verify-full, not \"{other}\""
                ));
            }
        };
        if parameters.is_local() {
            return Ok(Self {
                mode: Mode::Disable,
                roots: None,
            });
        }
        if system && mode != Mode::VerifyFull {
            return Err("sslrootcert=system goes with sslmode=verify-full only: the roots of the system vouch for anybody".into());
        }
        let roots = match parameters.get("sslrootcert") {
            Some("system") => OF_THE_SYSTEM
                .iter()
                .map(PathBuf::from)
                .find(|path| path.exists()),
            Some(path) => Some(PathBuf::from(path)),
            None => home.map(|home| home.join(".postgresql/root.crt")),
        };
        let roots = roots.filter(|path| path.exists());
        if roots.is_none() && mode >= Mode::VerifyCa {
            return Err(format!(
                "sslmode={} needs the certificates of who issues the server's: give their file as sslrootcert=FILE",
                if mode == Mode::VerifyCa {
                    "verify-ca"
                } else {
                    "verify-full"
                }
            ));
        }
        let mode = if mode == Mode::Require && roots.is_some() {
            Mode::VerifyCa
        } else {
            mode
        };
        Ok(Self { mode, roots })
    }

    /// What the library calls it.
    pub fn sslmode(&self) -> &'static str {
        match self.mode {
            Mode::Disable => "disable",
            Mode::Prefer => "prefer",
            _ => "require",
        }
    }

    pub fn connector(
        &self,
        parameters: &Parameters,
        home: Option<&Path>,
    ) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(ring::default_provider());
        let mut verifier = Verifier {
            mode: self.mode,
            roots: RootCertStore::empty(),
            known: Vec::new(),
            provider: Arc::clone(&provider),
        };
        if self.mode >= Mode::VerifyCa
            && let Some(path) = &self.roots
        {
            verifier.known = certificates(path)?;
            verifier
                .roots
                .add_parsable_certificates(verifier.known.iter().cloned());
        }
        let config = ClientConfig::builder_with_provider(provider);
        let config = match parameters.get("ssl_min_protocol_version") {
            Some("TLSv1.3") => config.with_protocol_versions(&[&rustls::version::TLS13]),
            _ => config.with_safe_default_protocol_versions(),
        };
        let config = config
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match own(parameters, home)? {
            Some((chain, key)) => {
                let key = ring::default_provider().key_provider.load_private_key(key);
                let key = key.map_err(|error| {
                    format!("the client's key (sslkey) cannot be used: {error}")
                })?;
                // as it is, also in the first version of certificates, which the library does not read
                let certified = CertifiedKey::new(chain, key);
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
            }
            None => config.with_no_client_auth(),
        };
        config.enable_sni = parameters.get("sslsni") != Some("0");
        // what the server asks for where TLS begins at once; otherwise it is not looked at
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(|items| items.collect::<Result<Vec<_>, _>>())
        .map_err(|error| format!("{} cannot be read as certificates: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!("{} has no certificate in it", path.display()));
    }
    Ok(found)
}

type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The client's certificate with its key, where there is one.
fn own(parameters: &Parameters, home: Option<&Path>) -> Result<Option<Own>, String> {
    if parameters.get("sslcertmode") == Some("disable") {
        return Ok(None);
    }
    let place = |keyword: &str, name: &str| match parameters.get(keyword) {
        Some(path) => Some(PathBuf::from(path)),
        None => home.map(|home| home.join(".postgresql").join(name)),
    };
    let (Some(certificate), Some(key)) = (
        place("sslcert", "postgresql.crt"),
        place("sslkey", "postgresql.key"),
    ) else {
        return Ok(None);
    };
    if !certificate.exists() && !parameters.has("sslcert") {
        return Ok(None);
    }
    let metadata = std::fs::metadata(&key)
        .map_err(|error| format!("the key {} (sslkey): {error}", key.display()))?;
    // as libpq: nobody else may read it, but for a group where root owns it
    let others = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & others != 0 {
        return Err(format!(
            "the key {0} (sslkey) may be read by others: chmod 600 {0}",
            key.display()
        ));
    }
    let read = PrivateKeyDer::from_pem_file(&key).map_err(|error| {
        format!(
            "the key {} (sslkey) cannot be read: {error} (it has no passphrase)",
            key.display()
        )
    })?;
    Ok(Some((certificates(&certificate)?, read)))
}

#[derive(Debug)]
struct Verifier {
    mode: Mode,
    roots: RootCertStore,
    /// The same, as they are in the file.
    known: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Whether one of the roots has signed a certificate of the first version, which has no extensions, and which the
    /// library does not read: what `openssl x509 -req` makes, and PostgreSQL's documentation shows.
    fn is_issued_plainly(&self, certificate: &Certificate) -> bool {
        let signed = &certificate.tbs_certificate;
        if signed.version != Version::V1 || certificate.signature_algorithm != signed.signature {
            return false;
        }
        let (Ok(message), Some(signature)) = (signed.to_der(), certificate.signature.as_bytes())
        else {
            return false;
        };
        let roots = self
            .known
            .iter()
            .filter_map(|known| Certificate::from_der(known).ok());
        roots
            .filter(|root| root.tbs_certificate.subject == signed.issuer)
            .any(|root| {
                let info = &root.tbs_certificate.subject_public_key_info;
                let Some(key) = info.subject_public_key.as_bytes() else {
                    return false;
                };
                let algorithms = self.provider.signature_verification_algorithms.all.iter();
                algorithms
                    .filter(|algorithm| {
                        is_same(&info.algorithm, algorithm.public_key_alg_id().as_ref())
                            && is_same(&signed.signature, algorithm.signature_alg_id().as_ref())
                    })
                    .any(|algorithm| algorithm.verify_signature(key, &message, signature).is_ok())
            })
    }
}

/// Whether these are the contents of that identifier of an algorithm.
fn is_same(one: &impl Encode, contents: &[u8]) -> bool {
    // both are short: the tag and one byte of length stand before the contents
    one.to_der()
        .is_ok_and(|whole| whole.get(2..) == Some(contents))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.mode < Mode::VerifyCa {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed =
            Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        if self.known.iter().any(|known| known == certificate) || self.is_issued_plainly(&parsed) {
            let validity = parsed.tbs_certificate.validity;
            let now = now.as_secs();
            if now < validity.not_before.to_unix_duration().as_secs() {
                return Err(CertificateError::NotValidYet.into());
            }
            if now > validity.not_after.to_unix_duration().as_secs() {
                return Err(CertificateError::Expired.into());
            }
        } else if parsed.tbs_certificate.version == Version::V1 {
            return Err(CertificateError::UnknownIssuer.into());
        } else {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(certificate)?,
                &self.roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        if self.mode == Mode::VerifyFull {
            match parsed.tbs_certificate.get::<SubjectAltName>() {
                Ok(Some(_)) => {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?
                }
                Ok(None)
                    if common_name(&parsed).is_some_and(|common| fits(&common, &name.to_str())) => {
                }
                Ok(None) => return Err(CertificateError::NotValidForName.into()),
                Err(_) => return Err(CertificateError::BadEncoding.into()),
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // who verifies nothing cannot tell whose key it is either
        if self.mode < Mode::VerifyCa {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.mode < Mode::VerifyCa {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        if let Ok(parsed) = Certificate::from_der(certificate)
            && parsed.tbs_certificate.version == Version::V1
            && let Ok(key) = parsed.tbs_certificate.subject_public_key_info.to_der()
        {
            let key = SubjectPublicKeyInfoDer::from(key);
            return verify_tls13_signature_with_raw_key(message, &key, signed, algorithms);
        }
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn common_name(certificate: &Certificate) -> Option<String> {
    let names = certificate.tbs_certificate.subject.0.iter();
    let mut names = names.flat_map(|name| name.0.iter());
    let value = &names.find(|part| part.oid == CN)?.value;
    let text = Utf8StringRef::try_from(value)
        .map(|text| text.to_string())
        .or_else(|_| PrintableStringRef::try_from(value).map(|text| text.to_string()))
        .or_else(|_| TeletexStringRef::try_from(value).map(|text| text.to_string()));
    text.ok()
}

/// As libpq: * stands for the first part of a name, and for nothing with a dot in it.
fn fits(pattern: &str, name: &str) -> bool {
    if pattern.eq_ignore_ascii_case(name) {
        return true;
    }
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    match (pattern.strip_prefix("*."), name.split_once('.')) {
        (Some(rest), Some((first, others))) => {
            !is_address
                && !first.is_empty()
                && rest.contains('.')
                && rest.eq_ignore_ascii_case(others)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_names() {
        assert!(
            fits("db.example.org", "DB.example.org") && fits("*.example.org", "db.example.org")
        );
        for (pattern, name) in [
            ("*.example.org", "a.b.example.org"),
            ("*.org", "example.org"),
            ("*.0.0.1", "10.0.0.1"),
            ("db", "db2"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn modes() {
        let home = std::env::temp_dir().join(format!("dts_migrate_tls_{}", std::process::id()));
        std::fs::create_dir_all(home.join(".postgresql")).expect("a directory");
        let mode = |keywords: &[(&str, &str)]| {
            let mut parameters = Parameters::default();
            for (keyword, value) in keywords {
                parameters.set(keyword, *value);
            }
            Tls::of(&parameters, Some(&home)).map(|tls| tls.mode)
        };
        let host = ("host", "h");
        assert_eq!(mode(&[host]), Ok(Mode::Prefer));
        assert_eq!(mode(&[host, ("sslmode", "allow")]), Ok(Mode::Prefer));
        assert_eq!(mode(&[host, ("sslmode", "require")]), Ok(Mode::Require));
        assert_eq!(
            mode(&[("host", "/tmp"), ("sslmode", "require")]),
            Ok(Mode::Disable)
        );
        assert!(
            mode(&[host, ("sslmode", "verify-ca")])
                .is_err_and(|why| why.contains("sslrootcert=FILE"))
        );
        assert!(mode(&[host, ("sslmode", "never")]).is_err());
        assert!(mode(&[host, ("sslmode", "require"), ("sslrootcert", "system")]).is_err());
        std::fs::write(home.join(".postgresql/root.crt"), "").expect("a file");
        assert_eq!(mode(&[host]), Ok(Mode::Prefer));
        assert_eq!(mode(&[host, ("sslmode", "require")]), Ok(Mode::VerifyCa));
        assert_eq!(
            mode(&[host, ("sslmode", "verify-full")]),
            Ok(Mode::VerifyFull)
        );
        std::fs::remove_dir_all(&home).expect("the directory");
    }
}
